"""QueryBatch: the documents of some queries in motion, flat with offsets; pad() and unpad(): the only place that pads.

A batch holds ``features [doc, feature]`` and ``offsets [query + 1]``: query i owns the documents
``offsets[i]:offsets[i + 1]``. A scorer multiplies the flat matrix, so no padding is ever multiplied; only scores and
labels, one number a document, are padded for objectives.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from rankkit.errors import DataError
from rankkit.placement import know_count, know_offsets, longest_list, sent

Per: TypeAlias = Literal["query", "doc"]
"""What has one weight each."""


class PositionError(DataError, IndexError):
    """A position that no query has: an IndexError too, as of any sequence."""


def whose_weights(where: str, n_weights: int, n_queries: int, n_docs: int, given: Per | None = None) -> Per | None:
    """Tell weights of queries from weights of documents: as ``given``, else by their number where that is decisive.

    Args:
        where: For messages.
        n_weights: How many weights there are.
        n_queries: How many queries.
        n_docs: How many documents.
        given: What the weights are said to be, if anything.

    Returns:
        None where their number fits queries as well as documents.

    Raises:
        DataError: If the number fits neither, or not what is given.
    """
    fits: list[Per] = [per for per, n in (("query", n_queries), ("doc", n_docs)) if n == n_weights]  # type: ignore[misc]
    if given not in (None, "query", "doc"):
        raise DataError(f"{where}: expected weights per='query' or per='doc'; got {given!r}. Pass one of the two.")
    if given is not None and given not in fits:
        n_expected, other = (n_queries, "doc") if given == "query" else (n_docs, "query")
        action = f"Pass rankkit.Weights(values, per={other!r})." if fits else f"Pass one a {given}."
        raise DataError(
            f"{where}: expected {n_expected} weights, one a {'query' if given == 'query' else 'document'}; "
            f"got shape ({n_weights},). {action}"
        )
    if not fits:
        raise DataError(
            f"{where}: expected weights for {n_queries} queries or {n_docs} documents; got shape ({n_weights},). "
            "Pass one a query or one a document."
        )
    return given or (fits[0] if len(fits) == 1 else None)


def ambiguous_weights(where: str, n_weights: int) -> DataError:
    """The error for weights of which :func:`whose_weights` cannot say whose they are."""
    return DataError(
        f"{where}: expected weights that say whose they are, since there are as many queries as documents and queries "
        f"without documents among them; got an array of {n_weights}. Pass rankkit.Weights(values, per='query') or "
        "per='doc'."
    )


@dataclass(frozen=True, eq=False)
class QueryBatch:
    """The documents of some queries, flat, on one device.

    Args:
        features: float32 ``[doc, feature]``.
        offsets: int64 ``[query + 1]``, from 0 to the number of documents.
        labels: float32 ``[doc]``, or None for documents without labels.
        weights: float32, one a query ``[query]`` or one a document ``[doc]``, or None.
        queries: int64 ``[query]``: which queries of the data set these are.
        weights_per: Whose the weights are, ``"query"`` or ``"doc"``; None: as their number says.

    Raises:
        DataError: If the weights fit neither queries nor documents, or their number does not say which.
    """

    features: Tensor
    offsets: Tensor
    labels: Tensor | None = None
    weights: Tensor | None = None
    queries: Tensor | None = None
    weights_per: Per | None = None

    def __post_init__(self) -> None:
        per = None
        if self.weights is not None:
            where, n_weights = "QueryBatch", self.weights.shape[0]
            per = whose_weights(where, n_weights, self.n_queries, self.n_docs, self.weights_per)
            if per is None:
                if not bool((self.offsets.diff() == 1).all()):
                    raise ambiguous_weights(where, n_weights)
                per = "query"  # each has one document: both mean the same
        object.__setattr__(self, "weights_per", per)

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
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        if self.offsets.device.type == "cpu":
            know_offsets(moved["offsets"], self.offsets)
        return replace(self, **moved)


def take_queries(
    features: Float[Tensor, "doc feature"],
    offsets: Int[Tensor, " n_offsets"],
    queries: Int[Tensor, " query"],
    labels: Float[Tensor, " doc"] | None = None,
    weights: Float[Tensor, " n_weights"] | None = None,
    weights_per: Per | None = None,
) -> QueryBatch:
    """Gather the documents of some queries, in the order of ``queries``, into one batch.

    Negative positions count from the end, as everywhere. Offsets and queries may lie on the host while all else lies on
    a device: the batch is then made there, and nobody waits for it.

    >>> batch = take_queries(torch.arange(5.0)[:, None], torch.tensor([0, 2, 5]), torch.tensor([-1]))
    >>> batch.features.flatten(), batch.offsets, batch.queries
    (tensor([2., 3., 4.]), tensor([0, 3]), tensor([1]))

    Raises:
        DataError: If there is no query at a position, or the weights fit neither queries nor documents, or their
            number does not say which.
    """
    whole = QueryBatch(features, offsets, labels, weights, weights_per=weights_per)
    queries = _counted(queries, whole.n_queries)
    starts = offsets[queries]
    sizes = offsets[queries + 1] - starts
    new_offsets = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    n_docs, moves = int(new_offsets[-1]), starts - new_offsets[:-1]
    if offsets.device != features.device:
        parts, here = (queries, moves, sizes, new_offsets), new_offsets
        there = torch.split(sent(torch.cat(parts), features.device), [len(part) for part in parts])
        queries, moves, sizes, new_offsets = there
        know_offsets(new_offsets, here)
    rows = torch.arange(n_docs, device=features.device) + torch.repeat_interleave(moves, sizes, output_size=n_docs)
    return QueryBatch(
        features=features.index_select(0, rows),
        offsets=new_offsets,
        labels=None if labels is None else labels[rows],
        weights=None if weights is None else weights[queries if whole.weights_per == "query" else rows],
        queries=queries,
        weights_per=whole.weights_per,
    )


def _counted(queries: Tensor, n_queries: int) -> Tensor:
    """Positions from 0 on, where negative ones count from the end."""
    if queries.numel():
        low, high = (int(extreme) for extreme in torch.aminmax(queries))
        for extreme in (low, high):
            if not -n_queries <= extreme < n_queries:
                raise no_query_at("take_queries", extreme, n_queries)
        if low < 0:
            queries = torch.where(queries < 0, queries + n_queries, queries)
    return queries


def no_query_at(where: str, position: int, n_queries: int) -> PositionError:
    """The error for a position that no query has."""
    known = f"a position from {-n_queries} to {n_queries - 1}" if n_queries else "no position, as there are no queries"
    return PositionError(f"{where}: expected {known}; got {position}. Pass one of the {n_queries:,} queries.")


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
    sizes, longest = offsets.diff(), longest_list(offsets)
    mask = torch.arange(longest, device=offsets.device) < sizes[:, None]
    # Places of documents rather than the mask: how many places a mask has, only the device knows.
    firsts = torch.arange(len(sizes), device=offsets.device) * longest
    places = torch.arange(len(values), device=offsets.device) + torch.repeat_interleave(
        firsts - offsets[:-1], sizes, output_size=len(values)
    )
    padded = values.new_full((mask.numel(), *values.shape[1:]), fill).index_copy(0, places, values)
    return padded.unflatten(0, mask.shape), know_count(mask, len(values))


def unpad(padded: Shaped[Tensor, "query list *outputs"], mask: Bool[Tensor, "query list"]) -> Tensor:
    """The inverse of :func:`pad`: one value a document, flat, padding dropped.

    >>> unpad(torch.tensor([[1.0, 0.0], [2.0, 3.0]]), torch.tensor([[True, False], [True, True]]))
    tensor([1., 2., 3.])
    """
    return padded[mask]
