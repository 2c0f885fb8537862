"""Boosting: trees added one at a time, each on slope and curvature of the loss in the scores of those before."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from inspect import signature
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, TrainingError
from rankkit.models.model import boosts
from rankkit.models.trees import BoostedTrees
from rankkit.objectives.curvature import derivatives
from rankkit.objectives.module import taken_apart
from rankkit.objectives.ranks.score_order import ties_by_chance
from rankkit.randomness import Randomness
from rankkit.tasks.gradient.drawing import draws_only_from_the_run
from rankkit.tasks.gradient.objectives import module_of, objective_name
from rankkit.tasks.gradient.settings import default_learning_rate
from rankkit.tasks.gradient.trial import try_objective
from rankkit.tasks.ranking.job import RankingJob
from rankkit.training.callbacks import StepRecord
from rankkit.training.gradient.loop import open_folder
from rankkit.training.gradient.options import Options
from rankkit.training.history import EpochRecord, History
from rankkit.training.interrupt import CtrlC, TrainingInterrupted
from rankkit.training.progress import ProgressBar
from rankkit.training.run import Run

TAKEN = frozenset(
    {"metric", "epochs", "learning_rate", "patience", "seed", "out", "resume", "callbacks", "progress", "device"}
) | {"checkpoint_every"}
"""What of the options means something to trees, or nothing to worry about."""

_PATIENCE = 50
_BLOCK_DOCS = 65536
_CPU = torch.device("cpu")


def told_by(model: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those options of a training that mean something for a model: of trees there is no optimizer to tell of."""
    return {name: value for name, value in options.items() if not boosts(model) or name in TAKEN}


def boost(job: RankingJob, metric: str, options: Options) -> History:
    """Grow the trees of a model; kept are those up to the best value on the validation data.

    Args:
        job: Of a model that :func:`boosts`.
        metric: Its name, checked.
        options: Of the run.

    Raises:
        ConfigError: If an option is given that trees have no use for, or the objective has weights of its own.
        TrainingError: If a slope or a curvature is not finite.
        TrainingInterrupted: After Ctrl-C; the model has the best trees so far.
    """
    where = f"{job.where}: {type(job.model).__name__}"
    for field in fields(Options):
        if field.name not in TAKEN and getattr(options, field.name) != field.default:
            raise ConfigError(
                f"{where}: expected no {field.name}, which training by gradients has; got "
                f"{getattr(options, field.name)!r}. Leave it out."
            )
    if vars(job.batches) != job.default_batches:
        raise ConfigError(f"{where}: expected no batches, as each tree takes all documents. Leave batch_... out.")
    objective = cast("Callable[..., Tensor]", job.objective)
    module = module_of(objective)
    if module is not None and any(parameter.requires_grad for parameter in module.parameters()):
        raise ConfigError(
            f"{where}: expected an objective without weights of its own; got {objective_name(objective)}. "
            "Train a network with it."
        )
    if options.device not in ("auto", "cpu"):
        raise ConfigError(f"{where}: expected device 'auto' or 'cpu'; got {options.device!r}. Trees grow on the CPU.")
    rate = default_learning_rate(job.model)
    settings = options.settings(metric, epochs=job.default_epochs, learning_rate=rate)
    try_objective(objective)
    job.check()
    if settings.patience is not None and not job.has_valid:
        raise ConfigError(
            f"{job.where}: expected validation data with patience; got none. Pass valid, or leave patience out."
        )
    patience = _PATIENCE if settings.patience is None and job.has_valid else settings.patience
    folder, _ = open_folder(options.out, {**job.identity(), **settings.identity()}, resume=options.resume, every=0.0)
    bar = ProgressBar(settings.epochs, job.train.n_docs, 0, shown=options.progress)
    growth = _Growth(job, metric, settings.seed, settings.learning_rate, settings.epochs, patience)
    if folder is None:
        return growth.run(bar, options.callbacks, None)
    with folder.alone():
        folder.start(Run())
        return growth.run(bar, options.callbacks, folder.append)


