"""choose_precision(): what ``precision="auto"`` is for a model on a processor: bfloat16 where it is known to pay."""

from typing import Any, NamedTuple

import torch
from torch import nn

from rankkit.models.scorers.first_layer.gathering import has_bins
from rankkit.tasks.gradient.settings import Precision

_FEWEST_DOCS = 4000  # of a batch: in smaller ones turning numbers into bfloat16 takes most of what the products save
_NARROWEST = 128  # inputs and outputs of a layer, by the same account


class Chosen(NamedTuple):
    """A precision, and why it was chosen, in words that follow it."""

    precision: Precision
    why: str


def choose_precision(model: nn.Module, place: torch.device, docs_a_step: float | None) -> Chosen:
    """The precision of the matrix products of a training: the same for the same model, batches and kind of processor.

    What is faster was measured by ``experiments/speed/precision.py``, what is as good by
    ``experiments/quality/precision.py``.

    Args:
        model: What is trained.
        place: The device that it is trained on.
        docs_a_step: Documents of a batch, about; None: of no training whose bfloat16 was compared with float32.
    """
    if place.type != "cpu":
        return Chosen("fp32", "the two were compared on processors, not on a GPU")
    if not computes_bf16():
        return Chosen("fp32", "this processor does not compute in bfloat16")
    if docs_a_step is None:
        return Chosen("fp32", "the two were compared for rankers alone")
    if docs_a_step < _FEWEST_DOCS:
        return Chosen("fp32", f"batches of about {docs_a_step:,.0f} documents are too small to gain from bfloat16")
    if not _has_wide_layer(model):
        return Chosen("fp32", f"no layer that is multiplied has {_NARROWEST} inputs and outputs, to gain from bfloat16")
    return Chosen("bf16", "this processor computes in bfloat16, and batches and layers are large enough to gain")


def computes_bf16() -> bool:
    """Whether the processor multiplies matrices of bfloat16 by itself; torch emulates it elsewhere."""
    known = torch.cpu.get_capabilities()
    return bool(known.get("amx_bf16") or known.get("avx512_bf16"))


def _has_wide_layer(model: Any) -> bool:
    transform: Any = getattr(model, "transform", None)
    gathered = transform.n_outputs if has_bins(transform) else None  # such inputs are read from a table
    return any(
        min(layer.in_features, layer.out_features) >= _NARROWEST and layer.in_features != gathered
        for layer in model.modules()
        if isinstance(layer, nn.Linear)
    )
