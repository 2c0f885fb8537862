"""dense_layers(): a scorer as plain layers (matrix, bias, activation), for engines that know nothing else."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.errors import ExportError
from rankkit.models.scorers import LinearScorer, MLPScorer
from rankkit.models.scorers.mlp import HiddenLayer
from rankkit.models.scorers.outputs import TiedOutputs

IDENTITY = "identity"
# rankkit's name of an activation by its module.
_NAMES: dict[type[nn.Module], str] = {
    nn.ReLU: "relu",
    nn.LeakyReLU: "leaky_relu",
    nn.ELU: "elu",
    nn.Tanh: "tanh",
    nn.GELU: "gelu",
    nn.SiLU: "silu",
    nn.Sigmoid: "sigmoid",
}


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """``activation(weight @ x + bias)``.

    Args:
        weight: float32 ``[output, input]``, as torch has it.
        bias: float32 ``[output]``.
        activation: rankkit's name of the activation, or ``"identity"``.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: str


def check_layers(where: str, scorer: Any) -> None:
    """Raise ExportError unless a scorer is one whose layers are known."""
    if type(scorer) not in (LinearScorer, MLPScorer):  # a subclass may compute something else
        raise ExportError(
            f"{where}: expected a linear or mlp scorer, or trees; got a {type(scorer).__name__}, whose layers {where} "
            "does not have. Export it to onnx."
        )


def dense_layers(where: str, scorer: Any, activations: Collection[str]) -> list[DenseLayer]:
    """The layers of a scorer behind its transform, down to one output; batch normalization is folded in.

    Weights need not be trained, so that an experiment can be checked before its training.

    Args:
        where: The target, for messages.
        scorer: A ``LinearScorer`` or an ``MLPScorer``.
        activations: What the target knows, by rankkit's names.

    Raises:
        ExportError: If a layer is no such layer; the message names it.
    """
    check_layers(where, scorer)
    layers = []
    if isinstance(scorer, MLPScorer):
        for position, module in enumerate(scorer.hidden):
            layers.append(_hidden_layer(where, cast(HiddenLayer, module), f"hidden layer {position + 1}", activations))
    return layers + _output_layers(where, scorer, activations)


def _hidden_layer(where: str, layer: HiddenLayer, place: str, activations: Collection[str]) -> DenseLayer:
    if layer.residual:
        raise ExportError(
            f"{where}: expected plain layers; got a residual connection around {place}. Train with residual=false."
        )
    name = _NAMES[type(layer.activation)]
    if name not in activations:
        raise ExportError(
            f"{where}: expected an activation among {', '.join(sorted(activations))}; got {name} in {place}. "
            f"Train with one of these."
        )
    dense = _linear(layer.linear, name)
    if isinstance(layer.normalization, nn.LayerNorm):
        raise ExportError(
            f"{where}: expected plain layers; got layer normalization in {place}. "
            "Train with normalization='batch', which is folded into the weights, or 'none'."
        )
    if isinstance(layer.normalization, nn.BatchNorm1d):
        dense = _with_batch_norm(dense, layer.normalization)
    return dense


def _output_layers(where: str, scorer: LinearScorer | MLPScorer, activations: Collection[str]) -> list[DenseLayer]:
    """The output, and behind several outputs those that read them."""
    if isinstance(scorer.output, TiedOutputs):
        bias = _array(scorer.output.bias)
        output = DenseLayer(np.repeat(_array(scorer.output.weight), len(bias), axis=0), bias, IDENTITY)
    else:
        output = _linear(scorer.output, IDENTITY)
    if scorer.readout is None:
        return [output]
    if scorer.readout != "sum_of_sigmoids" or "sigmoid" not in activations:
        raise ExportError(
            f"{where}: expected one output a document; got {scorer.n_outputs} outputs, read as {scorer.readout}, which "
            f"{where} cannot compute. Train with an objective of one output, such as ranknet or lambdarank."
        )
    ones = np.ones((1, scorer.n_outputs), np.float32)
    return [replace(output, activation="sigmoid"), DenseLayer(ones, np.zeros(1, np.float32), IDENTITY)]


def _linear(layer: nn.Linear, activation: str) -> DenseLayer:
    weight = _array(layer.weight)
    bias = np.zeros(len(weight), np.float32) if layer.bias is None else _array(layer.bias)
    return DenseLayer(weight, bias, activation)


def _with_batch_norm(layer: DenseLayer, norm: nn.BatchNorm1d) -> DenseLayer:
    """The layer with what follows it folded in, in float64: ``(y - mean) / sqrt(variance + eps) * gain + offset``."""
    mean, variance = cast(Tensor, norm.running_mean).double(), cast(Tensor, norm.running_var).double()
    scale = norm.weight.detach().double() * (variance + norm.eps).rsqrt()
    weight = torch.from_numpy(layer.weight).double() * scale[:, None]
    bias = (torch.from_numpy(layer.bias).double() - mean) * scale + norm.bias.detach().double()
    return DenseLayer(_array(weight), _array(bias), layer.activation)


def _array(values: Tensor) -> NDArray[np.float32]:
    return cast(NDArray[np.float32], values.detach().float().cpu().numpy().copy())
