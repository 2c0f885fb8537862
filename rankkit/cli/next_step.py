"""The last line of a command: what a person would do next."""

import shlex
import sys
from pathlib import Path

import typer


def suggest(*words: str | Path) -> None:
    """Print ``next: ...`` on stderr where a person reads: on a terminal, with nothing piped or kept in a file.

    Args:
        words: The command, ready to be typed; words in capitals stand for what only the reader knows.
    """
    if sys.stdout.isatty() and sys.stderr.isatty():
        typer.secho(f"\nnext: {shlex.join(str(word) for word in words)}", err=True, dim=True)
