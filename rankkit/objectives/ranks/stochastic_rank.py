r"""StochasticRank: NDCG smoothed by Gaussian noise on the scores, and an unbiased estimate of its gradient.

For a draw of the noise each document i of n is let go in turn, the others held as they stand to each other. It then
lies at :math:`N(m_i, \sigma_n^2)`, and NDCG jumps where it passes another one:

.. math::
    g_i = -\frac{1}{Z} \sum_{j \ne i} (2^{y_i} - 2^{y_j}) \left(D(r_{ij}) - D(r_{ij} + 1)\right)
    \frac{1}{\sigma_n} \varphi\left(\frac{z_j - m_i}{\sigma_n}\right),
    \quad m_i = s_i - \sigma \mu y_i + \frac{\sigma}{n - 1} \sum_{j \ne i} \varepsilon_j,
    \quad \sigma_n = \sigma \sqrt{\frac{n}{n - 1}}

with :math:`r_{ij}` the rank of j among all but i, D the discount, 0 below k, and φ the normal density. The value is the
mean over documents of the NDCG to be expected with that one let go. Of the mean of g over the draws is taken away what
would shift all scores, and, but in lists of two, the share λ of what would stretch them:

.. math::
    g \leftarrow g - \bar g, \quad
    g \leftarrow g - \lambda \frac{\langle g, t \rangle}{(\lVert t \rVert + \nu)^2} t, \quad t = s - \bar s

With a λ of 0 the mean of the gradient over the noise is that of the smoothed NDCG. All this is as in CatBoost's
TStochasticRankError, whose defaults are taken too, but for the gain, which is linear there. CatBoost (1.2.10) adds the
noise of the others to :math:`m_i` without σ, so that the two are the same for a σ of 1.
"""

import math
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.draws import draw_normal
from rankkit.objectives.options import check_number
from rankkit.objectives.ranks.metric_terms import check_cutoff, ndcg_shares, rank_discounts
from rankkit.objectives.reductions import reduce_weighted
from rankkit.objectives.single_derivative import refuse_transforms, single_derivative
from rankkit.ranking import Gain, Reduction, has_two_grades, list_sizes, prepare_lists, split_weights

# Pairs of documents that are held at once: 16 MiB in float32.
_HELD = 2**22


