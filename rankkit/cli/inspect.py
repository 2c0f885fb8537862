"""``rankkit inspect``: what a file of ranking data holds, and all that is wrong with it."""

import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankkit.cli.data_options import GroupFile, Label, Qid
from rankkit.cli.next_step import suggest

if TYPE_CHECKING:
    from rankkit.loaders.letor_findings import Finding


def inspect(
    path: Annotated[
        Path, typer.Argument(help="LETOR text, plain or compressed, Parquet, Arrow, CSV, a cache.", show_default=False)
    ],
    label: Label = "label",
    qid: Qid = "qid",
    group_file: GroupFile = None,
    zero_based: Annotated[bool, typer.Option(help="The first feature of LETOR text has index 0.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with charts and feature statistics too.")] = None,
) -> None:
    """Show rows, queries, labels, list sizes, constant features and warnings of a file; of LETOR text, all bad rows.

    The exit code is 1 if rows of the file cannot be read.
    """
    from rankkit.loaders.files import kind_of, read
    from rankkit.loaders.letor import read_letor
    from rankkit.loaders.summary import summarize

    typer.echo(path)
    findings: list[Finding] = []
    if kind_of(path) != "letor":
        data = read(path, label=label, qid=qid)
    else:
        from rankkit.loaders.letor_findings import find_all

        findings = find_all(path, zero_based=zero_based, group_file=group_file)
        _show(findings)
        errors = [finding for finding in findings if finding.is_error]
        if not all(finding.is_mendable for finding in errors) or (errors and group_file is not None):
            raise typer.Exit(1)
        if errors:
            typer.echo("Without those rows, and with the rows of each qid brought together:\n")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the findings say it
            data = read_letor(
                path, zero_based=zero_based, group_file=group_file, regroup=True,
                on_bad_line="skip" if errors else "error",
            )  # fmt: skip
    typer.echo(summarize(data))
    if html is not None:
        from rankkit.cli.inspect_page import write_page

        write_page(data, html, title=path.name, findings=[str(finding) for finding in findings])
    if any(finding.is_error for finding in findings):
        raise typer.Exit(1)
    if data.labels is not None:
        suggest("rankkit", "train", "--train", path, "--out", "runs/first")


def _show(findings: "list[Finding]") -> None:
    """Errors, then what is unusual, each with its count and first lines."""
    for title, is_error in (("Errors", True), ("To note while reading", False)):
        chosen = [str(finding) for finding in findings if finding.is_error == is_error]
        if chosen:
            typer.echo(f"\n{title}")
        for text in chosen:
            typer.echo(textwrap.fill(text, 100, initial_indent="- ", subsequent_indent="  ", break_long_words=False))
    if findings:
        typer.echo()
