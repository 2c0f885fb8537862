"""ColumnInputs: what a scorer makes of columns that are no numbers, in place of a transform of numbers alone."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.data.columns.kinds import Bag, Category, Column, Number, Text, Vector
from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError
from rankkit.models.priors import Priors
from rankkit.naming import numbered
from rankkit.transforms import Spec, Transform
from rankkit.transforms.context import context_steps
from rankkit.transforms.transform import within_no_query

MIN_COUNT = 2
"""Training rows that a value has to have to get a row of its own, unless told."""
SPARSE_FROM = 2_000_000
"""Numbers of a table from which its gradients are sparse: below, a step over all rows takes a millisecond."""
_FIRST_STD = 0.1  # of embeddings, before they have learnt anything


def embedding_size(n_codes: int) -> int:
    """The width of an embedding of so many values: the smaller one of 50 and 1.6 n ** 0.56, rounded up.

    >>> [embedding_size(n) for n in (2, 10, 100, 10_000)]
    [3, 6, 22, 50]
    """
    return min(50, math.ceil(1.6 * math.pow(max(1, n_codes), 0.56)))


class CodeTable(nn.Module):
    """A row of numbers for each code of a category or bag, one for unseen values and one for missing ones.

    The rows of values that are not seen in training stay at 0; those of a bag are averaged. A table of two million
    numbers or more gives sparse gradients, so that a step of training pays for the rows of its batch alone.

    Args:
        column: Of a schema.
        place: The first of its columns of the matrix.
        size: Numbers in a row.
        generator: Of the initial rows; None: torch's global one.
        std: Of the initial rows; 0 draws nothing.
    """

    def __init__(
        self, column: Category | Bag, place: int, size: int, *, generator: torch.Generator | None, std: float
    ) -> None:
        super().__init__()
        self.name, self.n_codes, self.size = column.name, column.n_codes, size
        self.sparse = (column.n_codes + 2) * size >= SPARSE_FROM
        self.first, self.last = place, place + len(column.names)
        self.is_bag = isinstance(column, Bag)
        rows = torch.zeros(column.n_codes + 2, size, device="meta" if _is_meta() else "cpu")
        if std and not _is_meta():
            rows[: column.n_codes].normal_(0, std, generator=generator)
        self.weight = nn.Parameter(rows if _is_meta() else rows.to(torch.get_default_device()))

    def forward(self, features: Tensor) -> Tensor:
        """``[doc, feature]`` to ``[doc, size]``."""
        codes = features[:, self.first : self.last]
        missing = codes.isnan()
        whole = codes.nan_to_num(nan=0.0).clamp(-1, self.n_codes).long()
        whole = whole.masked_fill(whole < 0, self.n_codes)  # of no vocabulary: unseen
        if not self.is_bag:
            return self._rows(whole.masked_fill(missing, self.n_codes + 1)[:, 0])
        there = (~missing).to(self.weight.dtype).unsqueeze(-1)
        count = there.sum(dim=1)
        mean = (self._rows(whole) * there).sum(dim=1) / count.clamp(min=1)
        last = self._rows(torch.full((1,), self.n_codes + 1, device=features.device))
        return mean + last * (count == 0).to(self.weight.dtype)

    def _rows(self, places: Tensor) -> Tensor:
        return nn.functional.embedding(places, self.weight, sparse=self.sparse and self.training)


class ColumnInputs(nn.Module):
    """The inputs of a scorer, from columns of every kind; in the place of a :class:`rankkit.transforms.Transform`.

    Numbers and parts of times go through the transform, vectors are standardized, text is taken as it is, a missing
    value of each becoming what it becomes there, or 0. Categories and bags become rows of a :class:`CodeTable`. For
    numbers of the query, steps that compare its documents compare with all training rows instead, and there is no
    context of these.

    Args:
        schema: Of the columns.
        spec: Of the transform of numbers.
        context: Of the numbers of documents, as ``"z+rank"``; None: without.
        missing_indicators: Beside each number that was missing in training, 1 where it is missing and 0 elsewhere.
        embedding: The width of embeddings; None: as :func:`embedding_size` has it for each column.
        embeds: False: categories and bags are read elsewhere.
        generator: Of the initial embeddings; None: torch's global one.
        before: What puts numbers of keys beside the columns first, which are of the schema too; None: nothing.
    """

    fitted: Tensor
    was_missing: Tensor

    def __init__(
        self,
        schema: Schema,
        spec: Spec,
        *,
        context: str | None = None,
        missing_indicators: bool,
        embedding: int | None,
        embeds: bool,
        generator: torch.Generator | None,
        before: Priors | None = None,
    ) -> None:
        super().__init__()
        self.before = before
        self.n_inputs = schema.width
        coded = coded_columns(schema)
        plain = within_no_query(spec)
        is_compared = compares(spec, context)
        self._runs = {name: _runs(schema, name, is_compared) for name in _GROUPS}
        n_of = {name: sum(last - first for first, last in runs) for name, runs in self._runs.items()}
        self.numbers = Transform(spec, n_of["numbers"], context) if n_of["numbers"] else None
        if n_of["queries"]:
            self.queries = Transform(plain, n_of["queries"])
        self.vectors = Transform("standardize", n_of["vectors"]) if n_of["vectors"] else None
        self.spec = spec if isinstance(spec, str) else list(spec)
        self.context = context
        self.codes = nn.ModuleList(
            CodeTable(
                column,
                schema.spans[column.name].start,
                embedding_size(column.n_codes) if embedding is None else embedding,
                generator=generator,
                std=_FIRST_STD,
            )
            for column in coded
            if embeds
        )
        self.missing_indicators = missing_indicators
        self.register_buffer("was_missing", torch.zeros(n_of["numbers"] if missing_indicators else 0))
        if missing_indicators and n_of["queries"]:
            self.register_buffer("was_missing_queries", torch.zeros(n_of["queries"]))
        self._has_text = n_of["texts"] > 0
        self._coded = [column.name for column in coded if embeds]
        n_plain = sum(transform.n_outputs for _, transform in self.transforms())
        n_plain += n_of["texts"] + (n_of["numbers"] + n_of["queries"] if missing_indicators else 0)
        n_coded = sum(cast(CodeTable, table).size for table in self.codes)
        self._is_empty = n_plain + n_coded == 0
        self.n_outputs = max(1, n_plain + n_coded)
        self.register_buffer("fitted", torch.tensor(False))

    def fit(self, features: NDArray[np.floating] | Tensor, offsets: NDArray[np.int64] | Tensor) -> None:
        """Learn from training rows what the transforms learn, and which numbers are missing in some."""
        for name, transform in self.transforms():
            places = _places(self._runs[name])
            if self.missing_indicators and name in _INDICATED:
                for place, column in enumerate(places):
                    is_missing = np.isnan(np.asarray(features[:, column])).any()
                    getattr(self, _INDICATED[name])[place] = float(is_missing)
            transform.fit(features[:, places], offsets)
        self.fitted.fill_(True)

    def transforms(self) -> list[tuple[str, Transform]]:
        """The transforms by the group of columns that they are of, in the order of their outputs."""
        return [(name, one) for name in _GROUPS if (one := getattr(self, name, None)) is not None]

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, n_inputs]`` to ``[doc, n_outputs]``, without NaN."""
        features = features if self.before is None else self.before(features)
        parts: list[Tensor] = []
        for name, transform in self.transforms():
            values = self._taken(features, name)
            parts.append(transform(values, offsets))
            if self.missing_indicators and name in _INDICATED:
                parts.append(values.isnan().to(features.dtype) * getattr(self, _INDICATED[name]))
        if self._has_text:
            parts.append(self._taken(features, "texts").nan_to_num(nan=0.0))
        parts += [table(features) for table in self.codes]
        if self._is_empty:  # codes alone, which are read elsewhere
            return torch.zeros_like(features[:, :1])
        return torch.cat(parts, dim=1)

    def places(self, name: str) -> list[int]:
        """The columns of the matrix that are ``"numbers"``, ``"queries"``, ``"vectors"`` or ``"texts"``."""
        return _places(self._runs[name])

    def runs(self, name: str) -> list[tuple[int, int]]:
        """First and last column of these where they stand side by side."""
        return list(self._runs[name])

    def _taken(self, features: Tensor, name: str) -> Tensor:
        runs = self._runs[name]
        if len(runs) == 1:
            return features[:, runs[0][0] : runs[0][1]]
        return torch.cat([features[:, first:last] for first, last in runs], dim=1)

    def output_names(self, names: Sequence[str]) -> list[str]:
        """One name an output, from one name a column of the matrix."""
        by_run = {name: [names[place] for place in _places(runs)] for name, runs in self._runs.items()}
        found: list[str] = []
        for name, transform in self.transforms():
            found += transform.output_names(by_run[name])
            if self.missing_indicators and name in _INDICATED:
                found += [f"missing({one})" for one in by_run[name]]
        found += by_run["texts"]
        for name, table in zip(self._coded, self.codes, strict=True):
            found += [f"embedding({name})[{place}]" for place in range(cast(CodeTable, table).size)]
        return found or ["0"]

    def sources(self) -> list[int]:
        """The column of the matrix that each output comes from; of a category or bag its first one."""
        found: list[int] = []
        for name, transform in self.transforms():
            places = self.places(name)
            found += [places[source] for source in transform.sources()]
            if self.missing_indicators and name in _INDICATED:
                found += places
        found += self.places("texts")
        for table in self.codes:
            found += [cast(CodeTable, table).first] * cast(CodeTable, table).size
        return found or [0]

    def extra_repr(self) -> str:
        """What print() shows."""
        beside = "" if self.context is None else f"context={self.context!r}, "
        return f"{self.spec!r}, {beside}n_inputs={self.n_inputs}, n_outputs={self.n_outputs}"


