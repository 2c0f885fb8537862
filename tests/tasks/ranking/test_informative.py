import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from rankkit import Ranker
from rankkit.data.batch import pad
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError, DataWarning
from rankkit.loaders.tables.given_arrays import from_arrays
from rankkit.models.scorers import LinearScorer
from rankkit.objectives import (
    DualLearning,
    Objective,
    approx_mrr_loss,
    bce_loss,
    lambdarank_loss,
    mse_loss,
    ranknet_loss,
    softmax_loss,
    weighted_sum,
)
from rankkit.registry import OBJECTIVES
from rankkit.tasks.ranking.informative import check_informative, needs_of, teaching_queries
from rankkit.training import fit

GRADES = [[0, 1], [2, 2], [0], [3], [0, 0, 0], [1, 2], [2, 1, 1], [1, 1], [0, 0, 3], [], [1, 0, 2, 3]]
FRACTIONS = [[0, 0.5], [0.25, 0.5, 0.75], [0.5, 0.5], [0, 1.5, 0.5], [1.5, 2.5]]


def lists_of(labels, weights=None):
    """A data set of these lists of labels, with one feature that says nothing."""
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in labels])])
    flat = np.concatenate([np.asarray(one, np.float32) for one in labels])
    return RankingDataset(np.zeros((len(flat), 1), np.float32), flat, offsets, np.arange(len(labels)), weights)


def teach(objective, data, shape=()):
    """The queries whose scores get a gradient, of any of several scores."""
    offsets = torch.from_numpy(data.offsets)
    labels, mask = pad(torch.from_numpy(data.labels).double(), offsets)
    found = torch.zeros(data.n_queries, dtype=torch.bool)
    for seed in range(8):
        torch.manual_seed(seed)
        scores = torch.randn((*labels.shape, *shape), dtype=torch.float64, requires_grad=True)
        objective(scores, labels, mask).backward()
        found |= (scores.grad.flatten(1) != 0).any(dim=1)
    return found.numpy()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_queries_that_teach_are_those_with_a_gradient(name):
    objective = OBJECTIVES[name]
    several = (5,) if hasattr(objective, "readout") else ()
    for data in [lists_of(GRADES), *([] if several else [lists_of(FRACTIONS)])]:
        (need,) = needs_of(objective)
        np.testing.assert_array_equal(teaching_queries(data, need), teach(objective, data, several))


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if needs_of(OBJECTIVES[name])[0].relevant_from])
def test_another_threshold_of_relevance_makes_other_queries_teach(name):
    objective, data = Objective(OBJECTIVES[name], relevant_from=2.0), lists_of(GRADES)
    np.testing.assert_array_equal(teaching_queries(data, needs_of(objective)[0]), teach(objective, data))


def test_clicks_teach_dual_learning():
    data, objective = lists_of([[0, 1], [1, 1], [0, 0], [1], [0, 0, 1]]), DualLearning()
    np.testing.assert_array_equal(teaching_queries(data, needs_of(objective)[0]), teach(objective, data))


def test_a_query_of_weight_zero_teaches_nothing():
    (need,) = needs_of(ranknet_loss)
    assert teaching_queries(lists_of([[0, 1], [0, 1]], np.array([0, 2], np.float32)), need).tolist() == [False, True]
    by_doc = lists_of([[0, 1], [0, 1]], np.array([0, 0, 1, 1], np.float32))
    assert teaching_queries(by_doc, need).tolist() == [False, True]


def features(n_docs):
    return np.random.default_rng(0).normal(size=(n_docs, 3)).astype(np.float32)


def train_on(labels, qids, objective, valid=None):
    data = from_arrays(features(len(labels)), labels, qids)
    return fit(LinearScorer(3, seed=0), objective, data, valid, epochs=1, device="cpu", progress=False)


QUERIES = np.repeat(np.arange(10), 4)


