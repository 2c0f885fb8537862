"""Growers: the libraries that grow trees, one tree at a time, on slopes and curvatures or on an objective of their own.

A library is imported where it is used. All grow by histograms, on as many threads as torch has where there are enough
documents: the threads of a library wait for one another at each split, which on few documents costs more than it saves.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Category
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError

_THREAD_DOCS = 20_000  # below so many documents a second thread costs more than it saves

Derive = Callable[[NDArray[np.floating[Any]]], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""From the scores of the training documents to slope and curvature of the loss in each."""


@dataclass(frozen=True)
class Rows:
    """Documents as a library takes them.

    Args:
        features: float32 ``[doc, feature]``, NaN where missing.
        labels: ``[doc]``.
        list_sizes: ``[query]``.
        weights: ``[doc]``, or ``[query]`` of a library that weighs queries, or None.
        categories: Columns that are codes of categories without an order.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.float32]
    list_sizes: NDArray[np.int64]
    weights: NDArray[np.float32] | None = None
    categories: Sequence[int] = ()


def rows_of(data: RankingDataset, columns: NDArray[np.float32], weights: NDArray[np.float32] | None) -> Rows:
    """The documents of a data set, with the columns that trees see of them, its features first, and their weights."""
    labels = np.zeros(data.n_docs, np.float32) if data.labels is None else np.asarray(data.labels, np.float32)
    return Rows(columns, labels, data.list_sizes, weights, category_places(data))


def category_places(data: RankingDataset) -> list[int]:
    """The features that are codes of categories without an order, which trees split by sets of codes.

    Ordered ones are split as numbers; so are the codes of bags, of which a tree has no notion.
    """
    if data.schema is None:
        return []
    return [
        data.schema.spans[column.name].start
        for column in data.schema.columns
        if isinstance(column, Category) and not column.ordered and not column.key
    ]


class Grower(Protocol):
    """Trees that become more."""

    def grow(self, derive: Derive | None) -> bool:
        """Add a tree; False where none was found, whose splits would help.

        Args:
            derive: Of the loss; None: the objective of the library.
        """
        ...

    def valid_scores(self) -> NDArray[np.floating[Any]]:
        """Of the validation documents, ``[doc]``, all trees counted."""
        ...

    def content(self, n_trees: int) -> bytes:
        """A file of the library with the first trees."""
        ...


class LightGBMGrower:
    """Of a ``lightgbm.Booster``.

    Args:
        options: As LightGBM calls them.
        objective: One of LightGBM's; None where slopes are given.
        train: What it learns from.
        valid: What it scores after each tree, or None.
        seed: Of what it draws.
        earlier: The file of the trees to which it adds, or None.
        n_passed: Trees whose draws it passes over, as if it had grown them; where it can, by :func:`lightgbm_goes_on`.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        objective: str | None,
        train: Rows,
        valid: Rows | None,
        seed: int,
        earlier: bytes | None = None,
        n_passed: int = 0,
    ) -> None:
        lgb = imported("lightgbm")
        places: Any = list(train.categories) or "auto"
        parameters = {
            **options,
            "objective": objective or "none",
            "metric": "None",
            "seed": seed,
            "num_threads": n_threads(train),
            "verbosity": -1,
            "deterministic": True,
            "force_row_wise": True,
        }
        # Bins are made of a sample, which the seed draws: with all parameters, as lightgbm.train() gives them.
        given = lgb.Dataset(
            train.features,
            train.labels,
            group=train.list_sizes,
            weight=None if objective is None else train.weights,
            categorical_feature=places,
            params=parameters,
        )
        # As lightgbm.train(init_model=) does it, which would grow the first tree by another objective. The earlier ones
        # are read from memory that LightGBM does not keep.
        self._earlier = None if earlier is None else lgb.Booster(model_str=earlier.decode())
        if self._earlier is not None:
            given._set_predictor(lgb.basic._InnerPredictor.from_booster(booster=self._earlier, pred_parameter={}))
        self._booster = lgb.Booster(parameters, given)
        # Where no feature has two values in leaves of that size, LightGBM fails at the first tree.
        self._has_splits = any(given.feature_num_bin(place) > 1 for place in range(given.num_feature()))
        if valid is not None:
            held_out = lgb.Dataset(valid.features, valid.labels, group=valid.list_sizes, params=parameters)
            self._booster.add_valid(held_out.set_reference(given), "valid")
        flat = np.zeros(len(train.labels), np.float32)
        for _ in range(n_passed):
            self._booster.update(fobj=lambda *_: (flat, flat))  # no tree comes of it, but the draws of one

    def grow(self, derive: Derive | None) -> bool:
        """Add a tree; False where none was found, whose splits would help."""
        if not self._has_splits:
            return False
        if derive is None:
            return not self._booster.update()
        return not self._booster.update(fobj=lambda scores, _: derive(scores))

    def valid_scores(self) -> NDArray[np.floating[Any]]:
        """Of the validation documents, ``[doc]``, all trees counted."""
        found: list[NDArray[np.floating[Any]]] = []

        def note(scores: NDArray[np.floating[Any]], _: object) -> tuple[str, float, bool]:
            found.append(np.array(scores))
            return "noted", 0.0, True

        self._booster.eval_valid(feval=note)
        return found[0]

    def content(self, n_trees: int) -> bytes:
        """A text file with the first trees."""
        text: str = self._booster.model_to_string(num_iteration=n_trees)
        return text.encode()


