"""rankkit train --encoder, and rankkit evaluate of what it saved."""

import json
import tomllib

import numpy as np
import pytest

from rankkit.bundle import load_encoder
from rankkit.loaders.examples.files import read_labelled, write_labelled
from tests.cli.encoder_runs import save_pixels

FEW = ("--set", "training.epochs=2", "--set", "encoder.hidden=[16]", "--set", "encoder.n_dims=4")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Few digits of each class as .npz."""
    examples = read_labelled("digits")
    few = np.concatenate([np.flatnonzero(examples.labels == label)[:12] for label in range(10)])
    path = tmp_path_factory.mktemp("digits") / "few.npz"
    write_labelled(examples.take(few), path)
    return path


@pytest.fixture
def trained(rankkit, digits, tmp_path):
    out = tmp_path / "run"
    answer = rankkit("train", "--train", digits, "--objective", "supcon", "--out", out, *FEW)
    assert answer.code == 0, answer.err
    return out, answer.out


def test_an_objective_on_embeddings_trains_an_encoder(trained, rankkit, digits):
    out, said = trained
    assert "supcon trains MLPEncoder(" in said
    assert "(classes held out of the training data)" in said
    assert "raw inputs (euclidean)" in said
    assert f"Saved in {out}" in said
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 2
    resolved = tomllib.loads((out / "experiment.toml").read_text())
    assert resolved["encoder"]["distance"] == "cosine"
    assert resolved["objective"]["temperature"] == 0.1
    about = json.loads((out / "model.json").read_text())["about"]
    assert len(about["classes"]) == 7

    left_out = rankkit("evaluate", out, digits, "--ways", 3, "--episodes", 20)
    assert left_out.code == 0, left_out.err
    assert "7 of 10 classes were seen in training and are left out" in left_out.err
    assert "36 examples of 3 classes" in left_out.out
    assert "3-way 1-shot" in left_out.out
    everything = rankkit("evaluate", out, digits, "--all-classes", "--json", "-m", "ndcg@10", "--episodes", 20)
    report = json.loads(everything.out)
    assert report["n_classes"] == 10
    assert list(report["retrieval"]["metrics"]) == ["ndcg@10"]


def test_the_resolved_file_trains_the_same_again(trained, rankkit, tmp_path):
    out, _ = trained
    again = tmp_path / "again"
    assert rankkit("train", "--config", out / "experiment.toml", "--out", again).code == 0
    first, second = load_encoder(out).state_dict(), load_encoder(again).state_dict()
    assert all((first[name] == second[name]).all() for name in first)


def test_a_finished_run_is_not_overwritten_and_resumes_at_once(trained, rankkit):
    out, _ = trained
    refused = rankkit("train", "--objective", "supcon", "--out", out)
    assert refused.code == 2
    assert "expected a folder without a run" in refused.err
    assert rankkit("train", "--resume", "--out", out).code == 0


def test_a_margin_that_is_not_named_fits_the_scale_of_the_distance(rankkit, digits, tmp_path):
    margins = {}
    for distance in ("squared_euclidean", "l1"):
        out = tmp_path / distance
        chosen = ("--objective", "triplet", "--out", out, "--set", f"encoder.distance={distance}")
        assert rankkit("train", "--train", digits, *chosen, *FEW).code == 0
        margins[distance] = tomllib.loads((out / "experiment.toml").read_text())["objective"]["margin"]
    assert margins["squared_euclidean"] == pytest.approx(0.2, abs=0.05)  # FaceNet's, on unit norm
    # Unlike unit vectors of 4 dimensions are 2 apart in squared distance and at most twice their root in L1.
    assert margins["squared_euclidean"] < 1.5 * margins["l1"] < 1.5 * 0.1 * 2 * 2**0.5


def test_validation_classes_choose_the_epoch_and_the_threshold(rankkit, digits, tmp_path):
    answer = rankkit(
        "train", "--train", digits, "--encoder", "mlp", "--objective", "triplet", "--out", tmp_path / "run", *FEW,
        "--set", "data.valid_held_out=0.3", "--set", "augment.degrees=5",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "the best on the validation data: map_at_r" in answer.out
    assert "far" in answer.out


def test_a_ranking_objective_trains_an_encoder(rankkit, digits, tmp_path):
    answer = rankkit(
        "train", "--train", digits, "--encoder", "mlp", "--objective", "lambdarank", "--out", tmp_path / "run", *FEW
    )
    assert answer.code == 0, answer.err
    assert "distance='cosine_similarity'" in answer.out


def test_a_learned_temperature(rankkit, digits, tmp_path):
    learned = ("--set", "objective.temperature=learned")
    answer = rankkit("train", "--train", digits, "--objective", "supcon", "--out", tmp_path / "run", *FEW, *learned)
    assert answer.code == 0, answer.err
    assert json.loads((tmp_path / "run" / "model.json").read_text())["objective"]["temperature"] == "learned"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--objective", "supconn", "--encoder", "mlp"], "got 'supconn'. Did you mean 'supcon'?"),
        (["--encoder", "cnn"], "encoder: expected the name of one; got 'cnn'"),
        (["--encoder", "mlp", "--set", "encoder.n_dim=3"], "unknown key 'n_dim'. Did you mean 'n_dims'?"),
        (["--encoder", "mlp", "--set", "encoder.distance=cosin"], "Did you mean 'cosine'?"),
        (["--objective", "triplet", "--set", "objective.distance=l1"], "unknown key 'distance'"),
        (["--objective", "triplet", "--set", "training.minning=all"], "unknown key 'minning'. Did you mean 'mining'?"),
        (["--objective", "supcon", "--set", "training.mining=hard"], "expected mining with an objective of pairs or"),
        (["--objective", "supcon", "--set", "training.batch_classes=1"], "expected batch_classes of at least 2"),
        (["--encoder", "mlp", "--objective", "ordinal"], "expected the name of one; got 'ordinal'"),
        (["--encoder", "mlp", "--set", "data.held_out=2"], "data.held_out: expected a number below 1; got 2"),
        (["--encoder", "mlp", "--set", "augment.degrees=-1"], "expected degrees from 0 to 180"),
        (["--encoder", "mlp", "--scorer", "mlp"], "expected one model; got scorer and encoder"),
        (["--encoder", "mlp", "--folds", "data"], "of encoders: expected no --folds"),
        (["--encoder", "mlp", "--set", "evaluation.metrics=['map_at_5']"], "map_at_5"),
        (["--encoder", "mlp", "--train", "nowhere"], "expected a file, a folder, 'digits' or 'glyphs'"),
    ],
)
def test_what_cannot_work_is_refused_and_leaves_nothing(rankkit, tmp_path, words, message):
    answer = rankkit("train", *words, "--out", tmp_path / "run")
    assert answer.code == 2
    assert message in answer.err
    assert not (tmp_path / "run").exists()


def test_ranker_options_are_refused_for_an_encoder(trained, rankkit, digits):
    out, _ = trained
    answer = rankkit("evaluate", out, digits, "--protocol", "lightgbm")
    assert answer.code == 2
    assert "expected no --protocol" in answer.err


def test_data_of_seen_classes_alone_is_refused(trained, rankkit, digits, tmp_path):
    out, _ = trained
    seen = json.loads((out / "model.json").read_text())["about"]["classes"]
    write_labelled(read_labelled(digits).of_classes(seen), tmp_path / "seen.npz")
    answer = rankkit("evaluate", out, tmp_path / "seen.npz")
    assert answer.code == 2
    assert "expected classes that" in answer.err
    assert "--all-classes" in answer.err


def test_a_test_part_of_one_class_is_refused_before_training(rankkit, digits, tmp_path):
    out = tmp_path / "run"
    answer = rankkit("train", "--train", digits, "--encoder", "mlp", "--out", out, "--set", "data.held_out=0.1", *FEW)
    assert answer.code == 2
    assert "test examples: expected at least 2 classes, to be told apart; got 1, with 9 to train on" in answer.err
    assert not out.exists()


def test_resume_without_a_run_starts_none(rankkit, tmp_path):
    answer = rankkit("train", "--resume", "--encoder", "mlp", "--out", tmp_path / "typo")
    assert answer.code == 2
    assert "expected a run to go on with; got no experiment.toml there" in answer.err
    assert not (tmp_path / "typo").exists()


def test_evaluate_says_where_seen_classes_are_not_known(rankkit, digits, tmp_path):
    run = save_pixels(tmp_path / "run", (1, 8, 8))
    answer = rankkit("evaluate", run, digits, "--ways", 2, "--episodes", 5)
    assert answer.code == 0, answer.err
    assert "does not say which classes it was trained on: all 10 are measured" in answer.err


def test_arrays_of_another_shape_are_named(rankkit, digits, tmp_path):
    run = save_pixels(tmp_path / "run", (1, 4, 4))
    answer = rankkit("evaluate", run, digits)
    assert answer.code == 2
    assert f"{digits}: expected inputs [1 x 4 x 4]" in answer.err


def test_an_ink_that_no_file_takes_is_refused(rankkit, digits, tmp_path):
    words = ("--objective", "supcon", "--out", tmp_path / "run", "--set", "data.ink=dark")
    answer = rankkit("train", "--train", digits, *words)
    assert answer.code == 2
    assert "expected colour and ink for image files only; got colour=False, ink='dark'" in answer.err
    assert not (tmp_path / "run").exists()
