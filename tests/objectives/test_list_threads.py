import pytest
import torch

from rankkit.objectives import list_threads


def test_work_is_shared_whole_and_in_order(monkeypatch):
    monkeypatch.setattr(list_threads, "_THREAD_PAIRS", 10)
    work = torch.tensor([100, 1, 1, 400, 9, 9]).numpy()
    for n_threads in range(1, 9):
        parts = list_threads._share(work, n_threads)
        assert [query for first, last in parts for query in range(first, last)] == list(range(6))
        assert len(parts) <= n_threads
    assert list_threads._share(work[:0], 4) == [(0, 0)]


def test_an_error_in_a_thread_is_raised(monkeypatch):
    monkeypatch.setattr(list_threads, "_THREAD_PAIRS", 10)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def walk(first, last):
        if last == 2:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list_threads.walk_lists(walk, torch.tensor([50, 50]).numpy())