class _Growth:
    """One run: what is grown, on what, and how far."""

    def __init__(
        self, job: RankingJob, metric: str, seed: int, rate: float, n_trees: int, patience: int | None
    ) -> None:
        self._job, self._metric, self._rate = job, metric, rate
        self._n_trees, self._patience = n_trees, patience
        model, objective = cast(BoostedTrees, job.model), cast("Callable[..., Tensor]", job.objective)
        labels = np.asarray(job.train.labels)
        own = model.own_objective(objective_name(objective).removesuffix("_loss"), _set_options(objective), labels)
        self._slopes = None if own is not None else Slopes(objective, job.train, seed)
        self._chosen = {"objective": objective_name(objective) if own is None else f"{own} of {model.library}"}
        self._model = model
        self._grower = model.begin(job.train, job.valid, own, rate, seed)
        self._records: list[EpochRecord] = []
        self._best: tuple[float, int] = (-math.inf, 0)

    def run(
        self, bar: ProgressBar, callbacks: Sequence[Any], keep_record: Callable[[EpochRecord], None] | None
    ) -> History:
        start = time.perf_counter()
        stopped = "epochs"
        with bar, CtrlC() as ctrl_c:
            for number in range(1, self._n_trees + 1):
                found_one = self._grower.grow(None if self._slopes is None else self._slopes)
                if not found_one:
                    stopped = "no split"
                    break
                record = self._record(number, time.perf_counter() - start)
                if keep_record is not None:
                    keep_record(record)
                rate = record.docs_per_second
                step = StepRecord(number, number, record.loss, self._rate, self._job.train.n_docs, rate)
                try:
                    for callback in (bar, *callbacks):
                        callback.on_step(step)
                        callback.on_epoch_end(record)
                except KeyboardInterrupt:
                    ctrl_c.requested = True
                if self._patience is not None and number - self._best[1] >= self._patience:
                    stopped = "patience"
                    break
                if ctrl_c.requested:
                    stopped = "interrupted"
                    break
        history = self._finish(stopped, time.perf_counter() - start)
        if stopped == "interrupted":
            raise TrainingInterrupted(
                f"{self._job.where}: interrupted after {len(self._records)} trees; the model has the best of them. "
                "Trees are grown anew when the run is started again.",
                history,
            )
        return history

    def _record(self, number: int, seconds: float) -> EpochRecord:
        job = self._job
        value = None
        if job.valid is not None:
            scores = np.asarray(self._grower.valid_scores(), np.float32)
            value = job.value_of_scores(scores, job.valid, self._metric)
        if value is None or math.isnan(value):
            if self._best[0] == -math.inf:
                self._best = (-math.inf, number)
        elif value > self._best[0]:
            self._best = (value, number)
        loss = None if self._slopes is None else self._slopes.loss
        rate = number * job.train.n_docs / seconds if seconds else 0.0
        metric = self._metric if job.valid is not None else None
        record = EpochRecord(number, number, loss, metric, value, self._rate, rate, seconds)
        self._records.append(record)
        return record

    def _finish(self, stopped: Any, seconds: float) -> History:
        value, n_kept = self._best
        if not n_kept:
            raise TrainingError(
                f"{self._job.where}: expected a split that helps; got none for the first tree. "
                "Lower min_data_in_leaf, or give more data."
            )
        self._model.keep(self._grower.content(n_kept))
        self._model.eval()
        metric = self._metric if self._job.has_valid else None
        best = None if value == -math.inf else value
        return History(tuple(self._records), metric, n_kept, best, stopped, seconds, self._chosen, unit="tree")


@dataclass(frozen=True)
class _Block:
    """Lists of like length as tensors; ``docs`` are the places of their documents, ``mask`` where there is one."""

    docs: Tensor
    mask: Tensor
    labels: Tensor
    weights: Tensor | None


class Slopes:
    """Slope and curvature of an objective in the scores of all training documents.

    Documents of equal score, as all are before the first tree, stand in an order drawn anew for each tree where the
    objective asks for ranks: any fixed order would be learnt.

    Args:
        objective: Over lists.
        train: The documents.
        seed: Of what it draws.

    Attributes:
        loss: Mean over the lists at the last call.
    """

    def __init__(self, objective: Callable[..., Tensor], train: RankingDataset, seed: int) -> None:
        self._objective, self._n_docs = objective, train.n_docs
        self._random = Randomness(seed, _CPU)
        self._lent = not draws_only_from_the_run(objective)
        self._blocks = [_block(train, queries) for queries in _like_lengths(train.list_sizes)]
        self.loss = math.nan

    def __call__(self, scores: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of all documents, ``[doc]`` each.

        Raises:
            TrainingError: If one is not finite.
        """
        given = torch.from_numpy(np.asarray(scores, np.float32))
        slopes, curvatures = torch.zeros(self._n_docs), torch.zeros(self._n_docs)
        total, n_lists = 0.0, 0
        with self._random.lent() if self._lent else self._random.drawing(), ties_by_chance():
            for block in self._blocks:
                found = derivatives(self._objective, given[block.docs], block.labels, block.mask, block.weights)
                docs = block.docs[block.mask]
                slopes[docs], curvatures[docs] = found.slopes[block.mask], found.curvatures[block.mask]
                size = len(block.docs)
                total += float(found.losses.sum() if found.losses.dim() else found.losses * size)
                n_lists += size
        self.loss = total / n_lists
        if not (bool(slopes.isfinite().all()) and bool(curvatures.isfinite().all())):
            raise TrainingError(
                f"fit: expected finite slopes of {objective_name(self._objective)}; got others. "
                "Lower the learning rate, or look for labels that are too large."
            )
        return slopes.numpy(), curvatures.numpy()


def _like_lengths(sizes: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Queries by rising length, in blocks of about as many documents, padding counted."""
    order = np.argsort(sizes, kind="stable")
    blocks, first = [], 0
    while first < len(order):
        last = first + 1
        while last < len(order) and (last + 1 - first) * sizes[order[last]] <= _BLOCK_DOCS:
            last += 1
        blocks.append(order[first:last])
        first = last
    return blocks


def _block(train: RankingDataset, queries: NDArray[np.int64]) -> _Block:
    starts, sizes = train.offsets[queries], train.list_sizes[queries]
    places = np.arange(int(sizes.max(initial=0)))
    mask = places < sizes[:, None]
    docs = np.where(mask, starts[:, None] + places, starts[:, None])
    weights = None
    if train.weights is not None:
        taken = train.weights[queries] if train.weights_per == "query" else np.where(mask, train.weights[docs], 0)
        weights = torch.from_numpy(np.asarray(taken, np.float32))
    labels = np.where(mask, np.asarray(train.labels)[docs], 0).astype(np.float32)
    return _Block(torch.from_numpy(docs), torch.from_numpy(mask), torch.from_numpy(labels), weights)


def _set_options(objective: Callable[..., Tensor]) -> dict[str, Any]:
    """The options of an objective that are not as by default."""
    function, options = taken_apart(objective)
    defaults = {name: one.default for name, one in signature(function).parameters.items()}
    return {name: value for name, value in options.items() if name not in defaults or value != defaults[name]}
