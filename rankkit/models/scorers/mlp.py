"""MLPScorer: a feed-forward network over transformed features."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, did_you_mean
from rankkit.models.priors import Prior, prior_options, priors_from
from rankkit.models.scorers.columns import MIN_COUNT, column_options, inputs_of, schema_from
from rankkit.models.scorers.for_data import options_for
from rankkit.models.scorers.gathering import can_gather, gathered
from rankkit.models.scorers.layers import Dropout, fresh, weights_from
from rankkit.models.scorers.outputs import output_layer
from rankkit.models.scorers.readout import check_readout
from rankkit.models.scorers.scorer import check_count, describe
from rankkit.transforms import Spec, Transform

# In place where the gradient needs only the result, so that a layer keeps one copy of its values.
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky_relu": lambda: nn.LeakyReLU(inplace=True),
    "elu": lambda: nn.ELU(inplace=True),
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
}


class MLPScorer(nn.Module):
    """A feed-forward network over transformed features, one score a document.

    Each hidden layer is linear, normalization, activation, dropout; the last layer is linear.

    Args:
        n_features: Columns of the data.
        hidden: Widths of the hidden layers.
        activation: ``relu``, ``leaky_relu``, ``elu``, ``tanh``, ``gelu``, ``silu`` or ``sigmoid``.
        dropout: Share of hidden values set to 0 in training, from 0 to below 1.
        normalization: ``none``, ``batch`` (over the documents of a batch) or ``layer`` (over the values of a document).
        residual: Add its input to each hidden layer that has the width of the one before.
        transform: What is done to the features first, fitted on training rows (:class:`rankkit.transforms.Transform`).
        context: Beside each number of documents how it compares within the query, as ``"z+rank"``: ``z`` ((x - mean) /
            std), ``rank`` (from 0 to 1), ``share`` (of the largest), ``gap`` (to the next higher one); None: without.
        prior: Keys of which is remembered how their documents were labelled, as ``["doc_id", "brand+color"]``: three
            numbers each beside the features; None: without.
        n_outputs: 1, or K for an objective of K outputs: ``forward`` then gives ``[doc, K]``.
        readout: How K outputs become the ranking score; ``expected_grade`` if left out, ``sum_of_sigmoids`` for
            ``ordinal_loss``.
        tied_outputs: For ``ordinal_loss``: one shared score plus K biases (CORAL) instead of K free outputs.
        schema: What the columns stand for, where some are no numbers, as :meth:`rankkit.Schema.to_dict` has it;
            :meth:`for_data` passes it. Categories become embeddings, those of a bag are averaged; missing and unseen
            values have rows of their own, at 0 until they are learnt.
        embedding_size: Width of embeddings; None: of n values the smaller one of 50 and 1.6 n ** 0.56, rounded up.
        missing_indicators: Beside each number that is missing in some training rows, 1 where it is missing.
        seed: Seed of the initial weights; None draws them from torch's global generator.

    Raises:
        ConfigError: If an option cannot work.

    Example:
        >>> import torch
        >>> scorer = MLPScorer(2, hidden=(4,), transform="none", seed=0)
        >>> scorer(torch.zeros(3, 2), torch.tensor([0, 1, 3])).shape
        torch.Size([3])
    """

    learning_rate: ClassVar[float] = 2e-3  # what fit() takes unless told

    def __init__(
        self,
        n_features: int,
        hidden: Sequence[int] = (256, 256, 128),
        *,
        activation: str = "relu",
        dropout: float = 0.3,
        normalization: str = "layer",
        residual: bool = False,
        transform: Spec = ("log1p+standardize", "piecewise:32"),
        context: str | None = None,
        prior: Prior | None = None,
        n_outputs: int = 1,
        readout: str | None = None,
        tied_outputs: bool = False,
        schema: Mapping[str, Any] | Schema | None = None,
        embedding_size: int | None = None,
        missing_indicators: bool = False,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        check_count("MLPScorer", "n_features", n_features)
        hidden = _check_hidden(hidden, residual)
        if not 0 <= dropout < 1:
            raise ConfigError(f"MLPScorer: expected dropout from 0 to below 1; got {dropout!r}. Pass a share.")
        self.n_features = n_features
        self.n_outputs = n_outputs
        self.readout = check_readout("MLPScorer", n_outputs, readout)
        self.feature_names: tuple[str, ...] | None = None
        generator = weights_from("MLPScorer", seed)
        self.schema = schema_from("MLPScorer", schema, n_features)
        if embedding_size is not None:
            check_count("MLPScorer", "embedding_size", embedding_size)
        self.priors = priors_from("MLPScorer", prior, self.schema, n_features)
        self.transform = inputs_of(
            self.schema,
            transform,
            n_features,
            priors=self.priors,
            context=context,
            missing_indicators=missing_indicators,
            embedding=embedding_size,
            generator=generator,
        )
        widths = [self.transform.n_outputs, *hidden]
        self.hidden = nn.Sequential(
            *(
                HiddenLayer(n_in, n_out, activation, dropout, normalization, residual and position > 0, generator)
                for position, (n_in, n_out) in enumerate(pairwise(widths))
            )
        )
        self.output = output_layer(
            "MLPScorer", widths[-1], n_outputs, readout=self.readout, tied=tied_outputs, generator=generator
        )
        self.options: dict[str, Any] = {
            "n_features": n_features,
            "hidden": hidden,
            "activation": activation,
            "dropout": dropout,
            "normalization": normalization,
            "residual": residual,
            "transform": self.transform.spec,
            **prior_options(self.priors),
            "n_outputs": n_outputs,
            "readout": self.readout,
            "tied_outputs": tied_outputs,
            **column_options(
                self.schema, context=context, missing_indicators=missing_indicators, embedding_size=embedding_size
            ),
            "seed": seed,
        }

    @classmethod
    def for_data(cls, train: RankingDataset, *, min_count: int = MIN_COUNT, **options: Any) -> "MLPScorer":
        """A scorer for the columns of training data, whatever their kinds.

        Args:
            train: The training data; nothing of it but the schema and the number of features is kept.
            min_count: Training rows that a value of a category has to have to get an embedding of its own; the rarer
                ones share that of unseen values.
            **options: Of the scorer.

        Example:
            >>> from rankkit.data.synthetic import make_ranking
            >>> MLPScorer.for_data(make_ranking(5, n_features=3), hidden=(4,)).n_features
            3
        """
        scorer = cls(**{**options, **options_for("MLPScorer.for_data", train, min_count, cls, options)})
        scorer.feature_names = train.feature_names
        return scorer

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Score each document: ``[doc, feature]`` to ``[doc]``, or ``[doc, K]`` for K outputs."""
        given = features if self.priors is None else self.priors(features)
        outputs: Tensor = self.output(self._hidden_values(given, offsets))
        return outputs.squeeze(-1) if self.n_outputs == 1 else outputs

    def _hidden_values(self, features: Tensor, offsets: Tensor) -> Tensor:
        first = cast(HiddenLayer, self.hidden[0]) if len(self.hidden) else None
        if first is None or not can_gather(self.transform, first.linear, features):
            return cast(Tensor, self.hidden(self.transform(features, offsets)))
        values = first.finished(gathered(cast(Transform, self.transform), first.linear, features, offsets))
        for layer in list(self.hidden)[1:]:
            values = layer(values)
        return values

    def __repr__(self) -> str:
        return describe(self, self.options)


