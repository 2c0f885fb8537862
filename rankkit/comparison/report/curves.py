"""Training curves: the validation metric over steps and over seconds, the mean of the runs with a band over seeds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rankkit.comparison.report.figures import Chart, color, dashes, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rankkit.comparison.results.results import Results

Floats = NDArray[np.float64]
Run = tuple[Floats, Floats]
_POINTS = 80
# An axis that spans less is drawn evenly: in the logarithm it would hardly have a number.
_LOG_FROM = 20
_AXES = {
    "step": ("steps", "optimiser steps, or trees"),
    "seconds": ("seconds", "seconds since the start, validation included"),
}


def training_curves(results: "Results", systems: Sequence[str]) -> list[Chart]:
    """A chart over steps and one over seconds; none where no system learns in steps."""
    metric, charts = results.plan.metric, []
    for column, (title, unit) in _AXES.items():
        found = {place: runs for place, name in enumerate(systems) if (runs := _runs(results, name, column))}
        bands = {place: band_of(runs) for place, runs in found.items()}
        if not bands:
            continue

        def onto(axes: "Axes", unit: str = unit, bands: dict[int, list[Floats]] = bands) -> None:
            for place, (x, mean, low, high) in bands.items():
                mark = "o" if len(x) == 1 else ""
                axes.plot(x, mean, color=color(place), linestyle=dashes(place), marker=mark)
                axes.fill_between(x, low, high, color=color(place), alpha=0.18, linewidth=0)
            ends = [x[end] for x, *_ in bands.values() for end in (0, -1)]
            if max(ends) > _LOG_FROM * min(ends):
                axes.set_xscale("log")
                axes.xaxis.set_major_formatter("{x:g}")
                axes.xaxis.set_minor_formatter("")
            axes.set_xlabel(unit if "tree" in results.words.step else unit.removesuffix(", or trees"))
            axes.set_ylabel(f"{metric}, validation")

        ends = [_end(systems[place], band) for place, band in bands.items()]
        charts.append(
            Chart(
                f"Training over {title}",
                f"{metric} on the validation data (rankkit's protocol), mean over splits and seeds; the band goes from "
                "the lowest seed to the highest. A run that stopped before others keeps its last value.",
                draw(f"curve-{column}", f"{metric} on validation data over {unit}", onto),
                tuple(bands),
                ("system", f"best {metric} of the mean", f"reached at ({title})", f"last ({title})"),
                ends,
            )
        )
    return charts


def _runs(results: "Results", system: str, column: str) -> dict[int, list[Run]]:
    """By seed, a curve for each split."""
    runs: dict[int, list[Run]] = {}
    name = f"valid_{results.plan.metric}"
    seeds = results.seeds(system)
    for run in results.runs_of(system):
        curve = run.curve()
        if run.spec.seed in seeds and name in curve and curve[name].notna().any():
            known = curve[curve[name].notna()]
            x, y = (known[key].to_numpy(np.float64) for key in (column, name))
            runs.setdefault(run.spec.seed, []).append((x, y))
    return runs


def band_of(runs: dict[int, list[Run]]) -> list[Floats]:
    """Where, the mean, the lowest and the highest seed."""
    every = [x for curves in runs.values() for x, _ in curves]
    first, last = max(x[0] for x in every), max(x[-1] for x in every)
    at = np.unique(np.concatenate([*every, [first]]))
    at = at[(at >= first) & (at <= last)]
    if len(at) > _POINTS:
        at = np.geomspace(max(first, 1e-3), last, _POINTS)
        at[0], at[-1] = max(at[0], first), last
    seeds = np.stack([np.mean([_held(run, at) for run in curves], axis=0) for curves in runs.values()])
    return [at, seeds.mean(axis=0), seeds.min(axis=0), seeds.max(axis=0)]


def _held(run: Run, at: Floats) -> Floats:
    """The value that a run had last reported."""
    x, y = run
    held: Floats = y[np.searchsorted(x, at, side="right") - 1]
    return held


def _end(system: str, band: list[Floats]) -> list[str]:
    at, mean, *_ = band
    best = int(np.argmax(mean))
    return [system, f"{mean[best]:.4f}", f"{at[best]:,.4g}", f"{at[-1]:,.4g}"]
