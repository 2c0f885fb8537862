"""task_of_rows(): a task from little: its data, what a model predicts of it, how good that is, what to learn from."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.errors import ConfigError
from rankkit.evaluation import Evaluation
from rankkit.files.records import write_json, write_parquet
from rankkit.models.building import build
from rankkit.models.model import learns_in_one_go
from rankkit.tasks.gradient.drawing import draws_only_from_the_run
from rankkit.tasks.gradient.objectives import (
    build_objective,
    checked_loss,
    module_of,
    objective_identity,
    refuse_objective,
)
from rankkit.tasks.gradient.settings import Settings
from rankkit.tasks.gradient.work import BadStep, Work
from rankkit.tasks.splitting import ONLY, Split, check_same_data
from rankkit.tasks.task import Built, Measured, Predicting, Task, milliseconds
from rankkit.tasks.words import Words

Loss = Callable[[nn.Module, Callable[..., Tensor], Any, Tensor], Tensor]
Judge = Callable[[NDArray[Any], Any, Sequence[Any]], Evaluation]
_STEPS = 300  # of a training that names no number of epochs, where the data is small
_MOST_EPOCHS = 15


def task_of_rows(
    name: str,
    *,
    model: str,
    data: type,
    source: type,
    load: Callable[[Any], tuple[Any, Any, Any]],
    build_for: Callable[[Any], tuple[Any, ...]],
    predict: Callable[[Any, Any], NDArray[Any]],
    judge: Judge,
    loss: Loss | None = None,
    metric: str,
    objective: str = "objective",
    words: Words | None = None,
    **more: Any,
) -> Task:
    """A task whose data has rows: ``len(data)`` of them, a ``fingerprint``, and nothing else that rankkit looks at.

    Args:
        name: Of the task.
        model: What its models are called: in files, in the registry, in ``model.json``.
        data: The class of its data.
        source: A dataclass of plain values that says where data lies.
        load: ``(source) -> (train, valid, test)``.
        build_for: ``(train) -> arguments`` that a model is built with besides its options: sizes.
        predict: ``(model, data) -> array``.
        judge: ``(array, data, metrics) -> Evaluation``.
        loss: ``(model, objective, data, rows int64 [n]) -> loss``: of a batch; None: its models learn in one go.
        metric: By which epochs are chosen.
        objective: The kind of its objectives in the registry.
        words: For tables and pages.
        **more: Other arguments of :class:`Task`: ``export``, ``routes``, ``read``, ``commands``, ...

    Returns:
        The task, to be registered.
    """

    def evaluate(model: Any, given: Any, metrics: Sequence[Any] | None = None) -> Evaluation:
        return judge(predict(model, given), given, list(metrics or [metric]))

    def made(kind: str, options: Any, asked: str, given: Any, train: Any, *, seed: int) -> Built:
        built = build(model, kind, *build_for(train), **options, seed=seed)
        return Built(built, build_objective(asked, given, kind=objective) if asked else None, dict(given))

    def measure(fitted: Predicting, split: Any, rules: Any) -> Measured:
        return Measured(judge(fitted.predict(split.test), split.test, list(rules.metrics)))

    learnt = None if loss is None else staticmethod(loss)
    attributes: dict[str, Any] = {"loss": learnt, "evaluate": staticmethod(evaluate)}
    return Task(
        **{
            "name": name,
            "systems": f"{model}s",
            "model": model,
            "objective": objective,
            "data": data.__name__,
            "data_type": data,
            "metric": metric,
            "words": words or Words(),
            "job": type("RowJob", (RowJob,), attributes),
            "build": made,
            "as_objects": dict,
            "few": lambda given, asked, training: given,
            "noted": lambda train, reading: {},
            "predict": predict,
            "evaluate": evaluate,
            "source": source,
            "check_files": lambda given: None,
            "split_names": lambda given: [ONLY],
            "load": lambda given, which: Split(which, *load(given)),
            "write": _write,
            "measure": measure,
            "time": lambda call, given: milliseconds(lambda: call(given), 2, 20),
            **more,
        }
    )


def _write(split: Split[Any], folder: Path) -> None:
    """What the results of a comparison need to know of a split, once."""
    import pandas as pd

    if check_same_data(folder, split.fingerprints):
        return
    n_rows = len(split.test)
    columns = {"qid": np.arange(n_rows), "digest": [str(row) for row in range(n_rows)], "list_size": 1, "n_relevant": 1}
    write_parquet(folder / "queries.parquet", pd.DataFrame(columns))
    counts = {part: {"n_rows": len(getattr(split, part))} for part in ("train", "valid", "test")}
    about = {"name": split.name, "parts": counts, "n_shared_queries": 0, "fingerprints": split.fingerprints}
    write_json(folder / "about.json", about)


class _Rows:
    """Rows of a batch, by position."""

    def __init__(self, rows: NDArray[np.int64]) -> None:
        self.rows, self.n_docs = torch.from_numpy(rows), len(rows)


class RowJob:
    """A model, an objective and rows; a task gives its class what is learnt and how it is measured."""

    where = "fit"
    loss: ClassVar[Any]
    evaluate: ClassVar[Any]

    def __init__(self, model: Any, objective: Any, train: Any, valid: Any = None, *, batch_size: int = 64) -> None:
        if learns_in_one_go(model):
            refuse_objective(self.where, model, objective)
        self.model, self.train, self.valid, self.batch_size = model, train, valid, batch_size
        self.objective = build_objective(objective, {}) if isinstance(objective, str) else objective

    @property
    def docs_a_step(self) -> float | None:
        """None: bfloat16 was compared with float32 for rankers alone."""
        return None

    @property
    def default_epochs(self) -> int:
        """15, or as many as make 300 steps."""
        return max(_MOST_EPOCHS, -(-_STEPS // -(-len(self.train) // self.batch_size)))

    @property
    def has_valid(self) -> bool:
        """Whether there is validation data."""
        return self.valid is not None

    def check(self) -> None:
        """Nothing is known that could not be."""

    def identity(self) -> dict[str, Any]:
        """What a run is, besides its settings."""
        parts = {"training data": self.train, "validation data": self.valid}
        given = {name: None if part is None else part.fingerprint for name, part in parts.items()}
        options = {f"model.{name}": value for name, value in self.model.options.items()}
        kind = {"model": type(self.model).__name__, "batch_size": self.batch_size}
        return {**given, **kind, **options, **objective_identity(self.objective)}

    @classmethod
    def value(cls, model: Any, data: Any, metric: str) -> float:
        """The metric of a model, as it stands, on data."""
        was_training = getattr(model, "training", False)
        found: float = cls.evaluate(model, data, [metric]).means[metric]
        if was_training:
            model.train()
        return found

    def work(self, settings: Settings, place: torch.device) -> Work:
        """Batches of shuffled rows."""
        objective, train, loss = self.objective, self.train, self.loss
        if loss is None or objective is None:
            raise ConfigError(
                f"fit: expected a model that learns in one go; got {type(self.model).__name__}, which has no learn(). "
                "Give the task a loss, or the model learn()."
            )

        def plan(epoch: int) -> list[NDArray[np.int64]]:
            order = np.random.default_rng([settings.seed, epoch]).permutation(len(train))
            return [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]

        def explain(bad: BadStep) -> str:
            return f"{bad}. Lower the learning rate, or look at these rows: {bad.rows[:5].tolist()}."

        valid, metric = self.valid, settings.metric
        return Work(
            model=self.model,
            objective=module_of(objective),
            plan=plan,
            take=_Rows,
            step=lambda model, batch: checked_loss(loss(model, objective, train, batch.rows.to(place)), "model"),
            validate=None if valid is None else lambda: self.value(self.model, valid, metric),
            explain=explain,
            n_docs=len(train),
            draws_globally=not draws_only_from_the_run(self.model, objective),
        )
