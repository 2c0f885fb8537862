"""The compiled loops that read arrays of JSON numbers; they import numba."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN202

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel, part
from rankkit.loaders.letor.kernels import byte_at, count_digits, digits_value, to_float32, word_at

_OPEN, _CLOSE, _COMMA, _MINUS, _PLUS, _DOT, _ZERO, _E, _N, _U, _L = (ord(c) for c in "[],-+.0enul")
_QUOTE, _ESCAPE, _COLON, _END = (ord(c) for c in '"\\:}')
_BLANKS = tuple(ord(c) for c in " \n\r\t")
_LOWER = 0x20  # the bit that makes an ASCII letter lower case
_LONGEST_PLACE = 24  # bytes of ":[" with a number and "]"
_LONGEST_PLAIN = 32  # bytes from its beginning in which a plain number and the words that are looked at end
_MOST_DIGITS = 19  # as many as always fit a uint64
_LONGEST_EXPONENT = 6
_KEY = np.frombuffer(b'"features"', np.uint8)
_POWERS = np.array([10**n for n in range(9)], np.uint64)
_WORD = 8  # bytes that are looked at together
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
    while pos + _WORD <= text.size:
        word = word_at(text, pos)
        n = count_digits(word)
        if n:  # a shift by all bits of a word is no shift
            mantissa = mantissa * _POWERS[n] + np.uint64(digits_value(word, n))
            pos += n
        if n < _WORD:
            return mantissa, pos
    while True:
        digit = np.uint64(byte_at(text, pos)) - _ASCII_ZERO  # below 0 it is very large
        if digit >= _TEN:
            return mantissa, pos
        mantissa = mantissa * _TEN + digit
        pos += 1


@_part
def _first_digits(word, n):
    """The number that the first n bytes spell, from 0 to 8 of them."""
    return np.uint64(digits_value(word, max(n, 1))) * np.uint64(n > 0)


@_part
def _plain_number(text, pos):
    """As :func:`_number`, for up to 7 digits and 15 decimals, whose number costs no branch; minus one for any other."""
    negative = byte_at(text, pos) == _MINUS
    pos += negative
    word = word_at(text, pos)
    n_whole = count_digits(word)
    if n_whole == 0 or n_whole == _WORD or (n_whole > 1 and byte_at(text, pos) == _ZERO):
        return np.float32(0), -1
    mantissa = np.uint64(digits_value(word, n_whole))
    pos += n_whole
    n_decimals = 0
    if byte_at(text, pos) == _DOT:
        word, more = word_at(text, pos + 1), word_at(text, pos + 1 + _WORD)
        n = count_digits(word)
        n_more = count_digits(more) * (n == _WORD)
        n_decimals = n + n_more
        if n == 0 or n_more == _WORD or n_whole + n_decimals > _MOST_DIGITS:
            return np.float32(0), -1
        mantissa = mantissa * _POWERS[n] + _first_digits(word, n)
        mantissa = mantissa * _POWERS[n_more] + _first_digits(more, n_more)
        pos += 1 + n_decimals
    if byte_at(text, pos) | _LOWER == _E:
        return np.float32(0), -1
    value, certain = to_float32(mantissa, -n_decimals)
    if not certain:
        return np.float32(0), -1
    return -value if negative else value, pos


@_part
def _number(text, pos):
    """The value of a number of JSON and the byte behind it; minus one for what is none, or no short one."""
    if pos + _LONGEST_PLAIN <= text.size:
        value, after = _plain_number(text, pos)
        if after >= 0:
            return value, after
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


@_part
def _array(text, pos, values):
    """The byte behind an array of so many numbers or nulls, which are written; minus one for what is none."""
    if byte_at(text, pos) != _OPEN:
        return np.int64(-1)
    pos += 1
    n_numbers = values.size
    for place in range(n_numbers):
        pos = _after_blanks(text, pos)
        if byte_at(text, pos) == _N:
            if byte_at(text, pos + 1) != _U or byte_at(text, pos + 2) != _L or byte_at(text, pos + 3) != _L:
                return np.int64(-1)
            values[place] = np.nan
            pos += 4
        else:
            values[place], pos = _number(text, pos)
            if pos < 0:
                return np.int64(-1)
        pos = _after_blanks(text, pos)
        if byte_at(text, pos) != (_COMMA if place + 1 < n_numbers else _CLOSE):
            return np.int64(-1)
        pos += 1
    return pos


@_part
def _put_place(rest, left, row):
    """Write a colon and the number of a row in brackets; the byte behind them."""
    n_digits, least = 1, 10
    while row >= least:
        n_digits, least = n_digits + 1, least * 10
    rest[left], rest[left + 1], rest[left + 2 + n_digits] = _COLON, _OPEN, _CLOSE
    for place in range(n_digits):
        rest[left + 1 + n_digits - place] = _ZERO + row % 10
        row //= 10
    return left + 3 + n_digits


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
    n_rows = values.shape[0]
    pos = np.int64(0)
    for row in range(n_rows):
        pos = _array(text, pos, values[row])
        if pos < 0:
            return False
        if row + 1 < n_rows:
            if pos == text.size or byte_at(text, pos) != _COMMA:
                return False
            pos += 1
            if pos == text.size:
                return False
    return pos == text.size


@_part
def _behind_string(text, pos):
    """The byte behind a string, beyond the text where it does not end; and whether it has escapes."""
    is_escaped = False
    pos += 1
    while pos < text.size and byte_at(text, pos) != _QUOTE:
        escape = byte_at(text, pos) == _ESCAPE
        is_escaped = is_escaped or escape
        pos += 1 + escape
    return pos + 1, is_escaped


@_part
def _is_key(text, start, stop):
    """Whether ``"features"`` stands there."""
    if stop - start != _KEY.size:
        return False
    for place in range(_KEY.size):  # noqa: SIM110 - numba compiles no generator
        if byte_at(text, start + place) != _KEY[place]:
            return False
    return True


@_part
def _value_of_key(text, pos):
    """Where the value of the key that ends here begins; minus one if that is no key."""
    pos = _after_blanks(text, pos)
    return _after_blanks(text, pos + 1) if byte_at(text, pos) == _COLON else np.int64(-1)


@kernel(boundscheck=False, error_model="numpy")
def take_out(text: NDArray[np.uint8], values: NDArray[np.float32], rest: NDArray[np.uint8]) -> tuple[int, int]:
    """Read the arrays of numbers that stand under ``"features"``, and leave ``[0]``, ``[1]``, ... in their places.

    Whether the rest is JSON, and these are all where they should be, remains to be seen: who reads it finds the numbers
    0, 1, ... of the rows of ``values``.

    Args:
        text: uint8 ``[byte]``: a body.
        values: float32 ``[array, number]``, written.
        rest: uint8 ``[byte]``, written: the body without the numbers.

    Returns:
        How many arrays, and how many bytes are left; -1 and -1 where there are more of either than have room, an array
        is none that :func:`read_numbers` takes, the text does not end with a brace, or a key is written with escapes:
        it may be ``features`` too.
    """
    if text.size == 0 or text[text.size - 1] != _END:  # which ends whatever is walked over
        return -1, -1
    pos, row, left = np.int64(0), np.int64(0), np.int64(0)
    while pos < text.size:
        start, is_escaped = pos, False
        if byte_at(text, pos) == _QUOTE:
            pos, is_escaped = _behind_string(text, pos)
        else:
            pos += 1
        if pos > text.size or left + pos - start + _LONGEST_PLACE > rest.size:
            return -1, -1
        for place in range(start, pos):
            rest[left] = byte_at(text, place)
            left += 1
        if (is_escaped or _is_key(text, start, pos)) and pos < text.size:
            begin = _value_of_key(text, pos)
            if begin >= 0 and (is_escaped or byte_at(text, begin) == _OPEN):
                if is_escaped or row == values.shape[0]:
                    return -1, -1
                pos = _array(text, begin, values[row])
                if pos < 0:
                    return -1, -1
                left = _put_place(rest, left, row)
                row += 1
    return row, left
