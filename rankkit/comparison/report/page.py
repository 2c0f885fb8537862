"""The report as a page: header, audit, tables, figures."""

import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankkit.comparison.report.classes import class_table
from rankkit.comparison.report.curves import training_curves
from rankkit.comparison.report.figures import N_COLORS, dashes
from rankkit.comparison.report.groups import delta_chart, group_charts
from rankkit.comparison.report.scores import score_cards, tie_table
from rankkit.comparison.report.users import of_lists, one_user, seen_and_not
from rankkit.comparison.report.worst import worst_queries
from rankkit.comparison.results.searched import chosen_of, options_of, trial_head, trial_rows
from rankkit.comparison.results.tables import cost_columns, how_to_read, number, p_value, signed
from rankkit.comparison.results.verdict import best_and_equals, verdict
from rankkit.files.atomic import write_text
from rankkit.files.records import read_json

if TYPE_CHECKING:
    from rankkit.comparison.results.results import Results
    from rankkit.comparison.results.standings import MetricStandings, Standing


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its words, and by what it is sorted ("" comes last)."""

    words: str
    value: str = ""


@dataclass(frozen=True)
class Interval:
    """Mean and bounds in percent of the width of the column, which holds :func:`scale_of`."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True)
class Row:
    """A system in a table; its interval is None where it lies below what the column can hold."""

    name: str
    cells: Sequence[Cell]
    interval: Interval | None = None
    is_baseline: bool = False


@dataclass(frozen=True)
class PCell:
    """A p value, and whether it is significant; None where a system meets itself."""

    words: str
    is_significant: bool


@dataclass(frozen=True)
class MetricTables:
    """Main table and matrix of a metric."""

    metric: str
    head: Sequence[str]
    rows: Sequence[Row]
    matrix: Sequence[tuple[str, Sequence[PCell | None]]]
    n_pairs: int


def write_report(results: "Results", path: Path) -> None:
    """Write the report of a comparison as one HTML page, which loads nothing from elsewhere.

    Args:
        results: Of the comparison.
        path: Where to write; an existing file is replaced as a whole.
    """
    import jinja2

    from rankkit.comparison.results.audit import is_fair

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = resources.files("rankkit.comparison.report").joinpath("page.html").read_text(encoding="utf-8")
    systems = shown_systems(results)
    deltas = delta_chart(results, systems)
    has_docs, has_classes = results.has_docs, "class" in results.queries
    page = environment.from_string(template).render(
        title="Comparison of " + ("1 system" if len(results.systems) == 1 else f"{len(results.systems)} systems"),
        verdict=_verdict(results),
        is_fair=is_fair(results.audit),
        findings=results.audit,
        errors=results.errors,
        about=_about(results),
        plan=json.dumps(results.plan.to_dict(), indent=1, ensure_ascii=False),
        notes=how_to_read(results)[: -1 - len(results.errors) if results.errors else None],
        metrics=[_metric_tables(results, standings) for standings in results.standings.values()],
        systems=[(place, name, dashes(place) == "--") for place, name in enumerate(systems)],
        n_hidden=len(results.systems) - len(systems),
        deltas=[deltas] if deltas else [],
        groups=group_charts(results, systems),
        words=results.words,
        worst=worst_queries(results, systems) if has_docs else None,
        classes=class_table(results, systems) if has_classes else None,
        seen=seen_and_not(results),
        lists=of_lists(results),
        features=results.plan.rules.features,
        user=one_user(results, systems),
        curves=training_curves(results, systems),
        cost=_cost_rows(results),
        cost_head=["system", *(head for head, _ in cost_columns(results).values())],
        threads=results.plan.threads,
        cards=score_cards(results, systems) if has_docs else [],
        ties=tie_table(results) if has_docs else None,
        runs=_run_rows(results),
        trials=trial_rows(results),
        trial_head=trial_head(results),
    )
    write_text(path, page)


def shown_systems(results: "Results") -> list[str]:
    """The systems that figures show, the best first: as many as have colours, the baseline among them."""
    ranked = [row.system for row in results.standings[results.metrics[0]].rows]
    shown = ranked[:N_COLORS]
    baseline = results.plan.baseline
    if baseline in ranked and baseline not in shown:
        shown[-1] = baseline
    return shown


def _verdict(results: "Results") -> list[str]:
    """What a reader takes away, and which of the best is the fastest."""
    lines, best = verdict(results), best_and_equals(results)
    if len(best) == 1:
        return lines
    words = results.words
    latency = {row["system"]: row[f"{words.timed}_p50_ms"] for row in results.cost().to_dict("records")}
    fastest = min(best, key=lambda row: latency[row.system]).system
    lines.append(f"Of these, {fastest} {words.fastest}: {latency[fastest]:.3g} ms (median) for 100 {words.documents}.")
    return lines


