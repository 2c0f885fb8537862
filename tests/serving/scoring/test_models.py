"""Rankers by name, and how each gives way to its successor."""

import numpy as np
import pytest

from rankkit import bundle
from rankkit.errors import ConfigError
from rankkit.models.scorers import LinearScorer
from rankkit.serving import Settings
from rankkit.serving.refusal import RefusedError
from rankkit.serving.scoring.models import Models
from rankkit.serving.scoring.ranker import ServedRanker


def save(folder, weights, names=("a", "b")):
    scorer = LinearScorer(len(weights), transform="none", seed=0)
    scorer.output.weight.data[:] = scorer.output.weight.new_tensor([weights])
    bundle.save(scorer.eval(), folder, feature_names=names)


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "run", [1.0, 2.0])
    return tmp_path / "run"


def models_of(*folders, **settings):
    told = []
    rankers = {f"m{place}": ServedRanker.load(folder) for place, folder in enumerate(folders)}
    return Models(rankers, Settings(**settings), lambda *what: told.append(what)), told


def score(models):
    return float(models.default.scores(np.ones((1, 2), np.float32), np.array([0, 1]))[0])


def test_a_successor_takes_the_place(folder):
    models, told = models_of(folder)
    before, first = models.default, score(models)
    assert models.reload()["m0"].outcome == "unchanged"
    assert models.default is before
    save(folder, [10.0, 20.0])
    assert models.reload()["m0"].outcome == "swapped"
    assert score(models) == pytest.approx(first + 27, abs=1e-4)
    assert before.scores(np.ones((1, 2), np.float32), np.array([0, 1]))[0] == first
    assert told == [("m0", "unchanged"), ("m0", "swapped")]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: (folder / "model.json").write_text("{"), "model.json"),
        (lambda folder: (folder / "model.json").unlink(), "expected"),
        (lambda folder: (folder / "scorer.safetensors").write_bytes(b"x"), "scorer"),
        (lambda folder: save(folder, [1.0, 2.0, 3.0], ("a", "b", "c")), "got other ones (c)"),
        (lambda folder: save(folder, [1.0, 2.0], ("b", "a")), "got other ones (their order)"),
    ],
)
def test_what_cannot_take_the_place_is_told_and_the_old_one_stays(folder, spoil, why, caplog):
    models, told = models_of(folder)
    before = models.default
    spoil(folder)
    done = models.reload()["m0"]
    assert done.outcome == "kept"
    assert why in done.text
    assert models.default is before
    assert told == [("m0", "kept")]
    assert "the model that is served stays" in caplog.text
    save(folder, [3.0, 4.0])
    assert models.reload()["m0"].outcome == "swapped"


def test_a_ranker_from_memory_is_kept(folder):
    ranker = ServedRanker(ServedRanker.load(folder).source)
    assert Models({"x": ranker}, Settings()).reload()["x"].outcome == "kept"


def test_models_are_found_by_name(folder):
    models, _ = models_of(folder, folder)
    assert models.find(None).name == models.default.name == "m0"
    assert models.find("m1").name == "m1"
    with pytest.raises(RefusedError, match="Did you mean 'm1'") as error:
        models.find("m1x")
    assert error.value.status == 404
    with pytest.raises(RefusedError, match="See /metadata"):
        models.find("z" * 10_000)


@pytest.mark.parametrize("shadow", ["m0", "nobody"])
def test_a_shadow_has_to_be_another_model(folder, shadow):
    with pytest.raises(ConfigError, match="shadow: expected"):
        models_of(folder, folder, shadow=shadow)
