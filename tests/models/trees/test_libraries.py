"""LightGBM and XGBoost as scorers: their options, whose objective grows them, what is saved, native categories."""

import numpy as np
import pandas as pd
import pytest
import torch

import rankkit as rk
from rankkit.errors import ConfigError, ExportError
from rankkit.export import check, export
from rankkit.models.trees.libraries import Boosted, LightGBM, XGBoost
from rankkit.training import Callback
from rankkit.training.interrupt import TrainingInterrupted
from rankkit.transforms import Transform

pytest.importorskip("lightgbm")

GRADES = np.array([0, 1, 2], np.float32)


@pytest.fixture(scope="module")
def trained():
    scorer = LightGBM(num_leaves=5, min_data_in_leaf=5)
    rk.fit(scorer, "ranknet", rk.make_ranking(30, seed=0), epochs=6, progress=False)
    return scorer


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"num_leaves": 1}, "num_leaves of at least 2"),
        ({"feature_fraction": 0.0}, "feature_fraction above 0 and at most 1"),
        ({"lambda_l2": -1.0}, "lambda_l2 of at least 0"),
        ({"max_depth": -2}, "max_depth of at least -1"),
        ({"gradients": "own"}, "gradients to be"),
        ({"n_features": 0}, "n_features"),
        ({"context": "z+zz"}, "got 'zz'"),
    ],
)
def test_options_that_cannot_work_are_refused_before_data(options, place):
    with pytest.raises(ConfigError, match=place):
        LightGBM(**options)


def test_boosted_finds_the_scorer_of_a_library():
    assert rk.Boosted("lightgbm", num_leaves=63).options["num_leaves"] == 63
    assert isinstance(Boosted("xgboost", max_depth=3), XGBoost)
    with pytest.raises(ConfigError, match="lightgbm, xgboost, catboost; got 'random_forest'"):
        Boosted("random_forest")


@pytest.mark.parametrize(
    ("gradients", "name", "options", "labels", "expected"),
    [
        ("auto", "lambdarank", {}, GRADES, "lambdarank"),
        ("auto", "xe_ndcg", {}, GRADES, "rank_xendcg"),
        ("auto", "lambdarank", {"k": "10"}, GRADES, None),
        ("auto", "lambdarank", {}, GRADES + 0.5, None),  # LightGBM's own takes whole labels alone
        ("auto", "ranknet", {}, GRADES, None),
        ("rankkit", "lambdarank", {}, GRADES, None),
        ("library", "lambdarank", {}, GRADES, "lambdarank"),
    ],
)
def test_whose_objective_grows_trees(gradients, name, options, labels, expected):
    assert LightGBM(gradients=gradients).own_objective(name, options, labels) == expected


@pytest.mark.parametrize(("name", "options"), [("softmax", {}), ("lambdarank", {"k": "10"})])
def test_an_objective_that_the_library_has_not_is_refused_where_its_own_is_asked_for(name, options):
    with pytest.raises(ConfigError, match=f"lambdarank, xe_ndcg.*got {name}"):
        LightGBM(gradients="library").own_objective(name, options, GRADES)


def test_without_trees_every_score_is_0_and_a_bundle_stays_so(tmp_path):
    data = rk.make_ranking(4, seed=0)
    scorer = LightGBM(data.n_features)
    assert (rk.predict(scorer, data) == 0).all()
    with pytest.raises(ConfigError, match="Fit it first"):
        _ = scorer.model
    rk.save(scorer, tmp_path / "untrained")
    assert (rk.predict(rk.load(tmp_path / "untrained"), data) == 0).all()


def test_a_bundle_scores_as_before_and_is_the_file_of_the_library(trained, tmp_path):
    data = rk.make_ranking(10, seed=3)
    rk.save(trained, tmp_path / "run")
    loaded = rk.load(tmp_path / "run")
    assert isinstance(loaded, LightGBM)
    assert loaded.options == trained.options
    np.testing.assert_array_equal(rk.predict(loaded, data), rk.predict(trained, data))
    (tmp_path / "trees.txt").write_bytes(trained.model.content)
    np.testing.assert_array_equal(rk.predict(rk.load(tmp_path / "trees.txt"), data), rk.predict(trained, data))


def test_it_scores_as_the_library_does(trained):
    import lightgbm

    data = rk.make_ranking(10, seed=3)
    booster = lightgbm.Booster(model_str=trained.model.content.decode())
    np.testing.assert_allclose(rk.predict(trained, data), booster.predict(data.features), rtol=1e-6)


def test_trees_of_other_features_are_refused(trained):
    with pytest.raises(ValueError, match="trees of"):
        LightGBM(2).set_state(trained.state())


@pytest.fixture(scope="module")
def in_context():
    scorer = LightGBM(num_leaves=5, min_data_in_leaf=5, context="z+rank")
    history = rk.fit(scorer, "lambdarank", *in_parts(), metric="ndcg@10", epochs=8, progress=False)
    return scorer, history


def in_parts():
    return rk.make_ranking(40, seed=0), rk.make_ranking(20, seed=1)


def test_context_stands_in_columns_beside_the_features(in_context):
    scorer, history = in_context
    _, valid = in_parts()
    assert (scorer.n_features, scorer.model.n_features) == (valid.n_features, 3 * valid.n_features)
    transform = Transform("none", valid.n_features, context="z+rank")
    columns = transform(torch.from_numpy(valid.features), torch.from_numpy(valid.offsets)).numpy()
    np.testing.assert_array_equal(rk.predict(scorer, valid), scorer.model.scores(columns).astype(np.float32))
    assert rk.evaluate(scorer, valid, ["ndcg@10"]).means["ndcg@10"] == history.best_value