def _about(results: "Results") -> dict[str, Any]:
    """The header: protocol, data, versions, machine, command."""
    environments = [run.environment for run in results.runs]
    versions: dict[str, list[str]] = {}
    for environment in environments:
        for name, version in environment["versions"].items():
            if version not in versions.setdefault(name, []):
                versions[name].append(version)
    machines = {
        f"{environment['processor']}, {environment['cores']} cores, {environment['system']}"
        + (f", {environment['cuda']}" if environment["cuda"] else "")
        for environment in environments
    }
    source = results.plan.to_dict()["source"]
    return {
        "versions": {name: ", ".join(found) for name, found in versions.items()},
        "machines": sorted(machines),
        "commands": _commands(results.folder),
        "source": {name: value for name, value in source.items() if value is not None and name != "reading"},
        "splits": [results.about(split) for split in results.splits],
        "seeds": ", ".join(map(str, results.plan.seeds)),
    }


def _commands(folder: Path) -> list[str]:
    """What was typed, first and to go on."""
    path = folder / "commands.json"
    lines = []
    for program, *words in read_json(path) if path.is_file() else []:
        name = Path(program).name
        lines.append(shlex.join(["rankkit" if name == "__main__.py" else name, *words]))
    return list(dict.fromkeys(lines)) or ["unknown"]


def _metric_tables(results: "Results", standings: "MetricStandings") -> MetricTables:
    rules = results.plan.significance
    p_name = "p" if rules.correction == "none" else f"p ({rules.correction})"
    head = ("system", standings.metric, "95% interval", "seed sd", "letters", "delta", "effect", p_name, "win/tie/loss")
    lowest, highest = scale_of(standings.rows)
    span = highest - lowest or 1.0
    rows = []
    for row in standings.rows:
        shares = (round(100 * (value - lowest) / span, 2) for value in (row.low, row.mean, row.high))
        interval = Interval(*shares) if row.low >= lowest else None
        is_baseline = row.system == results.plan.baseline
        rows.append(Row(row.system, _cells(row, is_baseline), interval, is_baseline))
    rank = [standings.systems.index(row.system) for row in standings.rows]
    matrix = []
    for place, i in enumerate(rank):
        cells: list[PCell | None] = []
        for other, j in enumerate(rank):
            p = float((standings.p if other > place else standings.p_corrected)[i, j])
            cells.append(None if other == place else PCell(p_value(p, ""), p <= rules.alpha))
        matrix.append((standings.systems[i], cells))
    return MetricTables(standings.metric, head, rows, matrix, standings.n_pairs)


def scale_of(rows: "Sequence[Standing]") -> tuple[float, float]:
    """The range of values in which intervals are drawn.

    From the best system down, until one lies further below those before it than they span: random order would press
    all others into one point.
    """
    lowest, highest = rows[0].low, max(row.high for row in rows)
    for row in rows[1:]:
        if lowest - row.low > highest - lowest:
            break
        lowest = min(lowest, row.low)
    return lowest, highest


def _cells(row: "Standing", is_baseline: bool) -> list[Cell]:
    wins = row.win_tie_loss
    return [
        Cell(f"{row.mean:.4f}", repr(row.mean)),
        Cell(f"[{row.low:.4f}, {row.high:.4f}]", repr(row.low)),
        _cell(row.seed_deviation, number(row.seed_deviation, 4)),
        Cell(row.letters, row.letters),
        _cell(row.delta, "baseline" if is_baseline else signed(row.delta, 4, "")),
        _cell(row.effect_size, signed(row.effect_size, 2, "")),
        _cell(row.p_corrected, p_value(row.p_corrected, "")),
        Cell("", "") if wins is None else Cell(str(wins), str(wins.wins - wins.losses)),
    ]


def _cell(value: float | None, words: str) -> Cell:
    return Cell(words, "" if value is None or math.isnan(value) else repr(float(value)))


def _cost_rows(results: "Results") -> list[Row]:
    columns = cost_columns(results)
    return [
        Row(row["system"], [_cell(row[name], number(row[name], digits)) for name, (_, digits) in columns.items()])
        for row in results.cost().to_dict("records")
    ]


def _run_rows(results: "Results") -> list[list[str]]:
    """Each run with what its search and its validation data chose."""
    metric = results.metrics[0]
    return [
        [
            run.spec.system.name, run.spec.split, str(run.spec.seed), options_of(run), chosen_of(run),
            number(run.outcome["valid"], 4, "\u2013"), number(run.outcome["test"][metric], 4, "\u2013"),
        ]
        for run in results.runs
    ]  # fmt: skip
