"""Lambda weights are the change of the metric: against slow loops and rankkit's own metrics, swap by swap."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError
from rankkit.metrics import average_precision, dcg, mrr, ndcg, precision
from rankkit.objectives import (
    PairWeight,
    ScoreOrder,
    dcg_delta,
    label_difference,
    map_delta,
    mrr_delta,
    ndcg_delta,
    ndcg_loss2,
    ndcg_loss2pp,
    pair_factors,
    pairwise_hinge_loss,
    precision_delta,
)
from rankkit.objectives.pairs.factors import weigh_pairs
from tests.oracles import pairs as oracle

ALL_ROWS = slice(None)


def one_list(list_size, seed=0, n_padded=0):
    """Distinct scores, grades 0..3 of which one at least is relevant, padding in between."""
    generator = torch.Generator().manual_seed(seed)
    total = list_size + n_padded
    scores = torch.randperm(total, generator=generator).double()[None] / 3
    labels = torch.randint(0, 4, (1, total), generator=generator).double()
    places = torch.randperm(total, generator=generator)[:list_size]
    mask = torch.zeros(1, total, dtype=torch.bool)
    mask[0, places] = True
    labels[0, places[0]] = 2
    return scores * mask, labels * mask, mask


def weights_of(weight, scores, labels, mask):
    """The weights of the ordered pairs of the one list, by place; 0 for others."""
    found = weigh_pairs(weight.factors(scores, labels, mask), scores, ALL_ROWS)[0]
    ordered = (labels[0, :, None] > labels[0]) & mask[0, :, None] & mask[0]
    return torch.where(ordered, found, 0)


def deltas_of_metric(metric, scores, labels, mask, **options):
    """|metric after swapping the scores of i and j - metric|, by rankkit's metric."""
    now = metric(scores, labels, mask, **options).nan_to_num(0)
    n_docs = labels.shape[1]
    found = torch.zeros(n_docs, n_docs, dtype=torch.float64)
    for i in range(n_docs):
        for j in range(n_docs):
            if mask[0, i] and mask[0, j] and labels[0, i] > labels[0, j]:
                swapped = scores.clone()
                swapped[0, i], swapped[0, j] = scores[0, j], scores[0, i]
                found[i, j] = (metric(swapped, labels, mask, **options).nan_to_num(0) - now).abs()
    return found


