"""Recommenders on the path of every model: fit, evaluate, save, load, list."""

import json

import numpy as np
import pytest
import safetensors.numpy

import rankkit as rk
from rankkit.data.interactions import split_interactions
from rankkit.errors import BundleError, ConfigError, DataError, DataWarning
from rankkit.tasks.recommendation.task import RECOMMENDATION
from rankkit.tasks.splitting import Split
from tests.models.recommenders.drawn import MODELS, drawn_log

EVERY = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


@pytest.fixture(scope="module")
def splits():
    return split_interactions(drawn_log(n_events=600), "time", valid=0.15, test=0.2)


def lists(model, users, k=7):
    found = model.recommend(users, k)
    return [found.items_of(row) for row in range(len(found))]


@EVERY
@pytest.mark.parametrize("text", [False, True])
def test_it_is_fitted_saved_and_loaded_and_gives_equal_lists(make, text, tmp_path):
    train, valid, test = split_interactions(drawn_log(text=text), "time", valid=0.15, test=0.2)
    model = make()
    history = rk.fit(model, train, valid)
    assert (history.metric, history.stopped) == ("ndcg@10", "in one go")
    assert history.best_value == rk.evaluate(model, valid, ["ndcg@10"]).means["ndcg@10"]
    rk.save(model, tmp_path / "run")
    again = rk.load(tmp_path / "run")
    assert type(again) is type(model)
    assert again.options == model.options
    assert again.log.fingerprint == train.fingerprint
    users = train.user_ids[train.sizes > 0]
    assert lists(again, users) == lists(model, users)
    asked = ["ndcg@10", "recall@10", "coverage@10"]
    assert rk.evaluate(again, test, asked).means == rk.evaluate(model, test, asked).means
    assert not list((tmp_path / "run").glob("*.pkl"))


def test_what_is_left_open_is_chosen_on_validation_data(splits):
    train, valid, _ = splits
    open_ = rk.EASE()
    chosen = rk.fit(open_, train, valid).chosen
    reached = {}
    for l2 in open_.grid["l2"]:
        model = rk.EASE(l2=l2)
        assert rk.fit(model, train, valid).chosen == {}
        reached[l2] = rk.evaluate(model, valid, ["ndcg@10"]).means["ndcg@10"]
    assert reached[chosen["l2"]] == max(reached.values())
    assert open_.options["l2"] == chosen["l2"]
    assert np.array_equal(open_.weights(), rk.EASE(l2=chosen["l2"]).learn(train).weights())


@pytest.mark.parametrize("made", [rk.EASE, rk.ALS, rk.ItemKNN, rk.Markov])
def test_learning_again_chooses_again(made, splits):
    train, valid, _ = splits
    model = made()
    first = rk.fit(model, train, valid, metric="recall@5").chosen
    assert set(first) == set(model.grid)
    assert rk.fit(model, train, valid, metric="recall@5").chosen == first
    plain = made().learn(train)
    assert {name: plain.options[name] for name in model.grid} == {n: values[0] for n, values in model.grid.items()}


def test_without_validation_data_the_default_is_taken_and_said(splits):
    with pytest.warns(DataWarning, match=r"nothing to choose by: l2=100\.0 is taken"):
        assert rk.fit(rk.EASE(), splits.train).chosen == {"l2": 100.0}


def test_data_of_another_kind_is_refused(splits):
    train, valid, test = splits
    with pytest.raises(DataError, match="expected a Split as validation data"):
        rk.fit(rk.Popularity(), train, valid.targets)
    with pytest.raises(ConfigError, match="expected a recommender"):
        rk.fit(rk.LinearScorer(3), train, valid)
    with pytest.raises(ConfigError, match="expected no objective for Popularity"):
        rk.fit(rk.Popularity(), "ranknet", train, valid)
    with pytest.raises(ConfigError, match="expected no epochs"):
        rk.fit(rk.Popularity(), train, valid, epochs=3)
    model = rk.Popularity().learn(train)
    with pytest.raises(DataError, match="expected a Split"):
        rk.evaluate(model, train)
    with pytest.raises(ConfigError, match="got 'weighted'"):
        rk.evaluate(model, test, weighted=True)
    other = split_interactions(drawn_log(n_items=31, seed=5), "time", valid=0.1)
    with pytest.raises(DataError, match="with the same items"):
        rk.fit(rk.Popularity(), train, other.valid)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("log.items", lambda array: array + 1000),
        ("columns", lambda array: array + 1000),
        ("starts", lambda array: array[::-1].copy()),
        ("items.id_offsets", lambda array: array + 7),
    ],
)
def test_a_bundle_whose_arrays_lead_elsewhere_is_refused(tmp_path, name, change):
    import hashlib

    rk.save(rk.ItemKNN().learn(drawn_log(text=True)), tmp_path / "run")
    path, about = tmp_path / "run" / "recommender.safetensors", tmp_path / "run" / "model.json"
    arrays = safetensors.numpy.load_file(path)
    arrays[name] = change(arrays[name])
    safetensors.numpy.save_file(arrays, path)
    told = {**json.loads(about.read_text()), "weights_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    about.write_text(json.dumps(told))
    with pytest.raises(BundleError, match="expected a recommender that this rankkit can build"):
        rk.load(tmp_path / "run")


class Constant(rk.Recommender):
    """Scores each item by its place, of one's own."""

    def __init__(self, sign: float = 1.0) -> None:
        self.sign = sign

    def _learn(self, train, seed):
        self._scores = np.arange(train.n_items, dtype=np.float32) * self.sign

    def _score(self, histories):
        return np.repeat(self._scores[None], len(histories), axis=0)

    def _arrays(self):
        return {"scores": self._scores}

    def _take(self, arrays):
        self._scores = np.asarray(arrays["scores"])


def test_a_recommender_of_ones_own_is_one_like_all(splits, tmp_path):
    train, valid, test = splits
    rk.register("recommender", "constant", Constant)
    try:
        model = rk.build("recommender", "constant", sign=-1.0)
        assert rk.fit(model, train, valid).chosen == {}
        rk.save(model, tmp_path / "run")
        again = rk.load(tmp_path / "run")
        assert again.options == {"sign": -1.0}
        assert lists(again, train.user_ids[:3]) == lists(model, train.user_ids[:3])
        assert rk.evaluate(again, test).means == rk.evaluate(model, test).means
    finally:
        rk.unregister("recommender", "constant")


def test_refit_learns_the_validation_part_with_what_was_chosen_without_it(splits):
    train, valid, test = splits
    refitted, plain = rk.EASE(), rk.EASE()
    assert rk.fit(refitted, train, valid, refit=True).chosen == rk.fit(plain, train, valid).chosen
    assert refitted.log.fingerprint == test.history.fingerprint
    np.testing.assert_array_equal(refitted.weights(), rk.EASE(plain.l2).learn(test.history).weights())
    with pytest.raises(ConfigError, match="expected validation data with refit"):
        rk.fit(rk.EASE(), train, refit=True)
    with pytest.raises(ConfigError, match="expected refit as True or False"):
        rk.fit(rk.EASE(), train, valid, refit="yes")


def test_a_table_takes_no_recommender_that_learnt_more_than_the_others(splits):
    split = Split("only", *splits)
    about = {"data_fingerprint": split.train.fingerprint, "about": {"split": {"by": "time"}}}
    RECOMMENDATION.check_saved(about, split)
    about["about"]["split"]["refit"] = True
    with pytest.raises(ConfigError, match="Train it without --refit"):
        RECOMMENDATION.check_saved(about, split)
