"""Ranks that can be differentiated, in memory linear in the list: the core under every approximated metric.

A soft rank sums one smooth step a pair. The sum and its gradient are streamed over tiles of pairs, once forward and
once backward, so nothing of size ``[list, list]`` outlives a block. On the CPU the pass is compiled
(:mod:`rankkit.objectives.soft_rank_kernels`); elsewhere it is tensor code over blocks of rows.
"""

from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.list_threads import walk_lists
from rankkit.objectives.options import check_number
from rankkit.objectives.single_derivative import single_derivative
from rankkit.ranking import prepare_lists

# Pairs that tensor code holds at once: about 5 tensors of 4 MiB in float32.
_BLOCK_PAIRS = 2**20

Streaming = Literal["auto", "kernel", "blocks"]


def approx_ranks(
    scores: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    temperature: float = 0.1,
    streaming: Streaming = "auto",
) -> Float[Tensor, "query list"]:
    r"""Soft ranks: one plus the sigmoids of how far every other document leads.

    .. math::
        r_i = 1 + \sum_{j \ne i} \frac{1}{1 + e^{-(s_j - s_i) / T}}

    Any metric that is written as a function of ranks becomes an objective with them:
    ``-(gains / torch.log2(1 + approx_ranks(scores, mask))).sum()``.

    Memory is linear in the list. The ranks can be differentiated once. A score that is not finite makes the ranks of
    its list NaN. Where scores are hundreds of temperatures apart, the ranks are the true ones and their
    gradients vanish.

    Args:
        scores: One a document; bfloat16 and float16 are computed in float32.
        mask: True where a document is real; None: everywhere.
        temperature: The score difference T, above 0, at which the leading document is ahead with 1 / (1 + 1/e) = 73%.
            The lower, the closer to true ranks and the fewer pairs that still have a gradient.
        streaming: ``"kernel"`` (compiled, CPU), ``"blocks"`` (tensor code), or ``"auto"``: by device.

    Returns:
        Ranks from 1 to the number of documents; 1 in padded places. Tied documents share the mean of their ranks.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If the temperature is not above 0, or the ranks are differentiated twice.

    Example:
        Two tied documents share ranks 1 and 2; the third is padding.

        >>> import torch
        >>> approx_ranks(torch.tensor([[2.0, 2.0, 9.0]]), torch.tensor([[True, True, False]]))
        tensor([[1.5000, 1.5000, 1.0000]])

    References:
        Qin, Liu, Li, "A General Approximation Framework for Direct Optimization of Information Retrieval Measures",
        Information Retrieval 13, 2010 (the position function; its scaling constant alpha is 1 / T).
    """
    check_number("approx_ranks", "temperature", temperature, above=0.0)
    scores, _, mask = prepare_lists("approx_ranks", scores, scores, mask)
    if streaming == "auto":
        streaming = "kernel" if scores.device.type == "cpu" else "blocks"
    ranks: Tensor = _ApproxRanks.apply(scores, mask, temperature, streaming)  # type: ignore[no-untyped-call]
    return ranks


class _ApproxRanks(torch.autograd.Function):
    """Each direction is one pass over the pairs; between them only the sorted lists are kept."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, mask: Tensor, temperature: float, streaming: Streaming) -> Tensor:
        # Padding goes behind every document, and then becomes 0: differences of infinities would be NaN.
        listed, order = scores.detach().masked_fill(~mask, -torch.inf).sort(dim=1, descending=True)
        listed = torch.where(mask.gather(1, order), listed, 0)
        broken = mask & ~scores.isfinite().all(dim=1, keepdim=True)
        ctx.save_for_backward(scores, listed, order, mask, broken)
        ctx.temperature, ctx.streaming = temperature, streaming
        places = torch.arange(1, scores.shape[1] + 1, device=scores.device, dtype=scores.dtype)
        ranks = places + _stream(listed, mask, None, temperature, streaming)
        return torch.where(mask, _unsorted(ranks, order, broken), 1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        scores, listed, order, mask, broken = ctx.saved_tensors
        with torch.no_grad():
            sums = _stream(listed, mask, grads[0].gather(1, order), ctx.temperature, ctx.streaming)
            slopes = torch.where(mask, _unsorted(sums / ctx.temperature, order, broken), 0)
        return single_derivative("approx_ranks", slopes, scores, grads[0]), None, None, None


def _unsorted(listed: Tensor, order: Tensor, broken: Tensor) -> Tensor:
    """Back in the order of the documents, NaN for lists with a score that is not finite."""
    return torch.empty_like(listed).scatter_(1, order, listed).masked_fill_(broken, torch.nan)


def _stream(listed: Tensor, mask: Tensor, grads: Tensor | None, temperature: float, streaming: Streaming) -> Tensor:
    sizes = mask.sum(dim=1)
    if streaming == "kernel":
        return _stream_kernel(listed, sizes, grads, temperature)
    return _stream_blocks(listed, sizes, grads, temperature)


def _stream_kernel(listed: Tensor, sizes: Tensor, grads: Tensor | None, temperature: float) -> Tensor:
    from rankkit.objectives import soft_rank_kernels

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
    n_rows = max(1, _BLOCK_PAIRS // max(1, n_queries * list_size))
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
