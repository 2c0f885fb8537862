"""Lambda weights as the pair core takes them: a few numbers a document from which the weight of any pair follows."""

from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

NEAREST = 0.01
"""What LightGBM adds to a score distance before it divides by it."""

# |G_i - G_j|, times:
GAIN = 0  # nothing else
DISCOUNT = 1  # |A_i - A_j|
TRUNCATED = 2  # |A_i - A_j| max(B_i, B_j)
DISTANCE = 3  # |A_i - A_j| + T[|r_i - r_j|] B of the lower ranked
FIRST_RELEVANT = 4  # |max(A_j, B_i) - max(A_i, B_i)|
PRECISION = 5  # |A_j - A_i| where j is ranked above i, else |B_j - B_i|


class PairFactors(NamedTuple):
    """Numbers a document from which the weight of a pair follows, y_i > y_j.

    Args:
        form: GAIN, DISCOUNT, DISTANCE, FIRST_RELEVANT or PRECISION: how they combine.
        gains: G ``[query, list]``, the same for equal labels of a list.
        first: A ``[query, list]``.
        second: B ``[query, list]``.
        ranks: r ``[query, list]``, int32.
        table: T ``[list + 1]``, indexed by a difference of ranks.
        by_distance: Whether the weight is divided by ``NEAREST`` + the distance of the scores, and the weights of a
            list then scaled as LightGBM does.
    """

    form: int
    gains: Tensor
    first: Tensor
    second: Tensor
    ranks: Tensor
    table: Tensor
    by_distance: bool


@runtime_checkable
class PairWeight(Protocol):
    """What ``pair_weight=`` takes."""

    def factors(self, scores: Tensor, labels: Tensor, mask: Tensor) -> PairFactors:
        """The numbers behind the weights of a batch of lists: prepared scores, labels and mask ``[query, list]``."""
        ...


def weigh_pairs(factors: PairFactors, scores: Tensor, rows: slice) -> Tensor:
    """The weights of the pairs of some documents with all: ``[query, row, list]``."""
    form, gain, first, second, ranks, table, by_distance = factors
    weights = (gain[:, rows, None] - gain[:, None]).abs()
    if form in (DISCOUNT, TRUNCATED):
        weights *= (first[:, rows, None] - first[:, None]).abs()
    if form == TRUNCATED:
        weights *= torch.maximum(second[:, rows, None], second[:, None])
    elif form == DISTANCE:
        apart = ranks[:, rows, None] - ranks[:, None]
        scale = torch.where(apart < 0, second[:, None], second[:, rows, None])
        weights *= table[apart.abs()].mul_(scale).add_((first[:, rows, None] - first[:, None]).abs())
    elif form == FIRST_RELEVANT:
        best = torch.maximum(first[:, None], second[:, rows, None])
        weights *= (best - torch.maximum(first, second)[:, rows, None]).abs()
    elif form == PRECISION:
        above = ranks[:, rows, None] > ranks[:, None]
        up, down = (values[:, None] - values[:, rows, None] for values in (first, second))
        weights *= torch.where(above, up, down).abs()
    if by_distance:
        weights /= (scores[:, rows, None] - scores[:, None]).abs() + NEAREST
    return weights
