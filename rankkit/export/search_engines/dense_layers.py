"""dense_layers(): a scorer as plain layers (matrix, bias, activation), for engines that know nothing else."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.errors import ExportError
from rankkit.models.scorers import LinearScorer, MLPScorer
from rankkit.models.scorers.networks.hidden import HiddenLayer
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
            f"{where}: expected a linear or mlp scorer, or trees; got {type(scorer).__name__}, whose layers {where} "
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
    for check in layer_checks(where, scorer, activations):
        check()
    hidden = scorer.hidden if isinstance(scorer, MLPScorer) else ()
    layers = [_hidden_layer(cast(HiddenLayer, module)) for module in hidden]
    return layers + _output_layers(scorer)


def layer_checks(where: str, scorer: Any, activations: Collection[str]) -> list[Callable[[], None]]:
    """What :func:`dense_layers` refuses, a check a thing, so that all of it can be told at once."""
    known: list[Callable[[], None]] = [partial(check_layers, where, scorer)]
    if type(scorer) not in (LinearScorer, MLPScorer):
        return known
    if isinstance(scorer, MLPScorer):
        of_layers = (_check_residual, _check_activation, _check_normalization)
        known += [partial(_check_hidden, check, where, scorer, activations) for check in of_layers]
    return [*known, partial(_check_readout, where, scorer, activations)]


def _check_hidden(check: Callable[..., None], where: str, scorer: MLPScorer, activations: Collection[str]) -> None:
    for position, module in enumerate(scorer.hidden, start=1):
        check(where, cast(HiddenLayer, module), f"hidden layer {position}", activations)


def _check_residual(where: str, layer: HiddenLayer, place: str, activations: Collection[str]) -> None:
    if layer.residual:
        raise ExportError(
            f"{where}: expected plain layers; got a residual connection around {place}. Train with residual=false."
        )


def _check_activation(where: str, layer: HiddenLayer, place: str, activations: Collection[str]) -> None:
    name = _NAMES[type(layer.activation)]
    if name not in activations:
        raise ExportError(
            f"{where}: expected an activation among {', '.join(sorted(activations))}; got {name} in {place}. "
            f"Train with one of these."
        )


def _check_normalization(where: str, layer: HiddenLayer, place: str, activations: Collection[str]) -> None:
    if isinstance(layer.normalization, nn.LayerNorm):
        raise ExportError(
            f"{where}: expected plain layers; got layer normalization in {place}. "
            "Train with normalization='batch', which is folded into the weights, or 'none'."
        )


def _check_readout(where: str, scorer: LinearScorer | MLPScorer, activations: Collection[str]) -> None:
    if scorer.readout is not None and (scorer.readout != "sum_of_sigmoids" or "sigmoid" not in activations):
        raise ExportError(
            f"{where}: expected one output a document; got {scorer.n_outputs} outputs, read as {scorer.readout}, which "
            f"{where} cannot compute. Train with an objective of one output, such as ranknet or lambdarank."
        )


def _hidden_layer(layer: HiddenLayer) -> DenseLayer:
    dense = _linear(layer.linear, _NAMES[type(layer.activation)])
    if isinstance(layer.normalization, nn.BatchNorm1d):
        dense = _with_batch_norm(dense, layer.normalization)
    return dense


def _output_layers(scorer: LinearScorer | MLPScorer) -> list[DenseLayer]:
    """The output, and behind several outputs those that read them."""
    if isinstance(scorer.output, TiedOutputs):
        bias = _array(scorer.output.bias)
        output = DenseLayer(np.repeat(_array(scorer.output.weight), len(bias), axis=0), bias, IDENTITY)
    else:
        output = _linear(scorer.output, IDENTITY)
    if scorer.readout is None:
        return [output]
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
