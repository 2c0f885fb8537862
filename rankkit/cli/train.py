"""``rankkit train``: train a scorer, keep its best epoch, save it, evaluate it; on each fold of a folder, if asked."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankkit.cli.beginning import FirstStep
from rankkit.cli.data_options import Reading, Track, reads_data, refuse_reading
from rankkit.cli.next_step import suggest
from rankkit.disk import keeping
from rankkit.errors import ConfigError
from rankkit.occupied import alone_at_work_in
from rankkit.places import check_place

if TYPE_CHECKING:
    from rankkit.cli.config import Experiment
    from rankkit.evaluation import Evaluation
    from rankkit.loaders.dataset import RankingDataset
    from rankkit.training import Callback

EXPERIMENT_FILE = "experiment.toml"
BUSY = "Wait for it, or choose another --out."
# What a folder holds once there is something to lose.
_TRACES = ("checkpoint.pt", "metrics.jsonl", "model.json")


@reads_data(without={"group_file"})  # there is one beside each file, or none
def train(
    train: Annotated[
        Path | None,
        typer.Option(
            help="Training data: LETOR text, Parquet, Arrow, CSV, a cache; of an encoder "
            "images, .npz, Parquet, digits, glyphs."
        ),
    ] = None,
    valid: Annotated[Path | None, typer.Option(help="Validation data: the best epoch on it is kept.")] = None,
    test: Annotated[Path | None, typer.Option(help="Test data, evaluated once at the end.")] = None,
    folds: Annotated[
        Path | None, typer.Option(help="In place of these: a folder of folds, as MSLR-WEB10K. One run a fold.")
    ] = None,
    valid_fraction: Annotated[
        float | None,
        typer.Option(help="Without --valid: the share of the training queries to hold out as validation data."),
    ] = None,
    objective: Annotated[
        str | None, typer.Option(help="Name of the objective.", show_default="ranknet; of an encoder supcon")
    ] = None,
    scorer: Annotated[str | None, typer.Option(help="Name of the scorer.", show_default="mlp")] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="In place of a scorer: mlp or conv, to embed images, .npz, Parquet, digits, glyphs."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run: metrics, checkpoint, saved ranker or encoder.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other option, as 'scorer.hidden=[256, 128]', encoder.n_dims=32, data.size=64. Repeatable.",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Experiment file in TOML; options here go over it.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the weights, the shuffling and the dropout.", show_default="0")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run in --out stopped.")] = False,
    track: Track = None,
    *,
    reading: Reading,
) -> None:
    """Train a scorer, or an encoder, and save it with everything needed to score or embed new data."""
    from rankkit.cli.config import load_experiment
    from rankkit.cli.encoder_file import is_of_encoder, load_encoder_experiment
    from rankkit.cli.fold_runs import run_folds
    from rankkit.cli.train_encoder import run_encoder
    from rankkit.loaders.parts import check_part

    if out is not None:
        check_place(out, "folder")
    if resume and config is None and out is not None:
        if (out / EXPERIMENT_FILE).is_file():
            config = out / EXPERIMENT_FILE
        elif train is None and folds is None and not settings:
            raise ConfigError(
                f"{out}: expected a run to go on with; got no {EXPERIMENT_FILE} there. "
                "Check --out, or start it without --resume."
            )
    if is_of_encoder(config, encoder, objective, settings or []):
        refused = {"--folds": folds, "--valid-fraction": valid_fraction, "--scorer": scorer}
        given = [name for name, value in refused.items() if value is not None]
        if given:
            raise ConfigError(
                f"rankkit train: expected an encoder without {given[0]}; got both. Leave one of them out."
            )
        refuse_reading("rankkit train of an encoder", reading, "label")
        files = {"train": _text(train), "valid": _text(valid), "test": _text(test), **reading}
        chosen = {"data": files, "objective": objective, "encoder": encoder, "out": _text(out), "seed": seed}
        work = load_encoder_experiment(config, chosen, settings or [])
        if not resume:
            refuse_run(work.out)
        with interruptible(), alone_at_work_in(work.out, BUSY):
            run_encoder(work, resume=resume, track=track or ())
        return
    overrides: dict[str, Any] = {
        "data": {
            "train": _text(train),
            "valid": _text(valid),
            "test": _text(test),
            "folds": _text(folds),
            "valid_fraction": valid_fraction,
            **{name: "" if value is None else value for name, value in reading.items()},
        },
        "objective": objective,
        "scorer": scorer,
        "out": _text(out),
        "seed": seed,
    }
    experiment = load_experiment(config, overrides, settings or [])
    for part in (experiment.data.train, experiment.data.valid, experiment.data.test):
        if part is not None:
            check_part(part)
    if not resume:
        refuse_run(experiment.out)
    with interruptible(), alone_at_work_in(experiment.out, BUSY):
        if experiment.data.folds is not None:
            run_folds(experiment, resume=resume, track=track or ())
        else:
            run(experiment, resume=resume, track=track or ())
            tested = experiment.data.test
            suggest("rankkit", "explain" if tested else "evaluate", experiment.out, tested or "TEST-DATA")


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn Ctrl-C during training into its message and exit status 130."""
    from rankkit.training import TrainingInterrupted

    try:
        yield
    except TrainingInterrupted as stop:
        typer.echo(f"rankkit: {stop}", err=True)
        raise typer.Exit(130) from None


