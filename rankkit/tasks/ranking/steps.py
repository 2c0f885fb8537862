"""What one step computes: from a scorer and a batch to the loss. List objectives share :func:`ranking_step`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rankkit.data.batch import QueryBatch, pad
from rankkit.errors import ConfigError
from rankkit.models.scorers import outputs_of
from rankkit.tasks.settings import Precision

Step = Callable[[nn.Module, QueryBatch], Tensor]


def ranking_step(objective: Callable[..., Any], precision: Precision = "fp32") -> Step:
    """The step of every objective over lists ``(scores, labels, mask)``.

    The scorer sees the documents flat, so no padding is multiplied; only its outputs and the labels are padded. Under
    ``bf16`` the scorer runs under autocast and the objective in float32.
    """

    def step(scorer: nn.Module, batch: QueryBatch) -> Tensor:
        if batch.labels is None:
            raise ValueError("ranking_step: expected a batch with labels; got none. Train on labelled data.")
        with torch.autocast(batch.features.device.type, torch.bfloat16, enabled=precision == "bf16"):
            outputs = outputs_of(scorer, batch.features, batch.offsets)
        scores, mask = pad(outputs.float(), batch.offsets)
        labels, _ = pad(batch.labels, batch.offsets)
        if batch.weights is None:
            return _checked(objective(scores, labels, mask))
        by_query = batch.weights_per == "query"
        weights = batch.weights if by_query else pad(batch.weights, batch.offsets)[0]
        return _checked(objective(scores, labels, mask, weights=weights))

    return step


def _checked(loss: Any) -> Tensor:
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
        got = type(loss).__name__ if not isinstance(loss, Tensor) else f"a tensor {list(loss.shape)}"
        why = " without gradient" if isinstance(loss, Tensor) and loss.numel() == 1 else ""
        raise ConfigError(
            f"objective: expected one number, computed from the scores by functions of torch; got {got}{why}. "
            "Return the mean over the lists."
        )
    return loss
