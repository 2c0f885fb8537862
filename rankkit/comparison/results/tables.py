r"""The tables of a comparison, as Markdown, LaTeX, JSON and Parquet.

Files of ``DIR/results``::

    table.md         for each metric the table and the matrix of all pairs; conventions; audit; trials of a search
    table.tex        the table of each metric, for LaTeX with booktabs
    results.json     the same numbers unrounded, with the plan
    systems.parquet  a row for each metric and system
    pairs.parquet    a row for each metric and ordered pair of systems: delta, effect size, p, corrected p, win/tie/loss
    per_query.parquet  a row for each test query (of encoders: for each test example, an anchor): split, qid,
                     list_size, n_relevant, n_label_... or class, and a column "<metric> <system>" with the mean over
                     the seeds
    cost.md, cost.parquet  what each system cost; the only files that differ when the same is run again
"""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankkit.comparison.results.searched import trial_head, trial_rows
from rankkit.comparison.results.standings import MetricStandings, Standing
from rankkit.files.atomic import write_text
from rankkit.files.records import write_json, write_parquet

if TYPE_CHECKING:
    import pandas as pd

    from rankkit.comparison.results.results import Results

_TESTS = {"paired-t": "paired t test", "randomization": "paired randomization test"}
_EMPTY = {"zero": "count as 0", "one": "count as 1", "skip": "are left out", "error": "are an error"}
_INTERVALS = {"bca": "BCa", "percentile": "percentile"}


def write_tables(results: "Results", folder: Path) -> None:
    """Write all files of a results folder, each whole or not at all."""
    write_text(folder / "table.md", markdown(results))
    write_text(folder / "table.tex", latex(results))
    write_json(folder / "results.json", to_dict(results))
    write_parquet(folder / "systems.parquet", systems_frame(results))
    write_parquet(folder / "pairs.parquet", pairs_frame(results))
    write_parquet(folder / "per_query.parquet", per_query_frame(results))
    write_text(folder / "cost.md", cost_markdown(results))
    write_parquet(folder / "cost.parquet", results.cost())


def markdown(results: "Results") -> str:
    """All tables as one Markdown text."""
    parts = ["# Comparison", "\n".join(how_to_read(results, bullet="- ")), "\n".join(audit_lines(results, bullet="- "))]
    for metric in results.metrics:
        parts += [
            f"## {metric}",
            _aligned(*main_table(results, metric), n_text=1),
            _matrix(results, results.standings[metric]),
        ]
    trials = trial_rows(results)
    if trials:
        parts += ["## Trials", _aligned(trial_head(results), trials, n_text=2)]
    return "\n\n".join(parts) + "\n"


def cost_markdown(results: "Results") -> str:
    """What each system cost, as Markdown."""
    columns = cost_columns(results)
    rows = [
        [row["system"], *(number(row[name], digits) for name, (_, digits) in columns.items())]
        for row in results.cost().to_dict("records")
    ]
    head = ["system", *(head for head, _ in columns.values())]
    note = (
        f"Means over runs; {results.words.of_cost}peak memory (libraries and data included) and p99 are the "
        f"greatest. p50 and p99: {results.words.timing}, {results.plan.threads} thread(s)."
    )
    return f"{_aligned(head, rows, n_text=1)}\n\n{note}\n"


def cost_columns(results: "Results") -> dict[str, tuple[str, int]]:
    """The columns of the table of costs, by those of :meth:`Results.cost`: head and digits after the point."""
    words = results.words
    return {
        "runs": ("runs", 0), "n_parameters": ("parameters", 0), "seconds": ("s", 1), "step_seconds": (words.step, 3),
        words.rate: (words.rate_head, 0), "peak_memory_mib": ("peak MiB", 0), f"{words.timed}_p50_ms": ("p50 ms", 3),
        f"{words.timed}_p99_ms": ("p99 ms", 3),
    }  # fmt: skip


def latex(results: "Results") -> str:
    """The table of each metric for LaTeX, with booktabs: the best mean in bold, letters raised."""
    tables = []
    for metric in results.metrics:
        best = max(row.mean for row in results.standings[metric].rows)
        lines = [
            r"\begin{tabular}{lrrrrrr}",
            r"\toprule",
            rf"System & {_tex(metric)} & 95\% interval & seed sd & $\Delta$ & $d_z$ & $p$ \\",
            r"\midrule",
        ]
        for row in results.standings[metric].rows:
            mean = rf"\textbf{{{row.mean:.4f}}}" if row.mean == best else f"{row.mean:.4f}"
            interval = f"[{row.low:.4f}, {row.high:.4f}]"
            cells = [_tex(row.system), f"{mean}$^{{{row.letters}}}$", interval, number(row.seed_deviation, 4, "--")]
            cells += [signed(row.delta, 4, "--"), signed(row.effect_size, 2, "--"), p_value(row.p_corrected, "--")]
            lines.append(" & ".join(cells).replace("<", "$<$") + r" \\")
        tables.append("\n".join([*lines, r"\bottomrule", r"\end{tabular}"]))
    notes = "\n".join(f"% {line}" for line in how_to_read(results))
    return "\n\n".join([notes, *tables]) + "\n"


