import json
import math
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from rankkit.data.grouping import group_rows
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.weights import Weights
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.evaluation import PROTOCOLS, Protocol, evaluate, evaluate_scores, metric_name, parse_metric, predict
from rankkit.evaluation.names import check_rises, read_metric_name
from rankkit.metrics import rbp


class Columns(nn.Module):
    """Scores a document by its columns; several outputs are read as grades."""

    transform, options = nn.Identity(), {}

    def __init__(self, n_features, n_outputs=1, feature_names=None):
        super().__init__()
        self.n_features, self.n_outputs, self.feature_names = n_features, n_outputs, feature_names
        self.readout = None if n_outputs == 1 else "expected_grade"
        self.layer = nn.Linear(n_features, n_outputs)
        self.dropout = nn.Dropout(0.5)
        self.frozen = nn.Dropout(0.5).eval()

    def forward(self, features, offsets):
        assert offsets[0] == 0
        assert offsets[-1] == len(features)
        outputs = self.frozen(self.dropout(self.layer(features)))
        return outputs[:, 0] if self.n_outputs == 1 else outputs


def dataset(n_queries=40, n_features=3, seed=0, **changes):
    generator = np.random.default_rng(seed)
    sizes = generator.integers(0, 30, n_queries)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    features = generator.normal(size=(offsets[-1], n_features)).astype(np.float32)
    labels = generator.choice([0.0, 0.0, 1.0, 2.0], offsets[-1]).astype(np.float32)
    return RankingDataset(
        **{"features": features, "labels": labels, "offsets": offsets, "qids": np.arange(n_queries)} | changes
    )


def test_predict_does_not_depend_on_the_batches():
    data, scorer = dataset(), Columns(3)
    whole = predict(scorer, data)
    assert whole.dtype == np.float32
    assert whole.shape == (data.n_docs,)
    np.testing.assert_allclose(
        whole, data.features @ scorer.layer.weight[0].detach().numpy() + scorer.layer.bias.item(), atol=1e-5
    )
    for batch_docs in (1, 7, 50):
        np.testing.assert_allclose(predict(scorer, data, batch_docs=batch_docs), whole, atol=1e-6)


def test_predict_gives_the_order_of_the_rows_that_came_in():
    generator = np.random.default_rng(0)
    qids = generator.integers(0, 5, 60)
    features = generator.normal(size=(60, 3)).astype(np.float32)
    offsets, query_ids, rows = group_rows(qids, regroup=True)
    data = RankingDataset(features[rows], None, offsets, query_ids, rows=rows)
    scorer = Columns(3)
    with torch.no_grad():
        expected = scorer.layer(torch.from_numpy(features))[:, 0]
    np.testing.assert_allclose(predict(scorer, data, batch_docs=20), expected, atol=1e-6)


def test_predict_leaves_training_flags_and_reads_memory_mapped_features(tmp_path):
    data, scorer = dataset(), Columns(3)
    np.save(tmp_path / "features.npy", data.features)
    mapped = dataset(features=np.load(tmp_path / "features.npy", mmap_mode="r"))
    np.testing.assert_array_equal(predict(scorer, mapped), predict(scorer, data))
    assert scorer.training
    assert scorer.dropout.training
    assert not scorer.frozen.training


def test_predict_reads_several_outputs_as_one_score():
    data, scorer = dataset(), Columns(3, n_outputs=4)
    logits = scorer.layer(torch.from_numpy(data.features)).detach()
    np.testing.assert_allclose(predict(scorer, data), logits.softmax(1) @ torch.arange(4.0), atol=1e-6)


def test_predict_refuses_other_features():
    with pytest.raises(DataError, match=r"expected 5 features.*got 3"):
        predict(Columns(5), dataset())
    with pytest.raises(DataError, match="expected the 3 features that the ranker was trained on; got none named 'b'"):
        predict(Columns(3, feature_names=("a", "b", "c")), dataset(feature_names=("a", "c", "d")))


