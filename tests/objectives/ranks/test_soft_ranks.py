"""Soft ranks: the compiled pass (rankkit.objectives.ranks.kernels) and the blocks of tensor code."""

import inspect
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives import approx_ranks, bound_ranks, list_threads
from tests.oracles import metric_driven as oracle


def lists(n_queries, list_size, dtype, *, spread=1.0, n_values=None):
    """Scores, a ragged mask whose padding need not stand at the end, and what each rank is worth."""
    generator = torch.Generator().manual_seed(list_size)
    scores = torch.randn(n_queries, list_size, generator=generator, dtype=torch.float32).to(dtype) * spread
    if n_values:
        scores = (scores * n_values).round() / n_values
    sizes = torch.randint((list_size + 1) // 2, list_size + 1, (n_queries, 1), generator=generator)
    mask = (torch.arange(list_size) < sizes)[:, torch.randperm(list_size, generator=generator)]
    worth = torch.randn(n_queries, list_size, generator=generator, dtype=torch.float32).to(dtype)
    return scores, mask, worth


def ranks_and_gradient(scores, mask, worth, streaming, temperature=0.1):
    scores = scores.detach().requires_grad_()
    ranks = approx_ranks(scores, mask, temperature=temperature, streaming=streaming)
    (ranks * worth).sum().backward()
    return ranks.detach(), scores.grad


def broadcast(scores, mask, worth, temperature=0.1):
    """Every pair at once, in float64, differentiated by autograd."""
    scores = scores.double().requires_grad_()
    chances = torch.sigmoid((scores[:, None] - scores[:, :, None]) / temperature)
    real = mask[:, :, None] & mask[:, None] & ~torch.eye(scores.shape[1], dtype=torch.bool)
    ranks = 1 + torch.where(real, chances, 0).sum(2)
    (ranks * worth.double()).sum().backward()
    return ranks.detach(), scores.grad


@pytest.mark.parametrize("streaming", ["kernel", "blocks"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (4, 33), (3, 70), (2, 1500)])
@pytest.mark.parametrize("temperature", [0.1, 1.0, 30.0])
def test_equal_to_the_broadcast_in_float64(shape, streaming, temperature):
    given_lists = lists(*shape, torch.float64)
    ranks, slopes = ranks_and_gradient(*given_lists, streaming, temperature)
    expected_ranks, expected_slopes = broadcast(*given_lists, temperature)
    torch.testing.assert_close(ranks, expected_ranks, rtol=1e-13, atol=1e-11)
    torch.testing.assert_close(slopes, expected_slopes, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("streaming", ["kernel", "blocks"])
@pytest.mark.parametrize("spread", [1e-3, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("n_values", [None, 3])
def test_float32_is_within_a_millionth_of_float64(spread, n_values, streaming):
    given_lists = lists(3, 1300, torch.float32, spread=spread, n_values=n_values)
    ranks, slopes = ranks_and_gradient(*given_lists, streaming)
    expected_ranks, expected_slopes = broadcast(*given_lists)
    torch.testing.assert_close(ranks.double(), expected_ranks, rtol=1e-6, atol=0)
    error = (slopes.double() - expected_slopes).norm() / expected_slopes.norm().clamp(min=1e-9)
    assert error < 3e-6


scores_of_one_list = st.lists(st.floats(-20, 20).map(lambda x: round(x, 2)), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(scores_of_one_list, st.sampled_from([0.05, 0.1, 1.0, 7.0]), st.sampled_from(["kernel", "blocks"]))
def test_equal_to_slow_loops_in_value_and_gradient(listed, temperature, streaming):
    scores = torch.tensor([listed], dtype=torch.float64, requires_grad=True)
    ranks = approx_ranks(scores, temperature=temperature, streaming=streaming)
    assert ranks[0].tolist() == pytest.approx(oracle.approx_ranks(listed, temperature), rel=1e-13)
    slopes = oracle.approx_rank_slopes(listed, temperature)
    for i in range(len(listed)):
        (found,) = torch.autograd.grad(ranks[0, i], scores, retain_graph=True)
        assert found[0].tolist() == pytest.approx(slopes[i], rel=1e-12, abs=1e-20)


@settings(max_examples=60, deadline=None)
@given(scores_of_one_list, st.sampled_from([0.1, 1.0, 7.3]))
def test_bounds_equal_slow_loops_in_value_and_gradient(listed, margin):
    margin += 1e-3  # no two scores are at exactly the margin, where the hinge has no slope
    scores = torch.tensor([listed], dtype=torch.float64, requires_grad=True)
    ranks = bound_ranks(scores, margin=margin)
    assert ranks[0].tolist() == pytest.approx(oracle.bound_ranks(listed, margin), rel=1e-12)
    slopes = oracle.bound_rank_slopes(listed, margin)
    for i in range(len(listed)):
        (found,) = torch.autograd.grad(ranks[0, i], scores, retain_graph=True)
        assert found[0].tolist() == pytest.approx(slopes[i], rel=1e-12, abs=1e-12)


def test_bounds_are_at_least_the_pessimistic_rank():
    scores, mask, _ = lists(4, 60, torch.float64, n_values=4)
    behind = (scores[:, None] >= scores[:, :, None]) & mask[:, None]
    assert (bound_ranks(scores, mask) >= behind.sum(2) - 1e-9)[mask].all()
    assert (bound_ranks(scores, mask)[~mask] == 1).all()


def test_low_temperatures_give_true_ranks_and_ties_their_mean():
    scores = torch.tensor([[0.5, 2.0, 0.5, -1.0]])
    assert approx_ranks(scores, temperature=1e-3).tolist() == [[2.5, 1.0, 2.5, 4.0]]
    assert approx_ranks(scores * 1e4).tolist() == [[2.5, 1.0, 2.5, 4.0]]


def test_ranks_sum_to_those_of_a_permutation():
    scores, mask, _ = lists(4, 90, torch.float64)
    sizes = mask.sum(1)
    torch.testing.assert_close(
        torch.where(mask, approx_ranks(scores, mask), 0).sum(1), (sizes * (sizes + 1) / 2).double()
    )


@pytest.mark.parametrize("streaming", ["kernel", "blocks"])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_list_with_a_score_that_is_not_finite_is_nan_and_its_neighbour_is_not(streaming, bad):
    scores, mask, worth = lists(2, 6, torch.float32)
    clean = ranks_and_gradient(scores, mask, worth, streaming)
    scores[0, int(mask[0].nonzero()[0])] = bad
    ranks, slopes = ranks_and_gradient(scores, mask, worth, streaming)
    assert ranks[0][mask[0]].isnan().all()
    assert slopes[0][mask[0]].isnan().all()
    assert (ranks[0][~mask[0]] == 1).all()
    assert (slopes[0][~mask[0]] == 0).all()
    assert torch.equal(ranks[1], clean[0][1])
    assert torch.equal(slopes[1], clean[1][1])


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    given_lists = lists(7, 90, torch.float32)
    n_threads = torch.get_num_threads()
    alone = ranks_and_gradient(*given_lists, "kernel")
    monkeypatch.setattr(list_threads, "_THREAD_PAIRS", 10)
    try:
        for count in (1, 2, 5, 50):
            torch.set_num_threads(count)
            together = ranks_and_gradient(*given_lists, "kernel")
            assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
    finally:
        torch.set_num_threads(n_threads)


def test_calls_from_several_threads_do_not_meet():
    given_lists = lists(4, 200, torch.float32)
    expected = ranks_and_gradient(*given_lists, "kernel")
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(ranks_and_gradient(*given_lists, "kernel"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(torch.equal(a, b) for one in found for a, b in zip(one, expected, strict=True))


def test_tensors_that_are_not_contiguous():
    given_lists = lists(4, 30, torch.float64)
    strided = [tensor.T.contiguous().T for tensor in given_lists]
    for a, b in zip(ranks_and_gradient(*given_lists, "kernel"), ranks_and_gradient(*strided, "kernel"), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("streaming", ["kernel", "blocks"])
def test_a_second_differentiation_is_refused(streaming):
    scores = torch.randn(1, 4, requires_grad=True)
    ranks = approx_ranks(scores, streaming=streaming)
    (slopes,) = torch.autograd.grad(ranks[0, 0], scores, create_graph=True)
    with pytest.raises(ConfigError, match=r"expected to be differentiated once; got a second"):
        slopes.sum().backward()


def test_options_and_shapes_that_cannot_work():
    with pytest.raises(ConfigError, match=r"^approx_ranks: expected temperature above 0"):
        approx_ranks(torch.zeros(1, 2), temperature=0.0)
    with pytest.raises(ConfigError, match=r"^bound_ranks: expected margin above 0"):
        bound_ranks(torch.zeros(1, 2), margin=-1.0)
    with pytest.raises(ShapeError, match=r"^approx_ranks: expected a boolean mask"):
        inspect.unwrap(approx_ranks)(torch.zeros(1, 2), torch.ones(1, 3, dtype=torch.bool))


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads the peak of memory from Linux")
@pytest.mark.parametrize(("streaming", "limit"), [("kernel", 4 * 2**20), ("blocks", 64 * 2**20)])
def test_memory_is_linear_in_the_list(streaming, limit):
    def peak_and_now():
        lines = Path("/proc/self/status").read_text().splitlines()
        sizes = {line.split(":")[0]: line.split() for line in lines}
        return int(sizes["VmHWM"][1]) * 1024, int(sizes["VmRSS"][1]) * 1024

    given_lists = lists(1, 5_000, torch.float32)  # one tensor of all pairs would hold 100 MB
    ranks_and_gradient(*lists(1, 50, torch.float32), streaming)
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is held now
    before = peak_and_now()[1]
    ranks, _ = ranks_and_gradient(*given_lists, streaming)
    assert ranks.isfinite().all()
    assert peak_and_now()[0] - before < limit


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_equals_the_cpu():
    given_lists = lists(5, 700, torch.float64)
    expected = ranks_and_gradient(*given_lists, "kernel")
    found = ranks_and_gradient(*(tensor.cuda() for tensor in given_lists), "auto")
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a.cpu(), b, rtol=1e-11, atol=1e-9)
