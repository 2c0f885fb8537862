"""What rankkit says about LETOR text that it cannot read."""

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import DataError
from rankkit.loaders import letor_kernels as kernels

_LONGEST_TEXT = 60
_WHITESPACE = b" \t\r\v\f"

# Code -> what was expected, what to do.
_MESSAGES = {
    kernels.BAD_LABEL: (
        "a finite number as the label",
        "Begin each row with its grade, as in '2 qid:1 1:0.5'.",
    ),
    kernels.NEGATIVE_LABEL: (
        "a label of 0 or more",
        "Shift the grades so that 0 means not relevant, or remove the row.",
    ),
    kernels.NO_QID: (
        "'<label> qid:<id> <feature>:<value> ...'",
        "Add the qid column.",
    ),
    kernels.EMPTY_QID: ("an id behind 'qid:'", "Give the row the id of its query."),
    kernels.BAD_FEATURE: ("'<feature>:<value>' with an integer index", "Correct the row or remove it."),
    kernels.QID_AFTER_FEATURES: ("qid:<id> before the features", "Move it behind the label."),
    kernels.INDEX_ZERO: (
        "feature indices from 1 on",
        "Pass zero_based=True if the first feature of this data has index 0.",
    ),
    kernels.INDEX_TOO_LARGE: (
        "feature indices up to {last}, as n_features says",
        "Pass a larger n_features, or none to take what the file holds.",
    ),
    kernels.DUPLICATE_INDEX: ("each feature once in a row", "Remove one of the two values."),
    kernels.EMPTY_VALUE: ("a value behind the colon", "Write the value, or leave the feature out if it is 0."),
    kernels.BAD_VALUE: (
        "a decimal number as value",
        "Correct it; a missing value is written NULL or nan.",
    ),
    kernels.INFINITE_VALUE: (
        "a value that float32 can hold",
        "Clip or rescale the feature, or write NULL if the value is missing.",
    ),
    kernels.MISSING_VALUE: ("a number, since missing='error'", "Correct it, or pass missing='keep' to read it as NaN."),
    kernels.NUL_BYTE: ("plain text", "Convert the file to UTF-8 text, for example with iconv -f UTF-16 -t UTF-8."),
}


def line_error(where: str, data: NDArray[np.uint8], code: int, position: int, *, last_index: int) -> DataError:
    """The error for the token that begins at a byte of a block.

    Args:
        where: File and line.
        data: The block.
        code: What the kernel said.
        position: The byte.
        last_index: The largest feature index that ``n_features`` allows.
    """
    line, column = _line_around(data, position)
    if b"\0" in line:
        code = kernels.NUL_BYTE
    expected, action = _MESSAGES[code]
    token = line[column:].split(b"#", 1)[0].split(maxsplit=1)
    got = f"{show(token[0])} at column {column + 1} of {show(line)}" if token else show(line)
    if code == kernels.NUL_BYTE:
        got = f"NUL bytes in {show(line)}"
    return DataError(f"{where}: expected {expected.format(last=last_index)}; got {got}. {action}")


def show(text: bytes) -> str:
    """Bytes of a file as a quoted, shortened text."""
    text = text.strip(_WHITESPACE)
    try:
        shown = repr(text.decode())
    except UnicodeDecodeError:
        shown = repr(text).removeprefix("b")
    return shown if len(shown) <= _LONGEST_TEXT else f"{shown[: _LONGEST_TEXT - 4]}...'"


def _line_around(data: NDArray[np.uint8], position: int) -> tuple[bytes, int]:
    """The line that holds a byte, and where the byte stands in it."""
    newline = ord("\n")
    before = np.flatnonzero(data[:position] == newline)
    start = int(before[-1]) + 1 if len(before) else 0
    stop = position + int(np.argmax(data[position:] == newline))
    return data[start:stop].tobytes(), position - start