def test_evaluate_is_evaluate_scores_of_predict():
    data, scorer = dataset(), Columns(3)
    asked = ["ndcg@5", "mrr", "map", "precision@3", "recall@3", "hit_rate@2", "err@4", "dcg"]
    report = evaluate(scorer, data, asked, batch_docs=50)
    qids = np.repeat(data.qids, data.list_sizes)
    other = evaluate_scores(predict(scorer, data), data.labels, qids=qids, metrics=asked)
    filled = data.list_sizes > 0
    assert list(report.means) == asked
    for name in asked:
        np.testing.assert_array_equal(report.per_query[name][filled], other.per_query[name])
        assert np.isnan(report.per_query[name][~filled]).all()
    assert report.n_single == other.n_single == (data.list_sizes == 1).sum()


def test_evaluate_wants_labels():
    with pytest.raises(DataError, match="with labels; got none"):
        evaluate(Columns(3), dataset(labels=None))


# Query a: relevant at rank 2; b: nothing relevant; c: tied, relevant last at worst; d: one document.
QIDS = np.array(["a", "c", "a", "b", "c", "b", "d"])
SCORES = [2.0, 1.0, 1.0, 5.0, 1.0, 4.0, 0.0]
LABELS = [0, 1, 1, 0, 0, 0, 2]


def abcd(metrics=("mrr", "dcg"), **options):
    return evaluate_scores(SCORES, LABELS, qids=QIDS, metrics=metrics, **options)


@pytest.mark.parametrize(("empty", "mean"), [("zero", 2 / 4), ("one", 3 / 4), ("skip", 2 / 3)])
def test_empty_policies(empty, mean):
    report = abcd(empty=empty)
    assert report.qids.tolist() == ["a", "c", "b", "d"]
    np.testing.assert_array_equal(report.per_query["mrr"], [1 / 2, 1 / 2, np.nan, 1])
    assert report.means["mrr"] == pytest.approx(mean)
    discount = 1 / math.log2(3)
    assert report.means["dcg"] == pytest.approx((discount + discount + 0 + 3) / 4)
    assert (report.n_queries, report.n_empty, report.n_tied, report.n_single) == (4, 1, 1, 1)


def test_empty_error_names_the_query():
    with pytest.raises(DataError, match=r"got none in 1 of 4 for mrr, first qid b\."):
        abcd(empty="error")
    assert abcd(["dcg"], empty="error").n_empty == 0


def test_ties():
    assert abcd(ties="expected").per_query["mrr"][1] == pytest.approx((1 + 1 / 2) / 2)
    assert abcd(ties="stable").per_query["mrr"][1] == 1
    for ids, value in ((["1", "x", "2", "3", "y", "4", "5"], 1 / 2), (["1", "y", "2", "3", "x", "4", "5"], 1)):
        assert abcd(ties="trec", doc_ids=ids).per_query["mrr"][1] == value
    with pytest.raises(ConfigError, match="expected doc ids"):
        abcd(ties="trec")
    with pytest.raises(ConfigError, match=r"ties: expected .*got 'stabel'. Did you mean 'stable'\?"):
        abcd(ties="stabel")


def test_protocol_fields_reach_the_metrics():
    report = abcd(["ndcg", "mrr", "dcg"], protocol=Protocol(name="mine", gain="linear", relevant_from=2), empty="skip")
    assert report.protocol == Protocol(name="mine", gain="linear", relevant_from=2, empty="skip")
    np.testing.assert_array_equal(report.per_query["mrr"], [np.nan, np.nan, np.nan, 1])
    assert report.per_query["dcg"][3] == 2
    assert report.n_empty == 3


def test_err_takes_the_greatest_label_of_the_data_and_says_so():
    report = abcd(["err"])
    assert report.per_query["err"][3] == 3 / 4
    assert report.protocol.max_label == 2
    assert "greatest grade 2" in str(report)
    assert abcd(["err"], protocol=Protocol(max_label=4)).per_query["err"][3] == 3 / 16


def test_the_printed_form_names_the_convention():
    report = abcd(["ndcg@10", "mrr"])
    lines = str(report).splitlines()
    low, high = abcd(["ndcg@10", "mrr"]).intervals["mrr"]
    assert lines[1] == f"mrr      0.5000  [{low:.4f}, {high:.4f}]"
    assert all(len(line) <= 80 for line in lines)
    rest = " ".join(" ".join(lines[2:]).split())
    assert rest.startswith(report.convention)
    assert report.convention == (
        "rankkit: gain 2^label - 1, discount 1/log2(1 + rank), relevant from label 1, ties pessimistic; "
        "queries without a relevant document: 1 of 4 count as 0"
    )
    assert "4 queries, 1 with ties between different labels, 1 with one document" in rest
    assert repr(abcd(["mrr"])) == "Evaluation(mrr=0.5000; 4 queries)"