def to_dict(results: "Results") -> dict[str, Any]:
    """Everything in the tables as JSON values, unrounded."""
    return {
        "plan": results.plan.to_dict(),
        "splits": {split: results.about(split) for split in results.splits},
        "protocol": results.protocol,
        "convention": results.convention,
        "metrics": {
            metric: {
                "n_queries": standings.n_queries,
                "systems": [finite_values(asdict(row)) for row in standings.rows],
                "pairs": {
                    "systems": list(standings.systems),
                    "delta": finite_values(standings.deltas.tolist()),
                    "effect_size": finite_values(standings.effect_sizes.tolist()),
                    "p": standings.p.tolist(),
                    "p_corrected": standings.p_corrected.tolist(),
                    "win_tie_loss": [[[c.wins, c.ties, c.losses] for c in row] for row in standings.win_tie_loss],
                },
            }
            for metric, standings in results.standings.items()
        },
        "audit": [asdict(finding) for finding in results.audit],
        "errors": results.errors,
        "chosen": {
            run.spec.id: {"options": run.spec.options, "valid": run.outcome["valid"], **run.outcome["chosen"]}
            for run in results.runs
        },
    }


def systems_frame(results: "Results") -> "pd.DataFrame":
    """A row for each metric and system."""
    import pandas as pd

    rows = []
    for metric, standings in results.standings.items():
        for row in standings.rows:
            values = asdict(row)
            counts = values.pop("win_tie_loss") or {"wins": None, "ties": None, "losses": None, "epsilon": None}
            rows.append({"metric": metric, **values, **counts})
    frame = pd.DataFrame(rows)
    numbers = ["seed_deviation", "delta", "effect_size", "p", "p_corrected", "wins", "ties", "losses", "epsilon"]
    return frame.astype(dict.fromkeys(numbers, "float64"))


