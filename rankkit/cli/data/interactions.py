"""``rankkit interactions``: a log of users and items out of any file, in a folder from which it is read at once."""

from pathlib import Path
from typing import Annotated, Any

import typer

from rankkit.cli.data.options import kinds_of
from rankkit.cli.next_step import suggest


def interactions(
    source: Annotated[
        Path,
        typer.Argument(
            help="Parquet, Arrow, CSV, TSV, MovieLens' u.data or :: files, RecBole's .inter, one user a line; a folder "
            "of Parquet or Arrow files, as Hugging Face has them.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the log.", show_default=False)],
    user: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of users; a number counts from 0.", show_default="user")
    ] = None,
    item: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of items, likewise.", show_default="item")
    ] = None,
    time: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of times.", show_default="time, if it is there")
    ] = None,
    value: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of ratings or counts.", show_default="value, if it is there"),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            metavar="FORM",
            help="Table, movielens, sequences, counted_lists, recbole, parquet or arrow.",
            show_default="as the file says",
        ),
    ] = None,
    separator: Annotated[
        str | None, typer.Option(help="Between the fields of text.", show_default="a tab or a comma")
    ] = None,
    duplicates: Annotated[
        str | None,
        typer.Option(
            metavar="keep|last|first|error", help="Events that repeat an item of their user.", show_default="keep"
        ),
    ] = None,
    min_value: Annotated[float | None, typer.Option(help="Leave out events of a lower value.")] = None,
    k_core: Annotated[
        int | None, typer.Option(help="Leave out users and items of fewer events, again and again.")
    ] = None,
    items: Annotated[
        Path | None,
        typer.Option(
            help="A table of items, joined by their ids: any with a header, MovieLens' movies.dat or u.item, "
            "RecBole's .item."
        ),
    ] = None,
    users: Annotated[Path | None, typer.Option(help="A table of users, likewise.")] = None,
    kinds: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="X=KIND,...",
            help="Kinds of columns of these tables: number, category, time, vector, text, bag.",
            show_default="as their types say",
        ),
    ] = None,
) -> None:
    """Read who met which item, and when; print what it holds and what was decided, and keep it in a folder."""
    import warnings

    from rankkit.errors import DataWarning
    from rankkit.loaders.interactions.caching import cache_interactions

    columns = {"user": user, "item": item, "time": time, "value": value}
    given: dict[str, Any] = {
        name: int(column) if column is not None and column.isdigit() else column for name, column in columns.items()
    }
    options: dict[str, Any] = {"form": form, "separator": separator, "duplicates": duplicates}
    options |= {"items": items, "users": users, "columns": None if kinds is None else kinds_of(kinds)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # all that it says stands in the remarks, which are printed
        log = cache_interactions(source, out, **given, **options, min_value=min_value, k_core=k_core)
    typer.echo(f"{log!r}")
    for line in _statistics(log):
        typer.echo(line)
    for side, known in (("users", log.user_columns), ("items", log.item_columns)):
        if known is not None:
            typer.echo(_columns(side, known))
    for remark in log.remarks:
        typer.echo(f"remark: {remark}")
    typer.echo(f"Written to {out}")
    suggest("rankkit", "split", out)


def _statistics(log: Any) -> list[str]:
    """How events are spread over users and items."""
    import numpy as np

    lines = []
    for name, counts in (("a user", log.sizes), ("an item", log.item_counts)):
        low, middle, high = np.percentile(counts, [10, 50, 90])
        lines.append(
            f"events {name}: {counts.min():,} to {counts.max():,}, median {middle:g}, 10% to 90% {low:g} to {high:g}"
        )
    share = log.n_events / max(log.n_users * log.n_items, 1)
    top = np.sort(log.item_counts)[::-1][: max(1, log.n_items // 10)].sum() / log.n_events
    lines.append(f"density: {share:.3%}; the tenth of the items with most events has {top:.1%} of them")
    return lines


def _columns(side: str, known: Any) -> str:
    """Which columns there are, what each of them is, and how much of it is missing."""
    from rankkit.data.columns.schema import described
    from rankkit.data.interactions.attributes import missing_share

    kinds = {column.name: described(column) for column in known.schema.columns}
    missing = missing_share(known)
    parts = [
        f"{name} ({kinds.get(name, 'to be shown')}{f', {missing[name]:.1%} missing' if name in missing else ''})"
        for name in known.names
    ]
    return f"columns of {side}: {', '.join(parts)}"