def test_dcg_alone_claims_nothing_about_relevant_documents():
    assert abcd(["dcg@10"]).convention.endswith("; dcg is defined for each query")


def test_intervals_hold_the_mean_at_the_stated_rate():
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(100):
        ranks = generator.integers(1, 5, 80)
        scores, labels = np.tile(-np.arange(4.0), 80), np.zeros((80, 4))
        labels[np.arange(80), ranks - 1] = 1
        low, high = evaluate_scores(scores, labels.ravel(), qids=np.repeat(np.arange(80), 4), metrics="mrr").intervals[
            "mrr"
        ]
        held += low <= (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4 <= high
    assert 87 <= held <= 100


def many_queries():
    generator = np.random.default_rng(0)
    labels = generator.choice([0.0, 0.0, 0.0, 1.0], 600)
    return evaluate_scores(
        generator.normal(size=600), labels, qids=np.repeat(np.arange(100), 6), metrics=["mrr", "map"]
    )


def test_intervals_are_seeded_and_respect_confidence_and_skip():
    report = many_queries()
    assert report.intervals == many_queries().intervals == report.bootstrap(seed=0)
    assert report.bootstrap(seed=1) != report.bootstrap(seed=2)
    (low, high), (inner_low, inner_high) = report.intervals["mrr"], report.bootstrap(confidence=0.5)["mrr"]
    assert low < inner_low < report.means["mrr"] < inner_high < high
    assert abcd(empty="skip").intervals["mrr"] == (1 / 2, 1)


def test_bootstrap_in_chunks_draws_the_same_resamples(monkeypatch):
    whole = many_queries().bootstrap()
    monkeypatch.setattr("rankkit.statistics.bootstrap.VALUES_AT_ONCE", 1050)
    for metric, interval in many_queries().bootstrap().items():
        assert interval == pytest.approx(whole[metric])


def test_all_queries_empty():
    report = evaluate_scores([1.0, 2.0], [0, 0], qids=[1, 2], metrics=["mrr"], empty="skip")
    assert math.isnan(report.means["mrr"])
    assert report.to_dict()["metrics"]["mrr"] == {"mean": None, "low": None, "high": None, "n_undefined": 2}
    assert "2 of 2 left out of the mean" in str(report)


def test_to_pandas_parquet_and_json(tmp_path):
    report = abcd()
    frame = report.to_pandas()
    assert frame["qid"].tolist() == ["a", "c", "b", "d"]
    report.to_parquet(tmp_path / "made" / "out.parquet")
    table = pq.read_table(tmp_path / "made" / "out.parquet")
    assert table.column_names == ["qid", "mrr", "dcg"]
    assert json.loads(table.schema.metadata[b"rankkit"]) == json.loads(report.to_json())
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["out.parquet"]
    saved = json.loads(report.to_json())
    assert saved["metrics"]["mrr"]["mean"] == report.means["mrr"]
    assert saved["protocol"]["ties"] == "pessimistic"
    assert (saved["n_queries"], saved["n_empty"]) == (4, 1)


def test_tensors_and_lists_are_taken():
    report = evaluate_scores(
        torch.tensor(SCORES, dtype=torch.bfloat16), torch.tensor(LABELS), qids=QIDS.tolist(), metrics=["mrr"]
    )
    np.testing.assert_array_equal(report.per_query["mrr"], abcd().per_query["mrr"])


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"scores": [1.0]}, ShapeError, r"scores \(1,\), labels \(7,\)"),
        ({"labels": list("0100012")}, DataError, "numbers as labels"),
        ({"scores": [math.nan, *SCORES[1:]]}, DataError, "NaN in qid a"),
        ({"metrics": []}, ConfigError, "at least one metric"),
        ({"metrics": None}, ConfigError, "expected metrics as a list of names; got None"),
        ({"protocol": None}, ConfigError, "expected a name or a Protocol; got None. Known: rankkit, "),
        ({"protocol": "rankit"}, ConfigError, r"Did you mean 'rankkit'\?"),
        ({"empty": "zeros"}, ConfigError, r"empty: expected 'zero' or .*Did you mean 'zero'\?"),
        ({"scores": [], "labels": [], "qids": []}, DataError, "at least one query"),
        ({"unretrieved_labels": [1]}, ConfigError, "unretrieved_labels and unretrieved_qids, or neither"),
        (
            {"unretrieved_labels": [1], "unretrieved_qids": ["a", "b"]},
            ShapeError,
            r"unretrieved_labels \(1,\), unretrieved_qids \(2,\)",
        ),
        ({"unretrieved_labels": ["x"], "unretrieved_qids": ["a"]}, DataError, "numbers as unretrieved_labels"),
        ({"unretrieved_labels": [-1], "unretrieved_qids": ["a"]}, DataError, "labels of 0 or more; got -1 in qid a"),
        ({"weights": Weights([1, 2], per="query")}, ShapeError, "4 weights, one a query; got 2"),
        ({"weights": Weights([1, 2], per="doc"), "metrics": ["dcg"]}, ShapeError, r"weights \(2,\)"),
        ({"weights": Weights([0, 0, 0, 0], per="query")}, DataError, "weights that are all 0"),
    ],
)
def test_errors(arguments, error, text):
    with pytest.raises(error, match=text):
        evaluate_scores(**{"scores": SCORES, "labels": LABELS, "qids": QIDS, "metrics": ["mrr"]} | arguments)


