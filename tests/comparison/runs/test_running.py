import dataclasses
import functools
import json
import warnings

import numpy as np
import pandas as pd
import pytest

import rankkit as rk
from rankkit.comparison.plan import Part, Rules, RunSpec, System, external_system
from rankkit.comparison.runs.running import run_one
from rankkit.comparison.systems import trained
from rankkit.comparison.systems.trees import weights_by_query
from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation import evaluate_scores
from rankkit.tasks.ranking.splits import Source, write_split
from rankkit.tasks.splitting import Split


@pytest.fixture(scope="module")
def split():
    train, valid, test = (make_ranking(n, n_features=6, seed=n, doc_ids=True) for n in (40, 20, 25))
    return Split("split", train, valid, test)


def run(system, split, folder, seed=0):
    spec = RunSpec(system, "split", seed, 0, {}, Source(), "ndcg@10", Rules(("ndcg@10", "map")), 1)
    progress = []
    run_one(spec, split, folder, progress.append)
    files = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("outcome", "cost", "env", "config")}
    return files, progress


def qids_of(data):
    return np.repeat(data.qids, data.list_sizes)


def check(folder, outcome, split):
    """The scores, the values of queries and the means that a run leaves agree."""
    scores = pd.read_parquet(folder / "scores.parquet")["score"].to_numpy()
    report = evaluate_scores(scores, split.test.labels, qids=qids_of(split.test), metrics=["ndcg@10", "map"])
    per_query = pd.read_parquet(folder / "per_query.parquet")
    assert per_query["qid"].tolist() == split.test.qids.tolist()
    for metric, mean in report.means.items():
        assert outcome["test"][metric] == pytest.approx(mean, abs=1e-12)
        assert per_query[metric].mean() == pytest.approx(mean, abs=1e-12)


def test_a_trained_system(split, tmp_path):
    system = System("x", Part("mlp", {"hidden": [8]}), objective=Part("cross_entropy"), training={"epochs": 3})
    files, progress = run(system, split, tmp_path)
    check(tmp_path, files["outcome"], split)
    assert [step["step"] for step in progress] == [1, 2, 3]
    scorer = rk.load(tmp_path)
    assert scorer.n_outputs == 5
    assert rk.evaluate(scorer, split.test, ["map"]).means["map"] == files["outcome"]["test"]["map"]
    assert rk.evaluate(scorer, split.valid, ["ndcg@10"]).means["ndcg@10"] == files["outcome"]["valid"]
    assert files["config"]["training"]["learning_rate"] == 0.002
    assert files["config"]["scorer"]["dropout"] == 0.3
    assert files["cost"]["n_parameters"] == sum(p.numel() for p in scorer.parameters())
    assert files["cost"]["docs_per_second"] > 0
    assert 0 < files["cost"]["scoring_100_docs_ms"]["p50"] <= files["cost"]["scoring_100_docs_ms"]["p99"]
    assert not (tmp_path / "checkpoint.pt").exists()


def test_the_best_feature_is_the_best_on_validation_data(split, tmp_path):
    files, _ = run(external_system(Part("best-feature")), split, tmp_path)
    check(tmp_path, files["outcome"], split)
    values = {}
    for column in range(6):
        for order, sign in (("high first", 1), ("low first", -1)):
            scores = sign * split.valid.features[:, column]
            report = evaluate_scores(scores, split.valid.labels, qids=qids_of(split.valid), metrics=["ndcg@10"])
            values[str(column + 1), order] = report.means["ndcg@10"]
    best = max(values, key=values.get)
    assert files["outcome"]["chosen"] == {"feature": best[0], "order": best[1]}
    assert files["outcome"]["valid"] == values[best]


def test_a_named_feature(split, tmp_path):
    files, _ = run(external_system(Part("feature", {"feature": "2", "descending": False})), split, tmp_path)
    report = evaluate_scores(-split.test.features[:, 1], split.test.labels, qids=qids_of(split.test), metrics=["map"])
    assert files["outcome"]["test"]["map"] == report.means["map"]
    with pytest.raises(ConfigError, match="expected the name of a feature; got 'bm25'"):
        run(external_system(Part("feature", {"feature": "bm25"})), split, tmp_path)


def test_random_order_depends_on_the_seed_alone(split, tmp_path):
    scores = []
    for number, seed in enumerate((1, 1, 2)):
        run(external_system(Part("random")), split, tmp_path / str(number), seed)
        scores.append(pd.read_parquet(tmp_path / str(number) / "scores.parquet")["score"].tolist())
    assert scores[0] == scores[1] != scores[2]


