"""BoostedTrees: what scorers have in common that :func:`rankkit.fit` grows under any objective of one score."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.data.columns.kinds import Number
from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError
from rankkit.models.priors import Prior, prior_options, priors_from, resolved
from rankkit.models.scorers.columns import MIN_COUNT, compared_places, schema_from
from rankkit.models.scorers.for_data import options_for
from rankkit.models.scorers.scorer import check_count, describe
from rankkit.models.trees.growing import Grower, imported, rows_of
from rankkit.models.trees.model import TreeModel
from rankkit.models.trees.scorer import TreeScorer
from rankkit.naming import named
from rankkit.transforms.context import WithContext, context_steps
from rankkit.transforms.rows import TrainingRows

Gradients = Literal["auto", "library", "rankkit"]


class BoostedTrees(nn.Module):
    """What the trees of all libraries have in common; see :class:`rankkit.LightGBM` and those beside it.

    An epoch of :func:`rankkit.fit` is a tree: ``epochs`` is how many there are at most (1,000; without validation data
    100), ``patience`` how many without a better validation value end the training (50), ``learning_rate`` what each
    counts for (0.05). Kept are the trees up to the best validation value, as the library writes them. A scorer that has
    trees keeps them, and is given more.
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
        prior: Prior | None,
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
        self.prior = prior
        self.priors = None if n_features is None else priors_from(name, prior, self.schema, n_features)
        self._beside = None if n_features is None else self._context_of(n_features)
        self.grown: TreeScorer | None = None
        self._library_options = dict(options)
        self.options: dict[str, Any] = {
            "n_features": n_features,
            **options,
            "gradients": gradients,
            **({} if context is None else {"context": context}),
            **({} if prior is None else {"prior": prior}),
            **prior_options(self.priors),
            **({} if self.schema is None else {"schema": self.schema.to_dict()}),
        }

    @classmethod
    def for_data(cls, train: RankingDataset, *, min_count: int = MIN_COUNT, **options: Any) -> Self:
        """A scorer for the columns of training data, whatever their kinds.

        Args:
            train: The training data; nothing of it but the schema and the number of features is kept.
            min_count: Training rows that a value of a category has to have; the rarer ones count as unseen.
            **options: Of the scorer.
        """
        scorer = cls(**{**options, **options_for(f"{cls.__name__}.for_data", train, min_count, cls, options)})
        scorer.feature_names = train.feature_names
        return scorer

    @classmethod
    def check_installed(cls) -> None:
        """Raise ConfigError if the library that grows the trees is not installed."""
        imported(cls.library)

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
        given = features if self.priors is None else self.priors(features)
        scores: Tensor = self.grown(given if self._beside is None else self._beside(given, offsets), offsets)
        return scores

    def _context_of(self, n_features: int) -> WithContext | None:
        if self.context is None:
            return None
        schema = self.schema if self.priors is None else self.priors.widened
        return WithContext(self.context, compared_places(schema, n_features))

    @property
    def n_leaves(self) -> int:
        """Of all trees."""
        return self.model.n_leaves

    def state(self) -> dict[str, NDArray[np.uint8]]:
        """The file of the library, byte for byte, and what priors remember; nothing before it is trained."""
        if self.grown is None:
            return {}
        remembered = {} if self.priors is None else self.priors.state_dict()
        return {**self.grown.state(), **{f"priors.{name}": value.numpy() for name, value in remembered.items()}}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what :meth:`state` gave.

        Raises:
            ValueError: If it is no file of trees, or has other columns.
        """
        if not state:
            self.grown = None
            return
        grown = TreeScorer()
        grown.set_state({name: value for name, value in state.items() if not name.startswith("priors.")})
        if self.priors is not None:
            remembered = {
                name.removeprefix("priors."): torch.from_numpy(np.array(value))
                for name, value in state.items()
                if name.startswith("priors.")
            }
            try:
                self.priors.load_state_dict(remembered, assign=True)
            except RuntimeError as error:
                raise ValueError(f"other priors than the options give: {error}") from error
        if self.n_features is not None:
            n_wanted = self._n_columns(self.n_features)
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
        self,
        train: RankingDataset,
        valid: RankingDataset | None,
        own: str | None,
        learning_rate: float,
        seed: int,
        n_passed: int = 0,
    ) -> Grower:
        """A grower for data, which adds to the trees that there are; all of them come back by :meth:`keep`.

        Args:
            train: What it learns from.
            valid: What it scores after each tree, or None.
            own: What the library calls its objective; None where slopes are given.
            learning_rate: What each tree counts for.
            seed: Of what it draws.
            n_passed: How many of the trees that there are it shall have grown itself; see :meth:`goes_on`.

        Raises:
            ConfigError: If the trees that there are have other columns.
        """
        self.n_features = self.options["n_features"] = train.n_features
        self.check_installed()
        if self.priors is None:  # built without data
            name, schema = type(self).__name__, self.schema or train.schema
            asked = None if self.prior is None else resolved(name, self.prior, train)
            self.priors = priors_from(name, asked, schema, train.n_features)
            self.options |= prior_options(self.priors)
        self._beside = self._context_of(train.n_features)
        n_columns = self._n_columns(train.n_features)
        if self.grown is not None and self.grown.n_features != n_columns:
            raise ConfigError(
                f"{type(self).__name__}: expected data of the {self.grown.n_features} columns of the trees that there "
                f"are; got {n_columns}. Give such data, or begin with a new scorer."
            )
        if self.priors is not None:
            train = self.priors.learn("fit", train)
            if valid is not None:
                self.priors.tell_of("fit", valid)
        learnt = rows_of(train, self._columns(train), None if own is None else self.weights_taken(train))
        held_out = None if valid is None else rows_of(valid, self._columns(valid), None)
        earlier = None if self.grown is None else self.grown.state()["file"].tobytes()
        return self._grower(learning_rate, own, learnt, held_out, seed, earlier, n_passed)

    def goes_on(self, own: str | None) -> bool:
        """Whether trees added to earlier ones can be those of a training that was never cut off, whatever it draws.

        Args:
            own: What the library calls its objective; None where slopes are given.
        """
        raise NotImplementedError

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
        raise NotImplementedError

    def seen(self, data: RankingDataset) -> RankingDataset:
        """The documents with all columns that the trees see, priors and context beside the features."""
        own = data if self.priors is None else self.priors.applied(data)
        if self._beside is None:
            return own
        names = named(own.feature_names, own.n_features)
        more = self._beside.names_of(names)
        columns = tuple(Number(name) for name in names) if own.schema is None else own.schema.columns
        schema = Schema((*columns, *(Number(name) for name in more)))
        return replace(own, features=self._columns(data), feature_names=schema.names, schema=schema)

    def _columns(self, data: RankingDataset) -> NDArray[np.float32]:
        """``[doc, feature]``, with priors and context beside them where there are some."""
        features = np.asarray(data.features) if self.priors is None else self.priors.columns_of(data.features)
        if self._beside is None:
            return features
        columns = np.empty((data.n_docs, features.shape[1] + self._beside.n_more), np.float32)
        n_done = 0
        for block in TrainingRows(features, data.offsets, torch.device("cpu")).after(self._beside).blocks():
            columns[n_done : n_done + len(block)] = block.numpy()
            n_done += len(block)
        return columns

    def _n_columns(self, n_features: int) -> int:
        """How many columns the trees see of so many features."""
        n_more = [one.n_more for one in (self.priors, self._beside) if one is not None]
        return n_features + sum(n_more)

    def __repr__(self) -> str:
        return describe(self, self.options)


def check_numbers(where: str, options: Mapping[str, Any], *, from_1: tuple[str, ...], from_2: tuple[str, ...]) -> None:
    """Raise ConfigError unless each number is one that trees can be grown with.

    Args:
        where: The scorer, for messages.
        options: By their names in the library; None for one that is left to it.
        from_1: Which are 1 at least.
        from_2: Which are 2 at least.
    """
    for name, value in options.items():
        if value is None or isinstance(value, bool):
            continue
        least = 2 if name in from_2 else 1 if name in from_1 else -1 if name == "max_depth" else 0
        share = "fraction" in name or name in ("subsample", "colsample_bytree", "rsm")
        good = isinstance(value, int | float) and np.isfinite(value) and (0 < value <= 1 if share else value >= least)
        if not good:
            wanted = "above 0 and at most 1" if share else f"of at least {least}"
            raise ConfigError(f"{where}: expected {name} {wanted}; got {value!r}. Choose such a number.")


def weights_of_queries(name: str, train: RankingDataset) -> NDArray[np.float32] | None:
    """Weights as the own objectives of a library take them that has one a query."""
    if train.weights is not None and train.weights_per == "doc":
        raise ConfigError(
            f"{name}: expected weights of queries, which its own objectives take; got weights of documents. "
            "Train with gradients='rankkit', or by LightGBM."
        )
    return train.weights
