"""fit(): the training loop. ``_train`` is the whole of it; copy it where you need another."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from rankkit.errors import ConfigError
from rankkit.evaluation import evaluate, parse_metric
from rankkit.loaders.dataset import RankingDataset
from rankkit.scorers import Scorer
from rankkit.training.batches import plan_epoch
from rankkit.training.callbacks import Callback, Observers
from rankkit.training.checkpoint import RunFolder, restore
from rankkit.training.feed import Feed
from rankkit.training.history import History
from rankkit.training.interrupt import CtrlC, TrainingInterrupted
from rankkit.training.optimizers import build_optimizer, clip_gradients, set_learning_rate
from rankkit.training.progress import ProgressBar
from rankkit.training.run import Clock, Run
from rankkit.training.schedule import learning_rate_factor
from rankkit.training.settings import (
    OptimizerName,
    Precision,
    ScheduleName,
    Settings,
    check_data,
    check_objective,
    default_epochs,
    default_learning_rate,
    module_of,
    objective_name,
    objective_options,
    resolve_device,
)
from rankkit.training.steps import Step, ranking_step
from rankkit.training.watch import LossWatch

logger = logging.getLogger(__name__)


def fit(
    scorer: nn.Module,
    objective: Callable[..., Tensor],
    train: RankingDataset,
    valid: RankingDataset | None = None,
    *,
    metric: str = "ndcg@10",
    epochs: int | None = None,
    batch_queries: int = 64,
    batch_docs: int = 16384,
    length_window: int = 8,
    optimizer: OptimizerName = "adamw",
    learning_rate: float | None = None,
    weight_decay: float = 0.01,
    momentum: float = 0.9,
    schedule: ScheduleName = "one_cycle",
    warmup: float = 0.3,
    clip_norm: float | None = None,
    patience: int | None = None,
    precision: Precision = "fp32",
    device: str = "auto",
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    checkpoint_every: float = 300.0,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
) -> History:
    """Train a scorer in place; it ends with the weights of the epoch that was best on the validation data.

    Without validation data it ends with those of the last epoch. The scorer's transform is fitted on ``train`` if it
    is not fitted yet. The same seed, machine and number of threads give the same weights; torch's global random state
    is left as it was. The scorer stays on the device that trained it.

    Args:
        scorer: A module that keeps to :class:`rankkit.scorers.Scorer`, such as :class:`rankkit.MLPScorer`.
        objective: Any function ``(scores, labels, mask, *, weights=None) -> loss`` over padded lists. A module with
            weights of its own, such as :class:`rankkit.DualLearning`, is trained along with the scorer.
        train: Labelled training data. Its weights, if any, go to the objective.
        valid: Labelled validation data; nothing is fitted on it.
        metric: Validation metric that selects the epoch; the higher the better.
        epochs: Passes over the training data, at most; None: 15, or on small data as many as make 120 steps.
        batch_queries: Queries of a batch, at most.
        batch_docs: Documents of a batch, at most; a query with more goes alone.
        length_window: How many batches' worth of shuffled queries are sorted by list size before they are cut into
            batches of lists of like length; 1 mixes all lengths.
        optimizer: "adamw", "adam", "sgd" or "adagrad".
        learning_rate: The highest of the schedule; None: 0.002 for an MLP, 0.05 for a linear scorer.
        weight_decay: Of matrices, not of biases and norms; decoupled from the gradient in "adamw".
        momentum: Of "sgd".
        schedule: "one_cycle" (cosine up, cosine down), "cosine" or "linear" (down after a linear warm-up), "constant".
        warmup: Fraction of the run in which the learning rate rises.
        clip_norm: Largest norm of the gradient, all weights together; None: unlimited.
        patience: Epochs without a better validation value after which training stops; None: never.
        precision: "bf16" runs the scorer under autocast; the objective and the weights stay float32.
        device: "auto" (CUDA if there is any), "cpu", "cuda" or "cuda:1".
        seed: Of the batches and the dropout. The weights were drawn when the scorer was built.
        out: Folder for metrics.jsonl (a line an epoch) and checkpoint.pt, or None.
        resume: Go on from the checkpoint in ``out``, bit for bit on the CPU; without one, start. A finished run
            returns at once.
        checkpoint_every: Seconds between checkpoints inside an epoch; there is always one after each epoch.
        callbacks: Observers of steps and epochs.
        progress: Show a progress bar where stderr is a terminal.

    Returns:
        The course of the run.

    Raises:
        ConfigError: If options do not fit, or ``out`` holds a run and ``resume`` is False.
        DataError: If a part is empty or unlabelled, or has other features than the scorer takes.
        TrainingError: If the loss is not finite, or the checkpoint belongs to another run.
        TrainingInterrupted: After Ctrl-C, with the run saved; a ``KeyboardInterrupt`` that carries the history.

    Example:
        >>> from rankkit.loaders.synthetic import make_ranking
        >>> from rankkit.objectives import softmax_loss
        >>> from rankkit.scorers import LinearScorer
        >>> train, valid = make_ranking(30, seed=1), make_ranking(20, seed=2)
        >>> history = fit(LinearScorer(train.n_features), softmax_loss, train, valid, epochs=2, device="cpu")
        >>> len(history), history.metric, history.stopped
        (2, 'ndcg@10', 'epochs')
    """
    settings = Settings(
        metric=metric,
        epochs=default_epochs(train.n_queries, batch_queries) if epochs is None else epochs,
        batch_queries=batch_queries,
        batch_docs=batch_docs,
        length_window=length_window,
        optimizer=optimizer,
        learning_rate=default_learning_rate(scorer) if learning_rate is None else learning_rate,
        weight_decay=weight_decay,
        momentum=momentum,
        schedule=schedule,
        warmup=warmup,
        clip_norm=clip_norm,
        patience=patience,
        precision=precision,
        seed=seed,
    )
    parse_metric(metric)
    check_data(scorer, train, valid)
    check_objective(scorer, objective, train)
    if patience is not None and valid is None:
        raise ConfigError("fit: expected validation data with patience; got none. Pass valid, or leave patience out.")
    place = resolve_device(device)
    folder, saved = None, None
    if out is not None:
        folder = RunFolder(Path(out), _identity(scorer, objective, train, valid, settings), checkpoint_every)
        saved = folder.read(resume=resume)
    elif resume:
        raise ConfigError("fit: expected out= with resume=True; got none. Pass the folder of the run.")

    transform = getattr(scorer, "transform", None)
    if transform is not None and not transform.fitted:
        transform.fit(train.features, train.offsets)
    if getattr(scorer, "feature_names", None) is None:
        scorer.feature_names = train.feature_names  # type: ignore[assignment]
    trained = _all_that_is_trained(scorer, module_of(objective)).to(place)
    with _own_randomness(place, seed):
        method = build_optimizer(scorer, settings, place, module_of(objective))
        run = Run() if saved is None else restore(saved, trained, method)
        if folder is not None:
            folder.start(run)
        if resume:
            logger.info("%s: %s", out, f"going on in epoch {run.epoch}" if saved else "no checkpoint, starting anew")
        bar = ProgressBar(settings.epochs, train.n_docs, (run.epoch - 1) * train.n_docs + run.n_docs, shown=progress)
        with bar, CtrlC() as ctrl_c:
            observers = Observers([bar, *callbacks], ctrl_c)
            step = ranking_step(objective, precision)
            if run.stopped is None:
                _train(scorer, trained, step, method, train, valid, settings, run, folder, observers)
    if run.best_weights is not None:
        trained.load_state_dict(run.best_weights)
    scorer.eval()
    history = run.history(None if valid is None else metric, run.stopped or "interrupted")
    if run.stopped is None:
        raise _interrupted(run, history, out)
    return history


def _train(
    scorer: nn.Module,
    trained: nn.Module,
    step: Step,
    optimizer: Optimizer,
    train: RankingDataset,
    valid: RankingDataset | None,
    settings: Settings,
    run: Run,
    folder: RunFolder | None,
    observers: Observers,
) -> None:
    """Go on with a run until it is finished or interrupted; ``trained`` holds the scorer and what learns with it."""
    feed = Feed(train, next(scorer.parameters()).device)
    watch = LossWatch(run, scorer, feed, settings.learning_rate)
    clock = Clock(run)
    while run.stopped is None:
        plan = plan_epoch(
            train.list_sizes,
            np.random.default_rng([settings.seed, run.epoch]),
            batch_queries=settings.batch_queries,
            batch_docs=settings.batch_docs,
            length_window=settings.length_window,
        )
        scorer.train()
        clock.start()
        while run.position < len(plan):
            done = (run.epoch - 1 + (run.position + 0.5) / len(plan)) / settings.epochs
            run.learning_rate = settings.learning_rate * learning_rate_factor(settings.schedule, done, settings.warmup)
            set_learning_rate(optimizer, run.learning_rate)

            batch = feed.take(plan[run.position])
            optimizer.zero_grad(set_to_none=True)
            loss = step(scorer, batch)
            loss.backward()
            norm = clip_gradients(optimizer, settings.clip_norm)
            watch.see(plan[run.position], loss, norm)
            optimizer.step()

            run.end_step(batch.n_docs)
            clock.stop_training()
            observers.on_step(run, batch.n_docs)
            if folder is not None and (observers.stop_requested or folder.due()):
                watch.read()
                folder.save(run, trained, optimizer)
            if observers.stop_requested:
                return

        watch.read()
        clock.stop_training()
        value = None if valid is None else _validate(scorer, valid, settings.metric)
        clock.stop()
        run.end_epoch(trained, settings, value)
        if folder is not None:
            folder.save(run, trained, optimizer)
            folder.append(run.records[-1])
        observers.on_epoch_end(run.records[-1])
        if observers.stop_requested:
            return


def _all_that_is_trained(scorer: nn.Module, objective: nn.Module | None) -> nn.Module:
    """The scorer and an objective that is a module as one: what checkpoints hold and the best epoch brings back."""
    return nn.ModuleDict({"scorer": scorer} if objective is None else {"scorer": scorer, "objective": objective})


def _validate(scorer: nn.Module, valid: RankingDataset, metric: str) -> float:
    return evaluate(cast(Scorer, scorer), valid, [metric]).means[metric]


@contextmanager
def _own_randomness(device: torch.device, seed: int) -> Iterator[None]:
    """Seed torch's generators of the CPU and the device, and put them back afterwards."""
    with torch.random.fork_rng(devices=[device.index] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.default_generators[device.index].manual_seed(seed)
        yield


def _identity(
    scorer: nn.Module,
    objective: Callable[..., Tensor],
    train: RankingDataset,
    valid: RankingDataset | None,
    settings: Settings,
) -> dict[str, Any]:
    """What a run is: a checkpoint is refused where one of these differs."""
    return {
        "training data": train.fingerprint,
        "validation data": None if valid is None else valid.fingerprint,
        "scorer": type(scorer).__name__,
        **{f"scorer.{name}": value for name, value in getattr(scorer, "options", {}).items()},
        "objective": objective_name(objective),
        **{f"objective.{name}": value for name, value in objective_options(objective).items()},
        **asdict(settings),
    }


def _interrupted(run: Run, history: History, out: str | Path | None) -> TrainingInterrupted:
    where = f"interrupted in epoch {run.epoch} after {run.step} steps"
    if out is None:
        return TrainingInterrupted(f"fit: {where}. Nothing was saved: pass out= to be able to go on.", history)
    return TrainingInterrupted(
        f"fit: {where}; saved in {out}. Go on with resume=True (rankkit train --out {out} --resume).", history
    )
