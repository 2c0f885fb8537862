"""shapes(): what each value of a column adds to the score of a scorer that is a sum over columns."""

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rankkit.data.columns.kinds import Category, Number
from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.matching import documents_for, feature_names_of, matched
from rankkit.models.scorers import Scorer, is_listwise
from rankkit.models.scorers.evaluation_mode import evaluation_mode
from rankkit.models.scorers.listwise import over_queries
from rankkit.numbers import how_many

if TYPE_CHECKING:
    import pandas as pd

_DOCS_AT_ONCE = 16_384
_UNSEEN, _MISSING = "<unseen>", "<missing>"


@dataclass(frozen=True, eq=False)
class Shape:
    """What a column adds.

    Args:
        name: Of the column.
        spread: The mean over documents of how far what it adds is from its mean in the query.
        values: Numbers from low to high, or words; ``"<missing>"`` last where the data lacks some. Empty for a column
            of several numbers, of which there is no curve.
        added: ``[value]``: what is added to the score, less the mean of what the column adds to the documents.
        n_docs: ``[value]``: the documents that have the word, or a number up to this one and above the one before.
    """

    name: str
    spread: float
    values: tuple[float | str, ...]
    added: NDArray[np.float64]
    n_docs: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Shapes:
    """What each value of each column adds to a score; :func:`shapes` makes it.

    Args:
        columns: In the order of the scorer.
        n_docs: Documents that means and counts are of.
        n_queries: Their queries.
    """

    columns: tuple[Shape, ...]
    n_docs: int
    n_queries: int

    @cached_property
    def order(self) -> list[int]:
        """The columns by place, the widest spread first; equals stay in their order."""
        return sorted(range(len(self.columns)), key=lambda place: -self.columns[place].spread)

    @property
    def convention(self) -> str:
        """What the numbers mean, which must stand wherever they do."""
        return (
            f"Added to the score, less the mean over {how_many(self.n_docs, 'document')}; spread: mean over documents "
            f"of how far that is from its mean in the query, of {how_many(self.n_queries, 'query')}."
        )

    def to_pandas(self) -> "pd.DataFrame":
        """One row a value of a column, the widest spread first: column, spread, value, added, n_docs."""
        import pandas as pd

        shown = [self.columns[place] for place in self.order]
        rows = [
            (one.name, one.spread, value, added, n_docs)
            for one in shown
            for value, added, n_docs in zip(one.values, one.added.tolist(), one.n_docs.tolist(), strict=True)
        ]
        return pd.DataFrame(rows, columns=["column", "spread", "value", "added", "n_docs"])

    def to_dict(self) -> dict[str, Any]:
        """Everything, of plain types."""
        columns = [
            {
                "column": one.name,
                "spread": one.spread,
                "values": list(one.values),
                "added": one.added.tolist(),
                "n_docs": one.n_docs.tolist(),
            }
            for one in (self.columns[place] for place in self.order)
        ]
        return {"n_docs": self.n_docs, "n_queries": self.n_queries, "columns": columns}

    def to_json(self) -> str:
        """:meth:`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False)

    def table(self, n_columns: int | None = None) -> str:
        """A line a column, the widest spreads unless told how many: where it adds least and where most."""
        shown = self.order if n_columns is None else self.order[:n_columns]
        rows: list[tuple[str, ...]] = [("column", "spread", "adds least", "adds most")]
        for one in (self.columns[place] for place in shown):
            ends = [f"{one.added[at]:+.4f} at {_word(one.values[at])}" for at in _ends(one)]
            rows.append((one.name, f"{one.spread:.4f}", *(ends or ["of several numbers", ""])))
        widths = [max(len(row[place]) for row in rows) for place in range(3)]
        lines = ["  ".join([*map(str.ljust, row, widths), row[3]]).rstrip() for row in rows]
        if len(shown) < len(self.columns):
            lines.append(f"and {len(self.columns) - len(shown):,} more")
        return "\n".join([*lines, textwrap.fill(self.convention, 80, subsequent_indent="  ")])

    def __repr__(self) -> str:
        return f"Shapes({len(self.columns)} columns, {how_many(self.n_docs, 'document')})"

    def __str__(self) -> str:
        return self.table()


def shapes(scorer: Scorer, data: Any, *, qids: Any | None = None, n_points: int = 64) -> Shapes:
    """What each value of each column adds to the score, of a scorer that is a sum over columns.

    These are no estimates: the score of a document is the sum of what its values add, whatever stands beside them. A
    scorer is such a sum if it has ``contributions(features, offsets)``, as :class:`rankkit.AdditiveScorer` has. The
    numbers of a prior are columns of their own; a column that was read as a key is none.

    Args:
        scorer: A trained scorer; it is left as it is.
        data: Documents, which say which values there are; labels are not needed. What :func:`predict` takes.
        qids: As of :func:`attribute`.
        n_points: Values of a number to look at, at most: those that the data has, or as many of its quantiles.

    Raises:
        ConfigError: If the scorer is no such sum, or a value alone does not say what it adds; or n_points is below 2.
        DataError: If there are no documents, or the features are not those of the scorer.

    Example:
        >>> import rankkit as rk
        >>> data = rk.make_ranking(5, n_features=2, seed=0)
        >>> scorer = rk.AdditiveScorer(2, hidden=(4,), seed=0)
        >>> history = rk.fit(scorer, "ranknet", data, epochs=1, progress=False)
        >>> found = shapes(scorer, data, n_points=3)
        >>> found, len(found.columns[0].values), int(found.columns[0].n_docs.sum()) == data.n_docs
        (Shapes(2 columns, 123 documents), 3, True)
    """
    obstacle = no_shapes(scorer)
    if obstacle:
        raise ConfigError(obstacle)
    if n_points < 2:
        raise ConfigError(f"shapes: expected n_points of at least 2; got {n_points!r}. Pass for example 64.")
    data = documents_for("shapes", scorer, data, qids=qids)
    names, schema, keys = feature_names_of(scorer, data), cast(Any, scorer).schema, set[int]()
    data = matched("shapes", scorer, data)
    priors = getattr(getattr(scorer, "transform", None), "before", None)
    if priors is not None:  # whose numbers are columns too, and whose keys are none
        keys, data = set(priors.hidden), priors.applied(data)
        names = (*names, *priors.names_of(names))
        schema = None if schema is None else priors.widened
    if not data.n_docs:
        raise DataError("shapes: expected documents, whose values are looked at; got none. Pass some.")
    of_docs = _added(scorer, np.asarray(data.features, np.float32))
    means = of_docs.mean(axis=0)
    spreads = _spreads(of_docs, data)
    found = []
    for place, (name, kind, span) in enumerate(_columns(schema, names)):
        if span.start in keys:
            continue
        values: tuple[float | str, ...] = ()
        added, n_docs = np.zeros(0), np.zeros(0, np.int64)
        if len(span) == 1 and kind is not None:
            known = np.asarray(data.features[:, span.start], np.float32)
            points, values, n_docs = (
                _of_words(known, kind) if isinstance(kind, Category) else _of_numbers(known, n_points)
            )
            rows = np.full((len(points), data.n_features), np.nan, np.float32)
            rows[:, span.start] = points
            added = _added(scorer, rows)[:, place] - means[place]
        found.append(Shape(name, float(spreads[place]), values, added, n_docs))
    return Shapes(tuple(found), data.n_docs, data.n_queries)


def no_shapes(scorer: Any) -> str:
    """Why there are no shapes of a scorer, as a message; "" where there are."""
    if not callable(getattr(scorer, "contributions", None)):
        return (
            f"shapes: expected a scorer that is a sum over columns; got {type(scorer).__name__}. Train the scorer "
            "additive, or see permutation_importance."
        )
    if is_listwise(scorer):
        return (
            f"shapes: expected a scorer in which a value alone says what it adds; got {over_queries(scorer)}. "
            "Train without."
        )
    if getattr(scorer, "n_outputs", 1) != 1:
        return (
            f"shapes: expected a scorer of one output; got {scorer.n_outputs}, which are read together as "
            f"{scorer.readout}. Train with an objective of one output, such as ranknet."
        )
    return ""


def _columns(schema: Schema | None, names: tuple[str, ...]) -> Iterator[tuple[str, Any, range]]:
    """The name, the kind and the places of each column; the kind None where it has no curve."""
    if schema is None:
        yield from ((name, Number(name), range(at, at + 1)) for at, name in enumerate(names))
        return
    for column, span in zip(schema.columns, schema.spans.values(), strict=True):
        kind = column if isinstance(column, Number | Category) else None
        yield column.name, kind, range(span.start, span.stop)


def _added(scorer: Scorer, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """``[doc, column]``."""
    found = []
    with evaluation_mode(cast(nn.Module, scorer), None) as place, torch.inference_mode():
        for start in range(0, len(features), _DOCS_AT_ONCE):
            rows = torch.from_numpy(np.array(features[start : start + _DOCS_AT_ONCE])).to(place)
            offsets = torch.tensor([0, len(rows)], device=place)
            found.append(cast(Any, scorer).contributions(rows, offsets).double().cpu().numpy())
    return np.concatenate(found)


def _spreads(added: NDArray[np.float64], data: RankingDataset) -> NDArray[np.float64]:
    sizes = data.list_sizes
    with_docs = np.flatnonzero(sizes)
    means = np.add.reduceat(added, data.offsets[with_docs], axis=0) / sizes[with_docs][:, None]
    spreads: NDArray[np.float64] = np.abs(added - np.repeat(means, sizes[with_docs], axis=0)).mean(axis=0)
    return spreads


Points = tuple[NDArray[np.float32], tuple[float | str, ...], NDArray[np.int64]]


def _of_numbers(known: NDArray[np.float32], n_points: int) -> Points:
    """Points of the curve, what they are called, and the documents of each."""
    finite = np.sort(known[np.isfinite(known)])
    points = np.unique(finite)
    if len(points) > n_points:  # as many ranks, evenly apart
        points = np.unique(finite[np.linspace(0, len(finite) - 1, n_points).round().astype(int)])
    upto = np.searchsorted(finite, points, side="right")
    counts, values = np.diff(upto, prepend=0).astype(np.int64), (*map(float, points.tolist()),)
    n_missing = int(np.isnan(known).sum())
    if not n_missing:
        return points, values, counts
    return np.append(points, np.float32(np.nan)), (*values, _MISSING), np.append(counts, n_missing)


def _of_words(known: NDArray[np.float32], column: Category) -> Points:
    """As of numbers, of the words that the data has."""
    codes = np.where((known < 0) | (known >= column.n_codes), column.n_codes, np.nan_to_num(known, nan=-1)).astype(int)
    codes = np.where(np.isnan(known), column.n_codes + 1, codes)
    found, counts = np.unique(codes, return_counts=True)
    words = (*(column.vocabulary or map("hash {}".format, range(column.n_codes))), _UNSEEN, _MISSING)
    points = np.where(found > column.n_codes, np.nan, found).astype(np.float32)
    return points, tuple(words[code] for code in found.tolist()), counts.astype(np.int64)


def _ends(shape: Shape) -> list[int]:
    return [int(shape.added.argmin()), int(shape.added.argmax())] if len(shape.values) else []


def _word(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
