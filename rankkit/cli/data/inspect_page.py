"""The page of ``rankkit inspect --html``: summary, labels, list sizes and features in one file that needs no other."""

import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import jinja2
import numpy as np
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.summary import DatasetSummary, summarize
from rankkit.explaining.category_statistics import N_FOLDS, SMOOTHING
from rankkit.explaining.feature_statistics import QUANTILE_NAMES, FeatureStatistics, K, feature_statistics
from rankkit.files.atomic import write_text
from rankkit.metrics.graded import GREATEST_EXP_LABEL

# A chart in the units of its viewBox: about as wide as a phone, so that text is never drawn much smaller than set.
_WIDTH, _HEIGHT, _TOP, _FLOOR = 360, 170, 18, 146
_MAX_BARS = 24
_LABELLED_BARS = 8
_SPARK_WIDTH, _SPARK_HEIGHT = 96, 22


@dataclass(frozen=True)
class Bar:
    """A bar and what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Text:
    """Words in a chart; ``anchor`` is "start", "middle" or "end"."""

    x: float
    y: float
    words: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Chart:
    """A histogram, drawn."""

    title: str
    caption: str
    bars: list[Bar]
    texts: list[Text]
    width: int = _WIDTH
    height: int = _HEIGHT
    floor: int = _FLOOR


@dataclass(frozen=True)
class Cell:
    """A number in the table of features: as words, to sort by ("" where there is none), and as a share in percent."""

    words: str
    value: str
    share: float | None = None


@dataclass(frozen=True)
class Row:
    """A feature; of a column of categories ``spark`` is its kind."""

    place: int
    name: str
    spark: str
    cells: list[Cell]


def write_page(
    data: RankingDataset, path: str | os.PathLike[str], *, title: str = "Ranking data", findings: Sequence[str] = ()
) -> None:
    """Write what there is to know about a data set as one HTML page, which loads nothing from elsewhere.

    Equal data gives equal bytes.

    Args:
        data: Any data set, with labels or without.
        path: Where to write; an existing file is replaced as a whole.
        title: The heading, such as the name of the file that was read.
        findings: What reading found, one sentence each; they stand before the warnings of the summary.
    """
    has_huge_labels = data.labels is not None and float(data.labels.max(initial=0)) > GREATEST_EXP_LABEL
    summary = summarize(data)
    statistics = feature_statistics(data, gain="linear" if has_huge_labels else "exp")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = resources.files("rankkit.cli.data").joinpath("inspect_page.html").read_text(encoding="utf-8")
    has_labels = statistics.ndcg is not None
    page = environment.from_string(template).render(
        title=title,
        summary=summary,
        notes=[*findings, *summary.warnings],
        charts=_charts(data, summary),
        columns=_columns(has_labels),
        best=f"ndcg@{K}" if has_labels else None,
        rows=_rows(statistics),
        categories=_category_rows(statistics),
        category_columns=_category_columns(has_labels),
        footnotes=_footnotes(statistics, "the label" if has_huge_labels else "2^label - 1"),
    )
    write_text(path, page)


def _charts(data: RankingDataset, summary: DatasetSummary) -> list[Chart]:
    charts = []
    if summary.labels and data.labels is not None:
        names, counts = _label_bins(summary.labels)
        single = len(names) == len(summary.labels)
        charts.append(
            _chart(
                "Labels",
                f"{summary.n_docs:,} documents by label"
                + ("" if single else f", {len(summary.labels):,} different ones"),
                names,
                counts,
                "{name}: {count:,} documents ({share:.1%})",
            )
        )
    if summary.list_sizes:
        names, counts = _size_bins(data.list_sizes)
        sizes = zip(QUANTILE_NAMES, summary.list_sizes.values(), strict=True)
        quantiles = [f"{name} {size:,}" for name, size in sizes]
        caption = f"{summary.n_queries:,} queries by their number of documents: {', '.join(quantiles)}"
        charts.append(_chart("Documents of a query", caption, names, counts, "{name}: {count:,} queries ({share:.1%})"))
    return charts


def _label_bins(labels: dict[float, int]) -> tuple[list[str], list[int]]:
    """One bin a label, or bins of equal width where there are many."""
    if len(labels) <= _MAX_BARS:
        return [f"{label:g}" for label in labels], list(labels.values())
    counts, edges = np.histogram(list(labels), bins=_MAX_BARS, weights=list(labels.values()))
    return [f"{low:.4g} to {high:.4g}" for low, high in itertools.pairwise(edges)], counts.tolist()


def _size_bins(sizes: NDArray[np.int64]) -> tuple[list[str], list[int]]:
    """Bins of equal width in whole numbers."""
    low, high = int(sizes.min()), int(sizes.max())
    width = -(-(high - low + 1) // _MAX_BARS)
    counts = np.bincount((sizes - low) // width)
    ends = [(start, min(start + width - 1, high)) for start in range(low, high + 1, width)]
    return [f"{start:,}" if start == end else f"{start:,} to {end:,}" for start, end in ends], counts.tolist()


def _chart(title: str, caption: str, names: list[str], counts: list[int], pointed_at: str) -> Chart:
    total, tallest = sum(counts), max(counts)
    step = _WIDTH / max(len(counts), 4)
    gap = 0.25 * step if len(counts) <= _LABELLED_BARS else 1
    bars, texts = [], []
    for place, (name, count) in enumerate(zip(names, counts, strict=True)):
        height = (_FLOOR - _TOP) * count / tallest
        x = place * step
        words = pointed_at.format(name=name, count=int(count), share=count / total)
        bars.append(
            Bar(round(x + gap / 2, 2), round(_FLOOR - height, 2), round(step - gap, 2), round(height, 2), words)
        )
        if len(counts) <= _LABELLED_BARS:
            middle = round(x + step / 2, 2)
            texts.append(Text(middle, round(_FLOOR - height - 5, 2), f"{count / total:.1%}"))
            texts.append(Text(middle, _HEIGHT - 8, name))
    if len(counts) > _LABELLED_BARS:
        texts = [Text(0, _HEIGHT - 8, names[0], "start"), Text(_WIDTH, _HEIGHT - 8, names[-1], "end")]
    return Chart(title, caption, bars, texts)


def _columns(has_labels: bool) -> list[str]:
    importance = (f"ndcg@{K}", "best first") if has_labels else ()
    return ["feature", "distribution", *importance, "zeros", "missing", *QUANTILE_NAMES, "mean"]


def _rows(statistics: FeatureStatistics) -> list[Row]:
    rows = []
    for place in statistics.order.tolist():
        cells = []
        if statistics.ndcg is not None and statistics.best_first is not None:
            ndcg, direction = statistics.ndcg[place], statistics.best_first[place]
            share = None if math.isnan(ndcg) else round(100 * ndcg, 2)
            cells += [Cell("-" if share is None else f"{ndcg:.4f}", _sortable(ndcg), share), Cell(direction, direction)]
        cells += [_share(share) for share in (statistics.zeros[place], statistics.missing[place])]
        cells += [_number(value) for value in (*statistics.quantiles[place], statistics.means[place])]
        rows.append(Row(place, statistics.names[place], _spark(statistics.histograms[place]), cells))
    return rows


def _category_columns(has_labels: bool) -> list[str]:
    return ["column", *((f"ndcg@{K}",) if has_labels else ()), "values", "unseen", "missing", "most frequent"]


def _category_rows(statistics: FeatureStatistics) -> list[Row]:
    rows = []
    ranked = sorted(enumerate(statistics.categories), key=lambda pair: -(pair[1].ndcg or 0.0))
    for place, one in ranked:
        cells = []
        if one.ndcg is not None:
            share = None if math.isnan(one.ndcg) else round(100 * one.ndcg, 2)
            cells.append(Cell("-" if share is None else f"{one.ndcg:.4f}", _sortable(one.ndcg), share))
        top = ", ".join(f"{word} ({share:.1%})" for word, share in one.top)
        cells += [Cell(f"{one.n_distinct:,}", str(one.n_distinct)), _share(one.unseen), _share(one.missing)]
        rows.append(Row(place, one.name, one.kind, [*cells, Cell(top, top)]))
    return rows


def _number(value: float) -> Cell:
    return Cell("-" if math.isnan(value) else f"{value:.4g}", _sortable(value))


def _share(share: float) -> Cell:
    return Cell(f"{share:.1%}", _sortable(share), round(100 * float(share), 2))


def _sortable(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def _spark(counts: NDArray[np.int64]) -> str:
    """A path of bars. Heights are square roots, so that what is rare beside a pile of zeros can be seen."""
    if not counts.any():
        return ""
    step = _SPARK_WIDTH // len(counts)
    heights = np.round(_SPARK_HEIGHT * np.sqrt(counts / counts.max()), 1).tolist()
    bars = (
        f"M{step * place} {_SPARK_HEIGHT}v-{height:g}h{step - 1}v{height:g}z" for place, height in enumerate(heights)
    )
    return "".join(bar for bar, count in zip(bars, counts, strict=True) if count)


def _footnotes(statistics: FeatureStatistics, gain: str) -> list[str]:
    notes = ["Distribution: documents between the percentiles 1 and 99, square roots of the counts. NaN is left out."]
    if statistics.categories and statistics.ndcg is not None:
        notes.append(
            f"ndcg@{K} of categories: of ranking by the mean label of the value (of a bag, the mean over its values), "
            f"learnt from the other {N_FOLDS - 1} fifths of the queries, smoothed by {SMOOTHING:g} documents."
        )
    if statistics.random_ndcg is not None and not math.isnan(statistics.random_ndcg):
        notes.append(
            f"ndcg@{K}: mean over all queries of ranking by the feature alone, by high or by low values first, "
            f"whichever is better (gain {gain}; ties least relevant first; NaN last; queries without a relevant "
            "document count 0). "
            f"Ranking at random: {statistics.random_ndcg:.4f}."
        )
    return notes
