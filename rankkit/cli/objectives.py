"""``rankkit objectives``: which objectives there are and when to use which; one of them in full."""

import inspect
import textwrap
from collections.abc import Callable
from itertools import groupby
from typing import Annotated, Any

import typer

from rankkit.errors import ConfigError, did_you_mean
from rankkit.objectives.descriptions import ROWS, ObjectiveRow
from rankkit.options import one_line, options_of, sections_of


def objectives(
    name: Annotated[str | None, typer.Argument(help="One of them, to see in full.", show_default=False)] = None,
) -> None:
    """Show the objectives and when to use which, or one of them with formula, options and reference."""
    if name is None:
        typer.echo("\n".join(_table()))
    elif name in ROWS:
        typer.echo("\n".join(_entry(name, ROWS[name])))
    else:
        raise ConfigError(f"objective: expected the name of one; got {name!r}. {did_you_mean(name, ROWS)}")


def _table() -> list[str]:
    """The rows by family, without importing torch."""
    column = max(map(len, ROWS)) + 4
    lines = []
    for family, group in groupby(ROWS.items(), key=lambda item: item[1].family):
        lines += ["", typer.style(f"{family} objectives", bold=True)]
        for name, row in group:
            lines += _wrap(row.use_when, f"  {name}".ljust(column))
            facts = _wrap(f"labels: {row.needs}; cost: {row.cost}", " " * column)
            lines += [typer.style(fact, dim=True) for fact in facts]
    return [
        *lines[1:],
        "",
        "Cost in n, the documents of a list or examples of a batch: time, and memory",
        "where it is not told apart. Embedding objectives train encoders; others train",
        "scorers, and encoders too unless they read grades or shown positions.",
        "One in full: rankkit objectives NAME. To train: rankkit train --objective NAME",
    ]


def _entry(name: str, row: ObjectiveRow) -> list[str]:
    """One objective in full; its options and references come from the function itself, which need not be imported."""
    from rankkit import registry
    from rankkit.registry.outlines import outline

    on_embeddings = row.family == "embedding"
    tables = (registry.EMBEDDING_OBJECTIVES, registry.OBJECTIVES, registry.CLICK_OBJECTIVES)
    places = [entries.place(name) for entries in tables]
    place = next((place for place in places if place is not None), None)
    function = None if place is None else outline(place)
    if function is None:
        function = registry.find("embedding objective" if on_embeddings else "objective", name)
    sections = sections_of(function)
    facts = [
        ("Formula", row.formula),
        ("Range", row.range),
        ("Needs", row.needs),
        ("Cost", row.cost if on_embeddings else f"{row.cost}, for n documents a list"),
    ]
    lines = [f"{name} ({row.family})", "", *_wrap(sections["summary"], ""), ""]
    for title, text in [*facts, ("Use when", row.use_when), ("In Python", f"rankkit.{_name_of(function)}")]:
        lines += _wrap(text, f"{title:<11}")
    kind = "embedding objective" if on_embeddings else "objective"
    options = options_of(kind, function).values()
    if on_embeddings and "distance" in inspect.signature(function).parameters:
        distance = inspect.signature(function).parameters["distance"].default
        lines += _wrap(f"{distance}; of the encoder: --set encoder.distance=NAME", f"{'Distance':<11}")
    lines += ["", "Options (on the command line: --set objective.NAME=VALUE)" if options else "Options: none"]
    for option in options:
        lines += _wrap(f"{option.name} = {option.default!r}: {option.help}", "  ", indent=6)
    return [*lines, "", "References", *_wrap(one_line(sections.get("References", "")), "  ", indent=2)]


def _name_of(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", function))


def _wrap(text: str, head: str, *, indent: int | None = None) -> list[str]:
    """Lines of at most 80 columns that begin with a head and go on under what follows it."""
    following = " " * (len(head) if indent is None else indent)
    return textwrap.wrap(text, 80, initial_indent=head, subsequent_indent=following, break_on_hyphens=False)
