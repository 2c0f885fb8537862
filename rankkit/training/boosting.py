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
from rankkit.models.trees.files.reading import parse_tree_model
from rankkit.models.trees.growing import Grower
from rankkit.objectives.curvature import derivatives
from rankkit.objectives.module import taken_apart
from rankkit.objectives.ranks.score_order import ties_by_chance
from rankkit.randomness import Randomness
from rankkit.tasks.gradient.drawing import draws_only_from_the_run
from rankkit.tasks.gradient.objectives import module_of, objective_name
from rankkit.tasks.gradient.settings import Settings, default_learning_rate
from rankkit.tasks.gradient.trial import try_objective
from rankkit.tasks.ranking.job import RankingJob
from rankkit.training.callbacks import StepRecord
from rankkit.training.gradient.checkpoint import RunFolder
from rankkit.training.gradient.loop import open_folder
from rankkit.training.gradient.options import Options
from rankkit.training.history import EpochRecord, History, Stopped
from rankkit.training.interrupt import CtrlC, TrainingInterrupted
from rankkit.training.progress import ProgressBar

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

    A model that has trees is given more. In a folder all trees so far are saved every ``checkpoint_every`` seconds; a
    run that goes on from them ends with the trees of one that was never cut off.

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
    folder, saved = open_folder(
        options.out,
        lambda: {**job.identity(), **settings.identity()},
        resume=options.resume,
        every=options.checkpoint_every,
    )
    growth = _Growth(job, settings, patience, folder, saved)
    bar = ProgressBar(settings.epochs, job.train.n_docs, growth.n_trees * job.train.n_docs, shown=options.progress)
    if folder is None:
        return growth.run(bar, options.callbacks)
    with folder.alone(), folder.keeping():
        folder.start(growth.records)
        return growth.run(bar, options.callbacks)