@pytest.mark.parametrize(
    ("name", "options", "library"),
    [
        ("lightgbm-lambdarank", {"n_estimators": 20, "num_leaves": 7}, "lightgbm"),
        ("lightgbm-xendcg", {"n_estimators": 20, "patience": 3}, "lightgbm"),
        ("xgboost-ndcg", {"n_estimators": 20, "max_depth": 3}, "xgboost"),
        ("catboost-yetirank", {"iterations": 20, "depth": 3}, "catboost"),
    ],
)
def test_trees_keep_the_number_that_is_best_by_our_metric(split, tmp_path, name, options, library):
    pytest.importorskip(library)
    system = external_system(Part(name, options))
    with warnings.catch_warnings():
        if library == "catboost":
            warnings.simplefilter("ignore")  # its own, about numpy
        files, progress = run(system, split, tmp_path / "a")
        again, _ = run(system, split, tmp_path / "b")
    check(tmp_path / "a", files["outcome"], split)
    curve = [json.loads(line)["valid_ndcg@10"] for line in (tmp_path / "a/metrics.jsonl").read_text().splitlines()]
    chosen = files["outcome"]["chosen"]
    assert chosen == {"trees": int(np.argmax(curve)) + 1, "trees_grown": len(curve)}
    assert files["outcome"]["valid"] == max(curve)
    assert files["outcome"] == again["outcome"]
    assert files["outcome"]["test"]["ndcg@10"] > 0.6  # random order reaches 0.5
    assert files["cost"]["n_parameters"] > chosen["trees"]
    assert library in files["env"]["versions"]
    assert progress


@pytest.mark.parametrize("system", ["ranknet", "lightgbm-lambdarank"])
def test_a_system_that_can_learn_nothing_is_refused_before_it_trains(system, split, tmp_path):
    lone = make_ranking(30, n_features=6, seed=0, list_size=(1, 1))
    trained = System("x", Part("linear"), objective=Part("ranknet"))
    nothing = Split("split", lone, split.valid, split.test)
    with pytest.raises(DataError, match="30 queries: all with one document"):
        run(trained if system == "ranknet" else external_system(Part(system)), nothing, tmp_path)
    assert not (tmp_path / "metrics.jsonl").exists()


def test_the_results_know_how_many_training_queries_teach(split, tmp_path):
    write_split(split, tmp_path / "split")
    about = json.loads((tmp_path / "split/about.json").read_text())
    assert 0 < about["n_teaching_queries"] <= split.train.n_queries


def weighted(data, per):
    n_weights = data.n_queries if per == "query" else data.n_docs
    return dataclasses.replace(data, weights=np.arange(n_weights, dtype=np.float32) % 3, weights_per=per)


def test_libraries_with_a_weight_a_query_get_those_of_queries_alone(split):
    assert weights_by_query(weighted(split.train, "query")).shape == (split.train.n_queries,)
    assert weights_by_query(weighted(split.train, "doc")) is weights_by_query(split.train) is None


@pytest.mark.parametrize("library", ["lightgbm", "xgboost", "catboost"])
@pytest.mark.parametrize("per", ["query", "doc"])
def test_weights_reach_the_trees(library, per, split, tmp_path):
    pytest.importorskip(library)
    name, n_trees = {
        "lightgbm": ("lightgbm-lambdarank", "n_estimators"),
        "xgboost": ("xgboost-ndcg", "n_estimators"),
        "catboost": ("catboost-yetirank", "iterations"),
    }[library]
    system, scores = external_system(Part(name, {n_trees: 5, "patience": 5})), []
    for number, train in enumerate((split.train, weighted(split.train, per))):
        files, _ = run(system, dataclasses.replace(split, train=train), tmp_path / str(number))
        scores.append(pd.read_parquet(tmp_path / str(number) / "scores.parquet")["score"].to_numpy())
    takes = per == "query" or library == "lightgbm"
    assert (scores[0] != scores[1]).any() == takes
    assert files["outcome"]["ignores_weights"] == (not takes)


def test_the_first_run_of_a_process_is_not_charged_for_what_is_done_once(split, tmp_path, monkeypatch):
    """What is timed comes after a throw-away training of the same kind, once for each kind."""
    calls, real = [], trained.fit_of

    @functools.wraps(real)
    def fit(task, scorer, objective, train, *args, **options):
        calls.append((train.n_queries, options.get("epochs"), options.get("out")))
        return real(task, scorer, objective, train, *args, **options)

    monkeypatch.setattr(trained, "fit_of", fit)
    monkeypatch.setattr("rankkit.comparison.systems.warming._warm", set())
    system = System("x", Part("linear"), objective=Part("approx_mrr"), training={"epochs": 2})
    first, second = (run(system, split, tmp_path / name, seed)[0] for seed, name in enumerate("ab"))
    assert calls == [(2, 1, None), (40, 2, tmp_path / "a"), (40, 2, tmp_path / "b")]
    assert first["outcome"]["chosen"]["epochs"] == second["outcome"]["chosen"]["epochs"] == 2
