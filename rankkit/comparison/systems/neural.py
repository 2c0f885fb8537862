"""A scorer of the catalogue trained with an objective of the catalogue."""

from pathlib import Path
from typing import Any, cast

from torch import nn

from rankkit import bundle, registry
from rankkit.comparison.plan import RunSpec
from rankkit.comparison.splits import Split
from rankkit.comparison.systems.epochs import EpochReporter, course, plain_defaults
from rankkit.comparison.systems.fitted import Fitted, Report
from rankkit.comparison.systems.warming import few_queries, warm_up
from rankkit.errors import ConfigError
from rankkit.evaluation.scoring import score_documents
from rankkit.models.scorers import Scorer
from rankkit.training import fit
from rankkit.training.build import build_objective, build_scorer
from rankkit.training.informative import NEEDS_GRADES, needs_of
from rankkit.training.settings import default_epochs, default_learning_rate

NOT_TRAINING = ("resume", "progress", "checkpoint_every")
"""What a comparison sees to itself."""


def fit_neural(spec: RunSpec, split: Split, folder: Path, report: Report) -> Fitted:
    """Train, going on from the checkpoint of a run that was cut off; the folder holds the scorer afterwards."""
    scorer_part, objective_part = spec.system.scorer, spec.system.objective
    if scorer_part is None or objective_part is None:
        raise ConfigError(
            f"{spec.system.name}: expected a scorer and an objective; got an external system. Use its function."
        )
    function = registry.find("objective", objective_part.name)
    scorer = build_scorer(scorer_part.name, scorer_part.options, objective_part.name, split.train, seed=spec.seed)
    objective = build_objective(objective_part.name, objective_part.options)
    warm_up(spec, lambda: _train_briefly(spec, split))
    history = fit(
        scorer,
        objective,
        split.train,
        split.valid,
        metric=spec.metric,
        seed=spec.seed,
        out=folder,
        resume=True,
        progress=False,
        callbacks=[EpochReporter(report)],
        **spec.system.training,
    )
    bundle.save(
        scorer,
        folder,
        feature_names=split.train.feature_names,
        objective={"name": objective_part.name, "options": objective_part.options},
        metrics=list(spec.rules.metrics),
        data_fingerprint=split.train.fingerprint,
    )
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    return Fitted(
        predict=lambda data: score_documents("compare", cast(Scorer, scorer), data),
        n_parameters=sum(parameter.numel() for parameter in scorer.parameters()),
        config={
            "scorer": {"name": scorer_part.name, **cast(Scorer, scorer).options},
            "objective": {"name": objective_part.name, **plain_defaults(function), **objective_part.options},
            "training": _training(scorer, split, spec),
        },
        **course(history),
    )


def _train_briefly(spec: RunSpec, split: Split) -> None:
    scorer_part, objective_part = spec.system.scorer, spec.system.objective
    if scorer_part is None or objective_part is None:
        return
    objective = build_objective(objective_part.name, objective_part.options)
    fit(
        build_scorer(scorer_part.name, scorer_part.options, objective_part.name, split.train, seed=spec.seed),
        objective,
        few_queries(split.train, needs_of(objective)),
        few_queries(split.valid, [NEEDS_GRADES]),
        metric=spec.metric,
        progress=False,
        **{**spec.system.training, "epochs": 1},
    )


def _training(scorer: nn.Module, split: Split, spec: RunSpec) -> dict[str, Any]:
    """The options of fit with its defaults, those that depend on the data included."""
    options = {**plain_defaults(fit), **spec.system.training, "metric": spec.metric, "seed": spec.seed}
    options.setdefault("learning_rate", default_learning_rate(scorer))
    options.setdefault("epochs", default_epochs(split.train.n_queries, options["batch_queries"]))
    return {name: value for name, value in options.items() if name not in NOT_TRAINING}