class _Growth:
    """One run: what is grown, on what, and how far it has come.

    Args:
        job: What is to be done; the model may have trees, which are kept.
        settings: How.
        patience: Trees without a better validation value that end it, or None.
        folder: For metrics.jsonl and checkpoints, or None.
        saved: The checkpoint to go on from, or None; it says which trees the model had, too.
    """

    def __init__(
        self,
        job: RankingJob,
        settings: Settings,
        patience: int | None,
        folder: RunFolder | None,
        saved: Mapping[str, Any] | None,
    ) -> None:
        self._job, self._settings, self._patience, self._folder = job, settings, patience, folder
        model, objective = cast(BoostedTrees, job.model), cast("Callable[..., Tensor]", job.objective)
        labels = np.asarray(job.train.labels)
        own = model.own_objective(objective_name(objective).removesuffix("_loss"), _set_options(objective), labels)
        self._slopes = None if own is not None else Slopes(objective, job.train, settings.seed)
        self._chosen = {"objective": objective_name(objective) if own is None else f"{own} of {model.library}"}
        self._model, self._own = model, own
        self.records: list[EpochRecord] = []
        self._best: tuple[float, int] = (-math.inf, 0)
        self._stopped: Stopped | None = None
        self._seconds = 0.0
        if saved is None:
            self._earlier = model.state().get("file")
            self._grower = self._begin()
        else:
            self._earlier = None if saved["earlier"] is None else saved["earlier"].numpy()
            self._grower = self._go_on(saved)
        self._n_earlier = 0 if self._earlier is None else self._n_of(self._earlier)

    @property
    def n_trees(self) -> int:
        """How many the run has grown."""
        return len(self.records)

    def run(self, bar: ProgressBar, callbacks: Sequence[Any]) -> History:
        """Grow to the end, or until Ctrl-C."""
        before, start = self._seconds, time.perf_counter()
        with bar, CtrlC() as ctrl_c:
            while self._stopped is None and not ctrl_c.requested:
                if not self._grower.grow(self._slopes):
                    self._stopped = "no split"
                else:
                    self._seconds = before + time.perf_counter() - start
                    record = self._record()
                    step = StepRecord(
                        record.epoch,
                        record.step,
                        record.loss,
                        record.learning_rate,
                        self._job.train.n_docs,
                        record.docs_per_second,
                    )
                    try:
                        for callback in (bar, *callbacks):
                            callback.on_step(step)
                            callback.on_epoch_end(record)
                    except KeyboardInterrupt:
                        ctrl_c.requested = True
                self._seconds = before + time.perf_counter() - start
                due = self._folder is not None and self._folder.due()
                if self.n_trees and (self._stopped is not None or ctrl_c.requested or due):
                    self._save()
        history = self._finish()
        if self._stopped is None:
            raise self._interrupted(history)
        return history

    def _begin(self, n_passed: int = 0) -> Grower:
        job, settings = self._job, self._settings
        return self._model.begin(job.train, job.valid, self._own, settings.learning_rate, settings.seed, n_passed)

    def _go_on(self, saved: Mapping[str, Any]) -> Grower:
        """A grower with the trees of a checkpoint.

        Where its library cannot be told to go on in the midst of what it draws, they are grown again, unmeasured.
        """
        run, trees = saved["run"], saved["trees"].numpy()
        self.records = [EpochRecord(**record) for record in saved["records"]]
        self._best = (run["best_value"], run["best_epoch"])
        self._seconds, self._stopped = run["seconds"], run["stopped"]
        if self._stopped is not None or self._model.goes_on(self._own):
            self._model.keep(trees.tobytes())
            if self._slopes is not None:
                self._slopes.random.restore(saved["random"])
            return self._begin(n_passed=0 if self._stopped else self.n_trees)
        if self._earlier is None:
            self._model.set_state({})
        else:
            self._model.keep(self._earlier.tobytes())
        grower = self._begin()
        for _ in self.records:
            grower.grow(self._slopes)
        if grower.content(self._n_of(trees)) != trees.tobytes():
            raise TrainingError(
                f"{self._job.where}: expected the trees of the checkpoint when they are grown again; got others, as of "
                f"another version of {self._model.library}. Start anew in another folder."
            )
        return grower

    @staticmethod
    def _n_of(trees: NDArray[np.uint8]) -> int:
        return len(parse_tree_model("trees", trees.tobytes(), suspects=False).trees)

    def _record(self) -> EpochRecord:
        """Note what the last tree has brought, and whether it ends the run."""
        job, number, seconds = self._job, self.n_trees + 1, self._seconds
        metric = self._settings.metric
        value = None
        if job.valid is not None:
            scores = np.asarray(self._grower.valid_scores(), np.float32)
            value = job.value_of_scores(scores, job.valid, metric)
        if value is None or math.isnan(value):
            if self._best[0] == -math.inf:
                self._best = (-math.inf, number)
        elif value > self._best[0]:
            self._best = (value, number)
        loss = None if self._slopes is None else self._slopes.loss
        speed = number * job.train.n_docs / seconds if seconds else 0.0
        told = metric if job.valid is not None else None
        rate = self._settings.learning_rate
        record = EpochRecord(number, number, loss, told, value, rate, speed, seconds)
        self.records.append(record)
        if self._patience is not None and number - self._best[1] >= self._patience:
            self._stopped = "patience"
        elif number == self._settings.epochs:
            self._stopped = "epochs"
        if self._folder is not None:
            self._folder.append(record)
        return record

    def _save(self) -> None:
        if self._folder is None:
            return
        value, number = self._best
        state = {"epoch": self.n_trees + 1, "step": self.n_trees, "best_value": value, "best_epoch": number}
        trees = np.frombuffer(self._grower.content(self._n_earlier + self.n_trees), np.uint8)
        learnt = {
            "trees": torch.from_numpy(trees.copy()),
            "earlier": None if self._earlier is None else torch.from_numpy(self._earlier.copy()),
            "random": None if self._slopes is None else self._slopes.random.states(),
        }
        self._folder.write({**state, "seconds": self._seconds, "stopped": self._stopped}, self.records, learnt)

    def _finish(self) -> History:
        value, n_kept = self._best
        if not n_kept and self._stopped is not None:
            raise TrainingError(
                f"{self._job.where}: expected a split that helps; got none for the first tree. "
                "Lower min_data_in_leaf, or give more data."
            )
        if n_kept:
            self._model.keep(self._grower.content(self._n_earlier + n_kept))
        self._model.eval()
        metric = self._settings.metric if self._job.has_valid else None
        best = None if value == -math.inf else value
        stopped = self._stopped or "interrupted"
        return History(tuple(self.records), metric, n_kept, best, stopped, self._seconds, self._chosen, unit="tree")

    def _interrupted(self, history: History) -> TrainingInterrupted:
        where = f"{self._job.where}: interrupted after {self.n_trees} trees; the model has the best of them"
        if self._folder is None:
            return TrainingInterrupted(f"{where}. Nothing was saved: pass out= to be able to go on.", history)
        out = self._folder.folder
        return TrainingInterrupted(
            f"{where}, all are saved in {out}. Go on with resume=True (rankkit train --out {out} --resume).", history
        )


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
        random: What it draws from.
    """

    def __init__(self, objective: Callable[..., Tensor], train: RankingDataset, seed: int) -> None:
        self._objective, self._n_docs = objective, train.n_docs
        self.random = Randomness(seed, _CPU)
        self._lent = not draws_only_from_the_run(objective)
        self._blocks = [_block(train, queries) for queries in _like_lengths(train.list_sizes)]
        self._places = self._places_of_docs()
        self.loss = math.nan

    def _places_of_docs(self) -> Tensor:
        """Where the documents stand in the blocks, these laid behind one another with their padding."""
        places = torch.empty(self._n_docs, dtype=torch.int64)
        n_before = 0
        for block in self._blocks:
            places[block.docs[block.mask]] = n_before + block.mask.flatten().nonzero()[:, 0]
            n_before += block.mask.numel()
        return places

    def __call__(self, scores: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of all documents, ``[doc]`` each.

        Raises:
            TrainingError: If one is not finite.
        """
        given = torch.from_numpy(np.asarray(scores, np.float32))
        parts: list[tuple[Tensor, Tensor]] = []
        total, n_lists = 0.0, 0
        with self.random.lent() if self._lent else self.random.drawing(), ties_by_chance():
            for block in self._blocks:
                found = derivatives(self._objective, given[block.docs], block.labels, block.mask, block.weights)
                parts.append((found.slopes.flatten(), found.curvatures.flatten()))
                size = len(block.docs)
                total += float(found.losses.sum() if found.losses.dim() else found.losses * size)
                n_lists += size
        self.loss = total / n_lists
        slopes, curvatures = (torch.cat(each)[self._places] for each in zip(*parts, strict=True))
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