@pytest.mark.parametrize(
    ("labels", "qids", "objective", "message"),
    [
        ([0, 1, 2, 0], np.arange(4), lambdarank_loss, "got 4 queries: all with one document. Give documents"),
        (np.ones(40), QUERIES, softmax_loss, "got 10 queries: all with one label. Check the label column"),
        (np.zeros(40), QUERIES, approx_mrr_loss, "all with one label. Check the label column"),
        ([0.5, 0, 0, 0] * 10, QUERIES, approx_mrr_loss, "all with no label of 1 or more. Set relevant_from"),
        ([1, 2, 3, 1] * 10, QUERIES, Objective(approx_mrr_loss), "all with no label below 1. Set relevant_from"),
        ([0, 0, 0, 1, 1], [0, 0, 0, 1, 2], ranknet_loss, "2 with one document, 1 with one label"),
        (np.zeros(40), QUERIES, DualLearning(), "all with no click. Train on lists with clicks"),
        (np.ones(40), QUERIES, weighted_sum({ranknet_loss: 1.0, softmax_loss: 1.0}), "teach weighted_sum something"),
    ],
)
def test_nothing_to_learn_is_an_error_before_training(labels, qids, objective, message):
    with pytest.raises(DataError, match=rf"^fit: expected .*{message}"):
        train_on(labels, qids, objective)


@pytest.mark.parametrize(
    ("labels", "qids", "objective", "message"),
    [
        (np.ones(40), QUERIES, bce_loss, "all 40 labels are 1, so bce learns one number but no order"),
        ([0, 0.5, 0, 0] * 10, QUERIES, bce_loss, "all 40 labels are below relevant_from=1, so bce"),
        (np.r_[np.ones(36), 0, 1, 1, 1], QUERIES, softmax_loss, r"9 of 10 .* softmax nothing \(all with one label\)"),
        (np.ones(40), QUERIES, lambda *lists: softmax_loss(*lists), "learns nothing if it compares them"),
    ],
)
def test_little_to_learn_is_said(labels, qids, objective, message):
    with pytest.warns(DataWarning, match=message):
        train_on(labels, qids, objective)


@pytest.mark.parametrize("objective", [bce_loss, mse_loss, weighted_sum({ranknet_loss: 1.0, bce_loss: 1.0})])
def test_pointwise_objectives_learn_from_single_documents(objective):
    train_on([0, 1, 2, 0], np.arange(4), objective)


def test_validation_data_that_cannot_tell_epochs_apart_is_said():
    valid = from_arrays(features(4), [0, 1, 2, 0], np.arange(4))
    with pytest.warns(DataWarning, match="all epochs look equally good"):
        train_on([0, 1, 2, 0] * 10, QUERIES, softmax_loss, valid)


def test_the_line_that_called_is_the_place_of_what_is_said():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        train_on(np.ones(40), QUERIES, bce_loss)
    assert [one.filename for one in said] == [__file__]


def test_the_estimator_says_it_too():
    with pytest.raises(DataError, match="all with one document"):
        Ranker("lambdarank", "linear", epochs=1).fit(features(4), [0, 1, 2, 0], qid=np.arange(4))


def test_a_system_that_is_no_objective_is_told_by_its_name():
    with pytest.raises(DataError, match="teach lightgbm-lambdarank something"):
        check_informative("compare", "lightgbm-lambdarank", needs_of(ranknet_loss)[0], lists_of([[1, 1]]))


@pytest.mark.parametrize("name", [name for name, function in OBJECTIVES.items() if needs_of(function)[0].is_of_pairs])
def test_documents_of_weight_0_make_no_pair(name):
    objective, (need,) = OBJECTIVES[name], needs_of(OBJECTIVES[name])
    weights = np.array([1, 0, 0, 1, 0, 1, 1, 0, 1, 0], np.float32)
    data = replace(lists_of([[0, 2], [0, 2, 0], [0, 2, 2], [2, 0]]), weights=weights, weights_per="doc")

    def weighted(scores, labels, mask):
        by_doc, _ = pad(torch.from_numpy(weights).double(), torch.from_numpy(data.offsets))
        return objective(scores, labels, mask, weights=by_doc)

    found = teaching_queries(data, need)
    assert found.tolist() == [False, False, True, False]
    np.testing.assert_array_equal(found, teach(weighted, data))


def test_objectives_of_pairs_are_known_as_such():
    names = {name for name, function in OBJECTIVES.items() if needs_of(function)[0].is_of_pairs}
    assert {
        "ranknet",
        "pairwise_hinge",
        "circle",
        "graded_circle",
        "lambdarank",
        "lambdaloss_ndcg2",
        "yeti_rank",
    } <= names
    assert not names & {"softmax", "approx_ndcg", "bce", "pairwise_mse"}


def test_one_row_is_called_as_users_of_scikit_learn_know_it():
    with pytest.raises(DataError, match="got 1 sample: all with one document"):
        Ranker().fit([[1.0]], [1], qid=[0])
