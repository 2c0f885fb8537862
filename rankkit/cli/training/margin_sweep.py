"""``rankkit margin-sweep``: train an encoder with many margins, and see what each does to verification."""

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankkit.cli.next_step import suggest

if TYPE_CHECKING:
    from rankkit.cli.kinds.similarity.training_file import EncoderExperiment
    from rankkit.data.labelled_examples import LabelledExamples

# A quarter of the classes for the test, as many for validation: each gives the pairs that a rate is measured on.
_DEFAULTS = {"encoder": "conv", "objective": "triplet", "data": {"held_out": 0.25}}


def margin_sweep(
    train: Annotated[
        Path, typer.Option(help="Labelled examples: images, .npz, Parquet, digits, glyphs.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for sweep.csv, sweep.svg, sweep.png and runs.json.", show_default=False)
    ],
    objective: Annotated[str, typer.Option(help="One with a margin: triplet or contrastive.")] = "triplet",
    encoder: Annotated[str, typer.Option(help="conv for images, mlp for vectors.")] = "conv",
    margins: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBERS",
            help="Margins, in the unit of the distance, with commas between them. Repeatable.",
            show_default="halves and doubles of the suggested one",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each margin, with the seeds 0, 1, ...")] = 3,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="As of train: encoder.n_dims=32, training.epochs=20, augment.degrees=8, data.valid=FILE. Repeatable.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Train what --out does not hold yet.")] = False,
) -> None:
    """Train with each margin and seed; draw the verification error on unseen classes and the active share against it.

    Classes are split into three parts: to train on, to choose epoch, threshold and margin on, and to test on.
    """
    from rankkit.cli.experiments.config import load_as
    from rankkit.cli.kinds.similarity.training_file import EncoderExperiment
    from rankkit.cli.training.run_folder import interruptible
    from rankkit.comparison.margins.plot import draw_margins
    from rankkit.comparison.margins.sweep import sweep_margins
    from rankkit.files.atomic import write_bytes
    from rankkit.files.places import check_place
    from rankkit.models.encoders import RandomAffine
    from rankkit.tasks.gradient.objectives import build_objective
    from rankkit.tasks.similarity.build import build_encoder

    check_place(out, "folder")
    chosen = _numbers(margins)
    _refuse_without_margin(objective, settings or [])
    asked = {"data": {"train": str(train)}, "objective": objective, "encoder": encoder, "out": str(out)}
    experiment = load_as(EncoderExperiment, deepcopy(_DEFAULTS), None, asked, settings or [])
    parts = _three_parts(experiment)
    training: dict[str, Any] = dict(experiment.training)
    if experiment.augment is not None:
        training["augment"] = RandomAffine(**experiment.augment)

    def build(seed: int) -> Any:
        return build_encoder(experiment.encoder.name, experiment.encoder.options, objective, parts["train"], seed=seed)

    with interruptible():
        sweep = sweep_margins(
            build_objective(objective, experiment.said_objective[1], kind="embedding objective"),
            build,
            *parts.values(),
            margins=chosen,
            seeds=range(experiment.seed, experiment.seed + seeds),
            training=training,
            out=out,
            resume=resume,
        )
    contents = {"csv": sweep.to_pandas().to_csv(index=False).encode(), **draw_margins(sweep)}
    for ending, content in contents.items():
        write_bytes(out / f"sweep.{ending}", content)
    typer.echo(f"\n{sweep}\n\nWritten: {', '.join(str(out / f'sweep.{ending}') for ending in contents)}")
    chosen_margin = f"objective.margin={sweep.best_margin:g}"
    suggest(
        *("rankkit", "train", "--train", train, "--encoder", encoder, "--objective", objective),
        *("--set", chosen_margin, "--out", out / "best"),
    )


def _numbers(words: list[str] | None) -> list[float] | None:
    from rankkit.errors import ConfigError

    if not words:
        return None
    try:
        return [float(word) for part in words for word in part.replace(",", " ").split()]
    except ValueError:
        raise ConfigError(
            f"--margins: expected numbers such as 0.05,0.1,0.2; got {' '.join(words)!r}. Mend them."
        ) from None


def _refuse_without_margin(objective: str, settings: list[str]) -> None:
    """Raise ConfigError, before any data is read, if there is no margin to sweep, or a setting has no say."""
    from rankkit import registry
    from rankkit.comparison.margins.checks import check_sweepable
    from rankkit.errors import ConfigError

    check_sweepable(registry.find("embedding objective", objective))
    for setting in settings:
        key = setting.partition("=")[0].replace(" ", "")
        if key in ("objective", "objective.name", "objective.margin") or key.partition(".")[0] == "evaluation":
            raise ConfigError(
                f"--set: expected no {key} in a margin sweep; got {setting!r}. Use --margins and --objective; what is "
                "measured is the same for all."
            )


def _three_parts(experiment: "EncoderExperiment") -> "dict[str, LabelledExamples]":
    """Training, validation and test examples; parts that no file is named for are classes held out of the training."""
    from rankkit.cli.kinds.similarity.parts import read_named
    from rankkit.errors import ConfigError

    asked = experiment.data
    files = {"train": asked.train, "valid": asked.valid, "test": asked.test}
    data = read_named(asked)
    missing = [name for name in ("test", "valid") if name not in data]
    share = asked.held_out
    if missing and not 0 < share * len(missing) < 1:
        raise ConfigError(
            f"data.held_out: expected a share of the classes above 0 and below {1 / len(missing):g}, for {missing[0]} "
            f"examples; got {share:g}. Pass 0.25, or name files by --set data.valid=FILE --set data.test=FILE."
        )
    for name in missing:
        data["train"], data[name] = data["train"].split_classes(share, seed=asked.split_seed, by=asked.held_out_by)
        share = share / (1 - share)  # of what is left: as much as before
    for name in files:
        held_out = " (classes held out of the training data)" if name in missing else ""
        typer.echo(f"{name:<6} {data[name]!r}{held_out}")
    return {name: data[name] for name in files}
