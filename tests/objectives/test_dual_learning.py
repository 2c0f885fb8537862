import inspect
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import rankkit as rk
from rankkit.errors import ConfigError, DataError, ShapeError
from tests.oracles import clicks as oracle


def lists(n_queries=6, list_size=8, seed=0):
    """Scores, clicks and a ragged mask, the first list without a click."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(n_queries, list_size, generator=generator, dtype=torch.float64)
    clicks = (torch.rand(n_queries, list_size, generator=generator) < 0.4).double()
    clicks[0] = 0
    sizes = torch.randint(1, list_size + 1, (n_queries, 1), generator=generator)
    return scores, clicks, torch.arange(list_size) < sizes


def with_logits(n_positions=8, seed=1, **options):
    """An objective in the midst of training, in float64 so that slopes can be compared."""
    objective = rk.DualLearning(n_positions=n_positions, **options).double()
    with torch.no_grad():
        objective.position_logits.normal_(generator=torch.Generator().manual_seed(seed))
    return objective


def slopes(objective, scores, clicks, mask=None, **options):
    scores = scores.detach().clone().requires_grad_()
    objective.zero_grad()
    loss = objective(scores, clicks, mask, **options)
    loss.sum().backward()
    return loss.detach(), scores.grad, objective.position_logits.grad.clone()


@given(st.integers(0, 10**6), st.sampled_from([math.inf, 10.0, 1.5]))
@settings(max_examples=30, deadline=None)
def test_equal_to_the_slow_loop_in_value_and_both_gradients(seed, max_weight):
    scores, clicks, mask = lists(seed=seed)
    objective = with_logits(seed=seed + 1, max_weight=max_weight)
    weights = torch.rand(6, dtype=torch.float64) + 0.5
    values, by_score, by_logit = slopes(objective, scores, clicks, mask, weights=weights, reduction="none")
    expected_by_logit = np.zeros(8)
    for query, size in enumerate(mask.sum(dim=1).tolist()):
        given_list = [part[query, :size].tolist() for part in (scores, clicks)]
        logits = objective.position_logits[:size].tolist()
        loss, slope_s, slope_g = oracle.dual_learning(*given_list, logits, max_weight)
        weight = weights[query].item() * (size >= 2)
        assert values[query].item() == pytest.approx(weight * loss, abs=1e-12)
        np.testing.assert_allclose(by_score[query, :size], weight * np.array(slope_s), atol=1e-12)
        expected_by_logit[:size] += weight * np.array(slope_g)
    np.testing.assert_allclose(by_logit, expected_by_logit, atol=1e-11)


def test_the_mean_is_over_lists_with_a_click_and_two_documents():
    scores, clicks, mask = lists()
    objective = with_logits()
    values = objective(scores, clicks, mask, reduction="none")
    counted = ((clicks * mask).sum(dim=1) > 0) & (mask.sum(dim=1) >= 2)
    assert 0 < counted.sum() < len(counted)
    torch.testing.assert_close(objective(scores, clicks, mask), values[counted].mean())
    # Clicks on all documents of a list still tell of positions and relevance.
    assert objective(scores[:1], torch.ones_like(clicks[:1])) > 0


def test_known_positions_make_it_the_weighted_softmax_for_the_scores():
    scores, clicks, mask = lists()
    clicks[:, 0] = 0  # softmax_loss leaves out lists in which everything is clicked
    mask = torch.ones_like(mask)
    objective = with_logits(max_weight=math.inf)
    _, found, _ = slopes(objective, scores, clicks, mask, reduction="none")
    scores.requires_grad_()
    weights = (1 / objective.propensities()).expand_as(scores)
    rk.softmax_loss(scores, clicks, mask, weights=weights, normalize=False, reduction="none").sum().backward()
    torch.testing.assert_close(found, scores.grad)


@pytest.mark.parametrize("junk", [math.nan, 1e6, -math.inf])
def test_padding_changes_neither_loss_nor_gradients(junk):
    scores, clicks, mask = lists()
    objective = with_logits()
    expected = slopes(objective, scores, clicks, mask)
    found = slopes(objective, scores.masked_fill(~mask, junk), clicks.masked_fill(~mask, junk), mask)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)
    assert not found[1][~mask].any()


def test_positions_are_counted_over_real_documents():
    """Padding in front and in between moves no document to another position, and may pass n_positions."""
    objective = with_logits(3)
    scores, clicks = torch.randn(2, 3).double(), torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]).double()
    mask = torch.tensor([[False, True, False, True, True], [True, False, True, False, True]])
    spread = [torch.full(mask.shape, 7.0).double().masked_scatter(mask, part) for part in (scores, clicks)]
    expected, found = slopes(objective, scores, clicks), slopes(objective, *spread, mask)
    torch.testing.assert_close(found[0], expected[0])
    torch.testing.assert_close(found[1][mask], expected[1].flatten())
    torch.testing.assert_close(found[2], expected[2])


@pytest.mark.parametrize("shape", [(3, 4), (0, 4), (3, 0)])
def test_lists_without_anything_to_learn_have_zero_gradients(shape):
    scores, labels = torch.randn(shape), torch.ones(shape)
    for mask in (torch.zeros(shape, dtype=torch.bool), None):
        loss, by_score, by_logit = slopes(rk.DualLearning(n_positions=4), scores, labels * 0, mask)
        assert loss == 0
        assert not by_score.any()
        assert not by_logit.any()


def test_scores_far_apart_stay_finite():
    scores = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]])
    for part in slopes(rk.DualLearning(n_positions=3), scores, torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])):
        assert part.isfinite().all()


def test_half_precision_and_autocast_are_computed_in_float32():
    scores, clicks, mask = lists()
    objective = rk.DualLearning(n_positions=8)
    half = scores.bfloat16()
    expected = objective(half.float(), clicks, mask)
    assert torch.equal(objective(half, clicks.bfloat16(), mask), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(objective(half.float(), clicks, mask), expected)


def test_a_document_weight_multiplies_the_terms_of_its_click():
    scores, clicks, mask = lists()
    weights = torch.rand(6, 8, dtype=torch.float64) + 0.5
    found = slopes(with_logits(), scores, clicks, mask, weights=weights, reduction="none")
    expected = slopes(with_logits(), scores, clicks * weights, mask, reduction="none")
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_calling_it_changes_no_parameter_and_no_input():
    given_parts = lists()
    kept = [part.clone() for part in given_parts]
    objective = with_logits()
    before = objective.position_logits.clone()
    slopes(objective, *given_parts)
    assert torch.equal(objective.position_logits, before)
    assert all(torch.equal(one, other) for one, other in zip(given_parts, kept, strict=True))


def test_propensities_are_relative_to_the_first_position():
    objective = with_logits(4)
    found = objective.propensities()
    assert found[0] == 1
    assert not found.requires_grad
    torch.testing.assert_close(found, objective.position_logits.detach().exp() / objective.position_logits[0].exp())
    assert repr(rk.DualLearning(n_positions=4, max_weight=3.0)) == "DualLearning(n_positions=4, max_weight=3.0)"


def test_what_it_refuses():
    scores, clicks, mask = lists()
    forward = inspect.unwrap(rk.DualLearning.forward)
    objective = rk.DualLearning(n_positions=7)
    with pytest.raises(ShapeError, match=r"DualLearning: expected lists of at most 7 documents; got one of 8"):
        forward(objective, scores, clicks, torch.ones_like(mask))
    with pytest.raises(ShapeError, match="DualLearning: expected scores"):
        forward(objective, scores, clicks[0])
    with pytest.raises(DataError, match="DualLearning: expected clicks of at least 0"):
        forward(objective, scores[:, :7], clicks[:, :7] - 1)
    with pytest.raises(ConfigError, match="expected n_positions of at least 1; got 0"):
        rk.DualLearning(n_positions=0)
    with pytest.raises(ConfigError, match=r"expected max_weight above 0; got 0\.0"):
        rk.DualLearning(max_weight=0.0)


@pytest.fixture(scope="module")
def biased():
    """Lists whose documents attract with odds that a linear scorer can give, a click log of them, a second set."""
    parts = []
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        features = rng.random((4000, 3)).astype(np.float32)
        unlabelled = rk.from_arrays(features, None, np.repeat(np.arange(500), 8))
        data = replace(unlabelled, labels=features[:, 0])  # from_arrays would tell of a feature that is the label
        # Shown by the second feature, which says nothing of relevance, and by chance.
        parts.append(rk.shown_lists(data, features[:, 1] + rng.random(4000), top_k=6))
    attraction = 0.1 * 10 ** parts[0].features[:, 0].astype(float)
    log = rk.simulate_clicks(
        parts[0], rk.PositionBasedModel(eta=1.0), attraction=attraction, n_sessions=100, summed=True
    )
    return log, parts[1]


def learnt(log, objective):
    scorer = rk.LinearScorer(3, transform="none", seed=0)
    rk.fit(scorer, objective, log, epochs=30, seed=0, device="cpu", progress=False)
    return scorer


def test_fit_learns_ranker_and_positions_from_biased_clicks(biased):
    log, other = biased
    objective = rk.DualLearning(n_positions=6)
    dual, naive = learnt(log, objective), learnt(log, rk.Objective(rk.softmax_loss, normalize=False))
    true = 1 / np.arange(1, 7)
    np.testing.assert_allclose(objective.propensities(), true, rtol=0.1)
    # The true slope of the log odds is log 10 in the first feature and 0 in the others.
    slopes = next(dual.parameters()).detach().flatten()
    np.testing.assert_allclose(slopes, [math.log(10), 0, 0], atol=0.3)
    found, biased_value = (rk.evaluate(one, other, ["ndcg@6"]).means["ndcg@6"] for one in (dual, naive))
    assert found > biased_value


def test_propensities_learnt_by_it_weigh_clicks_for_other_objectives(biased):
    log, _ = biased
    objective = rk.DualLearning(n_positions=6)
    learnt(log, objective)
    weighted = rk.propensity_weighted(log, objective.propensities())
    scorer = learnt(weighted, rk.Objective(rk.softmax_loss, normalize=False))
    slopes = next(scorer.parameters()).detach().flatten()
    np.testing.assert_allclose(slopes, [math.log(10), 0, 0], atol=0.3)
