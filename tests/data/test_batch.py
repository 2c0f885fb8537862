import inspect

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rankkit.data.batch import QueryBatch, pad, take_queries, unpad
from rankkit.errors import ShapeError
from rankkit.ranking import check_lists

sizes = st.lists(st.integers(0, 6), min_size=1, max_size=8)


def offsets_of(list_sizes):
    return torch.tensor([0, *list_sizes]).cumsum(0)


@given(sizes)
def test_unpad_undoes_pad(list_sizes):
    offsets = offsets_of(list_sizes)
    values = torch.rand(int(offsets[-1]))
    padded, mask = pad(values, offsets)
    assert padded.shape == (len(list_sizes), max(list_sizes))
    assert mask.sum(1).tolist() == list_sizes
    assert torch.equal(unpad(padded, mask), values)


def test_pad_fills_and_passes_gradients_back():
    values = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    padded, _ = pad(values, torch.tensor([0, 1, 3]), fill=-7.0)
    assert padded.tolist() == [[1.0, -7.0], [2.0, 3.0]]
    (padded * torch.tensor([[1.0, 100.0], [2.0, 3.0]])).sum().backward()
    assert values.grad.tolist() == [1.0, 2.0, 3.0]


def test_pad_keeps_the_outputs_of_a_document_together():
    padded, mask = pad(torch.arange(6.0).view(3, 2), torch.tensor([0, 1, 3]))
    assert padded.tolist() == [[[0, 1], [0, 0]], [[2, 3], [4, 5]]]
    assert torch.equal(unpad(padded, mask), torch.arange(6.0).view(3, 2))


@given(sizes, st.data())
def test_take_queries_gathers_what_a_loop_would(list_sizes, data):
    offsets = offsets_of(list_sizes)
    n_docs = int(offsets[-1])
    features, labels = torch.rand(n_docs, 3), torch.rand(n_docs)
    by_query = data.draw(st.booleans())
    weights = torch.rand(len(list_sizes) if by_query else n_docs)
    queries = data.draw(st.lists(st.integers(0, len(list_sizes) - 1), max_size=5))
    per = "query" if by_query else "doc"
    batch = take_queries(features, offsets, torch.tensor(queries, dtype=torch.long), labels, weights, per)
    rows = [row for query in queries for row in range(offsets[query], offsets[query + 1])]
    assert batch.n_queries == len(queries)
    assert batch.n_docs == len(rows)
    assert torch.equal(batch.features, features[rows])
    assert torch.equal(batch.labels, labels[rows])
    assert batch.weights_per == per
    assert torch.equal(batch.weights, weights[queries if by_query else rows])


def test_a_batch_moves_whole():
    batch = QueryBatch(torch.zeros(2, 1), torch.tensor([0, 2]), labels=torch.zeros(2))
    moved = batch.to("meta")
    assert moved.features.device.type == moved.offsets.device.type == moved.labels.device.type == "meta"
    assert moved.weights is None


def test_lists_that_would_broadcast_are_refused():
    with pytest.raises(ShapeError, match=r"ndcg: expected scores \[query, list\].*got \[2, 3\] and \[3\]"):
        inspect.unwrap(check_lists)("ndcg", torch.zeros(2, 3), torch.zeros(3), None)


def test_a_mask_that_is_no_mask_is_refused():
    with pytest.raises(ShapeError, match="expected a boolean mask"):
        inspect.unwrap(check_lists)("ndcg", torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(2, 3))


def test_no_mask_means_that_every_document_is_real():
    assert check_lists("ndcg", torch.zeros(2, 3), torch.zeros(2, 3), None).all()