def refuse_run(out: Path) -> None:
    """Refuse a folder that holds a run, or that cannot be written to.

    Raises:
        ConfigError: If it holds one.
        DiskError: If it cannot be written to.
    """
    check_place(out, "folder")
    if any((out / name).exists() and (out / name).stat().st_size for name in _TRACES):
        raise ConfigError(
            f"{out}: expected a folder without a run; it holds one. "
            "Choose another --out, go on with --resume, or delete it."
        )


def trained(out: Path) -> AbstractContextManager[None]:
    """Tell in an error of the disk that the training itself is safe, and how to go on."""
    kept = "The training is finished, and its weights are in checkpoint.pt."
    return keeping(kept, f"Make room, then run rankkit train --out {shlex.quote(str(out))} --resume.")


def is_begun(out: Path) -> bool:
    """Whether a folder holds a checkpoint, and the experiment file that tells of it."""
    return (out / EXPERIMENT_FILE).exists() and (out / _TRACES[0]).exists()


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def run(
    experiment: "Experiment",
    *,
    resume: bool = False,
    track: Sequence[str] = (),
    callbacks: "Sequence[Callback]" = (),
) -> "dict[str, Evaluation]":
    """Do what the experiment says, printing what a person wants to see; gives how well each part is ranked.

    Args:
        experiment: What to run.
        resume: Go on with what the folder holds.
        track: Names of trackers to which the run is mirrored; MLflow's experiment is named after the folder around it.
        callbacks: More observers.
    """
    from rankkit.cli.config import resolve, save_experiment
    from rankkit.cli.tracked import open_trackers, tracked
    from rankkit.training import fit
    from rankkit.training.named import build_objective, build_scorer

    trackers = open_trackers(track, experiment.out)
    data = _read_all(experiment)
    asked, name = experiment.scorer, experiment.objective.name
    scorer = build_scorer(asked.name, asked.options, name, data["train"], seed=experiment.seed)
    experiment = resolve(experiment, scorer, data["train"].n_queries)
    observers = [*callbacks]
    if not (resume and is_begun(experiment.out)):  # a resume that is refused must leave the run as it was
        observers.append(FirstStep(lambda: save_experiment(experiment, experiment.out / EXPERIMENT_FILE)))
    typer.echo(f"{experiment.objective.name} trains {scorer!r}\n")
    with tracked(trackers, experiment.out, experiment.model_dump(mode="json"), resume=resume) as mirrored:
        history = fit(
            scorer,
            build_objective(name, experiment.objective.options),
            data["train"],
            data.get("valid"),
            seed=experiment.seed,
            out=experiment.out,
            resume=resume,
            callbacks=[*observers, *mirrored],
            **experiment.training,
        )
        typer.echo(str(history))
        reports = _finish(experiment, scorer, data)
        for tracking in mirrored:
            for part, report in reports.items():
                tracking.results |= {f"{part}/{name}": mean for name, mean in report.means.items()}
    typer.echo(f"\nSaved in {experiment.out}")
    return reports


def _finish(experiment: "Experiment", scorer: Any, data: "dict[str, RankingDataset]") -> "dict[str, Evaluation]":
    """Save the ranker, then evaluate it on what there is besides training data."""
    from rankkit import bundle, evaluation

    rules = experiment.evaluation
    with trained(experiment.out):
        bundle.save(
            scorer,
            experiment.out,
            feature_names=data["train"].feature_names,
            objective=experiment.objective.model_dump(),
            metrics=rules.metrics,
            data_fingerprint=data["train"].fingerprint,
        )
    reports: dict[str, Evaluation] = {}
    for name in ("valid", "test"):
        if name in data:
            report = evaluation.evaluate(scorer, data[name], rules.metrics, empty=rules.empty, ties=rules.ties)
            source = getattr(experiment.data, name) or f"{experiment.data.valid_fraction:.0%} of the training queries"
            typer.echo(f"\n{name} {source}\n{report}")
            reports[name] = report
    return reports


def _read_all(experiment: "Experiment") -> "dict[str, RankingDataset]":
    from rankkit.loaders.parts import read_parts
    from rankkit.loaders.views import split

    files = experiment.data
    data = read_parts({"train": files.train, "valid": files.valid, "test": files.test}, files.reading)
    if "valid" not in data and files.valid_fraction is not None:
        shares = (1 - files.valid_fraction, files.valid_fraction)
        train, valid = split(data["train"], shares, seed=files.split_seed)
        data = {"train": train, "valid": valid, **{name: data[name] for name in data if name != "train"}}
    for name, part in data.items():
        typer.echo(f"{name:<6} {part!r}")
    if "valid" not in data:
        typer.echo(
            "no validation data: the last epoch is kept; --valid-fraction .1 holds out 10% of the queries", err=True
        )
    return data
