"""``rankkit train``: train a scorer, keep its best epoch, save it, evaluate it; on each fold of a folder, if asked."""

from pathlib import Path
from typing import Annotated, Any

import typer

from rankkit.cli.data.options import BESIDE, Reading, Track, reads_data, refuse_reading
from rankkit.cli.next_step import suggest
from rankkit.cli.training.run_folder import BUSY, EXPERIMENT_FILE, interruptible, refuse_run
from rankkit.errors import ConfigError
from rankkit.files.occupied import alone_at_work_in
from rankkit.files.places import check_place


@reads_data(without={"group_file", *BESIDE})  # there is one beside each file, or none
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
    from rankkit.cli.experiments.config import load_experiment
    from rankkit.cli.experiments.encoder_file import is_of_encoder, load_encoder_experiment
    from rankkit.cli.training.fold_runs import run_folds
    from rankkit.cli.training.run import run
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
            run(work, resume=resume, track=track or ())
            suggest("rankkit", "neighbours", work.out, "GALLERY")
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


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
