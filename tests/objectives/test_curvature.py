"""Slopes and curvatures that boosting takes, beside those of finite differences."""

import functools

import pytest
import torch
from torch import Tensor

from rankkit.objectives import Objective, lambdarank_loss, ndcg_delta, ranknet_loss, softmax_loss
from rankkit.objectives.combination import weighted_sum
from rankkit.objectives.curvature import derivatives
from rankkit.objectives.marks import marked
from rankkit.objectives.pairs import losses
from rankkit.objectives.pairs.losses import ALL, ORDERED, TIED
from rankkit.objectives.pairs.sums import pair_sums
from rankkit.registry import OBJECTIVES

MASK = torch.tensor([[True] * 5, [True, True, True, False, False]])
LABELS = torch.tensor([[2.0, 0.0, 1.0, 1.0, 0.0], [0.0, 2.0, 1.0, 0.0, 0.0]], dtype=torch.float64)
ONE_SCORE = [name for name in OBJECTIVES if not hasattr(OBJECTIVES[name], "readout")]
# Their second derivative has the recorded diagonal, to the last digit.
EXACT = {
    *("bce", "mse", "ranknet", "pairwise_exponential", "pairwise_mse", "margin_mse", "lambdaloss_arp1", "listnet"),
    *("softmax", "kl", "listmle", "p_listmle", "kl_distillation", "gumbel_listnet", "query_cross_entropy"),
    "lambda_softmax",
}
# Ranks of lambda weights do not move in a small enough step, so these are exact but where two scores tie.
LAMBDA = {
    "lambdarank",
    "lambdarank_map",
    "lambdarank_mrr",
    "lambdaloss_ndcg1",
    "lambdaloss_ndcg2",
    "lambdaloss_ndcg2pp",
}
LAMBDA |= {"lambdaloss_arp2"}


def _scores() -> Tensor:
    return torch.tensor([[0.3, -0.2, 1.1, 0.7, -0.9], [0.4, 0.1, -0.6, 9.0, 9.0]], dtype=torch.float64)


def _seeded(name: str):
    """The objective, drawing the same numbers at each call."""

    def objective(scores, labels, mask, **options):
        torch.manual_seed(3)
        return OBJECTIVES[name](scores, labels, mask, **options)

    functools.update_wrapper(objective, OBJECTIVES[name])
    return objective


def _total(objective, scores, labels=LABELS, mask=MASK):
    return float(objective(scores, labels, mask, reduction="none").sum())


@pytest.mark.parametrize("name", ONE_SCORE)
def test_slopes_are_those_of_the_sum_over_lists(name):
    objective, scores = _seeded(name), _scores()
    found = derivatives(objective, scores, LABELS, MASK)
    leaf = scores.clone().requires_grad_()
    (expected,) = torch.autograd.grad(objective(leaf, LABELS, MASK, reduction="none").sum(), leaf)
    torch.testing.assert_close(found.slopes, expected)
    assert (found.curvatures >= 0).all()
    assert found.curvatures.isfinite().all()
    assert (found.curvatures[~MASK] == 0).all()
    assert (found.slopes[~MASK] == 0).all()
    # Where there is a slope there is a curvature, so that a step has a size.
    assert (found.curvatures[found.slopes.abs() > 1e-12] > 0).all()


@pytest.mark.parametrize("name", sorted(EXACT | LAMBDA))
def test_exact_curvatures_are_the_diagonal_of_the_second_derivative(name):
    objective, scores, step = _seeded(name), _scores(), 1e-4
    found = derivatives(objective, scores, LABELS, MASK).curvatures
    for query, doc in MASK.nonzero().tolist():
        moved = torch.zeros_like(scores)
        moved[query, doc] = step
        slopes = [
            derivatives(objective, at, LABELS, MASK).slopes[query, doc] for at in (scores + moved, scores - moved)
        ]
        second = (slopes[0] - slopes[1]) / (2 * step)
        torch.testing.assert_close(found[query, doc], second, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ONE_SCORE)
def test_steps_by_slope_over_curvature_lower_the_loss(name):
    objective, scores = _seeded(name), _scores()
    before = _total(objective, scores)
    for _ in range(60):
        _, slopes, curvatures = derivatives(objective, scores, LABELS, MASK)
        scores = scores - 0.05 * slopes / curvatures.clamp(min=1e-9)
    assert _total(objective, scores) < before