def test_a_score_of_minus_infinity_is_not_retrieved_and_ranked_last_where_a_protocol_says_so():
    given = {"scores": [2.0, -math.inf], "labels": [0, 1], "qids": ["a", "a"], "metrics": ["mrr", "recall", "ndcg"]}
    report = evaluate_scores(**given)
    assert report.means == {"mrr": 0, "recall": 0, "ndcg": 0}
    assert report.n_unretrieved == 1
    assert report.n_empty == 0
    assert "; 1 document not retrieved, judged all the same" in report.convention
    last = evaluate_scores(**given, protocol=Protocol(minus_inf="last"))
    assert last.means == {"mrr": 1 / 2, "recall": 1, "ndcg": pytest.approx(1 / math.log2(3))}
    assert last.n_unretrieved == 0
    for name, protocol in PROTOCOLS.items():
        assert protocol.minus_inf == ("unretrieved" if name == "rankkit" else "last")
    # Scores that only another type makes infinite were retrieved.
    low = evaluate_scores(
        [2.0, -1e300], [0, 1], qids=["a", "a"], metrics="mrr", protocol=Protocol(score_dtype="float32")
    )
    assert low.means["mrr"] == 1 / 2


@pytest.mark.parametrize("protocol", ["rankkit", "lightgbm", "sklearn", "letor3", "trec"])
def test_documents_judged_and_not_retrieved_are_those_of_score_minus_infinity(protocol):
    generator = np.random.default_rng(0)
    qids, labels = generator.integers(0, 30, 400), generator.choice(3, 400, p=[0.6, 0.3, 0.1])
    scores, found = generator.integers(0, 20, 400).astype(np.float32), generator.random(400) < 0.4
    ids = np.array([f"d{i}" for i in range(400)])
    metrics = ["ndcg@5", "map", "recall@3", "mrr", "precision@5", "bpref", "opa", "rbp(p=0.5)", "f1@5", "r_precision"]
    rules = {"metrics": metrics, "protocol": protocol}
    beside = evaluate_scores(
        scores[found], labels[found], qids=qids[found], doc_ids=ids[found],
        unretrieved_labels=labels[~found], unretrieved_qids=qids[~found], **rules,
    )  # fmt: skip
    within = evaluate_scores(
        np.where(found, scores, -np.inf), labels, qids=qids, doc_ids=ids,
        metrics=metrics, protocol=replace(PROTOCOLS[protocol], minus_inf="unretrieved"),
    )  # fmt: skip
    order = [within.qids.tolist().index(qid) for qid in beside.qids]
    for name in metrics:
        np.testing.assert_array_equal(beside.per_query[name], within.per_query[name][order])
    assert beside.n_unretrieved == within.n_unretrieved == (~found).sum()


