"""save() and load(): the same scores, or one clear error."""

import hashlib
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

import rankkit.bundle.folder
from rankkit.bundle import load, save
from rankkit.bundle.model_json import read_model_json
from rankkit.errors import BundleError, ConfigError, DiskError
from rankkit.models.scorers import LinearScorer, MLPScorer
from rankkit.objectives import Objective, ranknet_loss
from tests import forked
from tests.bundle.bundle_savers import score_of, scorer_of

SAVERS = Path(__file__).with_name("bundle_savers.py")

FEATURES = torch.from_numpy(np.random.default_rng(0).lognormal(size=(20, 3)).astype(np.float32))
OFFSETS = torch.tensor([0, 8, 20])


def fitted(scorer):
    scorer.transform.fit(FEATURES, OFFSETS)
    return scorer.eval()


def mlp(seed=0, **options):
    return fitted(MLPScorer(3, hidden=(6, 6), seed=seed, **options))


@pytest.mark.parametrize(
    "scorer",
    [
        mlp(),
        mlp(normalization="batch", residual=True, dropout=0.2, transform=["piecewise:4", "query_minmax"]),
        mlp(n_outputs=4, transform="quantile"),
        fitted(LinearScorer(3, transform="log1p+standardize", bias=False)),
    ],
    ids=repr,
)
def test_a_loaded_scorer_gives_the_same_scores(scorer, tmp_path):
    save(scorer.train(), tmp_path / "new" / "folder")
    random_state = torch.get_rng_state()
    loaded = load(tmp_path / "new" / "folder")
    assert torch.equal(torch.get_rng_state(), random_state)
    assert not loaded.training
    assert loaded.options == scorer.options
    assert loaded.feature_names is None
    assert torch.equal(loaded(FEATURES, OFFSETS), scorer.eval()(FEATURES, OFFSETS))


def test_model_json_tells_where_the_scorer_came_from(tmp_path):
    save(
        mlp(),
        tmp_path,
        feature_names=["bm25", "Länge", "clicks"],
        objective=ranknet_loss,
        metrics=["ndcg@10"],
        data_fingerprint="abc",
        seed=3,
    )
    model = read_model_json(tmp_path)
    assert load(tmp_path).feature_names == ("bm25", "Länge", "clicks")
    assert model["scorer"]["name"] == "mlp"
    assert model["n_features"] == 3
    assert model["metrics"] == ["ndcg@10"]
    assert model["data_fingerprint"] == "abc"
    assert model["about"] == {"seed": 3}
    assert model["versions"]["torch"] == torch.__version__
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "scorer.safetensors"]


def test_names_stay_with_a_scorer_that_is_saved_again(tmp_path):
    save(mlp(), tmp_path, feature_names=["a", "b", "c"])
    save(load(tmp_path), tmp_path / "copy")
    assert load(tmp_path / "copy").feature_names == ("a", "b", "c")


def my_loss(scores, labels, mask=None, *, weights=None, reduction="mean", weigh=None):
    return scores.sum()


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("ranknet", {"name": "ranknet", "options": {}}),
        ({"name": "bce", "options": {"relevant_from": 1}}, {"name": "bce", "options": {"relevant_from": 1}}),
        (my_loss, {"name": "my_loss", "options": {}}),
        (Objective(my_loss, weigh=int), {"name": "my_loss", "options": {"weigh": "<class 'int'>"}}),
        (None, None),
    ],
)
def test_the_objective_is_noted(objective, expected, tmp_path):
    save(mlp(), tmp_path, objective=objective)
    assert read_model_json(tmp_path)["objective"] == expected


def test_saving_over_a_bundle_keeps_other_files(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    save(mlp(seed=1), tmp_path)
    second = mlp(seed=2)
    save(second, tmp_path)
    assert torch.equal(load(tmp_path)(FEATURES, OFFSETS), second(FEATURES, OFFSETS))
    assert (tmp_path / "metrics.jsonl").read_text() == "{}\n"


def saver(mode, folder):
    command = [forked.executable(), SAVERS, mode, folder]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_a_save_that_is_killed_at_any_step_leaves_the_old_bundle_or_the_new_one(tmp_path):
    old, new = score_of(scorer_of(0)), score_of(scorer_of(1))
    with saver("killed", tmp_path) as process:
        out, err = process.communicate(timeout=300)
    *scores, last = out.split()
    assert last == "done", err
    renamed = [float(score) for score in scores].index(new)
    assert [float(score) for score in scores] == [old] * renamed + [new] * (len(scores) - renamed)
    assert renamed > 3
    assert len(scores) - renamed > 1, "the weights that are no longer named go after the rename"
    assert sorted(path.name for path in tmp_path.iterdir())[0] == "model.json", "nothing is left over"
    assert len(list(tmp_path.iterdir())) == 2


def test_loading_while_others_save_gives_one_bundle_or_another(tmp_path):
    known = {score_of(scorer_of(number)) for number in range(6)}
    with saver("endless", tmp_path) as both:
        try:
            assert [both.stdout.readline() for _ in range(2)] == ["saving\n"] * 2
            found = {score_of(load(tmp_path)) for _ in range(150)}
        finally:
            _, error = both.communicate("stop\n", timeout=60)
    assert (both.returncode, error) == (0, "")
    assert found <= known
    assert len(found) > 1
    assert len(list(tmp_path.iterdir())) == 2
    load(tmp_path)


def test_threads_that_save_at_once_leave_one_whole_bundle(tmp_path):
    with ThreadPoolExecutor(6) as pool:
        saving = [pool.submit(save, scorer_of(number), tmp_path) for number in range(6)]
        loading = [pool.submit(load, tmp_path) for _ in range(20) if saving[0].result() is None]
        for future in (*saving, *loading):
            future.result()
    assert len(list(tmp_path.iterdir())) == 2
    assert score_of(load(tmp_path)) in {score_of(scorer_of(number)) for number in range(6)}


def test_a_save_that_is_interrupted_before_the_rename_leaves_the_old_bundle(tmp_path, monkeypatch):
    first = mlp(seed=1)
    save(first, tmp_path)

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(rankkit.bundle.folder, "write_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(mlp(seed=2), tmp_path)
    assert torch.equal(load(tmp_path)(FEATURES, OFFSETS), first(FEATURES, OFFSETS))


def test_the_weights_have_their_plain_name_unless_the_bundle_that_is_there_uses_it(tmp_path):
    names = []
    for seed in (1, 1, 2, 3):
        save(mlp(seed=seed), tmp_path)
        (path,) = tmp_path.glob("*.safetensors")
        names.append(path.name)
        assert read_model_json(tmp_path)["weights_file"] == path.name
    assert names[0] == names[1] == names[3] == "scorer.safetensors"
    assert re.fullmatch(r"scorer-[0-9a-f]{16}\.safetensors", names[2])


def test_bundles_that_do_not_name_their_weights_are_loaded(tmp_path):
    scorer = mlp()
    save(scorer, tmp_path)
    model = read_model_json(tmp_path)
    del model["weights_file"]
    (tmp_path / "model.json").write_text(json.dumps(model))
    assert torch.equal(load(tmp_path)(FEATURES, OFFSETS), scorer(FEATURES, OFFSETS))


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    save(mlp(seed=1), tmp_path)
    before = (tmp_path / "scorer.safetensors").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DiskError, match="safetensors: expected to write it; got a full disk"):
        save(mlp(seed=2), tmp_path)
    assert (tmp_path / "scorer.safetensors").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "scorer.safetensors"]


