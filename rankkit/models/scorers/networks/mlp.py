"""MLPScorer: a feed-forward network over transformed features."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from rankkit.data.columns.schema import Schema
from rankkit.models.priors import Prior
from rankkit.models.scorers.networks.frame import Network, framed
from rankkit.models.scorers.networks.hidden import check_hidden, hidden_layers, run_hidden
from rankkit.transforms import Spec


class MLPScorer(Network):
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
            ``ordinal_loss``, ``first_output`` for ``listwide_softmax_loss``.
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
        frame = framed(
            "MLPScorer",
            n_features,
            transform=transform,
            context=context,
            prior=prior,
            n_outputs=n_outputs,
            readout=readout,
            schema=schema,
            embedding_size=embedding_size,
            missing_indicators=missing_indicators,
            seed=seed,
        )
        layers: dict[str, Any] = {
            "activation": activation,
            "dropout": dropout,
            "normalization": normalization,
            "residual": residual,
        }
        widths = check_hidden("MLPScorer", hidden, **layers)
        self.take_frame(frame)
        sizes = [self.transform.n_outputs, *widths]
        self.hidden = hidden_layers(sizes, **layers, generator=frame.generator)
        self.output = frame.output(sizes[-1], tied=tied_outputs)
        self.options = frame.options({"hidden": widths, **layers}, tied_outputs=tied_outputs)

    def hidden_values(self, features: Tensor, offsets: Tensor) -> Tensor:
        """What the last layer scores: ``[doc, feature]`` to ``[doc, width]``."""
        return run_hidden(self.transform, self.hidden, features, offsets)

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Score each document: ``[doc, feature]`` to ``[doc]``, or ``[doc, K]`` for K outputs."""
        return self.scored(self.hidden_values(features, offsets))
