"""``rankkit inspect``: what a file of ranking data holds, and all that is wrong with it."""

import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.data.options import Reading, reads_data
from rankkit.cli.experiments.wording import in_words_of
from rankkit.cli.next_step import suggest

if TYPE_CHECKING:
    from rankkit.loaders.letor.findings import Finding


# Options that change what is found in LETOR text, and what messages about its rows call them.
_FOUND_BY = ("zero_based", "group_file", "n_features", "features", "drop", "labels")
_WORDS = {"labels": ("--labels",), "zero_based": ("--zero-based", "--one-based")}


@reads_data()
def inspect(
    path: Annotated[
        Path, typer.Argument(help="LETOR text, plain or compressed, Parquet, Arrow, CSV, a cache.", show_default=False)
    ],
    html: Annotated[Path | None, typer.Option(help="Write a page with charts and feature statistics too.")] = None,
    *,
    reading: Reading,
) -> None:
    """Show rows, queries, labels, list sizes, constant features and warnings of a file; of LETOR text, all bad rows.

    Of a table each column is shown too: its type, what it becomes, what is missing, how many values it has, and some.

    The exit code is 1 if rows of the file cannot be read.
    """
    refuse_absent(path)
    from rankkit.files.places import check_place
    from rankkit.loaders.sources import as_file

    if html is not None:
        check_place(html)
    with as_file(path) as file:
        _inspect(path, file, reading, html)


def _inspect(named: Path, path: Path, reading: Reading, html: Path | None) -> None:
    from rankkit.data.summary import summarize
    from rankkit.errors import DataWarning
    from rankkit.loaders.files import check_options, indices_of, read
    from rankkit.loaders.formats import kind_of
    from rankkit.loaders.sources import format_line

    kind, guessed = kind_of(path), format_line(path)
    typer.echo(f"{path}: {guessed}" if guessed else f"{path}")
    findings: list[Finding] = []
    if kind != "letor":
        data = read(path, **reading)
        if kind in ("csv", "parquet", "arrow"):
            from rankkit.loaders.tables.columns.assignment import Wanted
            from rankkit.loaders.tables.inspection import column_lines, table_of

            asked = {name: reading[name] for name in reading if name in Wanted.__dataclass_fields__}
            typer.echo(f"\n{table_of(column_lines(path, kind, Wanted(**asked)))}\n")
    else:
        from rankkit.loaders.letor.findings import find_all

        check_options(path, kind, reading)
        asked = {name: reading[name] for name in _FOUND_BY if name in reading}
        asked |= {name: indices_of(path, name, asked[name]) for name in ("features", "drop") if name in asked}
        findings = find_all(path, **asked)
        _show(findings)
        errors = [finding for finding in findings if finding.is_error]
        if not all(finding.is_mendable for finding in errors):
            raise typer.Exit(1)
        if errors:
            typer.echo("Without those rows, and with the rows of each qid brought together:\n")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # the findings say it
            data = read(path, **{**reading, "regroup": True, "on_bad_line": "skip" if errors else "error"})
    typer.echo(summarize(data))
    if html is not None:
        from rankkit.cli.data.inspect_page import write_page

        write_page(data, html, title=named.name, findings=[str(finding) for finding in findings])
    if any(finding.is_error for finding in findings):
        raise typer.Exit(1)
    if data.labels is not None:
        suggest("rankkit", "train", "--train", named, "--out", "runs/first")


def _show(findings: "list[Finding]") -> None:
    """Errors, then what is unusual, each with its count and first lines."""
    for title, is_error in (("Errors", True), ("To note while reading", False)):
        chosen = [in_words_of(_WORDS, str(finding)) for finding in findings if finding.is_error == is_error]
        if chosen:
            typer.echo(f"\n{title}")
        for text in chosen:
            typer.echo(textwrap.fill(text, 100, initial_indent="- ", subsequent_indent="  ", break_long_words=False))
    if findings:
        typer.echo()
