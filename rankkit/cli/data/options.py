"""Options that several commands share: how ranking data is read, where runs are mirrored to."""

import functools
import inspect
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

Reading = dict[str, Any]
"""How data is to be read: keywords of :func:`rankkit.read`, those that were given."""

PANEL = "How ranking data is read"
_NAMES = ("features", "drop")


def _option(*names: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=PANEL, **more)


def _column(option: str, what: str) -> Any:
    return Annotated[str | None, _option(option, help=f"{what} column of a table; '' for none.")]


def _role(option: str, what: str) -> Any:
    return Annotated[str | None, _option(option, metavar="COLUMN", help=f"{what}, of a table; no feature.")]


BESIDE = ("columns", "position", "propensity", "time", "session")
"""Options of tables that are read for themselves: a ranker that was trained knows its columns."""

# Every keyword of rankkit.read that a person may want to give, in the order in which help shows them.
_OPTIONS: Mapping[str, Any] = {
    "label": _column("--label", "Label"),
    "qid": Annotated[str | None, _option("--qid", help="Query id column of a table.")],
    "doc_id": _column("--doc-id", "Document id"),
    "weight": _column("--weight", "Document weight"),
    "query_weight": _column("--query-weight", "Query weight"),
    "features": Annotated[
        str | None,
        _option(
            "--features",
            metavar="A,B,C",
            help="The features: columns of a table, numbers of LETOR text. As a rule all that hold numbers.",
        ),
    ],
    "drop": Annotated[
        str | None, _option("--drop", metavar="X,Y", help="Features to leave out, named as for --features.")
    ],
    "columns": Annotated[
        str | None,
        _option(
            "--columns",
            metavar="A=KIND,B=KIND",
            help="Kinds of columns of a table: number, category, key, time, vector, text, bag.",
        ),
    ],
    "position": _role("--position", "Column of the place at which a document was shown"),
    "propensity": _role("--propensity", "Column of how likely that place is looked at"),
    "time": _role("--time", "Column of when a query was asked"),
    "session": _role("--session", "Column of sessions"),
    "n_features": Annotated[
        int | None,
        _option(
            "--n-features", min=1, metavar="COUNT", help="Columns of LETOR text whose last features occur in no row."
        ),
    ],
    "group_file": Annotated[
        Path | None,
        _option(
            "--group-file",
            help="Rows of each query, for LETOR text without qid; by itself .query or .group beside the data.",
        ),
    ],
    "zero_based": Annotated[
        bool | None,
        _option(
            "--zero-based/--one-based",
            help="Index of the first feature of LETOR text: 0 or 1.",
            show_default="as a comment above the rows says; 1",
        ),
    ],
    "regroup": Annotated[
        bool | None,
        _option("--regroup", help="Bring rows of LETOR text together whose qid comes back after another one."),
    ],
    "labels": Annotated[
        Literal["grades", "any"] | None,
        _option(
            "--labels",
            help="Labels of LETOR text: grades are whole numbers from 0 to 31, any is any number from 0 on.",
            show_default="any",
        ),
    ],
    "on_bad_line": Annotated[
        Literal["error", "skip"] | None,
        _option(
            "--on-bad-line",
            help="Rows of LETOR text that cannot be read are an error, or left out with a warning.",
            show_default="error",
        ),
    ],
}
_COLUMNS = {"label": "label", "qid": "qid", "doc_id": "doc_id", "weight": "doc_weight", "query_weight": "query_weight"}


def reads_data(
    *, known_to: str | None = None, without: Container[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of how ranking data is read, in place of its argument ``reading: Reading``.

    Args:
        known_to: What the columns are where an option is left out, such as "as in training"; None: nothing is known.
        without: Options that the command does without.

    Raises:
        ConfigError: When the command runs, if names are left empty.
    """

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(*args: Any, **given: Any) -> None:
            values = {name: given.pop(name) for name in parameters if name in given}
            command(*args, **given, reading=reading_of(values))

        parameters = {name: _parameter(name, known_to) for name in _OPTIONS if name not in without}
        own = inspect.signature(command, eval_str=True).parameters.values()
        kept = [parameter for parameter in own if parameter.name != "reading"]
        run.__signature__ = inspect.Signature([*kept, *parameters.values()])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*kept, *parameters.values())}
        return run

    return with_options


def _parameter(name: str, known_to: str | None) -> inspect.Parameter:
    annotation = _OPTIONS[name]
    if name in _COLUMNS:
        column = _COLUMNS[name]
        (kind,), option = annotation.__args__, annotation.__metadata__[0]
        default = f"{known_to}; {column}" if known_to is not None and "weight" not in name else column
        shown = typer.Option(*option.param_decls or (option.default,), help=option.help, show_default=default)
        shown.rich_help_panel = PANEL
        annotation = Annotated[kind, shown]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def reading_of(values: Mapping[str, Any]) -> Reading:
    """The options that were given, with lists of names taken apart.

    >>> reading_of({"label": None, "features": "bm25, age", "drop": None, "regroup": True})
    {'features': ['bm25', 'age'], 'regroup': True}

    Raises:
        ConfigError: If names are left empty.
    """
    reading = {name: value for name, value in values.items() if value is not None}
    for column in _COLUMNS:
        if reading.get(column) == "":  # none, though there is one of the usual name
            reading[column] = None
    for option in _NAMES:
        if option in reading:
            reading[option] = names_of(option, reading[option])
    if "columns" in reading:
        reading["columns"] = kinds_of(reading["columns"])
    return reading


def names_of(option: str, text: str) -> list[str]:
    """The names that an option lists.

    Raises:
        ConfigError: If one is empty.
    """
    from rankkit.errors import ConfigError

    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise ConfigError(f"--{option}: expected names with a comma between; got {text!r}. Write --{option} a,b,c.")
    return names


def kinds_of(text: str) -> dict[str, str]:
    """Kinds by column; a name may have ``=`` in it.

    Raises:
        ConfigError: If one has no kind.
    """
    from rankkit.errors import ConfigError

    pairs = [pair.rpartition("=") for pair in names_of("columns", text)]
    if not all(name and kind for name, _, kind in pairs):
        raise ConfigError(
            f"--columns: expected names and kinds; got {text!r}. Write --columns brand=category,day=time."
        )
    return {name.strip(): kind.strip() for name, _, kind in pairs}


def refuse_reading(where: str, reading: Reading, *taken: str) -> None:
    """Raise ConfigError if an option was given that only ranking data has.

    Args:
        where: What does without, for the message.
        reading: What was given.
        taken: What it does take.
    """
    from rankkit.errors import ConfigError

    for name in reading:
        if name not in taken:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{where}: expected no {option}, which is of ranking data; got it. Leave it out.")


Track = Annotated[
    list[str] | None,
    typer.Option(metavar="mlflow|tensorboard", help="Mirror runs there too; needs the extra named track. Repeatable."),
]
