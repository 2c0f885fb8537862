"""run(): a job to the end of its training, by gradients, by trees or in one go."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from rankkit.errors import ConfigError
from rankkit.evaluation import metric_name
from rankkit.files.places import check_place
from rankkit.models.model import boosts
from rankkit.phases import phase
from rankkit.tasks.gradient.devices import resolve_device
from rankkit.tasks.gradient.precision import choose_precision
from rankkit.tasks.gradient.settings import check_from_0, default_learning_rate
from rankkit.tasks.gradient.trial import try_objective
from rankkit.tasks.gradient.trunk import check_has_trunk
from rankkit.tasks.gradient.work import Job
from rankkit.tasks.ranking.job import RankingJob
from rankkit.training import boosting
from rankkit.training.closed_form import learn
from rankkit.training.gradient.checkpoint import COMMAND
from rankkit.training.gradient.loop import open_folder, run_work
from rankkit.training.gradient.options import Options
from rankkit.training.history import History

logger = logging.getLogger(__name__)


def run(begin: Callable[[], Job], options: Options, command: str = COMMAND) -> History:
    """Train what a job is about, to the end.

    Args:
        begin: Gives the job, once the place where the run is kept is known to be one.
        options: Of the run.
        command: Of the command line, that goes on with such a run.
    """
    if options.out is not None:
        check_place(options.out, "folder")
    check_from_0("checkpoint_every", options.checkpoint_every)
    job = begin()
    metric = metric_name(job.where, options.metric)
    if job.objective is None:
        return learn(job, metric, options)
    if boosts(job.model):
        return boosting.boost(cast(RankingJob, job), metric, options)
    rate = default_learning_rate(job.model)
    settings = options.settings(metric, epochs=job.default_epochs, learning_rate=rate)
    if settings.trunk_rate != 1:
        check_has_trunk("trunk_rate", job.model)
    place = resolve_device(options.device)
    try_objective(job.objective)
    job.check()
    if options.patience is not None and not job.has_valid:
        raise ConfigError(
            f"{job.where}: expected validation data with patience; got none. Pass valid, or leave patience out."
        )
    chosen: dict[str, Any] = {}
    if options.precision == "auto":
        choice = choose_precision(job.model, place, job.docs_a_step)
        settings = replace(settings, precision=choice.precision)
        chosen = {"precision": f"{choice.precision}, as {choice.why}"}
        logger.info("%s: precision %s", job.where, chosen["precision"])
    folder, saved = open_folder(
        options.out,
        lambda: {**job.identity(), **settings.identity()},
        resume=options.resume,
        every=options.checkpoint_every,
        command=command,
    )
    with phase("prepare", whole=True):
        work = job.work(settings, place)
    history = run_work(work, settings, place, folder, saved, [*options.callbacks], progress=options.progress)
    return replace(history, chosen=chosen)
