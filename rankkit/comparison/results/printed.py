"""What a comparison prints: the verdict, a table of each metric as wide as the terminal, how to read it, the audit."""

import io
import shutil
import sys
import textwrap
from collections.abc import Sequence

from rankkit.comparison.results.results import Results
from rankkit.comparison.results.tables import audit_lines, how_to_read, main_table
from rankkit.comparison.results.verdict import verdict

_ELSEWHERE = 100
"""Columns where the output goes to no terminal."""
_LEFT_OUT_FIRST = ("effect", "seed sd", "win/tie/loss", "95% interval", "letters", "delta")
"""Columns that a narrow terminal goes without, in this order."""
_NAME = 24
"""Columns that the name of a system is left before another column goes."""


def terminal_width() -> int:
    """Columns of the terminal; 100 where the standard output is none."""
    return shutil.get_terminal_size((_ELSEWHERE, 24)).columns if sys.stdout.isatty() else _ELSEWHERE


def summary(results: Results, width: int | None = None) -> str:
    """What the command prints.

    Args:
        results: Of the comparison.
        width: Columns; None: those of the terminal.
    """
    width = terminal_width() if width is None else width
    tables = [_fitted(*main_table(results, metric), width) for metric in results.metrics]
    left_out = list(dict.fromkeys(name for _, names in tables for name in names))
    notes = how_to_read(results)
    if left_out:
        notes.append(f"Left out for width: {', '.join(left_out)}. All columns: results/table.md.")
    return "\n\n".join(
        [
            _wrapped([" ".join(verdict(results))], width),
            *(table for table, _ in tables),
            _wrapped(notes, width),
            _wrapped(audit_lines(results), width),
        ]
    )


def _fitted(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> tuple[str, list[str]]:
    """The table, the first column folded where it has to be, and the heads of the columns that did not fit."""
    from rich.box import Box
    from rich.console import Console
    from rich.table import Table

    widths = {name: max(len(row[i]) for row in [head, *rows]) for i, name in enumerate(head)}
    first = min(widths.pop(head[0]), _NAME)
    left_out: list[str] = []
    for name in _LEFT_OUT_FIRST:
        if first + sum(2 + columns for columns in widths.values()) <= width:
            break
        if name in widths:
            widths.pop(name)
            left_out.append(name)
    line_below_head = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
    table = Table(box=line_below_head, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
    shown = [i for i, name in enumerate(head) if i == 0 or name in widths]
    for i in shown:
        table.add_column(
            head[i], justify="right" if i else "left", no_wrap=i > 0, overflow="fold", min_width=widths.get(head[i])
        )
    for row in rows:
        table.add_row(*(row[i] for i in shown))
    console = Console(file=io.StringIO(), width=width, color_system=None, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()), left_out


def _wrapped(lines: Sequence[str], width: int) -> str:
    """Each line as long as it may be, what goes on is indented."""
    return "\n".join(
        textwrap.fill(
            line,
            width,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
        )
        for line in lines
    )
