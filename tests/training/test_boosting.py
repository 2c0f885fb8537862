"""Trees grown by fit(): by every objective of one score, with patience, seeds, records, and what is refused."""

import json
import os
import signal

import numpy as np
import pytest
import torch

import rankkit as rk
from rankkit.errors import ConfigError, DataError, TrainingError
from rankkit.objectives import Objective, lambdarank_loss, softmax_loss
from rankkit.registry import OBJECTIVES
from rankkit.training.boosting import Slopes
from rankkit.training.callbacks import Callback
from rankkit.training.interrupt import TrainingInterrupted

lightgbm = pytest.importorskip("lightgbm")

ONE_SCORE = [name for name in OBJECTIVES if not hasattr(OBJECTIVES[name], "readout")]
TRAIN, VALID = rk.make_ranking(60, seed=0), rk.make_ranking(40, seed=1)


def grown(objective="ranknet", data=TRAIN, valid=VALID, *, options=None, **training):
    scorer = rk.LightGBM(num_leaves=5, min_data_in_leaf=5, **(options or {}))
    return scorer, rk.fit(scorer, objective, data, valid, progress=False, **training)


@pytest.mark.parametrize("name", ONE_SCORE)
def test_every_objective_of_one_score_grows_trees_that_rank(name):
    scorer, history = grown(name, epochs=15, options={"gradients": "rankkit"})
    assert len(scorer.model.trees) == history.best_epoch
    constant = rk.evaluate_scores(np.zeros(VALID.n_docs), VALID.labels, qids=np.repeat(VALID.qids, VALID.list_sizes))
    assert history.best_value > constant.means["ndcg@10"] + 0.1


def test_the_value_of_a_tree_is_that_of_the_scorer_that_is_kept():
    scorer, history = grown(epochs=12)
    assert history.best_value == rk.evaluate(scorer, VALID, ["ndcg@10"]).means["ndcg@10"]
    assert [record.valid for record in history.epochs].index(history.best_value) + 1 == history.best_epoch


def test_patience_ends_it_and_the_best_trees_are_kept():
    _, history = grown(epochs=500, patience=3, learning_rate=0.5)
    assert history.stopped == "patience"
    assert len(history) == history.best_epoch + 3
    assert "no better one within the patience" in str(history)
    assert f"the first {history.best_epoch} trees" in str(history)


def test_without_validation_data_all_trees_are_kept():
    scorer, history = grown(valid=None, epochs=7)
    assert (history.best_epoch, history.metric, len(scorer.model.trees)) == (7, None, 7)


def test_equal_seeds_give_equal_trees_and_others_do_not():
    files = [grown("yeti_rank", epochs=5, seed=seed)[0].state()["file"].tobytes() for seed in (1, 1, 2)]
    assert files[0] == files[1]
    assert files[0] != files[2]


