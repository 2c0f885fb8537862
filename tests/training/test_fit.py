import functools
import itertools
import json

import numpy as np
import pytest
import torch

from rankkit import RankingDataset, evaluate
from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, DataError
from rankkit.models.scorers import LinearScorer
from rankkit.objectives import Objective, bce_loss, cross_entropy_loss, listnet_loss, ranknet_loss, softmax_loss
from rankkit.training import Callback


def weights_of(scorer):
    return {name: value.clone() for name, value in scorer.state_dict().items()}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def turning_bad_after(n_steps):
    """An objective that trains to rank, and from then on to rank the other way round."""
    calls = itertools.count(1)

    def objective(scores, labels, mask):
        return softmax_loss(scores if next(calls) <= n_steps else -scores, labels, mask)

    return objective


class Recorder(Callback):
    def __init__(self):
        self.steps, self.epochs = [], []

    def on_step(self, record):
        self.steps.append(record)

    def on_epoch_end(self, record):
        self.epochs.append(record)


@pytest.mark.parametrize("objective", [ranknet_loss, listnet_loss, softmax_loss, bce_loss])
def test_loss_falls_and_the_metric_rises_above_the_untrained_one(quick, new_scorer, valid, objective):
    scorer = new_scorer()
    history = quick(scorer, objective, epochs=8, learning_rate=1e-2)
    assert history.epochs[-1].loss < history.epochs[0].loss
    untrained = new_scorer()
    untrained.transform.load_state_dict(scorer.transform.state_dict())
    assert history.best_value > evaluate(untrained, valid, ["ndcg@10"]).means["ndcg@10"] + 0.1


def test_the_scorer_ends_with_the_weights_of_the_best_epoch(quick, new_scorer, valid):
    scorer = new_scorer()
    history = quick(scorer, turning_bad_after(8), epochs=6, learning_rate=1e-2, schedule="constant", warmup=0.0)
    values = [record.valid for record in history.epochs]
    assert history.best_epoch == 1 + int(np.argmax(values)) < 6
    assert history.best_value == max(values)
    assert evaluate(scorer, valid, ["ndcg@10"]).means["ndcg@10"] == pytest.approx(max(values), abs=1e-12)
    assert not scorer.training
    assert f"weights of epoch {history.best_epoch}, the best" in str(history)


def test_patience_stops_and_the_best_epoch_is_kept(quick, new_scorer):
    objective = turning_bad_after(8)
    history = quick(new_scorer(), objective, epochs=20, learning_rate=1e-2, schedule="constant", warmup=0.0, patience=2)
    assert history.stopped == "patience"
    assert len(history) == history.best_epoch + 2 < 6


def test_without_validation_data_the_last_epoch_is_kept_and_said(quick, new_scorer):
    history = quick(new_scorer(), valid=None)
    assert (len(history), history.best_epoch, history.best_value, history.metric) == (3, 3, None, None)
    assert "last epoch, 3: without validation data" in str(history)
    assert "valid" not in json.dumps(history.epochs[0].to_dict())


def test_same_seed_same_weights_and_another_seed_others(quick, new_scorer):
    results = []
    for seed in (5, 5, 6):
        scorer = new_scorer(dropout=0.2)
        quick(scorer, seed=seed)
        results.append(weights_of(scorer))
    assert same(results[0], results[1])
    assert not same(results[0], results[2])


def test_the_global_random_state_is_left_alone_and_does_not_matter(quick, new_scorer):
    results = []
    for state in (1, 2):
        torch.manual_seed(state)
        before = torch.get_rng_state()
        scorer = new_scorer(dropout=0.2)
        quick(scorer)
        assert torch.equal(torch.get_rng_state(), before)
        results.append(weights_of(scorer))
    assert same(*results)


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "adagrad"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_every_optimizer_learns_in_both_precisions(quick, new_scorer, optimizer, precision):
    seen = []

    def objective(scores, labels, mask):
        seen.append(scores.dtype)
        return softmax_loss(scores, labels, mask)

    scorer = new_scorer()
    history = quick(scorer, objective, optimizer=optimizer, precision=precision, learning_rate=3e-2, epochs=4)
    assert history.epochs[-1].loss < history.epochs[0].loss
    assert set(seen) == {torch.float32}
    assert {value.dtype for value in scorer.parameters()} == {torch.float32}


