"""Lambda weights: what a pair of documents is worth to a metric, as values for ``pair_weight=``.

A lambda weight multiplies the loss of a pair, and a list then costs the *sum* over its pairs:
``pairwise_logistic_loss(scores, labels, pair_weight=ndcg_delta(k=10))`` is LambdaRank. The functions here make small
frozen values. Weights carry no gradient.

Ranks are those by falling score, from 1. Documents of equal score stand in the order of rising label (the worst order,
as in rankkit's metrics), and of equal score and label in the order of the list.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.options import check_choice, check_number
from rankkit.objectives.pairs.factors import (
    DISCOUNT,
    DISTANCE,
    FIRST_RELEVANT,
    GAIN,
    NEAREST,
    PRECISION,
    TRUNCATED,
    PairFactors,
)
from rankkit.objectives.ranks.score_order import ScoreOrder, cut
from rankkit.ranking import Gain, discounts, gains

Truncation = Literal["metric", "pairs"]
PairForm = Literal["gain", "discount", "truncated", "distance", "first_relevant", "precision"]

_FORMS = dict(
    zip(get_args(PairForm), (GAIN, DISCOUNT, TRUNCATED, DISTANCE, FIRST_RELEVANT, PRECISION), strict=True),
)


def _factors(
    form: int,
    gain: Tensor,
    *,
    order: ScoreOrder | None = None,
    first: Tensor | None = None,
    second: Tensor | None = None,
    table: Tensor | None = None,
    by_distance: bool = False,
) -> PairFactors:
    zeros = torch.zeros_like(gain)
    no_ranks = torch.zeros_like(gain, dtype=torch.int32)
    return PairFactors(
        form,
        gain,
        zeros if first is None else first,
        zeros if second is None else second,
        order.of_documents(order.positions.to(torch.int32)) if order is not None else no_ranks,
        gain.new_zeros(1) if table is None else table,
        by_distance,
    )


def pair_factors(
    form: PairForm,
    gains: Tensor,
    *,
    first: Tensor | None = None,
    second: Tensor | None = None,
    order: ScoreOrder | None = None,
    table: Tensor | None = None,
) -> PairFactors:
    r"""Numbers a document from which the weight of each pair follows: what a :class:`PairWeight` of one's own gives.

    With G the gains, A ``first``, B ``second``, r the ranks and T ``table``, a pair weighs :math:`|G_i - G_j|` times

    - ``"gain"``: 1;
    - ``"discount"``: :math:`|A_i - A_j|`;
    - ``"truncated"``: :math:`|A_i - A_j| \max(B_i, B_j)`;
    - ``"distance"``: :math:`|A_i - A_j| + T_{|r_i - r_j|} B`, of the lower ranked of the two;
    - ``"first_relevant"``: :math:`|\max(A_j, B_i) - \max(A_i, B_i)|` where :math:`y_i > y_j`;
    - ``"precision"``: :math:`|A_j - A_i|` where j is ranked above i, else :math:`|B_j - B_i|`, where :math:`y_i > y_j`.

    Args:
        form: How the numbers combine.
        gains: ``[query, list]``, the same for equal labels of a list.
        first: ``[query, list]``; None: 0.
        second: ``[query, list]``; None: 0.
        order: The ranks, for ``"distance"`` and ``"precision"``.
        table: ``[list + 1]``, for ``"distance"``.

    Raises:
        ConfigError: If the form is none of these, or lacks what it reads.

    Example:
        A pair weighs what its swap changes in the sum of label / rank: 2 * (1 - 1/2) for labels 0, 2 at ranks 1, 2.

        >>> from rankkit.objectives import ScoreOrder, pair_factors, pairwise_hinge_loss
        >>> class ReciprocalDelta:
        ...     def factors(self, scores, labels, mask):
        ...         order = ScoreOrder(scores, labels, mask)
        ...         return pair_factors("discount", labels, first=order.of_documents(order.reciprocals(k=None)))
        >>> scores, labels = torch.tensor([[2.0, 1.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> mask = torch.tensor([[True, True, False]])
        >>> pairwise_hinge_loss(scores, labels, mask, pair_weight=ReciprocalDelta())  # times 1 + (2 - 1)
        tensor(2.)
    """
    if form not in _FORMS:
        known = ", ".join(map(repr, _FORMS))
        raise ConfigError(f"pair_factors: expected form to be one of {known}; got {form!r}. Pass one of them.")
    if order is None and form in ("distance", "precision"):
        raise ConfigError(
            f"pair_factors: expected order, whose ranks {form!r} reads; got none. Pass a rankkit.objectives.ScoreOrder."
        )
    if (table is None) == (form == "distance"):
        raise ConfigError(
            f"pair_factors: expected table for form 'distance' and for no other; got form {form!r} "
            f"{'without' if table is None else 'with'} a table. Mend the call."
        )
    return _factors(_FORMS[form], gains, order=order, first=first, second=second, table=table)


@dataclass(frozen=True)
class LabelDifference:
    """What :func:`label_difference` makes."""

    def factors(self, scores: Tensor, labels: Tensor, mask: Tensor) -> PairFactors:
        """The numbers behind the weights of a batch of lists."""
        return _factors(GAIN, labels)


@dataclass(frozen=True)
class DcgDelta:
    """What :func:`dcg_delta` and :func:`ndcg_delta` make."""

    k: int | None
    gain: Gain
    normalized: bool
    truncation: Truncation
    normalize_distance: bool

    def factors(self, scores: Tensor, labels: Tensor, mask: Tensor) -> PairFactors:
        """The numbers behind the weights of a batch of lists."""
        order = ScoreOrder(scores, labels, mask)
        gain = order.gains_of_ideal(self.k, self.gain) if self.normalized else gains(labels, self.gain)
        if self.truncation == "metric" or self.k is None:
            form, kept = DISCOUNT, None
            first = order.of_documents(order.discounts(self.k))
        else:
            form, first = TRUNCATED, order.of_documents(order.discounts(None))
            kept = order.of_documents(cut(torch.ones_like(order.discounts(None)), self.k))
        if self.normalize_distance:
            gain = _kept_where_flat(gain, scores, mask)
        return _factors(form, gain, first=first, second=kept, by_distance=self.normalize_distance)


@dataclass(frozen=True)
class LambdaLoss2:
    """What :func:`ndcg_loss2` and :func:`ndcg_loss2pp` make: mu of the former, and ``absolute`` of LambdaRank."""

    k: int | None
    gain: Gain
    mu: float
    absolute: bool

    def factors(self, scores: Tensor, labels: Tensor, mask: Tensor) -> PairFactors:
        """The numbers behind the weights of a batch of lists."""
        order = ScoreOrder(scores, labels, mask)
        worth = discounts(torch.arange(labels.shape[1] + 2, device=labels.device).to(labels.dtype))
        table = self.mu * (worth[:-1] - worth[1:])
        table[0] = 0
        scale = torch.ones_like(table[1:])
        if self.k is not None:
            scale[self.k :] = 1 / (1 - worth[self.k + 1 : -1])
        first = order.of_documents(order.discounts(self.k)) if self.absolute else None
        gain = order.gains_of_ideal(self.k, self.gain)
        return _factors(DISTANCE, gain, order=order, first=first, second=order.of_documents(scale), table=table)


@dataclass(frozen=True)
class PrecisionDelta:
    """What :func:`precision_delta` makes."""

    k: int
    relevant_from: float

    def factors(self, scores: Tensor, labels: Tensor, mask: Tensor) -> PairFactors:
        """The numbers behind the weights of a batch of lists."""
        order = ScoreOrder(scores, labels, mask)
        relevant = _relevant(labels, mask, self.relevant_from)
        share = cut(torch.full_like(order.reciprocals(None), 1 / self.k), self.k)
        first = order.of_documents(share)
        return _factors(DISCOUNT, relevant, first=first)


@dataclass(frozen=True)
class MrrDelta:
    """What :func:`mrr_delta` makes."""

    k: int | None
    relevant_from: float

    def factors(self, scores: Tensor, labels: Tensor, mask: Tensor) -> PairFactors:
        """The numbers behind the weights of a batch of lists."""
        order = ScoreOrder(scores, labels, mask)
        relevant = _relevant(labels, mask, self.relevant_from)
        reciprocals = order.of_documents(order.reciprocals(self.k))
        reached = relevant * reciprocals
        best = reached.amax(dim=1, keepdim=True)
        is_best = reached == best
        next_best = reached.masked_fill(is_best, 0).amax(dim=1, keepdim=True)
        others = torch.where(is_best, next_best, best)
        return _factors(FIRST_RELEVANT, relevant, first=reciprocals, second=others)


@dataclass(frozen=True)
class MapDelta:
    """What :func:`map_delta` makes."""

    k: int | None
    relevant_from: float
    normalize_distance: bool

    def factors(self, scores: Tensor, labels: Tensor, mask: Tensor) -> PairFactors:
        """The numbers behind the weights of a batch of lists.

        With C the relevant documents and H the sum of 1 / r over them down to a rank, moving a relevant document up
        from rank b to a changes ``R AP`` by ((C_a + 1) / a - H_a) - ((C_b + 1) / b - H_b), and down from a to b by
        (C_b / b - H_b) - (C_a / a - H_a).
        """
        order = ScoreOrder(scores, labels, mask)
        relevant = _relevant(labels, mask, self.relevant_from)
        reciprocals = order.reciprocals(self.k)
        by_rank = order.at_ranks(relevant)
        so_far, harmonic = by_rank.cumsum(dim=1), (by_rank * reciprocals).cumsum(dim=1)
        up = order.of_documents((so_far + 1) * reciprocals - harmonic)
        down = order.of_documents(so_far * reciprocals - harmonic)
        share = relevant / relevant.sum(dim=1, keepdim=True).clamp(min=1)
        if self.normalize_distance:
            share = _kept_where_flat(share, scores, mask)
        return _factors(PRECISION, share, order=order, first=up, second=down, by_distance=self.normalize_distance)


def _kept_where_flat(gain: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
    """Gains whose weights come out as they are, once divided, in lists of equal scores, as in LightGBM and XGBoost."""
    high, low = scores.masked_fill(~mask, -torch.inf), scores.masked_fill(~mask, torch.inf)
    flat = high.amax(dim=1, keepdim=True) == low.amin(dim=1, keepdim=True)
    return torch.where(flat, gain * NEAREST, gain)


def _relevant(labels: Tensor, mask: Tensor, relevant_from: float) -> Tensor:
    return ((labels >= relevant_from) & mask).to(labels.dtype)


def label_difference() -> LabelDifference:
    """Weigh a pair by the difference of its labels, :math:`|y_i - y_j|`: ARP-Loss2 of Wang et al., CIKM 2018."""
    return LabelDifference()


def dcg_delta(
    k: int | None = None, gain: Gain = "exp", *, truncation: Truncation = "metric", normalize_distance: bool = False
) -> DcgDelta:
    """Weigh a pair by how much DCG@k changes when its documents swap ranks: :math:`|g_i - g_j| |d(r_i) - d(r_j)|`.

    Options are those of :func:`ndcg_delta`. With ``gain="exp"``, labels above 120 overflow float32.
    """
    _check_dcg("dcg_delta", k, gain, truncation)
    return DcgDelta(k, gain, False, truncation, normalize_distance)


def ndcg_delta(
    k: int | None = None, gain: Gain = "exp", *, truncation: Truncation = "metric", normalize_distance: bool = False
) -> DcgDelta:
    r"""Weigh a pair by how much NDCG@k changes when its documents swap ranks: with the logistic loss, LambdaRank.

    .. math:: |g_i - g_j| \, |d(r_i) - d(r_j)| / Z_k, \qquad d(r) = [r \le k] / \log_2(1 + r)

    Args:
        k: How many ranks count; None: all. Pairs with neither document among the first k weigh 0.
        gain: What a label y is worth: ``"exp"`` :math:`2^y - 1`, or ``"linear"`` y.
        truncation: ``"metric"``: ranks below k are worth nothing, as in NDCG@k. ``"pairs"``: pairs with neither
            document among the first k weigh 0, the others as if all ranks counted (LightGBM's truncation level).
        normalize_distance: LightGBM's ``lambdarank_norm``: a weight is divided by .01 plus the distance of the two
            scores (unless all scores of the list are equal), then all weights of a list are multiplied by
            :math:`\log_2(1 + \Lambda) / \Lambda`, where :math:`\Lambda` is the sum over pairs and their two documents
            of the size of the gradient. Weights carry no gradient: this scales gradients.

    References:
        Burges, Ragno, Le, "Learning to Rank with Nonsmooth Cost Functions", NIPS 2006; Ke et al., "LightGBM: A Highly
        Efficient Gradient Boosting Decision Tree", NIPS 2017, and its rank_objective.hpp.
    """
    _check_dcg("ndcg_delta", k, gain, truncation)
    return DcgDelta(k, gain, True, truncation, normalize_distance)


def ndcg_loss2(k: int | None = None, gain: Gain = "exp") -> LambdaLoss2:
    r"""Weigh a pair by how much discounts differ at the distance of its ranks: with the logistic loss, NDCG-Loss2.

    .. math:: \delta_{ij} |g_i - g_j| / Z_k, \qquad \delta_{ij} = d(|r_i - r_j|) - d(|r_i - r_j| + 1)

    Args:
        k: How many ranks count; None: all. With k, :math:`\delta_{ij}` is multiplied by :math:`1 / (1 - d(r))` where
            the lower rank r of the two is below k; pairs with both ranks below k keep their weight, as in the paper.
        gain: What a label y is worth: ``"exp"`` :math:`2^y - 1`, or ``"linear"`` y.

    References:
        Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018 (NDCG-Loss2); Jagerman et
        al., "On Optimizing Top-K Metrics for Neural Ranking Models", SIGIR 2022 (k).
    """
    check_cut("ndcg_loss2", k, gain)
    return LambdaLoss2(k, gain, 1.0, absolute=False)


def ndcg_loss2pp(mu: float = 10.0, k: int | None = None, gain: Gain = "exp") -> LambdaLoss2:
    r"""Weigh a pair as LambdaRank plus mu times NDCG-Loss2: with the logistic loss, NDCG-Loss2++.

    .. math:: (\rho_{ij} + \mu \delta_{ij}) |g_i - g_j| / Z_k, \qquad \rho_{ij} = |d(r_i) - d(r_j)|

    Args:
        mu: The share of :func:`ndcg_loss2`, at least 0.
        k: How many ranks count, for :math:`\rho` by :func:`ndcg_delta` and for :math:`\delta` by :func:`ndcg_loss2`.
        gain: What a label y is worth: ``"exp"`` :math:`2^y - 1`, or ``"linear"`` y.

    References:
        Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018 (NDCG-Loss2++).
    """
    check_cut("ndcg_loss2pp", k, gain)
    check_number("ndcg_loss2pp", "mu", mu, least=0.0)
    return LambdaLoss2(k, gain, mu, absolute=True)


def precision_delta(k: int, relevant_from: float | int = 1) -> PrecisionDelta:
    """Weigh a pair by how much precision@k changes when its documents swap ranks: 1/k or 0.

    Args:
        k: How many ranks count.
        relevant_from: The least label of a relevant document.

    References:
        Donmez, Svore, Burges, "On the Local Optimality of LambdaRank", SIGIR 2009 (lambdas of a metric in general).
    """
    _check_k("precision_delta", k, needed=True)
    return PrecisionDelta(k, float(relevant_from))


def mrr_delta(k: int | None = None, relevant_from: float | int = 1) -> MrrDelta:
    """Weigh a pair by how much the reciprocal rank of the first relevant document changes when it swaps ranks.

    Args:
        k: How many ranks count: a first relevant document below rank k is worth 0. None: all.
        relevant_from: The least label of a relevant document.

    References:
        Donmez, Svore, Burges, "On the Local Optimality of LambdaRank", SIGIR 2009.
    """
    _check_k("mrr_delta", k)
    return MrrDelta(k, float(relevant_from))


def map_delta(k: int | None = None, relevant_from: float | int = 1, *, normalize_distance: bool = False) -> MapDelta:
    """Weigh a pair by how much average precision changes when its documents swap ranks.

    Args:
        k: How many ranks count, by the rule of :func:`rankkit.average_precision`; None: all.
        relevant_from: The least label of a relevant document.
        normalize_distance: As in :func:`rankkit.objectives.ndcg_delta`; so XGBoost's ``rank:map`` has it.

    References:
        Donmez, Svore, Burges, "On the Local Optimality of LambdaRank", SIGIR 2009; the normalisation: XGBoost's
        documentation, "Learning to Rank".
    """
    _check_k("map_delta", k)
    return MapDelta(k, float(relevant_from), normalize_distance)


def check_cut(where: str, k: Any, gain: str) -> None:
    """Raise ConfigError unless k and gain are what a metric of graded relevance takes."""
    _check_k(where, k)
    check_choice(where, "gain", gain, Gain)


def _check_dcg(where: str, k: Any, gain: str, truncation: str) -> None:
    check_cut(where, k, gain)
    check_choice(where, "truncation", truncation, Truncation)


def _check_k(where: str, k: Any, *, needed: bool = False) -> None:
    if k is None and not needed:
        return
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        rest = "" if needed else ", or None for the whole list"
        raise ConfigError(f"{where}: expected k to be 1 or more{rest}; got {k!r}. Pass such a k.")
