"""Checks of labelled examples: inputs that are finite numbers, labels that name a class, names that are Unicode."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import DataError

# Numbers that are looked at together: finding NaN needs no second array of the size of the inputs.
_BLOCK_NUMBERS = 4_000_000


def check_inputs(inputs: Any, where: str) -> NDArray[np.float32]:
    """Inputs as float32 ``[n, ...]``, finite: the same array where it is one.

    Raises:
        DataError: If they are no numbers, have no axis beside the rows, or one is NaN, infinite or beyond float32.
    """
    try:
        numbers = np.asarray(inputs)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{where}: expected inputs as an array of numbers [n, ...]; got {type(inputs).__name__} ({error}). "
            "Give all examples one shape."
        ) from error
    if numbers.dtype.kind not in "fiub" or numbers.ndim < 2 or 0 in numbers.shape[1:]:
        raise DataError(
            f"{where}: expected inputs as an array of numbers [n, ...]; got {numbers.dtype} of shape {numbers.shape}. "
            "Pass one row of numbers, or one image, an example."
        )
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(numbers, dtype=np.float32)
    step = max(1, _BLOCK_NUMBERS // max(1, converted[:1].size))
    for start in range(0, len(converted), step):
        finite = np.isfinite(converted[start : start + step])
        if not finite.all():
            place = tuple(int(axis) for axis in np.argwhere(~finite)[0])
            row = start + place[0]
            raise DataError(
                f"{where}: example {row} (from 0): expected finite numbers within float32; got "
                f"{numbers[(row, *place[1:])]} at {list(place[1:])}. Fill or drop the example."
            )
    return converted


def number_classes(
    labels: Any, class_names: Sequence[str] | None, where: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels of whole numbers or text as int64 from 0 on, and the names of the classes that have an example.

    Raises:
        DataError: If a label is missing, neither a whole number nor text, or beyond ``class_names``.
    """
    values = np.asarray(labels)
    if values.dtype == object:
        values = _of_one_kind(values, where)
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.floor(values)).all():
        values = values.astype(np.int64)  # pandas makes floats of integers
    if values.ndim != 1 or values.dtype.kind not in "iubU":
        missing = " with missing values" if values.dtype.kind == "f" and np.isnan(values).any() else ""
        raise DataError(
            f"{where}: expected labels [n], whole numbers or text, one an example; got {values.dtype} of shape "
            f"{values.shape}{missing}. Name the class of every example."
        )
    found, numbered = np.unique(values, return_inverse=True)
    if values.dtype.kind == "U":
        check_texts(found.tolist(), where, "labels")
    if class_names is None:
        return numbered.astype(np.int64), tuple(str(value) for value in found.tolist())
    names = tuple(str(name) for name in class_names)
    check_class_names(names, where)
    if values.dtype.kind == "U" or (len(found) and (found[0] < 0 or found[-1] >= len(names))):
        got = repr(str(found[0])) if values.dtype.kind == "U" else f"{found[0]} to {found[-1]}"
        raise DataError(
            f"{where}: expected labels from 0 to {len(names) - 1}, places among class_names; got {got}. "
            "Pass whole numbers, or leave class_names out."
        )
    return numbered.astype(np.int64), tuple(names[int(value)] for value in found)


def _of_one_kind(values: NDArray[Any], where: str) -> NDArray[Any]:
    """Python objects as an array of text or of whole numbers."""
    kinds = {type(value) for value in values.ravel()}
    if all(issubclass(kind, str) for kind in kinds):
        return values.astype(np.str_)
    if all(issubclass(kind, (int, np.integer)) for kind in kinds):
        try:
            return values.astype(np.int64)
        except OverflowError as error:
            raise DataError(f"{where}: expected labels within int64; got {error}. Use text as labels.") from error
    row = next((row for row, value in enumerate(values.ravel()) if not isinstance(value, (str, int))), 0)
    raise DataError(
        f"{where}: expected labels that are all text or all whole numbers; got "
        f"{', '.join(sorted(kind.__name__ for kind in kinds))}, {values.ravel()[row]!r} in row {row} (from 0). "
        "Name the class of every example in one way."
    )


def check_class_names(names: Sequence[str], where: str) -> None:
    """Refuse class names of which two are equal, or one is empty or not Unicode.

    Raises:
        DataError: If there is one.
    """
    check_texts(names, where, "class names")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{where}: expected class names that differ; got {twice[0]!r} more than once. Rename one.")


def check_texts(texts: Iterable[str], where: str, what: str, *, may_be_empty: bool = False) -> None:
    """Refuse names that are empty or have no UTF-8 form, as names of files in another encoding.

    Raises:
        DataError: If there is one.
    """
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"{where}: expected {what} that are Unicode; got {text!a}, bytes of another encoding. "
                "Rename it, for example with convmv."
            ) from error
        if not text and not may_be_empty:
            raise DataError(f"{where}: expected {what} with at least one letter; got empty text. Name it.")
