import inspect
import math

import numpy as np
import pytest
import torch

from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.objectives.embedding.inputs import check_rows
from rankkit.ranking import (
    check_lists,
    discounts,
    gains,
    has_two_grades,
    list_sizes,
    masked_log_softmax,
    prepare_lists,
    reduce_lists,
    split_weights,
)
from rankkit.sampling.batch_costs import measure_batch

MASK = torch.tensor([[True, True, False], [True, False, False]])


def test_prepared_lists_hold_zeros_in_padding_and_float32_at_least():
    scores = torch.full((2, 3), torch.nan, dtype=torch.bfloat16).masked_fill(MASK, 2)
    labels = torch.full((2, 3), torch.inf, dtype=torch.float64).masked_fill(MASK, 1)
    scores, labels, mask = prepare_lists("f", scores, labels, MASK)
    assert scores.dtype == labels.dtype == torch.float32
    assert scores.tolist() == [[2, 2, 0], [2, 0, 0]]
    assert labels.tolist() == [[1, 1, 0], [1, 0, 0]]
    assert mask is MASK
    assert prepare_lists("f", scores.double(), labels, None)[0].dtype == torch.float64


def test_several_outputs_a_document_are_prepared_alike():
    scores, _, _ = prepare_lists("f", torch.full((2, 3, 4), 5.0), torch.zeros(2, 3), MASK, n_axes=3)
    assert scores.sum() == 3 * 4 * 5


def test_no_mask_means_every_document():
    assert check_lists("f", torch.zeros(2, 3), torch.zeros(2, 3), None).all()


@pytest.mark.parametrize("array", [np.zeros((1, 2)), [[0.0, 1.0]]])
def test_arrays_are_no_tensors(array):
    tensor = torch.zeros(1, 2)
    check = inspect.unwrap(check_lists)
    with pytest.raises(DataError, match=r"f: expected scores as a tensor; got .*\. Pass torch\.as_tensor\(scores\)"):
        check("f", array, tensor, None)
    with pytest.raises(DataError, match="f: expected labels as a tensor"):
        check("f", tensor, array, None)
    with pytest.raises(DataError, match="supcon_loss: expected embeddings as a tensor"):
        inspect.unwrap(check_rows)("supcon_loss", embeddings=array)
    with pytest.raises(DataError, match="mine_triplets: expected embeddings as a tensor"):
        inspect.unwrap(measure_batch)("mine_triplets", array, [0], "cosine")


def test_weights_of_queries_and_of_documents_are_told_apart():
    scores = torch.zeros(2, 3)
    assert split_weights("f", None, scores, MASK) == (None, None)
    queries, docs = split_weights("f", torch.tensor([1.0, 2.0], dtype=torch.float64), scores, MASK)
    assert docs is None
    assert queries.dtype == torch.float32
    queries, docs = split_weights("f", torch.full((2, 3), torch.nan).masked_fill(MASK, 3), scores, MASK)
    assert queries is None
    assert docs.tolist() == [[3, 3, 0], [3, 0, 0]]
    with pytest.raises(
        ShapeError, match=r"f: expected weights \[2\], one a query, or \[2, 3\], one a document; got \[3\]"
    ):
        inspect.unwrap(split_weights)("f", torch.ones(3), scores, MASK)


def test_masked_log_softmax_sums_to_one_over_real_documents():
    scores = torch.tensor([[1e4, -1e4, 5e4], [3.0, 7.0, 7.0]])
    logs = masked_log_softmax(scores, MASK)
    assert logs.tolist() == [[0, -2e4, 0], [0, 0, 0]]
    nothing = masked_log_softmax(scores, torch.zeros_like(MASK))
    assert (nothing == 0).all()


def test_gains_and_discounts():
    assert gains(torch.tensor([0.0, 3.0]), "exp").tolist() == [0, 7]
    assert gains(torch.tensor([0.0, 3.0]), "linear").tolist() == [0, 3]
    with pytest.raises(ConfigError, match="gain: expected 'exp' or 'linear'; got 'log'"):
        inspect.unwrap(gains)(torch.zeros(1), "log")
    assert discounts(torch.tensor([1, 2])).tolist() == pytest.approx([1, 1 / math.log2(3)])


def test_sizes_and_grades_count_real_documents_only():
    labels = torch.tensor([[1.0, 0.0, 9.0], [1.0, 0.0, 0.0]])
    assert list_sizes(MASK).tolist() == [2, 1]
    assert has_two_grades(labels, MASK).tolist() == [True, False]
    assert has_two_grades(torch.zeros(2, 0), torch.zeros(2, 0, dtype=torch.bool)).tolist() == [False, False]


def test_reduction():
    values, informative = torch.tensor([1.0, 5.0]), torch.tensor([True, False])
    assert reduce_lists(values, informative, "none").tolist() == [1, 0]
    assert reduce_lists(values, informative, "mean") == 1
    assert reduce_lists(values, torch.tensor([False, False]), "mean") == 0
    with pytest.raises(ConfigError, match="reduction: expected 'mean' or 'none'; got 'sum'"):
        inspect.unwrap(reduce_lists)(values, informative, "sum")
