"""The picture of a margin sweep: verification EER and the active share against the margin."""

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rankkit.comparison.margins.results import MarginSweep

_VALID, _TEST, _ACTIVE, _QUIET, _LINE = "#2166ac", "#b2182b", "#1b7837", "#6b6b6b", "#d9d9d9"
_WIDTH, _HEIGHT = 7.0, 5.2  # inches
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "rankkit",
    "text.parse_math": False,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _LINE,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
}


def draw_margins(sweep: "MarginSweep") -> dict[str, bytes]:
    """Equal error rates above, the active share below, margins on one log scale, as ``svg`` and ``png``.

    Points are seeds, lines their means; a dashed line stands at the suggested margin, a ring around the best by
    validation. Equal numbers give equal bytes.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        _draw(above, sweep, "valid_eer", _VALID, "validation")
        _draw(above, sweep, "eer", _TEST, "test")
        above.axhline(sweep.raw_eer, color=_QUIET, linewidth=1, linestyle=":", label="test, raw inputs")
        best = sweep.means[sweep.best_margin]["valid_eer"]
        above.plot(
            *([sweep.best_margin], [best], "o"),
            markersize=11,
            markerfacecolor="none",
            markeredgecolor=_VALID,
            label=f"best by validation: margin {sweep.best_margin:g}, test EER {sweep.best_eer:.3f}",
        )
        above.set_ylabel("verification EER")
        above.set_ylim(bottom=0)
        above.set_title(
            f"{sweep.objective}, distance {sweep.distance}: {sweep.n_seeds} seed{'s' * (sweep.n_seeds > 1)}, "
            f"{sweep.n_classes[2]:,} test classes",
            loc="left",
            fontsize=10,
        )
        _draw(below, sweep, "active", _ACTIVE, "")
        below.set_ylabel("active share")
        below.set_ylim(-0.03, 1.03)
        below.set_xlabel(f"margin; active: share of {sweep.sample} that have a loss at the end", loc="right")
        for axes in (above, below):
            label = f"suggested: {sweep.suggested:.3g}" if axes is above else None
            axes.axvline(sweep.suggested, color="black", linewidth=0.8, linestyle="--", label=label)
        _ticks(below, sweep)
        figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=8)
        return _files(figure)


def _draw(axes: "Axes", sweep: "MarginSweep", name: str, color: str, label: str) -> None:
    margins = list(sweep.margins)
    points = [(row.margin, getattr(row, name)) for row in sweep.rows]
    if sweep.n_seeds > 1:
        axes.plot(*zip(*points, strict=True), "o", color=color, alpha=0.35, markersize=3.5, markeredgewidth=0)
    means = [sweep.means[margin][name] for margin in margins]
    axes.plot(margins, means, "-", color=color, linewidth=1.6, marker="o", markersize=4, label=label or None)


def _ticks(axes: "Axes", sweep: "MarginSweep") -> None:
    """A log scale whose ticks are the margins themselves, as many as can be read."""
    axes.set_xscale("log")
    every = -(-len(sweep.margins) // 12)
    shown = sweep.margins[::every]
    axes.set_xticks(shown, [f"{margin:g}" for margin in shown])
    axes.set_xticks([], minor=True)


def _files(figure: Any) -> dict[str, bytes]:
    files = {}
    for ending, options in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": 130})):
        content = io.BytesIO()
        figure.savefig(content, format=ending, **options)
        files[ending] = content.getvalue()
    return files
