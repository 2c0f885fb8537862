"""``rankkit recommend``: lists of items for users of the log, for histories, or for everybody, into a file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.data.options import names_of
from rankkit.cli.next_step import suggest
from rankkit.numbers import how_many

_USERS = 8192  # whose lists are in memory at the same time


def recommend(
    run: Annotated[Path, typer.Argument(help="Folder of a saved recommender.", show_default=False)],
    out: Annotated[
        Path, typer.Option(help="Where to write user, item, score, rank: .parquet or .csv.", show_default=False)
    ],
    k: Annotated[int, typer.Option("--k", min=1, help="How many items a list holds.")] = 10,
    users: Annotated[Path | None, typer.Option(help="Text file of ids of users, one a line; else everybody.")] = None,
    histories: Annotated[
        Path | None,
        typer.Option(help="In place of users of the log: events of anyone, a file or a log with user and item."),
    ] = None,
    within: Annotated[Path | None, typer.Option(help="Text file of ids of the items that may be listed.")] = None,
    exclude: Annotated[Path | None, typer.Option(help="Text file of ids of items that are listed for nobody.")] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="X,Y", help="Columns of the items to write beside, such as title; the log holds them."),
    ] = None,
    seen: Annotated[bool, typer.Option("--seen", help="List items of a user's history, too.")] = False,
    ann: Annotated[
        bool,
        typer.Option("--ann", help="Search with FAISS (als, bpr), and print its recall; needs the extra named ann."),
    ] = False,
) -> None:
    """List the best items for users, in blocks; who has no history gets the most popular items, and it is said."""
    refuse_absent(model=run, out=out)
    import warnings

    import numpy as np

    from rankkit import bundle
    from rankkit.data.interactions.log import Interactions
    from rankkit.data.text_ids import as_ids
    from rankkit.errors import ConfigError, DataWarning
    from rankkit.files.places import check_place
    from rankkit.loaders.interactions.reading import read_interactions
    from rankkit.models.recommenders.blocks import spread
    from rankkit.retrieval.lists import check_shown

    if out.suffix not in (".parquet", ".csv"):
        raise ConfigError(f"--out: expected a name that ends in .parquet or .csv; got {str(out)!r}. Rename it.")
    if users is not None and histories is not None:
        raise ConfigError("recommend: expected --users or --histories; got both. Drop one.")
    shown = [] if columns is None else names_of("columns", columns)
    check_place(out)
    model = bundle.read(run, "recommender")[0]
    if shown:
        check_shown(f"{run}", model.log.item_columns, shown)
    asked: Any
    if histories is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # of repeats and equal times, which a history may have
            asked = read_interactions(histories)
    else:
        asked = model.log.user_ids if users is None else as_ids(_as_in(model.log.user_ids, _ids(users)))
    choice = {name: _ids(path) for name, path in (("within", within), ("exclude", exclude)) if path is not None}
    index = model.index_of_items("recommend --ann", "hnsw", 64, **choice) if ann else None
    n_users, n_rows, n_cold = 0, 0, 0

    def parts() -> Iterator[Any]:
        nonlocal n_users, n_rows, n_cold
        for first in range(0, len(asked), _USERS):
            histories = model.histories("recommend", asked[first : first + _USERS])
            found = model.lists_of(histories, k, exclude_seen=not seen, index=index, **choice)
            n_users, n_cold = n_users + len(found), n_cold + found.n_cold
            table = found.to_arrow(shown)
            n_rows += len(table)
            yield table if out.suffix == ".parquet" else _flat(table)

    _write(parts(), out)
    cold = f"; {n_cold:,} without a history get the most popular items" if n_cold else ""
    typer.echo(f"{out}: {how_many(n_rows, 'item')} for {how_many(n_users, 'user')}{cold}")
    if index is not None:
        places = spread(np.arange(len(asked)))
        some = asked.select(places) if isinstance(asked, Interactions) else asked[places]
        typer.echo(
            model.measured_recall(index, model.histories("recommend", some), k, exclude_seen=not seen, **choice)[1]
        )
    suggest("rankkit", "serve", run)


def _ids(path: Path) -> list[str]:
    """The lines of a file that are not empty.

    Raises:
        DataError: If there is none.
    """
    from rankkit.errors import DataError

    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: expected a text file of ids; got {getattr(error, 'strerror', None) or error}. Check the path."
        ) from None
    found = [line for line in lines if line]
    if not found:
        raise DataError(f"{path}: expected ids, one a line; got none. Check the file.")
    return found


def _as_in(known: Any, lines: list[str]) -> list[Any]:
    """Ids as numbers where those of the log are, and all can be."""
    from rankkit.data.text_ids import TextIds

    are_numbers = not isinstance(known, TextIds) and all(line.removeprefix("-").isdecimal() for line in lines)
    return [int(line) for line in lines] if are_numbers else list(lines)


def _flat(table: Any) -> Any:
    """Lists as text with ``|`` between their values: CSV has no lists.

    Raises:
        DataError: If a column has no text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from rankkit.errors import DataError

    for place, field in enumerate(table.schema):
        try:
            if pa.types.is_list(field.type) or pa.types.is_large_list(field.type):
                texts = table.column(place).cast(pa.list_(pa.string()))
                table = table.set_column(place, field.name, pc.binary_join(texts, "|"))
            elif pa.types.is_nested(field.type):
                raise pa.ArrowInvalid(f"{field.type}")
        except pa.ArrowException as error:
            raise DataError(
                f"--columns: expected columns that CSV can hold; got {field.name!r}: {str(error)[:100]}. Write a "
                "Parquet file."
            ) from error
    return table


def _write(tables: Iterator[Any], out: Path) -> None:
    """Write tables behind each other, whole or not at all."""
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    from rankkit.files.atomic import replacing

    with replacing(out) as temporary:
        first = next(tables)
        made = pq.ParquetWriter if out.suffix == ".parquet" else csv.CSVWriter
        with made(temporary, first.schema) as writer:
            writer.write_table(first)
            for table in tables:
                writer.write_table(table)
