"""Linear layers of several networks side by side, as products in a batch: of one shared matrix, or each of its own."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional, init

from rankkit.models.scorers.first_layer.gathering import Products
from rankkit.models.scorers.layers import fresh_parameter


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

    undecayed: ClassVar[tuple[str, ...]] = ("of_inputs", "of_outputs", "bias")  # by weight decay

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
        parts = self.weight, self.of_inputs, self.of_outputs
        return Products(parts, lambda: self.weights().flatten(0, 1), self.bias.flatten())

    def by_member(self, sums: Tensor) -> Tensor:
        """What :meth:`products` gives, ``[doc, member * n_outputs]``, as ``[member, doc, n_outputs]``."""
        found: Tensor = sums.unflatten(1, self.bias.shape).transpose(0, 1)
        return found

    def forward(self, inputs: Tensor) -> Tensor:
        """``[member, doc, n_inputs]``, or ``[doc, n_inputs]`` of all, to ``[member, doc, n_outputs]``."""
        if inputs.dim() == 2:
            layer = self.products()
            return self.by_member(functional.linear(inputs, layer.weight(), layer.bias))
        return torch.baddbmm(self.bias[:, None], inputs, self.weights().transpose(1, 2))


class OwnLinear(nn.Module):
    """Linear layers side by side that share nothing: a product in a batch.

    Args:
        n_inputs: The width before of each; inputs are as wide as the widest, and what a layer does not have is 0.
        n_outputs: Width after.
        bias: False leaves the constants out.
        generator: Of the initial weights; None: torch's global one.
    """

    undecayed: ClassVar[tuple[str, ...]] = ("bias",)
    bias: nn.Parameter | None

    def __init__(
        self, n_inputs: Sequence[int], n_outputs: int, *, bias: bool = True, generator: torch.Generator | None
    ) -> None:
        super().__init__()
        bounds = torch.tensor(n_inputs, dtype=torch.float32, device="cpu").rsqrt()[:, None]

        def uniform(values: Tensor) -> Tensor:
            spread = values.uniform_(-1, 1, generator=generator).flatten(1)
            return spread.mul_(bounds)

        self.weight = fresh_parameter((len(n_inputs), n_outputs, max(n_inputs)), uniform)
        self.bias = fresh_parameter((len(n_inputs), n_outputs), uniform) if bias else None

    def forward(self, inputs: Tensor) -> Tensor:
        """``[layer, doc, n_inputs]``, or ``[doc, n_inputs]`` of all, to ``[layer, doc, n_outputs]``."""
        each = inputs if inputs.dim() == 3 else inputs.expand(len(self.weight), -1, -1)
        weight = self.weight.transpose(1, 2)
        return torch.bmm(each, weight) if self.bias is None else torch.baddbmm(self.bias[:, None], each, weight)
