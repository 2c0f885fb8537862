"""``rankkit distill``: a small scorer that learns from a large one, with what it costs and what it gains."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.next_step import suggest
from rankkit.cli.training.run_folder import BUSY, EXPERIMENT_FILE, interruptible, refuse_run
from rankkit.cli.training.started import DISTILLED
from rankkit.errors import ConfigError
from rankkit.files.places import check_place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rankkit.cli.kinds.ranking.training_file import Experiment
    from rankkit.data.ranking_dataset import RankingDataset

_SCORES = "teacher_scores.npz"
_WIDTHS = "widths.json"  # what --max-latency-ms has chosen
_LABELS = "labels"  # the folder of the student on labels alone
_LEAST_WIDTH = 8


def distill(
    run: Annotated[Path, typer.Argument(help="The run of the teacher, as rankkit train wrote it.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder of the student.", show_default=False)],
    scorer: Annotated[str, typer.Option(help="Name of the student.")] = "mlp",
    unlabelled: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="More documents of queries, which the teacher labels. Repeatable."),
    ] = None,
    n_folds: Annotated[
        int, typer.Option("--folds", min=2, help="Teachers that are trained, each on the queries of all folds but one.")
    ] = 5,
    share: Annotated[
        float, typer.Option(help="Of the teacher in what the student learns, above 0 to 1; the rest is the labels.")
    ] = 0.5,
    temperature: Annotated[float, typer.Option(help="By which the scores of the teacher are divided.")] = 1.0,
    copies: Annotated[
        int, typer.Option(min=0, help="How many times training data is made up, for the teacher to label.")
    ] = 3,
    corruption: Annotated[
        float, typer.Option(help="Of made-up documents the share of columns that are those of others.")
    ] = 0.1,
    max_latency_ms: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Halve the widths of the student until a query of 100 documents takes no longer, by median."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="As of train: scorer.hidden=[64, 32], training.epochs=20, of the student. Repeatable.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the folds, of the weights and of the training.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run in --out stopped.")] = False,
) -> None:
    """Train a small scorer on scores that the teacher gives to queries it was not trained on, and on the labels.

    Prints what teacher, the student on labels alone and the distilled student are worth, and how long each takes.
    """
    refuse_absent(*(unlabelled or []), model=run, out=out, kind="folder")
    for setting in settings or []:
        if not setting.startswith(("scorer.", "training.", "evaluation.")):
            raise ConfigError(
                f"--set: expected keys of scorer, training or evaluation; got {setting!r}, which the teacher's run or "
                "another option says. Leave it out."
            )
    from rankkit.cli.kinds.commands import commands_of
    from rankkit.files.occupied import alone_at_work_in

    check_place(out, "folder")
    teacher, asked = _teacher(run), settings or []
    student = _student(teacher, scorer, out, seed, asked)
    commands = commands_of(student.task)
    commands.check(student)
    if not resume:
        refuse_run(out)
    _refuse_other(out, resume=resume)
    with interruptible(), alone_at_work_in(out, BUSY):
        how = {"share": share, "temperature": temperature, "copies": copies, "corruption": corruption}
        work = _Work(run, teacher, student, how, n_folds, resume=resume)
        if max_latency_ms is not None:
            work.shrink(max_latency_ms)
        work.learn(unlabelled or [])
    suggest("rankkit", "evaluate", out, student.data.test or "TEST-DATA")


def _refuse_other(out: Path, *, resume: bool) -> None:
    """Refuse a folder with a distillation that was cut off, or to go on where there is another run."""
    begun = (out / _SCORES).exists()
    if begun and not resume:
        raise ConfigError(
            f"{out}: expected a folder without a run; it holds one. Go on with --resume, or choose another --out."
        )
    if resume and not begun and (out / "model.json").exists():
        raise ConfigError(f"{out}: expected a distillation that was cut off; got another run. Choose another --out.")


def _teacher(run: Path) -> "Experiment":
    from rankkit.cli.kinds.commands import load_experiment

    if not (run / EXPERIMENT_FILE).is_file():
        raise ConfigError(
            f"{run}: expected the folder of a run, from which teachers can be trained; got one without "
            f"{EXPERIMENT_FILE}. Train the teacher with rankkit train."
        )
    found = load_experiment(run / EXPERIMENT_FILE, {}, [])
    if getattr(found, "scorer", None) is None or found.objective is None:
        raise ConfigError(f"{run}: expected a scorer that an objective trained; got another model. Name such a run.")
    start = getattr(found, "start", None)
    if start is not None:
        raise ConfigError(
            f"{run}: expected a run that began with nothing, so that its like can be trained without a fold; got one "
            f"from {start}. Train a teacher without --from."
        )
    return cast("Experiment", found)


def _student(teacher: "Experiment", scorer: str, out: Path, seed: int, settings: list[str]) -> "Experiment":
    from rankkit import registry
    from rankkit.cli.kinds.commands import load_experiment

    data = teacher.data.model_dump(mode="json", exclude_none=True)
    values: dict[str, Any] = {
        "data": data,
        "evaluation": teacher.evaluation.model_dump(mode="json"),
        "scorer": scorer,
        "objective": "kl_distillation",
        "out": str(out),
        "seed": seed,
    }
    student = cast("Experiment", load_experiment(None, values, settings))
    if hasattr(registry.find("scorer", student.scorer.name), "learn"):
        raise ConfigError(f"--scorer: expected one that an objective trains; got {scorer}. Choose mlp.")
    return student


class _Work:
    """The teacher's data, teachers and students."""

    def __init__(
        self,
        run: Path,
        teacher: "Experiment",
        student: "Experiment",
        how: dict[str, Any],
        n_folds: int,
        *,
        resume: bool,
    ) -> None:
        from rankkit import bundle
        from rankkit.cli.kinds.ranking import parts
        from rankkit.training.distilling import check_distilling

        check_distilling(**how)
        if student.scorer.options.get("prior") is not None:
            raise ConfigError(
                "rankkit distill: expected a student without prior, which would remember what the teacher says; got "
                "scorer.prior. Leave it out."
            )
        if teacher.scorer.options.get("prior") is not None:
            typer.echo("The student has no prior: what the teacher remembers reaches it through its scores alone.")
        self._run = run
        self._teacher, self._student, self._resume = teacher, student, resume
        self._how, self._n_folds = how, n_folds
        self._limit: float | None = None
        self._scorer, _ = bundle.read(run, "scorer")
        self._data = parts.read(student)
        if "valid" not in self._data:
            raise ConfigError(
                f"{run}: expected a run with validation data, on which the students are chosen; got none. "
                "Train the teacher with --valid or --valid-fraction."
            )

    def shrink(self, limit: float) -> None:
        """Halve the widths of the hidden layers until a query takes no longer; a run that goes on has chosen before."""
        from rankkit.cli.experiments.config import Named
        from rankkit.files.atomic import write_text

        self._limit = limit
        kept = self._student.out / _WIDTHS
        if self._resume and kept.is_file():
            options = {**self._student.scorer.options, "hidden": json.loads(kept.read_text())}
            self._student = self._student.model_copy(
                update={"scorer": Named(name=self._student.scorer.name, **options)}
            )
            return
        if "hidden" not in self._fresh().options:
            raise ConfigError(
                f"--max-latency-ms: expected a student with hidden layers, to be made narrower; got "
                f"{self._student.scorer.name}. Leave it out, or choose --scorer mlp."
            )
        while True:
            scorer = self._fresh()
            scorer.transform.fit(self._data["train"].features, self._data["train"].offsets)
            took, hidden = self._milliseconds(scorer.eval()), scorer.options.get("hidden")
            typer.echo(f"{self._student.scorer.name} hidden={hidden}: {took:.2f} ms a query of 100 documents")
            if took <= limit:
                write_text(kept, json.dumps(hidden))
                return
            if not hidden or max(hidden) <= _LEAST_WIDTH:
                raise ConfigError(
                    f"--max-latency-ms: expected a limit that a student can keep; got {limit:g} where the smallest "
                    f"one takes {took:.2f}. Raise it, or choose --scorer linear without it."
                )
            options = {
                **self._student.scorer.options,
                "hidden": [max(min(width, _LEAST_WIDTH), width // 2) for width in hidden],
            }
            self._student = self._student.model_copy(
                update={"scorer": Named(name=self._student.scorer.name, **options)}
            )

    def learn(self, unlabelled: list[Path]) -> None:
        """Train, measure, print and save."""
        from rankkit import bundle
        from rankkit.evaluation.matching import read_documents
        from rankkit.files.atomic import write_text
        from rankkit.training import fit
        from rankkit.training.distilling import distill

        out, train, valid = self._student.out, self._data["train"], self._data["valid"]
        plain, student = self._fresh(), self._fresh()
        more = [read_documents(path, student, with_labels=False) for path in unlabelled]
        scores = self._scores()
        training = {**self._student.task.as_objects(self._student.trained_with), "seed": self._student.seed}
        training["resume"] = self._resume
        typer.echo(f"\nthe student on labels alone, by softmax: {plain!r}")
        typer.echo(str(fit(plain, "softmax", train, valid, out=out / _LABELS, **training)))
        typer.echo("\nthe student on teacher and labels")
        history = distill(
            student,
            self._scorer,
            train,
            valid,
            scores=scores,
            unlabelled=more,
            **self._how,
            out=out,
            **training,
        )
        typer.echo(str(history))
        bundle.save(
            student,
            out,
            objective={"name": "kl_distillation"},
            metrics=self._student.evaluation.metrics,
            data_fingerprint=train.fingerprint,
            **self._student.task.noted(train, self._student.noted),
        )
        rows = {"teacher": self._scorer, "student on labels": plain, "student distilled": student}
        table = {**self._told(unlabelled), "results": self._table(rows)}
        write_text(out / DISTILLED, json.dumps(table, indent=2) + "\n")
        typer.echo(f"\nSaved in {out}")

    def _told(self, unlabelled: list[Path]) -> dict[str, Any]:
        """What was done, for whoever finds the student."""
        more = {"teacher": str(self._run), "folds": self._n_folds, "unlabelled": list(map(str, unlabelled))}
        return {**more, **self._how, "scorer": self._student.scorer.model_dump(), "seed": self._student.seed}

    def _fresh(self) -> Any:
        from rankkit.tasks.ranking.build import build_scorer

        named = self._student.scorer
        return build_scorer(named.name, named.options, "kl_distillation", self._data["train"], seed=self._student.seed)

    def _milliseconds(self, scorer: Any) -> float:
        """Of a query, on one thread: several would wait for one another longer than they work.

        The best of three medians, as other work on the machine can only make it longer.
        """
        import torch

        task, n_threads = self._student.task, torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            times = [task.time(lambda data: task.predict(scorer, data), self._data["valid"]) for _ in range(3)]
            return min(float(found["p50"]) for found in times)
        finally:
            torch.set_num_threads(n_threads)

    def _scores(self) -> "NDArray[np.float32]":
        """The teacher's, out of fold; those of finished folds are kept in the folder."""
        from rankkit.tasks.gradient.objectives import build_objective
        from rankkit.tasks.ranking.build import build_scorer
        from rankkit.training.distilling import out_of_fold_scores

        teacher, task = self._teacher, self._teacher.task
        name, options = teacher.said_objective

        def build(data: "RankingDataset") -> Any:
            return build_scorer(teacher.scorer.name, teacher.scorer.options, name, data, seed=teacher.seed)

        def told(fold: int, history: Any) -> None:
            typer.echo(f"teacher {fold} of {self._n_folds}: {history}")

        return out_of_fold_scores(
            build,
            build_objective(name, options),
            self._data["train"],
            self._data["valid"],
            n_folds=self._n_folds,
            seed=self._student.seed,
            each=told,
            about=repr((teacher.scorer, teacher.said_objective, teacher.trained_with)),
            kept=self._student.out / _SCORES,
            resume=self._resume,
            **task.as_objects(teacher.trained_with),
        )

    def _table(self, scorers: dict[str, Any]) -> dict[str, Any]:
        """Print what each is worth, and how long it takes."""
        from rankkit import evaluation

        rules = self._student.evaluation
        table: dict[str, Any] = {name: {} for name in scorers}
        times = {name: self._milliseconds(scorer) for name, scorer in scorers.items()}  # of this machine, now: not kept
        for part in ("valid", "test"):
            if part not in self._data:
                continue
            typer.echo(f"\n{part:<18} {rules.metrics[0]:<8} interval           a query of 100, median")
            for name, scorer in scorers.items():
                report = evaluation.evaluate(
                    scorer, self._data[part], rules.metrics[:1], empty=rules.empty, ties=rules.ties
                )
                mean, (low, high) = report.means[rules.metrics[0]], report.intervals[rules.metrics[0]]
                table[name][part] = mean
                typer.echo(f"{name:<18} {mean:.4f}   [{low:.4f}, {high:.4f}]   {times[name]:.2f} ms")
            best, plain, distilled = (table[name][part] for name in scorers)
            if best > plain:
                typer.echo(f"{(distilled - plain) / (best - plain):.0%} of what the teacher is ahead by came over")
            else:
                typer.echo("the teacher is not ahead of the student on labels alone")
        took = [*times.values()][-1]
        if self._limit is not None and took > self._limit:
            typer.echo(
                f"\nThe student takes {took:.2f} ms now, more than the {self._limit:g} for which its layers were made "
                "narrower: the machine is slower than it was then. Measure where it will serve."
            )
        return table
