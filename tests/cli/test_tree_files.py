"""evaluate, score and explain take files of LightGBM as they take saved rankers."""

import json

import numpy as np
import pandas as pd
import pytest

import rankkit as rk


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A file of LightGBM, the booster, and data in a file."""
    import lightgbm

    folder = tmp_path_factory.mktemp("trees")
    train, test = (rk.make_ranking(30, n_features=6, seed=seed) for seed in (1, 2))
    data = lightgbm.Dataset(train.features, train.labels, group=train.list_sizes)
    options = {"objective": "lambdarank", "num_leaves": 7, "num_threads": 1, "verbosity": -1}
    booster = lightgbm.train(options, data, num_boost_round=10)
    booster.save_model(folder / "lgb.txt")
    rk.write(test, folder / "test.txt")
    return folder, booster, test


def test_score_and_evaluate(model, rankkit, tmp_path):
    folder, booster, test = model
    expected = booster.predict(test.features, raw_score=True)
    rankkit("score", folder / "lgb.txt", folder / "test.txt", "--out", tmp_path / "s.parquet")
    scores = pd.read_parquet(tmp_path / "s.parquet")["score"]
    np.testing.assert_allclose(scores, test.in_row_order(expected), rtol=0, atol=1e-6)
    answer = rankkit("evaluate", folder / "lgb.txt", folder / "test.txt", "-m", "ndcg@10", "--json")
    qids = np.repeat(test.qids, test.list_sizes)
    wanted = rk.evaluate_scores(expected, test.labels, qids=qids, metrics=["ndcg@10"]).means
    assert json.loads(answer.out)["metrics"]["ndcg@10"]["mean"] == pytest.approx(wanted["ndcg@10"], abs=1e-9)


def test_explain(model, rankkit):
    folder, _, _ = model
    answer = rankkit("explain", folder / "lgb.txt", folder / "test.txt", "--repeats", 1)
    rows = {line.split()[0] for line in answer.out.splitlines() if "[" in line}
    assert {"1", "2", "3", "4", "5", "6"} <= rows


def test_a_file_that_is_cut_off_is_refused(model, rankkit, tmp_path):
    folder, _, _ = model
    (tmp_path / "cut.txt").write_text((folder / "lgb.txt").read_text().partition("Tree=5")[0])
    answer = rankkit("evaluate", tmp_path / "cut.txt", folder / "test.txt")
    assert answer.code == 2
    assert "cut.txt: expected a model of LightGBM, XGBoost or CatBoost; got a damaged one" in answer.err
    assert "behind tree 4" in answer.err
