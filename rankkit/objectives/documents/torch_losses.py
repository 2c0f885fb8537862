"""Losses of torch.nn as objectives over lists: pointwise, padded documents left out."""

import copy
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional

from rankkit.errors import ConfigError
from rankkit.objectives.options import check_labels
from rankkit.placement import places_of
from rankkit.ranking import prepare_lists, split_weights

_TAKEN: tuple[type[nn.Module], ...] = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.BCEWithLogitsLoss)
_OF_FUNCTION: dict[Any, type[nn.Module]] = {
    functional.mse_loss: nn.MSELoss,
    functional.l1_loss: nn.L1Loss,
    functional.smooth_l1_loss: nn.SmoothL1Loss,
    functional.huber_loss: nn.HuberLoss,
    functional.binary_cross_entropy_with_logits: nn.BCEWithLogitsLoss,
}
_CLASSES = "Pass rankkit.softmax_loss for the documents of a query, or rankkit.cross_entropy_loss for grades"
_INSTEAD = {
    "bce": "takes probabilities. Pass nn.BCEWithLogitsLoss() or rankkit.bce_loss, which take scores",
    "crossentropy": f"takes a score a class. {_CLASSES}",
    "nll": f"takes log probabilities of classes. {_CLASSES}",
    "kldiv": "takes log probabilities. Pass rankkit.kl_loss",
    "marginranking": "takes pairs. Pass rankkit.pairwise_hinge_loss, which makes them of a query's documents",
    "softmargin": "takes labels of -1 and 1. Pass rankkit.bce_loss",
    "hingeembedding": "takes distances. Pass rankkit.hinge_loss",
    "tripletmargin": "takes embeddings. Train an encoder: rankkit.fit_encoder(encoder, rankkit.triplet_loss, ...)",
    "cosineembedding": "takes embeddings. Train an encoder: rankkit.fit_encoder(encoder, rankkit.contrastive_loss, "
    "...)",
}
_OPTIONS = ("reduction", "beta", "delta", "pos_weight", "weight")


class TorchLoss(nn.Module):
    """A loss of ``torch.nn`` that costs each document by itself, called as ``(scores, labels, mask)``.

    Padded documents are left out. As in torch, ``"mean"`` and ``"sum"`` are over all documents of a batch, where
    rankkit's own pointwise objectives take the mean of a query first. Weights multiply the terms; the divisor stays the
    number of documents.

    Args:
        loss: ``nn.MSELoss()``, ``nn.L1Loss()``, ``nn.SmoothL1Loss()``, ``nn.HuberLoss()`` or
            ``nn.BCEWithLogitsLoss()``; it stays as it is. One that gives a value a document, or has weights for places,
            is an error.

    Example:
        >>> lists = torch.tensor([[1.0, 0.0, 9.0]]), torch.tensor([[3.0, 0.0, 1.0]])
        >>> TorchLoss(nn.MSELoss())(*lists, torch.tensor([[True, True, False]]))  # (4 + 0) / 2
        tensor(2.)
    """

    learns_from: ClassVar[str] = "documents"

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.name = type(loss).__name__
        self.reduction = str(loss.reduction)
        if self.reduction not in ("mean", "sum"):
            raise ConfigError(
                f"{self.name}: expected one number a batch; got reduction={self.reduction!r}. Pass 'mean' or 'sum'."
            )
        for name in ("weight", "pos_weight"):
            weight = getattr(loss, name, None)
            if weight is not None and weight.numel() != 1:
                raise ConfigError(
                    f"{self.name}: expected {name} of one number, for every document; got {list(weight.shape)}. "
                    "Give the documents of the data weights."
                )
        self.options = {
            name: value.item() if isinstance(value, Tensor) else value
            for name in _OPTIONS
            if (value := getattr(loss, name, None)) is not None
        }
        self.loss = copy.deepcopy(loss)
        self.loss.reduction = "none"  # type: ignore[assignment]

    def forward(
        self, scores: Tensor, labels: Tensor, mask: Tensor | None = None, *, weights: Tensor | None = None
    ) -> Tensor:
        """The loss of padded lists ``[query, list]``, with weights ``[query]`` or ``[query, list]``.

        Raises:
            DataError: If the loss is a binary cross entropy, and a label is not from 0 to 1.
        """
        scores, labels, mask = prepare_lists(self.name, scores, labels, mask)
        if isinstance(self.loss, nn.BCEWithLogitsLoss):
            action = "Map them, or pass rankkit.bce_loss, which takes grades."
            check_labels(self.name, labels, (labels >= 0) & (labels <= 1), "labels from 0 to 1", action)
        places = places_of(mask)
        terms: Tensor = self.loss(scores.flatten()[places], labels.flatten()[places])
        query_weights, doc_weights = split_weights(self.name, weights, scores, mask)
        if query_weights is not None:
            doc_weights = query_weights[:, None].expand(mask.shape)
        if doc_weights is not None:
            terms = terms * doc_weights.flatten()[places]
        total = terms.sum()
        return total if self.reduction == "sum" else total / max(1, terms.numel())

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.options.items())})"


def from_torch(objective: Callable[..., Any]) -> Callable[..., Any]:
    """A loss of torch as an objective over lists; all others as they are.

    >>> from_torch(nn.L1Loss())
    L1Loss(reduction='mean')

    Raises:
        ConfigError: If it is a loss of torch that scores and labels of documents do not fit.
    """
    if type(objective) in _TAKEN:
        return TorchLoss(objective)  # type: ignore[arg-type]
    inner: Any = objective
    options: dict[str, Any] = {}
    while isinstance(inner, partial):
        inner, options = inner.func, {**inner.keywords, **options}
    if inner in _OF_FUNCTION:
        return TorchLoss(_OF_FUNCTION[inner](**options))
    name = getattr(inner, "__name__", type(inner).__name__)
    module = inner.__module__ if isinstance(inner, FunctionType | nn.Module) else ""
    if module in (functional.__name__, nn.MSELoss.__module__):
        known = ", ".join(f"nn.{kind.__name__}()" for kind in _TAKEN)
        plain = name.lower().replace("_", "").removesuffix("loss").replace("binarycrossentropy", "bce")
        reason = _INSTEAD.get(plain, f"is none of {known}. Pass one of these, or an objective of rankkit")
        raise ConfigError(f"objective: expected a loss of scores and labels of documents; got {name}, which {reason}.")
    return objective
