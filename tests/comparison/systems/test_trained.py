"""Models that were saved before, wherever they were trained, are rows like any other."""

import numpy as np
import pytest

import rankkit as rk
from rankkit.comparison import Part, Plan, Rules, compare, cross, external_system
from rankkit.comparison.plan import RunSpec
from rankkit.comparison.systems.trained import use_saved
from rankkit.errors import ConfigError
from rankkit.tasks.ranking.splits import Source


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    for seed, part in enumerate(("train", "valid", "test")):
        rk.write(rk.make_ranking(30, n_features=3, seed=seed), folder / f"{part}.txt")
    return folder


def plan_of(folder, *paths):
    source = Source(**{part: str(folder / f"{part}.txt") for part in ("train", "valid", "test")})
    saved = (external_system(Part("saved", {"path": str(folder / path)})) for path in paths)
    systems = (*cross([Part("linear")], [Part("ranknet")], {"epochs": 1}), *saved)
    return Plan(source, systems, systems[0].name, (0,), "ndcg@10", Rules(metrics=("ndcg@10",)))


def test_a_saved_ranker_and_a_file_of_trees_are_systems(folder):
    lightgbm = pytest.importorskip("lightgbm")
    train, test = rk.read(folder / "train.txt"), rk.read(folder / "test.txt")
    scorer = rk.LinearScorer(3, seed=0)
    rk.fit(scorer, "softmax", train, epochs=2, progress=False)
    rk.save(scorer, folder / "linear", data_fingerprint=train.fingerprint)
    data = lightgbm.Dataset(train.features, train.labels, group=train.list_sizes)
    booster = lightgbm.train({"objective": "lambdarank", "verbosity": -1, "min_data_in_leaf": 2}, data, 5)
    booster.save_model(folder / "trees.txt")
    results = compare(plan_of(folder, "linear", "trees.txt"), folder / "out", progress=False)
    assert not results.errors
    means = results.values["ndcg@10"].mean()
    for path in ("linear", "trees.txt"):
        expected = rk.evaluate(rk.load(folder / path), test, ["ndcg@10"]).means["ndcg@10"]
        assert means[f"saved path={folder / path}"] == pytest.approx(expected, abs=1e-9)
    assert np.isfinite(means).all()
    (told,) = (finding for finding in results.audit if finding.check == "trained elsewhere")
    assert told.level == "note"
    assert str(folder / "trees.txt") in told.text
    assert str(folder / "linear") not in told.text  # its bundle says that it learnt from these training data


def test_a_ranker_that_has_learnt_from_the_test_data_is_no_fair_system(folder):
    test = rk.read(folder / "test.txt")
    scorer = rk.LinearScorer(3, seed=0)
    rk.fit(scorer, "softmax", test, epochs=1, progress=False)
    rk.save(scorer, folder / "cheat", data_fingerprint=test.fingerprint)
    results = compare(plan_of(folder, "cheat"), folder / "unfair", progress=False)
    (told,) = (finding for finding in results.audit if finding.check == "trained elsewhere")
    assert (told.level, "cheat" in told.text) == ("fail", True)


def test_a_saved_encoder_is_no_ranker(folder):
    rk.save(rk.MLPEncoder(3, seed=0), folder / "encoder")
    plan = plan_of(folder, "encoder")
    spec = RunSpec(plan.systems[1], "split", 0, 0, {}, plan.source, "ndcg@10", plan.rules, 1)
    with pytest.raises(ConfigError, match="got encoder in"):
        use_saved(spec, None, folder, lambda progress: None)


def test_a_saved_model_that_is_nowhere_is_refused_before_anything_is_trained(folder):
    with pytest.raises(ConfigError, match=r"saved: expected a saved model .*; got nothing at '.*nowhere'\."):
        compare(plan_of(folder, "nowhere"), folder / "never", progress=False)
    assert not (folder / "never").exists()
