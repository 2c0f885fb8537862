"""Each preset gives the number of the tool it is named after, list by list, to 1e-9.

XGBoost, CatBoost and ranx are not among rankkit's test requirements; ``pip install xgboost catboost ranx`` adds them.
"""

import warnings
from dataclasses import replace

import ir_measures
import numpy as np
import pytest
from ir_measures import AP, RR, Bpref, P, R, Rprec, Success, nDCG

from rankkit.evaluation import PROTOCOLS, evaluate_run, evaluate_scores
from tests.peers.adversarial import CUTOFFS, flat, lists

AT = [f"@{k}" for k in CUTOFFS]


def ours(pairs, protocol, metrics, **more):
    """``{metric: float64 [list]}``: what each list counts for."""
    scores, labels, qids = flat(pairs)
    report = evaluate_scores(scores, labels, qids=qids, metrics=metrics, protocol=protocol, **more)
    assert all(report.protocol.has(metric.split("@")[0]) for metric in metrics)
    return {metric: report.counted(metric) for metric in metrics}, report.means


def check(pairs, protocol, metrics, theirs):
    """Compare with ``theirs(scores, labels)``, one value a metric, for each list."""
    values, _ = ours(pairs, protocol, metrics)
    for i, (scores, labels) in enumerate(pairs):
        expected = theirs(scores, labels)
        for metric in metrics:
            assert values[metric][i] == pytest.approx(expected[metric], abs=1e-9), (metric, scores, labels)


