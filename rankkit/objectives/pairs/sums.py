"""Sums over the pairs of each list in memory linear in the list: the core under every pairwise objective.

The pairs of a list are the (i, j) with y_i > y_j. A pair loss is a function of d = s_j - s_i, so its gradient is known
as soon as its value is: one pass over the pairs sums both, and nothing of size ``[list, list]`` outlives a block. On
the CPU the pass is compiled (:mod:`rankkit.objectives.pairs.kernels`); elsewhere it is tensor code over blocks of rows.
"""

import math
from typing import Any, Literal, NamedTuple, cast, get_args

import torch
from numpy.typing import NDArray
from torch import Tensor

from rankkit.objectives.curvature import recorded
from rankkit.objectives.list_threads import walk_lists
from rankkit.objectives.pairs.factors import PairFactors, weigh_pairs
from rankkit.objectives.pairs.losses import ALL, ORDERED, PairCurvature, PairLoss, curvature_of
from rankkit.objectives.single_derivative import refuse_transforms, single_derivative

# Pairs that tensor code holds at once: about 5 tensors of 4 MiB in float32.
_BLOCK_PAIRS = 2**20

_NO_FORM = -1  # of an operator without lambda weights
_LOSSES: dict[str, Any] = {known.__name__: known for known in get_args(PairLoss)}

Streaming = Literal["auto", "kernel", "blocks"]


def pair_sums(
    loss: PairLoss,
    scores: Tensor,
    labels: Tensor,
    mask: Tensor,
    weights: Tensor | None = None,
    *,
    pairs: int = ORDERED,
    row_weights: Tensor | None = None,
    factors: PairFactors | None = None,
    streaming: Streaming = "auto",
) -> tuple[Tensor, Tensor]:
    """Sum a pair loss over the pairs of each list: the sum and the number of pairs (int64), both ``[query]``.

    A pair (i, j) weighs ``row_weights[i] * weights[j]`` times its lambda weight. A list with a score that is not finite
    gets NaN for its sum and its gradients. The result does not depend on the number of threads: one thread sums a list.

    Args:
        loss: What a pair costs.
        scores: float32 or float64 ``[query, list]``, zeros in padded places; the sums are differentiable in them, once.
        labels: ``[query, list]`` of the type of the scores, zeros in padded places.
        mask: ``[query, list]``, True where a document is real.
        weights: ``[query, list]`` of the type of the scores, one a document, or None.
        pairs: ORDERED, y_i > y_j; TIED, y_i = y_j, each pair once; or ALL, i = j included.
        row_weights: ``[query, list]`` for the first of a pair; None: ``weights``.
        factors: Lambda weights, for ORDERED pairs, or None.
        streaming: ``"kernel"`` (compiled, CPU), ``"blocks"`` (tensor code), or ``"auto"``: by device.
    """
    if streaming == "auto":
        streaming = "kernel" if scores.device.type == "cpu" else "blocks"
    weights = torch.ones_like(scores) if weights is None else weights
    row_weights = weights if row_weights is None else row_weights
    if torch.compiler.is_compiling():
        name, numbers = type(loss).__name__, [float(number) for number in loss]
        form, *arrays, by_distance = (_NO_FORM, False) if factors is None else factors
        tensors = [labels, mask, row_weights, weights, *arrays]
        sums, counts, _ = _compiled_pair_sums(scores, tensors, name, numbers, pairs, form, by_distance, streaming)
        return sums, counts
    refuse_transforms("pairwise objective")
    task = _Task(loss, pairs, labels, mask, row_weights, weights, factors)
    sums, counts, _, norms = _PairSums.apply(scores, task, streaming)  # type: ignore[no-untyped-call]
    known = scores.detach()
    return recorded(scores, sums, lambda grads: _curvatures(task, known, norms, streaming) * grads[:, None]), counts


class _Task(NamedTuple):
    """All that a pass reads, other than the scores."""

    loss: PairLoss | PairCurvature
    pairs: int
    labels: Tensor
    mask: Tensor
    row_weights: Tensor
    weights: Tensor
    factors: PairFactors | None


class _PairSums(torch.autograd.Function):
    """Value and gradient in one pass: backward only scales what forward summed."""

    # One forward with ctx: a separate setup_context makes torch inspect the signature at every call.
    @staticmethod
    def forward(ctx: Any, scores: Tensor, task: _Task, streaming: Streaming) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        sums, counts, slopes, norms = _stream(task, scores.detach(), streaming)
        ctx.mark_non_differentiable(counts, slopes, norms)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(scores, slopes)
        return sums, counts, slopes, norms

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        if grads[0] is None:
            return None, None, None
        scores, slopes = ctx.saved_tensors
        return single_derivative("pairwise objective", grads[0][:, None] * slopes, scores, grads[0]), None, None


# What torch.compile puts into its graph, so that it need not trace the compiled loop. Elsewhere a call of an operator
# costs more than one of the function above.
@torch.library.custom_op("rankkit::pair_sums", mutates_args=())
def _compiled_pair_sums(
    scores: Tensor,
    tensors: list[Tensor],
    loss: str,
    numbers: list[float],
    pairs: int,
    form: int,
    by_distance: bool,
    streaming: str,
) -> tuple[Tensor, Tensor, Tensor]:
    labels, mask, row_weights, weights, *arrays = tensors
    factors = None if form == _NO_FORM else PairFactors._make((form, *arrays, by_distance))
    task = _Task(_LOSSES[loss](*numbers), pairs, labels, mask, row_weights, weights, factors)
    return _stream(task, scores, "kernel" if streaming == "kernel" else "blocks")[:3]


