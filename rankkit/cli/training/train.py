"""``rankkit train``: train a model, keep what was best on validation data, save it, evaluate it; on each fold too."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.data.options import Reading, Track, reads_data
from rankkit.cli.next_step import suggest
from rankkit.cli.training.run_folder import BUSY, EXPERIMENT_FILE, interruptible, refuse_run
from rankkit.cli.training.started import objective_of, scorer_of
from rankkit.errors import ConfigError
from rankkit.files.occupied import alone_at_work_in
from rankkit.files.places import check_place

if TYPE_CHECKING:
    from rankkit.cli.kinds.ranking.training_file import Experiment


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
    context: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="Beside each feature how it compares within the query, as z+rank; short for --set scorer.context=.",
        ),
    ] = None,
    prior: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="Beside each feature how documents of a key were labelled in training: doc_id, brand+color, 43+44. "
            "Repeatable; short for --set scorer.prior=.",
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="In place of a scorer: mlp or conv, to embed images, .npz, Parquet, digits, glyphs."),
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(help="Of a recommender: folder that rankkit interactions or split wrote, or a file of events."),
    ] = None,
    recommender: Annotated[
        str | None,
        typer.Option(
            help="In place of a scorer: popularity, item_knn, ease, als, bpr or markov, to learn from a log.",
            show_default="with --log ease",
        ),
    ] = None,
    update: Annotated[
        Path | None,
        typer.Option(help="A saved recommender, which learns the new events of --log with its options as they are."),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="A saved scorer to begin with, of these columns: trees are given more, a network goes on learning.",
            show_default=False,
        ),
    ] = None,
    refit: Annotated[
        bool,
        typer.Option(
            "--refit", help="Of a recommender: learn again from training and validation data, once options are chosen."
        ),
    ] = False,
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
    target: Annotated[
        str | None,
        typer.Option(
            help="Of a scorer: where it will serve, as solr. What it needs there is set, columns that the target "
            "cannot express are left out; both is said.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the weights, the shuffling and the dropout.", show_default="0")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run in --out stopped.")] = False,
    track: Track = None,
    profile: Annotated[
        bool,
        typer.Option("--profile", help="Print where the time went, and leave trace.json, of some steps, in --out."),
    ] = False,
    *,
    reading: Reading,
) -> None:
    """Train a scorer, an encoder or a recommender, and save it with everything needed to use it on new data."""
    told = (encoder, log, recommender, update, folds, config, scorer, objective, context, prior, start, target)
    if all(other is None for other in told) and not (resume or settings or refit):
        refuse_absent(train, valid, test)
    from rankkit.cli.kinds.commands import commands_of, load_experiment
    from rankkit.cli.training.fold_runs import run_folds
    from rankkit.cli.training.run import run
    from rankkit.cli.training.update import update_run

    if out is not None:
        check_place(out, "folder")
    if update is not None:
        files = {"--train": train, "--valid": valid, "--test": test, "--folds": folds, "--config": config}
        models = {"--scorer": scorer, "--encoder": encoder, "--recommender": recommender, "--objective": objective}
        more: dict[str, Any] = {"--set": settings, "--resume": resume, "--track": track, "--refit": refit}
        more |= {"--valid-fraction": valid_fraction, "--target": target, "--profile": profile}
        more |= {"--context": context, "--prior": prior, "--from": start}
        update_run(update, log, out, seed, {**files, **models, **more, "ways to read ranking data": reading})
        return
    if resume and config is None and out is not None:
        if (out / EXPERIMENT_FILE).is_file():
            config = out / EXPERIMENT_FILE
        elif train is None and folds is None and log is None and not settings:
            raise ConfigError(
                f"{out}: expected a run to go on with; got no {EXPERIMENT_FILE} there. "
                "Check --out, or start it without --resume."
            )
    overrides: dict[str, Any] = {
        "data": {
            "log": log,
            "train": _text(train),
            "valid": _text(valid),
            "test": _text(test),
            "folds": _text(folds),
            "valid_fraction": valid_fraction,
            **{name: "" if value is None else value for name, value in reading.items()},
        },
        "objective": objective,
        "scorer": scorer,
        "encoder": encoder,
        "training": {"refit": True} if refit else {},
        "target": target,
        "recommender": recommender or ("ease" if log is not None and config is None else None),
        "out": _text(out),
        "seed": seed,
    }
    if start is not None:
        others = {"--scorer": scorer, "--encoder": encoder, "--recommender": recommender, "--log": log}
        overrides |= {
            "start": _text(start),
            "scorer": scorer_of(start, {**others, "--context": context, "--prior": prior}),
            "objective": objective or (objective_of(start) if config is None else None),
        }
    short = {"context": context, "prior": prior or None}
    _refuse_twice({f"--{name}" for name, value in short.items() if value is not None}, settings or [])
    said = [f"scorer.{name}={json.dumps(value)}" for name, value in short.items() if value is not None]
    experiment = load_experiment(config, overrides, [*(settings or []), *said])
    commands = commands_of(experiment.task)
    commands.check(experiment)
    if not resume:
        refuse_run(experiment.out)
    with interruptible(), alone_at_work_in(experiment.out, BUSY):
        if getattr(experiment.data, "folds", None) is not None:
            if profile:
                raise ConfigError("--profile: expected one run; got a folder of folds. Profile one with --train.")
            run_folds(cast("Experiment", experiment), resume=resume, track=track or ())
        else:
            run(experiment, resume=resume, track=track or (), profiled=profile)
            suggest(*commands.trained(experiment))


def _refuse_twice(short: set[str], settings: list[str]) -> None:
    """Raise ConfigError if an option of the scorer is named by its short form and by --set, of which one would win."""
    from rankkit.cli.experiments.config import parse_setting

    for setting in settings:
        scorer = parse_setting(setting).get("scorer")
        for name in scorer if isinstance(scorer, dict) else ():
            if f"--{name}" in short:
                raise ConfigError(
                    f"--{name}: expected scorer.{name} to be named once; got it in --set {setting} too. "
                    "Leave one of them out."
                )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
