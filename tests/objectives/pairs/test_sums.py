"""The streaming pair core: the compiled pass (rankkit.objectives.pairs.kernels) and the blocks of tensor code."""

import threading
from pathlib import Path

import pytest
import torch

from rankkit.objectives import list_threads
from rankkit.objectives.pairs.losses import (
    ALL,
    ORDERED,
    TIED,
    Exponential,
    Hinge,
    Logistic,
    SoftZeroOne,
    Square,
    TiedLogistic,
)
from rankkit.objectives.pairs.sums import pair_sums
from rankkit.objectives.pairs.weights import (
    label_difference,
    map_delta,
    mrr_delta,
    ndcg_delta,
    ndcg_loss2,
    ndcg_loss2pp,
    precision_delta,
)

LOSSES = [Logistic(1.0), Logistic(3.0), Hinge(1.0), Hinge(0.0), SoftZeroOne(1.0), Exponential(0.5), Square()]
WEIGHTS = [
    None,
    label_difference(),
    ndcg_delta(),
    ndcg_delta(5, truncation="pairs", normalize_distance=True),
    ndcg_loss2(3),
    ndcg_loss2pp(),
    precision_delta(4),
    mrr_delta(),
    map_delta(20),
    map_delta(normalize_distance=True),
]


def lists(n_queries, list_size, dtype, *, n_grades=5, spread=1.0):
    generator = torch.Generator().manual_seed(list_size)
    scores = torch.randn(n_queries, list_size, generator=generator, dtype=torch.float32).to(dtype) * spread
    labels = torch.randint(0, n_grades, (n_queries, list_size), generator=generator).to(dtype)
    sizes = torch.randint(list_size // 2, list_size + 1, (n_queries, 1), generator=generator)
    mask = torch.arange(list_size) < sizes
    mask = mask[:, torch.randperm(list_size, generator=generator)]  # padding need not stand at the end
    weights = torch.rand(n_queries, list_size, generator=generator, dtype=torch.float32).to(dtype) + 0.5
    return scores * mask, labels * mask, mask, weights * mask


def value_and_gradient(loss, scores, labels, mask, weights, streaming, pair_weight=None, **options):
    factors = None if pair_weight is None else pair_weight.factors(scores, labels, mask)
    scores = scores.detach().requires_grad_()
    sums, counts = pair_sums(loss, scores, labels, mask, weights, factors=factors, streaming=streaming, **options)
    sums.sum().backward()
    return sums.detach(), counts, scores.grad


def cost(loss, d):
    """The loss in plain differentiable code, d = s_j - s_i."""
    parameter = loss[0]
    match type(loss).__name__:
        case "Logistic":
            return torch.logaddexp(parameter * d, torch.zeros_like(d))
        case "TiedLogistic":
            x = parameter * d
            return (torch.logaddexp(x, torch.zeros_like(d)) + torch.logaddexp(-x, torch.zeros_like(d))) / 2
        case "SoftZeroOne":
            return torch.sigmoid(parameter * d)
        case "Exponential":
            x = parameter * d
            return torch.where(x > 30, (x.clamp(min=30) - 29) * torch.e**30, x.clamp(max=30).exp())
        case "Hinge":
            return (parameter + d).relu()
        case "Square":
            return parameter * d**2


def broadcast(loss, scores, labels, mask, weights, pairs=ORDERED, row_weights=None):
    """Every pair at once, in float64, differentiated by autograd."""
    scores = scores.double().requires_grad_()
    labels, weights = labels.double(), weights.double()
    rows = weights if row_weights is None else row_weights.double()
    d = scores[:, None] - scores[:, :, None]
    found = mask[:, :, None] & mask[:, None]
    if pairs == ORDERED:
        found = found & (labels[:, :, None] > labels[:, None])
    elif pairs == TIED:
        found = (found & (labels[:, :, None] == labels[:, None])).triu(1)
    sums = (cost(loss, d) * rows[:, :, None] * weights[:, None] * found).sum((1, 2))
    sums.sum().backward()
    return sums.detach(), found.sum((1, 2)), scores.grad


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (3, 70), (2, 1500)])
def test_kernel_blocks_and_broadcast_agree_in_float64(loss, shape):
    given = lists(*shape, torch.float64)
    expected = broadcast(loss, *given)
    for streaming in ("kernel", "blocks"):
        found = value_and_gradient(loss, *given, streaming)
        torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(found[2], expected[2], rtol=1e-12, atol=1e-10)
        assert found[1].tolist() == expected[1].tolist()


