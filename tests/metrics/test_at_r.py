import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.evaluation import evaluate_run, evaluate_scores, parse_metric
from rankkit.metrics import average_precision, precision, recall
from rankkit.metrics.at_r import map_at_r, r_precision
from tests.oracles import similarity
from tests.oracles.metrics import expected, ranked_labels

METRICS = {"r_precision": r_precision, "map_at_r": map_at_r}
ORACLES = {"r_precision": similarity.r_precision, "map_at_r": similarity.map_at_r}
every_metric = pytest.mark.parametrize("name", METRICS)
documents = st.tuples(st.sampled_from([-1e4, -0.0, 0.0, 0.5, 3.0]), st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.0]))


@every_metric
@given(
    group=st.lists(documents, min_size=1, max_size=40),
    relevant_from=st.sampled_from([0.5, 1.0, 2.0]),
    ties=st.sampled_from(["pessimistic", "stable"]),
)
@settings(max_examples=60, deadline=None)
def test_equals_its_definition_whatever_stands_in_the_padding(name, group, relevant_from, ties):
    scores, labels = zip(*group, strict=True)
    value = METRICS[name](
        torch.tensor([[*scores, 1e9]], dtype=torch.float64),
        torch.tensor([[*labels, 4.0]]),
        torch.tensor([[True] * len(group) + [False]]),
        relevant_from=relevant_from,
        ties=ties,
    )
    assert value.dtype == torch.float64
    wanted = ORACLES[name](ranked_labels(scores, labels, ties), relevant_from)
    assert value.item() == pytest.approx(wanted, abs=1e-12, nan_ok=True)


@every_metric
@given(group=st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_expected_is_the_mean_over_all_orders_of_tied_documents(name, group):
    scores, labels = zip(*group, strict=True)
    value = METRICS[name](torch.tensor([scores]), torch.tensor([labels]), ties="expected")
    assert value.item() == pytest.approx(expected(ORACLES[name], scores, labels), abs=1e-12, nan_ok=True)


def test_golden_values():
    """The example of Musgrave 2020, section 3.2: three rankings of 10 relevant documents among many."""
    scores = -torch.arange(20.0)[None]
    first_10 = torch.tensor([[1.0] * 10 + [0.0] * 10])
    only_first = torch.tensor([[1.0] + [0.0] * 10 + [1.0] * 9])
    first_and_tenth = torch.tensor([[1.0] + [0.0] * 8 + [1.0] + [0.0] * 2 + [1.0] * 8])
    first_two = torch.tensor([[1.0, 1.0] + [0.0] * 10 + [1.0] * 8])
    assert [r_precision(scores, y).item() for y in (first_10, only_first, first_and_tenth, first_two)] == [
        1.0,
        1 / 10,
        2 / 10,
        2 / 10,
    ]
    assert map_at_r(scores, first_10).item() == 1
    assert map_at_r(scores, only_first).item() == pytest.approx(1 / 10)
    assert map_at_r(scores, first_and_tenth).item() == pytest.approx((1 + 2 / 10) / 10)
    assert map_at_r(scores, first_two).item() == pytest.approx((1 + 2 / 2) / 10)


def test_both_are_known_metrics_cut_at_the_number_of_relevant_documents():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(50, 30, generator=generator)
    labels = (torch.rand(50, 30, generator=generator) < 0.3).float()
    for row in range(50):
        one = scores[row : row + 1], labels[row : row + 1]
        n_relevant = int(labels[row].sum())
        assert r_precision(*one) == precision(*one, k=n_relevant)
        assert r_precision(*one) == recall(*one, k=n_relevant)
        assert map_at_r(*one).item() == pytest.approx(average_precision(*one, k=n_relevant).item(), abs=1e-12)


@every_metric
def test_a_long_list_of_tied_documents_needs_no_permutations(name):
    n, n_relevant = 5000, 700
    labels = torch.zeros(1, n)
    labels[0, :n_relevant] = 1
    value = METRICS[name](torch.zeros(1, n), labels, ties="expected").item()
    share, other = n_relevant / n, (n_relevant - 1) / (n - 1)
    at_ranks = math.fsum(share * (1 + (rank - 1) * other) / rank for rank in range(1, n_relevant + 1)) / n_relevant
    assert value == pytest.approx({"r_precision": share, "map_at_r": at_ranks}[name])
    assert METRICS[name](torch.zeros(1, n), labels).item() == 0


@every_metric
def test_bounds_and_empty_lists(name):
    metric = METRICS[name]
    assert metric(torch.tensor([[2.0, 1.0]]), torch.tensor([[1.0, 1.0]])).item() == 1
    assert metric(torch.randn(1, 5), torch.zeros(1, 5)).isnan().all()
    assert metric(torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0,)
    assert metric(torch.zeros(2, 0), torch.zeros(2, 0)).isnan().all()
    assert metric(torch.tensor([[2.0, 1.0]], dtype=torch.bfloat16), torch.tensor([[0, 1]])).item() == 0


@every_metric
def test_errors(name):
    metric = getattr(METRICS[name], "__wrapped__", METRICS[name])
    with pytest.raises(DataError, match=f"{name}: expected a number .*NaN in query 0"):
        metric(torch.tensor([[0.0, math.nan]]), torch.tensor([[0.0, 1.0]]))
    with pytest.raises(ConfigError, match="expected ties"):
        metric(torch.zeros(1, 2), torch.zeros(1, 2), ties="random")
    with pytest.raises(ShapeError, match="expected scores"):
        metric(torch.zeros(1, 2), torch.zeros(1, 1))


@every_metric
def test_no_cutoff_can_be_asked_for(name):
    assert parse_metric(name) == (name, None)
    for k in (0, 5):
        with pytest.raises(ConfigError, match=rf"'{name}' without a cutoff.*got '{name}@{k}'. Write '{name}'\."):
            evaluate_scores([1.0], [1], qids=[0], metrics=[f"{name}@{k}"])


def test_a_default_cutoff_of_a_protocol_plays_no_part():
    scores, labels = np.arange(100.0), np.ones(100)
    report = evaluate_scores(
        scores, labels, qids=np.zeros(100), metrics=["r_precision", "map_at_r"], protocol="xgboost"
    )
    assert report.means == {"r_precision": 1, "map_at_r": 1}


def test_r_precision_under_trec_is_rprec_of_trec_eval():
    generator = np.random.default_rng(0)
    qids, scores = np.repeat(np.arange(30), 20), generator.integers(0, 6, 600).astype(float)
    labels, doc_ids = generator.integers(0, 2, 600), np.tile([f"d{number}" for number in range(20)], 30)
    report = evaluate_scores(scores, labels, qids=qids, doc_ids=doc_ids, metrics=["r_precision"], protocol="trec")
    qrels, run = {}, {}
    for qid, doc_id, label, score in zip(qids.astype(str), doc_ids, labels, scores, strict=True):
        qrels.setdefault(qid, {})[doc_id] = int(label)
        run.setdefault(qid, {})[doc_id] = float(score)
    assert report.means["r_precision"] == pytest.approx(evaluate_run(qrels, run, ["Rprec"]).means["Rprec"], abs=1e-12)
    with pytest.raises(ConfigError, match="Write 'Rprec'"):
        evaluate_run(qrels, run, ["r_precision"])
    with pytest.raises(ConfigError, match="Write 'r_precision'"):
        evaluate_scores(scores, labels, qids=qids, metrics=["Rprec"])