def test_a_query_of_which_nothing_was_retrieved_counts_as_0():
    report = evaluate_scores(
        [1.0], [1], qids=["a"], unretrieved_labels=[2, 0], unretrieved_qids=["b", "b"], metrics=["mrr", "ndcg", "dcg"]
    )
    assert report.qids.tolist() == ["a", "b"]
    assert report.means == {"mrr": 1 / 2, "ndcg": 1 / 2, "dcg": 1 / 2}
    assert report.n_empty == 0


def test_query_weights_are_those_of_the_mean_and_of_its_interval():
    weights = Weights([1, 2, 4, 0], per="query")  # of a, c, b, d
    report = abcd(["mrr", "dcg"], weights=weights)
    assert report.means["mrr"] == pytest.approx((1 * 1 / 2 + 2 * 1 / 2 + 4 * 0) / 7)
    assert abcd(["mrr"], weights=weights, empty="skip").means["mrr"] == 1 / 2
    assert report.convention.endswith("; means by weight of query")
    assert report.to_dict()["weighted_queries"] is True
    assert report.to_pandas()["weight"].tolist() == [1, 2, 4, 0]
    for name in ("mrr", "dcg"):
        np.testing.assert_array_equal(report.per_query[name], abcd([name]).per_query[name])
    equal = abcd(["mrr"], weights=Weights([3, 3, 3, 3], per="query"))
    assert equal.means["mrr"] == pytest.approx(abcd(["mrr"]).means["mrr"])
    assert equal.intervals["mrr"] == pytest.approx(abcd(["mrr"]).intervals["mrr"])
    # As if each query were there as often as its weight says: the mean of each resample in the long run.
    many = many_queries()
    heavy = np.where(many.counted("mrr") == 1, 9.0, 1.0)
    weighted = replace(many, query_weights=heavy)
    low, high = weighted.intervals["mrr"]
    assert low < weighted.means["mrr"] < high
    assert low > many.intervals["mrr"][1]


def test_document_weights_multiply_gains_and_other_metrics_refuse_them():
    weights = Weights([1, 2, 3, 1, 5, 1, 0.5], per="doc")
    report = abcd(["dcg", "ndcg", "opa"], weights=weights)
    discount = 1 / math.log2(3)
    assert report.per_query["dcg"].tolist() == pytest.approx([3 * discount, 2 * discount, 0, 3 * 0.5])
    assert report.convention.endswith("; gains by weight of document")
    for ties, rank in (("stable", 1), ("pessimistic", 2)):
        assert abcd(["dcg"], weights=weights, ties=ties).per_query["dcg"][1] == pytest.approx(2 / math.log2(1 + rank))
    by_id = abcd(["dcg"], weights=weights, ties="trec", doc_ids=["1", "x", "2", "3", "y", "4", "5"])
    assert by_id.per_query["dcg"][1] == pytest.approx(2 * discount)
    with pytest.raises(ConfigError, match="take weights of documents, dcg, ndcg, opa, arp; got mrr, map@5"):
        abcd(["dcg", "mrr", "map@5"], weights=weights)
    with pytest.raises(ConfigError, match="rows of their own, with score -inf and a weight"):
        abcd(["dcg"], weights=weights, unretrieved_labels=[1], unretrieved_qids=["a"])


def test_evaluate_counts_by_the_weights_of_the_data_only_when_asked():
    data, scorer = dataset(), Columns(3)
    weights = np.random.default_rng(1).random(data.n_queries).astype(np.float32)
    weighted = replace(data, weights=weights, weights_per="query")
    plain, report = evaluate(scorer, data, ["mrr"]), evaluate(scorer, weighted, ["mrr"], weighted=True)
    assert evaluate(scorer, weighted, ["mrr"]).means == plain.means
    assert report.means["mrr"] == pytest.approx(np.average(plain.counted("mrr"), weights=weights))
    of_docs = replace(data, weights=np.full(data.n_docs, 2.0, np.float32), weights_per="doc")
    doubled = evaluate(scorer, of_docs, ["dcg"], weighted=True)
    assert doubled.means["dcg"] == pytest.approx(2 * evaluate(scorer, data, ["dcg"]).means["dcg"])
    with pytest.raises(DataError, match=r"expected data with weights \(weighted=True\); got none"):
        evaluate(scorer, data, ["mrr"], weighted=True)


