"""TabMScorer: an ensemble of networks that share almost all of their weights."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional, init

from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.models.scorers.columns import MIN_COUNT
from rankkit.models.scorers.for_data import scorer_for
from rankkit.models.scorers.gathering import Products, can_gather, gathered
from rankkit.models.scorers.layers import fresh_parameter
from rankkit.models.scorers.networks.frame import framed
from rankkit.models.scorers.networks.hidden import (
    ACTIVATIONS,
    check_activation,
    check_dropout,
    check_widths,
    dropout_of,
)
from rankkit.models.scorers.scorer import check_count, describe
from rankkit.transforms import Spec, Transform


class TabMScorer(nn.Module):
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
        n_outputs: 1, or K for an objective of K outputs: ``forward`` then gives ``[doc, K]``.
        readout: How K outputs become the ranking score; ``expected_grade`` if left out, ``sum_of_sigmoids`` for
            ``ordinal_loss``.
        schema: What the columns stand for, where some are no numbers, as :meth:`rankkit.Schema.to_dict` has it;
            :meth:`for_data` passes it. Categories become embeddings, those of a bag are averaged; missing and unseen
            values have rows of their own, at 0 until they are learnt. Members share them.
        embedding_size: Width of embeddings; None: of n values the smaller one of 50 and 1.6 n ** 0.56, rounded up.
        missing_indicators: Beside each number that is missing in some training rows, 1 where it is missing.
        seed: Seed of the initial weights; None draws them from torch's global generator.

    Raises:
        ConfigError: If an option cannot work.

    Example:
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
            n_outputs=n_outputs,
            readout=readout,
            schema=schema,
            embedding_size=embedding_size,
            missing_indicators=missing_indicators,
            seed=seed,
        )
        self.n_features, self.n_outputs, self.readout = n_features, n_outputs, frame.readout
        self.schema, self.transform = frame.schema, frame.inputs
        self.feature_names: tuple[str, ...] | None = None
        sizes = [self.transform.n_outputs, *widths]
        self.hidden = nn.ModuleList(
            SharedLinear(n_in, n_out, n_members, is_first=place == 0, generator=frame.generator)
            for place, (n_in, n_out) in enumerate(pairwise(sizes))
        )
        self.activation = ACTIVATIONS[activation]()
        self.dropout = dropout_of(dropout)
        self.output = OwnLinear(sizes[-1], n_outputs, n_members, generator=frame.generator)
        own = {"hidden": widths, "n_members": n_members, "activation": activation, "dropout": dropout}
        self.options = frame.options(own)

    @classmethod
    def for_data(cls, train: RankingDataset, *, min_count: int = MIN_COUNT, **options: Any) -> Self:
        """A scorer for the columns of training data, whatever their kinds.

        Args:
            train: The training data; nothing of it but the schema and the number of features is kept.
            min_count: Training rows that a value of a category has to have to get an embedding of its own; the rarer
                ones share that of unseen values.
            **options: Of the scorer.
        """
        return scorer_for(cls, train, min_count, options)

    def members(self, features: Tensor, offsets: Tensor) -> Tensor:
        """The scores of each member: ``[doc, feature]`` to ``[member, doc]``, or ``[member, doc, K]``.

        Training takes the mean of their losses.
        """
        layers = list(self.hidden)
        if layers and can_gather(self.transform, layers[0], features):
            first = cast(SharedLinear, layers.pop(0))
            sums = gathered(cast(Transform, self.transform), first.products(), features, offsets)
            values = self._finished(first.by_member(sums))
        else:
            values = self.transform(features, offsets)
        for layer in layers:
            values = self._finished(layer(values))
        outputs: Tensor = self.output(values)
        return outputs.squeeze(-1) if self.n_outputs == 1 else outputs

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """Score each document: ``[doc, feature]`` to ``[doc]``, or ``[doc, K]`` for K outputs."""
        return self.members(features, offsets).mean(dim=0)

    def _finished(self, products: Tensor) -> Tensor:
        return cast(Tensor, self.dropout(self.activation(products)))

    def __repr__(self) -> str:
        return describe(self, self.options)


class SharedLinear(nn.Module):
    """A linear layer of several members: one matrix, and each member's factors of inputs and of outputs, and bias.

    Factors go into the matrix, which is smaller than what it is multiplied with, so that members are one product in a
    batch; and the first layer, whose input they share, is one product of all members' matrices below each other.

    Args:
        n_inputs: Width before.
        n_outputs: Width after.
        n_members: How many members.
        is_first: Whether the factors of inputs are random signs at first, else 1.
        generator: Of the initial weights; None: torch's global one.
    """

    def __init__(
        self, n_inputs: int, n_outputs: int, n_members: int, *, is_first: bool, generator: torch.Generator | None
    ) -> None:
        super().__init__()
        bound = n_inputs**-0.5

        def uniform(values: Tensor) -> Tensor:
            return values.uniform_(-bound, bound, generator=generator)

        def signs(values: Tensor) -> Tensor:
            return values.bernoulli_(0.5, generator=generator).mul_(2).sub_(1)

        self.weight = fresh_parameter((n_outputs, n_inputs), uniform)
        self.of_inputs = fresh_parameter((n_members, n_inputs), signs if is_first else init.ones_)
        self.of_outputs = fresh_parameter((n_members, n_outputs), init.ones_)
        one = fresh_parameter((n_outputs,), uniform)
        self.bias = nn.Parameter(one.detach().repeat(n_members, 1))  # members begin with the same

    def weights(self) -> Tensor:
        """The matrix of each member: ``[member, n_outputs, n_inputs]``."""
        return self.weight * self.of_inputs[:, None, :] * self.of_outputs[:, :, None]

    def products(self) -> Products:
        """The layer of all members over one input: their matrices below each other."""
        return Products(self.weights().flatten(0, 1), self.bias.flatten())

    def by_member(self, sums: Tensor) -> Tensor:
        """What :meth:`products` gives, ``[doc, member * n_outputs]``, as ``[member, doc, n_outputs]``."""
        found: Tensor = sums.unflatten(1, self.bias.shape).transpose(0, 1)
        return found

    def forward(self, inputs: Tensor) -> Tensor:
        """``[member, doc, n_inputs]``, or ``[doc, n_inputs]`` of all, to ``[member, doc, n_outputs]``."""
        if inputs.dim() == 2:
            weight, bias = self.products()
            return self.by_member(functional.linear(inputs, weight, bias))
        return torch.baddbmm(self.bias[:, None], inputs, self.weights().transpose(1, 2))


class OwnLinear(nn.Module):
    """A linear layer of several members that share nothing.

    Args:
        n_inputs: Width before.
        n_outputs: Width after.
        n_members: How many members.
        generator: Of the initial weights; None: torch's global one.
    """

    def __init__(self, n_inputs: int, n_outputs: int, n_members: int, *, generator: torch.Generator | None) -> None:
        super().__init__()
        bound = n_inputs**-0.5
        self.weight, self.bias = (
            fresh_parameter(sizes, lambda values: values.uniform_(-bound, bound, generator=generator))
            for sizes in ((n_members, n_outputs, n_inputs), (n_members, n_outputs))
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """``[member, doc, n_inputs]``, or ``[doc, n_inputs]`` of all, to ``[member, doc, n_outputs]``."""
        each = inputs if inputs.dim() == 3 else inputs.expand(len(self.weight), -1, -1)
        return torch.baddbmm(self.bias[:, None], each, self.weight.transpose(1, 2))
