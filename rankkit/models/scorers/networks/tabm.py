"""TabMScorer: an ensemble of networks that share almost all of their weights."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, cast

from torch import Tensor, nn

from rankkit.data.columns.schema import Schema
from rankkit.models.priors import Prior
from rankkit.models.scorers.first_layer.gathering import can_gather, gathered
from rankkit.models.scorers.networks.frame import Network, framed
from rankkit.models.scorers.networks.hidden import (
    ACTIVATIONS,
    check_activation,
    check_dropout,
    check_widths,
    dropout_of,
)
from rankkit.models.scorers.networks.members import OwnLinear, SharedLinear
from rankkit.models.scorers.scorer import check_count
from rankkit.transforms import Spec, Transform


class TabMScorer(Network):
    r"""TabM: k networks of one shared set of matrices, told apart by factors of inputs and outputs of each layer.

    .. math:: h_i = s_i \odot W (r_i \odot x_i) + b_i, \quad i = 1 \dots k

    W is shared, r, s and b are a member's own; each hidden layer is that, activation, dropout. At first the r of the
    first layer are random signs, so that members differ, and all other factors are 1. The last layer is of each member
    alone. In training each member has a loss of its own, of which the mean is taken; the score is the mean of the
    members. Of K outputs the mean is taken before they are read.

    Args:
        n_features: Columns of the data.
        hidden: Widths of the hidden layers.
        n_members: How many networks; time grows with it nearly as with that many of their width.
        activation: ``relu``, ``leaky_relu``, ``elu``, ``tanh``, ``gelu``, ``silu`` or ``sigmoid``.
        dropout: Share of hidden values set to 0 in training, from 0 to below 1; each member draws its own.
        transform: What is done to the features first, fitted on training rows (:class:`rankkit.transforms.Transform`).
        context: Beside each number of documents how it compares within the query, as ``"z+rank"``: ``z`` ((x - mean) /
            std), ``rank`` (from 0 to 1), ``share`` (of the largest), ``gap`` (to the next higher one); None: without.
        prior: Keys of which is remembered how their documents were labelled, as ``["doc_id", "brand+color"]``: three
            numbers each beside the features; None: without.
        n_outputs: 1, or K for an objective of K outputs: ``forward`` then gives ``[doc, K]``.
        readout: How K outputs become the ranking score; ``expected_grade`` if left out, ``sum_of_sigmoids`` for
            ``ordinal_loss``, ``first_output`` for ``listwide_softmax_loss``.
        schema: What the columns stand for, where some are no numbers, as :meth:`rankkit.Schema.to_dict` has it;
            :meth:`for_data` passes it. Categories become embeddings, those of a bag are averaged; missing and unseen
            values have rows of their own, at 0 until they are learnt. Members share them.
        embedding_size: Width of embeddings; None: of n values the smaller one of 50 and 1.6 n ** 0.56, rounded up.
        missing_indicators: Beside each number that is missing in some training rows, 1 where it is missing.
        seed: Seed of the initial weights; None draws them from torch's global generator.

    Raises:
        ConfigError: If an option cannot work.

    Example:
        >>> import torch
        >>> scorer = TabMScorer(2, hidden=(4,), n_members=3, transform="none", seed=0).eval()
        >>> documents, offsets = torch.zeros(5, 2), torch.tensor([0, 1, 5])
        >>> scorer.members(documents, offsets).shape, scorer(documents, offsets).shape
        (torch.Size([3, 5]), torch.Size([5]))

    References:
        Gorishniy, Kotelnikov, Babenko, *TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling*,
        ICLR 2025, section 3; the layers are those of Wen, Tran, Ba, *BatchEnsemble*, ICLR 2020.
    """

    learning_rate: ClassVar[float] = 2e-3  # what fit() takes unless told

    def __init__(
        self,
        n_features: int,
        hidden: Sequence[int] = (128, 128),
        *,
        n_members: int = 8,
        activation: str = "relu",
        dropout: float = 0.1,
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
        check_count("TabMScorer", "n_members", n_members)
        widths = check_widths("TabMScorer", hidden)
        check_activation("TabMScorer", activation)
        check_dropout("TabMScorer", dropout)
        frame = framed(
            "TabMScorer",
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
        sizes = [self.transform.n_outputs, *widths]
        self.hidden = nn.ModuleList(
            SharedLinear(n_in, n_out, n_members, is_first=place == 0, generator=frame.generator)
            for place, (n_in, n_out) in enumerate(pairwise(sizes))
        )
        self.activation = ACTIVATIONS[activation]()
        self.dropout = dropout_of(dropout)
        self.output = OwnLinear([sizes[-1]] * n_members, n_outputs, generator=frame.generator)
        own = {"hidden": widths, "n_members": n_members, "activation": activation, "dropout": dropout}
        self.options = frame.options(own)

    def hidden_values(self, features: Tensor, offsets: Tensor) -> Tensor:
        """What the last layer of each member scores: ``[doc, feature]`` to ``[member, doc, width]``."""
        layers = list(self.hidden)
        if layers and can_gather(self.transform, layers[0], features):
            first = cast(SharedLinear, layers.pop(0))
            sums = gathered(cast(Transform, self.transform), first.products(), features, offsets)
            values = self._finished(first.by_member(sums))
        else:
            values = self.transform(features, offsets)
        for layer in layers:
            values = self._finished(layer(values))
        return values if values.dim() == 3 else values.expand(len(self.output.weight), -1, -1)

    def members(self, features: Tensor, offsets: Tensor) -> Tensor:
        """The scores of each member: ``[doc, feature]`` to ``[member, doc]``, or ``[member, doc, K]``.

        Training takes the mean of their losses.
        """
        outputs: Tensor = self.output(self.hidden_values(features, offsets))
        return outputs.squeeze(-1) if self.n_outputs == 1 else outputs

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Score each document: ``[doc, feature]`` to ``[doc]``, or ``[doc, K]`` for K outputs."""
        return self.members(features, offsets).mean(dim=0)

    def _finished(self, products: Tensor) -> Tensor:
        return cast(Tensor, self.dropout(self.activation(products)))
