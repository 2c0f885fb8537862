"""CatBoost as a scorer: its options, whose objective grows it, what is saved, resumed, explained and exported."""

import os
import signal

import numpy as np
import pandas as pd
import pytest

import rankkit as rk
from rankkit.errors import ConfigError, TrainingError
from rankkit.export import check, export
from rankkit.models.trees import CatBoost
from rankkit.training import Callback
from rankkit.training.interrupt import TrainingInterrupted

GRADES = np.array([0, 1, 2], np.float32)
TRAIN, VALID = rk.make_ranking(60, seed=0), rk.make_ranking(40, seed=1)


def grown(objective, train=TRAIN, valid=VALID, *, options=None, **training):
    pytest.importorskip("catboost", reason="pip install catboost")
    scorer = CatBoost(**{"depth": 3, **(options or {})})
    return scorer, rk.fit(scorer, objective, train, valid, progress=False, **training)


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"depth": 0}, "depth of at least 1"),
        ({"rsm": 0.0}, "rsm above 0 and at most 1"),
        ({"l2_leaf_reg": -1.0}, "l2_leaf_reg of at least 0"),
        ({"grow_policy": "Region"}, "grow_policy to be one of"),
        ({"bootstrap_type": "Poisson"}, "bootstrap_type to be one of"),
        ({"max_leaves": 8}, "no max_leaves with grow_policy='SymmetricTree'"),
        ({"min_data_in_leaf": 8}, "take Lossguide or Depthwise"),
        ({"loss_function": "RMSE"}, "loss_function to begin with one of YetiRank"),
    ],
)
def test_options_that_cannot_work_are_refused_before_data(options, place):
    with pytest.raises(ConfigError, match=place):
        CatBoost(**options)


@pytest.mark.parametrize(
    ("given", "name", "options", "expected"),
    [
        ({}, "yeti_rank", {}, "YetiRank"),
        ({}, "softmax", {}, "QuerySoftMax"),
        ({}, "lambdarank", {}, "LambdaMart"),
        ({"l2_leaf_reg": 1.0}, "lambdarank", {}, None),  # with which CatBoost's goes wrong
        ({}, "yeti_rank", {"n_samples": 3}, None),
        ({}, "approx_ndcg", {}, None),
        ({"gradients": "rankkit"}, "yeti_rank", {}, None),
        ({"loss_function": "YetiRankPairwise"}, "yeti_rank", {}, "YetiRankPairwise"),
        ({"loss_function": "YetiRank:mode=NDCG;top=5"}, "yeti_rank", {}, "YetiRank:mode=NDCG;top=5"),
    ],
)
def test_whose_objective_grows_trees(given, name, options, expected):
    assert CatBoost(**given).own_objective(name, options, GRADES) == expected


@pytest.mark.parametrize(("name", "options"), [("softmax", {}), ("approx_ndcg", {}), ("yeti_rank", {"n_samples": 3})])
def test_a_form_of_another_objective_is_refused(name, options):
    with pytest.raises(ConfigError, match="expected an objective that YetiRankPairwise is a form of"):
        CatBoost(loss_function="YetiRankPairwise").own_objective(name, options, GRADES)


@pytest.mark.parametrize("options", [{"gradients": "library"}, {"loss_function": "LambdaMart"}])
def test_its_lambdamart_is_refused_with_what_it_goes_wrong_with(options):
    with pytest.raises(ConfigError, match="no l2_leaf_reg, or 0, with LambdaMart"):
        CatBoost(l2_leaf_reg=1.0, **options).own_objective("lambdarank", {}, GRADES)


@pytest.mark.parametrize(
    ("objective", "options"),
    [
        ("yeti_rank", {}),
        ("yeti_rank", {"loss_function": "YetiRankPairwise"}),
        ("yeti_rank", {"loss_function": "YetiRank:mode=NDCG;top=5"}),
        ("ranknet", {}),
        ("pairwise_mse", {}),
        ("lambdarank", {}),
        ("ranknet", {"gradients": "rankkit"}),
        ("approx_ndcg", {}),
        ("listmle", {"grow_policy": "Lossguide", "max_leaves": 6}),
        ("neural_ndcg", {"score_function": "L2", "bootstrap_type": "No"}),
    ],
)
def test_its_trees_rank_and_are_those_of_the_best_value(objective, options):
    scorer, history = grown(objective, epochs=15, options=options, learning_rate=0.1)
    assert len(scorer.model.trees) == history.best_epoch
    assert history.best_value == rk.evaluate(scorer, VALID, ["ndcg@10"]).means["ndcg@10"]
    constant = rk.evaluate_scores(np.zeros(VALID.n_docs), VALID.labels, qids=np.repeat(VALID.qids, VALID.list_sizes))
    assert history.best_value > constant.means["ndcg@10"] + 0.1


@pytest.fixture(scope="module")
def trained():
    return grown("approx_ndcg", epochs=6)[0]


def test_a_bundle_scores_as_before_and_is_the_file_of_the_library(trained, tmp_path):
    rk.save(trained, tmp_path / "run")
    loaded = rk.load(tmp_path / "run")
    assert isinstance(loaded, CatBoost)
    assert loaded.options == trained.options
    np.testing.assert_array_equal(rk.predict(loaded, VALID), rk.predict(trained, VALID))
    (tmp_path / "model.json").write_bytes(trained.model.content)
    np.testing.assert_array_equal(rk.predict(rk.load(tmp_path / "model.json"), VALID), rk.predict(trained, VALID))
    catboost = pytest.importorskip("catboost")
    theirs = catboost.CatBoost().load_model(str(tmp_path / "model.json"), format="json")
    np.testing.assert_allclose(rk.predict(trained, VALID), theirs.predict(VALID.features), rtol=1e-6)


