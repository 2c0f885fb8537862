import inspect
import math

import pytest
import torch
from torch.nn import functional

from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.objectives import bce_loss, cross_entropy_loss, focal_bce_loss, hinge_loss, mse_loss, rmse_loss
from tests.oracles import objectives as oracle

N_GRADES = 5


def lists(objective, seed=0):
    """Six lists of up to 7 documents: scores (or logits of 5 grades), grades 0..4, mask."""
    generator = torch.Generator().manual_seed(seed)
    shape = (6, 7, N_GRADES) if objective is cross_entropy_loss else (6, 7)
    scores = torch.randn(shape, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, N_GRADES, (6, 7), generator=generator).double()
    sizes = torch.randint(1, 8, (6, 1), generator=generator)
    return scores, labels, torch.arange(7) < sizes


CASES = [
    (bce_loss, oracle.bce, {}),
    (bce_loss, oracle.bce, {"relevant_from": 3.0}),
    (bce_loss, oracle.bce, {"max_label": 4.0}),
    (hinge_loss, oracle.hinge, {}),
    (hinge_loss, oracle.hinge, {"relevant_from": 2.0, "positive_weight": 3.0}),
    (mse_loss, oracle.mse, {}),
    (cross_entropy_loss, oracle.cross_entropy, {}),
]


@pytest.mark.parametrize(("objective", "slow", "options"), CASES)
def test_equal_to_slow_loops_in_value_and_gradient(objective, slow, options):
    scores, labels, mask = lists(objective)
    scores.requires_grad_()
    weights = torch.rand(6, 7, dtype=torch.float64) + 0.5
    values = objective(scores, labels, mask, weights=weights, reduction="none", **options)
    values.sum().backward()
    for query in range(6):
        docs = mask[query]
        listed, grades = scores[query][docs].tolist(), labels[query][docs].tolist()
        options_here = {"weights": weights[query][docs].tolist(), **options}
        assert values[query].item() == pytest.approx(slow(listed, grades, **options_here), rel=1e-12)
        if objective is not cross_entropy_loss:
            slopes = oracle.slopes(slow, listed, grades, **options_here)
            assert scores.grad[query][docs].tolist() == pytest.approx(slopes, abs=1e-8)
    assert (scores.grad[~mask] == 0).all()


@pytest.mark.parametrize(("objective", "slow", "options"), CASES)
def test_gradcheck(objective, slow, options):
    scores, labels, mask = lists(objective, seed=1)
    scores.requires_grad_()
    assert torch.autograd.gradcheck(lambda s: objective(s, labels, mask, **options), (scores,))


def test_one_full_list_is_what_torch_computes():
    scores, labels = torch.randn(1, 9), torch.randint(0, 3, (1, 9)).float()
    expected = functional.binary_cross_entropy_with_logits(scores, (labels >= 1).float())
    torch.testing.assert_close(bce_loss(scores, labels), expected)
    torch.testing.assert_close(mse_loss(scores, labels), functional.mse_loss(scores, labels))
    logits = torch.randn(1, 9, 3)
    torch.testing.assert_close(
        cross_entropy_loss(logits, labels), functional.cross_entropy(logits[0], labels[0].long())
    )


def test_values_by_hand():
    assert float(bce_loss(torch.tensor([[0.5]]), torch.tensor([[1.0]]))) == pytest.approx(0.474077, abs=1e-6)
    assert float(hinge_loss(torch.tensor([[0.5]]), torch.tensor([[0.0]]))) == 1.5
    logits = torch.tensor([[[2.0, 1.0, 0.0]]])
    assert float(cross_entropy_loss(logits, torch.tensor([[0.0]]))) == pytest.approx(0.407606, abs=1e-6)


def test_bce_of_a_large_score_is_not_clamped():
    # The probability form clamps log(0) and gives 100 here.
    assert float(bce_loss(torch.tensor([[200.0]]), torch.tensor([[0.0]]))) == 200.0


def test_half_of_the_label_scale_is_a_target_of_one_half():
    scores = torch.tensor([[0.75]])
    expected = math.log1p(math.exp(0.75)) - 0.5 * 0.75
    assert float(bce_loss(scores, torch.tensor([[2.0]]), max_label=4.0)) == pytest.approx(expected)


def test_the_target_does_not_depend_on_the_batch():
    scores, labels = torch.tensor([[1.0], [1.0]]), torch.tensor([[1.0], [4.0]])
    alone = bce_loss(scores[:1], labels[:1], max_label=4.0)
    together = bce_loss(scores, labels, max_label=4.0, reduction="none")
    assert together[0] == alone


def test_lists_weigh_the_same_whatever_their_length():
    scores, labels = torch.tensor([[1.0, 9.0], [3.0, 3.0]]), torch.zeros(2, 2)
    mask = torch.tensor([[True, False], [True, True]])
    assert float(mse_loss(scores, labels, mask)) == (1 + 9) / 2


def test_weights_multiply_and_divisors_stay_counts():
    scores, labels = torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.zeros(2, 2)
    assert float(mse_loss(scores, labels, weights=torch.tensor([2.0, 0.0]))) == 2 * (1 + 4) / 2 / 2
    assert float(mse_loss(scores, labels, weights=torch.tensor([[0.0, 3.0], [1.0, 1.0]]))) == (3 * 4 / 2 + 9 / 2) / 2


