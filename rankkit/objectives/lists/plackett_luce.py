"""The Plackett-Luce model of drawing a ranking from the top: the core of ListMLE and RankDistil, and of softmaxes."""

import torch
from torch import Tensor
from torch.nn import functional

from rankkit.objectives.curvature import recorded
from rankkit.ranking import masked_log_softmax


def log_chances(scores: Tensor, mask: Tensor) -> Tensor:
    """``log P`` of being drawn first, the logarithm of the softmax: ``[query, list]``, 0 in padded places.

    >>> log_chances(torch.tensor([[0.0, 0.0, 7.0]]), torch.tensor([[True, True, False]])).exp()
    tensor([[0.5000, 0.5000, 1.0000]])
    """
    results = masked_log_softmax(scores, mask)
    chances = torch.where(mask, results.detach().exp(), 0)
    return recorded(scores, results, lambda grads: chances * (1 - chances) * -(grads * mask).sum(dim=1, keepdim=True))


def choice_costs(scores: Tensor, mask: Tensor) -> Tensor:
    """What each choice costs: ``-log P`` of drawing the document at rank i out of those at rank i and below.

    Args:
        scores: ``[..., list]``, along the last axis in the order of the ranking.
        mask: ``[..., list]``, True where a document is real; real ones stand before padding.

    Returns:
        ``[..., list]``, at least 0; 0 in padded places and for the last document, which is no choice.
    """
    # In float64, since the slope of torch's logcumsumexp adds logarithms of slopes to its sums: beside scores of a
    # million float32 would leave no digit of these.
    logits = scores.double().masked_fill(~mask, torch.finfo(scores.dtype).min)
    # A document against all behind it, rather than among them: exact where it is far ahead and the cost near 0.
    behind = logits[..., 1:].flip(-1).logcumsumexp(-1).flip(-1)
    is_choice = mask[..., 1:]
    costs = -functional.logsigmoid(torch.where(is_choice, logits[..., :-1] - behind, 0))
    results = functional.pad(torch.where(is_choice, costs, 0), (0, min(1, scores.shape[-1]))).to(scores.dtype)
    known = logits.detach()
    return recorded(
        scores, results, lambda grads: torch.where(mask, _curvatures(known, grads * mask), 0).to(scores.dtype)
    )


def _curvatures(logits: Tensor, grads: Tensor) -> Tensor:
    """The sum over choices r of ``grads[r] q (1 - q)``, q the chance of a document at rank r or below to be chosen."""
    sums = logits.flip(-1).logcumsumexp(-1).flip(-1)
    logs = grads.clamp(min=0).log()
    once, twice = ((logs - power * sums).logcumsumexp(-1) for power in (1, 2))
    return (once + logits).exp() - (twice + 2 * logits).exp()
