"""Priors: what is remembered of the keys of documents, as numbers beside their features."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.data.columns.kinds import MOST_BUCKETS, Category, Number
from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.times import query_times
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.models.priors.asking import SMOOTHING, Asked, Prior, places_of
from rankkit.models.priors.key_table import KeyTable
from rankkit.models.priors.statistics import FORMS, N_FOLDS, earlier, of_all, out_of_fold, relative
from rankkit.naming import named, numbered
from rankkit.remarks import say

_DAY = 86_400e6  # microseconds
_BLOCK = 262_144  # documents
_FEW = 0.5  # of the documents


class Priors(nn.Module):
    """Numbers beside the features of a document: how the documents of its keys were labelled in training.

    A key is a column whose values tell things apart, or several at once: a document id, a brand, a brand and a type of
    query. Of each there are three numbers, as :mod:`rankkit.models.priors.statistics` has them. For new data they come
    from all training documents; in training those of a document come from other queries alone: from nine of ten folds,
    or from earlier ones where the data has times. A key that was not seen in training, or is missing, has the mean.

    Args:
        keys: Each as columns of the matrix.
        columns: What these stand for.
        smoothing: Documents that the mean of all counts for.
        half_life: Days after which a document counts for half, where data has times; None: all count alike.
        sizes: Of each key how many values each of its columns has, and how many pairs of these; once it is learnt.

    Attributes:
        options: What builds it again, with all that is learnt of sizes.
    """

    def __init__(
        self,
        keys: Sequence[Sequence[int]],
        columns: Schema,
        smoothing: float,
        half_life: float | None,
        sizes: Sequence[Sequence[int]] | None = None,
    ) -> None:
        super().__init__()
        self.options: dict[str, Any] = {"keys": [list(key) for key in keys], "smoothing": smoothing}
        self.options |= {} if half_life is None else {"half_life": half_life}
        self.options |= {} if sizes is None else {"sizes": [list(key) for key in sizes]}
        self.keys = [list(key) for key in keys]
        self.smoothing, self.half_life = smoothing, half_life
        self.n_inputs, self.n_more = columns.width, len(FORMS) * len(self.keys)
        self.hidden = [columns.spans[column.name].start for column in key_columns(columns)]
        learnt = [None] * len(self.keys) if sizes is None else sizes
        made = [KeyTable(key, columns, n) for key, n in zip(self.keys, learnt, strict=True)]
        self.tables = cast("Sequence[KeyTable]", nn.ModuleList(made))
        self.columns = columns
        self._until: np.generic | None = None  # the latest query that is remembered, where times are known

    @property
    def widened(self) -> Schema:
        """The schema with the numbers of keys behind the columns."""
        sides = [column.side for column in self.columns.columns for _ in column.names]
        of_names = [_side(sides, key) for key in self.keys for _ in FORMS]
        more = [Number(name, side) for name, side in zip(self.names_of(self.columns.names), of_names, strict=True)]
        return Schema((*self.columns.columns, *more))

    def names_of(self, names: Sequence[str]) -> list[str]:
        """One name a number, from one name a column of the matrix."""
        return [f"prior_{form}({'+'.join(names[place] for place in key)})" for key in self.keys for form in FORMS]

    def forward(self, features: Tensor) -> Tensor:
        """``[doc, n_inputs]`` to ``[doc, n_inputs + n_more]``; features that bring their numbers along stay."""
        if self.n_more and features.shape[-1] == self.n_inputs + self.n_more:
            return features
        if features.dim() != 2 or features.shape[1] != self.n_inputs:
            raise ShapeError(
                f"scorer: expected features [doc, {self.n_inputs}]; got {list(features.shape)}. "
                "Pass the features that the scorer was built for."
            )
        found = [table(features) for table in self.tables]
        return torch.cat((*self._shown(features), *found), dim=1)

    def _shown(self, features: Tensor) -> list[Tensor]:
        """The features, side by side, with 0 in the columns that are none."""
        parts, first = [], 0
        for place in (*self.hidden, self.n_inputs):
            if place > first:
                parts.append(features[:, first:place])
            if place < self.n_inputs:
                parts.append(torch.zeros_like(features[:, place : place + 1]))
            first = place + 1
        return parts

    def learn(self, where: str, train: RankingDataset, feature_names: Sequence[str] | None = None) -> RankingDataset:
        """Remember the training data; what is said of it is said in one line a key.

        Args:
            where: For messages.
            train: The training data, with labels.
            feature_names: What the features are called, where the schema does not know.

        Returns:
            The training data with the numbers that each document has from other queries, or from earlier ones.

        Raises:
            ConfigError: If it has learnt from other data before: what learnt from its numbers would see others.
            DataError: If there is one query alone, or a half-life without times.
        """
        before = [value.clone() for value in self.buffers()] if "sizes" in self.options else None
        times = _times(where, train, self.half_life)
        if train.n_queries < 2 and self.keys:
            raise DataError(f"{where}: expected two queries or more for a prior; got {train.n_queries}. Add some.")
        try:
            features = self._learnt(where, train, times, named(feature_names or train.feature_names, self.n_inputs))
            if before is not None and not _are_equal(before, list(self.buffers())):
                raise ConfigError(
                    f"{where}: expected the training data that the prior was learnt from; got other documents, of "
                    "which what has been trained would see other numbers. Train a new scorer."
                )
        except (ConfigError, DataError):
            if before is not None:
                self._restore(before)
            raise
        self._until = None if times is None or not self.keys else query_times(where, train, "time").max()
        self.options["sizes"] = [table.sizes for table in self.tables]
        return replace(train, features=features, feature_names=self.widened.names, schema=self.widened)

    def _learnt(
        self, where: str, train: RankingDataset, times: NDArray[np.float64] | None, names: Sequence[str]
    ) -> NDArray[np.float32]:
        """Fill the tables; gives the features of the training documents with their own numbers behind."""
        labels = np.asarray(train.labels, np.float64)
        lifts = relative(labels, train.offsets)
        weights = np.ones(len(labels))
        if times is not None and self.half_life is not None:
            weights = 0.5 ** ((times.max() - times) / self.half_life)
        features = np.empty((train.n_docs, self.n_inputs + self.n_more), np.float32)
        features[:, : self.n_inputs] = train.features
        features[:, self.hidden] = 0
        n_folds = min(N_FOLDS, train.n_queries)
        sees = f"other queries alone ({n_folds} folds)" if times is None else "earlier ones alone"
        for number, table in enumerate(self.tables):
            key = "+".join(names[place] for place in table.key)
            keys = table.learn(train.features)
            if not table.n_keys:
                raise DataError(f"{where}: expected values in the columns of a prior; got none in {key}. Leave it out.")
            table.set_rows(of_all(keys, table.n_keys, labels, lifts, weights, self.smoothing))
            if times is None:
                found = out_of_fold(keys, table.n_keys, labels, lifts, train.offsets, self.smoothing)
            else:
                found = earlier(keys, labels, lifts, times, self.smoothing, self.half_life or np.inf)
            if not found[:, -1].any():
                raise DataError(
                    f"{where}: expected keys of a prior that come back in other queries; got none in {key}. "
                    "Name another key."
                )
            first = self.n_inputs + len(FORMS) * number
            features[:, first : first + len(FORMS)] = found
            say(
                f"{where}: prior of {key}: {table.n_keys:,} keys of {train.n_docs:,} documents; a training document "
                f"sees {sees}."
            )
        return features

    def tell_of(self, where: str, valid: RankingDataset) -> None:
        """Say what of validation data makes it another measure than it seems.

        These are keys of which it has few that the training data has, as when they are written otherwise, and queries
        to which documents of later ones are known, as they never are in use.

        Args:
            where: For messages.
            valid: Validation data.
        """
        names = named(valid.feature_names, self.n_inputs)
        counts = self.columns_of(valid.features)[:, self.n_inputs + len(FORMS) - 1 :: len(FORMS)]
        for table, share in zip(self.tables, (counts > 0).mean(axis=0).tolist(), strict=True):
            if share < _FEW:
                key = "+".join(names[place] for place in table.key)
                say(
                    f"{where}: {share:.0%} of the validation documents have a key of {key} that the training data has. "
                    "Look whether both write them alike."
                )
        if self._until is None or "time" not in valid.beside or not valid.n_queries:
            return
        asked = query_times(where, valid, "time")
        is_early = asked < self._until if asked.dtype == self._until.dtype else np.zeros(1, np.bool_)
        if is_early.any():
            say(
                f"{where}: {int(is_early.sum()):,} of {valid.n_queries:,} validation queries are earlier than "
                "documents that the prior remembers, which in use are never known so soon: they flatter it. Split in "
                "order of time (rankkit split --by-time, rankkit.split(by=))."
            )

    def _restore(self, buffers: Sequence[Tensor]) -> None:
        taken = iter(buffers)
        for table in self.tables:
            for name, _ in table.named_buffers():
                setattr(table, name, next(taken))

    def applied(self, data: RankingDataset) -> RankingDataset:
        """New data with the numbers of its keys beside the features."""
        if data.schema is None and data.feature_names is not None:
            names = (*data.feature_names, *self.names_of(data.feature_names))
            schema = None
        else:
            names, schema = self.widened.names, self.widened
        return replace(data, features=self.columns_of(data.features), feature_names=names, schema=schema)

    def columns_of(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """What :meth:`forward` makes of the features of new data, as an array; that of :meth:`learn` stays."""
        if self.n_more and features.shape[1] == self.n_inputs + self.n_more:
            return np.asarray(features)
        found = np.empty((len(features), self.n_inputs + self.n_more), np.float32)
        for first in range(0, len(features), _BLOCK):
            block = np.array(features[first : first + _BLOCK], np.float32)
            found[first : first + _BLOCK] = self(torch.from_numpy(block).to(self.device)).cpu().numpy()
        return found

    @property
    def device(self) -> torch.device:
        """Where it looks keys up."""
        return self.tables[0].rows.device if self.keys else torch.device("cpu")

    def extra_repr(self) -> str:
        """What print() shows."""
        names = self.columns.names
        return ", ".join("+".join(names[place] for place in key) for key in self.keys)


def priors_from(where: str, prior: Prior | None, schema: Schema | None, n_features: int) -> Priors | None:
    """The priors of a scorer's options; None without.

    Args:
        where: For messages.
        prior: The keys, or a table with ``keys``, ``smoothing`` and ``half_life``.
        schema: Of the columns; None: numbers, called "1", "2", ...
        n_features: Columns of the matrix.

    Raises:
        ConfigError: If a key is no column that can be one, or a number cannot be.
    """
    if prior is None:  # columns of keys are no features all the same
        return Priors([], schema, SMOOTHING, None) if schema is not None and key_columns(schema) else None
    asked = Asked(where, prior)
    if schema is None and n_features > MOST_BUCKETS:  # names for all of them would fill the memory
        raise ConfigError(f"{where}: expected at most {MOST_BUCKETS:,} features; got {n_features:,}. Pass the data's.")
    columns = schema or Schema(tuple(Number(name) for name in numbered(n_features)))
    keys = places_of(where, asked.keys, columns.names, columns)
    return Priors(keys, columns, asked.smoothing, asked.half_life, asked.sizes_of(where, keys))


def resolved(where: str, prior: Prior, data: RankingDataset) -> dict[str, Any]:
    """A prior with the columns of a data set in place of their names.

    Raises:
        ConfigError: As :func:`priors_from`.
    """
    asked = Asked(where, prior)
    keys = places_of(where, asked.keys, named(data.feature_names, data.n_features), data.schema)
    return {**asked.table, "keys": keys}


def prior_options(priors: Priors | None) -> dict[str, Any]:
    """The options that build priors again; nothing without, so that a scorer without stays what it was."""
    return {} if priors is None or not priors.keys else {"prior": priors.options}


def key_columns(schema: Schema) -> list[Category]:
    """The columns that only priors look at."""
    return [column for column in schema.columns if isinstance(column, Category) and column.key]


def _are_equal(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(one, other, strict=True))


def _side(sides: Sequence[Any], key: Sequence[int]) -> Any:
    return "query" if all(sides[place] == "query" for place in key) else "document"


def _times(where: str, train: RankingDataset, half_life: float | None) -> NDArray[np.float64] | None:
    """Of each document the time of its query, in days where the data says so; None without."""
    times = train.beside.get("time")
    if times is None:
        if half_life is not None:
            raise DataError(
                f"{where}: expected times of the queries with half_life of prior=; got none. Name their column with "
                "time=."
            )
        return None
    if half_life is not None and np.asarray(times).dtype != np.int64:
        raise DataError(
            f"{where}: expected dates in the column of times, of which half_life of prior= counts days; got numbers. "
            "Convert them to dates."
        )
    latest = query_times(where, train, "time").astype(np.float64)
    return np.repeat(latest / _DAY, train.list_sizes)
