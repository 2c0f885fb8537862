"""``rankkit train``: train a scorer, keep its best epoch, save it, evaluate it; on each fold of a folder, if asked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankkit.cli.data_options import Regroup, Track
from rankkit.cli.next_step import suggest
from rankkit.errors import ConfigError

if TYPE_CHECKING:
    from rankkit.cli.config import Experiment
    from rankkit.evaluation import Evaluation
    from rankkit.loaders.dataset import RankingDataset

EXPERIMENT_FILE = "experiment.toml"
# What a folder holds once training has begun.
_TRACES = ("checkpoint.pt", "metrics.jsonl", "model.json")


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
    regroup: Regroup = False,
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
            help="Any other option, as scorer.hidden=[256,128], encoder.n_dims=32, data.size=64. Repeatable.",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Experiment file in TOML; options here go over it.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the weights, the shuffling and the dropout.", show_default="0")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run in --out stopped.")] = False,
    track: Track = None,
) -> None:
    """Train a scorer, or an encoder, and save it with everything needed to score or embed new data."""
    from rankkit.cli.config import load_experiment
    from rankkit.cli.encoder_file import is_of_encoder, load_encoder_experiment
    from rankkit.cli.fold_runs import run_folds
    from rankkit.cli.train_encoder import run_encoder

    if resume and config is None and out is not None:
        if (out / EXPERIMENT_FILE).is_file():
            config = out / EXPERIMENT_FILE
        elif train is None and folds is None and not settings:
            raise ConfigError(
                f"{out}: expected a run to go on with; got no {EXPERIMENT_FILE} there. "
                "Check --out, or start it without --resume."
            )
    if is_of_encoder(config, encoder, objective, settings or []):
        refused = {"--folds": folds, "--regroup": regroup or None, "--scorer": scorer}
        given = [name for name, value in refused.items() if value is not None]
        if given:
            raise ConfigError(
                f"rankkit train: expected an encoder without {given[0]}; got both. Leave one of them out."
            )
        files = {"train": _text(train), "valid": _text(valid), "test": _text(test)}
        chosen = {"data": files, "objective": objective, "encoder": encoder, "out": _text(out), "seed": seed}
        with interruptible():
            work = load_encoder_experiment(config, chosen, settings or [])
            if not resume:
                refuse_run(work.out)
            run_encoder(work, resume=resume, track=track or ())
        return
    overrides: dict[str, Any] = {
        "data": {
            "train": _text(train),
            "valid": _text(valid),
            "test": _text(test),
            "folds": _text(folds),
            "regroup": regroup or None,
        },
        "objective": objective,
        "scorer": scorer,
        "out": _text(out),
        "seed": seed,
    }
    experiment = load_experiment(config, overrides, settings or [])
    if not resume:
        refuse_run(experiment.out)
    with interruptible():
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
    """Raise ConfigError if a folder holds a run."""
    if any((out / name).exists() for name in _TRACES):
        raise ConfigError(
            f"{out}: expected a folder without a run; it holds one. "
            "Choose another --out, go on with --resume, or delete it."
        )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def run(experiment: "Experiment", *, resume: bool = False, track: Sequence[str] = ()) -> "dict[str, Evaluation]":
    """Do what the experiment says, printing what a person wants to see; gives how well each part is ranked.

    Args:
        experiment: What to run.
        resume: Go on with what the folder holds.
        track: Names of trackers to which the run is mirrored; MLflow's experiment is named after the folder around it.
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
    if not (resume and (experiment.out / EXPERIMENT_FILE).exists()):
        # A resume that is refused must leave the run as it was.
        save_experiment(experiment, experiment.out / EXPERIMENT_FILE)
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
            callbacks=mirrored,
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
            typer.echo(f"\n{name} {getattr(experiment.data, name)}\n{report}")
            reports[name] = report
    return reports


def _read_all(experiment: "Experiment") -> "dict[str, RankingDataset]":
    from rankkit.loaders.files import read

    files = experiment.data

    data: dict[str, RankingDataset] = {}
    for name, path in (("train", files.train), ("valid", files.valid), ("test", files.test)):
        if path is not None:
            n_features = data["train"].n_features if data else files.n_features
            data[name] = read(
                path,
                n_features=n_features,
                cache=files.cache,
                regroup=files.regroup,
                labels=files.labels,
                on_bad_line=files.on_bad_line,
                label=files.label,
                qid=files.qid,
                doc_id=files.doc_id,
            )
    for name, part in data.items():
        typer.echo(f"{name:<6} {part!r}")
    return data