def code_tables(schema: Schema, size: int) -> nn.ModuleList:
    """A weight, or several, for each code of each category and bag: all 0 at first."""
    return nn.ModuleList(
        CodeTable(column, schema.spans[column.name].start, size, generator=None, std=0.0)
        for column in coded_columns(schema)
    )


def coded_columns(schema: Schema) -> list[Category | Bag]:
    """The features that are codes; a key is none."""
    return [
        column
        for column in schema.columns
        if isinstance(column, Bag) or (isinstance(column, Category) and not column.key)
    ]


def schema_from(where: str, schema: Mapping[str, Any] | Schema | None, n_features: int) -> Schema | None:
    """The schema of a scorer's options; None where features are numbers alone.

    Raises:
        ConfigError: If it has another number of columns than the scorer.
    """
    if schema is None:
        return None
    found = schema if isinstance(schema, Schema) else Schema.from_dict(schema)
    if found.width != n_features:
        raise ConfigError(
            f"{where}: expected a schema of {n_features} columns of the matrix; got {found.width}. "
            f"Build the scorer with {where}.for_data(train)."
        )
    return None if found.is_numbers else found


def inputs_of(
    schema: Schema | None,
    spec: Spec,
    n_features: int,
    *,
    priors: Priors | None = None,
    context: str | None = None,
    missing_indicators: bool,
    embedding: int | None = None,
    embeds: bool = True,
    generator: torch.Generator | None = None,
) -> Transform | ColumnInputs:
    """What comes first in a scorer: a transform where features are numbers alone, else :class:`ColumnInputs`.

    With priors it takes the features with the numbers of these behind.
    """
    if priors is not None:
        schema = None if schema is None else priors.widened
        n_features += priors.n_more
    if schema is not None:
        return ColumnInputs(
            schema,
            spec,
            context=context,
            missing_indicators=missing_indicators,
            embedding=embedding,
            embeds=embeds,
            generator=generator,
            before=priors,
        )
    if missing_indicators:
        numbers = Schema(tuple(Number(name) for name in numbered(n_features)))
        return ColumnInputs(
            numbers,
            spec,
            context=context,
            missing_indicators=True,
            embedding=embedding,
            embeds=embeds,
            generator=generator,
            before=priors,
        )
    return Transform(spec, n_features, context, before=priors)


