"""``rankkit precompile``: what trainings compile, compiled beforehand and kept on the machine."""

import os
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from rankkit.errors import ConfigError, did_you_mean


def precompile(
    objectives: Annotated[
        list[str] | None,
        typer.Argument(help="Of scorers, as lambdarank softmax; all of them if left out.", show_default=False),
    ] = None,
) -> None:
    """Compile what trainings by some objectives need, once on a machine, so that the first one waits for nothing.

    Each trains the default scorer on a few made-up queries. What was compiled lies where NUMBA_CACHE_DIR says, else
    beside the package or in the user's cache: build an image with it, or give it to whoever trains there.
    """
    from rankkit.objectives.descriptions import ROWS
    from rankkit.registry import OBJECTIVES

    asked = list(dict.fromkeys(objectives or OBJECTIVES))
    for name in asked:
        if name not in OBJECTIVES:
            raise ConfigError(
                f"precompile: expected objectives of scorers; got {name!r}. {did_you_mean(name, [*OBJECTIVES])}"
            )
    from rankkit.compilation import kept_in
    from rankkit.metrics.kernels import dcg_lists

    folder, named = kept_in(dcg_lists), os.environ.get("NUMBA_CACHE_DIR")
    if folder is None:
        raise ConfigError(
            "precompile: expected a folder for what is compiled; got none that can be written. "
            "Set NUMBA_CACHE_DIR to one."
        )
    if named and not folder.resolve().is_relative_to(Path(named).resolve()):  # numba went on to the next place
        raise ConfigError(
            f"precompile: expected NUMBA_CACHE_DIR to be a folder that can be written; got {named!r}. Set another one."
        )
    with tempfile.TemporaryDirectory(prefix="rankkit-") as made_in:
        made = {is_graded: _made_up(Path(made_in), is_graded) for is_graded in (False, True)}
        for name in asked:
            _train(name, made[not ROWS[name].needs.startswith("binary")], Path(made_in) / name)
            typer.echo(f"{name}: compiled")


def _made_up(folder: Path, is_graded: bool) -> dict[str, str]:
    """Files of queries whose documents have grades, or are relevant or not; one of the files is compressed."""
    from dataclasses import replace

    import numpy as np

    from rankkit.data.synthetic import make_ranking
    from rankkit.loaders.tables.writers import write_letor

    kind = "graded" if is_graded else "binary"
    files = {"train": folder / f"{kind}.txt", "valid": folder / f"{kind}.txt.gz"}
    for seed, file in enumerate(files.values()):
        data = make_ranking(20, seed=seed, doc_ids=True)
        if not is_graded:
            data = replace(data, labels=np.minimum(np.asarray(data.labels, np.float32), 1))
        write_letor(data, file)
    return {part: str(file) for part, file in files.items()}


def _train(objective: str, data: dict[str, str], out: Path) -> None:
    """Train as ``rankkit train`` does, without a word."""
    from rankkit.cli.kinds.commands import commands_of, load_experiment
    from rankkit.cli.training.run import run

    asked = {"data": data, "objective": objective, "out": str(out)}
    experiment = load_experiment(None, asked, ["training.epochs=1"])
    commands_of(experiment.task).check(experiment)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        run(experiment)
