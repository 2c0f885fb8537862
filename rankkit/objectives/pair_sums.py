"""Sums over the pairs of each list in memory linear in the list: the core under every pairwise objective.

The pairs of a list are the (i, j) with y_i > y_j. A pair loss is a function of d = s_i - s_j, so its gradient is known
as soon as its value is: one pass over the pairs sums both, and nothing of size ``[list, list]`` outlives a block. On
the CPU the pass is compiled (:mod:`rankkit.objectives.kernels`); elsewhere it is tensor code over blocks of rows.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from rankkit.errors import ConfigError

# Pairs that tensor code holds at once: about 5 tensors of 4 MiB in float32.
_BLOCK_PAIRS = 2**20
# Below this many pairs a second thread costs more than it saves.
_THREAD_PAIRS = 2_000_000

Streaming = Literal["auto", "kernel", "blocks"]


class PairLoss(NamedTuple):
    """A loss of the score difference d of a pair, for the compiled pass and for tensor code.

    Args:
        form: Its name in ``kernels.FORMS``.
        parameter: Its one number: sigma, a margin.
        evaluate: ``(d, parameter) -> (value, slope in d)`` of every pair.
    """

    form: str
    parameter: float
    evaluate: Callable[[Tensor, float], tuple[Tensor, Tensor]]


def logistic(sigma: float) -> PairLoss:
    """``softplus(-sigma d)``."""
    return PairLoss("logistic", sigma, _logistic)


def hinge(margin: float) -> PairLoss:
    """``max(0, margin - d)``, of slope 0 where d equals the margin."""
    return PairLoss("hinge", margin, _hinge)


def _logistic(d: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    x = d * sigma
    return -functional.logsigmoid(x), torch.sigmoid(-x) * -sigma


def _hinge(d: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    gap = margin - d
    return gap.clamp(min=0), -(gap > 0).to(d.dtype)


def pair_sums(
    loss: PairLoss,
    scores: Tensor,
    labels: Tensor,
    mask: Tensor,
    weights: Tensor | None = None,
    *,
    streaming: Streaming = "auto",
) -> tuple[Tensor, Tensor]:
    """Sum a pair loss over the pairs of each list.

    A pair weighs the product of the weights of its two documents. A list with a score that is not finite gets NaN for
    its sum and its gradients. The result does not depend on the number of threads: one thread sums a list.

    Args:
        loss: What a pair costs.
        scores: float32 or float64 ``[query, list]``, zeros in padded places; the sums are differentiable in them, once.
        labels: ``[query, list]`` of the type of the scores, zeros in padded places.
        mask: ``[query, list]``, True where a document is real.
        weights: ``[query, list]`` of the type of the scores, one a document, or None.
        streaming: ``"kernel"`` (compiled, CPU), ``"blocks"`` (tensor code), or ``"auto"``: by device.

    Returns:
        The sum ``[query]`` and the number of pairs, int64 ``[query]``.
    """
    if streaming == "auto":
        streaming = "kernel" if scores.device.type == "cpu" else "blocks"
    weights = torch.ones_like(scores) if weights is None else weights
    sums, counts, _ = _PairSums.apply(scores, labels, mask, weights, loss, streaming)  # type: ignore[no-untyped-call]
    return sums, counts


class _PairSums(torch.autograd.Function):
    """Value and gradient in one pass: backward only scales what forward summed."""

    @staticmethod
    def forward(
        scores: Tensor, labels: Tensor, mask: Tensor, weights: Tensor, loss: PairLoss, streaming: Streaming
    ) -> tuple[Tensor, Tensor, Tensor]:
        stream = _stream_kernel if streaming == "kernel" else _stream_blocks
        return stream(loss, scores.detach(), labels, mask, weights)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
        _, counts, slopes = output
        ctx.mark_non_differentiable(counts, slopes)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(inputs[0], slopes)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        if grads[0] is None:
            return (None,) * 6
        scores, slopes = ctx.saved_tensors
        grad: Tensor = _ScaledSlopes.apply(scores, slopes, grads[0])  # type: ignore[no-untyped-call]
        return (grad, None, None, None, None, None)


class _ScaledSlopes(torch.autograd.Function):
    """The gradient as a function of the scores, so that asking for its own gradient is an error and not a silent 0."""

    @staticmethod
    def forward(scores: Tensor, slopes: Tensor, grad_sums: Tensor) -> Tensor:
        return grad_sums[:, None] * slopes

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        raise ConfigError(
            "pairwise objective: expected to be differentiated once; got a second differentiation. "
            "Write the pairs out in plain torch where second-order gradients are needed."
        )


def _stream_kernel(
    loss: PairLoss, scores: Tensor, labels: Tensor, mask: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    from rankkit.objectives import kernels

    sum_pairs: Any = kernels.sum_pairs
    form = kernels.FORMS[loss.form]
    n_queries = scores.shape[0]
    sums, slopes = scores.new_empty(n_queries), torch.empty_like(scores, memory_format=torch.contiguous_format)
    counts = torch.empty(n_queries, dtype=torch.int64)
    given = [tensor.contiguous().numpy() for tensor in (scores, labels, mask, weights)]
    parameter = given[0].dtype.type(loss.parameter)
    filled = [tensor.numpy() for tensor in (sums, counts, slopes)]

    def walk(part: tuple[int, int]) -> None:
        sum_pairs(*given, *part, form, parameter, *filled)

    parts = _share(mask.sum(dim=1).numpy() ** 2, torch.get_num_threads())
    if len(parts) == 1:
        walk(parts[0])
    else:
        # The compiled pass holds no lock of the interpreter. A pool a call survives a fork, where a lasting one hangs.
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(walk, parts))
    return sums, counts, slopes


def _share(n_pairs: NDArray[np.int64], n_threads: int) -> list[tuple[int, int]]:
    """Cut the lists into runs of about equal work, at most one a thread."""
    ends = n_pairs.cumsum()
    n_parts = max(1, min(n_threads, int(n_pairs.sum()) // _THREAD_PAIRS))
    cuts = np.searchsorted(ends, ends[-1] * np.arange(1, n_parts) / n_parts) + 1 if n_parts > 1 else []
    bounds = sorted({0, *(int(cut) for cut in cuts), len(n_pairs)})
    return list(pairwise(bounds)) or [(0, 0)]


def _stream_blocks(
    loss: PairLoss, scores: Tensor, labels: Tensor, mask: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    n_queries, list_size = scores.shape
    sums, slopes = scores.new_zeros(n_queries), torch.zeros_like(scores)
    counts = torch.zeros(n_queries, dtype=torch.int64, device=scores.device)
    n_rows = max(1, _BLOCK_PAIRS // max(1, n_queries * list_size))
    for top in range(0, list_size, n_rows):
        rows = slice(top, top + n_rows)
        pairs = (labels[:, rows, None] > labels[:, None]) & mask[:, rows, None] & mask[:, None]
        values, pulls = loss.evaluate(scores[:, rows, None] - scores[:, None], loss.parameter)
        pair_weights = weights[:, rows, None] * weights[:, None]
        sums += torch.where(pairs, values.mul_(pair_weights), 0).sum(dim=(1, 2))
        pulls = torch.where(pairs, pulls.mul_(pair_weights), 0)
        slopes[:, rows] += pulls.sum(dim=2)
        slopes -= pulls.sum(dim=1)
        counts += pairs.sum(dim=(1, 2))
    broken = ~scores.isfinite().all(dim=1)
    return sums.masked_fill_(broken, torch.nan), counts, slopes.masked_fill_(broken[:, None] & mask, torch.nan)
