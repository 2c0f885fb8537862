"""What rankkit says about LETOR text that it cannot read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankkit.loaders.letor import kernels
from rankkit.loaders.letor.lines import Layout, line_at

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
    kernels.NO_GRADE: (
        f"a grade as the label, a whole number from 0 to {kernels.LARGEST_GRADE}",
        "Pass labels='any' if so meant; the gain 2^label - 1 of large labels overflows, a linear gain does not.",
    ),
    kernels.NO_QID: (
        "'<label> qid:<id> <feature>:<value> ...'",
        "Add the qid column, or write how many rows each query has into a file beside it, with .query behind its name.",
    ),
    kernels.EMPTY_QID: ("an id behind 'qid:'", "Give the row the id of its query."),
    kernels.BAD_FEATURE: ("'<feature>:<value>' with an integer index", "Correct the row or remove it."),
    kernels.QID_AFTER_FEATURES: ("qid:<id> before the features", "Move it behind the label."),
    kernels.EXTRA_QID: (
        "rows without qid, since a file counts the rows of each query",
        "Remove the qids, or that file.",
    ),
    kernels.EXTRA_LABEL: (
        "'qid:<id> <feature>:<value> ...' without a label, as in the first row",
        "Give all rows a label, or none.",
    ),
    kernels.INDEX_ZERO: (
        "feature indices from 1 on",
        "Pass zero_based=True if the first feature of this data has index 0.",
    ),
    kernels.INDEX_TOO_LARGE: (
        "feature indices up to {last}, as many as are asked for",
        "Correct the row, or pass n_features= of the largest index.",
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
    kernels.BAD_TEXT: ("ids in UTF-8", "Convert the file to UTF-8."),
}

SKIPPABLE = frozenset(
    {
        kernels.BAD_LABEL,
        kernels.NEGATIVE_LABEL,
        kernels.NO_GRADE,
        kernels.BAD_FEATURE,
        kernels.INDEX_TOO_LARGE,
        kernels.DUPLICATE_INDEX,
        kernels.EMPTY_VALUE,
        kernels.BAD_VALUE,
        kernels.INFINITE_VALUE,
        kernels.MISSING_VALUE,
    }
)
"""Faults of one row that say nothing about others: leaving the row out changes no other row and no query's bounds."""


@dataclass(frozen=True)
class LineFault:
    """What is wrong in a line, in the parts of an error message.

    Args:
        code: One of the codes of :mod:`rankkit.loaders.letor.kernels`.
        expected: What should stand there.
        got: The token, its column, and the line, shortened.
        action: What to do.
    """

    code: int
    expected: str
    got: str
    action: str

    def __str__(self) -> str:
        return f"expected {self.expected}; got {self.got}. {self.action}"


def line_fault(data: NDArray[np.uint8], code: int, position: int, layout: Layout) -> LineFault:
    """What is wrong with the token that begins at a byte of a block.

    Args:
        data: The block.
        code: What the parser said.
        position: The byte.
        layout: Of the lines.
    """
    start, stop = line_at(data, position)
    line, column = data[start:stop].tobytes(), position - start
    if b"\0" in line:
        code = kernels.NUL_BYTE
    column += len(line[column:]) - len(line[column:].lstrip(_WHITESPACE))  # a fault may begin with blanks
    late_qid = line.split(b"#", 1)[0].find(b" qid:", column)
    if code == kernels.NO_QID and late_qid >= 0:
        code, column = kernels.QID_AFTER_FEATURES, late_qid + 1
    expected, action = _MESSAGES[code]
    token = line[column:].split(b"#", 1)[0].split(maxsplit=1)
    got = f"{show(token[0])} at column {column + 1} of {show(line)}" if token else show(line)
    if code == kernels.NUL_BYTE:
        got = f"NUL bytes in {show(line)}"
    return LineFault(code, expected.format(last=layout.width - 1 + layout.base), got, action)


def show(text: bytes) -> str:
    """Bytes of a file as a quoted, shortened text."""
    text = text.strip(_WHITESPACE)
    try:
        shown = repr(text.decode())
    except UnicodeDecodeError:
        shown = repr(text).removeprefix("b")
    return shown if len(shown) <= _LONGEST_TEXT else f"{shown[: _LONGEST_TEXT - 4]}...'"