def test_gradients_are_clipped_to_the_norm(train, new_scorer):
    from rankkit.training.gradient.optimizers import clip_gradients

    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    weight.grad = torch.tensor([3.0, 4.0])
    assert clip_gradients(optimizer, 1.0).item() == 5.0
    assert weight.grad.tolist() == pytest.approx([3 / 5, 4 / 5], rel=1e-5)
    assert clip_gradients(optimizer, None).item() == pytest.approx(1.0, rel=1e-5)


def test_weight_decay_shrinks_matrices_and_not_biases(new_scorer):
    from rankkit.tasks.gradient.settings import Settings
    from rankkit.training.gradient.optimizers import build_optimizer

    names = Settings.__dataclass_fields__
    options = dict.fromkeys(names) | {
        "metric": "ndcg@10", "epochs": 1, "seed": 0, "optimizer": "adamw", "learning_rate": 0.1, "weight_decay": 0.5,
        "momentum": 0.9, "schedule": "constant", "warmup": 0.0, "precision": "fp32", "trunk_rate": 1.0,
    }  # fmt: skip
    groups = build_optimizer(new_scorer(), Settings(**options), torch.device("cpu")).param_groups
    assert [(group["weight_decay"], {p.dim() for p in group["params"]}) for group in groups] == [(0.5, {2}), (0.0, {1})]


def test_callbacks_see_each_step_and_epoch(quick, new_scorer, train):
    recorder = Recorder()
    history = quick(new_scorer(), callbacks=[recorder])
    n_steps = -(-train.n_queries // 16)
    assert [record.step for record in recorder.steps] == list(range(1, 3 * n_steps + 1))
    assert sum(record.n_docs for record in recorder.steps) == 3 * train.n_docs
    assert tuple(recorder.epochs) == history.epochs
    assert recorder.steps[-1].loss == pytest.approx(history.epochs[-1].loss)


def test_history_goes_to_pandas(quick, new_scorer):
    history = quick(new_scorer())
    frame = history.to_pandas()
    assert list(frame["epoch"]) == [1, 2, 3]
    assert list(frame["valid_ndcg@10"]) == [record.valid for record in history.epochs]
    assert "best_epoch=" in repr(history)
    assert "3 epochs" in repr(history)


def test_the_transform_is_fitted_once_and_on_train_alone(quick, new_scorer, train, valid):
    first, second = new_scorer(transform="standardize"), new_scorer(transform="standardize")
    quick(first, epochs=1)
    second.transform.fit(train.features, train.offsets)
    buffers = {name: value.clone() for name, value in second.transform.named_buffers()}
    assert same(buffers, dict(first.transform.named_buffers()))
    quick(second, data=valid, valid=train, epochs=1)
    assert same(buffers, dict(second.transform.named_buffers()))


@pytest.mark.parametrize("by", ["query", "doc"])
def test_weights_of_the_data_reach_the_objective(quick, new_scorer, train, by):
    n = train.n_queries if by == "query" else train.n_docs
    values = np.arange(1, n + 1, dtype=np.float32)
    weighted = RankingDataset(train.features, train.labels, train.offsets, train.qids, weights=values)
    seen = []

    def objective(scores, labels, mask, *, weights):
        assert weights.shape == (mask.shape[:1] if by == "query" else mask.shape)
        seen.append(weights if by == "query" else weights[mask])
        return softmax_loss(scores, labels, mask, weights=weights)

    quick(new_scorer(), objective, data=weighted, epochs=1)
    assert sorted(torch.cat(seen).tolist()) == values.tolist()


def test_an_objective_over_grades_trains_a_scorer_with_outputs_over_grades(quick, new_scorer):
    history = quick(new_scorer(n_outputs=5), cross_entropy_loss, epochs=5, learning_rate=1e-2)
    assert history.epochs[-1].loss < history.epochs[0].loss


@pytest.mark.parametrize(
    "objective", [cross_entropy_loss, Objective(cross_entropy_loss), functools.partial(cross_entropy_loss)]
)
def test_outputs_must_fit_the_objective(quick, new_scorer, objective):
    with pytest.raises(
        ConfigError, match=r"Build the scorer with n_outputs=\d, readout='expected_grade' for labels 0\.\.\d"
    ):
        quick(new_scorer(), objective)
    with pytest.raises(ConfigError, match="one output for softmax_loss"):
        quick(new_scorer(n_outputs=5), softmax_loss)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adamww"}, "Did you mean 'adamw'"),
        ({"schedule": "onecycle"}, "Did you mean 'one_cycle'"),
        ({"precision": "fp16"}, "precision: expected one of"),
        ({"learning_rate": -1e-3}, "learning_rate: expected a finite number above 0; got -0.001"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"epochs": 0}, "epochs: expected a whole number"),
        ({"patience": 0}, "patience"),
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"warmup": 1.0}, "warmup"),
        ({"momentum": 1.0}, "momentum"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"batch_docs": 0}, "batch_docs"),
        ({"seed": -1}, "seed"),
        ({"metric": "ndgc@10"}, "ndcg"),
        ({"device": "gpu"}, "device: expected 'auto'"),
        ({"resume": True}, "expected out= with resume=True"),
    ],
)
def test_options_that_cannot_work_are_refused_before_any_work(quick, new_scorer, options, message):
    scorer = new_scorer()
    with pytest.raises(ConfigError, match=message):
        quick(scorer, **options)
    assert not bool(scorer.transform.fitted)


