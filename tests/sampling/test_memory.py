"""CrossBatchMemory: the newest embeddings, never the tensors given out before."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError, ShapeError
from rankkit.sampling import CrossBatchMemory


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 7), lengths=st.lists(st.integers(0, 9), max_size=6))
def test_it_holds_the_newest_oldest_first(size, lengths):
    memory = CrossBatchMemory(size, n_dims=2)
    rows = torch.arange(2.0 * sum(lengths)).reshape(-1, 2)
    start = 0
    for length in lengths:
        memory.add(rows[start : start + length], torch.arange(start, start + length))
        start += length
        kept = list(range(max(0, start - size), start))
        assert len(memory) == len(kept)
        assert memory.labels.tolist() == kept
        assert torch.equal(memory.embeddings, rows[kept])


def test_what_was_given_out_does_not_change():
    memory = CrossBatchMemory(4, n_dims=2)
    memory.add(torch.randn(4, 2), torch.arange(4))
    batch = torch.randn(3, 2, requires_grad=True)
    before = memory.embeddings
    copy = before.clone()
    loss = (batch @ before.T).square().sum()
    memory.add(batch, torch.arange(3))
    assert torch.equal(before, copy)
    loss.backward()  # fails where the memory was changed in place
    assert not memory.embeddings.requires_grad
    with torch.no_grad():
        batch.zero_()
    assert memory.embeddings[-1].abs().sum() > 0  # a copy of the batch


def test_state_dict_holds_it():
    memory, empty = CrossBatchMemory(5, n_dims=2), CrossBatchMemory(5, n_dims=2)
    memory.add(torch.randn(3, 2), torch.tensor([4, 5, 6]))
    empty.load_state_dict(memory.state_dict())
    assert torch.equal(empty.embeddings, memory.embeddings)
    assert empty.labels.tolist() == [4, 5, 6]
    assert repr(empty) == "CrossBatchMemory(3 of 5, n_dims=2, labelled=True)"
    memory.clear()
    assert len(memory) == len(memory.embeddings) == 0
    assert len(empty) == 3


def test_a_queue_without_labels():
    queue = CrossBatchMemory(2, n_dims=1, labelled=False)
    queue.add(torch.tensor([[1.0], [2.0], [3.0]]))
    assert queue.embeddings.flatten().tolist() == [2.0, 3.0]
    with pytest.raises(ConfigError, match="expected a memory with labels"):
        _ = queue.labels
    with pytest.raises(ConfigError, match="expected no labels; got some"):
        queue.add(torch.zeros(1, 1), torch.zeros(1))


def test_what_cannot_work():
    for options in ({"size": 0, "n_dims": 1}, {"size": 1, "n_dims": 1.0}):
        with pytest.raises(ConfigError, match="of at least 1; got"):
            CrossBatchMemory(**options)
    memory = CrossBatchMemory(2, n_dims=3)
    with pytest.raises(ShapeError, match=r"expected embeddings \[n, 3\]; got \[2, 2\]"):
        memory.add(torch.zeros(2, 2), torch.zeros(2))
    with pytest.raises(ShapeError, match=r"expected 2 labels; got \[3\]"):
        memory.add(torch.zeros(2, 3), torch.zeros(3))
    with pytest.raises(ConfigError, match="expected labels; got none"):
        memory.add(torch.zeros(2, 3))
    assert len(memory) == 0
