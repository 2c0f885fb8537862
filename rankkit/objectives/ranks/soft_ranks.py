"""Ranks that can be differentiated, in memory linear in the list: the core under every approximated metric.

A soft rank sums one smooth step a pair. The sum and its gradient are streamed over tiles of pairs, once forward and
once backward, so nothing of size ``[list, list]`` outlives a block. On the CPU the pass is compiled
(:mod:`rankkit.objectives.ranks.kernels`); elsewhere it is tensor code over blocks of rows.
"""

from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.list_threads import walk_lists
from rankkit.objectives.options import check_number
from rankkit.objectives.single_derivative import refuse_transforms, single_derivative
from rankkit.placement import block_length, is_here
from rankkit.ranking import prepare_lists

_PAIR_NUMBERS = 6  # that tensor code holds of each pair of a block at once

Streaming = Literal["auto", "kernel", "blocks"]


def approx_ranks(
    scores: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    temperature: float = 0.1,
    streaming: Streaming = "auto",
) -> Float[Tensor, "query list"]:
    r"""Soft ranks: one plus the sigmoids of how far every other document leads.

    .. math:: r_i = 1 + \sum_{j \ne i} \frac{1}{1 + e^{-(s_j - s_i) / T}}

    A metric written in ranks becomes an objective with them:
    ``-(gains / torch.log2(1 + approx_ranks(scores, mask))).sum()``. Memory is linear in the list; differentiable once.
    A score that is not finite makes the ranks of its list NaN. Scores hundreds of temperatures apart give the true
    ranks, with vanishing gradients.

    Args:
        scores: ``[query, list]``, one a document.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        temperature: The score difference T, above 0, that is ahead with 1 / (1 + 1/e) = 73%. The lower, the closer to
            true ranks and the fewer pairs that still have a gradient.
        streaming: ``"kernel"`` (compiled, CPU), ``"blocks"`` (tensor code), or ``"auto"``: by device.

    Returns:
        Ranks ``[query, list]`` from 1 to the number of documents; 1 in padded places. Ties share the mean of their
        ranks.

    Example:
        >>> approx_ranks(torch.tensor([[2.0, 2.0, 9.0]]), torch.tensor([[True, True, False]]))  # ties share 1 and 2
        tensor([[1.5000, 1.5000, 1.0000]])

    References:
        Qin, Liu, Li, "A General Approximation Framework for Direct Optimization of Information Retrieval Measures",
        Information Retrieval 13, 2010 (the position function; its scaling constant alpha is 1 / T).
    """
    check_number("approx_ranks", "temperature", temperature, above=0.0)
    scores, _, mask = prepare_lists("approx_ranks", scores, scores, mask)
    if streaming == "auto":
        streaming = "kernel" if is_here(scores) else "blocks"
    if torch.compiler.is_compiling():
        compiled: Tensor = _compiled_ranks(scores, mask, temperature, streaming)[0]
        return compiled
    refuse_transforms("approx_ranks")
    ranks: Tensor = _ApproxRanks.apply(scores, mask, temperature, streaming)  # type: ignore[no-untyped-call]
    return ranks


class _ApproxRanks(torch.autograd.Function):
    """Each direction is one pass over the pairs; between them only the sorted lists are kept."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, mask: Tensor, temperature: float, streaming: Streaming) -> Tensor:
        ranks, *sorted_lists = _ranks(scores.detach(), mask, temperature, streaming)
        ctx.save_for_backward(scores, mask, *sorted_lists)
        ctx.temperature, ctx.streaming = temperature, streaming
        return ranks

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        scores, mask, listed, order, broken = ctx.saved_tensors
        with torch.no_grad():
            slopes = _slopes(grads[0], mask, listed, order, broken, ctx.temperature, ctx.streaming)
        return single_derivative("approx_ranks", slopes, scores, grads[0]), None, None, None


def _ranks(scores: Tensor, mask: Tensor, temperature: float, streaming: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The ranks, the scores in falling order, that order, and which lists have a score that is not finite."""
    # Padding goes behind every document, and then becomes 0: differences of infinities would be NaN.
    listed, order = scores.masked_fill(~mask, -torch.inf).sort(dim=1, descending=True)
    listed = torch.where(mask.gather(1, order), listed, 0)
    broken = mask & ~scores.isfinite().all(dim=1, keepdim=True)
    places = torch.arange(1, scores.shape[1] + 1, device=scores.device, dtype=scores.dtype)
    ranks = places + _stream(listed, mask, None, temperature, streaming)
    return torch.where(mask, _unsorted(ranks, order, broken), 1), listed, order, broken