def test_data_that_cannot_work_is_refused_before_any_work(quick, new_scorer, train, valid):
    bare = RankingDataset(train.features, None, train.offsets, train.qids)
    with pytest.raises(DataError, match="expected labels in train"):
        quick(new_scorer(), data=bare)
    with pytest.raises(DataError, match="expected documents in valid"):
        quick(new_scorer(), valid=valid[:0])
    with pytest.raises(DataError, match="fit: valid: expected 10 features, as the scorer was built for; got 7"):
        quick(new_scorer(), valid=make_ranking(5, n_features=7))
    labels = train.labels.copy()
    labels[train.offsets[3]] = np.nan
    with pytest.raises(DataError, match=f"got nan in query {train.qids[3]}"):
        quick(new_scorer(), data=RankingDataset(train.features, labels, train.offsets, train.qids))
    weighted = RankingDataset(train.features, train.labels, train.offsets, train.qids, weights=np.ones(60, np.float32))
    with pytest.raises(ConfigError, match="takes weights="):
        quick(new_scorer(), lambda scores, labels, mask: scores.sum(), data=weighted)


def test_a_scorer_without_weights_to_train_is_refused(quick, new_scorer):
    with pytest.raises(ConfigError, match="expected a scorer with weights to train"):
        quick(new_scorer().requires_grad_(False))


def test_read_only_memory_maps_are_used_where_they_lie(quick, new_scorer, train, tmp_path):
    np.save(tmp_path / "features.npy", train.features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    scorer, other = new_scorer(), new_scorer()
    quick(scorer, data=RankingDataset(mapped, train.labels, train.offsets, train.qids))
    quick(other)
    assert same(weights_of(scorer), weights_of(other))


def test_a_linear_scorer_and_a_query_larger_than_the_budget_train(quick):
    history = quick(LinearScorer(10), ranknet_loss, batch_docs=9, epochs=1)
    assert history.epochs[0].step >= 40
