"""Where systems differ: query by query, and by what kind of query it is."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rankkit.comparison.report.figures import Chart, color, dashes, draw

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from rankkit.comparison.results.results import Results

Ints = NDArray[np.int64]
_GROUPS, _DISTINCT = 5, 6
_LABELS = 10
_POINTS = 200
_QUANTILES = {"min": 0.0, "5%": 0.05, "25%": 0.25, "median": 0.5, "75%": 0.75, "95%": 0.95, "max": 1.0}


def delta_chart(results: "Results", systems: Sequence[str]) -> Chart | None:
    """The differences to the baseline, sorted; None where the baseline has no result."""
    baseline, metric, words = results.plan.baseline, results.metrics[0], results.words
    if baseline not in results.systems or len(systems) < 2:
        return None
    values = results.values[metric].dropna()
    others = [place for place, name in enumerate(systems) if name != baseline]
    deltas = {place: np.sort((values[systems[place]] - values[baseline]).to_numpy()) for place in others}

    def onto(axes: "Axes") -> None:
        for place, delta in deltas.items():
            share = np.linspace(0, 1, min(_POINTS, len(delta)))
            axes.plot(100 * share, np.quantile(delta, share), color=color(place), linestyle=dashes(place))
        axes.set_xlabel(f"{words.queries}, % (worst first)")
        axes.set_ylabel(f"difference in {metric}")

    return Chart(
        f"Differences to {baseline}, {words.query} by {words.query}",
        f"{metric} of the system minus that of {baseline}, sorted: left of the zero crossing the {words.queries} that "
        f"lose, right of it those that win. Values of {words.a_query} are means over its seeds.",
        draw("deltas", f"Sorted differences in {metric} to the baseline", onto),
        others,
        ("system", *_QUANTILES),
        [
            [systems[place], *(f"{np.quantile(delta, share):+.4f}" for share in _QUANTILES.values())]
            for place, delta in deltas.items()
        ],
    )


def group_charts(results: "Results", systems: Sequence[str]) -> list[Chart]:
    """The main metric by list length, by the number of relevant documents, by the labels that a query has.

    Of encoders by the number of relevant examples and by group of classes, where there are several.
    """
    metric, words = results.metrics[0], results.words
    values = results.values[metric]
    kept = values.notna().all(axis=1).to_numpy()
    queries, values = results.queries[kept], values[kept]
    relevant = (words.group, *binned(queries["n_relevant"].to_numpy(np.int64)))
    if "class" in queries:
        kinds = {"relevant": relevant, "class-group": ("group of classes", *_class_groups(queries["class"]))}
        kinds = {name: kind for name, kind in kinds.items() if len(kind[2]) > 1}
    else:
        kinds = {
            "list-length": ("documents of the query", *binned(queries["list_size"].to_numpy(np.int64))),
            "relevant": relevant,
        }
        labels = [name for name in queries.columns if name.startswith("n_label_")]
        if 0 < len(labels) <= _LABELS:
            kinds["label-mix"] = ("labels that the query has", *mixes_of_labels(queries, labels))
    return [
        _group_chart(f"groups-{name}", metric, (by, words.queries), codes, names, values[list(systems)])
        for name, (by, codes, names) in kinds.items()
    ]


def _group_chart(
    name: str, metric: str, words: tuple[str, str], codes: Ints, names: list[str], values: "pd.DataFrame"
) -> Chart:
    by, queries = words
    counts = np.bincount(codes, minlength=len(names))
    means = {place: values[system].groupby(codes).mean().to_numpy() for place, system in enumerate(values.columns)}

    def onto(axes: "Axes") -> None:
        for place, mean in means.items():
            axes.plot(range(len(names)), mean, color=color(place), linestyle=dashes(place), marker="o")
        axes.set_xticks(range(len(names)), [f"{n}\n({count:,})" for n, count in zip(names, counts, strict=True)])
        axes.set_xlim(-0.4, len(names) - 0.6)
        axes.set_xlabel(f"{by} ({queries})")
        axes.set_ylabel(metric)

    return Chart(
        f"By {by}",
        f"Mean {metric} of the {queries} of a group; in brackets how many they are. Small groups say little.",
        draw(name, f"{metric} by {by}", onto),
        tuple(means),
        ("system", *(f"{n} ({count:,})" for n, count in zip(names, counts, strict=True))),
        [[values.columns[place], *(f"{value:.4f}" for value in mean)] for place, mean in means.items()],
    )


def binned(values: Ints) -> tuple[Ints, list[str]]:
    """Groups of about equally many queries, or one for each value where there are few; only groups that have some."""
    distinct = np.unique(values)
    if len(distinct) <= _DISTINCT:
        return np.searchsorted(distinct, values), [f"{value:,}" for value in distinct]
    starts = np.unique(np.quantile(values, np.linspace(0, 1, _GROUPS + 1)[:-1], method="higher"))
    codes = np.searchsorted(starts, values, side="right") - 1
    ends = [int(values[codes == code].max()) for code in range(len(starts))]
    names = [
        f"{start:,}" if start == end else f"{start:,}\u2013{end:,}" for start, end in zip(starts, ends, strict=True)
    ]
    return codes, names


def mixes_of_labels(queries: "pd.DataFrame", labels: list[str]) -> tuple[Ints, list[str]]:
    """The sets of labels, the rarest ones together as "other"."""
    names = [name.removeprefix("n_label_") for name in labels]
    has = queries[labels].to_numpy() > 0
    return _usual([" ".join(name for name, there in zip(names, row, strict=True) if there) for row in has])


def _class_groups(classes: "pd.Series[str]") -> tuple[Ints, list[str]]:
    """The groups that names of classes begin with ("Greek/alpha"), the rarest ones together as "other".

    Names without a slash are one group: each for itself says nothing.
    """
    return _usual([name.partition("/")[0] if "/" in name else "" for name in classes])


def _usual(sets: list[str]) -> tuple[Ints, list[str]]:
    """The place of each name among the most frequent ones, the others together as "other"."""
    counts = Counter(sets)
    usual = sorted(name for name, _ in counts.most_common(_DISTINCT))
    if len(counts) > len(usual):
        usual.append("other")
    return np.array([usual.index(name) if name in usual else len(usual) - 1 for name in sets], np.int64), usual
