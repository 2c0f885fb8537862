"""rankkit train --from: trees are given more, a network goes on from its weights; what does not fit is refused."""

import re

import pytest
import torch

import rankkit as rk
from rankkit.data.synthetic import make_ranking


@pytest.fixture
def data(tmp_path):
    for part, seed in (("train", 0), ("vali", 1)):
        rk.write(make_ranking(40, n_features=4, seed=seed), tmp_path / f"{part}.txt")
    return ["--train", tmp_path / "train.txt", "--valid", tmp_path / "vali.txt", "--objective", "softmax"]


def test_trees_are_given_more(rankkit, data, tmp_path):
    pytest.importorskip("lightgbm")
    few = ["--set", "scorer.num_leaves=4", "--set", "training.epochs=5"]
    first = rankkit("train", *data, "--scorer", "lightgbm", *few, "--out", tmp_path / "first")
    assert first.code == 0, first.err
    more = rankkit("train", *data, "--from", tmp_path / "first", *few[2:], "--out", tmp_path / "more")
    assert more.code == 0, more.err
    before, after = (rk.load(tmp_path / name) for name in ("first", "more"))
    n_before = len(before.model.trees)
    assert n_before < len(after.model.trees) <= n_before + 5
    assert after.options["num_leaves"] == 4
    for one, other in zip(before.model.trees, after.model.trees, strict=False):
        assert one.value.tolist() == other.value.tolist()
    again = rankkit("train", "--config", tmp_path / "more" / "experiment.toml", "--out", tmp_path / "again")
    assert again.code == 0, again.err
    assert rk.load(tmp_path / "again").model.content == after.model.content


def test_a_network_goes_on_from_its_weights(rankkit, data, tmp_path):
    small = ["--set", "scorer.hidden=[5]", "--set", "scorer.dropout=0.0"]
    first = rankkit("train", *data, *small, "--set", "training.epochs=2", "--out", tmp_path / "first")
    assert first.code == 0, first.err
    still = ["--set", "training.epochs=1", "--set", "training.learning_rate=1e-9"]
    more = rankkit("train", *data, "--from", tmp_path / "first", *still, "--out", tmp_path / "more")
    assert more.code == 0, more.err
    before, after = (rk.load(tmp_path / name).state_dict() for name in ("first", "more"))
    assert before.keys() == after.keys()
    for name in before:
        torch.testing.assert_close(before[name], after[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scorer", "mlp"], "rankkit train --from: expected no --scorer, which the run has; got 'mlp'"),
        (["--set", "scorer.hidden=[7]"], "expected the scorer of .*first, MLPScorer, with its options; got .* hidden"),
        (["--from", "nowhere"], "expected the folder of a run with a scorer; got nowhere"),
        (["--folds", "folds"], "start: expected train and valid beside a saved scorer; got folds"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(rankkit, data, tmp_path, words, message):
    first = rankkit(
        "train", *data, "--set", "training.epochs=1", "--set", "scorer.hidden=[5]", "--out", tmp_path / "first"
    )
    assert first.code == 0, first.err
    if words[0] == "--folds":
        data = data[4:]
    refused = rankkit("train", *data, "--from", tmp_path / "first", *words, "--out", tmp_path / "more")
    assert refused.code != 0
    assert re.search(message, " ".join(refused.err.split()))
    assert not (tmp_path / "more" / "model.json").exists()


def test_the_objective_is_that_of_the_run_and_what_is_no_better_is_told(rankkit, data, tmp_path):
    files = data[:4]
    few = ["--objective", "lambdarank", "--set", "scorer.hidden=[5]", "--set", "training.epochs=3"]
    assert rankkit("train", *files, *few, "--out", tmp_path / "first").code == 0
    worse = ["--set", "training.epochs=1", "--set", "training.learning_rate=1e-12"]
    more = rankkit("train", *files, "--from", tmp_path / "first", *worse, "--out", tmp_path / "more")
    assert more.code == 0, more.err
    assert "lambdarank trains" in more.out
    assert re.search(r"It began with ndcg@10 0\.\d+, which is not less", more.out)


def test_a_run_with_a_memory_of_its_own_data_is_refused(rankkit, data, tmp_path):
    rows = [line.replace("1:", "1:0.5 9:", 1) for line in (tmp_path / "train.txt").read_text().splitlines()]
    (tmp_path / "keyed.txt").write_text("\n".join(re.sub(r" 9:\S+", "", row) for row in rows) + "\n")
    keyed = ["--train", tmp_path / "keyed.txt", "--prior", "1", "--scorer", "linear", "--set", "training.epochs=1"]
    first = rankkit("train", *keyed, "--out", tmp_path / "first")
    assert first.code == 0, first.err
    refused = rankkit("train", *data, "--from", tmp_path / "first", "--out", tmp_path / "more")
    assert refused.code == 2
    assert "expected a run without prior" in refused.err
