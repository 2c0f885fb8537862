"""What the scores of each system look like: by label, how often tied, whether they predict the label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rankkit import registry
from rankkit.comparison.report.figures import Chart, color, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rankkit.comparison.plan import System
    from rankkit.comparison.results.outcomes import RunResult
    from rankkit.comparison.results.results import Results

Floats = NDArray[np.float64]
_WIDTH, _HEIGHT = 250, 165
_MAX_LABELS, _LABEL_GROUPS = 8, 5
_PARTS = 10
# Trained to give the label itself, so that a score can be held against it; a readout of grades is such a score too.
_PREDICTS_LABEL = {"mse"}
_QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]


@dataclass(frozen=True)
class SystemCard:
    """The small charts of one system: scores by label, label by score, and the training loss where there is one."""

    place: int
    name: str
    charts: list[Chart]


def score_cards(results: "Results", systems: Sequence[str]) -> list[SystemCard]:
    """A card for each system, of its run with the first seed on the first split."""
    plans = {system.name: system for system in results.plan.systems}
    labels = results.docs(results.splits[0])["label"].to_numpy(np.float64)
    names, codes = groups_of_labels(labels)
    cards = []
    for place, name in enumerate(systems):
        run = _first_run(results, name)
        scores = run.scores().astype(np.float64)
        kept = np.isfinite(scores)
        if not kept.any():
            continue
        charts = [
            _box_chart(place, scores[kept], codes[kept], names),
            _calibration_chart(place, scores[kept], labels[kept], predicts_label(plans[name])),
        ]
        loss = _loss_chart(place, run)
        cards.append(SystemCard(place, name, [*charts, *([loss] if loss else [])]))
    return cards


def tie_table(results: "Results") -> tuple[list[str], list[list[str]]]:
    """Ties of every system, and its calibration where its score predicts the label."""
    plans = {system.name: system for system in results.plan.systems}
    rows = []
    for name in results.systems:
        runs = [run for run in results.runs_of(name) if run.spec.seed == results.seeds(name)[0]]
        tied, n_docs = 0, 0
        for run in runs:
            scores = run.scores()
            tied += count_tied(scores, _query_of_doc(results, run.spec.split))
            n_docs += len(scores)
        counts = [run.outcome for run in results.runs_of(name)]
        harmful = sum(count["n_tied"] for count in counts) / sum(count["n_queries"] for count in counts)
        error = "\u2013"
        if predicts_label(plans[name]):
            labels = results.docs(runs[0].spec.split)["label"].to_numpy(np.float64)
            error = f"{calibration_error(runs[0].scores().astype(np.float64), labels):.4f}"
        rows.append([name, f"{tied / n_docs:.2%}", f"{harmful:.2%}", error])
    return ["system", "documents with a tied score", "queries with ties between labels", "calibration error"], rows


def predicts_label(system: "System") -> bool:
    """Whether the score of a system is on the scale of the labels."""
    if system.objective is None:
        return False
    function = registry.find("objective", system.objective.name)
    return system.objective.name in _PREDICTS_LABEL or getattr(function, "readout", None) == "expected_grade"


def calibration(scores: Floats, labels: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Mean score, mean label and number of documents of ten parts of about equal size, by score.

    Documents of one score stay together, so a system with few different scores has fewer parts.
    """
    _, place, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(sizes) - (sizes + 1) / 2  # of the ranks, from 0, of a score
    parts = np.floor(_PARTS * middle / len(scores))
    _, codes = np.unique(parts[place], return_inverse=True)
    counts = np.bincount(codes)
    return np.bincount(codes, scores) / counts, np.bincount(codes, labels) / counts, counts


def calibration_error(scores: Floats, labels: Floats) -> float:
    """Mean distance of mean score and mean label over the parts, weighted by documents."""
    score, label, counts = calibration(scores, labels)
    return float(np.average(np.abs(score - label), weights=counts))


def _first_run(results: "Results", system: str) -> "RunResult":
    seed = results.seeds(system)[0]
    return next(run for run in results.runs_of(system) if run.spec.split == results.splits[0] and run.spec.seed == seed)


