"""rankkit pretrain: unlabelled files, what is saved and where train --from begins; resume; what is refused, when."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import rankkit as rk

FEW = ["--set", "scorer.hidden=[8]", "--set", "pretraining.epochs=2", "--set", "pretraining.batch_queries=8"]


@pytest.fixture
def unlabelled(tmp_path):
    data = rk.make_ranking(24, n_features=3, seed=0)
    path = tmp_path / "unlabelled.parquet"
    rk.write(replace(data, labels=None, feature_names=("a", "b", "c")), path)
    return path


@pytest.fixture
def labelled(tmp_path):
    for name, seed in (("few", 1), ("vali", 2)):
        data = rk.make_ranking(10, n_features=3, seed=seed)
        rk.write(replace(data, feature_names=("a", "b", "c")), tmp_path / f"{name}.parquet")
    return ["--train", tmp_path / "few.parquet", "--valid", tmp_path / "vali.parquet"]


def test_a_training_goes_on_from_what_was_learnt_without_labels(rankkit, unlabelled, labelled, tmp_path):
    answer = rankkit("pretrain", "--train", unlabelled, *FEW, "--out", tmp_path / "pre")
    assert answer.code == 0, answer.err
    assert "simclr_rank pretrains MLPScorer" in answer.out
    assert "2 epochs in" in answer.out
    saved = rk.load(tmp_path / "pre")
    assert saved.feature_names == ("a", "b", "c")
    assert json.loads((tmp_path / "pre" / "model.json").read_text())["objective"]["name"] == "simclr_rank"

    again = rk.MLPScorer(3, hidden=(8,), seed=0)
    rk.pretrain(again, rk.read(unlabelled), epochs=2, batch_queries=8, seed=0, progress=False)
    for name, value in again.state_dict().items():
        torch.testing.assert_close(saved.state_dict()[name], value)

    still = ["--set", "training.epochs=1", "--set", "training.learning_rate=1e-9", "--set", "training.trunk_rate=0.3"]
    more = rankkit("train", *labelled, "--from", tmp_path / "pre", *still, "--out", tmp_path / "more")
    assert more.code == 0, more.err
    trained = rk.load(tmp_path / "more")
    for name, value in saved.state_dict().items():
        torch.testing.assert_close(trained.state_dict()[name], value, rtol=1e-4, atol=1e-5)
    assert "trunk_rate = 0.3" in (tmp_path / "more" / "experiment.toml").read_text()

    once_more = rankkit("pretrain", "--train", unlabelled, *FEW, "--out", tmp_path / "pre")
    assert once_more.code == 2
    assert "expected a folder without a run" in once_more.err
    finished = rankkit("pretrain", "--train", unlabelled, *FEW, "--out", tmp_path / "pre", "--resume")
    assert finished.code == 0, finished.err


def test_one_epoch_is_one(rankkit, unlabelled, tmp_path):
    one = [*FEW, "--set", "pretraining.epochs=1"]
    answer = rankkit("pretrain", "--train", unlabelled, *one, "--out", tmp_path / "pre")
    assert answer.code == 0, answer.err
    assert "\n1 epoch in" in answer.out


def test_labels_of_a_file_are_no_features(rankkit, tmp_path):
    data = rk.make_ranking(12, n_features=3, seed=0)
    rk.write(data, tmp_path / "labelled.parquet")
    answer = rankkit("pretrain", "--train", tmp_path / "labelled.parquet", *FEW, "--out", tmp_path / "pre")
    assert answer.code == 0, answer.err
    assert rk.load(tmp_path / "pre").n_features == 3
    other = replace(data, labels=np.zeros_like(data.labels))
    rk.write(other, tmp_path / "zeros.txt")
    answer = rankkit("pretrain", "--train", tmp_path / "zeros.txt", *FEW, "--out", tmp_path / "text")
    assert answer.code == 0, answer.err
    first, second = (rk.load(tmp_path / name).state_dict() for name in ("pre", "text"))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scorer", "linear"], "expected a network with hidden_values(features, offsets)"),
        (["--scorer", "lightgbm"], "got LightGBM"),
        (["--scorer", "mpl"], "Did you mean 'mlp'?"),
        (["--set", 'scorer.prior=["a"]'], "expected a scorer without prior"),
        (["--set", "pretraining.epochs=0"], "pretraining.epochs: expected a whole number of at least 1; got 0"),
        (["--set", "pretraining.corruption=1.5"], "pretraining.corruption: expected a number above 0 and below 1"),
        (
            ["--set", "pretraining.method=simclr"],
            "pretraining: method: expected 'simclr_rank' or 'simsiam'; got 'simclr'",
        ),
        (["--set", "pretraining.trunk_rate=0.5"], "pretraining: unknown key 'trunk_rate'"),
        (["--set", "training.epochs=2"], "unknown key 'training'"),
        (["--set", "data.valid=vali.txt"], "expected no data with labels"),
        (["--train", "nowhere.txt"], "nowhere.txt"),
    ],
)
def test_what_cannot_work_is_refused_before_it_is_read(rankkit, tmp_path, words, message):
    (tmp_path / "damaged.txt").write_text("no LETOR text at all\n")
    small = FEW[:2] if words[1] in ("mlp", "nowhere.txt") else []
    answer = rankkit("pretrain", "--train", tmp_path / "damaged.txt", *small, *words, "--out", tmp_path / "pre")
    assert answer.code == 2, answer.out
    assert message in " ".join(answer.err.split())
    assert not (tmp_path / "pre").exists()