@pytest.mark.parametrize("greatest", [1, 4, 30])
def test_lightgbm(greatest):
    lightgbm = pytest.importorskip("lightgbm")
    metrics = [f"{metric}{at}" for metric in ("ndcg", "map") for at in AT]
    options = {
        "objective": "lambdarank", "metric": ["ndcg", "map"], "eval_at": list(CUTOFFS), "verbose": -1, "num_threads": 1,
    }  # fmt: skip

    def theirs(scores, labels, sizes=None):
        data = lightgbm.Dataset(
            np.zeros((len(scores), 1)), label=labels, group=sizes or [len(scores)], init_score=scores
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            booster = lightgbm.Booster(options, data)
        return {name: value for _, name, value, _ in booster.eval_train()}

    pairs = lists(greatest)
    check(pairs, "lightgbm", metrics, theirs)
    scores, labels, _ = flat(pairs)
    together = theirs(scores, labels, [len(scores) for scores, _ in pairs])
    assert ours(pairs, "lightgbm", metrics)[1] == pytest.approx(together, abs=1e-9)


@pytest.mark.parametrize("greatest", [1, 4, 30])
def test_xgboost(greatest):
    xgboost = pytest.importorskip("xgboost", reason="pip install xgboost")
    # Its map and pre take labels 0 and 1 only.
    names = {"ndcg": "ndcg", "map": "map", "precision": "pre"} if greatest == 1 else {"ndcg": "ndcg"}
    metrics = {f"{ours}{at}": f"{theirs}{at}" for ours, theirs in names.items() for at in [*AT, ""]}

    def theirs(scores, labels, sizes=None):
        data = xgboost.DMatrix(np.zeros((len(scores), 1)), label=labels, base_margin=scores)
        data.set_group(sizes or [len(scores)])
        options = {"objective": "rank:ndcg", "eval_metric": list(metrics.values()), "nthread": 1, "base_score": 0}
        line = xgboost.Booster(options, [data]).eval(data, "x")
        found = dict(part.removeprefix("x-").rsplit(":", 1) for part in line.split("\t")[1:])
        return {name: float(found[theirs]) for name, theirs in metrics.items()}

    pairs = lists(greatest)
    check(pairs, "xgboost", list(metrics), theirs)
    scores, labels, _ = flat(pairs)
    together = theirs(scores, labels, [len(scores) for scores, _ in pairs])
    assert ours(pairs, "xgboost", list(metrics))[1] == pytest.approx(together, abs=1e-9)


@pytest.mark.parametrize("greatest", [1, 4, 30])
def test_catboost(greatest):
    utils = pytest.importorskip("catboost.utils", reason="pip install catboost")
    names = {
        "ndcg": "NDCG", "dcg": "DCG", "map": "MAP", "mrr": "MRR", "precision": "PrecisionAt", "recall": "RecallAt",
    }  # fmt: skip
    metrics = {f"{ours}@{k}": f"{theirs}:top={k}" for ours, theirs in names.items() for k in CUTOFFS}

    def theirs(scores, labels, qids=None):
        qids = np.zeros(len(scores), np.int64) if qids is None else qids
        label = labels.astype(np.float64)
        return {
            name: utils.eval_metric(label, scores, theirs, group_id=qids, thread_count=1)[0]
            for name, theirs in metrics.items()
        }

    pairs = lists(greatest)
    check(pairs, "catboost", list(metrics), theirs)
    assert ours(pairs, "catboost", list(metrics))[1] == pytest.approx(theirs(*flat(pairs)), abs=1e-9)


def test_catboost_with_labels_that_are_no_grades():
    utils = pytest.importorskip("catboost.utils", reason="pip install catboost")
    pairs = [(np.arange(4.0), np.array([0.75, 0.5, 0.25, 0.0])), (np.arange(3.0), np.array([0.375, 0.25, 0.125]))]
    metrics = {"ndcg@3": "NDCG:top=3", "map@3": "MAP:top=3", "mrr@3": "MRR:top=3", "recall@3": "RecallAt:top=3"}
    scores, labels, qids = flat(pairs)
    expected = {name: utils.eval_metric(labels, scores, theirs, group_id=qids)[0] for name, theirs in metrics.items()}
    assert ours(pairs, "catboost", list(metrics))[1] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("greatest", [1, 4, 30])
def test_sklearn(greatest):
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    pairs = [pair for pair in lists(greatest) if len(pair[0]) > 1]  # ndcg_score refuses one document
    metrics = [f"{metric}{at}" for metric in ("ndcg", "dcg") for at in [*AT, ""]]

    def theirs(scores, labels):
        read = {"ndcg": sklearn_metrics.ndcg_score, "dcg": sklearn_metrics.dcg_score}
        parts = {name: name.split("@") for name in metrics}
        return {
            name: read[metric]([labels], [scores], k=int(k[0]) if k else None) for name, (metric, *k) in parts.items()
        }

    check(pairs, "sklearn", metrics, theirs)


@pytest.mark.parametrize("greatest", [1, 4, 30])
def test_trec(greatest):
    names = {"ndcg": nDCG, "map": AP, "precision": P, "recall": R, "hit_rate": Success}
    measures = {f"{ours}@{k}": theirs @ k for ours, theirs in names.items() for k in CUTOFFS}
    measures |= {"ndcg": nDCG, "map": AP, "mrr": RR, "r_precision": Rprec, "bpref": Bpref}
    pairs = lists(greatest)
    scores, labels, qids = flat(pairs)
    # Ids whose order is neither that of the rows nor the reverse.
    doc_ids = np.array([f"d{i}" for i in np.random.default_rng(1).permutation(len(scores))])
    qrels, run = {}, {}
    for qid, doc_id, label, score in zip(
        qids.tolist(), doc_ids.tolist(), labels.tolist(), scores.tolist(), strict=True
    ):
        qrels.setdefault(str(qid), {})[doc_id] = label
        run.setdefault(str(qid), {})[doc_id] = score
    values, means = ours(pairs, "trec", list(measures), doc_ids=doc_ids)
    for name, measure in measures.items():
        theirs = {value.query_id: value.value for value in ir_measures.pytrec_eval.iter_calc([measure], qrels, run)}
        expected = [theirs[str(i)] for i in range(len(pairs))]
        np.testing.assert_allclose(values[name], expected, rtol=0, atol=1e-9, err_msg=name)
        assert means[name] == pytest.approx(np.mean(expected), abs=1e-9)


@pytest.mark.parametrize("greatest", [1, 4])
def test_lightgbm_ranks_minus_infinity_last_and_credits_it(greatest):
    lightgbm = pytest.importorskip("lightgbm")
    metrics = [f"{metric}{at}" for metric in ("ndcg", "map") for at in AT]

    def theirs(scores, labels):
        options = {"objective": "lambdarank", "metric": ["ndcg", "map"], "eval_at": list(CUTOFFS), "verbose": -1}
        data = lightgbm.Dataset(np.zeros((len(scores), 1)), label=labels, group=[len(scores)], init_score=scores)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            booster = lightgbm.Booster(options, data)
        return {name: value for _, name, value, _ in booster.eval_train()}

    check(with_minus_infinity(greatest), "lightgbm", metrics, theirs)


@pytest.mark.parametrize("greatest", [1, 4])
def test_trec_ranks_minus_infinity_last_and_credits_it(greatest):
    pairs = with_minus_infinity(greatest)
    scores, labels, qids = flat(pairs)
    doc_ids = np.array([f"d{i}" for i in np.random.default_rng(1).permutation(len(scores))])
    qrels, run = {}, {}
    for qid, doc_id, label, score in zip(qids, doc_ids, labels, scores, strict=True):
        qrels.setdefault(str(qid), {})[doc_id] = int(label)
        run.setdefault(str(qid), {})[doc_id] = float(score)
    measures = {"ndcg": nDCG, "map": AP, "mrr": RR, "recall@5": R @ 5, "r_precision": Rprec, "bpref": Bpref}
    values, _ = ours(pairs, "trec", list(measures), doc_ids=doc_ids)
    for name, measure in measures.items():
        theirs = {value.query_id: value.value for value in ir_measures.pytrec_eval.iter_calc([measure], qrels, run)}
        expected = [theirs[str(i)] for i in range(len(pairs))]
        np.testing.assert_allclose(values[name], expected, rtol=0, atol=1e-9, err_msg=name)


def with_minus_infinity(greatest):
    """The adversarial lists, some scores of which are -inf."""
    generator = np.random.default_rng(7)
    return [
        (np.where(generator.random(len(scores)) < 0.3, -np.inf, scores), labels) for scores, labels in lists(greatest)
    ]


@pytest.mark.parametrize("depth", [1, 5, 20])
def test_a_truncated_run_has_the_numbers_of_trec_eval(depth):
    """What the qrels judge and the run lacks is given beside the run, also whole queries."""
    generator = np.random.default_rng(depth)
    columns = {name: [] for name in ("scores", "labels", "qids", "doc_ids")}
    lost_labels, lost_qids, qrels, run = [], [], {}, {}
    for query in range(60):
        qid, size = f"q{query}", int(generator.integers(1, 60))
        labels = generator.choice(4, size, p=[0.6, 0.2, 0.1, 0.1])
        scores = generator.integers(0, 12, size).astype(np.float64)
        found = np.argsort(-scores, kind="stable")[: 0 if query % 20 == 7 else depth]
        qrels[qid] = {f"d{i}": int(labels[i]) for i in range(size)}
        if len(found):
            run[qid] = {f"d{i}": float(scores[i]) for i in found}
        for i in found:
            for name, value in zip(columns, (scores[i], labels[i], qid, f"d{i}"), strict=True):
                columns[name].append(value)
        lost = np.setdiff1d(np.arange(size), found)
        lost_labels += labels[lost].tolist()
        lost_qids += [qid] * len(lost)
    measures = {
        "ndcg": nDCG, "ndcg@3": nDCG @ 3, "map": AP, "map@10": AP @ 10, "mrr": RR, "precision@10": P @ 10,
        "recall@5": R @ 5, "recall": R @ 1000, "hit_rate@3": Success @ 3, "r_precision": Rprec, "bpref": Bpref,
    }  # fmt: skip
    report = evaluate_scores(
        **columns,
        unretrieved_labels=lost_labels,
        unretrieved_qids=lost_qids,
        metrics=list(measures),
        protocol="trec",
    )
    theirs = evaluate_run(qrels, run, [str(measure) for measure in measures.values()])
    place = {qid: i for i, qid in enumerate(theirs.qids)}
    rows = [place[qid] for qid in report.qids]
    assert sorted(rows) == list(range(60))
    assert report.n_unretrieved == len(lost_labels)
    for name, measure in measures.items():
        expected = np.nan_to_num(theirs.per_query[str(measure)][rows])
        np.testing.assert_allclose(report.counted(name), expected, rtol=0, atol=1e-9, err_msg=name)
        assert report.means[name] == pytest.approx(theirs.means[str(measure)], abs=1e-9)


def without_ties_in_long_lists(greatest):
    """ranx keeps the order of rows in ties of up to 15 documents; its sort leaves that of longer lists to chance."""
    return [pair for pair in lists(greatest) if len(pair[0]) <= 15 or len(np.unique(pair[0])) == len(pair[0])]


@pytest.mark.parametrize("greatest", [1, 4, 30])
@pytest.mark.filterwarnings("ignore")
def test_ranx(greatest):
    ranx = pytest.importorskip("ranx", reason="pip install ranx")
    names = ["ndcg", "dcg", "map", "mrr", "precision", "recall", "hit_rate"]
    metrics = [f"{name}@{k}" for name in names for k in CUTOFFS] + ["ndcg", "map", "mrr"]
    pairs = without_ties_in_long_lists(greatest)
    qids = [f"q{i:03}" for i in range(len(pairs))]
    # Ids that fall as rows rise, so that the order of ids is not that of the rows.
    qrels = {
        qid: {f"d{900 - i}": int(x) for i, x in enumerate(labels)} for qid, (_, labels) in zip(qids, pairs, strict=True)
    }
    run = {
        qid: {f"d{900 - i}": float(x) for i, x in enumerate(scores)}
        for qid, (scores, _) in zip(qids, pairs, strict=True)
    }
    theirs = ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), metrics, return_mean=False)
    values, _ = ours(pairs, "ranx", metrics)
    for name in metrics:
        np.testing.assert_allclose(values[name], theirs[name], rtol=0, atol=1e-9, err_msg=name)


@pytest.mark.filterwarnings("ignore")
def test_ranx_ndcg_burges_is_the_exponential_gain():
    ranx = pytest.importorskip("ranx", reason="pip install ranx")
    pairs = without_ties_in_long_lists(4)
    qrels = {f"q{i:03}": {f"d{j}": int(x) for j, x in enumerate(labels)} for i, (_, labels) in enumerate(pairs)}
    run = {f"q{i:03}": {f"d{j}": float(x) for j, x in enumerate(scores)} for i, (scores, _) in enumerate(pairs)}
    theirs = ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), "ndcg_burges@5", return_mean=False)
    values, _ = ours(pairs, replace(PROTOCOLS["ranx"], gain="exp"), ["ndcg@5"])
    np.testing.assert_allclose(values["ndcg@5"], theirs, rtol=0, atol=1e-9)
