"""The layers of scorers as lines of numpy: what stands between the transformed features and the outputs."""

from collections.abc import Callable
from typing import Any, cast

from torch import nn

from rankkit.errors import ExportError
from rankkit.models.scorers import (
    AdditiveScorer,
    AttentionScorer,
    DASALCScorer,
    DCNScorer,
    LinearScorer,
    MLPScorer,
    TabMScorer,
)
from rankkit.models.scorers.networks.attention import AttentionBlock, InducedBlock, SelfBlock
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


def _attention(scorer: AttentionScorer) -> list[str]:
    lines = _hidden_layers(scorer.hidden)
    for n, block in enumerate(scorer.blocks):
        if isinstance(block, SelfBlock):
            lines += _block(block.own, f"blocks.{n}.own", "x", "offsets", "offsets")
            continue
        points = cast(InducedBlock, block)
        lines += [
            "rows = x",
            f'x = np.tile(w["blocks.{n}.points"], (len(offsets) - 1, 1))',
            f"of_points = np.arange(len(offsets)) * {len(points.points)}",
            *_block(points.gather, f"blocks.{n}.gather", "rows", "of_points", "offsets"),
            "points, x = x, rows",
            *_block(points.spread, f"blocks.{n}.spread", "points", "offsets", "of_points"),
        ]
    return [*lines, _layer_norm(scorer.norm, "norm"), _output(scorer.output)]


def _block(block: AttentionBlock, name: str, others: str, of_rows: str, of_others: str) -> list[str]:
    """Lines from ``x``, the rows that look, to ``x``; they look at the rows called ``others``."""
    lines = ["before = x", _layer_norm(block.norm, f"{name}.norm"), "looking = x"]
    if others != "x":
        lines += [f"x = {others}", _layer_norm(block.seen_norm, f"{name}.seen_norm")]
    lines += [
        _linear(block.key, f"{name}.key", into="key"),
        _linear(block.value, f"{name}.value", into="value"),
        "x = looking",
        _linear(block.query, f"{name}.query"),
        f"x = attention(x, key, value, {of_rows}, {of_others}, {block.n_heads})",
        _linear(block.mix, f"{name}.mix"),
        "x = before = before + x",
        _layer_norm(block.inner_norm, f"{name}.inner_norm"),
        _linear(block.inner, f"{name}.inner"),
        "x = relu(x)",
        _linear(block.outer, f"{name}.outer"),
        "x = before + x",
    ]
    return lines


def _dasalc(scorer: DASALCScorer) -> list[str]:
    lines = ["inputs = x", _batch_norm(scorer.norm, "norm")]
    for n, layer in enumerate(scorer.hidden):
        at = f"hidden.{n}"
        lines += [_linear(layer.linear, f"{at}.linear"), "x = relu(x)"]
        lines.append(_batch_norm(layer.normalization, f"{at}.normalization"))
    lines += [_linear(scorer.mixed, "mixed"), "values = x", "x = inputs", _linear(scorer.start, "start"), "x = relu(x)"]
    for n, block in enumerate(scorer.blocks):
        at = f"blocks.{n}"
        lines += [
            "before = x",
            _linear(block.key, f"{at}.key", into="key"),
            _linear(block.value, f"{at}.value", into="value"),
            _linear(block.query, f"{at}.query"),
            f"x = attention(x, key, value, offsets, offsets, {block.n_heads})",
            _linear(block.mix, f"{at}.mix"),
            "x = before + x",
            _layer_norm(block.norm, f"{at}.norm"),
        ]
    lines += [
        _batch_norm(scorer.seen_norm, "seen_norm"),
        _linear(scorer.scale, "scale"),
        "x = relu(values + values * x)",
    ]
    return [*lines, _output(scorer.output)]


def _tabm(scorer: TabMScorer) -> list[str]:
    lines = []
    for n in range(len(scorer.hidden)):
        parts = [f'w["hidden.{n}.{part}"]' for part in ("weight", "of_inputs", "of_outputs", "bias")]
        lines += [f"x = shared_linear(x, {', '.join(parts)})", _activation(scorer.activation)]
    return [*lines, 'x = own_linear(x, w["output.weight"], w["output.bias"]).mean(axis=0)']


def _additive(scorer: AdditiveScorer) -> list[str]:
    lines = ['x = by_column(x, w["places"])']
    for n in range(len(scorer.hidden)):
        lines.append(f'x = own_linear(x, w["hidden.{n}.weight"], w["hidden.{n}.bias"])')
        lines.append(_activation(scorer.activation))
    return [*lines, 'x = own_linear(x, w["output.weight"]).sum(axis=0) + w["bias"]']


LAYERS: dict[type[nn.Module], Callable[[Any], list[str]]] = {
    LinearScorer: _linear_scorer,
    MLPScorer: _mlp,
    DCNScorer: _dcn,
    AttentionScorer: _attention,
    DASALCScorer: _dasalc,
    TabMScorer: _tabm,
    AdditiveScorer: _additive,
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
        lines.append(_batch_norm(norm, at))
    elif isinstance(norm, nn.LayerNorm):
        lines.append(_layer_norm(norm, at))
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


def _batch_norm(layer: Any, name: str) -> str:
    parts = [f'w["{name}.{part}"]' for part in ("weight", "bias", "running_mean", "running_var")]
    return f"x = batch_norm(x, {', '.join(parts)}, {layer.eps!r})"


def _layer_norm(layer: Any, name: str) -> str:
    return f'x = layer_norm(x, w["{name}.weight"], w["{name}.bias"], {layer.eps!r})'


def _linear(layer: Any, name: str, *, into: str = "x") -> str:
    bias = f', w["{name}.bias"]' if layer.bias is not None else ""
    return f'{into} = linear(x, w["{name}.weight"]{bias})'


def refusal(what: str) -> ExportError:
    """The error of what has no numpy form."""
    return ExportError(
        f"numpy: expected layers that have a numpy form; got {what}. Export to 'onnx' or 'torch' instead."
    )
