"""Ranks from above, by the hinge: every metric that falls with the rank is then bounded from below."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.options import check_number
from rankkit.ranking import prepare_lists


def bound_ranks(
    scores: Float[Tensor, "query list"], mask: Bool[Tensor, "query list"] | None = None, *, margin: float = 1.0
) -> Float[Tensor, "query list"]:
    r"""Upper bounds of ranks: one plus the hinge of every other document.

    .. math:: r_i \le 1 + \sum_{j \ne i} \max\left(0, 1 - \frac{s_i - s_j}{m}\right)

    Time is that of a sort and memory linear: the hinge of document i sums a run of the sorted scores. Tied documents
    count as ahead, so the bound is at least the pessimistic rank.

    Args:
        scores: ``[query, list]``, one a document.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        margin: The score difference m, above 0, from which on a document behind no longer counts.

    Returns:
        Numbers of at least the rank, ``[query, list]``; 1 in padded places.

    Example:
        >>> bound_ranks(torch.tensor([[2.0, 0.5, 9.0]]), torch.tensor([[True, True, False]]))  # 1 + (1 + 1.5)
        tensor([[1.0000, 3.5000, 1.0000]])

    References:
        Jagerman et al., "Rax: Composable Learning-to-Rank using JAX", KDD 2022 (the bound transformation of metrics).
    """
    check_number("bound_ranks", "margin", margin, above=0.0)
    scores, _, mask = prepare_lists("bound_ranks", scores, scores, mask)
    # The sums of a run of scores cancel, so they are taken in float64 and from the best score: its rank is exact.
    placed = scores.double() / margin
    if placed.shape[1]:
        placed = placed - torch.where(mask, placed.detach(), -torch.inf).amax(dim=1, keepdim=True).nan_to_num(neginf=0)
    behind = torch.where(mask, -placed, torch.inf).detach()
    falling, order = behind.sort(dim=1)
    sums = torch.where(mask.gather(1, order), placed.gather(1, order), 0).cumsum(dim=1)
    sums = torch.cat([sums.new_zeros(sums.shape[0], 1), sums], dim=1)
    n_near = torch.searchsorted(falling, 1 - placed.detach())  # documents with a score above s_i - margin, i included
    ranks = n_near * (1 - placed) + sums.gather(1, n_near)
    # A quarter of what the type holds, for what is computed with ranks.
    return torch.where(mask, ranks.clamp(max=torch.finfo(scores.dtype).max / 4), 1).to(scores.dtype)
