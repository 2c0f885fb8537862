"""The compiled loop that reads an array of JSON numbers; it imports numba."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN202

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel, part
from rankkit.loaders.letor.kernels import byte_at, to_float32

_OPEN, _CLOSE, _COMMA, _MINUS, _PLUS, _DOT, _ZERO, _NINE, _E, _N, _U, _L = (ord(c) for c in "[],-+.09enul")
_BLANKS = tuple(ord(c) for c in " \n\r\t")
_LOWER = 0x20  # the bit that makes an ASCII letter lower case
_MOST_DIGITS = 19  # as many as always fit a uint64
_LONGEST_EXPONENT = 6
_TEN, _ASCII_ZERO = np.uint64(10), np.uint64(_ZERO)

# Whatever is walked over, digits or blanks, ends at the bracket that a text has to end with.
_part = part(boundscheck=False, error_model="numpy", forceinline=True)


@_part
def _after_blanks(text, pos):
    while byte_at(text, pos) in _BLANKS:
        pos += 1
    return pos


@_part
def _digits(text, pos, mantissa):
    """The number that continues with the digits from here on, and the byte behind them; too many run over."""
    while True:
        digit = np.uint64(byte_at(text, pos)) - _ASCII_ZERO  # below 0 it is very large
        if digit >= _TEN:
            return mantissa, pos
        mantissa = mantissa * _TEN + digit
        pos += 1


@_part
def _number(text, pos):
    """The value of a number of JSON and the byte behind it; minus one for what is none, or no short one."""
    negative = byte_at(text, pos) == _MINUS
    first = pos + negative
    mantissa, pos = _digits(text, first, np.uint64(0))
    n_digits, exponent = pos - first, 0
    if n_digits == 0 or (n_digits > 1 and byte_at(text, first) == _ZERO):
        return np.float32(0), -1
    if byte_at(text, pos) == _DOT:
        first = pos + 1
        mantissa, pos = _digits(text, first, mantissa)
        exponent = first - pos
        n_digits -= exponent
        if exponent == 0:
            return np.float32(0), -1
    if byte_at(text, pos) | _LOWER == _E:
        falls = byte_at(text, pos + 1) == _MINUS
        first = pos + 1 + (falls or byte_at(text, pos + 1) == _PLUS)
        shift, pos = _digits(text, first, np.uint64(0))
        if not 0 < pos - first <= _LONGEST_EXPONENT:
            return np.float32(0), -1
        exponent += -np.int64(shift) if falls else np.int64(shift)
    if n_digits > _MOST_DIGITS:
        return np.float32(0), -1
    value, certain = to_float32(mantissa, exponent)
    if not certain:
        return np.float32(0), -1
    return -value if negative else value, pos


@kernel(boundscheck=False, error_model="numpy")
def read_numbers(text: NDArray[np.uint8], values: NDArray[np.float32]) -> bool:
    """Whether a text is so many arrays of so many numbers or nulls, which become ``np.float32(float(number))`` and NaN.

    False also where a number is one of a few that lie between two of float32 as if in the middle, or has more than 19
    digits.

    Args:
        text: uint8 ``[byte]``: the arrays with a comma between two; anything, also what is no JSON.
        values: float32 ``[array, number]``, written.
    """
    if text.size < 2 or text[text.size - 1] != _CLOSE or values.size == 0:
        return False
    n_rows, n_numbers = values.shape
    pos = np.int64(0)
    for row in range(n_rows):
        if byte_at(text, pos) != _OPEN:
            return False
        pos += 1
        for place in range(n_numbers):
            pos = _after_blanks(text, pos)
            if byte_at(text, pos) == _N:
                if byte_at(text, pos + 1) != _U or byte_at(text, pos + 2) != _L or byte_at(text, pos + 3) != _L:
                    return False
                values[row, place] = np.nan
                pos += 4
            else:
                values[row, place], pos = _number(text, pos)
                if pos < 0:
                    return False
            pos = _after_blanks(text, pos)
            if byte_at(text, pos) != (_COMMA if place + 1 < n_numbers else _CLOSE):
                return False
            pos += 1
        if row + 1 < n_rows:
            if pos == text.size or byte_at(text, pos) != _COMMA:
                return False
            pos += 1
            if pos == text.size:
                return False
    return pos == text.size
