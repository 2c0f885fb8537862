"""CatBoost as a scorer: boosted trees under its own ranking objectives or any objective of one score."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError
from rankkit.models.priors import Prior
from rankkit.models.trees.boosted import BoostedTrees, Gradients, check_numbers, weights_of_queries
from rankkit.models.trees.catboost_growing import CatBoostGrower
from rankkit.models.trees.growing import Grower

_FORMS = {
    "YetiRank": ("YetiRank", "YetiRankPairwise"),
    "PairLogit": ("PairLogit", "PairLogitPairwise"),
    "QuerySoftMax": ("QuerySoftMax",),
    "QueryRMSE": ("QueryRMSE",),
    "QueryCrossEntropy": ("QueryCrossEntropy",),
    "LambdaMart": ("LambdaMart",),
}
"""By objective of CatBoost's, which forms of it there are."""


class CatBoost(BoostedTrees):
    r"""CatBoost's trees, one split a level, under its own ranking objectives or any objective that reads one score.

    ``gradients="auto"`` trains by CatBoost's own YetiRank, PairLogit, QuerySoftMax, QueryRMSE, QueryCrossEntropy and
    LambdaMart where yeti_rank, ranknet, softmax, pairwise_mse, query_cross_entropy and lambdarank are named without
    options. Their formulas are CatBoost's: PairLogit, QuerySoftMax and QueryRMSE are sums, in which lists with more
    pairs, larger labels or more documents weigh more. Any other objective trains by Newton steps of rankkit's slopes
    and curvatures: each tree is one of squared errors that weigh the curvature, of leaves
    :math:`-\eta \sum g / (\sum h + \lambda \bar h)`. Categories are split one value at a time.

    Args:
        n_features: Columns of the data; left out, those of the training data.
        depth: Splits on a path, at most.
        grow_policy: "SymmetricTree": one split a level; "Depthwise": each node its own; "Lossguide": best leaf first.
        max_leaves: Leaves of a tree, at most, under "Lossguide"; None: 31.
        min_data_in_leaf: Documents of a leaf, at least; None: 1. Not of symmetric trees.
        l2_leaf_reg: Added to the curvature of a leaf, times the mean curvature of a document; None: 3, or what CatBoost
            takes for its own objective, which is 0 for YetiRank and LambdaMart. LambdaMart of CatBoost 1.2 goes wrong
            with another than 0, which is left to rankkit's lambdarank.
        random_strength: Noise in what splits gain, as a share of how much slopes differ; it fades with the trees.
        rsm: Share of the features that a split sees.
        bootstrap_type: How the documents are drawn that a tree is chosen by; "auto": as CatBoost does.
        subsample: Share of them; None: as CatBoost does.
        score_function: What a split gains: "Cosine", "L2" (the Newton gain), or "auto", as CatBoost does.
        border_count: Values that a feature is told apart by, less one.
        leaf_estimation_iterations: Steps to the values of leaves under its own objectives; None: as CatBoost does.
        loss_function: CatBoost's own objective with options as it writes them, as "YetiRankPairwise" or
            "YetiRank:mode=NDCG;top=10", in place of the form that the objective stands for; None: that form.
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
        Prokhorenkova et al., "CatBoost: unbiased boosting with categorical features", NeurIPS 2018.
    """

    library = "catboost"
    own_objectives = {  # noqa: RUF012 the same for all
        "yeti_rank": "YetiRank",
        "ranknet": "PairLogit",
        "softmax": "QuerySoftMax",
        "pairwise_mse": "QueryRMSE",
        "query_cross_entropy": "QueryCrossEntropy",
        "lambdarank": "LambdaMart",
    }

    def __init__(
        self,
        n_features: int | None = None,
        *,
        depth: int = 6,
        grow_policy: Literal["SymmetricTree", "Depthwise", "Lossguide"] = "SymmetricTree",
        max_leaves: int | None = None,
        min_data_in_leaf: int | None = None,
        l2_leaf_reg: float | None = None,
        random_strength: float = 1.0,
        rsm: float = 1.0,
        bootstrap_type: Literal["auto", "MVS", "Bernoulli", "Bayesian", "No"] = "auto",
        subsample: float | None = None,
        score_function: Literal["auto", "Cosine", "L2"] = "auto",
        border_count: int = 254,
        leaf_estimation_iterations: int | None = None,
        loss_function: str | None = None,
        gradients: Gradients = "auto",
        context: str | None = None,
        prior: Prior | None = None,
        schema: Mapping[str, Any] | Schema | None = None,
        seed: int | None = None,
    ) -> None:
        numbers = {
            "depth": depth,
            "max_leaves": max_leaves,
            "min_data_in_leaf": min_data_in_leaf,
            "l2_leaf_reg": l2_leaf_reg,
            "random_strength": random_strength,
            "rsm": rsm,
            "subsample": subsample,
            "border_count": border_count,
            "leaf_estimation_iterations": leaf_estimation_iterations,
        }
        choices = {
            "grow_policy": grow_policy,
            "bootstrap_type": bootstrap_type,
            "score_function": score_function,
            "loss_function": loss_function,
        }
        from_1 = ("depth", "min_data_in_leaf", "border_count", "leaf_estimation_iterations")
        check_numbers("CatBoost", numbers, from_1=from_1, from_2=("max_leaves",))
        _check(numbers, choices)
        super().__init__(n_features, schema, gradients, context, prior, {**numbers, **choices})

    def own_objective(self, name: str, options: Mapping[str, Any], labels: NDArray[np.float32]) -> str | None:
        """What CatBoost calls an objective that it has too, ``loss_function`` where it is given.

        Raises:
            ConfigError: If the library, or a form of its objective, was asked for, and has no such objective.
        """
        own, asked = super().own_objective(name, options, labels), self._library_options["loss_function"]
        if own == "LambdaMart" and self._library_options["l2_leaf_reg"]:
            if self.gradients == "library" or asked is not None:
                raise ConfigError(
                    "CatBoost: expected no l2_leaf_reg, or 0, with LambdaMart, whose curvatures have the other sign "
                    f"in CatBoost 1.2; got {self._library_options['l2_leaf_reg']}. Leave it out, or set gradients."
                )
            own = None
        if asked is None:
            return own
        if own is None or asked.partition(":")[0] not in _FORMS[own]:
            raise ConfigError(
                f"CatBoost: expected an objective that {asked} is a form of, without options and with gradients of the "
                f"library; got {name}. Name that objective, or leave loss_function out."
            )
        return str(asked)

    def weights_taken(self, train: RankingDataset) -> NDArray[np.float32] | None:
        """One a query.

        Raises:
            ConfigError: If there is one a document.
        """
        return weights_of_queries("CatBoost", train)

    def goes_on(self, own: str | None) -> bool:
        """On slopes of rankkit: each of their trees is grown by itself."""
        return own is None

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
        left = {"loss_function", *(() if own else ("leaf_estimation_iterations",))}
        given = {name: value for name, value in self._library_options.items() if name not in left}
        if own is None and given["l2_leaf_reg"] is None:
            given["l2_leaf_reg"] = 3.0
        options = {name: value for name, value in given.items() if value not in (None, "auto")}
        return CatBoostGrower({**options, "learning_rate": learning_rate}, own, train, valid, seed, earlier, n_passed)


def _check(numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> None:
    """Raise ConfigError for what does not go together."""
    known = {
        "grow_policy": ("SymmetricTree", "Depthwise", "Lossguide"),
        "bootstrap_type": ("auto", "MVS", "Bernoulli", "Bayesian", "No"),
        "score_function": ("auto", "Cosine", "L2"),
    }
    for name, allowed in known.items():
        if choices[name] not in allowed:
            raise ConfigError(
                f"CatBoost: expected {name} to be one of {', '.join(allowed)}; got {choices[name]!r}. Choose one."
            )
    policy, loss = choices["grow_policy"], choices["loss_function"]
    for name, policies in (("max_leaves", ("Lossguide",)), ("min_data_in_leaf", ("Lossguide", "Depthwise"))):
        if numbers[name] is not None and policy not in policies:
            raise ConfigError(
                f"CatBoost: expected no {name} with grow_policy={policy!r}; got {numbers[name]}. "
                f"Leave it out, or take {' or '.join(policies)}."
            )
    forms = [form for named in _FORMS.values() for form in named]
    if loss is not None and loss.partition(":")[0] not in forms:
        raise ConfigError(
            f"CatBoost: expected loss_function to begin with one of {', '.join(forms)}; got {loss!r}. Choose one."
        )