def edit(folder, **changes):
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def wrong_shape(folder):
    model = read_model_json(folder)
    model["scorer"]["options"]["hidden"] = [6, 7]
    edit(folder, scorer=model["scorer"])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: (folder / "model.json").unlink(),
            "model.json: expected a file of a saved model; got No",
        ),
        (lambda folder: (folder / "scorer.safetensors").unlink(), "scorer.safetensors: expected a file"),
        (lambda folder: (folder / "model.json").write_text("{"), "got damaged JSON"),
        (lambda folder: (folder / "model.json").write_bytes(b"\xff\xfe"), "got damaged JSON"),
        (lambda folder: (folder / "model.json").write_text("[]"), "got damaged JSON"),
        (lambda folder: (folder / "model.json").write_text("{}"), "expected a value for 'format_version'; got none."),
        (lambda folder: edit(folder, format_version=2), "got 2. Install a newer rankkit."),
        (lambda folder: edit(folder, weights_sha256="0"), "expected the weights that model.json describes"),
        (lambda folder: edit(folder, weights_file="../scorer.safetensors"), "a file of weights called '../scorer"),
        (lambda folder: edit(folder, weights_file=3), "weights_file: expected text; got 3."),
        (lambda folder: edit(folder, scorer={"name": "mpl", "options": {}}), "Did you mean 'mlp'?"),
        (lambda folder: edit(folder, scorer={"name": "mlp", "options": {"depth": 3}}), "depth"),
        (lambda folder: edit(folder, scorer=None), "expected one of scorer, encoder, recommender; got neither."),
        (lambda folder: edit(folder, feature_names=["a", "b"]), "expected 3 feature names; got 2."),
        (lambda folder: edit(folder, feature_names=["a", "b", "c", "\ud800"]), "which is no Unicode"),
        (lambda folder: edit(folder, n_features="4"), "n_features: expected a whole number; got '4'."),
        (lambda folder: edit(folder, about={"a": float("nan")}), "NaN is no number of JSON"),
        (lambda folder: edit(folder, metrics="ndcg@10"), "metrics: expected a list; got 'ndcg@10'."),
        (
            lambda folder: edit(folder, versions=[1] * 100),
            "versions: expected a table; got [1, 1, 1, 1, 1, 1, 1, 1, 1,",
        ),
        (wrong_shape, "where the options give [7]"),
    ],
)
def test_damage_is_a_bundle_error(damage, message, tmp_path):
    save(mlp(), tmp_path)
    damage(tmp_path)
    with pytest.raises(BundleError) as error:
        load(tmp_path)
    assert message in str(error.value)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_truncated_weights_are_noticed(keep, tmp_path):
    save(mlp(), tmp_path)
    path = tmp_path / "scorer.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BundleError, match="damaged"):
        load(tmp_path)


def test_weights_that_are_no_safetensors_are_refused_even_with_the_right_digest(tmp_path):
    save(mlp(), tmp_path)
    (tmp_path / "scorer.safetensors").write_bytes(b"pickle")
    edit(tmp_path, weights_sha256=hashlib.sha256(b"pickle").hexdigest())
    with pytest.raises(BundleError, match="expected a scorer that this rankkit can build"):
        load(tmp_path)


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(ConfigError, match=r"expected a model of rankkit's catalogue .*got Linear\. Save your own"):
        save(torch.nn.Linear(3, 1), tmp_path)
    with pytest.raises(ConfigError, match="expected 3 feature names; got 2"):
        save(mlp(), tmp_path, feature_names=["a", "b"])
    with pytest.raises(ConfigError, match="values that JSON can hold"):
        save(mlp(), tmp_path, note=torch.zeros(2))
    assert list(tmp_path.iterdir()) == []
