"""The kinds of columns that documents have, and what each of them becomes in the float32 matrix.

========  ===========================================  ======================================================
kind      what stands in the table                     what stands in the matrix
========  ===========================================  ======================================================
number    numbers, booleans                            the value; NaN: missing
category  text, or numbers that only tell things apart one column: the code of the value, 0, 1, ...; one more than the
                                                       last for a value that is not in the vocabulary; NaN: missing
time      dates, times                                 one column a part: days, weekday, hour, ...; NaN: missing
vector    lists of numbers of one length               one column a position
key       text, or numbers that only tell things apart as of a category; no feature, only priors look at it
text      free text                                    hashed n-grams, as long as 1 in all; NaN: missing
bag       lists of text                                codes as of a category, one column a place, NaN behind the last;
                                                       NaN alone: missing or empty
========  ===========================================  ======================================================

Codes, and not zeros and ones, so that a scorer can average what it has learnt of each value, and so that a matrix
stays narrow. Empty text counts as missing, since CSV cannot tell the two apart.

What has a vocabulary learns it from the rows that are read, sorted; with ``n_buckets`` there is none, and the code of
a value is its hash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from rankkit.errors import ConfigError, did_you_mean
from rankkit.numbers import is_whole

Side = Literal["document", "query"]
Part = Literal["seconds", "days", "weekday", "hour", "yearday", "age"]
Analyzer = Literal["characters", "words"]

"""What of a column nobody sets."""
MOST_WORDS = 100_000
"""Of a vocabulary, unless told."""
MOST_BUCKETS = 10_000_000
"""That values are hashed into, and columns that a matrix has: a file that claims more is refused."""


@dataclass(frozen=True)
class Number:
    """A number a document."""

    kind: ClassVar[str] = "number"
    name: str = ""
    side: Side = "document"

    def __post_init__(self) -> None:
        _check_side("number", self.side)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns of the matrix."""
        return (self.name,)

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of a table that it is made of."""
        return (self.name,)


@dataclass(frozen=True)
class Category:
    """One of several values; :func:`category` makes one."""

    kind: ClassVar[str] = "category"
    name: str = ""
    ordered: bool = False
    min_count: int = 1
    max_size: int = MOST_WORDS
    n_buckets: int | None = None
    vocabulary: tuple[str, ...] | None = None
    side: Side = "document"
    key: bool = False
    """Only priors look at it: it is no feature."""

    def __post_init__(self) -> None:
        _check_side("category", self.side)
        _check_vocabulary("category", self.min_count, self.max_size, self.n_buckets)
        if self.ordered and self.n_buckets is not None:
            raise ConfigError("category: expected n_buckets without ordered: a hash has no order. Leave one out.")

    @property
    def n_codes(self) -> int:
        """How many values it tells apart; of a vocabulary this is also the code of all others."""
        return self.n_buckets or len(self.vocabulary or ())

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns of the matrix; a hash is another thing than what it is made of."""
        return (self.name if self.n_buckets is None else f"{self.name}[hash]",)

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of a table that it is made of."""
        return (self.name,)


@dataclass(frozen=True)
class Bag:
    """Several values of one sort; :func:`bag` makes one."""

    kind: ClassVar[str] = "bag"
    name: str = ""
    min_count: int = 1
    max_size: int = MOST_WORDS
    n_buckets: int | None = None
    places: int | None = None
    vocabulary: tuple[str, ...] | None = None
    side: Side = "document"

    def __post_init__(self) -> None:
        _check_side("bag", self.side)
        _check_vocabulary("bag", self.min_count, self.max_size, self.n_buckets)
        if self.places is not None:
            _check_size("bag: places", self.places)

    @property
    def n_codes(self) -> int:
        """How many values have a code of their own."""
        return self.n_buckets or len(self.vocabulary or ())

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns of the matrix."""
        return tuple(f"{self.name}[{place}]" for place in range(self.places or 0))

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of a table that it is made of."""
        return (self.name,)


@dataclass(frozen=True)
class Time:
    """A point in time; :func:`time` makes one."""

    kind: ClassVar[str] = "time"
    name: str = ""
    parts: tuple[Part, ...] = ("days", "weekday", "hour")
    reference: str | None = None
    origin: float | None = None
    """What ``seconds`` and ``days`` count from, in seconds from 1970: the beginning of the first day that was read."""
    side: Side = "document"

    def __post_init__(self) -> None:
        _check_side("time", self.side)
        for part in self.parts:
            if part not in get_args(Part):
                raise ConfigError(
                    f"time: expected parts of a time; got {part!r}. {did_you_mean(str(part), get_args(Part))}"
                )
        if not self.parts or len(set(self.parts)) < len(self.parts):
            raise ConfigError(f"time: expected one part or more, each once; got {self.parts!r}. Name them once.")
        if ("age" in self.parts) != (self.reference is not None):
            raise ConfigError(
                f"time: expected a reference for the age, and only for it; got parts={list(self.parts)}, "
                f"reference={self.reference!r}. Pass both or neither."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns of the matrix."""
        return tuple(f"{self.name}[{part}]" for part in self.parts)

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of a table that it is made of."""
        return (self.name,) if self.reference is None else (self.name, self.reference)


@dataclass(frozen=True)
class Vector:
    """A list of numbers; :func:`vector` makes one."""

    kind: ClassVar[str] = "vector"
    name: str = ""
    size: int | None = None
    side: Side = "document"

    def __post_init__(self) -> None:
        _check_side("vector", self.side)
        if self.size is not None:
            _check_size("vector: size", self.size)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns of the matrix."""
        return tuple(f"{self.name}[{place}]" for place in range(self.size or 0))

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of a table that it is made of."""
        return (self.name,)


@dataclass(frozen=True)
class Text:
    """Free text; :func:`text` makes one."""

    kind: ClassVar[str] = "text"
    name: str = ""
    size: int = 64
    analyzer: Analyzer = "characters"
    n: tuple[int, int] = (3, 4)
    against: str | None = None
    side: Side = "document"

    def __post_init__(self) -> None:
        _check_side("text", self.side)
        if not is_whole(self.size) or self.size < (0 if self.against else 1):
            raise ConfigError(
                f"text: expected a size of at least 1, or 0 beside against; got {self.size!r}. Pass a number."
            )
        if self.analyzer not in get_args(Analyzer):
            raise ConfigError(
                f"text: expected an analyzer; got {self.analyzer!r}. {did_you_mean(self.analyzer, get_args(Analyzer))}"
            )
        if len(self.n) != 2 or not all(is_whole(size) for size in self.n) or not 1 <= self.n[0] <= self.n[1] <= 10:
            raise ConfigError(
                f"text: expected n as the shortest and the longest, 1 to 10; got {self.n!r}. Pass (3, 4)."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns of the matrix."""
        hashed = tuple(f"{self.name}[{place}]" for place in range(self.size))
        return hashed if self.against is None else (*hashed, f"{self.name}[like {self.against}]")

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of a table that it is made of."""
        return (self.name,) if self.against is None else (self.name, self.against)


Column = Number | Category | Time | Vector | Text | Bag
KINDS: dict[str, type[Column]] = {made.kind: made for made in (Number, Category, Time, Vector, Text, Bag)}


def number(*, side: Side = "document") -> Number:
    """A column of numbers, for ``columns=`` of the readers.

    Args:
        side: ``"query"`` for what is the same for all documents of a query: it is checked where rows are read, and a
            transform that compares the documents of a query, which would leave nothing of it, is not applied to it.

    Raises:
        ConfigError: If there is no such side.

    >>> number(side="query").side
    'query'
    """
    return Number(side=side)


def category(
    *,
    ordered: bool = False,
    min_count: int = 1,
    max_size: int = MOST_WORDS,
    n_buckets: int | None = None,
    side: Side = "document",
    key: bool = False,
) -> Category:
    """A column whose values only tell things apart, for ``columns=`` of the readers.

    Args:
        ordered: The values have an order: that of the data frame's dtype, or else of the alphabet.
        min_count: Rows that a value has to have to get a code of its own; rarer ones count as never seen.
        max_size: Values that get a code of their own, the most frequent ones.
        n_buckets: Codes are hashes below this number, and there is no vocabulary: for millions of values.
        side: As of :func:`number`.
        key: It is no feature: only ``prior=`` of a scorer looks at it. ``"key"`` is short for it.

    Raises:
        ConfigError: If an option cannot work.

    >>> category(min_count=2).n_codes
    0
    """
    return Category(ordered=ordered, min_count=min_count, max_size=max_size, n_buckets=n_buckets, side=side, key=key)


def bag(
    *,
    places: int | None = None,
    min_count: int = 1,
    max_size: int = MOST_WORDS,
    n_buckets: int | None = None,
    side: Side = "document",
) -> Bag:
    """A column of lists of values, such as genres, for ``columns=`` of the readers.

    Args:
        places: Values of a list that count, the first ones; None: as many as the longest list has.
        min_count: As of :func:`category`.
        max_size: As of :func:`category`.
        n_buckets: As of :func:`category`.
        side: As of :func:`number`.

    Raises:
        ConfigError: If an option cannot work.
    """
    return Bag(min_count=min_count, max_size=max_size, n_buckets=n_buckets, places=places, side=side)


def time(*parts: Part, reference: str | None = None, side: Side = "document") -> Time:
    """A column of dates or times, for ``columns=`` of the readers.

    Args:
        *parts: ``"seconds"`` or ``"days"`` (both since the first day that was read, with fractions), ``"weekday"`` (0
            is Monday), ``"hour"`` (with fractions), ``"yearday"`` (0 is the first of January, with fractions),
            ``"age"`` (days before ``reference``). None: days, weekday and hour. A
            float32 holds seconds apart for half a year.
        reference: The column of times that ``"age"`` is counted to.
        side: As of :func:`number`.

    Raises:
        ConfigError: If there is no such part, or an age without reference.

    >>> from dataclasses import replace
    >>> replace(time("age", "hour", reference="asked"), name="listed").names
    ('listed[age]', 'listed[hour]')
    """
    return Time(parts=parts or Time.parts, reference=reference, side=side)


def vector(size: int | None = None, *, side: Side = "document") -> Vector:
    """A column of lists of numbers of one length, such as an embedding, for ``columns=`` of the readers.

    Args:
        size: How many numbers; None: as the first row has.
        side: As of :func:`number`.

    Raises:
        ConfigError: If that is no number from 1.
    """
    return Vector(size=size, side=side)


def text(
    size: int = 64,
    *,
    analyzer: Analyzer = "characters",
    n: Sequence[int] = (3, 4),
    against: str | None = None,
    side: Side = "document",
) -> Text:
    """A column of free text, for ``columns=`` of the readers: its n-grams, hashed into so many numbers.

    Args:
        size: How many numbers; 0 for none but the likeness.
        analyzer: What is counted: n-grams of ``"characters"`` within words, or of ``"words"``.
        n: The shortest and the longest n-gram.
        against: Another column of text: one more number says how like it this one is, the cosine between the n-grams
            of both.
        side: As of :func:`number`.

    Raises:
        ConfigError: If an option cannot work.

    >>> from dataclasses import replace
    >>> replace(text(2, against="query"), name="title").names
    ('title[0]', 'title[1]', 'title[like query]')
    """
    return Text(size=size, analyzer=analyzer, n=tuple(n), against=against, side=side)  # type: ignore[arg-type]


def _check_side(kind: str, side: Any) -> None:
    if side not in get_args(Side):
        raise ConfigError(f"{kind}: expected side='document' or 'query'; got {side!r}. Pass one of the two.")


def _check_size(where: str, value: Any) -> None:
    if not is_whole(value) or not 1 <= value <= MOST_BUCKETS:
        raise ConfigError(f"{where}: expected a whole number from 1 to {MOST_BUCKETS:,}; got {value!r}. Pass one.")


def _check_vocabulary(kind: str, min_count: Any, max_size: Any, n_buckets: Any) -> None:
    for option, value in (("min_count", min_count), ("max_size", max_size)):
        _check_size(f"{kind}: {option}", value)
    if n_buckets is not None:
        _check_size(f"{kind}: n_buckets", n_buckets)
        if (min_count, max_size) != (1, MOST_WORDS):
            raise ConfigError(
                f"{kind}: expected n_buckets without min_count and max_size, which are of a vocabulary. Leave them out."
            )
