"""Models that learn in one go."""

import pandas as pd
import pytest

import rankkit as rk
from rankkit.errors import ConfigError, DataError, TrainingError
from rankkit.training import Callback

TRAIN, VALID = rk.make_ranking(20, n_features=3, seed=0), rk.make_ranking(10, n_features=3, seed=1)


def test_it_takes_no_objective_and_no_option_of_gradients():
    with pytest.raises(ConfigError, match=r"expected no objective for OneFeature.*; got ranknet\. Leave it out"):
        rk.fit(rk.OneFeature(3), "ranknet", TRAIN)
    with pytest.raises(ConfigError, match="expected no learning_rate for OneFeature"):
        rk.fit(rk.OneFeature(3), TRAIN, learning_rate=0.1)
    with pytest.raises(ConfigError, match=r"expected no batches for OneFeature.*Leave batch_\.\.\. out"):
        rk.fit(rk.OneFeature(3), TRAIN, batch_queries=8)
    with pytest.raises(ConfigError, match=r"expected fit\(model, train, valid\) without an objective; got more data"):
        rk.fit(rk.OneFeature(3), TRAIN, VALID, VALID)
    with pytest.raises(ConfigError, match="expected a name such as 'ranknet'"):
        rk.fit(rk.LinearScorer(3), TRAIN)


@pytest.mark.parametrize("data", [pd.DataFrame({"user": [1], "item": [2]}), TRAIN, 3])
def test_data_of_another_kind_is_named(data):
    for call in (lambda: rk.fit(rk.EASE(), None, data), lambda: rk.fit(rk.EASE(), data)):
        with pytest.raises(DataError, match=r"fit: expected Interactions as train; got .*rankkit\.read_interactions"):
            call()


def test_data_is_checked_as_for_any_scorer():
    with pytest.raises(DataError, match="3 features"):
        rk.fit(rk.OneFeature(3), rk.make_ranking(5, n_features=4, seed=0))
    with pytest.raises(ConfigError, match="expected an option of training on documents of queries; got 'per_class'"):
        rk.fit(rk.OneFeature(3), TRAIN, per_class=2)


def test_observers_see_one_step_and_one_epoch():
    seen = []

    class Watch(Callback):
        def on_step(self, record):
            seen.append(record.step)

        def on_epoch_end(self, record):
            seen.append((record.epoch, record.metric, record.valid))

    history = rk.fit(rk.OneFeature(3), TRAIN, VALID, metric="map", callbacks=[Watch()])
    assert seen == [1, (1, "map", history.best_value)]
    assert "in one go" in str(history)
    assert history.chosen["feature"] in str(history)


def test_a_folder_with_the_run_of_another_model_is_refused(tmp_path):
    rk.fit(rk.LinearScorer(3), "ranknet", TRAIN, epochs=1, out=tmp_path, progress=False)
    with pytest.raises(ConfigError, match="expected a folder without a run"):
        rk.fit(rk.OneFeature(3), TRAIN, out=tmp_path)
    with pytest.raises(TrainingError, match="differs in"):
        rk.fit(rk.OneFeature(3), TRAIN, out=tmp_path, resume=True)


def test_an_encoder_that_learns_nothing_is_one_too():
    examples = rk.read_labelled("digits").take(range(100))
    history = rk.fit(rk.RawEncoder(examples.input_shape), examples, examples)
    assert history.metric == "map_at_r"
    raw = rk.evaluate_retrieval(examples.inputs.reshape(100, -1), examples.labels, ["map_at_r"], distance="euclidean")
    assert history.best_value == pytest.approx(raw.means["map_at_r"], abs=1e-12)


def test_fit_trains_what_the_data_is_for():
    examples = rk.read_labelled("digits").take(range(120))
    one, two = (rk.MLPEncoder(examples.input_shape, hidden=(4,), seed=0) for _ in range(2))
    rk.fit(one, "supcon", examples, epochs=1, batch_classes=4, progress=False)
    rk.fit_encoder(two, "supcon", examples, epochs=1, batch_classes=4, progress=False)
    assert all((a == b).all() for a, b in zip(one.parameters(), two.parameters(), strict=True))
    with pytest.raises(ConfigError, match="expected an option of training on labelled examples; got 'batch_queries'"):
        rk.fit(one, "supcon", examples, batch_queries=3)
