"""Slope and curvature of an objective in each score: what boosting, which steps by their ratio, takes of it.

The curvature of a document is the diagonal of the second derivative of the loss, or stands above it, and is never
below 0. The cores that objectives are made of give theirs while the loss is differentiated: sums over pairs, softmax
over a list, the choices of a ranking. Each is taken as a function of its own results with what follows it as it is
(Gauss-Newton), which is exact where what follows is linear. An objective says of itself that all its curvature comes
from them: ``@marked(curvature="core")``; or that it sums terms of single documents, which are differentiated twice:
``"documents"``. Any other gets the bound of :func:`derivatives`: those of soft ranks, whose loss is far from convex
(Gauss-Newton steps end in the first dip: ndcg .762 against .895 on made-up data), and those of a user's own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import Parameter, signature
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rankkit.objectives.combination import WeightedSum
from rankkit.objectives.module import taken_apart

_Found = list[tuple[Tensor, Tensor]]
_found: ContextVar[_Found | None] = ContextVar("rankkit_curvatures", default=None)


def is_recording() -> bool:
    """Whether somebody asks for curvatures: then a core can sum them in the pass that sums its results."""
    return _found.get() is not None


def recorded(scores: Tensor, results: Tensor, curvatures: Callable[[Tensor], Tensor]) -> Tensor:
    """The results of a core, which notes its curvature when they are differentiated, where somebody asks for it.

    Args:
        scores: As they came into the core, with their graph: shifted, scaled, permuted or repeated ones of the loss.
        results: What the core gives.
        curvatures: Of the loss in these scores, of their shape, given the slope of the loss in each result.
    """
    if _found.get() is None:
        return results
    noting: Tensor = _Noting.apply(scores, results, curvatures)  # type: ignore[no-untyped-call]
    return noting


class _Noting(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, results: Tensor, curvatures: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(scores)
        ctx.curvatures = curvatures
        return results.view_as(results)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        found = _found.get()
        if found is not None:
            (scores,) = ctx.saved_tensors
            found.append((scores, ctx.curvatures(grads[0].detach())))
        return None, grads[0], None


@contextmanager
def _recording() -> Iterator[_Found]:
    found: _Found = []
    token = _found.set(found)
    try:
        yield found
    finally:
        _found.reset(token)


class Derivatives(NamedTuple):
    """Of the sum over lists of the loss of each, in the scores.

    Args:
        losses: ``[query]``, or one number, the mean, of an objective without ``reduction``.
        slopes: ``[query, list]``, 0 in padded places.
        curvatures: ``[query, list]``, at least 0, and 0 in padded places.
    """

    losses: Tensor
    slopes: Tensor
    curvatures: Tensor


def derivatives(
    objective: Callable[..., Tensor],
    scores: Tensor,
    labels: Tensor,
    mask: Tensor,
    weights: Tensor | None = None,
) -> Derivatives:
    """Loss, slope and curvature of an objective that reads one score a document.

    Where an objective does not say where its curvature comes from, the curvature of a document is the absolute value of
    its slope, but not below the mean of these over its list: no step by slope over curvature moves a score by more than
    1. An objective without ``reduction`` is taken for the mean over the lists.

    Args:
        objective: Over lists: a function, an :class:`rankkit.Objective`, a :func:`rankkit.weighted_sum`, ...
        scores: float32 or float64 ``[query, list]``.
        labels: ``[query, list]``.
        mask: ``[query, list]``, True where a document is real.
        weights: ``[query]`` or ``[query, list]``, or None.

    Example:
        >>> from rankkit.objectives import softmax_loss
        >>> scores, labels = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]])
        >>> _, slopes, curvatures = derivatives(softmax_loss, scores, labels, torch.tensor([[True, True]]))
        >>> slopes, curvatures  # p - y, and p (1 - p)
        (tensor([[-0.5000,  0.5000]]), tensor([[0.2500, 0.2500]]))
    """
    if isinstance(objective, WeightedSum):
        return _of_parts(objective, scores, labels, mask, weights)
    leaf = scores.detach().requires_grad_()
    asked: dict[str, Any] = {} if weights is None else {"weights": weights}
    of_each = _has_reduction(objective)
    if of_each:
        asked["reduction"] = "none"
    source = _mark(objective)
    with torch.enable_grad(), _recording() as found:
        losses = objective(leaf, labels, mask, **asked)
        total = losses.sum() if of_each else losses * len(scores)
        if source == "documents":
            return _of_documents(losses, total, leaf, mask)
        (slopes,) = torch.autograd.grad(total, leaf, retain_graph=source == "core")
    if source == "core":
        curvatures = sum((_in_scores(inner, values, leaf) for inner, values in found), torch.zeros_like(slopes))
    else:
        curvatures = _bound(slopes, mask)
    return Derivatives(losses.detach(), slopes, torch.where(mask, curvatures, 0).clamp_(min=0))


def _of_parts(objective: WeightedSum, *given: Any) -> Derivatives:
    """Of a sum: each part has its own way to a curvature."""
    losses, slopes, curvatures = (torch.zeros(()) for _ in range(3))
    for part, weight in zip(objective.parts, objective.weights, strict=True):
        found = derivatives(part, *given)
        losses = losses + weight * found.losses
        slopes, curvatures = slopes + weight * found.slopes, curvatures + weight * found.curvatures
    return Derivatives(losses, slopes, curvatures)


def _of_documents(losses: Tensor, total: Tensor, leaf: Tensor, mask: Tensor) -> Derivatives:
    """Of a sum of terms of single documents, whose second derivative has nothing off its diagonal."""
    (slopes,) = torch.autograd.grad(total, leaf, create_graph=True)
    (curvatures,) = torch.autograd.grad(slopes.sum(), leaf)
    return Derivatives(losses.detach(), slopes.detach(), torch.where(mask, curvatures, 0).abs())


def _in_scores(inner: Tensor, curvatures: Tensor, scores: Tensor) -> Tensor:
    """From the scores that a core was given to those of the objective: times the square of their slope.

    Each of the inner scores comes from one of the outer ones, each of the outer ones gives the same number of inner
    ones, by one slope.
    """
    if inner is scores:
        return curvatures
    n_each = inner.numel() / max(1, scores.numel())
    (slopes,) = torch.autograd.grad(inner.sum(), scores, retain_graph=True)
    (pulled,) = torch.autograd.grad(inner, scores, curvatures, retain_graph=True)
    product: Tensor = pulled * slopes / n_each
    return product


def _bound(slopes: Tensor, mask: Tensor) -> Tensor:
    sizes = slopes.abs()
    means = sizes.sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.maximum(sizes, means)


def _mark(objective: Callable[..., Any]) -> str | None:
    """Where the curvature comes from, as the objective says of itself."""
    mark: str | None = getattr(taken_apart(objective)[0], "curvature", None)
    return mark


def _has_reduction(objective: Callable[..., Any]) -> bool:
    inner, _ = taken_apart(objective)
    called = inner.forward if isinstance(inner, torch.nn.Module) else inner
    try:
        parameters = signature(called).parameters
    except (TypeError, ValueError):
        return False
    return "reduction" in parameters or any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values())
