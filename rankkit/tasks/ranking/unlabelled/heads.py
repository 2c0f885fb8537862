"""What stands on a trunk while it is pretrained: a projection and what it learns from two views; thrown away after."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rankkit.models.scorers.layers import fresh
from rankkit.models.scorers.networks.hidden import DocumentBatchNorm
from rankkit.objectives.embedding.pretraining import simclr_rank_loss, simsiam_loss

_NARROWING = 4  # of a predictor


class Judged(NamedTuple):
    """What a head says of two views.

    Args:
        loss: Of the batch.
        embeddings: ``[doc, dim]``, the projections of one view.
    """

    loss: Tensor
    embeddings: Tensor


class ContrastiveHead(nn.Module):
    """Two linear layers with a relu between, and :func:`simclr_rank_loss` on what they give.

    Args:
        n_inputs: Width of the hidden values.
        n_dims: Of a projection.
        temperature: Of the loss.
        generator: Of the initial weights.
    """

    objective = staticmethod(simclr_rank_loss)

    def __init__(self, n_inputs: int, *, n_dims: int, temperature: float, generator: torch.Generator | None) -> None:
        super().__init__()
        self.projector = nn.Sequential(
            fresh(nn.Linear, n_inputs, n_inputs, generator=generator),
            nn.ReLU(),
            fresh(nn.Linear, n_inputs, n_dims, generator=generator),
        )
        self.temperature = temperature

    def forward(self, x: Tensor, y: Tensor, offsets: Tensor) -> Judged:
        """Hidden values ``[doc, n_inputs]`` of two views."""
        z, w = self.projector(x), self.projector(y)
        return Judged(simclr_rank_loss(z, w, offsets, temperature=self.temperature), z)


class PredictiveHead(nn.Module):
    """A projector and a narrow predictor, normalised over the batch, and :func:`simsiam_loss` on what they give.

    Args:
        n_inputs: Width of the hidden values.
        n_dims: Of a projection.
        temperature: Not looked at; the loss has none.
        generator: Of the initial weights.
    """

    objective = staticmethod(simsiam_loss)

    def __init__(self, n_inputs: int, *, n_dims: int, temperature: float, generator: torch.Generator | None) -> None:
        super().__init__()
        narrow = max(1, n_dims // _NARROWING)
        self.projector = nn.Sequential(
            fresh(nn.Linear, n_inputs, n_inputs, bias=False, generator=generator),
            DocumentBatchNorm(n_inputs),
            nn.ReLU(),
            fresh(nn.Linear, n_inputs, n_dims, bias=False, generator=generator),
            DocumentBatchNorm(n_dims),
        )
        self.predictor = nn.Sequential(
            fresh(nn.Linear, n_dims, narrow, bias=False, generator=generator),
            DocumentBatchNorm(narrow),
            nn.ReLU(),
            fresh(nn.Linear, narrow, n_dims, generator=generator),
        )

    def forward(self, x: Tensor, y: Tensor, offsets: Tensor) -> Judged:
        """Hidden values ``[doc, n_inputs]`` of two views; documents of a query are not compared."""
        z, w = self.projector(x), self.projector(y)
        return Judged(simsiam_loss(self.predictor(z), self.predictor(w), z, w), z)


HEADS: dict[str, type[ContrastiveHead] | type[PredictiveHead]] = {
    "simclr_rank": ContrastiveHead,
    "simsiam": PredictiveHead,
}