@pytest.mark.parametrize(("loss", "pairs"), [(Logistic(2.0), ALL), (TiedLogistic(2.0), TIED)], ids=str)
@pytest.mark.parametrize("shape", [(5, 3), (3, 70), (2, 1500)])
@pytest.mark.parametrize("n_grades", [2, 40])
def test_pairs_of_equal_labels_and_all_pairs(loss, pairs, shape, n_grades):
    given = lists(*shape, torch.float64, n_grades=n_grades)
    worth = given[1] * given[3]
    expected = broadcast(loss, *given, pairs=pairs, row_weights=worth)
    for streaming in ("kernel", "blocks"):
        found = value_and_gradient(loss, *given, streaming, pairs=pairs, row_weights=worth)
        torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(found[2], expected[2], rtol=1e-12, atol=1e-10)
        assert found[1].tolist() == expected[1].tolist()


@pytest.mark.parametrize("pair_weight", WEIGHTS[1:], ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (3, 70), (2, 1100)])
def test_kernel_and_blocks_weigh_alike(pair_weight, shape):
    given = lists(*shape, torch.float64)
    kernel = value_and_gradient(Logistic(1.0), *given, "kernel", pair_weight)
    blocks = value_and_gradient(Logistic(1.0), *given, "blocks", pair_weight)
    for a, b in zip(kernel, blocks, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


# Compiling a loss for weights takes seconds: those that no front uses run with the slow tests.
@pytest.mark.parametrize("pair_weight", WEIGHTS[1:], ids=str)
@pytest.mark.parametrize(
    "loss",
    [Logistic(1.0), *(pytest.param(loss(1.0), marks=pytest.mark.slow) for loss in (Hinge, SoftZeroOne, Exponential))],
    ids=str,
)
def test_weighted_float32_kernel_is_near_float64(loss, pair_weight):
    given = lists(3, 1300, torch.float32)
    wide = [tensor.double() if tensor.is_floating_point() else tensor for tensor in given]
    sums, _, slopes = value_and_gradient(loss, *given, "kernel", pair_weight)
    expected_sums, _, expected_slopes = value_and_gradient(loss, *wide, "blocks", pair_weight)
    torch.testing.assert_close(sums.double(), expected_sums, rtol=1e-5, atol=0)
    assert (slopes.double() - expected_slopes).norm() < 1e-5 * expected_slopes.norm()


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("spread", [1e-3, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("n_grades", [5, 100_000])
def test_float32_kernel_is_within_a_millionth_of_float64(loss, spread, n_grades):
    given = lists(1, 1300, torch.float32, n_grades=n_grades, spread=spread)
    sums, _, slopes = value_and_gradient(loss, *given, "kernel")
    expected_sums, _, expected_slopes = broadcast(loss, *given)
    # An exponential of x is as exact as x, whose rounding error is |x| times that of float32.
    tolerance = 1e-5 if isinstance(loss, Exponential) else 1e-6
    torch.testing.assert_close(sums.double(), expected_sums, rtol=tolerance, atol=0)
    error = (slopes.double() - expected_slopes).norm() / expected_slopes.norm()
    assert error < tolerance


@pytest.mark.parametrize("gap", [1e-6, 0.01, 0.7, 3.0, 12.0, 40.0, 80.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_float32_logistic_of_one_pair(gap, sign):
    scores = torch.tensor([[sign * gap, 0.0]])
    labels, mask = torch.tensor([[1.0, 0.0]]), torch.ones(1, 2, dtype=torch.bool)
    sums, _, slopes = value_and_gradient(Logistic(1.0), scores, labels, mask, torch.ones(1, 2), "kernel")
    d = scores.double()[0, 0]
    torch.testing.assert_close(sums.double()[0], torch.logaddexp(-d, d * 0), rtol=3e-7, atol=0)
    torch.testing.assert_close(slopes.double()[0, 1], torch.sigmoid(-d), rtol=3e-7, atol=0)


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    given = lists(7, 90, torch.float32)
    n_threads = torch.get_num_threads()
    alone = value_and_gradient(Logistic(1.0), *given, "kernel")
    monkeypatch.setattr(list_threads, "_THREAD_PAIRS", 10)
    try:
        for count in (1, 2, 5, 50):
            torch.set_num_threads(count)
            together = value_and_gradient(Logistic(1.0), *given, "kernel")
            assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
    finally:
        torch.set_num_threads(n_threads)


def test_calls_from_several_threads_do_not_meet():
    given = lists(4, 200, torch.float32)
    expected = value_and_gradient(Logistic(1.0), *given, "kernel")
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(value_and_gradient(Logistic(1.0), *given, "kernel")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(torch.equal(a, b) for one in found for a, b in zip(one, expected, strict=True))


@pytest.mark.parametrize("streaming", ["kernel", "blocks"])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_list_with_a_score_that_is_not_finite_is_nan_and_its_neighbour_is_not(streaming, bad):
    scores, labels, mask, weights = lists(2, 6, torch.float32)
    clean = value_and_gradient(Logistic(1.0), scores, labels, mask, weights, streaming)
    position = int(mask[0].nonzero()[0])
    scores[0, position] = bad
    sums, _, slopes = value_and_gradient(Logistic(1.0), scores, labels, mask, weights, streaming)
    assert sums[0].isnan()
    assert slopes[0][mask[0]].isnan().all()
    assert (slopes[0][~mask[0]] == 0).all()
    assert sums[1] == clean[0][1]
    assert torch.equal(slopes[1], clean[2][1])


def test_tensors_that_are_not_contiguous():
    given = lists(4, 30, torch.float64)
    strided = [tensor.T.contiguous().T for tensor in given]
    for a, b in zip(
        value_and_gradient(Hinge(1.0), *given, "kernel"),
        value_and_gradient(Hinge(1.0), *strided, "kernel"),
        strict=True,
    ):
        assert torch.equal(a, b)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads the peak of memory from Linux")
@pytest.mark.parametrize(("streaming", "limit"), [("kernel", 4 * 2**20), ("blocks", 96 * 2**20)])
@pytest.mark.parametrize("pair_weight", [None, ndcg_loss2pp()], ids=str)
def test_memory_is_linear_in_the_list(streaming, limit, pair_weight):
    def peak_and_now():
        lines = Path("/proc/self/status").read_text().splitlines()
        sizes = {line.split(":")[0]: line.split() for line in lines}
        return int(sizes["VmHWM"][1]) * 1024, int(sizes["VmRSS"][1]) * 1024

    given = lists(1, 5_000, torch.float32)  # one tensor of all pairs would hold 100 MB
    value_and_gradient(Hinge(1.0), *lists(1, 50, torch.float32), streaming, pair_weight)
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is held now
    before = peak_and_now()[1]
    sums, _, _ = value_and_gradient(Hinge(1.0), *given, streaming, pair_weight)
    assert sums.isfinite().all()
    assert peak_and_now()[0] - before < limit


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("pair_weight", WEIGHTS, ids=str)
def test_cuda_equals_the_cpu(loss, pair_weight):
    given = lists(5, 700, torch.float64)
    expected = value_and_gradient(loss, *given, "kernel", pair_weight)
    found = value_and_gradient(loss, *(tensor.cuda() for tensor in given), "auto", pair_weight)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a.cpu(), b, rtol=1e-10, atol=1e-10)