def compares(spec: Spec, context: str | None) -> bool:
    """Whether a transform compares the documents of a query."""
    return bool(context_steps(context)) or within_no_query(spec) != (spec if isinstance(spec, str) else list(spec))


def compared_places(schema: Schema | None, n_features: int) -> list[int]:
    """The columns of the matrix whose documents can be compared within a query: numbers of documents, parts of times.

    >>> compared_places(Schema((Number("price"), Category("brand", n_buckets=3), Number("age", side="query"))), 3)
    [0]
    """
    return list(range(n_features)) if schema is None else _places(_runs(schema, "numbers", is_compared=True))


def column_options(schema: Schema | None, **others: Any) -> dict[str, Any]:
    """The options of columns that are not as by default: those of a scorer of numbers stay what they were."""
    given = {name: value for name, value in others.items() if value not in (None, False)}
    return given if schema is None else {"schema": schema.to_dict(), **given}


def code_weights(schema: Schema, tables: nn.ModuleList) -> dict[str, float | list[float]]:
    """The weight of each value of each category and bag, by name."""
    found: dict[str, float | list[float]] = {}
    for column, table in zip(coded_columns(schema), tables, strict=True):
        words = column.vocabulary or tuple(f"hash {code}" for code in range(column.n_codes))
        rows = cast(CodeTable, table).weight.detach()
        values = (rows[:, 0] if rows.shape[1] == 1 else rows).tolist()
        names = [f"{column.name}={word}" for word in (*words, "<unseen>", "<missing>")]
        found |= dict(zip(names, values, strict=True))
    return found


_GROUPS = ("numbers", "queries", "vectors", "texts")
"""Columns by what becomes of them: numbers, numbers of the query where documents are compared, ..."""
_INDICATED = {"numbers": "was_missing", "queries": "was_missing_queries"}
"""By group, where it is kept which of its columns are missing in training rows."""


def _runs(schema: Schema, group: str, is_compared: bool) -> list[tuple[int, int]]:
    """First and last column of the matrix of neighbouring columns of a group."""
    places = [
        place
        for column, span in zip(schema.columns, schema.spans.values(), strict=True)
        if _group_of(column, is_compared) == group
        for place in range(span.start, span.stop)
    ]
    if not places:
        return []
    cuts = [0, *(at + 1 for at, (one, after) in enumerate(pairwise(places)) if after != one + 1), len(places)]
    return [(places[first], places[last - 1] + 1) for first, last in pairwise(cuts)]


def _group_of(column: Column, is_compared: bool) -> str:
    if isinstance(column, Category | Bag):
        return "codes"
    if isinstance(column, Vector | Text):
        return "vectors" if isinstance(column, Vector) else "texts"
    return "queries" if is_compared and column.side == "query" else "numbers"


def _places(runs: list[tuple[int, int]]) -> list[int]:
    return [place for first, last in runs for place in range(first, last)]


def _is_meta() -> bool:
    return torch.get_default_device().type == "meta"
