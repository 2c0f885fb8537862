"""TextIds: ids as text in the memory of their characters, where numpy would give each the room of the longest."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_AT_A_TIME = 65_536  # ids that are Python objects at the same time, of those that are iterated over


class TextIds:
    """Text, one id a row: an Arrow array that is indexed, compared and converted as a numpy array is.

    An index gives a str, a slice shares memory, an array of positions or a mask gathers. numpy sees an array of Python
    strings: ``np.asarray``, ``np.unique``, ``np.isin`` and pandas work as they do on such an array.

    Args:
        texts: Strings, as any iterable, numpy or Arrow array; none may be missing.

    Raises:
        TypeError: If one is no text.
        ValueError: If one is missing, or has no UTF-8 form.

    Example:
        >>> ids = TextIds(["b", "a", "b"])
        >>> ids[0], ids[1:], (ids == "b").tolist()
        ('b', TextIds(['a', 'b']), [True, False, True])
    """

    __slots__ = ("_array",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, texts: "Iterable[str] | pa.Array | pa.ChunkedArray") -> None:
        self._array = _large_strings(texts)

    @classmethod
    def from_buffers(cls, offsets: NDArray[np.int64], characters: NDArray[np.uint8]) -> "TextIds":
        """The ids whose UTF-8 bytes are ``characters[offsets[i]:offsets[i + 1]]``, without a copy.

        Args:
            offsets: int64 ``[id + 1]``, from 0 to the number of bytes, never falling; else memory is read that is
                none of theirs.
            characters: uint8 ``[byte]``.
        """
        ids = cls.__new__(cls)
        buffers = (pa.py_buffer(np.ascontiguousarray(array)) for array in (offsets, characters))
        ids._array = pa.LargeStringArray.from_buffers(len(offsets) - 1, *buffers)
        return ids

    def buffers(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """What :meth:`from_buffers` takes; the characters share memory."""
        if not len(self):
            return np.zeros(1, np.int64), np.zeros(0, np.uint8)
        _, offsets, characters = self._array.buffers()
        ends = np.frombuffer(offsets, np.int64)[self._array.offset : self._array.offset + len(self) + 1]
        held = np.zeros(0, np.uint8) if characters is None else np.frombuffer(characters, np.uint8)
        return ends - ends[0], held[ends[0] : ends[-1]]

    def to_arrow(self) -> pa.Array:
        """The Arrow array ``large_string [id]``, without a copy."""
        return self._array

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array that numpy sees."""
        return np.dtype(object)

    @property
    def shape(self) -> tuple[int]:
        """``(number of ids,)``."""
        return (len(self),)

    @property
    def ndim(self) -> int:
        """1."""
        return 1

    @property
    def size(self) -> int:
        """The number of ids."""
        return len(self)

    @property
    def nbytes(self) -> int:
        """The bytes of the characters, and eight for each id."""
        offsets, characters = self.buffers()
        return offsets.nbytes + characters.nbytes

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _AT_A_TIME):
            yield from self._array.slice(start, _AT_A_TIME).to_pylist()

    def tolist(self) -> list[str]:
        """The ids as strings."""
        texts: list[str] = self._array.to_pylist()
        return texts

    @overload
    def __getitem__(self, place: int | np.integer[Any]) -> str: ...
    @overload
    def __getitem__(self, place: "slice | Sequence[int] | NDArray[Any]") -> "TextIds": ...
    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            if step == 1:
                return TextIds(self._array.slice(start, max(stop - start, 0)))
            return self._gather(np.arange(start, stop, step))
        if isinstance(place, int | np.integer) and not isinstance(place, bool):
            return self._array[self._position(operator.index(place))].as_py()
        if place is None or place is Ellipsis or isinstance(place, tuple | bool):
            return np.asarray(self)[place]
        places = np.asarray(place)
        if not places.size and not isinstance(place, np.ndarray):
            places = places.astype(np.int64)
        if places.ndim != 1 or places.dtype.kind not in "iub":
            return np.asarray(self)[places]
        if places.dtype.kind == "b":
            if len(places) != len(self):
                raise IndexError(f"a mask of {len(places)} does not fit {len(self)} ids")
            places = np.flatnonzero(places)
        return self._gather(places.astype(np.int64))

    def _position(self, place: int) -> int:
        if not -len(self) <= place < len(self):
            raise IndexError(f"position {place} is out of bounds for {len(self)} ids")
        return place % len(self)

    def _gather(self, places: NDArray[np.int64]) -> "TextIds":
        if len(places):
            for extreme in (places.min(), places.max()):
                self._position(int(extreme))
        return TextIds(self._array.take(pa.array(np.where(places < 0, places + len(self), places))))

    def repeat(self, repeats: Any, axis: None = None) -> "TextIds":
        """As ``numpy.repeat``, which calls this."""
        return self._gather(np.repeat(np.arange(len(self)), repeats))

    def copy(self) -> "TextIds":
        """Itself: it cannot be changed."""
        return self

    def astype(self, dtype: Any, copy: bool = True) -> NDArray[Any]:
        """A numpy array of another type: of ``str`` one of fixed width, with the room of the longest for each."""
        return np.asarray(self).astype(dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("TextIds: expected a copy to be allowed: numpy has no array in the memory of these ids")
        objects = np.empty(len(self), object)
        objects[:] = self.tolist()
        return objects if dtype is None else objects.astype(dtype)

    def __eq__(self, other: object) -> NDArray[np.bool_]:  # type: ignore[override]
        if isinstance(other, TextIds) and len(other) == len(self):
            same = pc.equal(self._array, other._array)
        elif isinstance(other, str):
            same = pc.equal(self._array, pa.scalar(str(other), pa.large_string()))
        else:
            return np.asarray(np.asarray(self) == np.asarray(other, object), np.bool_)
        return np.asarray(same.to_numpy(zero_copy_only=False), np.bool_)

    def __ne__(self, other: object) -> NDArray[np.bool_]:  # type: ignore[override]
        return ~(self == other)

    def __reduce__(self) -> tuple[Any, ...]:
        # The bytes of these ids and of no others, which a slice has in its buffers too.
        offsets, characters = self.buffers()
        return TextIds.from_buffers, (offsets, characters.copy())

    def __repr__(self) -> str:
        shown = self.tolist() if len(self) <= 6 else [*self[:3].tolist(), ..., *self[-3:].tolist()]
        listed = ", ".join("..." if text is ... else repr(text) for text in shown)
        return f"TextIds([{listed}])" if len(self) <= 6 else f"TextIds([{listed}], {len(self):,} ids)"


Ids: TypeAlias = NDArray[Any] | TextIds
"""Ids, one a query or a document: an array of int64, or text."""


def as_ids(values: Any) -> Ids:
    """Ids in the form in which they are kept: whole numbers as int64, where they fit it, text as :class:`TextIds`.

    Raises:
        TypeError: If they are neither, or both.
        ValueError: If one is missing, or has no UTF-8 form.
    """
    if isinstance(values, TextIds):
        return values
    if not isinstance(values, np.ndarray):
        values = list(values)
        if values and isinstance(values[0], str):
            return TextIds(values)
        values = np.asarray(values, None if values else np.int64)
    if not values.size and values.ndim == 1:
        return np.zeros(0, np.int64)
    if values.dtype.kind in "iu":
        if values.dtype.kind == "u" and values.max(initial=0) > np.iinfo(np.int64).max:
            return TextIds(pa.array(values).cast(pa.large_string()))
        numbers: NDArray[np.int64] = values.astype(np.int64, copy=False)
        return numbers
    if values.dtype.kind in "UTO" and values.ndim == 1:
        return TextIds(values)
    raise TypeError(f"expected ids [id] as whole numbers or text; got {values.dtype} of shape {values.shape}")


def no_ids(n: int) -> TextIds:
    """Empty text, for rows that have no ids beside others that have."""
    return TextIds.from_buffers(np.zeros(n + 1, np.int64), np.zeros(0, np.uint8))


def join_ids(pieces: "Sequence[Ids]") -> Ids:
    """Ids behind each other: text where one piece is text, in which whole numbers are their digits."""
    if not any(isinstance(piece, TextIds) for piece in pieces):
        return np.concatenate(pieces)
    return TextIds(pa.chunked_array([id_texts(piece).to_arrow() for piece in pieces], pa.large_string()))


def id_texts(ids: Ids) -> TextIds:
    """Ids as text: whole numbers as their digits."""
    return ids if isinstance(ids, TextIds) else TextIds(to_arrow(ids).cast(pa.large_string()))


def to_arrow(ids: Ids) -> pa.Array:
    """Ids as an Arrow array of int64 or large_string."""
    return ids.to_arrow() if isinstance(ids, TextIds) else pa.array(ids)


def first_places(ids: Ids) -> NDArray[np.int64]:
    """int64 ``[id]``: where the same id stands first.

    >>> first_places(TextIds(["b", "a", "b"]))
    array([0, 1, 0])
    """
    if not isinstance(ids, TextIds):
        _, first, of_id = np.unique(ids, return_index=True, return_inverse=True)
        return np.asarray(first[of_id], np.int64)
    # Codes count up in the order in which ids are first met.
    codes = np.asarray(ids.to_arrow().dictionary_encode().indices.to_numpy())
    is_new = np.diff(np.maximum.accumulate(codes, dtype=np.int64), prepend=-1) > 0
    return np.asarray(np.flatnonzero(is_new)[codes], np.int64)


def sorted_places(ids: TextIds) -> NDArray[np.int64]:
    """int64 ``[id]``: the place of each id among the different ones in the order of code points.

    >>> sorted_places(TextIds(["b", "a", "b"]))
    array([1, 0, 1])
    """
    encoded = ids.to_arrow().dictionary_encode()
    order = np.asarray(pc.array_sort_indices(encoded.dictionary).to_numpy())
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return np.asarray(places[encoded.indices.to_numpy()], np.int64)


def _large_strings(texts: Any) -> pa.Array:
    if isinstance(texts, np.ndarray):
        if texts.dtype.kind not in "UTO" or texts.ndim != 1:
            raise TypeError(f"expected text [id]; got {texts.dtype} of shape {texts.shape}")
        texts = pa.array(texts, pa.large_string()) if texts.dtype.kind == "U" else texts.tolist()
    if not isinstance(texts, pa.Array | pa.ChunkedArray):
        texts = list(texts)
        wrong = next((text for text in texts if not isinstance(text, str)), "")
        if wrong is not None and not isinstance(wrong, str):
            raise TypeError(f"expected text as ids; got {type(wrong).__name__} {wrong!r}")
        texts = pa.array(texts, pa.large_string())
    if texts.type != pa.large_string():
        texts = texts.cast(pa.large_string())
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays([*texts.chunks, pa.array([], texts.type)]) if texts.num_chunks != 1 else texts.chunk(0)
    if texts.null_count:
        raise ValueError("expected an id in each row; got none in one")
    return texts
