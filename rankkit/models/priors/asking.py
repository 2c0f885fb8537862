"""What ``prior=`` takes: keys by the names of columns, or by their places, and options."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from rankkit.data.columns.kinds import Column, Number, Text, Vector
from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError, did_you_mean

Keys = str | Sequence[str | Sequence[int]]
"""``"doc_id"``, ``["doc_id", "brand+color"]``, or columns of the matrix, from 0: ``[[3], [5, 6]]``."""
Prior = Keys | Mapping[str, Any]
"""What ``prior=`` takes: keys, or ``{"keys": ..., "smoothing": 5.0, "half_life": None}``; the half-life is in days."""

SMOOTHING = 5.0
_MOST = 100_000_000  # keys of a file


def asked_prior(where: str, prior: Prior) -> dict[str, Any]:
    """A prior as a table, checked as far as no data is needed.

    Raises:
        ConfigError: If an option is unknown, or cannot be.

    >>> asked_prior("here", ["doc_id"])
    {'keys': ['doc_id']}
    """
    return Asked(where, prior).table


def key_names(prior: Prior) -> set[str]:
    """The words of a prior that may be columns, whatever these are.

    >>> sorted(key_names(["doc_id", "brand+color"]))
    ['brand', 'brand+color', 'color', 'doc_id']
    """
    keys = asked_prior("prior", prior)["keys"]
    words = [key for key in ([keys] if isinstance(keys, str) else keys) if isinstance(key, str)]
    return {part.strip() for word in words for part in (word, *word.split("+"))}


class Asked:
    """What was asked for, checked as far as no data is needed."""

    def __init__(self, where: str, prior: Prior) -> None:
        table = prior if isinstance(prior, Mapping) else {"keys": prior}
        known = {"keys", "smoothing", "half_life"}
        self.table = dict(table)
        unknown = sorted(table.keys() - known - {"sizes"})
        if unknown or "keys" not in table:
            got = f"{unknown[0]!r}. {did_you_mean(str(unknown[0]), known)}" if unknown else "none. Name them."
            raise ConfigError(f"{where}: expected prior= with keys, smoothing and half_life; got {got}")
        self.keys: Keys = table["keys"]
        self.smoothing = float(self._positive(where, "smoothing", table.get("smoothing", SMOOTHING)))
        half_life = table.get("half_life")
        self.half_life = None if half_life is None else float(self._positive(where, "half_life", half_life))

    def sizes_of(self, where: str, keys: Sequence[Sequence[int]]) -> Sequence[Sequence[int]] | None:
        """How much was learnt, of a prior that is built again."""
        sizes = self.table.get("sizes")
        if sizes is None:
            return None
        good = isinstance(sizes, list) and [len(one) for one in sizes] == [2 * len(key) - 1 for key in keys]
        if not good or not all(isinstance(n, int) and 0 <= n < _MOST for one in sizes for n in one):
            raise ConfigError(f"{where}: expected sizes of prior= as they were saved; got {sizes!r}. Leave them out.")
        return cast("Sequence[Sequence[int]]", sizes)

    @staticmethod
    def _positive(where: str, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < np.inf:
            raise ConfigError(f"{where}: expected {name} of prior= above 0; got {value!r}. Pass a number.")
        return value


def places_of(where: str, prior: Keys, names: Sequence[str], schema: Schema | None = None) -> list[list[int]]:
    """The keys of a prior as columns of the matrix.

    Args:
        where: For messages.
        prior: The keys.
        names: Of the columns of the matrix.
        schema: What they stand for; None: numbers.

    Raises:
        ConfigError: If one is no column, twice there, or of a kind that tells nothing apart.

    >>> places_of("here", ["brand", "brand+size"], ["price", "brand", "size"])
    [[1], [1, 2]]
    """
    if not isinstance(prior, str | Sequence) or not prior:
        raise ConfigError(f"{where}: expected keys of a prior; got {prior!r}. Pass names, as ['doc_id', 'brand+size'].")
    owners = [Number(name) for name in names] if schema is None else [c for c in schema.columns for _ in c.names]
    place_of = {name: place for place, name in enumerate(names)}
    if schema is not None:  # a column of one place is known by its own name too, such as a hashed one
        spans = schema.spans.items()
        place_of = {**{name: span.start for name, span in spans if span.stop == span.start + 1}, **place_of}
    found: list[list[int]] = []
    for key in [prior] if isinstance(prior, str) else prior:
        parts: Sequence[Any] = _parts(key, place_of) if isinstance(key, str) else list(key)
        places = [place_of.get(part, -1) if isinstance(part, str) else part for part in parts]
        for part, place in zip(parts, places, strict=True):
            if isinstance(part, bool) or not isinstance(place, int) or not 0 <= place < len(names):
                raise ConfigError(
                    f"{where}: expected prior= as columns of the data; got {part!r}. "
                    f"{did_you_mean(str(part), place_of)} Read a column of ids of a table as a key, with columns=."
                )
            if not _tells_apart(owners[place]):
                raise ConfigError(
                    f"{where}: expected prior= as categories or numbers; got {part!r}, a {owners[place].kind}. "
                    + ("Name another column." if owners[place].kind == "bag" else "Read it as a key, with columns=.")
                )
        if not places or len(set(places)) < len(places) or places in found:
            raise ConfigError(f"{where}: expected different columns in different keys; got {key!r}. Leave it out.")
        found.append(places)
    return found


def _parts(key: str, known: Mapping[str, int]) -> list[str]:
    """The columns of a key: one whose name it is, or those between the plus signs, which names may have too."""
    if key in known:
        return [key]
    words, parts = key.split("+"), list[str]()
    while words:
        ends = [n for n in range(len(words), 0, -1) if "+".join(words[:n]).strip() in known]
        n = ends[0] if ends else 1
        parts.append("+".join(words[:n]).strip())
        words = words[n:]
    return parts


def _tells_apart(column: Column) -> bool:
    return not isinstance(column, Text | Vector) and column.kind != "bag"