def _slopes(
    grads: Tensor, mask: Tensor, listed: Tensor, order: Tensor, broken: Tensor, temperature: float, streaming: str
) -> Tensor:
    sums = _stream(listed, mask, grads.gather(1, order), temperature, streaming)
    return torch.where(mask, _unsorted(sums / temperature, order, broken), 0)


# What torch.compile puts into its graph, one operator a direction, so that it need not trace the compiled loop.
@torch.library.custom_op("rankkit::approx_ranks", mutates_args=())
def _compiled_ranks(
    scores: Tensor, mask: Tensor, temperature: float, streaming: str
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return _ranks(scores, mask, temperature, streaming)


@_compiled_ranks.register_fake
def _(scores: Tensor, mask: Tensor, temperature: float, streaming: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    order = scores.new_empty(scores.shape, dtype=torch.int64)
    return scores.new_empty(scores.shape), scores.new_empty(scores.shape), order, torch.empty_like(mask)


@torch.library.custom_op("rankkit::approx_ranks_backward", mutates_args=())
def _compiled_slopes(
    grads: Tensor, mask: Tensor, listed: Tensor, order: Tensor, broken: Tensor, temperature: float, streaming: str
) -> Tensor:
    return _slopes(grads, mask, listed, order, broken, temperature, streaming)


@_compiled_slopes.register_fake
def _(grads: Tensor, *rest: Any) -> Tensor:
    return grads.new_empty(grads.shape)


def _keep_lists(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(inputs[1], *output[1:])
    ctx.temperature, ctx.streaming = inputs[2:]


def _pull_back(ctx: Any, grads: Tensor, *_: Tensor | None) -> tuple[Any, ...]:
    return _compiled_slopes(grads, *ctx.saved_tensors, ctx.temperature, ctx.streaming), None, None, None


_compiled_ranks.register_autograd(_pull_back, setup_context=_keep_lists)


def _unsorted(listed: Tensor, order: Tensor, broken: Tensor) -> Tensor:
    """Back in the order of the documents, NaN for lists with a score that is not finite."""
    return torch.empty_like(listed).scatter_(1, order, listed).masked_fill_(broken, torch.nan)


def _stream(listed: Tensor, mask: Tensor, grads: Tensor | None, temperature: float, streaming: str) -> Tensor:
    sizes = mask.sum(dim=1)
    if streaming == "kernel":
        return _stream_kernel(listed, sizes, grads, temperature)
    return _stream_blocks(listed, sizes, grads, temperature)


def _stream_kernel(listed: Tensor, sizes: Tensor, grads: Tensor | None, temperature: float) -> Tensor:
    from rankkit.objectives.ranks import kernels as soft_rank_kernels

    walk_pairs: Any = soft_rank_kernels.walk_pairs
    sums = torch.empty_like(listed, memory_format=torch.contiguous_format)
    grads = listed.new_empty(listed.shape[0], 0) if grads is None else grads
    given = [tensor.contiguous().numpy() for tensor in (listed, sizes, grads)]
    number = given[0].dtype.type
    steepness = 1 / temperature
    # Farther apart, a pair adds less than the square of the type's rounding error.
    reach = -2 * np.log(np.finfo(number).eps) * temperature
    filled = sums.numpy()

    def walk(first: int, last: int) -> None:
        walk_pairs(*given, first, last, number(steepness), number(reach), filled)

    walk_lists(walk, given[1] ** 2)
    return sums


def _stream_blocks(listed: Tensor, sizes: Tensor, grads: Tensor | None, temperature: float) -> Tensor:
    n_queries, list_size = listed.shape
    sums = torch.zeros_like(listed)
    places = torch.arange(list_size, device=listed.device)
    n_rows = block_length(list_size, _PAIR_NUMBERS * listed.element_size() * n_queries * list_size, listed.device)
    for top in range(0, list_size, n_rows):
        rows, low = slice(top, top + n_rows), slice(top, None)
        pairs = (places[low] > places[rows, None]) & (places[low] < sizes[:, None, None])
        chances = torch.sigmoid((listed[:, None, low] - listed[:, rows, None]) / temperature)
        if grads is not None:
            chances = chances.mul_(1 - chances).mul_(grads[:, None, low] - grads[:, rows, None])
        chances = torch.where(pairs, chances, 0)
        sums[:, rows] += chances.sum(dim=2)
        sums[:, low] -= chances.sum(dim=1)
    return sums