def test_torchs_global_random_state_is_left_as_it_was():
    before = torch.get_rng_state()
    grown("yeti_rank", epochs=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_its_own_lambdarank_is_that_of_the_library():
    scorer, history = grown("lambdarank", valid=None, epochs=9)
    data = lightgbm.Dataset(TRAIN.features, TRAIN.labels, group=TRAIN.list_sizes, params={"num_threads": 1})
    options = {
        **{name: value for name, value in scorer.options.items() if name not in ("n_features", "gradients")},
        **{"objective": "lambdarank", "seed": 0, "learning_rate": 0.05, "num_threads": 1, "verbosity": -1},
        **{"deterministic": True, "force_row_wise": True},
    }
    booster = lightgbm.train(options, data, 9)
    np.testing.assert_allclose(rk.predict(scorer, VALID), booster.predict(VALID.features), rtol=1e-6)
    assert history.chosen == {"objective": "lambdarank of lightgbm"}
    assert "by lambdarank of lightgbm" in str(history)


def test_lambdarank_as_lightgbm_has_it_grows_the_same_tree_where_no_scores_tie():
    """The first tree on scores that do not tie: slopes, curvatures and their scale are LightGBM's."""
    objective = Objective(lambdarank_loss, k=30, truncation="pairs", normalize_distance=True)
    scores = np.random.default_rng(0).normal(size=TRAIN.n_docs)
    slopes, curvatures = Slopes(objective, TRAIN, seed=0)(scores)
    trees = []
    for own in (True, False):
        data = lightgbm.Dataset(TRAIN.features, TRAIN.labels, group=TRAIN.list_sizes, init_score=scores)
        options = {"objective": "lambdarank" if own else "none", "num_threads": 1, "verbosity": -1}
        options |= {"learning_rate": 1.0, "num_leaves": 7, "deterministic": True, "force_row_wise": True}
        booster = lightgbm.Booster(options, data)
        if own:
            booster.update()
        else:
            booster.update(fobj=lambda given, _: (slopes, curvatures))
        trees.append(booster.predict(TRAIN.features, raw_score=True))
    # LightGBM reads the sigmoid from a table of steps of 5e-5.
    np.testing.assert_allclose(trees[1], trees[0], rtol=2e-3, atol=2e-3)


def test_ties_stand_in_an_order_drawn_anew_for_each_tree():
    slopes = Slopes(lambdarank_loss, TRAIN, seed=0)
    first, second = (slopes(np.zeros(TRAIN.n_docs))[0] for _ in range(2))
    assert not np.array_equal(first, second)
    again = Slopes(lambdarank_loss, TRAIN, seed=0)
    np.testing.assert_array_equal(again(np.zeros(TRAIN.n_docs))[0], first)


def test_slopes_do_not_depend_on_how_lists_are_cut_into_blocks(monkeypatch):
    scores = np.random.default_rng(0).normal(size=TRAIN.n_docs)
    whole = Slopes(softmax_loss, TRAIN, seed=0)
    found = whole(scores)
    monkeypatch.setattr("rankkit.training.boosting._BLOCK_DOCS", 40)
    small = Slopes(softmax_loss, TRAIN, seed=0)
    for one, other in zip(found, small(scores), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    assert whole.loss == pytest.approx(small.loss, rel=1e-5)


@pytest.mark.parametrize("per", ["query", "doc"])
def test_weights_reach_the_slopes(per):
    n_weights = TRAIN.n_queries if per == "query" else TRAIN.n_docs
    weights = np.random.default_rng(0).uniform(0.5, 2, n_weights).astype(np.float32)
    qids = np.repeat(TRAIN.qids, TRAIN.list_sizes)
    weighed = rk.from_arrays(TRAIN.features, TRAIN.labels, qids, weights=rk.Weights(weights, per))
    scores = np.random.default_rng(1).normal(size=TRAIN.n_docs)
    plain, found = (Slopes(rk.bce_loss, data, seed=0)(scores)[0] for data in (TRAIN, weighed))
    factor = np.repeat(weights, TRAIN.list_sizes) if per == "query" else weights
    np.testing.assert_allclose(found, plain * factor, rtol=1e-4)


@pytest.mark.parametrize(
    "options",
    [{"optimizer": "sgd"}, {"schedule": "constant"}, {"clip_norm": 1.0}, {"precision": "bf16"}, {"batch_queries": 8}],
)
def test_options_of_gradients_are_refused(options):
    (name,) = options
    with pytest.raises(ConfigError, match="batch_" if name.startswith("batch") else f"expected no {name}"):
        grown(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience: expected"),
        ({"epochs": 0}, "epochs: expected"),
        ({"learning_rate": float("nan")}, "learning_rate: expected"),
        ({"valid": None, "patience": 3}, "validation data with patience"),
        ({"device": "cuda"}, "grow on the CPU"),
        ({"objective": Objective(softmax_loss, temperature=-1.0)}, "temperature"),
    ],
)
def test_what_cannot_work_is_refused_as_training_by_gradients_refuses_it(options, message):
    with pytest.raises(ConfigError, match=message):
        grown(**options)


def test_objectives_with_weights_of_their_own_or_several_outputs_are_refused():
    with pytest.raises(ConfigError, match="without weights of its own"):
        grown(rk.DualLearning(n_positions=10))
    with pytest.raises(ConfigError, match="several outputs"):
        grown("cross_entropy")


def test_slopes_that_are_no_numbers_stop_it():
    def broken(scores, labels, mask):
        return (scores * torch.where(mask, torch.nan, 0)).sum()

    with pytest.raises(TrainingError, match="finite slopes"):
        grown(broken)


def test_a_first_tree_without_a_split_is_an_error():
    flat = rk.from_arrays(np.zeros((40, 2), np.float32), np.tile([0, 1], 20), np.repeat(np.arange(10), 4))
    with pytest.raises(TrainingError, match="min_data_in_leaf"):
        grown(data=flat, valid=None)


class _Stop(Callback):
    def on_epoch_end(self, record):
        if record.epoch == 4:
            raise KeyboardInterrupt


def test_interrupted_it_has_the_best_trees_so_far():
    scorer = rk.LightGBM(num_leaves=5, min_data_in_leaf=5)
    with pytest.raises(TrainingInterrupted) as stopped:
        rk.fit(scorer, "ranknet", TRAIN, VALID, progress=False, callbacks=[_Stop()])
    assert len(stopped.value.history) == 4
    assert len(scorer.model.trees) == stopped.value.history.best_epoch


def test_a_run_in_a_folder_leaves_a_line_a_tree(tmp_path):
    _, history = grown(epochs=3, out=tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert lines[-1]["valid_ndcg@10"] == history.epochs[-1].valid


class _Die(Callback):
    """Ends the process at a tree, as the kernel ends one that has no memory left."""

    def __init__(self, tree):
        self.tree = tree

    def on_epoch_end(self, record):
        if record.epoch == self.tree:
            os.kill(os.getpid(), signal.SIGKILL)


def _files(folder):
    """The trees of a checkpoint, and the lines without what was timed."""
    trees = torch.load(folder / "checkpoint.pt", weights_only=True)["trees"].numpy().tobytes()
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return trees, [(line["epoch"], line["loss"], line["valid_ndcg@10"]) for line in lines]


RESUMED = [
    ("yeti_rank", {}),  # draws of rankkit, bags and features of LightGBM
    ("lambdarank", {"gradients": "rankkit"}),  # ties by chance
    ("lambdarank", {}),  # by LightGBM's own: the trees are grown again
    ("ranknet", {"extra_trees": True, "bagging_freq": 3}),  # the same
    ("xe_ndcg", {"bagging_freq": 0, "feature_fraction": 1.0}),
    ("lambdarank", {"bagging_freq": 0, "feature_fraction": 1.0}),  # nothing drawn, LightGBM's own goes on
]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked runs")
@pytest.mark.parametrize(("objective", "options"), RESUMED)
def test_a_killed_run_that_is_resumed_ends_with_the_trees_of_one_that_was_not(tmp_path, objective, options):
    run = {"epochs": 9, "options": options, "seed": 3, "checkpoint_every": 0.0}
    whole, history = grown(objective, out=tmp_path / "whole", **run)
    child = os.fork()
    if child == 0:
        try:
            grown(objective, out=tmp_path / "cut", callbacks=[_Die(5)], **run)
        finally:
            os._exit(1)  # whatever happens, no second pytest goes on from here
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(_files(tmp_path / "cut")[1]) == 5
    resumed, again = grown(objective, out=tmp_path / "cut", resume=True, **run)
    assert resumed.state()["file"].tobytes() == whole.state()["file"].tobytes()
    assert _files(tmp_path / "cut") == _files(tmp_path / "whole")
    assert (again.best_epoch, again.best_value, again.stopped) == (
        history.best_epoch,
        history.best_value,
        history.stopped,
    )


def test_a_finished_run_that_is_resumed_grows_nothing(tmp_path):
    scorer, history = grown(epochs=4, out=tmp_path / "run")
    seen = []

    class Note(Callback):
        def on_epoch_end(self, record):
            seen.append(record)

    again, resumed = grown(epochs=4, out=tmp_path / "run", resume=True, callbacks=[Note()])
    assert not seen
    assert resumed == history
    assert again.state()["file"].tobytes() == scorer.state()["file"].tobytes()
    with pytest.raises(TrainingError, match="one that differs in epochs"):
        grown(epochs=5, out=tmp_path / "run", resume=True)


def test_ctrl_c_leaves_all_trees_to_go_on_from(tmp_path):
    whole, _ = grown("yeti_rank", epochs=8, patience=8)
    with pytest.raises(TrainingInterrupted, match=r"all are saved in .* --resume"):
        grown("yeti_rank", epochs=8, patience=8, out=tmp_path / "run", callbacks=[_Stop()])
    resumed, history = grown("yeti_rank", epochs=8, patience=8, out=tmp_path / "run", resume=True)
    assert len(history) == 8
    assert resumed.state()["file"].tobytes() == whole.state()["file"].tobytes()


def test_a_scorer_that_was_interrupted_goes_on_as_a_fresh_one_does(tmp_path):
    scorer = rk.LightGBM(TRAIN.n_features, num_leaves=3, min_data_in_leaf=5, feature_fraction=0.5)
    run = {"epochs": 8, "patience": 8, "seed": 0, "out": tmp_path / "run", "progress": False}
    whole = rk.LightGBM(TRAIN.n_features, num_leaves=3, min_data_in_leaf=5, feature_fraction=0.5)
    rk.fit(whole, "lambdarank", TRAIN, VALID, **{**run, "out": None})
    with pytest.raises(TrainingInterrupted):
        rk.fit(scorer, "lambdarank", TRAIN, VALID, callbacks=[_Stop()], **run)
    rk.fit(scorer, "lambdarank", TRAIN, VALID, resume=True, **run)
    assert scorer.state()["file"].tobytes() == whole.state()["file"].tobytes()


def test_trees_that_are_grown_again_have_to_be_those_of_the_checkpoint(tmp_path):
    with pytest.raises(TrainingInterrupted):
        grown("lambdarank", epochs=8, out=tmp_path / "run", callbacks=[_Stop()])
    saved = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    saved["trees"] = torch.frombuffer(bytearray(grown(epochs=4)[0].state()["file"].tobytes()), dtype=torch.uint8)
    torch.save(saved, tmp_path / "run" / "checkpoint.pt")
    with pytest.raises(TrainingError, match=r"expected the trees of the checkpoint .* another version of lightgbm"):
        grown("lambdarank", epochs=8, out=tmp_path / "run", resume=True)


def test_a_scorer_with_trees_is_given_more():
    options = {"bagging_freq": 0, "feature_fraction": 1.0}
    whole, _ = grown("softmax", valid=None, epochs=9, options=options)
    scorer, _ = grown("softmax", valid=None, epochs=4, options=options)
    first = scorer.model.content
    history = rk.fit(scorer, "softmax", TRAIN, epochs=5, progress=False)
    assert (history.best_epoch, len(scorer.model.trees)) == (5, 9)
    np.testing.assert_allclose(rk.predict(scorer, VALID), rk.predict(whole, VALID), rtol=1e-6)
    # With validation data the new trees up to the best are kept, behind all of the old ones.
    more = rk.LightGBM(num_leaves=3, min_data_in_leaf=5)
    more.set_state({"file": np.frombuffer(first, np.uint8)})
    history = rk.fit(more, "ranknet", TRAIN, VALID, epochs=6, progress=False)
    assert len(more.model.trees) == 4 + history.best_epoch
    assert history.best_value == rk.evaluate(more, VALID, ["ndcg@10"]).means["ndcg@10"]
    wide = rk.make_ranking(20, n_features=11, seed=0)
    with pytest.raises(DataError, match="expected 10 features"):
        rk.fit(scorer, "softmax", wide, epochs=1, progress=False)
    unfitted = rk.LightGBM()
    unfitted.set_state({"file": np.frombuffer(first, np.uint8)})
    with pytest.raises(ConfigError, match="expected data of the 10 columns of the trees"):
        rk.fit(unfitted, "softmax", wide, epochs=1, progress=False)


def test_more_trees_that_are_cut_off_go_on_behind_the_old_ones(tmp_path):
    def warm(**options):
        scorer, _ = grown(epochs=3, options={"bagging_freq": 0})
        return scorer, rk.fit(scorer, "yeti_rank", TRAIN, VALID, epochs=6, progress=False, **options)

    whole, _ = warm()
    with pytest.raises(TrainingInterrupted):
        warm(out=tmp_path, callbacks=[_Stop()])
    fresh = rk.LightGBM(num_leaves=5, min_data_in_leaf=5, bagging_freq=0)
    fresh.n_features = fresh.options["n_features"] = TRAIN.n_features
    history = rk.fit(fresh, "yeti_rank", TRAIN, VALID, epochs=6, progress=False, out=tmp_path, resume=True)
    assert len(fresh.model.trees) == 3 + history.best_epoch
    assert fresh.state()["file"].tobytes() == whole.state()["file"].tobytes()
