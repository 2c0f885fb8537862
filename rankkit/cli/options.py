"""``rankkit options``: every key that may stand behind ``--set`` or in an experiment file."""

import json
import textwrap
from typing import Annotated, Any

import typer

from rankkit.errors import ConfigError, did_you_mean

# What is asked for on the command line, to the table of an experiment file, and where its keys go.
_SECTIONS = {
    "train": ("a training file", "KEY"),
    "data": ("data", "data.KEY"),
    "training": ("training", "training.KEY"),
    "pretraining": ("pretraining", "pretraining.KEY"),
    "evaluation": ("evaluation", "evaluation.KEY"),
    "encoder-train": ("a file of an encoder", "KEY"),
    "encoder-data": ("data of an encoder", "data.KEY"),
    "encoder-training": ("training of an encoder", "training.KEY"),
    "encoder-evaluation": ("evaluation of an encoder", "evaluation.KEY"),
    "augment": ("augment", "augment.KEY"),
    "recommender-train": ("a file of a recommender", "KEY"),
    "recommender-data": ("data of a recommender", "data.KEY"),
    "recommender-evaluation": ("evaluation of a recommender", "evaluation.KEY"),
    "compare": ("a comparison", "KEY"),
    "compare-data": ("data of a comparison", "data.KEY"),
    "search": ("search", "search.KEY"),
    "significance": ("significance", "significance.KEY"),
}
_PARTS = ("scorer", "encoder", "recommender", "objective")


def options(
    section: Annotated[
        str | None, typer.Argument(help=f"{', '.join((*_PARTS, *_SECTIONS))}.", show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Argument(help="Of the scorer, encoder, recommender or objective.", show_default=False)
    ] = None,
) -> None:
    """Show the keys of experiment files and of --set: what each takes, its default and what it is."""
    known = (*_PARTS, *_SECTIONS)
    if section is None:
        lines = _overview()
    elif section in _PARTS:
        lines = _part(section, name)
    elif section not in _SECTIONS:
        raise ConfigError(f"options: expected a section; got {section!r}. {did_you_mean(section, known)}")
    elif name is not None:
        raise ConfigError(f"options: expected {section} alone; got {name!r} too. Leave it out.")
    else:
        from rankkit.cli.kinds.described import section as keys_of

        table, key = _SECTIONS[section]
        lines = [f"{table} (--set {key}=VALUE)", "", *_lines(keys_of(table))]
    typer.echo("\n".join(lines))


def _overview() -> list[str]:
    """Each section with the names of its keys."""
    from rankkit.cli.kinds.described import key_names
    from rankkit.registry import names

    lines = []
    for section, (table, _) in _SECTIONS.items():
        lines += _wrap(", ".join(key_names(table)), f"{section}: ")
    for kind in _PARTS:
        lines += _wrap(", ".join(names(kind)), f"{kind} NAME: ")
    return [*lines, "", "What they mean: rankkit options training, rankkit options scorer mlp, ..."]


def _part(kind: str, name: str | None) -> list[str]:
    """The options of one scorer, encoder or objective; without a name, those of each on a line."""
    from rankkit.cli.kinds.described import defaults, part
    from rankkit.registry import EMBEDDING_OBJECTIVES, names

    if name is not None:
        kind_of_name = "embedding objective" if kind == "objective" and name in EMBEDDING_OBJECTIVES else kind
        head = f"{kind} {name} (--set {kind}.KEY=VALUE)"
        return [head, "", *(_lines(part(kind_of_name, name)) or ["  It has none."])]
    lines = []
    kinds = [kind, "embedding objective"] if kind == "objective" else [kind]
    for one in kinds:
        known = [*EMBEDDING_OBJECTIVES] if one == "embedding objective" else names(one)
        for entry in known:
            shown = ", ".join(f"{option} = {_shown(default)}" for option, default in defaults(one, entry).items())
            lines += _wrap(shown or "none", f"{entry}: ")
    return [*lines, "", f"One in full: rankkit options {kind} NAME"]


def _lines(described: list[Any]) -> list[str]:
    lines = []
    for option in described:
        values = f" ({option.values})" if option.values else ""
        lines += _wrap(option.help.replace("`", ""), f"  {option.name} = {_shown(option.default)}{values}: ")
    return lines


def _shown(default: Any) -> str:
    """A default as an experiment file has it."""
    from rankkit.options import REQUIRED

    if default is REQUIRED:
        return "required"
    if default is None:
        return "left out"
    if callable(default):
        return str(getattr(default, "__name__", default))
    values = default if isinstance(default, list | tuple) else [default]
    plain = [getattr(value, "name", value) for value in values]
    return json.dumps(plain if isinstance(default, list | tuple) else plain[0])


def _wrap(text: str, head: str) -> list[str]:
    return textwrap.wrap(
        text, 80, initial_indent=head, subsequent_indent="      ", break_on_hyphens=False, break_long_words=False
    ) or [head.rstrip(": ")]
