"""QueryBatch: the documents of some queries in motion, flat with offsets; pad() and unpad(): the only place that pads.

A batch holds ``features [doc, feature]`` and ``offsets [query + 1]``: query i owns the documents
``offsets[i]:offsets[i + 1]``. A scorer multiplies the flat matrix, so no padding is ever multiplied; only scores and
labels, one number a document, are padded for objectives.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor


@dataclass(frozen=True, eq=False)
class QueryBatch:
    """The documents of some queries, flat, on one device.

    Args:
        features: float32 ``[doc, feature]``.
        offsets: int64 ``[query + 1]``, from 0 to the number of documents.
        labels: float32 ``[doc]``, or None for documents without labels.
        weights: float32, one a query ``[query]`` or one a document ``[doc]``, or None.
        queries: int64 ``[query]``: which queries of the data set these are.
    """

    features: Tensor
    offsets: Tensor
    labels: Tensor | None = None
    weights: Tensor | None = None
    queries: Tensor | None = None

    @property
    def n_queries(self) -> int:
        """How many queries."""
        return self.offsets.shape[0] - 1

    @property
    def n_docs(self) -> int:
        """How many documents."""
        return self.features.shape[0]

    def to(self, device: torch.device | str) -> "QueryBatch":
        """The same batch on another device."""
        moved = {
            name: value.to(device, non_blocking=True) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **moved)


def take_queries(
    features: Float[Tensor, "doc feature"],
    offsets: Int[Tensor, " n_offsets"],
    queries: Int[Tensor, " query"],
    labels: Float[Tensor, " doc"] | None = None,
    weights: Float[Tensor, " n_weights"] | None = None,
) -> QueryBatch:
    """Gather the documents of some queries, in the order of ``queries``, into one batch.

    >>> batch = take_queries(torch.arange(5.0)[:, None], torch.tensor([0, 2, 5]), torch.tensor([1]))
    >>> batch.features.flatten(), batch.offsets
    (tensor([2., 3., 4.]), tensor([0, 3]))
    """
    starts = offsets[queries]
    sizes = offsets[queries + 1] - starts
    new_offsets = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    n_docs = int(new_offsets[-1])
    rows = torch.arange(n_docs, device=offsets.device) + torch.repeat_interleave(
        starts - new_offsets[:-1], sizes, output_size=n_docs
    )
    by_query = weights is not None and weights.shape[0] == offsets.shape[0] - 1
    return QueryBatch(
        features=features.index_select(0, rows),
        offsets=new_offsets,
        labels=None if labels is None else labels[rows],
        weights=None if weights is None else weights[queries if by_query else rows],
        queries=queries,
    )


def pad(
    values: Shaped[Tensor, " doc *outputs"], offsets: Int[Tensor, " n_offsets"], fill: float = 0.0
) -> tuple[Shaped[Tensor, "query list *outputs"], Bool[Tensor, "query list"]]:
    """Turn one value a document into lists ``[query, list]`` and the mask of real documents.

    Differentiable in ``values``. Several outputs a document, ``[doc, K]``, become ``[query, list, K]``.

    >>> padded, mask = pad(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0, 1, 3]))
    >>> padded
    tensor([[1., 0.],
            [2., 3.]])
    >>> mask
    tensor([[ True, False],
            [ True,  True]])
    """
    sizes = offsets.diff()
    longest = int(sizes.max()) if len(sizes) else 0
    mask = torch.arange(longest, device=offsets.device) < sizes[:, None]
    padded = values.new_full((*mask.shape, *values.shape[1:]), fill)
    return padded.index_put((mask,), values), mask


def unpad(padded: Shaped[Tensor, "query list *outputs"], mask: Bool[Tensor, "query list"]) -> Tensor:
    """The inverse of :func:`pad`: one value a document, flat, padding dropped.

    >>> unpad(torch.tensor([[1.0, 0.0], [2.0, 3.0]]), torch.tensor([[True, False], [True, True]]))
    tensor([1., 2., 3.])
    """
    return padded[mask]