@pytest.mark.parametrize("loss", [losses.Logistic(2.0), losses.SoftZeroOne(2.0), losses.Exponential(0.5)])
def test_parabolas_lie_above_the_loss_they_touch(loss):
    d = torch.linspace(-3, 3, 61, dtype=torch.float64)
    value, slope = loss.evaluate(d)
    curvature = loss.curvature(d)
    if isinstance(loss, losses.SoftZeroOne):  # the logistic loss above it: it touches where they have one slope
        log_odds = losses.Logistic(loss.sigma)
        there, back = log_odds.evaluate(d)
        scale = 1 - value
        torch.testing.assert_close(scale * back, slope)
        for at in (-2.0, 0.5, 2.5):
            other = torch.full_like(d, at)
            above = value + scale * (log_odds.evaluate(other)[0] - there)
            assert (above >= loss.evaluate(other)[0] - 1e-12).all()
        torch.testing.assert_close(curvature, scale * log_odds.curvature(d))
        return
    step = 1e-5
    second = (loss.evaluate(d + step)[1] - loss.evaluate(d - step)[1]) / (2 * step)
    torch.testing.assert_close(curvature, second, rtol=1e-6, atol=1e-8)


def test_the_parabola_of_a_hinge_lies_above_it():
    hinge, d = losses.Hinge(1.0), torch.linspace(-4, 4, 81, dtype=torch.float64)
    value, slope = hinge.evaluate(d)
    curvature = hinge.curvature(d)
    far = (d + 1).abs() >= losses.NEAREST
    # Of the parabola with the value and slope (u / |u| + 1) / 2 of the hinge at u = 1 + d.
    for at in torch.linspace(-4, 4, 33, dtype=torch.float64):
        above = value + slope * (at - d) + curvature * (at - d) ** 2 / 2
        assert (above[far] >= hinge.evaluate(at)[0] - 1e-12).all()


@pytest.mark.parametrize("pairs", [ORDERED, TIED, ALL])
@pytest.mark.parametrize("loss", [losses.Logistic(1.5), losses.Hinge(1.0), losses.Exponential(1.0), losses.Square(2.0)])
@pytest.mark.parametrize("weighed", [False, True])
def test_the_compiled_pass_sums_the_same_curvatures(loss, pairs, weighed):
    scores, labels = _scores(), LABELS
    factors = ndcg_delta().factors(scores, labels, MASK) if weighed and pairs == ORDERED else None
    found = []
    for streaming in ("kernel", "blocks"):

        @marked(curvature="core")
        def summed(scores, labels, mask, *, reduction, streaming=streaming):
            return pair_sums(loss, scores, labels, mask, pairs=pairs, factors=factors, streaming=streaming)[0]

        found.append(derivatives(summed, scores, labels, MASK).curvatures)
    torch.testing.assert_close(*found)


def test_a_softmax_at_another_temperature_bends_by_its_square():
    scores = _scores()
    warm = derivatives(Objective(softmax_loss, temperature=2.0), scores, LABELS, MASK).curvatures
    torch.testing.assert_close(warm, derivatives(softmax_loss, scores / 2, LABELS, MASK).curvatures / 4)


def test_lightgbm_scales_slopes_and_curvatures_of_a_list_alike():
    scores = _scores()
    plain = Objective(lambdarank_loss, truncation="pairs")
    scaled = Objective(lambdarank_loss, truncation="pairs", normalize_distance=True)
    _, slopes, curvatures = derivatives(scaled, scores, LABELS, MASK)
    assert not torch.allclose(slopes, derivatives(plain, scores, LABELS, MASK).slopes)
    # One pair, tied: |slope| p w and curvature p (1 - p) w, p = 1/2, whatever the scale of the list.
    one = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    labels = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    _, slopes, curvatures = derivatives(scaled, one, labels, torch.ones(1, 2, dtype=torch.bool))
    torch.testing.assert_close(curvatures, slopes.abs() / 2)


def test_parts_of_a_weighted_sum_add_up():
    scores = _scores()
    both = derivatives(weighted_sum({ranknet_loss: 2.0, softmax_loss: 0.5}), scores, LABELS, MASK)
    parts = [derivatives(part, scores, LABELS, MASK) for part in (ranknet_loss, softmax_loss)]
    for place in (1, 2):
        torch.testing.assert_close(both[place], 2.0 * parts[0][place] + 0.5 * parts[1][place])


def test_weights_of_lists_and_documents_weigh_curvatures():
    scores = _scores()
    weights = torch.tensor([3.0, 0.5], dtype=torch.float64)
    plain, weighed = (derivatives(softmax_loss, scores, LABELS, MASK, given) for given in (None, weights))
    torch.testing.assert_close(weighed.curvatures, plain.curvatures * weights[:, None])


def test_an_objective_of_ones_own_gets_the_bound():
    def own(scores, labels, mask):
        return ((scores - labels).square() * mask).sum() / len(scores)

    scores = _scores()
    _, slopes, curvatures = derivatives(own, scores, LABELS, MASK)
    sizes = (2 * (scores - LABELS) * MASK).abs()
    torch.testing.assert_close(slopes.abs(), sizes)
    means = sizes.sum(dim=1, keepdim=True) / MASK.sum(dim=1, keepdim=True)
    torch.testing.assert_close(curvatures, torch.where(MASK, torch.maximum(sizes, means), 0))