def test_it_is_explained_and_exported(trained, tmp_path):
    shown = rk.attribute(trained, VALID, [(VALID.qids[0], 0)])
    assert np.isfinite(shown.values).all()
    manifest = export(trained, "elasticsearch", tmp_path / "es")
    assert manifest.scorer["name"] == "catboost"
    assert check(tmp_path / "es").inversions == 0


def test_equal_seeds_give_equal_files_and_others_do_not():
    files = [grown("yeti_rank", epochs=3, seed=seed)[0].state()["file"].tobytes() for seed in (1, 1, 2)]
    assert files[0] == files[1]
    assert files[0] != files[2]


class _Die(Callback):
    def on_epoch_end(self, record):
        if record.epoch == 3:
            os.kill(os.getpid(), signal.SIGKILL)


class _Stop(Callback):
    def on_epoch_end(self, record):
        if record.epoch == 3:
            raise KeyboardInterrupt


@pytest.mark.parametrize(("objective", "options"), [("yeti_rank", {}), ("yeti_rank", {"gradients": "rankkit"})])
def test_a_run_that_is_resumed_ends_with_the_trees_of_one_that_was_not_cut_off(tmp_path, objective, options):
    whole, _ = grown(objective, epochs=6, options=options, out=tmp_path / "whole")
    with pytest.raises(TrainingInterrupted):
        grown(objective, epochs=6, options=options, out=tmp_path / "cut", callbacks=[_Stop()])
    resumed, _ = grown(objective, epochs=6, options=options, out=tmp_path / "cut", resume=True)
    assert resumed.state()["file"].tobytes() == whole.state()["file"].tobytes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked run")
def test_a_killed_run_is_resumed(tmp_path):
    run = {"epochs": 5, "checkpoint_every": 0.0, "options": {"gradients": "rankkit"}}
    whole, _ = grown("softmax", out=tmp_path / "whole", **run)
    child = os.fork()
    if child == 0:
        try:
            grown("softmax", out=tmp_path / "cut", callbacks=[_Die()], **run)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    resumed, _ = grown("softmax", out=tmp_path / "cut", resume=True, **run)
    assert resumed.state()["file"].tobytes() == whole.state()["file"].tobytes()


@pytest.mark.parametrize("objective", ["softmax", "approx_ndcg"])
def test_a_scorer_with_trees_is_given_more(objective):
    scorer, _ = grown(objective, valid=None, epochs=3)
    first = rk.predict(scorer, VALID)
    history = rk.fit(scorer, objective, TRAIN, VALID, epochs=4, progress=False)
    assert len(scorer.model.trees) == 3 + history.best_epoch
    assert history.best_value == rk.evaluate(scorer, VALID, ["ndcg@10"]).means["ndcg@10"]
    assert not np.array_equal(rk.predict(scorer, VALID), first)


@pytest.mark.parametrize("gradients", ["library", "rankkit"])
def test_categories_are_split_one_value_at_a_time(gradients):
    generator = np.random.default_rng(0)
    brand = generator.integers(0, 12, 2400)
    good = np.isin(brand, [1, 4, 6, 11])
    table = pd.DataFrame(
        {
            "qid": np.repeat(np.arange(240), 10),
            "label": good.astype(int),
            "brand": pd.Categorical([f"b{code:02}" for code in brand]),
            "noise": generator.normal(size=2400),
        }
    )
    table.loc[::50, "brand"] = None
    train = rk.from_pandas(table)
    pytest.importorskip("catboost", reason="pip install catboost")
    scorer = CatBoost.for_data(train, depth=4, gradients=gradients)
    rk.fit(scorer, "softmax", train, epochs=20, progress=False)
    assert all(tree.categories for tree in scorer.model.trees[:1])
    scores, known = rk.predict(scorer, table), table.brand.notna()
    assert scores[good & known].min() > scores[~good & known].max()
    more = rk.fit(scorer, "softmax", train, epochs=1, progress=False)  # the hashes of categories go along
    assert more.best_epoch == 1
    assert np.isfinite(rk.predict(scorer, table.assign(brand="never seen"))).all()


def test_weights_of_queries_reach_its_own_objectives_and_those_of_documents_are_refused():
    weights = np.random.default_rng(0).uniform(0.1, 3, TRAIN.n_queries).astype(np.float32)
    qids = np.repeat(TRAIN.qids, TRAIN.list_sizes)
    weighed = rk.from_arrays(TRAIN.features, TRAIN.labels, qids, weights=rk.Weights(weights, "query"))
    files = [grown("yeti_rank", data, epochs=2)[0].state()["file"].tobytes() for data in (TRAIN, weighed)]
    assert files[0] != files[1]
    by_doc = rk.from_arrays(TRAIN.features, TRAIN.labels, qids, weights=rk.Weights(np.ones(TRAIN.n_docs), "doc"))
    with pytest.raises(ConfigError, match=r"CatBoost: .*weights of documents.*gradients='rankkit'"):
        grown("yeti_rank", by_doc)
    grown("yeti_rank", by_doc, epochs=1, options={"gradients": "rankkit"})


def test_a_first_tree_without_a_split_is_an_error():
    flat = rk.from_arrays(np.zeros((40, 2), np.float32), np.tile([0, 1], 20), np.repeat(np.arange(10), 4))
    with pytest.raises(TrainingError, match="a split that helps"):
        grown("softmax", flat, None, options={"gradients": "rankkit"})
