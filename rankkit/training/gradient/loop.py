"""The training loop. ``_train`` is the whole of it; copy it where you need another.

What is trained, on which batches and by which step is a :class:`Work`: ``fit`` makes one of a scorer and lists of
documents, ``fit_encoder`` one of an encoder and labelled examples.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rankkit.errors import ConfigError
from rankkit.phases import phase
from rankkit.randomness import Randomness
from rankkit.tasks.gradient.settings import Settings
from rankkit.tasks.gradient.work import BadStep, Work
from rankkit.training.callbacks import Callback, Observers
from rankkit.training.gradient.average import Average, averaged
from rankkit.training.gradient.checkpoint import COMMAND, RunFolder, restore
from rankkit.training.gradient.optimizers import build_optimizer, clip_gradients, set_learning_rate
from rankkit.training.gradient.schedule import learning_rate_factor
from rankkit.training.gradient.watch import LossWatch
from rankkit.training.history import History
from rankkit.training.interrupt import CtrlC, TrainingInterrupted
from rankkit.training.progress import ProgressBar
from rankkit.training.rows import Stepping
from rankkit.training.run import Clock, Run

logger = logging.getLogger(__name__)


def open_folder(
    out: str | Path | None,
    identity: Callable[[], dict[str, Any]],
    *,
    resume: bool,
    every: float,
    command: str = COMMAND,
) -> tuple[RunFolder | None, dict[str, Any] | None]:
    """The folder of a run and the checkpoint in it, each None where there is none.

    Args:
        out: The folder, or None.
        identity: Gives what decides the result; a checkpoint of another run is refused. All data is read for it, so
            it is asked only where there is a folder.
        resume: Whether to go on from a checkpoint.
        every: Seconds between checkpoints inside an epoch.
        command: Of the command line, that goes on with such a run.

    Raises:
        ConfigError: If there is a checkpoint that is not to be resumed, or ``resume`` comes without a folder.
        TrainingError: If the checkpoint is damaged or belongs to another run.
    """
    if out is None:
        if resume:
            raise ConfigError("fit: expected out= with resume=True; got none. Pass the folder of the run.")
        return None, None
    folder = RunFolder(Path(out), identity(), every, command)
    saved = folder.read(resume=resume)
    if resume:
        where = "no checkpoint, starting anew" if saved is None else f"going on in epoch {saved['run']['epoch']}"
        logger.info("%s: %s", out, where)
    return folder, saved


def run_work(
    work: Work,
    settings: Settings,
    place: torch.device,
    folder: RunFolder | None,
    saved: dict[str, Any] | None,
    callbacks: Sequence[Callback],
    *,
    progress: bool,
) -> History:
    """Train to the end; the model keeps the weights of its best epoch.

    Args:
        work: What to do.
        settings: How.
        place: Device; the model moves there and stays.
        folder: For metrics.jsonl and checkpoints.
        saved: The checkpoint to go on from.
        callbacks: Observers of steps and epochs.
        progress: Show a progress bar where stderr is a terminal.

    Raises:
        ConfigError: If another run is at work in the folder.
        TrainingError: If a loss is not finite.
        DiskError: If the folder cannot be written to; it says which checkpoint is safe.
        TrainingInterrupted: After Ctrl-C, with the run saved.
    """
    trained = _all_that_is_trained(work).to(place)
    if folder is None:
        return _run(work, trained, settings, place, None, saved, callbacks, progress=progress)
    with folder.alone(), folder.keeping():
        return _run(work, trained, settings, place, folder, saved, callbacks, progress=progress)


def _run(
    work: Work,
    trained: nn.Module,
    settings: Settings,
    place: torch.device,
    folder: RunFolder | None,
    saved: dict[str, Any] | None,
    callbacks: Sequence[Callback],
    *,
    progress: bool,
) -> History:
    random = Randomness(settings.seed, place)
    method = build_optimizer(work.model, settings, place, work.objective)
    average = None if settings.ema is None else Average(trained, settings.ema)
    run = Run() if saved is None else restore(saved, trained, method, random, average)
    if folder is not None:
        folder.start(run.records)
    bar = ProgressBar(settings.epochs, work.n_docs, (run.epoch - 1) * work.n_docs + run.n_docs, shown=progress)
    with bar, CtrlC() as ctrl_c:
        observers = Observers([bar, *callbacks], ctrl_c)
        if run.stopped is None:
            _train(work, trained, method, average, settings, random, run, folder, observers)
    if run.best_weights is not None:
        trained.load_state_dict(run.best_weights)
    elif average is not None:
        average.keep()
    work.model.eval()
    history = run.history(None if work.validate is None else settings.metric, run.stopped or "interrupted")
    if run.stopped is None:
        raise _interrupted(run, history, folder)
    return history


def _train(
    work: Work,
    trained: nn.Module,
    optimizer: Stepping,
    average: Average | None,
    settings: Settings,
    random: Randomness,
    run: Run,
    folder: RunFolder | None,
    observers: Observers,
) -> None:
    """Go on with a run until it is finished or interrupted; ``trained`` holds the model and what learns with it."""
    drawing = random.lent if work.draws_globally else random.drawing

    def explain(bad: BadStep) -> str:
        with drawing():  # the model is called once more, in training mode
            return work.explain(bad)

    watch = LossWatch(run, explain, random.device)
    clock = Clock(run)
    while run.stopped is None:
        plan = work.plan(run.epoch)
        work.model.train()
        clock.start()
        while run.position < len(plan):
            done = (run.epoch - 1 + (run.position + 0.5) / len(plan)) / settings.epochs
            run.learning_rate = settings.learning_rate * learning_rate_factor(settings.schedule, done, settings.warmup)
            set_learning_rate(optimizer, run.learning_rate)

            with phase("load"):
                batch = work.take(plan[run.position])
            optimizer.zero_grad(set_to_none=True)
            with drawing():
                with phase("step"), watch.checking():
                    loss = work.step(work.model, batch)
                with phase("backward"):
                    loss.backward()
            with phase("optimiser"):
                norm = clip_gradients(optimizer, settings.clip_norm)
                watch.see(plan[run.position], loss, norm, work.facts())
                optimizer.step()
                if average is not None:
                    average.add(run.step + 1)

            run.end_step(batch.n_docs)
            clock.stop_training()
            observers.on_step(run, batch.n_docs)
            if folder is not None and (observers.stop_requested or folder.due()):
                watch.read()
                with phase("save"):
                    folder.save(run, trained, optimizer, random, average)
            if observers.stop_requested:
                return

        watch.read()
        clock.stop_training()
        with averaged(average):
            with drawing(), phase("validation", whole=True):
                value = None if work.validate is None else work.validate()
            clock.stop()
            run.end_epoch(trained, settings, value)
        if folder is not None:
            with phase("save"):
                folder.save(run, trained, optimizer, random, average)
                folder.append(run.records[-1])
        observers.on_epoch_end(run.records[-1])
        if observers.stop_requested:
            return


def _all_that_is_trained(work: Work) -> nn.Module:
    """The model and an objective that is a module as one: what checkpoints hold and the best epoch brings back."""
    objective = {} if work.objective is None else {"objective": work.objective}
    return nn.ModuleDict({"scorer": work.model, **objective})


def _interrupted(run: Run, history: History, folder: RunFolder | None) -> TrainingInterrupted:
    where = f"interrupted in epoch {run.epoch} after {run.step} steps"
    if folder is None:
        return TrainingInterrupted(f"fit: {where}. Nothing was saved: pass out= to be able to go on.", history)
    out = folder.folder
    return TrainingInterrupted(
        f"fit: {where}; saved in {out}. Go on with resume=True ({folder.command} --out {out} --resume).", history
    )
