"""Hidden layers: linear, normalization, activation, dropout, one behind the other."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rankkit.errors import ConfigError, did_you_mean
from rankkit.models.scorers.columns import ColumnInputs
from rankkit.models.scorers.first_layer.gathering import can_gather, gathered
from rankkit.models.scorers.layers import Dropout, fresh
from rankkit.models.scorers.scorer import check_count
from rankkit.transforms import Transform

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


class DocumentBatchNorm(nn.BatchNorm1d):
    """Batch normalization over documents; a lone document in training is normalised by the running statistics."""

    def forward(self, input: Tensor) -> Tensor:
        """``[doc, width]`` to the same shape."""
        if self.training and input.shape[0] == 1:
            return functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        return super().forward(input)


NORMALIZATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda width: nn.Identity(),
    "batch": DocumentBatchNorm,
    "layer": nn.LayerNorm,
}


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
        self.normalization = NORMALIZATIONS[normalization](n_outputs)
        self.activation = ACTIVATIONS[activation]()
        self.dropout = dropout_of(dropout)
        self.residual = residual and n_inputs == n_outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """``[doc, n_inputs]`` to ``[doc, n_outputs]``."""
        outputs = self.finished(self.linear(inputs))
        return inputs + outputs if self.residual else outputs

    def finished(self, products: Tensor) -> Tensor:
        """What follows the linear layer: ``[doc, n_outputs]`` to the same."""
        return cast(Tensor, self.dropout(self.activation(self.normalization(products))))


def hidden_layers(
    widths: Sequence[int],
    *,
    activation: str,
    dropout: float,
    normalization: str,
    residual: bool = False,
    generator: torch.Generator | None,
) -> nn.Sequential:
    """Layers from each width to the next, the first one of the inputs; options as :func:`check_hidden` left them."""
    return nn.Sequential(
        *(
            HiddenLayer(n_in, n_out, activation, dropout, normalization, residual and position > 0, generator)
            for position, (n_in, n_out) in enumerate(pairwise(widths))
        )
    )


def run_hidden(inputs: Transform | ColumnInputs, hidden: nn.Sequential, features: Tensor, offsets: Tensor) -> Tensor:
    """What hidden layers make of transformed features: ``[doc, feature]`` to ``[doc, width]``.

    The encoding of a ``piecewise`` transform is not written out where nobody looks at it.
    """
    first = cast(HiddenLayer, hidden[0]) if len(hidden) else None
    if first is None or not can_gather(inputs, first.linear, features):
        return cast(Tensor, hidden(inputs(features, offsets)))
    values = first.finished(gathered(cast(Transform, inputs), first.linear, features, offsets))
    for layer in list(hidden)[1:]:
        values = layer(values)
    return values


def dropout_of(share: float) -> nn.Module:
    """Dropout of that share, nothing for none."""
    return Dropout(share) if share else nn.Identity()


def check_hidden(
    where: str, hidden: Sequence[int], *, activation: str, dropout: float, normalization: str, residual: bool = False
) -> list[int]:
    """The widths as a list, once they and the other options of hidden layers are known to work.

    Raises:
        ConfigError: If one cannot.
    """
    widths = check_widths(where, hidden)
    if residual and all(n_in != n_out for n_in, n_out in pairwise(widths)):
        raise ConfigError(
            f"{where}: expected two neighbouring hidden layers of one width for residual; got {widths}. "
            "Pass for example hidden=[128, 128]."
        )
    check_dropout(where, dropout)
    check_activation(where, activation)
    if normalization not in NORMALIZATIONS:
        raise ConfigError(
            f"{where}: expected the name of a normalization; got {normalization!r}. "
            f"{did_you_mean(normalization, NORMALIZATIONS)}"
        )
    return widths


def check_widths(where: str, hidden: Sequence[int]) -> list[int]:
    """The widths of hidden layers as a list, checked."""
    if isinstance(hidden, str | int):
        raise ConfigError(f"{where}: expected the widths of the hidden layers; got {hidden!r}. Pass a list: [256].")
    widths = list(hidden)
    for width in widths:
        check_count(where, "each width in hidden", width)
    return widths


def check_dropout(where: str, dropout: float) -> None:
    """Raise ConfigError unless it is a share of values that can be left out."""
    if not 0 <= dropout < 1:
        raise ConfigError(f"{where}: expected dropout from 0 to below 1; got {dropout!r}. Pass a share.")


def check_activation(where: str, activation: str) -> None:
    """Raise ConfigError unless there is such an activation."""
    if activation not in ACTIVATIONS:
        raise ConfigError(
            f"{where}: expected the name of an activation; got {activation!r}. {did_you_mean(activation, ACTIVATIONS)}"
        )