def _query_of_doc(results: "Results", split: str) -> NDArray[np.int64]:
    queries = results.all_queries
    sizes = queries.loc[queries["split"] == split, "list_size"].to_numpy(np.int64)
    return np.repeat(np.arange(len(sizes)), sizes)


def count_tied(scores: NDArray[np.float32], query_of_doc: NDArray[np.int64]) -> int:
    """Documents that share their score with another one of their query."""
    order = np.lexsort((scores, query_of_doc))
    scores, queries = scores[order], query_of_doc[order]
    same = (scores[1:] == scores[:-1]) & (queries[1:] == queries[:-1])
    return int((np.append(same, False) | np.append(False, same)).sum())


def groups_of_labels(labels: Floats) -> tuple[list[str], NDArray[np.int64]]:
    """Names of groups, each of one label or, of many labels, of a range; and the group of each document."""
    distinct = np.unique(labels)
    if len(distinct) <= _MAX_LABELS:
        return [f"{label:g}" for label in distinct], np.searchsorted(distinct, labels)
    edges = np.unique(np.quantile(labels, np.linspace(0, 1, _LABEL_GROUPS + 1)[1:-1]))
    codes = np.searchsorted(edges, labels, side="right")
    found, codes = np.unique(codes, return_inverse=True)
    return [
        f"{labels[codes == code].min():.3g} to {labels[codes == code].max():.3g}" for code in range(len(found))
    ], codes


def _box_chart(place: int, scores: Floats, codes: NDArray[np.int64], names: list[str]) -> Chart:
    present = [code for code in range(len(names)) if (codes == code).any()]
    keys = ("whislo", "q1", "med", "q3", "whishi")
    boxes: list[dict[str, Any]] = [
        {**dict(zip(keys, np.quantile(scores[codes == code], _QUANTILES), strict=True)), "fliers": []}
        for code in present
    ]
    line = {"color": color(place), "linewidth": 1.3}

    def onto(axes: "Axes") -> None:
        axes.bxp(
            boxes, positions=present, widths=0.6, showfliers=False,
            boxprops=line, medianprops={**line, "linewidth": 2.4}, whiskerprops=line, capprops=line,
        )  # fmt: skip
        axes.set_xticks(present, [names[code] for code in present])
        axes.set_xlabel("label")
        axes.set_ylabel("score")

    svg = draw(f"box-{place}", "Scores by label", onto, width=_WIDTH, height=_HEIGHT)
    return Chart("Scores by label", "", svg)


def _calibration_chart(place: int, scores: Floats, labels: Floats, on_label_scale: bool) -> Chart:
    score, label, _ = calibration(scores, labels)

    def onto(axes: "Axes") -> None:
        axes.plot(score, label, color=color(place), marker="o")
        if on_label_scale:
            ends = [min(score.min(), label.min()), max(score.max(), label.max())]
            axes.plot(ends, ends, color=axes.xaxis.label.get_color(), linestyle=":", linewidth=1)
        axes.set_xlabel("mean score of a tenth")
        axes.set_ylabel("mean label")

    svg = draw(f"calibration-{place}", "Mean label by score", onto, width=_WIDTH, height=_HEIGHT)
    return Chart("Mean label by score", "", svg)


def _loss_chart(place: int, run: "RunResult") -> Chart | None:
    curve = run.curve()
    if "loss" not in curve or not curve["loss"].notna().any():
        return None
    known = curve[curve["loss"].notna()]
    step, loss = known["step"].to_numpy(np.float64), known["loss"].to_numpy(np.float64)

    def onto(axes: "Axes") -> None:
        axes.plot(step, loss, color=color(place), marker="o" if len(step) < 4 else "")
        axes.set_xlabel("step")
        axes.set_ylabel("training loss")

    svg = draw(f"loss-{place}", "Training loss over steps", onto, width=_WIDTH, height=_HEIGHT)
    return Chart("Training loss", "", svg)