def stochastic_rank_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    noise: float = 1.0,
    n_samples: int = 1,
    mu: float = 0.0,
    projection: float = 1.0,
    nu: float = 0.01,
    gain: Gain = "exp",
    generator: torch.Generator | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""StochasticRank: minus the mean NDCG@k of noisy scores, learnt from what NDCG jumps by where documents meet.

    .. math:: -\mathrm{E}\,\mathrm{NDCG@k}(z), \quad z_i = s_i - \sigma \mu y_i + \sigma \varepsilon_i

    with standard normal ε, of which N draws estimate the gradient, as the module's docstring writes out; what would
    shift or stretch all scores, which no order depends on, is taken out of it. Time grows with the draws, the list and
    k; memory is bounded. Differentiable once. Scores many deviations apart saturate: the gradient vanishes.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: Ranks that count; None: all.
        noise: The standard deviation σ of a score, in units of the score, above 0.
        n_samples: How many draws N, at least 1 (CatBoost's num_estimations).
        mu: By how many σ a grade is held back, at least 0: above 0, tied scores stand in the worst order.
        projection: How much of what stretches the scores is taken out of the gradient, from 0 to 1 (CatBoost's lambda).
        nu: What is added to the norm of the scores there, above 0: scores that are all but equal may spread.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        generator: Where random numbers come from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: ``[query]`` or ``[query, list]``, importance of terms; Z and the ranks are computed without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        From -1 to 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> stochastic_rank_loss(scores, labels, torch.tensor([[True, True, False]]))  # tied: (1 + 1 / log2(3)) / 2
        tensor(-0.8155)

    References:
        Ustimenko, Prokhorenkova, "StochasticRank: Global Optimization of Scale-Free Discrete Functions", ICML 2020.
    """
    where = "stochastic_rank_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    check_cutoff(where, k)
    check_number(where, "noise", noise, above=0.0)
    check_number(where, "mu", mu, least=0.0)
    check_number(where, "nu", nu, above=0.0)
    if not 0 <= projection <= 1:
        raise ConfigError(f"{where}: expected projection from 0 to 1; got {projection!r}. Pass a share.")
    if n_samples < 1:
        raise ConfigError(f"{where}: expected n_samples of at least 1; got {n_samples!r}. Draw at least once.")
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    worth = ndcg_shares(where, labels, mask, gain, k)
    if doc_weights is not None:
        worth = worth * doc_weights
    refuse_transforms(where)
    normal = draw_normal(mask, n_samples, scores.dtype, generator)
    values: Tensor = _SmoothedMetric.apply(  # type: ignore[no-untyped-call]
        scores, mask, worth, noise * mu * labels, noise * normal, noise, k, projection, nu
    )
    return reduce_weighted(-values, query_weights, has_two_grades(labels, mask), reduction)


class _SmoothedMetric(torch.autograd.Function):
    """The mean over draws of the sum of worth times discount, and its gradient, in one pass."""

    @staticmethod
    def forward(
        ctx: Any,
        scores: Tensor,
        mask: Tensor,
        worth: Tensor,
        held_back: Tensor,
        blur: Tensor,
        noise: float,
        k: int | None,
        projection: float,
        nu: float,
    ) -> Tensor:
        centred = _centred(scores, mask)
        # An order does not change by the centring; numbers that are not finite reach the whole list by it.
        values, slopes = _estimates(_centred(centred - held_back, mask), mask, worth, blur, noise, k)
        slopes = _centred(slopes, mask)
        ctx.save_for_backward(scores, slopes - projection * _along(centred, slopes, mask, nu))
        return values

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        scores, slopes = ctx.saved_tensors
        with torch.no_grad():
            pulls = grads[0][:, None] * slopes
        return single_derivative("stochastic_rank_loss", pulls, scores, grads[0]), *(None,) * 8


def _estimates(
    scores: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"],
    worth: Float[Tensor, "query list"],
    blur: Float[Tensor, "sample query list"],
    noise: float,
    k: int | None,
) -> tuple[Float[Tensor, " query"], Float[Tensor, "query list"]]:
    """The metric of blurred scores, and its slope in each score, as means over the samples."""
    list_size = scores.shape[1]
    if not list_size:
        return scores.sum(dim=1), scores
    n_docs = list_sizes(mask)[:, None].clamp(min=2)  # a single document meets nobody, whatever is divided by
    n_others = (n_docs - 1).to(scores.dtype)
    deviations = noise * (n_docs / n_others).sqrt()[..., None]
    blurred = scores + blur
    order = blurred.masked_fill(~mask, -torch.inf).argsort(dim=2, descending=True)
    means = scores + (blur.sum(dim=2, keepdim=True) - blur) / n_others

    def by_rank(values: Tensor) -> Tensor:
        return values.expand_as(order).gather(2, order)

    blurred, means, worth, real = by_rank(blurred), by_rank(means), by_rank(worth), by_rank(mask)
    discounts = rank_discounts(list_size + 1, k, scores)
    drops = discounts[:-1] - discounts[1:]
    places = torch.arange(list_size, device=scores.device)
    n_met = list_size if k is None else min(list_size, k + 1)  # those below stand at ranks that do not count
    n_held = max(1, _HELD // max(1, order[..., :1].numel() * n_met))
    slopes, gained = torch.empty_like(blurred), torch.empty_like(blurred)
    for start in range(0, list_size, n_held):
        docs = slice(start, start + n_held)
        passed, here = places[:n_met], places[docs, None]
        # Without the document itself, those below it are a rank higher.
        drop = torch.where(passed < here, drops[passed], drops[passed - 1])
        jumps = (worth[..., docs, None] - worth[..., None, :n_met]) * drop
        jumps = torch.where(real[..., docs, None] & real[..., None, :n_met] & (passed != here), jumps, 0)
        gaps = (means[..., docs, None] - blurred[..., None, :n_met]) / deviations
        slopes[..., docs] = (jumps * torch.exp(-gaps.square() / 2)).sum(dim=3)
        gained[..., docs] = (jumps * torch.special.ndtr(gaps)).sum(dim=3)
    slopes = slopes / (math.sqrt(2 * math.pi) * deviations[..., 0])
    values = torch.where(real, gained + _with_each_last(worth, discounts, n_docs), 0).sum(dim=2) / n_docs[:, 0]
    slopes = torch.empty_like(slopes).scatter_(2, order, torch.where(real, slopes, 0))
    return values.mean(dim=0), slopes.mean(dim=0)


def _with_each_last(
    worth: Float[Tensor, "sample query rank"], discounts: Float[Tensor, " rank_and_one"], n_docs: Int[Tensor, "query 1"]
) -> Float[Tensor, "sample query rank"]:
    """The metric of each ranking with the document of that rank moved to its end."""
    held = worth * discounts[:-1]
    moved_up = worth[..., 1:] * discounts[:-2]
    above = held.cumsum(dim=2) - held
    below = torch.nn.functional.pad(moved_up.flip(2).cumsum(dim=2).flip(2), (0, 1))
    return above + below + worth * discounts[n_docs - 1]


def _centred(values: Float[Tensor, "query list"], mask: Bool[Tensor, "query list"]) -> Float[Tensor, "query list"]:
    """The values less the mean of their list; 0 in padded places."""
    means = torch.where(mask, values, 0).sum(dim=1, keepdim=True) / list_sizes(mask)[:, None].clamp(min=1)
    return torch.where(mask, values - means, 0)


def _along(
    centred: Float[Tensor, "query list"],
    slopes: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"],
    nu: float,
) -> Float[Tensor, "query list"]:
    """The part of the slopes along the centred scores; none in lists of two, which would leave nothing."""
    if not centred.shape[1]:
        return slopes
    # In units of the greatest score, so that no square overflows.
    unit = centred.abs().amax(dim=1, keepdim=True)
    scaled = centred / unit.where(unit > 0, 1)
    direction = scaled / (torch.linalg.vector_norm(scaled, dim=1, keepdim=True) + nu / unit.where(unit > 0, 1))
    along = (slopes * direction).sum(dim=1, keepdim=True) * direction
    return torch.where(list_sizes(mask)[:, None] > 2, along, 0)
