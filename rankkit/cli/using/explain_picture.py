"""Pictures of ``rankkit explain``: bars of importance and of attributions, curves of what values add."""

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from rankkit.numbers import how_many

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from rankkit.explaining import Attributions, Importance, Shapes
    from rankkit.explaining.additive_shapes import Shape

_UP, _DOWN, _QUIET, _LINE = "#2166ac", "#b2182b", "#9a9a9a", "#d9d9d9"
_MOST_DOCUMENTS = 12
_LONGEST_NAME, _LONGEST_TITLE = 32, 60
_WIDTH, _ROW, _MARGIN = 8.0, 0.26, 1.1  # inches
_PANELS, _PANEL, _FEW = 4, 1.8, 12  # panels of curves in a row, inches of each, values that are drawn one by one
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "rankkit",
    "text.parse_math": False,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": _LINE,
    "ytick.left": False,
}


def draw_importance(importance: "Importance", top: int) -> dict[str, bytes]:
    """The drop of the metric for the most important features, as ``svg`` and ``png``."""
    import matplotlib as mpl

    shown = importance.order[:top]
    drops, low, high = (values[shown] for values in (importance.drops, importance.low, importance.high))
    sure = (low > 0) | (high < 0)
    with mpl.rc_context(_STYLE):
        figure, (axes,) = _figure([len(shown)])
        rows = np.arange(len(shown))
        colors = np.where(~sure, _QUIET, np.where(drops > 0, _UP, _DOWN)).tolist()
        axes.barh(rows, drops, height=0.7, color=colors)
        axes.hlines(rows, low, high, color="black", linewidth=1)
        _label(axes, [_cut(importance.names[place]) for place in shown.tolist()])
        axes.set_xlabel(
            f"drop of {importance.metric} when shuffled; line: 95% bootstrap over queries, grey: spans 0", loc="right"
        )
        left = len(importance.names) - len(shown)
        more = f", the first {len(shown):,} of {how_many(len(importance.names), 'feature')}" if left else ""
        queries = how_many(importance.evaluation.n_queries, "query")
        _title(axes, f"{importance.metric} {importance.baseline:.4f} on {queries}{more}")
        return _files(figure)


def draw_attributions(attributions: "Attributions", top: int) -> dict[str, bytes]:
    """What the features add to the score of each document, at most twelve documents, as ``svg`` and ``png``."""
    import matplotlib as mpl

    places = range(min(len(attributions.qids), _MOST_DOCUMENTS))
    shown = [attributions.order(place)[:top] for place in places]
    with mpl.rc_context(_STYLE):
        figure, panels = _figure([min(len(attributions.names), top + 1)] * len(shown))
        for place, features, axes in zip(places, shown, panels, strict=True):
            added = attributions.values[place, features].tolist()
            names = [
                f"{_cut(attributions.names[feature])} = {attributions.features[place, feature]:.4g}"
                for feature in features.tolist()
            ]
            colors = [_UP if value > 0 else _DOWN for value in added]
            rest = attributions.order(place)[len(features) :]
            if len(rest):
                names.append(f"{len(rest):,} more")
                added.append(float(attributions.values[place, rest].sum()))
                colors.append(_QUIET)
            axes.barh(np.arange(len(added)), added, height=0.7, color=colors)
            _label(axes, names)
            axes.set_xlabel(
                f"added to the score {attributions.mean_scores[place]:.4g} of the {attributions.origin(place)}",
                loc="right",
            )
            title = _cut(attributions.title(place), _LONGEST_TITLE)
            _title(axes, f"{title}: score {attributions.scores[place]:.4g}")
        if len(attributions.qids) > len(places):
            figure.suptitle(f"The first {len(places)} of {how_many(len(attributions.qids), 'document')}")
        return _files(figure)


def draw_shapes(shapes: "Shapes", top: int) -> dict[str, bytes]:
    """What values add, of the columns of the widest spread, a panel each on one scale, as ``svg`` and ``png``."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    drawn = [shapes.columns[place] for place in shapes.order if len(shapes.columns[place].values)][:top]
    n_rows = max(1, -(-len(drawn) // _PANELS))
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, _PANEL * n_rows), layout="constrained")
        panels = figure.subplots(n_rows, _PANELS, squeeze=False, sharey=True).ravel().tolist()
        for shape, axes in zip(drawn, panels, strict=False):
            _curve(axes, shape)
        for axes in panels[len(drawn) :]:
            axes.set_visible(False)
        figure.suptitle(f"Added to the score, less its mean over {how_many(shapes.n_docs, 'document')}")
        return _files(figure)


def _curve(axes: "Axes", shape: "Shape") -> None:
    """A line through numbers, bars of words; what is added for a missing value is a dashed line."""
    added = shape.added.tolist()
    axes.axhline(0, color=_LINE, linewidth=0.8)
    numbers = [value for value in shape.values if not isinstance(value, str)]
    if numbers:
        axes.plot(numbers, added[: len(numbers)], color=_UP, marker="." if len(numbers) < _FEW else "", linewidth=1.2)
        for missing in added[len(numbers) :]:
            axes.axhline(missing, color=_DOWN, linewidth=0.8, linestyle="--")
    else:
        shown = sorted(range(len(added)), key=lambda place: -shape.n_docs[place])[:_FEW]
        axes.bar(range(len(shown)), [added[place] for place in shown], color=_UP)
        axes.set_xticks(range(len(shown)), [_cut(str(shape.values[place]), 10) for place in shown], rotation=90)
    axes.set_title(_cut(shape.name), loc="left", fontsize=9)


def _figure(n_rows: list[int]) -> "tuple[Figure, list[Axes]]":
    """A figure of panels one below the other, each as high as its rows ask for."""
    from matplotlib.figure import Figure

    heights = [_MARGIN + _ROW * rows for rows in n_rows]
    figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
    panels = figure.subplots(len(n_rows), 1, squeeze=False, height_ratios=heights)
    return figure, list(panels[:, 0])


def _cut(name: str, longest: int = _LONGEST_NAME) -> str:
    return name if len(name) <= longest else f"{name[: longest - 3]}..."


def _label(axes: "Axes", names: list[str]) -> None:
    """Names of the rows, the first on top, and a line at 0."""
    axes.set_yticks(np.arange(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.axvline(0, color="black", linewidth=0.6)
    axes.grid(axis="x", color=_LINE, linewidth=0.6)
    axes.set_axisbelow(True)


def _title(axes: "Axes", words: str) -> None:
    axes.set_title(words, loc="left", fontsize=10)


def _files(figure: "Figure") -> dict[str, bytes]:
    """The picture in each format; equal numbers give equal bytes."""
    files = {}
    for ending, options in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": 150})):
        content = io.BytesIO()
        figure.savefig(content, format=ending, **options)
        files[ending] = content.getvalue()
    return files
