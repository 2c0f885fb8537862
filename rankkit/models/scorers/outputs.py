"""The last layer of a scorer: linear, or one shared score plus a bias an output."""

import torch
from torch import Tensor, nn

from rankkit.errors import ConfigError
from rankkit.models.scorers.layers import fresh


class TiedOutputs(nn.Module):
    """K outputs that differ by constants only: one shared score plus K biases, as CORAL has it.

    Under ``ordinal_loss`` the probability of grade k or better then falls with k for every document, once the biases
    do. The biases start at 0.

    Args:
        n_inputs: Width of the layer before.
        n_outputs: K.
        generator: Of the initial weights; None: torch's global one.
    """

    def __init__(self, n_inputs: int, n_outputs: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.score = fresh(nn.Linear, n_inputs, 1, bias=False, generator=generator)
        self.bias = nn.Parameter(torch.zeros(n_outputs))

    @property
    def weight(self) -> Tensor:
        """``[1, n_inputs]``: the weights of the shared score."""
        return self.score.weight

    def forward(self, inputs: Tensor) -> Tensor:
        """``[doc, n_inputs]`` to ``[doc, K]``."""
        outputs: Tensor = self.score(inputs) + self.bias
        return outputs


def output_layer(
    where: str,
    n_inputs: int,
    n_outputs: int,
    *,
    readout: str | None,
    tied: bool,
    bias: bool = True,
    generator: torch.Generator | None = None,
) -> nn.Linear | TiedOutputs:
    """The last layer of a scorer.

    Args:
        where: The scorer, for the message.
        n_inputs: Width of the layer before.
        n_outputs: 1, or K for an objective over K outputs.
        readout: How K outputs become the ranking score.
        tied: One shared score plus K biases instead of K free outputs.
        bias: False leaves the constants out.
        generator: Of the initial weights; None: torch's global one.

    Raises:
        ConfigError: If outputs are to be tied that are not those of ``ordinal_loss``: where a softmax reads them, the
            shared score would have no effect at all.
    """
    if not tied:
        return fresh(nn.Linear, n_inputs, n_outputs, bias=bias, generator=generator)
    if readout != "sum_of_sigmoids" or not bias:
        raise ConfigError(
            f"{where}: expected several outputs with biases, read as 'sum_of_sigmoids', for tied_outputs; "
            f"got {n_outputs} output(s), read as {readout!r}{'' if bias else ', without bias'}. Leave tied_outputs out."
        )
    return TiedOutputs(n_inputs, n_outputs, generator=generator)
