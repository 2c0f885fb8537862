import math

import pytest
import torch

from rankkit.errors import ConfigError, DataError
from rankkit.objectives import calibrated_softmax_loss, poly1_softmax_loss, softmax_loss, unique_softmax_loss
from tests.oracles import listwise

S, Y = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])


def test_golden_values():
    assert float(poly1_softmax_loss(S, Y)) == pytest.approx(2.54778, abs=1e-5)
    assert float(poly1_softmax_loss(S, Y, normalize=False)) == pytest.approx(6.02965, abs=1e-5)
    assert float(unique_softmax_loss(S, Y)) == pytest.approx(6.34975, abs=1e-5)
    above = math.log1p(math.exp(1) + math.exp(-1)), math.log1p(math.exp(2))
    assert float(unique_softmax_loss(S, Y)) == pytest.approx(3 * above[0] + above[1], rel=1e-6)


def test_poly1_without_the_added_term_is_the_softmax_loss():
    assert float(poly1_softmax_loss(S, Y, epsilon=0.0)) == pytest.approx(float(softmax_loss(S, Y)), rel=1e-6)


def test_poly1_is_exact_where_the_softmax_is_nearly_right():
    # 1 - q of the relevant document is e^-50: a difference of probabilities would round to 0.
    scores = torch.tensor([[50.0, 0.0]], dtype=torch.float64, requires_grad=True)
    poly1_softmax_loss(scores, torch.tensor([[1.0, 0.0]])).backward()
    assert scores.grad[0, 0].item() == pytest.approx(-2 * math.exp(-50), rel=1e-6)


def test_ties_stay_out_of_each_others_denominators():
    alone = unique_softmax_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    pair = unique_softmax_loss(torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0]]))
    assert float(pair) == pytest.approx(2 * float(alone), rel=1e-6)


def test_the_lowest_grade_costs_nothing_even_above_zero():
    loss = unique_softmax_loss(torch.tensor([[0.0, 5.0]]), torch.tensor([[2.0, 1.0]]))
    assert float(loss) == pytest.approx(3 * math.log1p(math.exp(5)), rel=1e-6)


def test_a_long_list_needs_no_square_of_memory():
    n = 40_000
    scores, labels = torch.linspace(-3, 3, n, requires_grad=True), (torch.arange(n) % 5).float()
    loss = unique_softmax_loss(scores[None], labels[None])
    loss.backward()
    assert loss.isfinite()
    assert scores.grad.isfinite().all()


@pytest.mark.parametrize("gap", [1e3, 1e4])
def test_gaps_and_grades_far_from_home(gap):
    scores = torch.tensor([[0.0, gap, -gap]], requires_grad=True)
    labels = torch.tensor([[30.0, 0.0, 1.0]])
    loss = unique_softmax_loss(scores, labels)
    loss.backward()
    expected = listwise.unique_softmax(scores.detach()[0].double().tolist(), labels[0].tolist())
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert scores.grad.isfinite().all()


def test_the_anchor_sets_the_scale():
    # At the minimum y_0 exp(s) is the label.
    labels = torch.tensor([[3.0, 0.5, 1.0]], dtype=torch.float64)
    scores = (labels / 2).log().requires_grad_()
    calibrated_softmax_loss(scores, labels, anchor_label=2.0).backward()
    assert scores.grad.abs().max() < 1e-12


def test_calibrated_scores_of_an_irrelevant_list_fall():
    scores = torch.zeros(1, 2, requires_grad=True)
    calibrated_softmax_loss(scores, torch.zeros(1, 2)).backward()
    assert scores.grad.tolist() == [[pytest.approx(1 / 3), pytest.approx(1 / 3)]]


def test_the_anchor_has_the_weight_of_its_query_only():
    weights = torch.tensor([[2.0, 0.0, 1.0]])
    log_q = torch.tensor([3.0, 2.0, 1.0, 0.0]).log_softmax(0)
    expected = -(2 * 0 * log_q[0] + 0 + 1 * 1 * log_q[2]) - log_q[3]
    torch.testing.assert_close(calibrated_softmax_loss(S, Y, weights=weights), expected)
    torch.testing.assert_close(
        calibrated_softmax_loss(S, Y, weights=torch.tensor([3.0])), 3 * calibrated_softmax_loss(S, Y)
    )


@pytest.mark.parametrize("objective", [poly1_softmax_loss, unique_softmax_loss, calibrated_softmax_loss])
def test_what_cannot_work(objective):
    with pytest.raises(DataError, match=r"expected labels of at least 0; got -1 \(list 0, document 1\)"):
        objective(S, torch.tensor([[2.0, -1.0, 0.0]]))
    with pytest.raises(ConfigError, match="expected temperature above 0; got 0"):
        objective(S, Y, temperature=0.0)


def test_options_that_cannot_work():
    with pytest.raises(ConfigError, match="expected epsilon of at least -1"):
        poly1_softmax_loss(S, Y, epsilon=-2.0)
    with pytest.raises(ConfigError, match="expected anchor_label above 0"):
        calibrated_softmax_loss(S, Y, anchor_label=0.0)


@pytest.mark.parametrize(("dtype", "largest"), [(torch.float32, 114), (torch.float64, 1010)])
def test_gains_that_the_type_cannot_hold_are_refused_and_others_are_finite(dtype, largest):
    scores = torch.tensor([[-1e3, 0.0, 1e3]], dtype=dtype, requires_grad=True)
    unique_softmax_loss(scores, torch.tensor([[float(largest), 0.0, 1.0]])).backward()
    assert scores.grad.isfinite().all()
    with pytest.raises(
        DataError, match=rf"unique_softmax_loss: expected labels of at most {largest}.*got {largest + 1}"
    ):
        unique_softmax_loss(scores, torch.tensor([[largest + 1.0, 0.0, 1.0]]))
    assert unique_softmax_loss(scores, torch.tensor([[largest + 1.0, 0.0, 1.0]]), gain="linear").isfinite()
