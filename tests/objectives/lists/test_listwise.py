import inspect
import math

import pytest
import torch

from rankkit.errors import ConfigError, DataError
from rankkit.objectives import kl_loss, listnet_loss, ranknet_loss, softmax_loss, xe_ndcg_loss
from tests.oracles import objectives as oracle

S, Y = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])


def lists(seed=0):
    """Six lists of 2 to 7 documents with at least two grades."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(6, 7, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 5, (6, 7), generator=generator).double()
    labels[:, 0], labels[:, 1] = 0, 3
    sizes = torch.randint(2, 8, (6, 1), generator=generator)
    return scores, labels, torch.arange(7) < sizes


CASES = [
    (listnet_loss, oracle.listnet, {}),
    (softmax_loss, oracle.softmax, {}),
    (softmax_loss, oracle.softmax, {"normalize": False}),
]


def test_golden_values():
    assert float(listnet_loss(S, Y)) == pytest.approx(1.5623, abs=5e-5)
    # log-softmax of (2, 1) in (3, 2, 1), weighed 2/3 and 1/3
    total = math.log(math.exp(3) + math.exp(2) + math.exp(1))
    assert float(softmax_loss(S, Y)) == pytest.approx(total - (2 * 2 + 1 * 1) / 3, rel=1e-6)
    assert float(softmax_loss(S, Y)) == pytest.approx(1.74094, abs=1e-5)
    assert float(softmax_loss(S, Y, normalize=False)) == pytest.approx(5.22282, abs=1e-5)
    scores, labels = torch.tensor([[1.0, 2.0, 0.0]]), torch.tensor([[2.0, 1.0, 0.0]])
    assert float(listnet_loss(scores, labels)) == pytest.approx(1.252908, abs=1e-6)
    assert float(softmax_loss(scores, labels)) == pytest.approx(1.074273, abs=1e-6)


@pytest.mark.parametrize(("objective", "slow", "options"), CASES)
def test_equal_to_slow_loops_in_value_and_gradient(objective, slow, options):
    scores, labels, mask = lists()
    scores.requires_grad_()
    weights = torch.rand(6, 7, dtype=torch.float64) + 0.5
    values = objective(scores, labels, mask, weights=weights, reduction="none", **options)
    values.sum().backward()
    for query in range(6):
        docs = mask[query]
        listed, grades = scores[query][docs].tolist(), labels[query][docs].tolist()
        options_here = {"weights": weights[query][docs].tolist(), **options}
        assert values[query].item() == pytest.approx(slow(listed, grades, **options_here), rel=1e-12)
        slopes = oracle.slopes(slow, listed, grades, **options_here)
        assert scores.grad[query][docs].tolist() == pytest.approx(slopes, abs=1e-8)
    assert (scores.grad[~mask] == 0).all()


@pytest.mark.parametrize(("objective", "slow", "options"), CASES)
def test_gradcheck_twice(objective, slow, options):
    scores, labels, mask = lists(seed=1)
    scores.requires_grad_()
    assert torch.autograd.gradcheck(lambda s: objective(s, labels, mask, **options), (scores,))
    assert torch.autograd.gradgradcheck(lambda s: objective(s, labels, mask, **options), (scores,))


def test_one_relevant_document_is_cross_entropy_with_its_index():
    scores = torch.randn(3, 6)
    target = torch.tensor([0, 5, 2])
    labels = torch.nn.functional.one_hot(target, 6).float()
    torch.testing.assert_close(softmax_loss(scores, labels), torch.nn.functional.cross_entropy(scores, target))


def test_gradients_survive_scores_far_apart():
    # allRank takes log(softmax + 1e-10): every gradient is below 1e-16 here.
    scores = torch.tensor([[60.0, -60.0]], requires_grad=True)
    loss = listnet_loss(scores, torch.tensor([[0.0, 2.0]]))
    loss.backward()
    share = math.exp(2) / (1 + math.exp(2))
    assert loss.item() == pytest.approx(120 * share, rel=1e-6)
    assert scores.grad.tolist() == [pytest.approx([share, -share], rel=1e-5)]


def test_a_list_without_documents_is_zero_and_not_nan():
    # allRank's ListNet gives NaN on a row that is padding only.
    scores = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    labels, mask = torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[True, True], [False, False]])
    loss = listnet_loss(scores, labels, mask)
    loss.backward()
    assert loss.isfinite()
    assert scores.grad[0].abs().sum() > 0
    assert scores.grad[1].tolist() == [0, 0]


def test_equal_labels_do_not_teach_equal_scores():
    scores = torch.tensor([[3.0, 0.0]], requires_grad=True)
    listnet_loss(scores, torch.ones(1, 2)).backward()
    assert scores.grad.tolist() == [[0, 0]]


def test_weights_multiply_and_targets_are_normalised_without_them():
    log_p = S.log_softmax(1)[0]
    weights = torch.tensor([[7.0, 3.0, 5.0]])
    expected = -(3 * 2 / 3 * log_p[1] + 5 * 1 / 3 * log_p[2])
    torch.testing.assert_close(softmax_loss(S, Y, weights=weights), expected)
    torch.testing.assert_close(softmax_loss(S, Y, weights=torch.tensor([4.0])), 4 * softmax_loss(S, Y))


def test_labels_below_zero():
    labels = torch.tensor([[2.0, -1.0, 0.0]])
    with pytest.raises(DataError, match=r"softmax_loss: expected labels of at least 0; got -1 \(list 0, document 1\)"):
        softmax_loss(S, labels)
    assert softmax_loss(S, labels, torch.tensor([[True, False, True]])).isfinite()


@pytest.mark.parametrize(("objective", "target"), [(listnet_loss, "softmax"), (softmax_loss, "sum")])
def test_kl_is_the_cross_entropy_less_the_entropy_of_the_target(objective, target):
    scores, labels, mask = lists()
    scores.requires_grad_()
    values = kl_loss(scores, labels, mask, target=target, temperature=1.5, reduction="none")
    cross = objective(scores, labels, mask, temperature=1.5, reduction="none")
    for query in range(6):
        grades = labels[query][mask[query]]
        p = grades.softmax(0) if target == "softmax" else grades / grades.sum()
        entropy = -torch.xlogy(p, p).sum()
        torch.testing.assert_close(values[query], cross[query] - entropy, rtol=1e-12, atol=1e-12)
    slopes = [torch.autograd.grad(loss.sum(), scores, retain_graph=True)[0] for loss in (values, cross)]
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=1e-14)


def test_kl_points_from_the_target_to_the_scores():
    # KL(p || q) of p = (1, 0) is -log q_1; the other direction would be infinite.
    scores = torch.tensor([[0.0, 3.0]])
    assert float(kl_loss(scores, torch.tensor([[1.0, 0.0]]), target="sum")) == pytest.approx(math.log1p(math.exp(3)))
    labels = torch.tensor([[1.0, 3.0, 0.0]])
    assert float(kl_loss(labels + 7, labels)) == pytest.approx(0, abs=1e-6)


def test_temperature_is_the_inverse_of_sigma():
    # Of two documents with a one-hot target the softmax is the logistic function of the score difference.
    scores, labels = torch.tensor([[0.3, 1.1]]), torch.tensor([[1.0, 0.0]])
    torch.testing.assert_close(softmax_loss(scores, labels, temperature=0.25), ranknet_loss(scores, labels, sigma=4.0))
    torch.testing.assert_close(softmax_loss(S, Y, temperature=2.0), softmax_loss(S / 2, Y))


def test_xe_ndcg_has_the_target_of_its_draws():
    gamma = torch.rand(3, generator=torch.Generator().manual_seed(4))
    targets = (2 ** Y[0] - gamma) / (2 ** Y[0] - gamma).sum()
    expected = -(targets * S[0].log_softmax(0)).sum()
    torch.testing.assert_close(xe_ndcg_loss(S, Y, generator=torch.Generator().manual_seed(4)), expected)


def test_xe_ndcg_draws_anew_and_only_for_real_documents():
    generator = torch.Generator().manual_seed(4)
    first, second = (xe_ndcg_loss(S, Y, generator=generator) for _ in range(2))
    assert first != second
    scores, labels = (torch.cat([torch.full((1, 2), 1e6), tensor], dim=1) for tensor in (S, Y))
    mask = torch.tensor([[False, False, True, True, True]])
    assert xe_ndcg_loss(scores, labels, mask, generator=torch.Generator().manual_seed(4)) == first


def test_grades_of_thirty_and_of_a_hundred():
    scores = torch.tensor([[0.0, 2.0, 1.0]], requires_grad=True)
    for grade in (30.0, 200.0):
        loss = xe_ndcg_loss(scores, torch.tensor([[grade, 0.0, 1.0]]))
        assert loss.item() == pytest.approx(-float(scores.detach().log_softmax(1)[0, 0]), rel=1e-5)
        listnet_loss(scores, torch.tensor([[grade, 0.0, 1.0]])).backward()
    assert scores.grad.isfinite().all()


@pytest.mark.parametrize("shift", [32.0, 1e4])
def test_padding_far_below_every_score_stays_out(shift):
    # Padding pushed 1e-6 below the least score ties with it in float32 from about 32 on.
    scores, labels = torch.tensor([[shift + 1, shift, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    mask = torch.tensor([[True, True, False]])
    assert float(softmax_loss(scores, labels, mask)) == pytest.approx(math.log1p(math.exp(-1)), rel=1e-3)


def test_options_that_cannot_work():
    with pytest.raises(ConfigError, match="kl_loss: expected target 'softmax' or 'sum'; got 'gain'"):
        inspect.unwrap(kl_loss)(S, Y, target="gain")
    for objective in (listnet_loss, softmax_loss, kl_loss, xe_ndcg_loss):
        with pytest.raises(ConfigError, match="expected temperature above 0; got nan"):
            objective(S, Y, temperature=math.nan)
    with pytest.raises(DataError, match="xe_ndcg_loss: expected labels of at least 0"):
        xe_ndcg_loss(S, -Y)
    with pytest.raises(DataError, match="kl_loss: expected labels of at least 0"):
        kl_loss(S, -Y, target="sum")
    assert kl_loss(S, -Y).isfinite()
