"""The arithmetic that objectives and metrics share: gains, discounts, informative lists, means over lists.

Everything here works on padded lists: ``[query, list]`` tensors and a boolean ``mask`` that is True where a
document is real. What stands in padded places never matters.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from rankkit.errors import ConfigError, DataError, ShapeError

Gain = Literal["exp", "linear"]
Reduction = Literal["mean", "none"]


def check_lists(where: str, scores: Tensor, labels: Tensor, mask: Tensor | None, *, n_axes: int = 2) -> Tensor:
    """Check that scores, labels and mask belong together; give the mask (all True for None).

    Without this check, labels of shape ``[3]`` would broadcast against scores of shape ``[2, 3]``.

    Args:
        where: The public function that was called, for the message.
        scores: ``[query, list]``, or with one more axis where ``n_axes`` is 3.
        labels: ``[query, list]``.
        mask: ``[query, list]`` boolean, or None: every document is real.
        n_axes: 2 for one score a document, 3 for several outputs a document.

    Raises:
        ShapeError: If the shapes differ, or the mask is not boolean.
        DataError: If scores or labels are no tensors.
        ConfigError: If ``torch.func.vmap`` maps over them.
    """
    check_tensors(where, scores=scores, labels=labels)
    refuse_vmap(where, scores, labels)
    if scores.dim() != n_axes or scores.shape[:2] != labels.shape:
        expected = "[query, list]" if n_axes == 2 else "[query, list, grade]"
        raise ShapeError(
            f"{where}: expected scores {expected} and labels [query, list] of the same lists; "
            f"got {list(scores.shape)} and {list(labels.shape)}. Pad both with rankkit.pad()."
        )
    if mask is None:
        return torch.ones(labels.shape, dtype=torch.bool, device=labels.device)
    if mask.dtype != torch.bool or mask.shape != labels.shape:
        raise ShapeError(
            f"{where}: expected a boolean mask {list(labels.shape)}, True where a document is real; "
            f"got {mask.dtype} {list(mask.shape)}. Use the mask that rankkit.pad() returns."
        )
    return mask


def check_tensors(where: str, **given: object) -> None:
    """Raise DataError for an array or a list where a tensor is taken."""
    for name, values in given.items():
        if not isinstance(values, Tensor):
            raise DataError(
                f"{where}: expected {name} as a tensor; got {type(values).__name__}. Pass torch.as_tensor({name})."
            )


def refuse_vmap(where: str, *tensors: Tensor) -> None:
    """Raise ConfigError where ``torch.func.vmap`` maps over a function of a whole batch, which checks its values."""
    if torch.compiler.is_compiling():
        return
    if any(torch._C._functorch.is_batchedtensor(tensor) for tensor in tensors):
        raise ConfigError(
            f"{where}: expected tensors of a whole batch; got torch.func.vmap. "
            'Call it once, without vmap; where it has reduction="none", that gives a value a list.'
        )


def prepare_lists(
    where: str, scores: Tensor, labels: Tensor, mask: Tensor | None, *, n_axes: int = 2
) -> tuple[Tensor, Tensor, Bool[Tensor, "query list"]]:
    """Check the lists and make them safe to compute with: half precision to float32, zeros in padded places.

    Padding is replaced before any arithmetic, so that NaN or 1e6 there reaches neither loss nor gradient. Labels take
    the type of the scores.

    Args:
        where: The public function that was called, for the message.
        scores: ``[query, list]``, or with one more axis where ``n_axes`` is 3; all but float64 become float32.
        labels: ``[query, list]``.
        mask: ``[query, list]`` boolean, or None: every document is real.
        n_axes: 2 for one score a document, 3 for several outputs a document.

    Raises:
        ShapeError: If the shapes differ, or the mask is not boolean.
    """
    mask = check_lists(where, scores, labels, mask, n_axes=n_axes)
    if scores.dtype not in (torch.float32, torch.float64):
        scores = _widened(scores)
    real = mask if n_axes == 2 else mask[..., None]
    return torch.where(real, scores, 0), torch.where(mask, labels, 0).to(scores.dtype), mask


def _widened(scores: Tensor) -> Tensor:
    """Half precision as float32; a finite gradient that float16 cannot hold becomes the largest that it can."""
    wide = scores.float()
    if scores.dtype == torch.float16 and wide.requires_grad:
        largest = torch.finfo(torch.float16).max
        wide.register_hook(lambda slope: torch.where(slope.isfinite(), slope.clamp(-largest, largest), slope))
    return wide


def split_weights(
    where: str, weights: Tensor | None, scores: Tensor, mask: Bool[Tensor, "query list"]
) -> tuple[Tensor | None, Tensor | None]:
    """Tell weights of queries ``[query]`` from weights of documents ``[query, list]``: (queries, documents).

    Weights carry no gradient and take the type of the scores; those of padded documents become 0.

    Raises:
        ShapeError: If the weights have neither shape.
    """
    if weights is None:
        return None, None
    weights = weights.detach().to(scores.dtype)
    if weights.shape == mask.shape:
        return None, torch.where(mask, weights, 0)
    if weights.shape == mask.shape[:1]:
        return weights, None
    raise ShapeError(
        f"{where}: expected weights {list(mask.shape[:1])}, one a query, or {list(mask.shape)}, one a document; "
        f"got {list(weights.shape)}. Pad weights of documents with rankkit.pad()."
    )


def masked_log_softmax(
    scores: Float[Tensor, "query list"], mask: Bool[Tensor, "query list"]
) -> Float[Tensor, "query list"]:
    """Logarithm of the softmax over the real documents of each list; 0 in padded places.

    >>> masked_log_softmax(torch.tensor([[0.0, 0.0, 7.0]]), torch.tensor([[True, True, False]])).exp()
    tensor([[0.5000, 0.5000, 1.0000]])
    """
    logits = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return torch.where(mask, logits.log_softmax(dim=1), 0)


def gains(labels: Float[Tensor, "*lists"], kind: Gain = "exp") -> Float[Tensor, "*lists"]:
    """What a document of each label is worth: ``2^label - 1`` (exp) or the label itself (linear).

    >>> gains(torch.tensor([0.0, 1.0, 2.0]))
    tensor([0., 1., 3.])
    """
    if kind == "exp":
        return torch.exp2(labels) - 1
    if kind == "linear":
        return labels
    raise ConfigError(f"gain: expected 'exp' or 'linear'; got {kind!r}. Pass one of the two.")


def discounts(ranks: Int[Tensor, "*lists"] | Float[Tensor, "*lists"]) -> Float[Tensor, "*lists"]:
    """What a rank is worth: ``1 / log2(1 + rank)``, ranks counted from 1.

    >>> discounts(torch.tensor([1, 3]))
    tensor([1.0000, 0.5000])
    """
    return 1 / torch.log2(1 + ranks)


def list_sizes(mask: Bool[Tensor, "query list"]) -> Int[Tensor, " query"]:
    """How many real documents each list has."""
    return mask.sum(dim=1)


def has_two_grades(labels: Float[Tensor, "query list"], mask: Bool[Tensor, "query list"]) -> Bool[Tensor, " query"]:
    """True for each list with at least two documents of different label: those that an order can be learnt from.

    >>> labels = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 9.0]])
    >>> mask = torch.tensor([[True, True], [True, True], [True, False]])
    >>> has_two_grades(labels, mask)
    tensor([ True, False, False])
    """
    if labels.shape[1] == 0:
        return mask.any(dim=1)
    low = labels.masked_fill(~mask, torch.inf).amin(dim=1)
    high = labels.masked_fill(~mask, -torch.inf).amax(dim=1)
    return high > low


def reduce_lists(
    per_list: Float[Tensor, " query"], informative: Bool[Tensor, " query"], reduction: Reduction
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    """The mean over informative lists, or the value of each list with 0 for the others.

    Without an informative list the mean is ``0 * per_list.sum()``: zero, with zero gradients rather than NaN.

    >>> reduce_lists(torch.tensor([1.0, 5.0, 3.0]), torch.tensor([True, False, True]), "mean")
    tensor(2.)
    """
    kept = torch.where(informative, per_list, 0 * per_list)
    if reduction == "none":
        return kept
    if reduction == "mean":
        return kept.sum() / informative.sum().clamp(min=1)
    raise ConfigError(f"reduction: expected 'mean' or 'none'; got {reduction!r}. Pass one of the two.")
