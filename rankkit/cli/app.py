"""The command line as a whole: one subcommand a file, nothing heavy imported before a command runs."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from rankkit.cli.compare import compare
from rankkit.cli.data.convert import convert
from rankkit.cli.data.inspect import inspect
from rankkit.cli.data.interactions import interactions
from rankkit.cli.data.qrels import qrels
from rankkit.cli.data.split import split
from rankkit.cli.experiments.keys import OF_TRAIN
from rankkit.cli.experiments.wording import refuse_value, speaking_as
from rankkit.cli.objectives import objectives
from rankkit.cli.options import options
from rankkit.cli.plugins import with_plugins
from rankkit.cli.training.distill import distill
from rankkit.cli.training.margin_sweep import margin_sweep
from rankkit.cli.training.precompile import precompile
from rankkit.cli.training.pretrain import pretrain
from rankkit.cli.training.train import train
from rankkit.cli.using.embed import embed
from rankkit.cli.using.evaluate import evaluate
from rankkit.cli.using.explain import explain
from rankkit.cli.using.export import export
from rankkit.cli.using.neighbours import neighbours
from rankkit.cli.using.recommend import recommend
from rankkit.cli.using.score import score
from rankkit.cli.using.serve import serve

# In the order of work; what a command does, in the few words that fit beside its name.
_COMMANDS: dict[str, dict[Callable[..., None], str]] = {
    "Prepare data": {
        inspect: "What a file holds, and all that is wrong with it.",
        split: "Training, validation and test data from one file or log.",
        convert: "Between LETOR text, Parquet, Arrow, CSV and a cache.",
        qrels: "Labels as TREC relevance judgments.",
        interactions: "A log of users and items, for recommenders.",
    },
    "Train, evaluate, compare": {
        train: "A ranker or an encoder by any objective; a recommender.",
        pretrain: "A network, on documents without labels.",
        evaluate: "A model or a TREC run, by any tool's rules.",
        explain: "Which features matter, and why this score.",
        compare: "Systems on the same data and seeds; one report.",
        distill: "A small ranker that learns from a large one.",
        precompile: "What trainings compile, once on a machine.",
    },
    "Use": {
        score: "New data, in the order of its rows.",
        recommend: "Lists of items for users, or for histories.",
        export: "To ONNX, torch, numpy and search engines, with proof.",
        serve: "Rank, score and recommend over HTTP.",
    },
    "Similarity": {
        embed: "Examples, by a trained encoder.",
        neighbours: "The nearest examples of a gallery.",
        margin_sweep: "Error against the margin of a loss.",
    },
    "Look up": {
        objectives: "All objectives and when to use which; one in full.",
        options: "Every key of --set and of experiment files.",
    },
}


class _Options:
    """Help without a type beside flags, which take no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        params = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if isinstance(param, TyperOption) and param.is_flag:
                param.metavar = ""
        return list(params)


class _Command(_Options, TyperCommand):
    """A command that says everything in the words of its own options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            refuse_value(error)
            raise

    def invoke(self, ctx: Any) -> Any:
        options = {
            param.name: (param.opts[-1], *param.secondary_opts)
            for param in self.params
            if isinstance(param, TyperOption) and param.name is not None
        }
        with speaking_as(options):
            return super().invoke(ctx)


class _Group(_Options, TyperGroup):
    pass


app = typer.Typer(
    name="rankkit",
    cls=_Group,
    help="Learning to rank, similarity and recommendation: train a model with any objective, evaluate, compare, use.",
    epilog="Begin: rankkit train --train data/train.txt --valid data/vali.txt --out runs/a",
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


# What takes scorers, encoders, objectives or metrics by name, or reads a saved model.
_WITH_PLUGINS = {
    train,
    options,
    evaluate,
    explain,
    compare,
    score,
    export,
    serve,
    embed,
    neighbours,
    margin_sweep,
    recommend,
}

for _panel, _commands in _COMMANDS.items():
    for _command, _short in _commands.items():
        _run = with_plugins(_command) if _command in _WITH_PLUGINS else _command
        _more = OF_TRAIN if _command is train else None
        app.command(cls=_Command, short_help=_short, rich_help_panel=_panel, epilog=_more)(_run)
