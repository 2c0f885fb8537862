"""read(): from the bytes of a body to the array that is scored; runs in the service or in a process beside it."""

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from rankkit.serving.bodies.asked import Asked, Id, Kind
from rankkit.serving.bodies.form import MAX_ID, Form
from rankkit.serving.bodies.messages import RankRequest, ScoreRequest, read_request
from rankkit.serving.bodies.tables import TABLES, read_table, unpacked

JSON = "application/json"


@dataclass(frozen=True)
class How:
    """What a body is to be read as.

    Args:
        kind: What is asked: the order of one query's documents, or the scores of many queries.
        form: What the body has to look like.
        content_type: One of ``TABLES``; anything else is JSON.
        is_packed: Whether gzip has packed it.
        max_bytes: How long it may be when unpacked.
    """

    kind: Kind
    form: Form
    content_type: str = JSON
    is_packed: bool = False
    max_bytes: int = 2**31

    @property
    def is_plain(self) -> bool:
        """Whether a short body takes no long time."""
        return not self.is_packed and self.content_type not in TABLES


_ShortId = Annotated[str, msgspec.Meta(max_length=MAX_ID)] | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class _Document(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: _ShortId
    features: list[float | None] | dict[str, Any]


class _Rank(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    documents: list[_Document]
    query_id: _ShortId | None = None
    k: int | None = None


class _NumbersDocument(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: _ShortId
    features: tuple[int]  # the number of its row


class _NumbersRank(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    documents: list[_NumbersDocument]
    query_id: _ShortId | None = None
    k: int | None = None


class _NumbersQuery(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    features: list[msgspec.Raw]
    query_id: _ShortId | None = None


class _NumbersScore(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    queries: list[_NumbersQuery]


class _Query(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    features: list[list[float | None] | dict[str, Any]]
    query_id: _ShortId | None = None


class _Score(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    queries: list[_Query]


_RANK = msgspec.json.Decoder(_Rank)
_SCORE = msgspec.json.Decoder(_Score)
_NUMBERS_RANK = msgspec.json.Decoder(_NumbersRank)
_NUMBERS_SCORE = msgspec.json.Decoder(_NumbersScore)
_FIRST_VALUES = re.compile(rb'"features"\s*:\s*\[\s*(\[\s*)?[-\dn]')
_FIRST_LOOK = 4096  # bytes
_BYTES_OF_DOCUMENT = 128  # of all but its numbers; a body of longer ones is read in two steps
_VALUES = frozenset((float, int, type(None)))


class _OtherwiseError(Exception):
    """A body is not of the plain form."""


def read(body: bytes | bytearray, how: How) -> Asked:
    """What a body asks.

    Arrays of numbers are read from their bytes by a compiled loop. What else is as it should be is read in one step by
    msgspec, which does not tell where something is wrong; all else is read once more by pydantic, which does, and which
    knows the rarer forms too, such as 5.0 for a whole number.

    Args:
        body: JSON, an array or a table.
        how: What it is to be read as.

    Raises:
        RefusedError: With 422 and the first thing that is wrong; with 413 if it is too long when unpacked.
    """
    if how.is_packed:
        body = unpacked(body, how.max_bytes)
    if how.content_type in TABLES:
        return read_table(body, how.kind, how.content_type, how.form)
    with _no_collection():
        if how.form.schema_text is None:
            with suppress(msgspec.MsgspecError, ValueError, RecursionError, _OtherwiseError):
                return _rank_numbers(body, how.form) if how.kind == "rank" else _score_numbers(body, how.form)
        how = replace(how, form=replace(how.form))  # each request notes for itself what it leaves out
        try:
            return _plain_rank(body, how.form) if how.kind == "rank" else _plain_score(body, how.form)
        except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError, _OtherwiseError):
            return _rank(body, how.form) if how.kind == "rank" else _score(body, how.form)


def begins_with_numbers(body: bytes | bytearray) -> bool:
    """Whether the first document of a JSON body has its values in an array."""
    return _FIRST_VALUES.search(body, 0, _FIRST_LOOK) is not None


def read_each_kind_once() -> None:
    """Compile, or load, the loops that read numbers, so that no request waits for them."""
    form = Form(("a",), True, 1, 1)
    read(b'{"documents":[{"id":0,"features":[1]}]}', How("rank", form))
    read(b'{"queries":[{"features":[[1]]}]}', How("score", form))


def _bytes_of(text: bytes | bytearray) -> NDArray[np.uint8]:
    """The bytes as an array; a read-only one always, as a loop would be compiled again for one that is not."""
    return np.frombuffer(memoryview(text).toreadonly(), np.uint8)


def _rank_numbers(body: bytes | bytearray, form: Form) -> Asked:
    if not begins_with_numbers(body):  # numba's memory is not for what is no such body
        raise _OtherwiseError
    from rankkit.serving.bodies.number_kernels import take_out

    # No number takes less than two bytes with what follows it; one document more is one too many.
    n_rows = min(len(body) // (2 * len(form.names)), form.max_list_size + 1)
    rows = np.empty((n_rows, len(form.names)), np.float32)
    rest = np.empty(_FIRST_LOOK + n_rows * _BYTES_OF_DOCUMENT, np.uint8)
    text = body if body.endswith(b"}") else body.rstrip(b" \n\r\t")
    n_docs, n_left = take_out(_bytes_of(text), rows, rest)
    if not 0 < n_docs <= form.max_list_size:
        raise _OtherwiseError
    asked = _NUMBERS_RANK.decode(rest[:n_left].tobytes())
    ids, places = [], []
    for document in asked.documents:
        ids.append(document.id)
        places.append(document.features[0])
    if places != list(range(n_docs)) or (asked.k is not None and asked.k < 1):
        raise _OtherwiseError
    features = rows[:n_docs]
    _check_numbers(features, form)
    return Asked(features, [n_docs], [asked.query_id], ids, asked.k)


def _score_numbers(body: bytes | bytearray, form: Form) -> Asked:
    queries = _NUMBERS_SCORE.decode(body).queries
    sizes = [len(query.features) for query in queries]
    if len(queries) > form.max_docs or sum(sizes) > form.max_docs or max(sizes, default=0) > form.max_list_size:
        raise _OtherwiseError
    query_ids = [query.query_id for query in queries]
    return Asked(_numbers([row for query in queries for row in query.features], form), sizes, query_ids)


def _numbers(rows: Sequence[msgspec.Raw], form: Form) -> NDArray[np.float32]:
    """The features of documents whose values are arrays of numbers that the ranker takes.

    Raises:
        _OtherwiseError: If they are anything else.
    """
    from rankkit.serving.bodies.number_kernels import read_numbers

    features = np.empty((len(rows), len(form.names)), np.float32)
    # Copied together, as a call costs more than a row.
    if rows and not read_numbers(_bytes_of(b",".join(rows)), features):
        raise _OtherwiseError
    _check_numbers(features, form)
    return features


def _check_numbers(features: NDArray[np.float32], form: Form) -> None:
    """Raise _OtherwiseError for numbers that float32 cannot hold, or missing ones that a ranker does not take."""
    if not (~np.isinf(features) if form.takes_missing else np.isfinite(features)).all():
        raise _OtherwiseError


def _plain_rank(body: bytes | bytearray, form: Form) -> Asked:
    asked = _RANK.decode(body)
    if len(asked.documents) > form.max_list_size or (asked.k is not None and asked.k < 1):
        raise _OtherwiseError
    rows = [_row(document.features, form) for document in asked.documents]
    ids = [document.id for document in asked.documents]
    features = form.features("documents[{}].features", rows)
    return Asked(features, [len(ids)], [asked.query_id], ids, asked.k, len(form.left_out))


def _plain_score(body: bytes | bytearray, form: Form) -> Asked:
    queries = _SCORE.decode(body).queries
    sizes = [len(query.features) for query in queries]
    if len(queries) > form.max_docs or sum(sizes) > form.max_docs or max(sizes, default=0) > form.max_list_size:
        raise _OtherwiseError
    query_ids = [query.query_id for query in queries]
    parts = [[_row(values, form) for values in query.features] for query in queries]
    return _scores_of(parts, query_ids, form)


def _row(values: list[float | None] | dict[str, Any], form: Form) -> Any:
    if form.schema_text is not None:
        if not isinstance(values, dict) or not form.known <= values.keys():
            raise _OtherwiseError
        form.left_out.update(values.keys() - form.known)
        return values
    if isinstance(values, dict):
        if len(values) > len(form.names):
            form.left_out.update(values.keys() - form.known)
        try:
            values = [values[name] for name in form.names]
        except KeyError:
            raise _OtherwiseError from None
        if not _VALUES.issuperset(map(type, values)):
            raise _OtherwiseError
    elif len(values) != len(form.names):
        raise _OtherwiseError
    return values


def _rank(body: bytes | bytearray, form: Form) -> Asked:
    asked = read_request(RankRequest, body, form)
    features = form.features("documents[{}].features", [document.features for document in asked.documents])
    ids = [document.id for document in asked.documents]
    return Asked(features, [len(ids)], [asked.query_id], ids, asked.k, len(form.left_out))


def _score(body: bytes | bytearray, form: Form) -> Asked:
    queries = read_request(ScoreRequest, body, form).queries
    return _scores_of([query.features for query in queries], [query.query_id for query in queries], form)


def _scores_of(parts: Sequence[list[Any]], query_ids: list[Id | None], form: Form) -> Asked:
    arrays = [form.features(f"queries[{place}].features[{{}}]", part) for place, part in enumerate(parts)]
    features = np.concatenate(arrays) if arrays else np.empty((0, form.width), np.float32)
    return Asked(features, [len(array) for array in arrays], query_ids, n_left_out=len(form.left_out))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without garbage collection: it would walk the millions of lists of a body again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
