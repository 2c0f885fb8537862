"""LightGBM and XGBoost as scorers: boosted trees that :func:`rankkit.fit` grows under any objective of one score."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError
from rankkit.models.priors import Prior
from rankkit.models.trees.boosted import BoostedTrees, Gradients, check_numbers, weights_of_queries
from rankkit.models.trees.catboost_scorer import CatBoost
from rankkit.models.trees.growing import (
    Grower,
    LightGBMGrower,
    XGBoostGrower,
    lightgbm_goes_on,
    xgboost_goes_on,
)


class LightGBM(BoostedTrees):
    """LightGBM's trees, leaf by leaf, under its own lambdarank and xe_ndcg or any objective that reads one score.

    ``gradients="auto"`` trains by LightGBM's own lambdarank (pairs with a document among the first 30, normalised) and
    rank_xendcg where these objectives are named without options, at full speed; any other by slopes and curvatures of
    rankkit's kernels. Categories are split by sets of their codes.

    Args:
        n_features: Columns of the data; left out, those of the training data.
        num_leaves: Leaves of a tree, at most.
        max_depth: Splits on a path, at most; -1: any.
        min_data_in_leaf: Documents of a leaf, at least.
        min_sum_hessian_in_leaf: Sum of their curvatures, at least.
        lambda_l1: Pull of leaves towards 0.
        lambda_l2: Added to the curvature of a leaf.
        min_gain_to_split: What a split has to gain.
        feature_fraction: Share of the features that a tree sees.
        feature_fraction_bynode: Share of these that a split sees.
        bagging_fraction: Share of the documents that a tree sees.
        bagging_freq: Trees after which they are drawn anew; 0: never.
        extra_trees: One random threshold a feature in place of all.
        path_smooth: Pull of leaves towards the node above.
        max_bin: Values that a feature is told apart by.
        cat_smooth: Documents that a category is smoothed by.
        cat_l2: As ``lambda_l2``, of splits by category.
        gradients: Whose slopes grow the trees: "library", its own of an objective that it has; "rankkit"; or "auto",
            the library's where it has the objective, rankkit's elsewhere.
        context: Columns beside each number of documents, of how it compares within the query, as ``"z+rank"``: ``z``
            ((x - mean) / std), ``rank`` (from 0 to 1), ``share`` (of the largest), ``gap`` (to the next higher one),
            missing where it is; None: without.
        prior: Keys of which is remembered how their documents were labelled, as ``["doc_id", "brand+color"]``: three
            columns each; None: without.
        schema: What the columns stand for; from the training data.
        seed: Taken for the sake of other scorers: the run's counts.

    Example:
        >>> import rankkit as rk
        >>> train, valid = rk.make_ranking(60, seed=0), rk.make_ranking(30, seed=1)
        >>> scorer = LightGBM(num_leaves=7, min_data_in_leaf=5)
        >>> history = rk.fit(scorer, "approx_ndcg", train, valid, epochs=30)
        >>> history.best_epoch == len(scorer.model.trees)
        True

    References:
        Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 2017.
    """

    library = "lightgbm"
    own_objectives = {"lambdarank": "lambdarank", "xe_ndcg": "rank_xendcg"}  # noqa: RUF012 the same for all

    def __init__(
        self,
        n_features: int | None = None,
        *,
        num_leaves: int = 31,
        max_depth: int = -1,
        min_data_in_leaf: int = 20,
        min_sum_hessian_in_leaf: float = 1e-3,
        lambda_l1: float = 0.0,
        lambda_l2: float = 0.0,
        min_gain_to_split: float = 0.0,
        feature_fraction: float = 0.8,
        feature_fraction_bynode: float = 1.0,
        bagging_fraction: float = 0.8,
        bagging_freq: int = 1,
        extra_trees: bool = False,
        path_smooth: float = 0.0,
        max_bin: int = 255,
        cat_smooth: float = 10.0,
        cat_l2: float = 10.0,
        gradients: Gradients = "auto",
        context: str | None = None,
        prior: Prior | None = None,
        schema: Mapping[str, Any] | Schema | None = None,
        seed: int | None = None,
    ) -> None:
        options = {
            "num_leaves": num_leaves,
            "max_depth": max_depth,
            "min_data_in_leaf": min_data_in_leaf,
            "min_sum_hessian_in_leaf": min_sum_hessian_in_leaf,
            "lambda_l1": lambda_l1,
            "lambda_l2": lambda_l2,
            "min_gain_to_split": min_gain_to_split,
            "feature_fraction": feature_fraction,
            "feature_fraction_bynode": feature_fraction_bynode,
            "bagging_fraction": bagging_fraction,
            "bagging_freq": bagging_freq,
            "extra_trees": extra_trees,
            "path_smooth": path_smooth,
            "max_bin": max_bin,
            "cat_smooth": cat_smooth,
            "cat_l2": cat_l2,
        }
        check_numbers("LightGBM", options, from_1=("min_data_in_leaf",), from_2=("num_leaves", "max_bin"))
        super().__init__(n_features, schema, gradients, context, prior, options)

    def weights_taken(self, train: RankingDataset) -> NDArray[np.float32] | None:
        """One a document."""
        return train.doc_weights

    def goes_on(self, own: str | None) -> bool:
        """On slopes of rankkit unless draws depend on splits or last for several trees; else where nothing is drawn."""
        return lightgbm_goes_on(self._library_options, own)

    def _grower(
        self,
        learning_rate: float,
        own: str | None,
        train: Any,
        valid: Any,
        seed: int,
        earlier: bytes | None,
        n_passed: int,
    ) -> Grower:
        options = {**self._library_options, "learning_rate": learning_rate}
        n_passed = n_passed if own is None else 0  # where it goes on, its own objectives draw nothing
        return LightGBMGrower(options, own, train, valid, seed, earlier, n_passed)


class XGBoost(BoostedTrees):
    """XGBoost's trees, level by level, under its own rank:ndcg or any objective that reads one score.

    ``gradients="auto"`` trains by XGBoost's own rank:ndcg and rank:pairwise where lambdarank and ranknet are named
    without options; any other by slopes and curvatures of rankkit's kernels, whose sums are small: ``reg_lambda`` and
    ``min_child_weight`` are then 0 and 0.001 unless they are set. Categories are split by sets of their codes.

    Args:
        n_features: Columns of the data; left out, those of the training data.
        max_depth: Splits on a path, at most; 0: any.
        max_leaves: Leaves of a tree, at most; 0: any.
        min_child_weight: Sum of the curvatures of a leaf, at least; None: 1, or 0.001 for slopes of rankkit.
        min_split_loss: What a split has to gain.
        reg_alpha: Pull of leaves towards 0.
        reg_lambda: Added to the curvature of a leaf; None: 1, or 0 for slopes of rankkit.
        subsample: Share of the documents that a tree sees.
        colsample_bytree: Share of the features that a tree sees.
        max_bin: Values that a feature is told apart by.
        gradients: Whose slopes grow the trees: "library", its own of an objective that it has; "rankkit"; or "auto",
            the library's where it has the objective, rankkit's elsewhere.
        context: Columns beside each number of documents, of how it compares within the query, as ``"z+rank"``: ``z``
            ((x - mean) / std), ``rank`` (from 0 to 1), ``share`` (of the largest), ``gap`` (to the next higher one),
            missing where it is; None: without.
        prior: Keys of which is remembered how their documents were labelled, as ``["doc_id", "brand+color"]``: three
            columns each; None: without.
        schema: What the columns stand for; from the training data.
        seed: Taken for the sake of other scorers: the run's counts.

    References:
        Chen, Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016.
    """

    library = "xgboost"
    own_objectives = {"lambdarank": "rank:ndcg", "ranknet": "rank:pairwise"}  # noqa: RUF012 the same for all

    def __init__(
        self,
        n_features: int | None = None,
        *,
        max_depth: int = 6,
        max_leaves: int = 0,
        min_child_weight: float | None = None,
        min_split_loss: float = 0.0,
        reg_alpha: float = 0.0,
        reg_lambda: float | None = None,
        subsample: float = 0.8,
        colsample_bytree: float = 0.8,
        max_bin: int = 256,
        gradients: Gradients = "auto",
        context: str | None = None,
        prior: Prior | None = None,
        schema: Mapping[str, Any] | Schema | None = None,
        seed: int | None = None,
    ) -> None:
        options = {
            "max_depth": max_depth,
            "max_leaves": max_leaves,
            "min_child_weight": min_child_weight,
            "min_split_loss": min_split_loss,
            "reg_alpha": reg_alpha,
            "reg_lambda": reg_lambda,
            "subsample": subsample,
            "colsample_bytree": colsample_bytree,
            "max_bin": max_bin,
        }
        check_numbers("XGBoost", options, from_1=(), from_2=("max_bin",))
        super().__init__(n_features, schema, gradients, context, prior, options)

    def weights_taken(self, train: RankingDataset) -> NDArray[np.float32] | None:
        """One a query.

        Raises:
            ConfigError: If there is one a document.
        """
        return weights_of_queries("XGBoost", train)

    def goes_on(self, own: str | None) -> bool:
        """Where nothing is drawn."""
        return xgboost_goes_on(self._library_options)

    def _grower(
        self,
        learning_rate: float,
        own: str | None,
        train: Any,
        valid: Any,
        seed: int,
        earlier: bytes | None,
        n_passed: int,
    ) -> Grower:
        unset = {"min_child_weight": 1.0, "reg_lambda": 1.0} if own else {"min_child_weight": 1e-3, "reg_lambda": 0.0}
        options = {name: unset.get(name) if value is None else value for name, value in self._library_options.items()}
        return XGBoostGrower({**options, "eta": learning_rate}, own, train, valid, seed, earlier)


def Boosted(library: str, **options: Any) -> BoostedTrees:  # noqa: N802 it stands for the classes
    """Trees of a library by its name: ``Boosted("lightgbm", num_leaves=63)`` is ``LightGBM(num_leaves=63)``.

    Args:
        library: "lightgbm", "xgboost" or "catboost".
        **options: Of :class:`LightGBM`, :class:`XGBoost` or :class:`CatBoost`.

    Raises:
        ConfigError: If it is none of them.
    """
    known: dict[str, type[Any]] = {"lightgbm": LightGBM, "xgboost": XGBoost, "catboost": CatBoost}
    if library not in known:
        raise ConfigError(f"Boosted: expected one of {', '.join(known)}; got {library!r}. Choose one.")
    made: BoostedTrees = known[library](**options)
    return made
