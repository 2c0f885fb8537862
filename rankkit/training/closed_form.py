"""Models in closed form: they learn in one go, from all of the training data at once."""

import time
from dataclasses import fields

from torch import nn

from rankkit.errors import ConfigError
from rankkit.tasks.gradient.settings import check_from_0
from rankkit.tasks.gradient.work import Job
from rankkit.training.callbacks import StepRecord
from rankkit.training.gradient.loop import open_folder
from rankkit.training.gradient.options import Options
from rankkit.training.history import EpochRecord, History

_TAKEN = frozenset({"metric", "seed", "out", "resume", "callbacks", "progress", "device", "checkpoint_every"})
"""What of the options means something without gradients, or nothing to worry about."""


def learn(job: Job, metric: str, options: Options) -> History:
    """Let a model learn in one go; whatever it chooses, it chooses on the validation data.

    Args:
        job: Of a :class:`rankkit.models.model.Learner`.
        metric: Its name, checked.
        options: Of the run.

    Raises:
        ConfigError: If an option is given that only gradients have.
    """
    for field in fields(Options):
        if field.name not in _TAKEN and getattr(options, field.name) != field.default:
            raise ConfigError(
                f"{job.where}: expected no {field.name} for {type(job.model).__name__}, which learns without "
                f"gradients; got {getattr(options, field.name)!r}. Leave it out."
            )
    usual = getattr(job, "default_batches", None)  # of documents of queries
    if usual is not None and vars(job.batches) != usual:  # type: ignore[attr-defined]
        raise ConfigError(
            f"{job.where}: expected no batches for {type(job.model).__name__}, which learns from all documents at "
            "once. Leave batch_... out."
        )
    check_from_0("checkpoint_every", options.checkpoint_every)
    job.check()
    folder, _ = open_folder(
        options.out,
        lambda: {**job.identity(), "metric": metric, "seed": options.seed},
        resume=options.resume,
        every=0.0,
    )
    if folder is None:
        return _learn(job, metric, options)
    with folder.alone():
        return _learn(job, metric, options)


def _learn(job: Job, metric: str, options: Options) -> History:
    choosing = job.valid if job.has_valid else job.train
    start = time.perf_counter()
    model = job.model
    learnt = model.learn(job.train, choosing, lambda: job.value(model, choosing, metric), seed=options.seed)
    if isinstance(model, nn.Module):
        model.eval()
    value = job.value(model, job.valid, metric) if job.has_valid else None
    finish = getattr(job, "finish", None)
    if finish is not None:
        finish(options.seed)
    seconds = time.perf_counter() - start
    n_docs = getattr(job.train, "n_docs", len(job.train))
    rate = n_docs / seconds if seconds else 0.0
    for callback in options.callbacks:
        callback.on_step(StepRecord(1, 1, None, 0.0, n_docs, rate))
    record = EpochRecord(1, 1, None, metric if job.has_valid else None, value, 0.0, rate, seconds)
    for callback in options.callbacks:
        callback.on_epoch_end(record)
    return History((record,), record.metric, 1, value, "in one go", seconds, dict(learnt))
