"""A model of the catalogue: trained with an objective of the catalogue, learnt in one go, or saved before."""

from pathlib import Path
from typing import Any

from rankkit import bundle, registry
from rankkit.bundle.origins import find_out
from rankkit.comparison.plan import Part, RunSpec
from rankkit.comparison.systems.epochs import EpochReporter, course, plain_defaults
from rankkit.comparison.systems.fitted import Fitted, Report
from rankkit.comparison.systems.warming import warm_up
from rankkit.errors import ConfigError
from rankkit.models.model import n_numbers
from rankkit.tasks.gradient.settings import default_learning_rate
from rankkit.tasks.known import task_of
from rankkit.tasks.splitting import expand
from rankkit.tasks.task import Built, Task
from rankkit.training.boosting import told_by
from rankkit.training.fitting import defaults_of, epochs_of, fit_of

NOT_TRAINING = ("resume", "progress", "checkpoint_every")
"""What a comparison sees to itself."""
_PLAIN = (bool, int, float, str)


def fit_trained(spec: RunSpec, split: Any, folder: Path, report: Report) -> Fitted:
    """Train, going on from the checkpoint of a run that was cut off; the folder holds the model afterwards."""
    part, asked = spec.system.model, spec.system.objective
    if part is None:
        raise ConfigError(f"{spec.system.name}: expected a model; got none. Use its own function.")
    return _fit(spec, split, folder, report, part, asked)


def fit_in_one_go(spec: RunSpec, split: Any, folder: Path, report: Report, *, model: str) -> Fitted:
    """An external system that is a model of the catalogue which learns in one go, with the options of the system."""
    options = {} if spec.system.external is None else spec.system.external.options
    return _fit(spec, split, folder, report, Part(model, options), None)


def use_saved(spec: RunSpec, split: Any, folder: Path, report: Report) -> Fitted:
    """A model that was saved, or a file of trees, wherever it was trained: nothing is fitted.

    Raises:
        ConfigError: If it is a model of another kind.
    """
    task = task_of(spec.source)
    path = expand(str((spec.system.external or Part("saved")).options["path"]))
    model, about = bundle.read(path)
    kind = find_out(model)[0]
    if kind != task.model:
        raise ConfigError(f"{spec.system.name}: expected a saved {task.model}; got {kind} in {path}. Name another.")
    kept = {name: about.get(name) for name in ("weights_sha256", "data_fingerprint")}
    if task.check_saved is not None:
        task.check_saved(about, split)
    return Fitted(
        predict=lambda data: task.predict(model, data),
        valid=task.job.value(model, split.valid, spec.metric),
        distance=getattr(model, "distance", None),
        n_parameters=n_numbers(model),
        config={task.model: {"path": path, **kept}},
    )


def _fit(spec: RunSpec, split: Any, folder: Path, report: Report, part: Part, asked: Part | None) -> Fitted:
    task = task_of(spec.source)
    training = task.as_objects(spec.system.training)

    def build() -> Built:
        objective = ("", {}) if asked is None else (asked.name, asked.options)
        return task.build(part.name, part.options, *objective, split.train, seed=spec.seed)

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
        objective=None if asked is None else {"name": asked.name, "options": built.options},
        metrics=list(spec.rules.metrics),
        data_fingerprint=split.train.fingerprint,
        **task.noted(split.train, getattr(spec.source, "reading", {})),
    )
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    config: dict[str, Any] = {task.model: {"name": part.name, **model.options}}
    if asked is not None:
        defaults = plain_defaults(registry.find(task.objective, asked.name))
        defaults.pop("distance", None)  # that of the model counts
        config["objective"] = {"name": asked.name, **defaults, **built.options}
        epochs = epochs_of(task, model, objective, split.train, split.valid, **training)
        config["training"] = _training(task, model, epochs, spec)
    return Fitted(
        predict=lambda data: task.predict(model, data),
        distance=getattr(model, "distance", None),
        n_parameters=n_numbers(model),
        config=config,
        **course(history),
    )


def _train_briefly(task: Task, built: Built, split: Any, spec: RunSpec, training: dict[str, Any]) -> None:
    few = [task.few(split.train, built.objective, training), task.few(split.valid, None, training)]
    epochs = {} if built.objective is None else {"epochs": 1}
    fit_of(task, built.model, built.objective, *few, **{**training, **epochs, "metric": spec.metric, "progress": False})


def _training(task: Task, model: Any, epochs: int | None, spec: RunSpec) -> dict[str, Any]:
    """The options of the training with their defaults, those that depend on the data included."""
    defaults = {name: value for name, value in defaults_of(task).items() if isinstance(value, _PLAIN)}
    options = {**defaults, **spec.system.training, "metric": spec.metric, "seed": spec.seed}
    options.setdefault("learning_rate", default_learning_rate(model))
    options.setdefault("epochs", epochs)
    return {name: value for name, value in told_by(model, options).items() if name not in NOT_TRAINING}
