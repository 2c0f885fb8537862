"""The command line as a whole: one subcommand a file, nothing heavy imported before a command runs."""

from typing import Annotated

import typer

from rankkit.cli.compare import compare
from rankkit.cli.convert import convert
from rankkit.cli.embed import embed
from rankkit.cli.evaluate import evaluate
from rankkit.cli.explain import explain
from rankkit.cli.export import export
from rankkit.cli.inspect import inspect
from rankkit.cli.margin_sweep import margin_sweep
from rankkit.cli.neighbours import neighbours
from rankkit.cli.objectives import objectives
from rankkit.cli.qrels import qrels
from rankkit.cli.score import score
from rankkit.cli.serve import serve
from rankkit.cli.split import split
from rankkit.cli.train import train

app = typer.Typer(
    name="rankkit",
    help="Learning to rank and similarity learning: train a scorer or an encoder with any objective, evaluate, use.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"rankkit {version('rankkit-torch')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """What comes before a command."""


for _command in (
    *(inspect, train, compare, evaluate, explain, score, embed, neighbours, margin_sweep, export, serve),
    *(objectives, qrels, split, convert),
):
    app.command()(_command)