@pytest.mark.parametrize("k", [None, 1, 3, 5, 20])
@pytest.mark.parametrize(
    ("delta", "metric", "options"),
    [
        (dcg_delta, dcg, {}),
        (dcg_delta, dcg, {"gain": "linear"}),
        (ndcg_delta, ndcg, {}),
        (ndcg_delta, ndcg, {"gain": "linear"}),
        (precision_delta, precision, {}),
        (precision_delta, precision, {"relevant_from": 2}),
        (mrr_delta, mrr, {}),
        (mrr_delta, mrr, {"relevant_from": 3}),
        (map_delta, average_precision, {}),
        (map_delta, average_precision, {"relevant_from": 3}),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_weight_is_the_change_of_the_metric(delta, metric, options, k, seed):
    if delta is precision_delta and k is None:
        pytest.skip("precision@n of the whole list does not change")
    given_list = one_list(7, seed, n_padded=3)
    expected = deltas_of_metric(metric, *given_list, k=k, **options)
    torch.testing.assert_close(weights_of(delta(k=k, **options), *given_list), expected, rtol=1e-12, atol=1e-14)


@settings(max_examples=30, deadline=None)
@given(list_size=st.integers(1, 9), n_padded=st.integers(0, 4), k=st.integers(1, 10), seed=st.integers(0, 999))
def test_every_weight_equals_its_slow_loop(list_size, n_padded, k, seed):
    scores, labels, mask = one_list(list_size, seed, n_padded)
    real = mask[0]
    listed, graded = scores[0, real].tolist(), labels[0, real].tolist()
    for weight, slow in (
        (label_difference(), oracle.label_differences(listed, graded)),
        (dcg_delta(k), oracle.swap_deltas(oracle.dcg, listed, graded, k=k)),
        (ndcg_delta(k, "linear"), oracle.swap_deltas(oracle.ndcg, listed, graded, k=k, gain="linear")),
        (ndcg_loss2(k), oracle.loss2_weights(listed, graded, k=k)),
        (ndcg_loss2pp(4.0, k), oracle.loss2_weights(listed, graded, 4.0, True, k)),
        (precision_delta(k), oracle.swap_deltas(oracle.precision, listed, graded, k=k)),
        (mrr_delta(k), oracle.swap_deltas(oracle.reciprocal_rank, listed, graded, k=k)),
        (map_delta(k), oracle.swap_deltas(oracle.average_precision, listed, graded, k=k)),
    ):
        found = weights_of(weight, scores, labels, mask)[real][:, real]
        expected = torch.tensor(slow, dtype=torch.float64).where(labels[0, real, None] > labels[0, real], 0)
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-13)


def test_ranks_put_the_worst_of_tied_documents_first():
    scores = torch.tensor([[5.0, 1.0, 1.0, 1.0, 7.0, 0.0]])
    labels = torch.tensor([[0.0, 2.0, 0.0, 0.0, 9.0, 1.0]])
    mask = torch.tensor([[True, True, True, True, False, True]])
    order = ScoreOrder(scores * mask, labels * mask, mask)
    assert order.of_documents(order.positions)[0].tolist() == [1, 4, 2, 3, 6, 5]
    assert oracle.ranks([5.0, 1.0, 1.0, 1.0, 0.0], [0.0, 2.0, 0.0, 0.0, 1.0]) == [1, 4, 2, 3, 5]


def test_weights_carry_no_gradient_and_take_no_part_in_it():
    from rankkit.objectives import pairwise_hinge_loss

    scores = torch.tensor([[0.2, 0.1, 0.0]], dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[0.0, 2.0, 1.0]], dtype=torch.float64)
    pairwise_hinge_loss(scores, labels, pair_weight=ndcg_delta()).backward()
    weights = weights_of(ndcg_delta(), scores.detach(), labels, torch.ones(1, 3, dtype=torch.bool))
    # Every pair is within the margin, so that its slope is its weight.
    torch.testing.assert_close(scores.grad[0], weights.sum(0) - weights.sum(1), rtol=1e-12, atol=0)


class ReciprocalDelta:
    """The change of the sum of label / rank, written with the public pieces alone."""

    def factors(self, scores, labels, mask):
        order = ScoreOrder(scores, labels, mask)
        return pair_factors("discount", labels, first=order.of_documents(order.reciprocals(k=None)))


def test_a_weight_of_ones_own_is_the_change_of_its_metric():
    scores, labels, mask = one_list(7, seed=3, n_padded=2)
    assert isinstance(ReciprocalDelta(), PairWeight)
    weights = weigh_pairs(ReciprocalDelta().factors(scores, labels, mask), scores, ALL_ROWS)[0]
    before = dcg(scores, labels, mask, gain="linear", discount="reciprocal").item()
    real = mask[0].nonzero()[:, 0].tolist()
    total = 0.0
    for i in real:
        for j in real:
            swapped = scores.clone()
            swapped[0, i], swapped[0, j] = scores[0, j], scores[0, i]
            change = abs(dcg(swapped, labels, mask, gain="linear", discount="reciprocal").item() - before)
            assert weights[i, j].item() == pytest.approx(change, abs=1e-12)
            if labels[0, i] > labels[0, j]:
                total += change * max(0.0, 1 - (scores[0, i] - scores[0, j]).item())
    loss = pairwise_hinge_loss(scores, labels, mask, pair_weight=ReciprocalDelta())
    assert loss.item() == pytest.approx(total, abs=1e-12)


RANKS = ScoreOrder(torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool))


@pytest.mark.parametrize(
    ("form", "given", "text"),
    [
        ("precision", {}, "expected order, whose ranks 'precision' reads"),
        ("gain", {"table": torch.zeros(3)}, "got form 'gain' with a table"),
        ("distance", {"order": RANKS}, "got form 'distance' without a table"),
    ],
)
def test_pair_factors_that_lack_what_they_read(form, given, text):
    with pytest.raises(ConfigError, match=text):
        pair_factors(form, torch.zeros(1, 2), **given)