class HiddenLayer(nn.Module):
    """Linear, normalization, activation, dropout; with ``residual``, plus its input where the width is the same."""

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        activation: str,
        dropout: float,
        normalization: str,
        residual: bool,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.linear = fresh(nn.Linear, n_inputs, n_outputs, generator=generator)
        self.normalization = _normalization(normalization, n_outputs)
        if activation not in ACTIVATIONS:
            raise ConfigError(
                f"MLPScorer: expected the name of an activation; got {activation!r}. "
                f"{did_you_mean(activation, ACTIVATIONS)}"
            )
        self.activation = ACTIVATIONS[activation]()
        self.dropout = Dropout(dropout) if dropout else nn.Identity()
        self.residual = residual and n_inputs == n_outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """``[doc, n_inputs]`` to ``[doc, n_outputs]``."""
        outputs = self.finished(self.linear(inputs))
        return inputs + outputs if self.residual else outputs

    def finished(self, products: Tensor) -> Tensor:
        """What follows the linear layer: ``[doc, n_outputs]`` to the same."""
        return cast(Tensor, self.dropout(self.activation(self.normalization(products))))


class DocumentBatchNorm(nn.BatchNorm1d):
    """Batch normalization over documents; a lone document in training is normalised by the running statistics."""

    def forward(self, input: Tensor) -> Tensor:
        """``[doc, width]`` to the same shape."""
        if self.training and input.shape[0] == 1:
            return functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        return super().forward(input)


def _normalization(name: str, width: int) -> nn.Module:
    known: dict[str, Callable[[], nn.Module]] = {
        "none": nn.Identity,
        "batch": lambda: DocumentBatchNorm(width),
        "layer": lambda: nn.LayerNorm(width),
    }
    if name not in known:
        raise ConfigError(f"MLPScorer: expected the name of a normalization; got {name!r}. {did_you_mean(name, known)}")
    return known[name]()


def _check_hidden(hidden: Sequence[int], residual: bool) -> list[int]:
    """The widths as a list, checked."""
    if isinstance(hidden, str | int):
        raise ConfigError(f"MLPScorer: expected the widths of the hidden layers; got {hidden!r}. Pass a list: [256].")
    widths = list(hidden)
    for width in widths:
        check_count("MLPScorer", "each width in hidden", width)
    if residual and all(n_in != n_out for n_in, n_out in pairwise(widths)):
        raise ConfigError(
            f"MLPScorer: expected two neighbouring hidden layers of one width for residual; got {widths}. "
            "Pass for example hidden=[128, 128]."
        )
    return widths
