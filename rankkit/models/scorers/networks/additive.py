"""AdditiveScorer: a small network for each column, and their sum; what each adds can be drawn."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from rankkit.data.columns.schema import Schema
from rankkit.models.priors import Prior
from rankkit.models.scorers.networks.frame import Network, framed
from rankkit.models.scorers.networks.hidden import (
    ACTIVATIONS,
    check_activation,
    check_dropout,
    check_widths,
    dropout_of,
)
from rankkit.models.scorers.networks.members import OwnLinear
from rankkit.transforms import Spec


class AdditiveScorer(Network):
    r"""A generalized additive model: the score is a sum, each column adds what a small network makes of it alone.

    .. math:: s = b + \sum_j f_j(x_j)

    So what a value of a column adds is a curve that can be looked at (:func:`rankkit.shapes`), whatever the others are.
    All networks have the same widths and are computed together. A column of the query adds the same to all of its
    documents, which changes no order.

    Args:
        n_features: Columns of the data.
        hidden: Widths of the hidden layers of each network.
        activation: ``relu``, ``leaky_relu``, ``elu``, ``tanh``, ``gelu``, ``silu`` or ``sigmoid``.
        dropout: Share of hidden values set to 0 in training, from 0 to below 1.
        transform: What is done to the features first, fitted on training rows (:class:`rankkit.transforms.Transform`).
        context: Beside each number of documents how it compares within the query, as ``"z+rank"``: ``z`` ((x - mean) /
            std), ``rank`` (from 0 to 1), ``share`` (of the largest), ``gap`` (to the next higher one); None: without.
            They are inputs of the network of their column, which then adds no curve of the value alone.
        prior: Keys of which is remembered how their documents were labelled, as ``["doc_id", "brand+color"]``: three
            numbers each beside the features; None: without.
        n_outputs: 1, or K for an objective of K outputs: ``forward`` then gives ``[doc, K]``.
        readout: How K outputs become the ranking score; ``expected_grade`` if left out, ``sum_of_sigmoids`` for
            ``ordinal_loss``, ``first_output`` for ``listwide_softmax_loss``.
        schema: What the columns stand for, where some are no numbers, as :meth:`rankkit.Schema.to_dict` has it;
            :meth:`for_data` passes it. Categories become embeddings, those of a bag are averaged; missing and unseen
            values have rows of their own, at 0 until they are learnt. Each column has one network.
        embedding_size: Width of embeddings; None: of n values the smaller one of 50 and 1.6 n ** 0.56, rounded up.
        missing_indicators: Beside each number that is missing in some training rows, 1 where it is missing.
        seed: Seed of the initial weights; None draws them from torch's global generator.

    Raises:
        ConfigError: If an option cannot work.

    Example:
        >>> scorer = AdditiveScorer(2, hidden=(4,), transform="none", seed=0).eval()
        >>> documents, offsets = torch.zeros(5, 2), torch.tensor([0, 1, 5])
        >>> scorer.contributions(documents, offsets).shape, scorer(documents, offsets).shape
        (torch.Size([5, 2]), torch.Size([5]))

    References:
        Zhuang et al., *Interpretable Ranking with Generalized Additive Models*, WSDM 2021, section 4.1, without its
        weights by the context of the query; Agarwal et al., *Neural Additive Models*, NeurIPS 2021.
    """

    learning_rate: ClassVar[float] = 5e-3  # what fit() takes unless told; the networks are small

    places: Tensor

    def __init__(
        self,
        n_features: int,
        hidden: Sequence[int] = (16, 8),
        *,
        activation: str = "relu",
        dropout: float = 0.0,
        transform: Spec = ("log1p+standardize", "piecewise:32"),
        context: str | None = None,
        prior: Prior | None = None,
        n_outputs: int = 1,
        readout: str | None = None,
        schema: Mapping[str, Any] | Schema | None = None,
        embedding_size: int | None = None,
        missing_indicators: bool = False,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        widths = check_widths("AdditiveScorer", hidden)
        check_activation("AdditiveScorer", activation)
        check_dropout("AdditiveScorer", dropout)
        frame = framed(
            "AdditiveScorer",
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
        self.take_frame(frame)
        self.spans = frame.spans
        by_span = _places(self.transform.sources(), self.spans)
        sizes = [max(1, len(places)) for places in by_span]  # a key is no feature: its network sees a 0
        nothing = self.transform.n_outputs  # the place of a 0 behind the inputs
        filled = [[*places, *[nothing] * (max(sizes) - len(places))] for places in by_span]
        self.register_buffer("places", torch.tensor(filled))
        self.hidden = nn.ModuleList()
        n_inputs = sizes
        for width in widths:
            self.hidden.append(OwnLinear(n_inputs, width, generator=frame.generator))
            n_inputs = [width] * len(sizes)
        self.activation = ACTIVATIONS[activation]()
        self.dropout = dropout_of(dropout)
        self.output = OwnLinear(n_inputs, n_outputs, bias=False, generator=frame.generator)
        self.bias = nn.Parameter(torch.zeros(n_outputs))
        own = {"hidden": widths, "activation": activation, "dropout": dropout}
        self.options = frame.options(own)

    def contributions(self, features: Tensor, offsets: Tensor) -> Tensor:
        """What each column adds: ``[doc, feature]`` to ``[doc, column]``, or ``[doc, column, K]`` for K outputs.

        The columns are those of the schema, or the features where there is none.
        """
        found = self._each(features, offsets).transpose(0, 1)
        return found.squeeze(-1) if self.n_outputs == 1 else found

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Score each document: ``[doc, feature]`` to ``[doc]``, or ``[doc, K]`` for K outputs."""
        outputs = self._each(features, offsets).sum(dim=0) + self.bias
        return outputs.squeeze(-1) if self.n_outputs == 1 else outputs

    def _each(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[column, doc, K]``."""
        inputs = self.transform(features, offsets)
        values = torch.cat([inputs, torch.zeros_like(inputs[:, :1])], dim=1)[:, self.places].transpose(0, 1)
        for layer in self.hidden:
            values = self.dropout(self.activation(layer(values)))
        outputs: Tensor = self.output(values)
        return outputs


def _places(sources: Sequence[int], spans: Sequence[range]) -> list[list[int]]:
    """The inputs that come from each span of columns of the matrix.

    >>> _places([0, 1, 2, 0], [range(0, 1), range(1, 3)])
    [[0, 3], [1, 2]]
    """
    return [[place for place, source in enumerate(sources) if source in span] for span in spans]
