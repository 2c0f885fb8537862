"""``rankkit compare``: which system is better on this data, and whether the data can tell."""

from pathlib import Path
from typing import Annotated

import typer

from rankkit.cli.data.options import Track
from rankkit.cli.next_step import suggest


def compare(
    out: Annotated[Path, typer.Option(help="Folder of the comparison: runs, tables, report.html.", show_default=False)],
    experiment: Annotated[
        Path | None,
        typer.Argument(help="Experiment file in TOML; with --resume that of the folder.", show_default=False),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Runs at a time, at most.", show_default="as many as the cores allow")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Run what is missing in --out; finished runs stay.")] = False,
    track: Track = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Goes over the file, as seeds=1. Repeatable."),
    ] = None,
) -> None:
    """Train and compare models of one kind: same data, same seeds, tests over queries, one table with its rules."""
    from rankkit.cli.kinds.commands import load_comparison
    from rankkit.comparison import ComparisonInterrupted, Plan
    from rankkit.comparison import compare as run_comparison
    from rankkit.errors import ConfigError
    from rankkit.files.places import check_place
    from rankkit.files.records import read_json

    check_place(out, "folder")
    if experiment is not None:
        plan = load_comparison(experiment, settings or []).plan()
    elif resume and (out / "plan.json").is_file() and not settings:
        plan = Plan.from_dict(read_json(out / "plan.json"))
    else:
        raise ConfigError("compare: expected an experiment file; got none. Name one, as in: rankkit compare FILE.toml")
    try:
        results = run_comparison(plan, out, jobs=jobs, resume=resume, track=track or ())
    except ComparisonInterrupted as stop:
        typer.echo(f"rankkit: {stop}", err=True)
        raise typer.Exit(130) from None
    typer.echo(f"{results}\n\nReport: {out / 'report.html'}. Tables: {out / 'results'}")
    if results.errors:
        suggest("rankkit", "compare", "--out", out, "--resume")
        raise typer.Exit(1)
    suggest("open", out / "report.html")
