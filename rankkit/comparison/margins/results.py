"""MarginSweep: what became of each margin, the table of it, and which margin is best on validation examples."""

import statistics
import textwrap
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class MarginRun:
    """One margin with one seed.

    Args:
        margin: In the unit of the distance.
        seed: Of weights, batches and draws.
        valid_eer: Equal error rate of verification on the validation examples.
        eer: The same on the test examples, at the threshold that suits these.
        area: Under the ROC curve of the test examples.
        far: False accept rate of the test examples at the threshold chosen on validation examples.
        frr: False reject rate there.
        map_at_r: Of the test examples, each ranking the others.
        active: Share of training triplets that still have a loss above 0, drawn at random when training has ended; of
            an objective of pairs: of pairs of two classes, as those of one class always have.
    """

    margin: float
    seed: int
    valid_eer: float
    eer: float
    area: float
    far: float
    frr: float
    map_at_r: float
    active: float


VALUES = tuple(field.name for field in fields(MarginRun) if field.name not in ("margin", "seed"))
_HEADS = {"valid_eer": "valid EER", "eer": "test EER", "area": "area", "map_at_r": "MAP@R", "active": "active"}


@dataclass(frozen=True, repr=False)
class MarginSweep:
    """What :func:`sweep_margins` returns; printing it gives the table of means over seeds.

    Args:
        objective: Its name.
        takes: ``"pairs"`` or ``"triplets"``.
        distance: Name of the encoder's.
        suggested: The margin that :func:`suggest_margin` gives for the untrained encoder of the first seed.
        rows: One a margin and seed, by margin.
        raw_eer: Equal error rate of the raw test inputs, by Euclidean distance.
        n_classes: Of the training, validation and test examples.
    """

    objective: str
    takes: str
    distance: str
    suggested: float
    rows: tuple[MarginRun, ...]
    raw_eer: float
    n_classes: tuple[int, int, int]

    @property
    def margins(self) -> tuple[float, ...]:
        """The margins, rising."""
        return tuple(dict.fromkeys(row.margin for row in self.rows))

    @property
    def n_seeds(self) -> int:
        """Runs of each margin."""
        return len({row.seed for row in self.rows})

    def values(self, margin: float, name: str) -> list[float]:
        """One number of a margin, for each seed.

        Args:
            margin: One of ``margins``.
            name: A field of :class:`MarginRun`.
        """
        return [getattr(row, name) for row in self.rows if row.margin == margin]

    @cached_property
    def means(self) -> dict[float, dict[str, float]]:
        """Means over seeds, by margin and name of the value."""
        return {
            margin: {name: statistics.fmean(self.values(margin, name)) for name in VALUES} for margin in self.margins
        }

    @property
    def best_margin(self) -> float:
        """The margin with the least mean equal error rate on validation examples; of equal ones the smaller."""
        return min(self.margins, key=lambda margin: (self.means[margin]["valid_eer"], margin))

    @property
    def best_eer(self) -> float:
        """Mean equal error rate on test examples of :attr:`best_margin`, which was not chosen on these."""
        return self.means[self.best_margin]["eer"]

    def to_pandas(self) -> "pd.DataFrame":
        """One row a margin and seed."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows])

    def __repr__(self) -> str:
        return (
            f"MarginSweep({self.objective}, {len(self.margins)} margins, {self.n_seeds} seeds, "
            f"best_margin={self.best_margin:g}, best_eer={self.best_eer:.4f})"
        )

    def __str__(self) -> str:
        lines = [["margin", *_HEADS.values()]]
        for margin in self.margins:
            cells = [_spread(self.values(margin, name)) for name in _HEADS]
            lines.append([f"{margin:g}{' *' if margin == self.best_margin else ''}", *cells])
        lines.append(["raw inputs", "", f"{self.raw_eer:.4f}", *[""] * (len(_HEADS) - 2)])
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        best = self.means[self.best_margin]
        train, valid, test = self.n_classes
        notes = (
            f"* best by validation EER: margin {self.best_margin:g}, its test EER {best['eer']:.4f}; at the threshold "
            f"chosen on validation examples FAR {best['far']:.4f}, FRR {best['frr']:.4f}",
            f"suggested for the untrained encoder: margin {self.suggested:.3g}",
            f"{self.objective}, distance {self.distance}; {train:,} classes to train on, {valid:,} for validation, "
            f"{test:,} for the test; mean{' ± standard deviation' if self.n_seeds > 1 else ''} over {self.n_seeds} "
            f"seed{'s' if self.n_seeds > 1 else ''}; active: share of {self.sample} that have a loss when training has "
            "ended",
        )
        return "\n".join([*table, *(textwrap.fill(note, 80, subsequent_indent="  ") for note in notes)])

    @property
    def sample(self) -> str:
        """What ``active`` is a share of."""
        return "training triplets" if self.takes == "triplets" else "training pairs of two classes"


def _spread(values: list[float]) -> str:
    mean = f"{statistics.fmean(values):.4f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.pstdev(values):.4f}"
