"""Sums over the pairs of each list in memory linear in the list: the core under every pairwise objective.

The pairs of a list are the (i, j) with y_i > y_j. A pair loss is a function of d = s_j - s_i, so its gradient is known
as soon as its value is: one pass over the pairs sums both, and the curvature where somebody asks for it. Nothing of
size ``[list, list]`` outlives a block. On the CPU the pass is compiled (:mod:`rankkit.objectives.pairs.kernels`);
elsewhere it is tensor code over blocks of rows.
"""

import math
from typing import Any, Literal, NamedTuple, get_args

import torch
from numpy.typing import NDArray
from torch import Tensor

from rankkit.objectives.curvature import is_recording, recorded
from rankkit.objectives.list_threads import walk_lists
from rankkit.objectives.pairs.factors import PairFactors, weigh_pairs
from rankkit.objectives.pairs.losses import ALL, ORDERED, PairLoss
from rankkit.objectives.single_derivative import refuse_transforms, single_derivative
from rankkit.placement import block_length, is_here

_PAIR_NUMBERS = 12  # that tensor code holds of each pair of a block at once, those of lambda weights among them

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
        streaming = "kernel" if is_here(scores) else "blocks"
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
    sums, counts, _, curvatures = _PairSums.apply(scores, task, streaming, is_recording())  # type: ignore[no-untyped-call]
    return recorded(scores, sums, lambda grads: curvatures * grads[:, None]), counts


class _Task(NamedTuple):
    """All that a pass reads, other than the scores."""

    loss: PairLoss
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
    def forward(
        ctx: Any, scores: Tensor, task: _Task, streaming: Streaming, bent: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        found = _stream(task, scores.detach(), streaming, bent)
        if found.curvatures is not None:
            ctx.mark_non_differentiable(found.curvatures)
        ctx.mark_non_differentiable(found.counts, found.slopes)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(scores, found.slopes)
        return found

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        if grads[0] is None:
            return None, None, None, None
        scores, slopes = ctx.saved_tensors
        slope = single_derivative("pairwise objective", grads[0][:, None] * slopes, scores, grads[0])
        return slope, None, None, None


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
    found = _stream(task, scores, "kernel" if streaming == "kernel" else "blocks", bent=False)
    return found.sums, found.counts, found.slopes


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


class _Streamed(NamedTuple):
    """Of each list: sum of the losses, number of pairs; slopes and curvatures in the scores, where these were asked."""

    sums: Tensor
    counts: Tensor
    slopes: Tensor
    curvatures: Tensor | None


def _stream(task: _Task, scores: Tensor, streaming: Streaming, bent: bool) -> _Streamed:
    """One pass; with ``bent`` it sums curvatures too: the diagonal of the second derivative, or what is above it."""
    found, pulls = (_stream_kernel if streaming == "kernel" else _stream_blocks)(task, scores, bent)
    if found.curvatures is not None and task.pairs == ALL:  # a document and itself: the score cancels out
        alone = task.loss.curvature(torch.zeros_like(scores)) * task.mask
        found = found._replace(curvatures=found.curvatures - 2 * task.row_weights * task.weights * alone)
    if task.factors is None or not task.factors.by_distance:
        return found
    # LightGBM counts the pull of a pair on each of its two documents.
    norms = torch.where(pulls > 0, torch.log1p(2 * pulls) / (2 * pulls * math.log(2)), 1)
    each = norms[:, None]
    curvatures = None if found.curvatures is None else found.curvatures * each
    return _Streamed(found.sums * norms, found.counts, found.slopes * each, curvatures)


def _stream_kernel(task: _Task, scores: Tensor, bent: bool) -> tuple[_Streamed, Tensor]:
    """What a pass finds, and the sum of the slopes in d of each list; compiled."""
    from rankkit.objectives.pairs import kernels
    from rankkit.objectives.pairs import weight_kernels as pair_weight_kernels

    sum_pairs: Any = kernels.sum_pairs
    n_queries = scores.shape[0]
    sums, pulls = scores.new_empty(n_queries), scores.new_empty(n_queries)
    slopes = torch.empty_like(scores, memory_format=torch.contiguous_format)
    curvatures = torch.empty_like(slopes) if bent else None
    counts = torch.empty(n_queries, dtype=torch.int64)
    given = [_array(tensor) for tensor in (scores, *task[2:6])]
    number = given[0].dtype.type
    loss = type(task.loss)(*(number(value) for value in task.loss))
    with_arrays: Any = pair_weight_kernels.with_arrays
    factors = None if task.factors is None else with_arrays(task.factors)
    filled = [tensor.numpy() for tensor in (sums, pulls, counts, slopes)]
    bends = None if curvatures is None else curvatures.numpy()

    def walk(first: int, last: int) -> None:
        sum_pairs(loss, task.pairs, factors, *given, first, last, *filled, bends)

    walk_lists(walk, task.mask.sum(dim=1).numpy() ** 2)
    return _Streamed(sums, counts, slopes, curvatures), pulls


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.contiguous().numpy()
    return array


def _stream_blocks(task: _Task, scores: Tensor, bent: bool) -> tuple[_Streamed, Tensor]:
    """The same in tensor code."""
    loss, _, _, mask, row_weights, weights, factors = task
    n_queries, list_size = scores.shape
    sums, pulls, slopes = scores.new_zeros(n_queries), scores.new_zeros(n_queries), torch.zeros_like(scores)
    curvatures = torch.zeros_like(scores) if bent else None
    counts = torch.zeros(n_queries, dtype=torch.int64, device=scores.device)
    n_rows = block_length(list_size, _PAIR_NUMBERS * scores.element_size() * n_queries * list_size, scores.device)
    for top in range(0, list_size, n_rows):
        rows = slice(top, top + n_rows)
        pairs = _pairs_of(task, rows)
        gaps = scores[:, None] - scores[:, rows, None]
        values, pair_pulls = loss.evaluate(gaps)
        pair_weights = row_weights[:, rows, None] * weights[:, None]
        if factors is not None:
            pair_weights *= weigh_pairs(factors, scores, rows)
        sums += torch.where(pairs, values.mul_(pair_weights), 0).sum(dim=(1, 2))
        pair_pulls = torch.where(pairs, pair_pulls.mul_(pair_weights), 0)
        of_rows = pair_pulls.sum(dim=2)
        slopes[:, rows] -= of_rows
        slopes += pair_pulls.sum(dim=1)
        if curvatures is not None:
            bends = torch.where(pairs, loss.curvature(gaps).mul_(pair_weights), 0)
            curvatures[:, rows] += bends.sum(dim=2)
            curvatures += bends.sum(dim=1)
        pulls += of_rows.sum(dim=1)
        counts += pairs.sum(dim=(1, 2))
    broken = ~scores.isfinite().all(dim=1)
    sums.masked_fill_(broken, torch.nan)
    for each in (slopes, curvatures):
        if each is not None:
            each.masked_fill_(broken[:, None] & mask, torch.nan)
    return _Streamed(sums, counts, slopes, curvatures), pulls


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
