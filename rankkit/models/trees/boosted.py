"""LightGBM and XGBoost as scorers: boosted trees that :func:`rankkit.fit` grows under any objective of one score."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.data.columns.kinds import Category
from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError
from rankkit.models.scorers.columns import MIN_COUNT, compared_places, options_for, schema_from
from rankkit.models.scorers.scorer import check_count, describe
from rankkit.models.trees.growing import Grower, LightGBMGrower, Rows, XGBoostGrower, imported
from rankkit.models.trees.model import TreeModel
from rankkit.models.trees.scorer import TreeScorer
from rankkit.transforms.context import WithContext, context_steps
from rankkit.transforms.rows import TrainingRows

Gradients = Literal["auto", "library", "rankkit"]


class BoostedTrees(nn.Module):
    """What the trees of all libraries have in common; see :class:`LightGBM` and :class:`XGBoost`.

    An epoch of :func:`rankkit.fit` is a tree: ``epochs`` is how many there are at most (1,000; without validation data
    100), ``patience`` how many without a better validation value end the training (50), ``learning_rate`` what each
    counts for (0.05). Kept are the trees up to the best validation value, as the library writes them.
    """

    learning_rate: ClassVar[float] = 0.05
    library: ClassVar[str]
    own_objectives: ClassVar[Mapping[str, str]]
    """By name of the objective here, what the library calls its own."""

    n_outputs = 1
    readout: str | None = None

    def __init__(
        self,
        n_features: int | None,
        schema: Mapping[str, Any] | Schema | None,
        gradients: Gradients,
        context: str | None,
        options: Mapping[str, Any],
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if n_features is not None:
            check_count(name, "n_features", n_features)
        if gradients not in ("auto", "library", "rankkit"):
            raise ConfigError(
                f"{name}: expected gradients to be 'auto', 'library' or 'rankkit'; got {gradients!r}. Choose one."
            )
        self.n_features = n_features
        self.schema = None if schema is None or n_features is None else schema_from(name, schema, n_features)
        self.feature_names: tuple[str, ...] | None = None
        self.gradients = gradients
        context_steps(context)
        self.context = context
        self._beside = None if n_features is None else self._context_of(n_features)
        self.grown: TreeScorer | None = None
        self._library_options = dict(options)
        self.options: dict[str, Any] = {
            "n_features": n_features,
            **options,
            "gradients": gradients,
            **({} if context is None else {"context": context}),
            **({} if self.schema is None else {"schema": self.schema.to_dict()}),
        }

    @property
    def model(self) -> TreeModel:
        """The trees.

        Raises:
            ConfigError: If there are none yet.
        """
        if self.grown is None:
            raise ConfigError(f"{type(self).__name__}: expected a trained scorer; got one without trees. Fit it first.")
        return self.grown.model

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``features [doc, feature]`` to ``[doc]``, computed on the CPU, in the precision of the library."""
        if self.grown is None:
            return features.new_zeros(len(features))  # as the library begins
        scores: Tensor = self.grown(features if self._beside is None else self._beside(features, offsets), offsets)
        return scores

    def _context_of(self, n_features: int) -> WithContext | None:
        return None if self.context is None else WithContext(self.context, compared_places(self.schema, n_features))

    def state(self) -> dict[str, NDArray[np.uint8]]:
        """The file of the library, byte for byte; nothing before it is trained."""
        return {} if self.grown is None else self.grown.state()

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what :meth:`state` gave.

        Raises:
            ValueError: If it is no file of trees, or has other columns.
        """
        if not state:
            return
        grown = TreeScorer()
        grown.set_state(state)
        if self.n_features is not None:
            n_wanted = self.n_features + (0 if self._beside is None else self._beside.n_more)
            if n_wanted != grown.n_features:
                raise ValueError(f"trees of {grown.n_features} features, where the options give {n_wanted}")
        self.grown = grown

    def own_objective(self, name: str, options: Mapping[str, Any], labels: NDArray[np.float32]) -> str | None:
        """What the library calls an objective that it has too; None where rankkit gives slopes and curvatures.

        Args:
            name: Of the objective, in the catalogue.
            options: Those that were set.
            labels: Of the training data.

        Raises:
            ConfigError: If the library was asked for, and has no such objective.
        """
        own = self.own_objectives.get(name)
        whole = bool(np.all((labels >= 0) & (labels <= 30) & (labels == np.floor(labels))))
        if self.gradients == "library" and (own is None or options or not whole):
            known = ", ".join(self.own_objectives)
            got = name if own is None else f"{name} with {', '.join(options)}" if options else f"{name} of other labels"
            raise ConfigError(
                f"{type(self).__name__}: expected one of {known}, without options and for labels that are whole "
                f"numbers from 0 to 30, which {self.library} has of its own; got {got}. Leave gradients out."
            )
        return None if self.gradients == "rankkit" or options or not whole else own

    def begin(
        self, train: RankingDataset, valid: RankingDataset | None, own: str | None, learning_rate: float, seed: int
    ) -> Grower:
        """A grower for data; what it has grown comes back by :meth:`keep`."""
        self.n_features = self.options["n_features"] = train.n_features
        self._beside = self._context_of(train.n_features)
        imported(self.library)
        learnt = self._rows(train, None if own is None else self.weights_taken(train))
        return self._grower(learning_rate, own, learnt, None if valid is None else self._rows(valid, None), seed)

    def keep(self, content: bytes) -> None:
        """Take the trees that a grower gave."""
        grown = TreeScorer()
        grown.set_state({"file": np.frombuffer(content, np.uint8)})
        self.grown = grown

    def weights_taken(self, train: RankingDataset) -> NDArray[np.float32] | None:
        """The weights of a data set, in the form in which the library's own objectives take them.

        Raises:
            ConfigError: If they take none of that form.
        """
        raise NotImplementedError

    def _grower(self, learning_rate: float, own: str | None, train: Any, valid: Any, seed: int) -> Grower:
        raise NotImplementedError

    def _rows(self, data: RankingDataset, weights: NDArray[np.float32] | None) -> Rows:
        labels = np.zeros(data.n_docs, np.float32) if data.labels is None else np.asarray(data.labels, np.float32)
        return Rows(self._columns(data), labels, data.list_sizes, weights, category_places(data))

    def _columns(self, data: RankingDataset) -> NDArray[np.float32]:
        """``[doc, feature]``, with the context beside them where there is one."""
        if self._beside is None:
            return np.asarray(data.features)
        columns = np.empty((data.n_docs, data.n_features + self._beside.n_more), np.float32)
        n_done = 0
        for block in TrainingRows(data.features, data.offsets, torch.device("cpu")).after(self._beside).blocks():
            columns[n_done : n_done + len(block)] = block.numpy()
            n_done += len(block)
        return columns

    def __repr__(self) -> str:
        return describe(self, self.options)


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
        gradients: "auto", "library", or "rankkit", as above.
        context: Columns beside each number of documents, of how it compares within the query, as ``"z+rank"``: ``z``
            ((x - mean) / std), ``rank`` (from 0 to 1), ``share`` (of the largest), ``gap`` (to the next higher one),
            missing where it is; None: without.
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
        _check_numbers("LightGBM", options, from_1=("min_data_in_leaf",), from_2=("num_leaves", "max_bin"))
        super().__init__(n_features, schema, gradients, context, options)

    @classmethod
    def for_data(cls, train: RankingDataset, *, min_count: int = MIN_COUNT, **options: Any) -> "LightGBM":
        """A scorer for the columns of training data, whatever their kinds.

        Args:
            train: The training data; nothing of it but the schema and the number of features is kept.
            min_count: Training rows that a value of a category has to have; the rarer ones count as unseen.
            **options: Of the scorer.
        """
        scorer = cls(**options_for("LightGBM.for_data", train, min_count, cls, options), **options)
        scorer.feature_names = train.feature_names
        return scorer

    def weights_taken(self, train: RankingDataset) -> NDArray[np.float32] | None:
        """One a document."""
        return train.doc_weights

    def _grower(self, learning_rate: float, own: str | None, train: Any, valid: Any, seed: int) -> Grower:
        return LightGBMGrower({**self._library_options, "learning_rate": learning_rate}, own, train, valid, seed)


class XGBoost(BoostedTrees):
    """XGBoost's trees, level by level, under its own rank:ndcg and rank:map or any objective that reads one score.

    ``gradients="auto"`` trains by XGBoost's own rank:ndcg, rank:map and rank:pairwise where lambdarank, lambdarank_map
    and ranknet are named without options; any other by slopes and curvatures of rankkit's kernels, whose sums are
    small: ``min_child_weight`` is then 0.001 unless it is set. Categories are split by sets of their codes.

    Args:
        n_features: Columns of the data; left out, those of the training data.
        max_depth: Splits on a path, at most; 0: any.
        max_leaves: Leaves of a tree, at most; 0: any.
        min_child_weight: Sum of the curvatures of a leaf, at least; None: 1, or 0.001 for slopes of rankkit.
        gamma: What a split has to gain.
        reg_alpha: Pull of leaves towards 0.
        reg_lambda: Added to the curvature of a leaf; None: 1, or 0 for slopes of rankkit.
        subsample: Share of the documents that a tree sees.
        colsample_bytree: Share of the features that a tree sees.
        max_bin: Values that a feature is told apart by.
        gradients: "auto", "library", or "rankkit", as above.
        context: Columns beside each number of documents, of how it compares within the query, as ``"z+rank"``: ``z``
            ((x - mean) / std), ``rank`` (from 0 to 1), ``share`` (of the largest), ``gap`` (to the next higher one),
            missing where it is; None: without.
        schema: What the columns stand for; from the training data.
        seed: Taken for the sake of other scorers: the run's counts.

    References:
        Chen, Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016.
    """

    library = "xgboost"
    own_objectives = {"lambdarank": "rank:ndcg", "lambdarank_map": "rank:map", "ranknet": "rank:pairwise"}  # noqa: RUF012 the same for all

    def __init__(
        self,
        n_features: int | None = None,
        *,
        max_depth: int = 6,
        max_leaves: int = 0,
        min_child_weight: float | None = None,
        gamma: float = 0.0,
        reg_alpha: float = 0.0,
        reg_lambda: float | None = None,
        subsample: float = 0.8,
        colsample_bytree: float = 0.8,
        max_bin: int = 256,
        gradients: Gradients = "auto",
        context: str | None = None,
        schema: Mapping[str, Any] | Schema | None = None,
        seed: int | None = None,
    ) -> None:
        options = {
            "max_depth": max_depth,
            "max_leaves": max_leaves,
            "min_child_weight": min_child_weight,
            "gamma": gamma,
            "reg_alpha": reg_alpha,
            "reg_lambda": reg_lambda,
            "subsample": subsample,
            "colsample_bytree": colsample_bytree,
            "max_bin": max_bin,
        }
        _check_numbers("XGBoost", options, from_1=(), from_2=("max_bin",))
        super().__init__(n_features, schema, gradients, context, options)

    @classmethod
    def for_data(cls, train: RankingDataset, *, min_count: int = MIN_COUNT, **options: Any) -> "XGBoost":
        """A scorer for the columns of training data, whatever their kinds.

        Args:
            train: The training data; nothing of it but the schema and the number of features is kept.
            min_count: Training rows that a value of a category has to have; the rarer ones count as unseen.
            **options: Of the scorer.
        """
        scorer = cls(**options_for("XGBoost.for_data", train, min_count, cls, options), **options)
        scorer.feature_names = train.feature_names
        return scorer

    def weights_taken(self, train: RankingDataset) -> NDArray[np.float32] | None:
        """One a query.

        Raises:
            ConfigError: If there is one a document.
        """
        if train.weights is not None and train.weights_per == "doc":
            raise ConfigError(
                "XGBoost: expected weights of queries, which its own objectives take; got weights of documents. "
                "Train with gradients='rankkit', or by LightGBM."
            )
        return train.weights

    def _grower(self, learning_rate: float, own: str | None, train: Any, valid: Any, seed: int) -> Grower:
        unset = {"min_child_weight": 1.0, "reg_lambda": 1.0} if own else {"min_child_weight": 1e-3, "reg_lambda": 0.0}
        options = {name: unset.get(name) if value is None else value for name, value in self._library_options.items()}
        return XGBoostGrower({**options, "eta": learning_rate}, own, train, valid, seed)


def Boosted(library: str, **options: Any) -> BoostedTrees:  # noqa: N802 it stands for the classes
    """Trees of a library by its name: ``Boosted("lightgbm", num_leaves=63)`` is ``LightGBM(num_leaves=63)``.

    Args:
        library: "lightgbm" or "xgboost".
        **options: Of :class:`LightGBM` or :class:`XGBoost`.

    Raises:
        ConfigError: If it is neither.
    """
    known: dict[str, type[Any]] = {"lightgbm": LightGBM, "xgboost": XGBoost}
    if library not in known:
        raise ConfigError(f"Boosted: expected one of {', '.join(known)}; got {library!r}. Choose one.")
    made: BoostedTrees = known[library](**options)
    return made


def category_places(data: RankingDataset) -> list[int]:
    """The features that are codes of categories without an order, which trees split by sets of codes.

    Ordered ones are split as numbers; so are the codes of bags, of which a tree has no notion.
    """
    if data.schema is None:
        return []
    return [
        data.schema.spans[column.name].start
        for column in data.schema.columns
        if isinstance(column, Category) and not column.ordered
    ]


def _check_numbers(where: str, options: Mapping[str, Any], *, from_1: tuple[str, ...], from_2: tuple[str, ...]) -> None:
    for name, value in options.items():
        if value is None or isinstance(value, bool):
            continue
        least = 2 if name in from_2 else 1 if name in from_1 else -1 if name == "max_depth" else 0
        share = "fraction" in name or name in ("subsample", "colsample_bytree")
        good = isinstance(value, int | float) and np.isfinite(value) and (0 < value <= 1 if share else value >= least)
        if not good:
            wanted = "above 0 and at most 1" if share else f"of at least {least}"
            raise ConfigError(f"{where}: expected {name} {wanted}; got {value!r}. Choose such a number.")
