"""A model of the catalogue trained with an objective of the catalogue."""

from pathlib import Path
from typing import Any

from torch import nn

from rankkit import bundle, registry
from rankkit.comparison.plan import RunSpec
from rankkit.comparison.systems.epochs import EpochReporter, course, plain_defaults
from rankkit.comparison.systems.fitted import Fitted, Report
from rankkit.comparison.systems.warming import warm_up
from rankkit.errors import ConfigError
from rankkit.tasks.known import task_of
from rankkit.tasks.settings import default_learning_rate
from rankkit.tasks.task import Built, Task
from rankkit.training.fitting import defaults_of, epochs_of, fit_of

NOT_TRAINING = ("resume", "progress", "checkpoint_every")
"""What a comparison sees to itself."""
_PLAIN = (bool, int, float, str)


def fit_trained(spec: RunSpec, split: Any, folder: Path, report: Report) -> Fitted:
    """Train, going on from the checkpoint of a run that was cut off; the folder holds the model afterwards."""
    task = task_of(spec.source)
    part, asked = spec.system.model, spec.system.objective
    if part is None or asked is None:
        raise ConfigError(
            f"{spec.system.name}: expected {task.model} and objective; got an external system. Use its function."
        )
    training = task.as_objects(spec.system.training)

    def build() -> Built:
        return task.build(part.name, part.options, asked.name, asked.options, split.train, seed=spec.seed)

    built = build()
    warm_up(spec, lambda: _train_briefly(task, build(), split, spec, training))
    model, objective = built.model, built.objective
    history = fit_of(
        task,
        model,
        objective,
        split.train,
        split.valid,
        **{**training, "metric": spec.metric, "seed": spec.seed, "out": folder, "resume": True, "progress": False},
        callbacks=[EpochReporter(report)],
    )
    bundle.save(
        model,
        folder,
        objective={"name": asked.name, "options": built.options},
        metrics=list(spec.rules.metrics),
        data_fingerprint=split.train.fingerprint,
        **task.noted(split.train, spec.source.reading),
    )
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    defaults = plain_defaults(registry.find(task.objective, asked.name))
    defaults.pop("distance", None)  # that of the model counts
    return Fitted(
        predict=lambda data: task.predict(model, data),
        distance=getattr(model, "distance", None),
        n_parameters=sum(parameter.numel() for parameter in model.parameters()),
        config={
            task.model: {"name": part.name, **model.options},
            "objective": {"name": asked.name, **defaults, **built.options},
            "training": _training(task, model, epochs_of(task, model, objective, split.train, **training), spec),
        },
        **course(history),
    )


def _train_briefly(task: Task, built: Built, split: Any, spec: RunSpec, training: dict[str, Any]) -> None:
    few = [task.few(split.train, built.objective, training), task.few(split.valid, None, training)]
    fit_of(
        task, built.model, built.objective, *few, **{**training, "metric": spec.metric, "epochs": 1, "progress": False}
    )


def _training(task: Task, model: nn.Module, epochs: int, spec: RunSpec) -> dict[str, Any]:
    """The options of the training with their defaults, those that depend on the data included."""
    defaults = {name: value for name, value in defaults_of(task).items() if isinstance(value, _PLAIN)}
    options = {**defaults, **spec.system.training, "metric": spec.metric, "seed": spec.seed}
    options.setdefault("learning_rate", default_learning_rate(model))
    options.setdefault("epochs", epochs)
    return {name: value for name, value in options.items() if name not in NOT_TRAINING}
