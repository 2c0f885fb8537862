"""The same values as ir_measures (trec_eval) where the conventions are the same: no ties, every document judged."""

import ir_measures
import numpy as np
import pytest
from ir_measures import AP, RR, P, R, Success, nDCG

from rankkit.evaluation import Protocol, evaluate_scores

EXP_GAINS = {0: 0, 1: 1, 2: 3, 3: 7, 4: 15}


@pytest.fixture(scope="module")
def documents():
    generator = np.random.default_rng(0)
    sizes = generator.integers(1, 80, 300)
    qids = np.repeat([f"q{i}" for i in range(300)], sizes)
    labels = generator.choice(5, len(qids), p=[0.7, 0.15, 0.08, 0.04, 0.03])
    labels[qids == "q7"] = 0
    # Whole numbers up to 2^24: no two alike, and exact in the float32 that trec_eval holds scores in.
    scores = generator.permutation(len(qids)).astype(np.float64)
    return qids, labels, scores


def theirs(measure, qids, labels, scores):
    qrels, run = {}, {}
    for i, (qid, label, score) in enumerate(zip(qids.tolist(), labels.tolist(), scores.tolist(), strict=True)):
        qrels.setdefault(qid, {})[f"d{i}"] = label
        run.setdefault(qid, {})[f"d{i}"] = score
    return {value.query_id: value.value for value in ir_measures.iter_calc([measure], qrels, run)}


@pytest.mark.parametrize(
    ("ours", "measure", "options"),
    [
        ("ndcg@10", nDCG(gains=EXP_GAINS) @ 10, {}),
        ("ndcg@1", nDCG(gains=EXP_GAINS) @ 1, {}),
        ("ndcg", nDCG(gains=EXP_GAINS), {}),
        ("ndcg@10", nDCG @ 10, {"gain": "linear"}),
        ("mrr", RR, {}),
        ("mrr", RR(rel=2), {"relevant_from": 2}),
        ("map", AP, {}),
        ("map@20", AP @ 20, {}),
        ("map", AP(rel=3), {"relevant_from": 3}),
        ("precision@5", P @ 5, {}),
        ("recall@10", R @ 10, {}),
        ("recall@10", R(rel=2) @ 10, {"relevant_from": 2}),
        ("hit_rate@10", Success @ 10, {}),
        ("hit_rate@1", Success(rel=2) @ 1, {"relevant_from": 2}),
    ],
    ids=str,
)
def test_equals_ir_measures(documents, ours, measure, options):
    qids, labels, scores = documents
    shuffled = np.random.default_rng(1).permutation(len(qids))
    report = evaluate_scores(
        scores[shuffled], labels[shuffled], qids=qids[shuffled], metrics=[ours], protocol=Protocol(**options)
    )
    expected = theirs(measure, qids, labels, scores)
    np.testing.assert_allclose(report.counted(ours), [expected[qid] for qid in report.qids], rtol=0, atol=1e-9)
    assert report.means[ours] == pytest.approx(np.mean(list(expected.values())), abs=1e-9)
    assert report.n_empty > 0


def test_trec_ties_follow_trec_eval():
    generator = np.random.default_rng(2)
    qids = np.repeat(np.arange(50), 30).astype(str)
    labels, scores = generator.choice(3, 1500, p=[0.8, 0.1, 0.1]), generator.integers(0, 4, 1500).astype(float)
    doc_ids = np.array([f"d{i}" for i in range(1500)])
    report = evaluate_scores(scores, labels, qids=qids, doc_ids=doc_ids, metrics=["map", "mrr"], ties="trec")
    for ours, measure in (("map", AP), ("mrr", RR)):
        expected = theirs(measure, qids, labels, scores)
        np.testing.assert_allclose(report.counted(ours), [expected[qid] for qid in report.qids], rtol=0, atol=1e-9)
