"""What metric-driven objectives share: NDCG as a sum over documents.

It is ``sum_i share_i * discount_i``: the share of document i in the ideal DCG, a constant, times the discount of its
rank, for which each objective puts its own smooth function of the scores.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.options import check_choice, check_labels
from rankkit.ranking import Gain, discounts


def check_cutoff(where: str, k: int | None) -> None:
    """Raise ConfigError unless k is None or a rank."""
    if k is not None and k < 1:
        raise ConfigError(f"{where}: expected k of at least 1, or None for the whole list; got {k!r}. Pass a rank.")


def rank_discounts(list_size: int, k: int | None, like: Tensor) -> Float[Tensor, " list"]:
    """The discounts of ranks 1 to ``list_size``, 0 behind rank k."""
    ranks = torch.arange(1, list_size + 1, device=like.device, dtype=like.dtype)
    return torch.where(ranks <= k, discounts(ranks), 0) if k is not None else discounts(ranks)


def ndcg_shares(
    where: str, labels: Float[Tensor, "query list"], mask: Bool[Tensor, "query list"], gain: str, k: int | None = None
) -> Float[Tensor, "query list"]:
    """The gain of each document as a share of the ideal DCG of its list; 0 where nothing is relevant.

    Gains are divided by the power of two of the best label before anything is summed: labels of 3,000 lose nothing.
    """
    check_labels(where, labels, labels >= 0, "labels of at least 0", "Shift the labels.")
    check_choice(where, "gain", gain, Gain)
    best = labels.amax(dim=1, keepdim=True) if labels.shape[1] else labels.new_zeros(labels.shape[0], 1)
    scaled = torch.exp2(labels - best) - torch.exp2(-best) if gain == "exp" else labels / best.where(best > 0, 1)
    scaled = torch.where(mask, scaled, 0)
    ideal = (scaled.sort(dim=1, descending=True).values * rank_discounts(labels.shape[1], k, labels)).sum(dim=1)
    return scaled / ideal.where(ideal > 0, 1)[:, None]
