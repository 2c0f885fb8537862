"""The layers of scorers as lines of numpy: what stands between the transformed features and the outputs."""

from collections.abc import Callable
from typing import Any, cast

from torch import nn

from rankkit.errors import ExportError
from rankkit.models.scorers import DCNScorer, LinearScorer, MLPScorer
from rankkit.models.scorers.networks.hidden import DocumentBatchNorm, HiddenLayer
from rankkit.models.scorers.outputs import TiedOutputs

ACTIVATIONS: dict[type[nn.Module], Callable[[Any], str]] = {
    nn.ReLU: lambda layer: "relu({x})",
    nn.LeakyReLU: lambda layer: f"leaky_relu({{x}}, {layer.negative_slope!r})",
    nn.ELU: lambda layer: f"elu({{x}}, {layer.alpha!r})",
    nn.Tanh: lambda layer: "tanh({x})",
    nn.Sigmoid: lambda layer: "sigmoid({x})",
    nn.GELU: lambda layer: "gelu({x})",
    nn.SiLU: lambda layer: "silu({x})",
}


def _linear_scorer(scorer: LinearScorer) -> list[str]:
    return [_output(scorer.output)]


def _mlp(scorer: MLPScorer) -> list[str]:
    return [*_hidden_layers(scorer.hidden), _output(scorer.output)]


def _dcn(scorer: DCNScorer) -> list[str]:
    lines = ["start = x"]
    for n, layer in enumerate(scorer.cross):
        lines.append("before = x")
        if isinstance(layer.inner, nn.Linear):
            lines.append(_linear(layer.inner, f"cross.{n}.inner"))
        lines += [_linear(layer.linear, f"cross.{n}.linear"), "x = before + start * x"]
    if scorer.is_parallel:
        lines += ["crossed = x", "x = start"]
    lines += _hidden_layers(scorer.hidden)
    if scorer.is_parallel:
        lines.append("x = np.concatenate([crossed, x], axis=1)")
    return [*lines, _output(scorer.output)]


LAYERS: dict[type[nn.Module], Callable[[Any], list[str]]] = {
    LinearScorer: _linear_scorer,
    MLPScorer: _mlp,
    DCNScorer: _dcn,
}
"""By scorer, from ``x``, the transformed features, to ``x``, the outputs. A subclass may compute something else."""


def _hidden_layers(layers: nn.Sequential) -> list[str]:
    return [line for n, layer in enumerate(layers) for line in _hidden(cast(HiddenLayer, layer), f"hidden.{n}")]


def _hidden(layer: HiddenLayer, name: str) -> list[str]:
    before = ["before = x"] if layer.residual else []
    lines = [_linear(layer.linear, f"{name}.linear")]
    norm = layer.normalization
    at = f"{name}.normalization"
    if isinstance(norm, DocumentBatchNorm):
        parts = [f'w["{at}.{part}"]' for part in ("weight", "bias", "running_mean", "running_var")]
        lines.append(f"x = batch_norm(x, {', '.join(parts)}, {norm.eps!r})")
    elif isinstance(norm, nn.LayerNorm):
        lines.append(f'x = layer_norm(x, w["{at}.weight"], w["{at}.bias"], {norm.eps!r})')
    elif not isinstance(norm, nn.Identity):
        raise refusal(f"normalization {type(norm).__name__}")
    lines.append(_activation(layer.activation))
    return [*before, *lines, *(["x = before + x"] if layer.residual else [])]


def _activation(layer: nn.Module) -> str:
    if type(layer) not in ACTIVATIONS:
        raise refusal(f"activation {type(layer).__name__}")
    return f"x = {ACTIVATIONS[type(layer)](layer).format(x='x')}"


def _output(layer: nn.Linear | TiedOutputs) -> str:
    if isinstance(layer, TiedOutputs):
        return 'x = linear(x, w["output.score.weight"], w["output.bias"])'
    return _linear(layer, "output")


def _linear(layer: Any, name: str) -> str:
    bias = f', w["{name}.bias"]' if layer.bias is not None else ""
    return f'x = linear(x, w["{name}.weight"]{bias})'


def refusal(what: str) -> ExportError:
    """The error of what has no numpy form."""
    return ExportError(
        f"numpy: expected layers that have a numpy form; got {what}. Export to 'onnx' or 'torch' instead."
    )