def test_cross_entropy_says_how_its_outputs_rank():
    assert cross_entropy_loss.readout == "expected_grade"
    assert not hasattr(bce_loss, "readout")


@pytest.mark.parametrize("label", [3.0, -1.0, 0.5, torch.nan])
def test_labels_that_are_no_grade(label):
    logits, labels = torch.zeros(2, 2, 3), torch.tensor([[0.0, 1.0], [2.0, label]])
    message = rf"cross_entropy_loss: expected whole labels from 0 to 2, .*got {label:g} \(list 1, document 1\)\. Build"
    with pytest.raises(DataError, match=message):
        cross_entropy_loss(logits, labels)
    mask = torch.tensor([[True, True], [True, False]])
    assert float(cross_entropy_loss(logits, labels, mask)) == pytest.approx(math.log(3))


def test_labels_above_the_scale_and_options_that_cannot_work():
    scores, labels = torch.zeros(1, 1), torch.full((1, 1), 5.0)
    with pytest.raises(DataError, match="bce_loss: expected labels from 0 to max_label=4; got 5 "):
        bce_loss(scores, labels, max_label=4.0)
    with pytest.raises(ConfigError, match=r"bce_loss: expected max_label above 0; got 0\.0"):
        bce_loss(scores, labels, max_label=0.0)
    with pytest.raises(ConfigError, match=r"hinge_loss: expected positive_weight above 0; got -2\.0"):
        hinge_loss(scores, labels, positive_weight=-2.0)


def test_cross_entropy_wants_an_axis_of_outputs():
    with pytest.raises(ShapeError, match=r"cross_entropy_loss: expected scores \[query, list, grade\]"):
        inspect.unwrap(cross_entropy_loss)(torch.zeros(2, 3), torch.zeros(2, 3))


def test_rmse_is_the_root_list_by_list():
    scores, labels = torch.tensor([[1.0, 3.0], [5.0, 9.0]]), torch.tensor([[0.0, 0.0], [0.0, 0.0]])
    mask = torch.tensor([[True, True], [True, False]])
    assert float(rmse_loss(scores, labels, mask)) == pytest.approx((math.sqrt(5) + 5) / 2)
    weights = torch.tensor([[4.0, 0.0], [1.0, 1.0]])
    assert float(rmse_loss(scores, labels, mask, weights=weights)) == pytest.approx((math.sqrt(2) + 5) / 2)


def test_rmse_without_errors_has_no_slope_and_no_nan():
    # The derivative of the square root is infinite at 0.
    scores = torch.tensor([[1.0, 2.0], [1.0, 0.0]], requires_grad=True)
    loss = rmse_loss(scores, torch.tensor([[1.0, 2.0], [1.0, 1.0]]))
    loss.backward()
    assert scores.grad.tolist() == [[0, 0], [0, pytest.approx(-1 / math.sqrt(2) / 2)]]


def test_rmse_pulls_alike_whatever_the_size_of_the_errors():
    for size in (1e-12, 1.0, 1e12):
        scores = torch.full((1, 4), size, requires_grad=True)
        rmse_loss(scores, torch.zeros(1, 4)).backward()
        torch.testing.assert_close(scores.grad, torch.full((1, 4), 0.25))


def test_rmse_of_padding_only_is_zero():
    # allRank's RMSE is NaN on such a row.
    scores = torch.ones(1, 2, requires_grad=True)
    loss = rmse_loss(scores, torch.zeros(1, 2), torch.zeros(1, 2, dtype=torch.bool))
    loss.backward()
    assert loss == 0
    assert scores.grad.tolist() == [[0, 0]]


def test_focal_without_focus_is_bce():
    scores, labels, mask = lists(bce_loss)
    plain = focal_bce_loss(scores, labels, mask, gamma=0.0, alpha=None)
    torch.testing.assert_close(plain, bce_loss(scores, labels, mask), rtol=1e-12, atol=0)
    torch.testing.assert_close(focal_bce_loss(scores, labels, mask, gamma=0.0, alpha=0.5), plain / 2)


def test_focal_fades_what_is_told_well():
    scores, labels = torch.tensor([[3.0]]), torch.tensor([[1.0]])
    missing = 1 / (1 + math.exp(3))
    expected = 0.25 * missing**2 * math.log1p(math.exp(-3))
    assert float(focal_bce_loss(scores, labels)) == pytest.approx(expected, rel=1e-5)
    assert float(focal_bce_loss(scores, 1 - labels)) == pytest.approx(
        0.75 * (1 - missing) ** 2 * -math.log(missing), rel=1e-5
    )


@pytest.mark.parametrize("score", [-1e4, 1e4])
def test_focal_at_the_ends_has_finite_slopes(score):
    scores = torch.tensor([[score, score]], requires_grad=True)
    focal_bce_loss(scores, torch.tensor([[0.0, 1.0]]), gamma=0.5).backward()
    assert scores.grad.isfinite().all()


def test_focal_options_that_cannot_work():
    scores = torch.zeros(1, 1)
    with pytest.raises(ConfigError, match="focal_bce_loss: expected gamma of at least 0"):
        focal_bce_loss(scores, scores, gamma=-1.0)
    for alpha in (0.0, 1.0, math.nan):
        with pytest.raises(ConfigError, match="focal_bce_loss: expected alpha between 0 and 1"):
            focal_bce_loss(scores, scores, alpha=alpha)
