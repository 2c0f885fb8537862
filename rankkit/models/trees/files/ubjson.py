"""Universal Binary JSON, draft 12, as XGBoost writes it: big-endian numbers, arrays of one type as one block."""

from typing import Any

import numpy as np

_NUMBERS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
_INTEGERS = "iUIlL"
_CONSTANTS = {"T": True, "F": False, "Z": None}
_DEEPEST = 100


def is_ubjson(content: bytes) -> bool:
    """Whether it is an object whose first key has its length before it, where JSON has a quotation mark."""
    return content[:1] == b"{" and content[1:2] in [kind.encode() for kind in _INTEGERS]


def read_ubjson(content: bytes) -> Any:
    r"""The value that the content holds; blocks of numbers are numpy arrays.

    Raises:
        ValueError: If it is damaged or cut off.

    Example:
        >>> read_ubjson(b"{U\x01a[$d#U\x01\x3f\x80\x00\x00}")
        {'a': array([1.], dtype='>f4')}
    """
    value, end = _value(content, 0, _DEEPEST)
    if end != len(content):
        raise ValueError(f"{len(content) - end:,} bytes behind the end")
    return value


def _value(content: bytes, at: int, depth: int) -> tuple[Any, int]:
    kind = content[at : at + 1].decode("latin-1")
    return _of_kind(content, at + 1, kind, depth)


def _of_kind(content: bytes, at: int, kind: str, depth: int) -> tuple[Any, int]:
    """The value of a kind whose letter has been read, and where it ends."""
    if depth == 0:
        raise ValueError("values that are nested too deeply")
    if kind in _CONSTANTS:
        return _CONSTANTS[kind], at
    if kind == "S":
        return _text(content, at)
    if kind == "[":
        return _array(content, at, depth)
    if kind == "{":
        return _object(content, at, depth)
    if kind not in _NUMBERS:
        raise ValueError(f"a value of the unknown type {kind!r} at byte {at - 1:,}")
    numbers, end = _block(content, at, kind, 1)
    return numbers[0].item(), end


def _text(content: bytes, at: int) -> tuple[str, int]:
    size, at = _count(content, at)
    if at + size > len(content):
        raise ValueError("text that is cut off")
    return content[at : at + size].decode(), at + size


def _count(content: bytes, at: int) -> tuple[int, int]:
    kind = content[at : at + 1].decode("latin-1")
    if kind == "" or kind not in _INTEGERS:
        raise ValueError(f"no length at byte {at:,}")
    numbers, end = _block(content, at + 1, kind, 1)
    if numbers[0] < 0:
        raise ValueError(f"a length below 0 at byte {at:,}")
    return int(numbers[0]), end


def _block(content: bytes, at: int, kind: str, count: int) -> tuple[Any, int]:
    form = np.dtype(_NUMBERS[kind])
    end = at + count * form.itemsize
    if end > len(content):
        raise ValueError("numbers that are cut off")
    return np.frombuffer(content, form, count, at), end


def _array(content: bytes, at: int, depth: int) -> tuple[Any, int]:
    kind = None
    if content[at : at + 1] == b"$":
        kind, at = content[at + 1 : at + 2].decode("latin-1"), at + 2
    if content[at : at + 1] == b"#":
        count, at = _count(content, at + 1)
        if kind in _NUMBERS:
            return _block(content, at, str(kind), count)
        if count > len(content) - at:  # every value takes a byte, but for constants, which XGBoost does not write so
            raise ValueError("an array that is cut off")
        values = []
        for _ in range(count):
            value, at = _value(content, at, depth - 1) if kind is None else _of_kind(content, at, kind, depth - 1)
            values.append(value)
        return values, at
    if kind is not None:
        raise ValueError(f"an array of one type without a length at byte {at:,}")
    values = []
    while content[at : at + 1] != b"]":
        value, at = _value(content, at, depth - 1)
        values.append(value)
    return values, at + 1


def _object(content: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found = {}
    while content[at : at + 1] != b"}":
        key, at = _text(content, at)
        found[key], at = _value(content, at, depth - 1)
    return found, at + 1
