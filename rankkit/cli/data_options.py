"""Options that several commands share: how a data file is to be read, where runs are mirrored to."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Label = Annotated[str, typer.Option(help="Label column of a table.")]
Qid = Annotated[str, typer.Option(help="Query id column of a table.")]
KnownLabel = Annotated[
    str | None,
    typer.Option("--label", help="Label column of a table.", show_default="the one trained on; label"),
]
KnownQid = Annotated[
    str | None,
    typer.Option("--qid", help="Query id column of a table.", show_default="the one trained on; qid"),
]
KnownDocId = Annotated[
    str | None,
    typer.Option("--doc-id", help="Document id column of a table.", show_default="the one trained on; doc_id"),
]
GroupFile = Annotated[
    Path | None, typer.Option(help="Rows of each query, for LETOR text without qid (.query, .group).")
]
Regroup = Annotated[
    bool, typer.Option("--regroup", help="Bring rows of LETOR text together whose qid comes back after another one.")
]
Labels = Annotated[
    Literal["grades", "any"],
    typer.Option(help="Labels of LETOR text: grades are whole numbers from 0 to 31, any is any number from 0 on."),
]
OnBadLine = Annotated[
    Literal["error", "skip"],
    typer.Option(help="Rows of LETOR text that cannot be read are an error, or left out with a warning."),
]
Track = Annotated[
    list[str] | None,
    typer.Option(metavar="mlflow|tensorboard", help="Mirror runs there too; needs the extra named track. Repeatable."),
]
