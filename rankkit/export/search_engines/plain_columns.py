"""check_columns(): refuse columns that an engine cannot make the numbers of, all of them in one message."""

from typing import Any

from rankkit.data.columns.kinds import Number
from rankkit.data.columns.schema import Schema, described
from rankkit.errors import ExportError
from rankkit.models.scorers.columns import ColumnInputs


def check_columns(where: str, model: Any) -> None:
    """Refuse a scorer of columns that are no numbers, or with indicators of missing values.

    Args:
        where: The target, for the message.
        model: A scorer, or trees.

    Raises:
        ExportError: Naming every column that the target cannot express, and those that it can.
    """
    schema: Schema | None = getattr(model, "schema", None)
    others = [] if schema is None else [column for column in schema.columns if not isinstance(column, Number)]
    if others and schema is not None:
        listed = ", ".join(f"{column.name} ({described(column)})" for column in others)
        kept = [column.name for column in schema.columns if isinstance(column, Number)]
        action = f"train with --features {','.join(kept)}" if kept else "train on columns of numbers"
        raise ExportError(
            f"{where}: expected columns of numbers alone, as {where} has no place for vocabularies and parts; got "
            f"{len(others)} others: {listed}. Export to onnx, torch or numpy, or {action}."
        )
    if getattr(getattr(model, "transform", None), "before", None) is not None:
        raise ExportError(
            f"{where}: expected the features alone; got a prior, which looks keys up, and {where} has no place for "
            "them. Export to onnx, torch or numpy, or train without prior."
        )
    if isinstance(getattr(model, "transform", None), ColumnInputs):
        raise ExportError(
            f"{where}: expected numbers as they are; got indicators of missing values. "
            "Export to onnx, torch or numpy, or train with missing_indicators=false."
        )


def numbers_transform(model: Any) -> Any:
    """The transform of the numbers of a scorer, whatever its other columns are; None where it has no numbers."""
    transform = model.transform
    return transform.numbers if isinstance(transform, ColumnInputs) else transform
