"""The Plackett-Luce model of drawing a ranking from the top: the core of ListMLE and of RankDistil."""

import torch
from torch import Tensor
from torch.nn import functional


def choice_costs(scores: Tensor, mask: Tensor) -> Tensor:
    """What each choice costs: ``-log P`` of drawing the document at rank i out of those at rank i and below.

    Args:
        scores: ``[..., list]``, along the last axis in the order of the ranking.
        mask: ``[..., list]``, True where a document is real; real ones stand before padding.

    Returns:
        ``[..., list]``, at least 0; 0 in padded places and for the last document, which is no choice.
    """
    logits = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    # A document against all behind it, rather than among them: exact where it is far ahead and the cost near 0.
    behind = logits[..., 1:].flip(-1).logcumsumexp(-1).flip(-1)
    is_choice = mask[..., 1:]
    costs = -functional.logsigmoid(torch.where(is_choice, logits[..., :-1] - behind, 0))
    return functional.pad(torch.where(is_choice, costs, 0), (0, min(1, scores.shape[-1])))