def lightgbm_goes_on(options: Mapping[str, Any], objective: str | None) -> bool:
    """Whether trees that are added to earlier ones can be those of a training that was never cut off.

    What the trees of an objective of LightGBM's own draw cannot be passed over, nor what depends on their splits.
    """
    draws = (options["bagging_fraction"] < 1 and options["bagging_freq"] > 0) or options["feature_fraction"] < 1
    by_split = options["feature_fraction_bynode"] < 1 or options["extra_trees"]
    in_bags = options["bagging_fraction"] < 1 and options["bagging_freq"] > 1
    return not (by_split or in_bags) if objective is None else not (draws or by_split or objective == "rank_xendcg")


class XGBoostGrower:
    """Of an ``xgboost.Booster``; the arguments are those of :class:`LightGBMGrower`, it passes over nothing."""

    def __init__(
        self,
        options: Mapping[str, Any],
        objective: str | None,
        train: Rows,
        valid: Rows | None,
        seed: int,
        earlier: bytes | None = None,
    ) -> None:
        xgb = imported("xgboost")

        def matrix(rows: Rows, weights: NDArray[np.float32] | None) -> Any:
            kinds = ["c" if place in rows.categories else "q" for place in range(rows.features.shape[1])]
            return xgb.DMatrix(
                rows.features,
                rows.labels,
                group=rows.list_sizes,
                weight=weights,
                nthread=n_threads(train),
                feature_types=kinds if rows.categories else None,
                enable_categorical=bool(rows.categories),
            )

        self._train = matrix(train, None if objective is None else train.weights)
        self._valid = None if valid is None else matrix(valid, None)
        parameters = {
            **options,
            **({} if objective is None else {"objective": objective}),
            "base_score": 0.0,
            "disable_default_eval_metric": True,
            "seed": seed,
            "nthread": n_threads(train),
            "tree_method": "hist",
            "verbosity": 0,
        }
        known = [self._train] if valid is None else [self._train, self._valid]
        self._booster = xgb.Booster(parameters, known, model_file=None if earlier is None else bytearray(earlier))
        if earlier is not None:
            self._booster.set_param(parameters)  # those of its file were put in their place
        self._n_trees: int = self._booster.num_boosted_rounds()

    def grow(self, derive: Derive | None) -> bool:
        """Add a tree; XGBoost always does, if only a leaf."""
        fobj = None if derive is None else lambda scores, _: derive(scores)
        self._booster.update(self._train, self._n_trees, fobj=fobj)
        self._n_trees += 1
        return True

    def valid_scores(self) -> NDArray[np.floating[Any]]:
        """Of the validation documents, ``[doc]``, all trees counted."""
        scores: NDArray[np.floating[Any]] = self._booster.predict(self._valid, output_margin=True)
        return scores

    def content(self, n_trees: int) -> bytes:
        """A JSON file with the first trees."""
        return bytes(self._booster[:n_trees].save_raw("json"))


def xgboost_goes_on(options: Mapping[str, Any]) -> bool:
    """As :func:`lightgbm_goes_on`: XGBoost can where it draws nothing."""
    return bool(options["subsample"] == 1 and options["colsample_bytree"] == 1)


def n_threads(train: Rows) -> int:
    """How many a library grows trees with."""
    return max(1, min(torch.get_num_threads(), len(train.labels) // _THREAD_DOCS))


def imported(library: str) -> Any:
    """A library that grows trees.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        return importlib.import_module(library)
    except ImportError:
        raise ConfigError(
            f"{library}: expected the library that grows these trees; got none installed. pip install {library}."
        ) from None
