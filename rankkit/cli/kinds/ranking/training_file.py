"""The experiment file of a ranker: what ``rankkit train`` runs, validated as a whole before any data is read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from rankkit.cli.experiments.config import READING, AnyExperiment, Column, MetricNames, Named, Names, Section
from rankkit.cli.experiments.validation import check_objective, check_options, check_run, untrained_scorer
from rankkit.errors import ExportError
from rankkit.schemas import MOST_FEATURES, Finite, Whole


def _kinds(columns: Any) -> Any:
    """Kinds as tables of options; the name of a kind under which ``--set`` laid an option stands there as ``name``."""
    if not isinstance(columns, dict):
        return columns
    return {
        name: {"kind": kind["name"], **{key: value for key, value in kind.items() if key not in ("kind", "name")}}
        if isinstance(kind, dict) and "name" in kind
        else kind
        for name, kind in columns.items()
    }


Kinds = Annotated[dict[str, str | dict[str, Any]] | None, BeforeValidator(_kinds)]


class Data(Section):
    """Where the data lies: files that :func:`rankkit.read` reads or a folder of folds, and the columns of tables."""

    train: Path | None = None
    valid: Path | None = None
    test: Path | None = None
    folds: Path | None = None
    valid_fraction: Finite | None = Field(default=None, gt=0, lt=1)
    split_seed: Whole = Field(default=0, ge=0)
    label: Column = "label"
    qid: str = "qid"
    doc_id: Column = "doc_id"
    weight: Column = "doc_weight"
    query_weight: Column = "query_weight"
    features: Names | None = None
    drop: Names | None = None
    columns: Kinds = None
    position: Column = None
    propensity: Column = None
    time: Column = None
    session: Column = None
    n_features: Whole | None = Field(default=None, ge=1, le=MOST_FEATURES)
    zero_based: bool | None = None
    regroup: bool = False
    labels: Literal["grades", "any"] = "any"
    on_bad_line: Literal["error", "skip"] = "error"
    cache: bool | str = False

    @model_validator(mode="after")
    def _files_or_folds(self) -> "Data":
        if self.folds is None and self.train is None:
            raise ValueError("data: expected training data; got none. Name train=FILE or folds=FOLDER")
        if self.folds is not None and (self.train or self.valid or self.test):
            raise ValueError("data: expected files or a folder of folds; got both. Leave one of them out")
        if self.valid is not None and self.valid_fraction is not None:
            raise ValueError("data: expected valid or valid_fraction; got both. Leave one of them out")
        return self

    @model_validator(mode="after")
    def _kinds_are_known(self) -> "Data":
        from rankkit.data.columns.asking import as_column

        for name, kind in (self.columns or {}).items():
            as_column(name, kind)
        return self

    @property
    def reading(self) -> dict[str, Any]:
        """Options of :func:`rankkit.read`, as far as they are not as by default."""
        fields = type(self).model_fields
        return {name: getattr(self, name) for name in READING if getattr(self, name) != fields[name].default}

    def read_keys(self, options: Mapping[str, Any]) -> None:
        """Read a column of ids that a prior names as a key too; it is no feature by itself."""
        from rankkit.loaders.formats import kind_by_name
        from rankkit.models.priors import key_names

        ids = {self.doc_id, self.qid, self.session} - {None} - (self.columns or {}).keys()
        found = ids & key_names(options["prior"]) if options.get("prior") is not None else set()
        if found and self.train is not None and (self.train.is_dir() or kind_by_name(self.train) != "letor"):
            self.columns = {**(self.columns or {}), **dict.fromkeys(sorted(map(str, found)), "key")}


class EvaluationSection(Section):
    """What is measured on the validation and test data at the end, and by which rules."""

    metrics: MetricNames = Field(default=["ndcg@10", "mrr@10"])
    empty: Literal["zero", "skip", "one", "error"] = "zero"
    ties: Literal["pessimistic", "expected", "stable", "trec"] = "pessimistic"


class Experiment(AnyExperiment):
    """One training run of a ranker: an experiment file with the command line's options laid over it."""

    task_name = "ranking"
    training_kind = "training"

    data: Data
    scorer: Named
    evaluation: EvaluationSection = EvaluationSection()
    target: str | None = None
    start: Path | None = None
    _for_target: list[str] = PrivateAttr(default_factory=list)

    @property
    def for_target(self) -> list[str]:
        """What was set since the target needs it, a line each."""
        return self._for_target

    @model_validator(mode="after")
    def _target_has_what_it_needs(self) -> "Experiment":
        from rankkit.export.fitting import options_for_target

        if self.target is None:
            return self
        needed = options_for_target(self.target, self.scorer.name, self.scorer.options)
        for option, (value, why) in needed.items():
            self._for_target.append(f"for {self.target}: scorer.{option} = {value!r}: {why}")
        set_here = {option: value for option, (value, _) in needed.items()}
        self.scorer = Named(name=self.scorer.name, **self.scorer.options, **set_here)
        return self

    @model_validator(mode="after")
    def _one_run_starts_from_one(self) -> "Experiment":
        if self.start is not None and self.data.folds is not None:
            raise ValueError(
                "start: expected train and valid beside a saved scorer; got folds, whose test data it may have learnt "
                "from. Leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _options_fit_their_functions(self) -> "Experiment":
        from rankkit import registry
        from rankkit.training import fit

        for kind in ("scorer", "objective"):
            named: Named | None = getattr(self, kind)
            if named is None:
                continue
            options = check_options(kind, registry.find(kind, named.name), named.options)
            setattr(self, kind, Named(name=named.name, **options))
        self.training = check_options("training", fit, self.training)
        self.data.read_keys(self.scorer.options)
        return self

    @model_validator(mode="after")
    def _outputs_fit_the_objective(self) -> "Experiment":
        from rankkit import registry

        if self.objective is None:
            return self
        needs_several = hasattr(registry.find("objective", self.objective.name), "readout")
        n_outputs = self.scorer.options.get("n_outputs")
        if n_outputs is not None and (n_outputs > 1) != needs_several:
            wanted = "several outputs (at least 2)" if needs_several else "1 output"
            raise ValueError(
                f"scorer.n_outputs: the objective '{self.objective.name}' expects {wanted}; got {n_outputs}. "
                "Leave n_outputs out: it follows from the objective and the labels"
            )
        return self

    @model_validator(mode="after")
    def _options_work(self) -> "Experiment":
        """What can be known to fail is known before hours of reading and training."""
        from rankkit.tasks.gradient.trunk import check_has_trunk
        from rankkit.training.beforehand import check_training

        check_run(check_training, {**self.training, "seed": self.seed})
        if self.training.get("patience") is not None and not self.has_validation:
            raise ValueError(
                "training.patience: expected validation data, on which it waits; got none. "
                "Pass valid= or valid_fraction=.1, or leave patience out."
            )
        name, options = self.said_objective
        if self.objective is not None:
            check_objective(name, options)
        scorer = untrained_scorer(self.scorer.name, self.scorer.options, name, self.data.n_features)
        if self.training.get("trunk_rate", 1) != 1:
            check_has_trunk("training.trunk_rate", scorer)
        if self.target is not None:
            self._check_target(self.target, scorer)
        return self

    def _check_target(self, target: str, scorer: Any) -> None:
        """Refuse everything at once that the target cannot express, as far as it is known before data is read."""
        from rankkit.export.fitting import takes_numbers_alone
        from rankkit.export.obstacles import refuse_together
        from rankkit.export.source import before_training
        from rankkit.export.targets import find_target

        kinds = {
            name: kind if isinstance(kind, str) else kind["kind"] for name, kind in (self.data.columns or {}).items()
        }
        others = [f"{name} ({kind})" for name, kind in kinds.items() if kind != "number"]

        def check_kinds() -> None:
            if others and takes_numbers_alone(target):
                raise ExportError(
                    f"{target}: expected columns of numbers alone; got {', '.join(others)} in data.columns. "
                    "Leave them out, or train for onnx, torch or numpy."
                )

        refuse_together(target, check_kinds, lambda: find_target(target, where="target").check(before_training(scorer)))

    @property
    def has_validation(self) -> bool:
        """Whether there is validation data, as far as is known before a folder of folds is looked at."""
        data = self.data
        return data.valid is not None or data.valid_fraction is not None or data.folds is not None
