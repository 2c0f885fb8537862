"""What a run leaves behind: one record an epoch, which epoch was kept and why."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rankkit.files.atomic import write_text
from rankkit.files.disk import writing

if TYPE_CHECKING:
    import pandas as pd

Stopped = Literal["epochs", "patience", "interrupted", "in one go", "no split"]


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of training.

    Args:
        epoch: From 1.
        step: Optimizer steps since the start of the run.
        loss: Mean of the batch losses, each weighted by its queries; None of a model that learns in one go.
        metric: Name of the validation metric, or None without validation data.
        valid: The metric on the validation data after the epoch, or None.
        learning_rate: That of the last step.
        docs_per_second: Training documents a second, validation not counted.
        seconds: Since the start of the run, validation included.
        facts: What else the steps told: means over the epoch, by name.
    """

    epoch: int
    step: int
    loss: float | None
    metric: str | None
    valid: float | None
    learning_rate: float
    docs_per_second: float
    seconds: float
    facts: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The record as one line of metrics.jsonl holds it: the metric under its own name, ``valid_ndcg@10``."""
        values = asdict(self)
        metric, valid = values.pop("metric"), values.pop("valid")
        values |= values.pop("facts")
        if metric is None:
            return values
        return {"epoch": values.pop("epoch"), "step": values.pop("step"), "loss": values.pop("loss")} | {
            f"valid_{metric}": valid,
            **values,
        }


@dataclass(frozen=True, repr=False)
class History:
    """The course of one training run.

    Args:
        epochs: One record an epoch, in order.
        metric: Name of the validation metric, or None without validation data.
        best_epoch: The epoch whose weights the scorer holds, from 1; 0 before the end of the first.
        best_value: The metric on the validation data after that epoch, or None.
        stopped: "epochs" (all were run), "patience" (no better epoch for that long), "interrupted", "in one go", or
            "no split" (no further tree would help).
        seconds: Of the whole run, resumed parts included.
        chosen: What a model that learns in one go has chosen by the metric, by which objective trees were grown, or
            the precision of ``"auto"`` and why; {} of any other.
        unit: What an epoch is called: of boosting it is a tree.
    """

    epochs: tuple[EpochRecord, ...]
    metric: str | None
    best_epoch: int
    best_value: float | None
    stopped: Stopped
    seconds: float
    chosen: dict[str, Any] = field(default_factory=dict)
    unit: Literal["epoch", "tree"] = "epoch"

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        kept = f"best_epoch={self.best_epoch}"
        value = "" if self.best_value is None else f", best {self.metric} {self.best_value:.4f}"
        return f"History({self._counted(len(self))}, {kept}{value}, stopped={self.stopped!r}, {self.seconds:.1f} s)"

    def __str__(self) -> str:
        if self.stopped == "in one go":
            value = "" if self.best_value is None else f" {self.metric} {self.best_value:.4f} on the validation data."
            told = ", ".join(f"{name} {chosen}" for name, chosen in self.chosen.items())
            return f"Learnt in one go, in {self.seconds:.1f} s.{f' Chosen: {told}.' if told else ''}{value}"
        ran = f"{self._counted(len(self))} in {self.seconds:.1f} s"
        reason = {
            "epochs": "all that were asked for",
            "patience": "no better one within the patience",
            "interrupted": "interrupted",
            "no split": "no further one would help",
        }[self.stopped]
        if self.unit == "tree":
            ran, kept, these = f"{ran}, by {self.chosen['objective']}", "the first", self._counted(self.best_epoch)
            last = "all"
        else:
            kept, these, last = "the weights of epoch", str(self.best_epoch), "the weights of the last epoch,"
        if not self.epochs:
            told = "Kept are the weights of a part of the first epoch."
        elif self.metric is None:
            told = f"Kept are {last} {these}: without validation data no {self.unit} can be called the best."
        elif self.best_value is None:
            told = f"Kept are {last} {these}: {self.metric} was never a number."
        else:
            best = f"{self.metric} {self.best_value:.4f}"
            told = f"Kept are {kept} {these}, the best on the validation data: {best}."
        precision = f" Precision {self.chosen['precision']}." if "precision" in self.chosen else ""
        return f"{ran} ({reason}). {told}{precision}"

    def _counted(self, n: int) -> str:
        return f"{n} {self.unit}{'' if n == 1 else 's'}"

    def to_pandas(self) -> "pd.DataFrame":
        """One row an epoch, the columns of metrics.jsonl."""
        import pandas as pd

        return pd.DataFrame([record.to_dict() for record in self.epochs])


def write_metrics(path: Path, records: Sequence[EpochRecord]) -> None:
    """Write metrics.jsonl anew with exactly these records."""
    write_text(path, "".join(_line(record) for record in records))


def append_metrics(path: Path, record: EpochRecord) -> None:
    """Add one line to metrics.jsonl in a single write."""
    line = _line(record).encode()
    with writing(path), path.open("ab", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        try:
            written = file.write(line)
            if written < len(line):  # what is left of the disk took a part of it
                file.write(line[written:])
        except OSError:
            file.truncate(size)
            raise


def _line(record: EpochRecord) -> str:
    return json.dumps(record.to_dict()) + "\n"
