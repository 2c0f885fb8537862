"""What mining finds: triplets or pairs of a batch, and which of them still cost something."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Mined:
    """Triplets of a batch.

    Attributes:
        anchor: Rows ``[t]`` of the batch, int64, as the other two; on the device of the embeddings.
        positive: Another row of the anchor's class.
        negative: A row of another class.
        active: bool ``[t]``: whether the triplet costs something under the margin, so that it has a gradient.
    """

    anchor: Tensor
    positive: Tensor
    negative: Tensor
    active: Tensor

    @property
    def n_triplets(self) -> int:
        """How many there are."""
        return len(self.anchor)

    @property
    def active_share(self) -> float:
        """Share of triplets that cost something, from 0 to 1; 0 where there is no triplet."""
        return _share(self.active)

    def __repr__(self) -> str:
        return f"Mined({self.n_triplets} triplets, {self.active_share:.1%} active)"


@dataclass(frozen=True, eq=False, repr=False)
class MinedPairs:
    """Pairs of a batch.

    Attributes:
        first: Rows ``[p]`` of the batch, int64; on the device of the embeddings.
        second: The other row of each pair.
        same: bool ``[p]``: whether both are of one class.
        active: bool ``[p]``: whether the pair costs something under the margin, so that it has a gradient.
    """

    first: Tensor
    second: Tensor
    same: Tensor
    active: Tensor

    @property
    def n_pairs(self) -> int:
        """How many there are."""
        return len(self.first)

    @property
    def active_share(self) -> float:
        """Share of pairs that cost something, from 0 to 1; 0 where there is no pair."""
        return _share(self.active)

    def __repr__(self) -> str:
        return f"MinedPairs({self.n_pairs} pairs, {self.active_share:.1%} active)"


def _share(active: Tensor) -> float:
    return float(active.double().mean()) if len(active) else 0.0
