"""Form: what a body has to look like for one ranker, and the checks that pydantic's types do not make."""

import difflib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError

from rankkit.data.columns.kinds import Text
from rankkit.data.columns.row_encoder import RowError
from rankkit.data.columns.schema import Schema
from rankkit.errors import did_you_mean
from rankkit.serving.refusal import RefusedError

MAX_ID = 512
MAX_TEXT = 10_000
"""Characters of text whose n-grams are counted: a short body could hold seconds of work otherwise."""
_LONGEST_NAME = 60
_MOST_COMPARED = 50  # names of a hostile body are not compared one by one


@dataclass(frozen=True)
class Form:
    """What a body has to look like for one ranker.

    Args:
        names: Names of the features, in order; with a schema those of its columns.
        takes_missing: Whether null may stand for a value.
        max_list_size: Documents of one query.
        max_docs: Documents, or queries, of one request.
        schema_text: The schema of a ranker of columns that are no numbers, as JSON: a text goes from process to process
            in no time, and is made a schema once in each. None: all are numbers.

    Attributes:
        left_out: Names that the documents of a request have and the ranker has not; each request has a form of its own.
    """

    names: tuple[str, ...]
    takes_missing: bool
    max_list_size: int
    max_docs: int
    schema_text: str | None = None
    left_out: set[str] = field(default_factory=set, init=False)

    @cached_property
    def known(self) -> frozenset[str]:
        """The names, to look one up."""
        return frozenset(self.names)

    @property
    def schema(self) -> Schema | None:
        """What the columns are; None where all are numbers."""
        return None if self.schema_text is None else _schema_of(self.schema_text)

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        schema = self.schema
        return len(self.names) if schema is None else schema.width

    def features(self, where: str, documents: Sequence[Any]) -> NDArray[np.float32]:
        """Checked values as float32 ``[doc, feature]``, with NaN for null.

        Args:
            where: Path of a document, with ``{}`` for its number, for the message.
            documents: The values of each document, in order; with a schema by name.

        Raises:
            RefusedError: With 422, if float32 cannot hold a value, or one is null and the ranker takes no missing
                values.
        """
        schema = self.schema
        if schema is not None:
            return _encoded(schema, where, documents)
        with np.errstate(over="ignore"):
            features = np.array(documents, dtype=np.float32).reshape(len(documents), len(self.names))
        wrong = np.isinf(features) if self.takes_missing else ~np.isfinite(features)
        if wrong.any():
            doc, feature = (int(place) for place in np.argwhere(wrong)[0])
            value = documents[doc][feature]
            got = "null" if value is None else f"{value:g}"
            raise RefusedError(
                422,
                f"{where.format(doc)}[{self.names[feature]!r}]: expected a number that float32 can hold; got {got}. "
                "Send a value such as the ranker was trained on.",
            )
        return features


@lru_cache(maxsize=8)
def _schema_of(text: str) -> Schema:
    return Schema.from_dict(json.loads(text))


def _encoded(schema: Schema, where: str, documents: Sequence[dict[str, Any]]) -> NDArray[np.float32]:
    """The matrix of documents with the columns of a schema.

    Raises:
        RefusedError: With 422, if a value is not of the kind of its column.
    """
    hashed = [name for column in schema.columns if isinstance(column, Text) for name in column.sources]
    for name in hashed:
        for place, document in enumerate(documents):
            if isinstance(document[name], str) and len(document[name]) > MAX_TEXT:
                raise RefusedError(
                    422,
                    f"{where.format(place)}[{name!r}]: expected text of at most {MAX_TEXT} characters; got "
                    f"{len(document[name])}. Send its beginning.",
                )
    try:
        return schema.encoder.encode(documents)
    except RowError as error:
        raise RefusedError(
            422,
            f"{where.format(error.row)}[{error.column!r}]: expected {error.expected}; got {error.got}. "
            "See /metadata for the schema.",
        ) from None