@_compiled_pair_sums.register_fake
def _(scores: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    n_queries = scores.shape[0]
    counts = scores.new_empty(n_queries, dtype=torch.int64)
    return scores.new_empty(n_queries), counts, scores.new_empty(scores.shape)


def _keep_slopes(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    ctx.save_for_backward(output[2])
    ctx.n_tensors = len(inputs[1])


def _scale_slopes(ctx: Any, grad_sums: Tensor, *_: Tensor | None) -> tuple[Any, ...]:
    (slopes,) = ctx.saved_tensors
    return grad_sums[:, None] * slopes, [None] * ctx.n_tensors, None, None, None, None, None, None


_compiled_pair_sums.register_autograd(_scale_slopes, setup_context=_keep_slopes)


def _curvatures(task: _Task, scores: Tensor, norms: Tensor, streaming: Streaming) -> Tensor:
    """The diagonal of the second derivative of the sums, or what is above it where a pair is not convex."""
    stream = _stream_kernel if streaming == "kernel" else _stream_blocks
    curvature = curvature_of(cast(PairLoss, task.loss))
    *_, found = stream(task._replace(loss=curvature), scores)
    if task.pairs == ALL:  # a document and itself: the score cancels out
        alone = curvature.evaluate(torch.zeros_like(scores))[1] * task.mask
        found = found - 2 * task.row_weights * task.weights * alone
    return found * norms[:, None] if len(norms) else found


def _stream(task: _Task, scores: Tensor, streaming: Streaming) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sums of losses, numbers of pairs, slopes in the scores, and by what the lists are scaled, nothing for 1."""
    stream = _stream_kernel if streaming == "kernel" else _stream_blocks
    sums, pulls, counts, slopes = stream(task, scores)
    if task.factors is None or not task.factors.by_distance:
        return sums, counts, slopes, sums.new_empty(0)
    # LightGBM counts the pull of a pair on each of its two documents.
    norms = torch.where(pulls > 0, torch.log1p(2 * pulls) / (2 * pulls * math.log(2)), 1)
    return sums * norms, counts, slopes * norms[:, None], norms


def _stream_kernel(task: _Task, scores: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sums of losses and of their slopes in d, numbers of pairs, slopes in the scores; compiled."""
    from rankkit.objectives.pairs import kernels
    from rankkit.objectives.pairs import weight_kernels as pair_weight_kernels

    sum_pairs: Any = kernels.sum_pairs
    n_queries = scores.shape[0]
    sums, pulls = scores.new_empty(n_queries), scores.new_empty(n_queries)
    slopes = torch.empty_like(scores, memory_format=torch.contiguous_format)
    counts = torch.empty(n_queries, dtype=torch.int64)
    given = [_array(tensor) for tensor in (scores, *task[2:6])]
    number = given[0].dtype.type
    loss = type(task.loss)(*(number(value) for value in task.loss))
    with_arrays: Any = pair_weight_kernels.with_arrays
    factors = None if task.factors is None else with_arrays(task.factors)
    filled = [tensor.numpy() for tensor in (sums, pulls, counts, slopes)]

    def walk(first: int, last: int) -> None:
        sum_pairs(loss, task.pairs, factors, *given, first, last, *filled)

    walk_lists(walk, task.mask.sum(dim=1).numpy() ** 2)
    return sums, pulls, counts, slopes


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.contiguous().numpy()
    return array


def _stream_blocks(task: _Task, scores: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same in tensor code."""
    loss, _, _, mask, row_weights, weights, factors = task
    of_higher = 1 if isinstance(loss, PairCurvature) else -1
    n_queries, list_size = scores.shape
    sums, pulls, slopes = scores.new_zeros(n_queries), scores.new_zeros(n_queries), torch.zeros_like(scores)
    counts = torch.zeros(n_queries, dtype=torch.int64, device=scores.device)
    n_rows = max(1, _BLOCK_PAIRS // max(1, n_queries * list_size))
    for top in range(0, list_size, n_rows):
        rows = slice(top, top + n_rows)
        pairs = _pairs_of(task, rows)
        values, pair_pulls = loss.evaluate(scores[:, None] - scores[:, rows, None])
        pair_weights = row_weights[:, rows, None] * weights[:, None]
        if factors is not None:
            pair_weights *= weigh_pairs(factors, scores, rows)
        sums += torch.where(pairs, values.mul_(pair_weights), 0).sum(dim=(1, 2))
        pair_pulls = torch.where(pairs, pair_pulls.mul_(pair_weights), 0)
        of_rows = pair_pulls.sum(dim=2)
        slopes[:, rows] += of_higher * of_rows
        slopes += pair_pulls.sum(dim=1)
        pulls += of_rows.sum(dim=1)
        counts += pairs.sum(dim=(1, 2))
    broken = ~scores.isfinite().all(dim=1)
    return sums.masked_fill_(broken, torch.nan), pulls, counts, slopes.masked_fill_(broken[:, None] & mask, torch.nan)


def _pairs_of(task: _Task, rows: slice) -> Tensor:
    """Which documents of some rows make a pair with which: ``[query, row, list]``."""
    found = task.mask[:, rows, None] & task.mask[:, None]
    if task.pairs == ALL:
        return found
    high, low = task.labels[:, rows, None], task.labels[:, None]
    if task.pairs == ORDERED:
        return found & (high > low)
    places = torch.arange(task.mask.shape[1], device=task.mask.device)
    return found & (high == low) & (places[rows, None] < places)
