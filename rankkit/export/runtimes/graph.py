"""The modules that are traced: a scorer with its readout, from features to one score a document."""

import copy
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.models.scorers import Scorer, ranking_scores
from rankkit.models.scorers.calling import takes_offsets

PADDING_SCORE = torch.finfo(torch.float32).min


class PointwiseGraph(nn.Module):
    """``features [n, F]`` to ``score [n]``, for a scorer that looks at one document at a time."""

    def __init__(self, scorer: Scorer) -> None:
        super().__init__()
        self.scorer = scorer

    def forward(self, features: Tensor) -> Tensor:
        """``[n, F]`` to ``[n]``."""
        offsets = torch.zeros(2, dtype=torch.int64)  # no step looks at them
        return ranking_scores(self.scorer, _outputs(self.scorer, features, offsets))


class ListwiseGraph(nn.Module):
    """``features [batch, list, F]`` and ``mask [batch, list]`` to ``score [batch, list]``; padding scores lowest.

    The lists are laid out without their padding, as scorers take them; padded rows follow as one more query, so that
    they belong to no list and no shape depends on the mask.
    """

    def __init__(self, scorer: Scorer) -> None:
        super().__init__()
        self.scorer = scorer

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """``[batch, list, F]`` to ``[batch, list]``."""
        batch, size, n_features = features.shape
        real = mask.reshape(-1).to(torch.int64)
        lengths = mask.to(torch.int64).sum(dim=1)
        n_real = lengths.sum(dim=0, keepdim=True)
        place = torch.where(real > 0, real.cumsum(0) - 1, n_real + (1 - real).cumsum(0) - 1)
        rows = features.reshape(batch * size, n_features)
        flat = torch.zeros_like(rows).scatter(0, place[:, None].expand_as(rows), rows)
        ends = torch.cat((lengths.cumsum(0), torch.full_like(n_real, batch * size)))
        offsets = torch.cat((torch.zeros_like(n_real), ends))
        return self._scores(flat, offsets, place, mask).masked_fill(~mask, PADDING_SCORE)

    def _scores(self, flat: Tensor, offsets: Tensor, place: Tensor, mask: Tensor) -> Tensor:
        scorer = cast(Any, self.scorer)
        if hasattr(scorer, "of_lists"):  # it takes lists as they stand here, once each document is looked at
            rows = scorer.rows(flat, offsets)[place].unflatten(0, mask.shape)
            return ranking_scores(scorer, scorer.of_lists(rows, mask))
        return ranking_scores(scorer, _outputs(scorer, flat, offsets))[place].reshape(mask.shape)


def _outputs(scorer: Scorer, features: Tensor, offsets: Tensor) -> Tensor:
    """What the scorer gives, as :func:`rankkit.models.scorers.outputs_of`, without checks that could not be traced."""
    outputs = scorer(features, offsets) if takes_offsets(scorer) else cast(Any, scorer)(features)
    return outputs[:, 0] if outputs.dim() == 2 and getattr(scorer, "readout", None) is None else outputs


def traced(scorer: Scorer, listwise: bool) -> tuple[nn.Module, tuple[Any, ...], list[str], tuple[Any, ...]]:
    """The module to trace, example inputs, their names, and which of their dimensions are free.

    The module holds a copy of the scorer, on the CPU and in eval mode.
    """
    from torch.export import Dim

    own = cast(Scorer, copy.deepcopy(cast(nn.Module, scorer)).cpu())
    if not listwise:
        inputs: tuple[Any, ...] = (torch.zeros(3, scorer.n_features),)
        return PointwiseGraph(own).eval(), inputs, ["features"], ({0: Dim("n", min=1)},)
    free = {0: Dim("batch", min=1), 1: Dim("list", min=1)}
    inputs = (torch.zeros(2, 3, scorer.n_features), torch.ones(2, 3, dtype=torch.bool))
    return ListwiseGraph(own).eval(), inputs, ["features", "mask"], (free, free)


def pad_lists(
    features: NDArray[np.float32], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Flat documents as ``[batch, list, feature]`` and ``mask [batch, list]``, padded with zeros.

    >>> padded, mask = pad_lists(np.ones((3, 1), np.float32), np.array([0, 1, 3]))
    >>> mask.tolist()
    [[True, False], [True, True]]
    """
    lengths = np.diff(offsets)
    mask = np.arange(lengths.max(initial=1)) < lengths[:, None]
    padded = np.zeros((*mask.shape, features.shape[1]), np.float32)
    padded[mask] = features
    return padded, mask