def test_context_is_counted_with_its_feature_and_kept_in_a_bundle(in_context, tmp_path):
    scorer, _ = in_context
    _, valid = in_parts()
    assert len(rk.permutation_importance(scorer, valid, n_repeats=1).names) == valid.n_features
    rk.save(scorer, tmp_path / "run")
    loaded = rk.load(tmp_path / "run")
    assert loaded.options["context"] == "z+rank"
    np.testing.assert_array_equal(rk.predict(loaded, valid), rk.predict(scorer, valid))
    with pytest.raises(ValueError, match="trees of 30 features, where the options give 10"):
        LightGBM(10).set_state(scorer.state())


def test_trees_with_context_are_refused_by_every_target(in_context, tmp_path):
    with pytest.raises(ExportError, match=r"context='z\+rank', which compares the documents of a query"):
        export(in_context[0], "elasticsearch", tmp_path / "es")
    assert not list(tmp_path.iterdir())


def test_missing_values_are_missing_in_their_context():
    scorer = LightGBM(1, context="rank")
    rows = np.array([[3], [np.nan], [5]], np.float32)
    data = rk.from_arrays(rows, np.array([0, 1, 2]), np.zeros(3, int))
    np.testing.assert_array_equal(scorer._columns(data), [[3, 0], [np.nan, np.nan], [5, 1]])


def test_categories_and_columns_of_the_query_have_no_context():
    table = pd.DataFrame(
        {
            "qid": np.repeat(np.arange(40), 5),
            "label": np.tile([0, 0, 1, 0, 2], 40),
            "brand": pd.Categorical(["a", "b", "a", "b", "b"] * 40),
            "price": np.random.default_rng(0).normal(size=200),
            "age": np.repeat(np.random.default_rng(1).integers(18, 80, 40), 5).astype(float),
        }
    )
    train = rk.from_pandas(table, columns={"age": rk.number(side="query")})
    scorer = XGBoost.for_data(train, context="gap")
    assert scorer._context_of(3).places == [train.feature_names.index("price")]


def test_it_is_exported_like_trees_of_a_file(trained, tmp_path):
    manifest = export(trained, "elasticsearch", tmp_path / "es")
    assert manifest.scorer["name"] == "lightgbm"
    assert check(tmp_path / "es").inversions == 0


def test_categories_are_split_by_sets_of_codes():
    generator = np.random.default_rng(0)
    n_rows = 4800
    brand = generator.integers(0, 12, n_rows)
    good = np.isin(brand, [1, 4, 6, 11])  # no threshold tells these from the others
    table = pd.DataFrame(
        {
            "qid": np.repeat(np.arange(n_rows // 10), 10),
            "label": good.astype(int),
            "brand": pd.Categorical([f"b{code:02}" for code in brand]),
            "noise": generator.normal(size=n_rows),
        }
    )
    train = rk.from_pandas(table)
    scorer = LightGBM.for_data(train, num_leaves=2, min_data_in_leaf=5, feature_fraction=1.0, cat_smooth=0, cat_l2=0)
    rk.fit(scorer, "softmax", train, epochs=1, progress=False)
    (tree,) = scorer.model.trees
    assert tree.categories  # one split does it
    scores = rk.predict(scorer, table)
    assert scores[good].min() > scores[~good].max()
    unseen = table.assign(brand="never seen")
    assert np.isfinite(rk.predict(scorer, unseen)).all()


def test_weights_of_documents_are_refused_by_xgboosts_own_objectives():
    data = rk.make_ranking(3, seed=0)
    weighed = rk.from_arrays(
        data.features, data.labels, np.repeat(data.qids, data.list_sizes), weights=np.ones(data.n_docs)
    )
    with pytest.raises(ConfigError, match=r"weights of documents.*gradients='rankkit'"):
        XGBoost().weights_taken(weighed)


@pytest.mark.parametrize("options", [{}, {"subsample": 1.0, "colsample_bytree": 1.0}])
@pytest.mark.parametrize("objective", ["lambdarank", "yeti_rank"])
def test_trees_of_xgboost_go_on_from_a_checkpoint(tmp_path, objective, options):
    pytest.importorskip("xgboost")

    class Stop(Callback):
        def on_epoch_end(self, record):
            if record.epoch == 3:
                raise KeyboardInterrupt

    def grown(folder, **more):
        scorer = XGBoost(max_depth=3, **options)
        rk.fit(scorer, objective, *in_parts(), epochs=7, progress=False, out=folder, **more)
        return scorer.state()["file"].tobytes()

    with pytest.raises(TrainingInterrupted):
        grown(tmp_path / "cut", callbacks=[Stop()])
    assert grown(tmp_path / "cut", resume=True) == grown(tmp_path / "whole")


def test_a_scorer_of_xgboost_is_given_more_trees():
    pytest.importorskip("xgboost")
    train, valid = in_parts()
    whole, parts = (XGBoost(max_depth=3, subsample=1.0, colsample_bytree=1.0) for _ in range(2))
    for scorer, epochs in ((whole, [7]), (parts, [3, 4])):
        for n_trees in epochs:
            rk.fit(scorer, "softmax", train, epochs=n_trees, progress=False)
    np.testing.assert_array_equal(rk.predict(parts, valid), rk.predict(whole, valid))
