"""What one step computes: from a scorer and a batch to the loss. List objectives share :func:`ranking_step`."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from rankkit.data.batch import QueryBatch, pad
from rankkit.models.scorers.calling import members_of
from rankkit.phases import phase
from rankkit.tasks.gradient.objectives import checked_loss
from rankkit.tasks.gradient.settings import Precision

Step = Callable[[nn.Module, QueryBatch], Tensor]


def ranking_step(objective: Callable[..., Any], precision: Precision = "fp32") -> Step:
    """The step of every objective over lists ``(scores, labels, mask)``.

    The scorer sees the documents flat, so no padding is multiplied; only its outputs and the labels are padded. Under
    ``bf16`` the scorer runs under autocast and the objective in float32. Of a scorer with ``members`` the loss is the
    mean of theirs.
    """

    def step(scorer: nn.Module, batch: QueryBatch) -> Tensor:
        if batch.labels is None:
            raise ValueError("ranking_step: expected a batch with labels; got none. Train on labelled data.")
        with phase("forward"), torch.autocast(batch.features.device.type, torch.bfloat16, enabled=precision == "bf16"):
            trained = members_of(scorer, batch.features, batch.offsets)
        with phase("objective"):
            return loss_of(trained, batch)

    def loss_of(trained: Sequence[Tensor], batch: QueryBatch) -> Tensor:
        labels, mask = pad(cast(Tensor, batch.labels), batch.offsets)
        weights: dict[str, Tensor] = {}
        if batch.weights is not None:
            by_query = batch.weights_per == "query"
            weights["weights"] = batch.weights if by_query else pad(batch.weights, batch.offsets)[0]
        losses = [
            checked_loss(objective(pad(outputs.float(), batch.offsets)[0], labels, mask, **weights))
            for outputs in trained
        ]
        return losses[0] if len(losses) == 1 else torch.stack(losses).mean()

    return step