def problem(expected: str, got: str, action: str) -> PydanticCustomError:
    """What a check raises inside pydantic."""
    # As a value of the context, since braces in a feature's name would be taken for a place to fill in.
    return PydanticCustomError("rankkit", "{text}", {"text": f"expected {expected}; got {got}. {action}"})


def in_order(features: object, info: ValidationInfo) -> object:
    """The values of a document in the order of the names; an object has to name every feature, in any order.

    What else it names is left out and noted in the form: the ranker was trained without it.
    """
    form = _form(info)
    if form.schema_text is not None and not isinstance(features, dict):
        raise problem("an object from column to value", kind(features), "This ranker has columns that are no numbers.")
    if isinstance(features, dict):
        for name in form.names:
            if name not in features:
                raise problem(f"all {len(form.names)} features", f"none named {name!r}", _advice(name, features, form))
        if len(features) > len(form.names):
            form.left_out.update(features.keys() - form.known)
        return features if form.schema_text is not None else [features[name] for name in form.names]
    if not isinstance(features, list):
        raise problem("an array of values or an object from name to value", kind(features), "See /metadata.")
    if len(features) != len(form.names):
        raise problem(f"{len(form.names)} values", str(len(features)), "Send them in the order of /metadata.")
    return features


def _advice(missing: str, found: dict[str, object], form: Form) -> str:
    """What to do about a feature that is not there: use its name, if another one looks like it."""
    others = [name for name in found if name not in form.known and len(name) <= _LONGEST_NAME]
    by_lower_case = {name.lower(): name for name in others if len(others) <= _MOST_COMPARED}
    near = difflib.get_close_matches(missing.lower(), by_lower_case, n=1)
    if near:
        return f"Write {missing!r} for {by_lower_case[near[0]]!r}."
    return "Write null for a missing value." if form.takes_missing else "Send every feature."


def check_names(expected: str, found: dict[str, object], known: Collection[str]) -> None:
    """One error for the first unknown name of an object, where pydantic would keep one for each of a million."""
    for name in found:
        if name not in known:
            name = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."
            raise problem(
                expected, repr(name), did_you_mean(name, known) if len(known) <= _MOST_COMPARED else "See /metadata."
            )


def short_id(value: object) -> object:
    """A string or a whole number that can be written back."""
    value = whole(value)
    if isinstance(value, str) and len(value) <= MAX_ID:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    got = f"{len(value)} characters" if isinstance(value, str) else kind(value)
    action = (
        "Send a shorter id." if isinstance(value, str | int) and not isinstance(value, bool) else "Send one of these."
    )
    raise problem(f"text of at most {MAX_ID} characters or a whole number of 64 bits", got, action)


def whole(value: object) -> object:
    """5 for 5.0, which JSON does not tell apart; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def few_documents(documents: object, info: ValidationInfo) -> object:
    """Not more documents of a query than allowed."""
    limit = _form(info).max_list_size
    if isinstance(documents, list) and len(documents) > limit:
        raise problem(f"at most {limit} documents", str(len(documents)), "Send the best candidates only.")
    return documents


def few_queries(queries: object, info: ValidationInfo) -> object:
    """Not more queries than documents allowed."""
    limit = _form(info).max_docs
    if isinstance(queries, list) and len(queries) > limit:
        raise problem(f"at most {limit} queries", str(len(queries)), "Send fewer queries at once.")
    return queries


def check_total(n_docs: int, info: ValidationInfo) -> None:
    """Not more documents over all queries than allowed."""
    limit = _form(info).max_docs
    if n_docs > limit:
        raise problem(f"at most {limit} documents in all", str(n_docs), "Send fewer queries at once.")


def kind(value: object) -> str:
    """What JSON calls a value; never the value itself, which may be of any length."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    kinds = ((str, "text"), (list, "an array"), (dict, "an object"), (int | float, "a number"))
    return next(name for kind, name in kinds if isinstance(value, kind))


def _form(info: ValidationInfo) -> Form:
    return cast(Form, info.context)