def pairs_frame(results: "Results") -> "pd.DataFrame":
    """A row for each metric and ordered pair of systems."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for metric, standings in results.standings.items():
        for i, system in enumerate(standings.systems):
            for j, other in enumerate(standings.systems):
                if i == j:
                    continue
                counts = standings.win_tie_loss[i][j]
                rows.append(
                    {
                        "metric": metric, "system": system, "other": other, "delta": standings.deltas[i, j],
                        "effect_size": standings.effect_sizes[i, j], "p": standings.p[i, j],
                        "p_corrected": standings.p_corrected[i, j],
                        "wins": counts.wins, "ties": counts.ties, "losses": counts.losses,
                    }
                )  # fmt: skip
    names = ["metric", "system", "other", "delta", "effect_size", "p", "p_corrected", "wins", "ties", "losses"]
    return pd.DataFrame(rows, columns=names)


def per_query_frame(results: "Results") -> "pd.DataFrame":
    """A row for each test query: what it is, and each metric of each system."""
    import pandas as pd

    columns = [values.add_prefix(f"{metric} ") for metric, values in results.values.items()]
    return pd.concat([results.queries, *columns], axis=1)


def main_table(results: "Results", metric: str) -> tuple[list[str], list[list[str]]]:
    """The head and the rows of the table of a metric, from best to worst."""
    standings = results.standings[metric]
    correction = results.plan.significance.correction
    p_name = "p" if correction == "none" else f"p ({correction})"
    head = ["system", metric, "95% interval", "seed sd", "letters", "delta", "effect", p_name, "win/tie/loss"]
    return head, [_cells(row, results.plan.baseline) for row in standings.rows]


def _cells(row: Standing, baseline: str) -> list[str]:
    cells = [row.system, f"{row.mean:.4f}", f"[{row.low:.4f}, {row.high:.4f}]", number(row.seed_deviation, 4, "")]
    cells += [row.letters, signed(row.delta, 4, ""), signed(row.effect_size, 2, ""), p_value(row.p_corrected, "")]
    if row.system == baseline:
        cells[5] = "baseline"
    return [*cells, "" if row.win_tie_loss is None else str(row.win_tie_loss)]


def _matrix(results: "Results", standings: MetricStandings) -> str:
    """Raw p above the diagonal, corrected below, systems from best to worst."""
    rank = [standings.systems.index(row.system) for row in standings.rows]
    numbers = [str(place) for place in range(1, len(rank) + 1)]
    rows = []
    for place, i in enumerate(rank):
        cells = [f"{numbers[place]} {standings.systems[i]}"]
        for other, j in enumerate(rank):
            p = standings.p if other > place else standings.p_corrected
            cells.append("" if other == place else p_value(float(p[i, j]), ""))
        rows.append(cells)
    correction = results.plan.significance.correction
    below = "the same" if correction == "none" else f"corrected ({correction}, {standings.n_pairs} pairs)"
    return f"p of every pair: above the diagonal as it is, below {below}.\n\n{_aligned(['', *numbers], rows, n_text=1)}"


def how_to_read(results: "Results", bullet: str = "") -> list[str]:
    """How the numbers came about: what a reviewer asks first."""
    plan, rules, words = results.plan, results.plan.significance, results.words
    main = results.standings[results.metrics[0]]
    n_others = len(results.systems) - (plan.baseline in results.systems)
    correction = "not corrected" if rules.correction == "none" else f"{rules.correction.capitalize()} correction"
    kind = "" if rules.test == "paired-t" else f" ({rules.n_resamples:,} resamples, seed {rules.seed})"
    lines = [
        f"{results.convention}; {_empty(results)}.",
        f"{main.n_queries:,} test {words.queries}"
        + ("" if len(results.splits) == 1 else f", those of {len(results.splits)} splits pooled")
        + (
            "."
            if all(len(results.seeds(system)) == 1 for system in results.systems)
            else f"; the value of {words.a_query} is its mean over {len(plan.seeds)} seeds, "
            "whose means have the standard deviation 'seed sd'."
        ),
        f"Interval: {_INTERVALS[rules.interval]} bootstrap over {words.queries}, {rules.n_resamples:,} resamples, "
        f"seed {rules.seed}.",
        f"Letters: systems that share one do not differ at {rules.alpha:g}, {_TESTS[rules.test]}{kind}, two-sided, "
        f"{correction} over all {main.n_pairs} pairs of a metric.",
        f"Delta, effect (standardised mean difference of paired values), p and win/tie/loss (ties: up to "
        f"{rules.epsilon:g}) are against {plan.baseline}; {correction} over these {n_others} comparisons of a metric.",
        f"Data: {', '.join(f'{split} {_short(results, split)}' for split in results.splits)}.",
    ]
    if results.words.caution:
        lines.append(results.words.caution)
    if results.errors:
        lines.append(f"{len(results.errors)} run(s) without an outcome:")
        lines += [f"  {run}: {error}" for run, error in results.errors.items()]
    return [f"{bullet}{line}" for line in lines]


def _empty(results: "Results") -> str:
    words = results.words
    if not results.n_empty:
        return words.answered
    return f"{results.n_empty:,} {words.unanswered} {_EMPTY[results.protocol['empty']]}"


def audit_lines(results: "Results", bullet: str = "") -> list[str]:
    """What the audit found, under whether it passed."""
    from rankkit.comparison.results.audit import is_fair

    verdict = "passed" if is_fair(results.audit) else "FAILED: read what follows before any number above or below"
    return [f"Fairness audit {verdict}", "", *(f"{bullet}{finding}" for finding in results.audit)]


def _short(results: "Results", split: str) -> str:
    about, (count, counted) = results.about(split), next(iter(results.words.counts.items()))
    sizes = " / ".join(f"{about['parts'][part][count]:,}" for part in ("train", "valid", "test"))
    return f"{sizes} {counted} (test data {about['fingerprints']['test'][:8]})"


def _aligned(head: Sequence[str], rows: Sequence[Sequence[str]], n_text: int) -> str:
    """A Markdown table whose source is a table to the eye too; the first columns are text, the others numbers."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    rule = ["-" * w if i < n_text else "-" * (max(w, 2) - 1) + ":" for i, w in enumerate(widths)]
    lines = [
        "| "
        + " | ".join(
            f"{c:<{w}}" if i < n_text else f"{c:>{w}}" for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in [head, rule, *rows]
    ]
    return "\n".join(lines)


def number(value: float | None, digits: int, missing: str = "") -> str:
    """A number with that many digits after the point."""
    return missing if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def signed(value: float | None, digits: int, missing: str) -> str:
    """The same with its sign."""
    return missing if value is None or math.isnan(value) else f"{value:+.{digits}f}"


def p_value(value: float | None, missing: str) -> str:
    """A p value; those too small for four digits as such."""
    if value is None:
        return missing
    return "<.0001" if value < 1e-4 else f"{value:.4f}"


def _tex(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "_%&#$" else letter for letter in text)


def finite_values(value: Any) -> Any:
    """JSON has no infinity and no NaN: the text and nothing stand for them."""
    if isinstance(value, dict):
        return {name: finite_values(part) for name, part in value.items()}
    if isinstance(value, list):
        return [finite_values(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
