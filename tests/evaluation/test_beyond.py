"""Measures of lists against loops over items and pairs."""

import numpy as np
import pyarrow as pa
import pytest

import rankkit as rk
from rankkit.data.interactions import Interactions, split_interactions
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation import beyond
from rankkit.evaluation.catalogue import evaluate_recommender
from rankkit.models.recommenders import EASE, Popularity
from tests.models.recommenders.drawn import drawn_log
from tests.oracles import recommendation as oracle


def evaluated(model, names, features=None):
    test = split_interactions(drawn_log(), "leave_last").test
    return test, evaluate_recommender(model.learn(test.history), test, names, features=features)


def test_every_measure_is_that_of_a_loop():
    random = np.random.default_rng(0)
    classes = (random.random((24, 4)) < 0.4).astype(float)
    classes[classes.sum(1) == 0, 0] = 1
    names = ["coverage@5", "gini@5", "novelty@5", "popularity@5", "popularity_bias@5", "diversity@5", "calibration@5"]
    test, found = evaluated(EASE(5.0), names, classes)
    counts, n_users = test.history.item_counts, test.history.n_users
    listed = [found.lists.items[row, :5].tolist() for row in range(len(found.lists))]
    own = [test.history[int(user)].items.tolist() for user in test.users]
    shown = np.bincount(np.concatenate(listed), minlength=24)
    assert found.means["coverage@5"] == (shown > 0).mean()
    assert found.means["gini@5"] == pytest.approx(oracle.gini(shown.tolist()))
    for row, items in enumerate(listed):
        values = {name: found.per_user[name][row] for name in found.per_user}
        assert values["novelty@5"] == pytest.approx(
            np.mean([-np.log2(counts[item] / n_users) for item in items]), abs=2
        )
        assert values["popularity@5"] == pytest.approx(counts[items].mean())
        assert values["popularity_bias@5"] == pytest.approx(counts[items].mean() / counts[own[row]].mean() - 1)
        assert values["diversity@5"] == pytest.approx(oracle.diversity(items, classes))
        assert values["calibration@5"] == pytest.approx(oracle.calibration(items, own[row], classes))
    for name, values in found.per_user.items():
        assert found.means[name] == pytest.approx(values.mean())
    assert found.accuracy is None
    assert set(found.to_pandas().columns) == {"user", *found.per_user}


def test_popularity_is_the_least_novel_and_covers_least():
    names = ["coverage@5", "gini@5", "novelty@5", "popularity_bias@5"]
    popular, ease = evaluated(Popularity(), names)[1].means, evaluated(EASE(5.0), names)[1].means
    assert popular["coverage@5"] < ease["coverage@5"]
    assert popular["gini@5"] > ease["gini@5"]
    assert popular["novelty@5"] < ease["novelty@5"]
    assert popular["popularity_bias@5"] > ease["popularity_bias@5"]


def test_lists_that_are_short_or_empty():
    items = np.array([[0, -1], [-1, -1]], np.int32)
    features = np.eye(2)
    history = Interactions.from_events([0, 1], [0, 1])
    assert beyond.coverage(items, 4) == 0.25
    assert np.isnan(beyond.diversity(items, features)).all()
    assert np.isnan(beyond.novelty(items, np.array([1, 1]), 2)).tolist() == [False, True]
    assert np.isnan(beyond.calibration(items, history, features)).tolist() == [False, True]
    assert np.isnan(beyond.gini(items[1:], 4))


@pytest.mark.parametrize("listed", [[0], [0, 1], [1, 1]])
def test_calibration_is_least_for_the_same_mix(listed):
    history = Interactions.from_events([0, 0], [0, 1])
    found = beyond.calibration(np.array([listed], np.int32), history, np.eye(2))[0]
    assert found == pytest.approx(oracle.calibration(listed, [0, 1], np.eye(2)))
    assert (found < 1e-12) == (sorted(listed) == [0, 1])


@pytest.mark.filterwarnings("ignore::rankkit.DataWarning")
def test_columns_of_the_log_stand_for_features():
    genres = {f"i{item}": ["even" if item % 2 == 0 else "odd"] for item in range(25)}
    events = drawn_log(text=True)
    log = rk.read_interactions(
        events.to_pandas(),
        items=pa.table({"item": list(genres), "genre": list(genres.values()), "title": list(genres)}),
        columns={"genre": "bag"},
        duplicates="keep",
    )
    test = rk.split_interactions(log, "leave_last").test
    names = ["diversity@5", "calibration@5"]
    model = rk.Popularity().learn(test.history)
    places = np.array([int(item[1:]) % 2 for item in np.asarray(log.item_ids)])
    given = evaluate_recommender(model, test, names, features=np.eye(2)[places])
    by_name = evaluate_recommender(model, test, names, features="genre")
    assert by_name.means == given.means
    assert evaluate_recommender(model, test, names, features=["genre"]).means == given.means
    with pytest.raises(DataError, match="got 'title', which can only be shown"):
        evaluate_recommender(model, test, names, features="title")
    bare = rk.split_interactions(events, "leave_last").test
    with pytest.raises(ConfigError, match="got a log without any"):
        evaluate_recommender(rk.Popularity().learn(bare.history), bare, names, features="genre")


def test_users_are_measured_in_blocks(monkeypatch):
    features, names = np.random.default_rng(0).random((24, 3)), ["diversity@5", "calibration@5"]
    _, whole = evaluated(EASE(5.0), names, features)
    monkeypatch.setattr(beyond, "row_blocks", lambda n, width: [slice(at, at + 7) for at in range(0, n, 7)])
    _, found = evaluated(EASE(5.0), names, features)
    for name in names:
        np.testing.assert_array_equal(found.per_user[name], whole.per_user[name])