def test_metrics_with_options_in_their_names():
    assert read_metric_name("rbp(p=.8)@10") == ("rbp", 10, {"p": 0.8})
    assert parse_metric("rbp(p=.8)") == ("rbp", None)
    assert metric_name("evaluate", partial(rbp, p=0.5, k=3)) == "rbp(p=0.5)@3"
    report = abcd(["rbp", "rbp(p=.5)", "rbp(p=0.5)@1", partial(rbp, p=0.25)])
    assert list(report.means) == ["rbp", "rbp(p=.5)", "rbp(p=0.5)@1", "rbp(p=0.25)"]
    assert report.per_query["rbp(p=.5)"].tolist() == pytest.approx([1 / 4, 1 / 4, math.nan, 1 / 2], nan_ok=True)
    assert report.per_query["rbp(p=0.25)"][0] == pytest.approx(3 / 4 * 1 / 4)
    assert "rbp p 0.8" in report.convention
    assert "rbp p" not in abcd(["rbp(p=.5)"]).convention


def test_the_later_metrics_say_what_they_mean():
    report = abcd(["arp", "opa", "f1@2", "bpref", "map@2"], protocol=Protocol(ideal="found"), empty="skip")
    assert report.per_query["arp"].tolist() == pytest.approx([2, 2, math.nan, 1], nan_ok=True)
    assert report.convention == (
        "rankkit: relevant from label 1, arp the lower the better, f1@k over k, map@k over the relevant documents "
        "among the k, ties pessimistic; queries without a relevant document (or, for opa, without two labels): 2 of 4 "
        "left out of the mean"
    )
    chances = Protocol(satisfaction={0: 0, 1: 0.4, 2: 0.9})
    report = abcd(["err"], protocol=chances)
    assert report.per_query["err"].tolist() == pytest.approx([0.4 / 2, 0.4 / 2, math.nan, 0.9], nan_ok=True)
    assert "err stops with chance {0: 0; 1: 0.4; 2: 0.9}" in report.convention
    assert Protocol(**json.loads(json.dumps(asdict(chances)))) == chances


def test_a_metric_that_falls_chooses_nothing():
    check_rises("fit", "ndcg@10")
    with pytest.raises(ConfigError, match=r"fit: expected a metric that is higher .*got 'arp', which is lower"):
        check_rises("fit", "arp")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ndgc@10", r"Did you mean 'ndcg'\?"),
        ("NDCG@10", r"Did you mean 'ndcg'\?"),
        ("ndcg@", "'metric@k'"),
        ("ndcg@-1", "'metric@k'"),
        ("ndcg@0", "cutoff of 1 or more"),
        ("nDCG@10", r"ir_measures. nDCG there has the label itself as gain.*Write 'ndcg@10'"),
        ("nDCG(dcg='exp-log2')@5", "Write 'ndcg@5'"),
        ("RR", "orders tied documents by id.*Write 'mrr'"),
        ("AP(rel=2)", "Write 'map'"),
        ("Success@1", "Write 'hit_rate@1'"),
        ("Bpref", "Write 'bpref'"),
        ("RBP(p=0.8)", "Write 'rbp'"),
        ("opa@10", "without a cutoff, since it reads whole lists"),
        ("map_at_r@3", "since it cuts each list at its own number of relevant documents"),
        ("mrr(relevant_from=2)", "expected 'mrr' without options"),
        ("rbp()", r"'rbp\(p=<number>\)'; got 'rbp\(\)'"),
        ("rbp(q=0.5)", r"'rbp\(p=<number>\)'"),
        ("rbp(p=0.5,p=0.6)", "Name each option once"),
        ("rbp(p=x)", r"'rbp\(p=<number>\)'"),
        ("rbp(p=1.5)", "p between 0 and 1; got 1.5"),
    ],
)
def test_metric_names_that_are_refused(name, text):
    with pytest.raises(ConfigError, match=text):
        parse_metric(name)
