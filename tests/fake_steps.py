"""Prints, as JSON, what a training step on a device asks the device for: of each ranking objective and each scorer.

A program of its own, since :mod:`tests.fake_device` leaves a device registered with torch.
"""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

import rankkit as rk
from rankkit import registry
from rankkit.models.scorers.readout import n_outputs_for
from rankkit.objectives.documents.torch_losses import from_torch
from rankkit.registry.tables import OBJECTIVES, SCORERS
from rankkit.tasks.gradient.objectives import build_objective, readout_of
from rankkit.tasks.gradient.settings import Settings
from rankkit.tasks.ranking.device_batches import Feed
from rankkit.tasks.ranking.steps import ranking_step
from rankkit.training.gradient.average import Average
from rankkit.training.gradient.optimizers import build_optimizer, clip_gradients
from rankkit.training.gradient.watch import LossWatch
from rankkit.training.run import Run
from tests.fake_device import asked, fake_device, moved, without_numbers

SIZES = (3, 1, 5, 4)
N_FEATURES = 3
SMALL: dict[str, dict[str, Any]] = {
    "linear": {},
    "mlp": {"hidden": [8]},
    "dcn": {"hidden": [8], "n_cross": 1, "rank": 2},
    "attention": {"hidden": [4], "n_blocks": 1, "n_inner": 4},
    "dasalc": {"hidden": [8], "n_blocks": 1, "head_size": 4},
    "tabm": {"hidden": [8], "n_members": 2},
    "additive": {"hidden": [2]},
}
ALL_STEPS = ("log1p+standardize", "minmax", "quantile:4", "piecewise:4", "missing", "query_standardize", "query_minmax")
WITHIN = {"transform": "piecewise:4", "context": "z+rank+share+gap", "hidden": [8]}


def lists(weights: rk.Weights | None = None) -> rk.RankingDataset:
    """A few lists of unlike length."""
    random, n_docs = np.random.default_rng(0), sum(SIZES)
    return rk.from_arrays(
        random.normal(size=(n_docs, N_FEATURES)).astype(np.float32),
        random.integers(0, 3, n_docs).astype(np.float32),
        qids=np.repeat(np.arange(len(SIZES)), SIZES),
        weights=weights,
    )


def scorer_of(name: str, data: rk.RankingDataset, **options: Any) -> nn.Module:
    """A small scorer with a fitted transform, its weights on the device."""
    scorer: Any = registry.find("scorer", name)(N_FEATURES, seed=0, **options)
    scorer.transform.fit(data.features, data.offsets)
    return moved(scorer).train()


def stepping(data: rk.RankingDataset, scorer: nn.Module, objective: Callable[..., Tensor]) -> Callable[[], None]:
    """A step as the loop takes it, of which all that a run does once is done."""
    settings = Settings(
        metric="ndcg@10",
        epochs=1,
        learning_rate=1e-3,
        optimizer="adamw",
        weight_decay=1e-4,
        momentum=0.9,
        schedule="constant",
        warmup=0.0,
        clip_norm=1.0,
        patience=None,
        precision="fp32",
        seed=0,
    )
    feed = Feed(data, fake_device())
    learnt = moved(objective) if isinstance(objective, nn.Module) else None
    optimizer = build_optimizer(scorer, settings, fake_device(), learnt)
    average, take = Average(scorer, 0.9), ranking_step(objective)
    watch = LossWatch(Run(), str, fake_device())

    def step() -> None:
        queries = np.array([2, 0, 3])
        batch = feed.take(queries)
        with watch.checking():
            loss = take(scorer, batch)
        loss.backward()
        watch.see(queries, loss, clip_gradients(optimizer, settings.clip_norm))
        optimizer.step()
        average.add(1)

    return step


def cases() -> Iterator[tuple[str, Callable[[], None]]]:
    """What is asked, by name, each built when it is its turn."""
    data, mse = lists(), build_objective("mse", {})
    weighed = lists(rk.Weights(np.ones(sum(SIZES), np.float32), per="doc"))
    for name in OBJECTIVES:
        objective = build_objective(name, {})
        readout = readout_of(objective)
        outputs = {} if readout is None else {"n_outputs": n_outputs_for(readout, 3), "readout": readout}
        yield name, stepping(weighed, scorer_of("linear", data, transform="none", **outputs), objective)
    yield "loss of torch", stepping(weighed, scorer_of("linear", data), from_torch(nn.L1Loss()))
    for name in SCORERS:
        yield name, stepping(data, scorer_of(name, data, **SMALL[name]), mse)
    with patch("rankkit.tasks.ranking.device_batches.fits_on", return_value=False):
        yield "sent by batch", stepping(weighed, scorer_of("linear", data), mse)
    yield "all transforms", stepping(data, scorer_of("linear", data, transform=list(ALL_STEPS)), mse)
    yield "context", stepping(data, scorer_of("mlp", data, **WITHIN), mse)


def main() -> None:
    """Print what each asked."""
    fake_device()
    with without_numbers() as found:
        sys.stdout.write(json.dumps({name: asked(found, step) for name, step in cases()}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
