"""The classes that an encoder does worst on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rankkit.comparison.results.results import Results

N_CLASSES = 20


def class_table(results: "Results", systems: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The test classes with the lowest mean of the main metric over their anchors.

    Args:
        results: Of a comparison of encoders.
        systems: Columns; the first decides which classes are shown, the worst first.

    Returns:
        Head and rows: class, anchors that count, the mean of each system.
    """
    values = results.values[results.metrics[0]][list(systems)].dropna()
    by_class = values.groupby(results.queries.loc[values.index, "class"])
    means = by_class.mean().sort_values(systems[0], kind="stable").head(N_CLASSES)
    counts = by_class.size()
    rows = [
        [str(name), f"{counts[name]:,}", *(f"{value:.4f}" for value in row)]
        for name, row in zip(means.index, means.to_numpy(), strict=True)
    ]
    return ["class", "anchors", *systems], rows
