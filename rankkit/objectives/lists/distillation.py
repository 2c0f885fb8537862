"""Distillation: the labels are the scores of a teacher, and the student learns its distribution or its ranking."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.draws import draw_gumbel
from rankkit.objectives.lists.plackett_luce import choice_costs, log_chances
from rankkit.objectives.lists.temperature import tempered_lists
from rankkit.objectives.marks import marked
from rankkit.objectives.reductions import sum_over_docs
from rankkit.ranking import Reduction, has_two_grades, masked_log_softmax


@marked(curvature="core")
def kl_distillation_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    temperature: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Kullback-Leibler divergence of the student's softmax from the teacher's, both at one temperature.

    .. math::
        T^2 \sum_i p_i (\log p_i - \log q_i), \quad p_i = \frac{e^{y_i / T}}{\sum_j e^{y_j / T}},
        \quad q_i = \frac{e^{s_i / T}}{\sum_j e^{s_j / T}}

    The factor T^2 keeps the size of the gradients when T changes, so that the weight beside a loss on true labels need
    not be tuned again. At T = 1 it is :func:`kl_loss`. Equal teacher scores share one target.

    Args:
        scores: ``[query, list]``, the student's, one a document.
        labels: ``[query, list]``, the teacher's scores, any real number (see :func:`rankkit.pseudo_labels`).
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        temperature: T, above 0; the scores of both are divided by it before the softmax.
        weights: ``[query]`` or ``[query, list]``, importance of terms; targets are normalised without them.
        reduction: ``"mean"`` over lists with two different teacher scores, or ``"none"``: ``[query]``.

    Returns:
        At least 0 without weights of documents; a scalar, or ``[query]``.

    Example:
        >>> scores, teacher = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 99.0, 1.0]])
        >>> kl_distillation_loss(scores, teacher, torch.tensor([[True, True, False]]))  # q = 1/2, p = 1: log 2
        tensor(0.6931)

    References:
        Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", NIPS workshop 2014, section 2 (T^2
        included; less the entropy of the teacher, which has no gradient).
    """
    scores, labels, mask = tempered_lists("kl_distillation_loss", scores, labels, mask, temperature)
    log_teacher = masked_log_softmax(labels / temperature, mask)
    terms = log_teacher.exp() * (log_teacher - log_chances(scores, mask)) * (mask * temperature**2)
    return sum_over_docs("kl_distillation_loss", terms, has_two_grades(labels, mask), mask, weights, reduction)


@marked(curvature="core")
def rank_distil_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    n_samples: int = 8,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Coupled RankDistil: how unlikely the student finds the top k of rankings that are drawn from the teacher.

    .. math::
        \frac{1}{m} \sum_{\pi} \sum_{r=1}^{k} \log \sum_{l=r}^{n} e^{s_{\pi(l)} / T} - s_{\pi(r)} / T,
        \quad \pi \sim \prod_{r=1}^{k} \frac{e^{y_{\pi(r)} / T}}{\sum_{l=r}^{n} e^{y_{\pi(l)} / T}}

    Its mean is the cross entropy between the k-Plackett models of teacher and student: the order of the top k is
    matched, and high scores below it are held down. The m rankings are drawn anew in each call, by Gumbel noise on the
    teacher's scores. With k = 1 the mean is :func:`listnet_loss` on them.

    Args:
        scores: ``[query, list]``, the student's, one a document.
        labels: ``[query, list]``, the teacher's scores, any real number (see :func:`rankkit.pseudo_labels`).
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: How many ranks are matched, at least 1; None, or more than there are documents: all.
        n_samples: How many rankings m are drawn for each list, at least 1; memory grows with it.
        temperature: T, above 0; the scores of both are divided by it first.
        generator: Where random numbers come from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: ``[query]`` or ``[query, list]``, importance of terms; denominators stay as they are.
        reduction: ``"mean"`` over lists with two different teacher scores, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, teacher = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 99.0, 1.0]])
        >>> rank_distil_loss(scores, teacher, torch.tensor([[True, True, False]]))  # a sure choice, scores tied: log 2
        tensor(0.6931)

    References:
        Reddi et al., "RankDistil: Knowledge Distillation for Ranking", AISTATS 2021 (coupled; samples stand for its
        mean).
    """
    for name, value in (("k", k), ("n_samples", n_samples)):
        if value is not None and value < 1:
            raise ConfigError(f"rank_distil_loss: expected {name} of at least 1; got {value!r}. Raise it.")
    scores, labels, mask = tempered_lists("rank_distil_loss", scores, labels, mask, temperature)
    noise = draw_gumbel(mask, n_samples, scores.dtype, generator)
    drawn = (labels / temperature + noise).masked_fill(~mask, -torch.inf)
    order = drawn.argsort(dim=2, descending=True)
    costs = choice_costs(scores.expand_as(drawn).gather(2, order), mask.expand_as(drawn).gather(2, order))
    if k is not None:
        costs = costs * (torch.arange(costs.shape[2], device=costs.device) < k)
    terms = costs.gather(2, order.argsort(dim=2)).mean(dim=0)
    return sum_over_docs("rank_distil_loss", terms, has_two_grades(labels, mask), mask, weights, reduction)
