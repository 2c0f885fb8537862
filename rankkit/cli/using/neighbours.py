"""``rankkit neighbours``: what a saved encoder finds most alike, and how often that is of the same class."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.kinds.similarity.reading import (
    EncoderRun,
    Examples,
    InkOption,
    LabelColumn,
    read_examples_for,
    refuse_overwriting,
)
from rankkit.cli.next_step import suggest
from rankkit.numbers import how_many

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from rankkit.data.labelled_examples import LabelledExamples
    from rankkit.distances import Distance
    from rankkit.similarity import Neighbours


def neighbours(
    run: EncoderRun,
    gallery: Examples,
    queries: Annotated[
        Path | None,
        typer.Argument(
            help="What to look for, in any of the forms of GALLERY; without it, each example of the gallery is looked "
            "for among the others.",
            show_default=False,
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Neighbours of each query.")] = 5,
    ann: Annotated[
        bool, typer.Option("--ann", help="Search with FAISS, and print its recall; needs the extra named ann.")
    ] = False,
    rows: Annotated[int, typer.Option(min=0, help="Queries to print; --out holds all.")] = 5,
    out: Annotated[
        Path | None, typer.Option(help="Write the neighbours of all queries: .parquet or .csv.", show_default=False)
    ] = None,
    label: LabelColumn = "label",
    ink: InkOption = None,
) -> None:
    """Find the nearest examples of a gallery, by a saved encoder and its distance."""
    refuse_absent(model=run, out=out)
    from rankkit import bundle
    from rankkit.errors import ConfigError
    from rankkit.files.places import check_place
    from rankkit.models.encoders import embed

    if out is not None:
        refuse_overwriting(out, gallery, queries)
        if out.suffix not in (".parquet", ".csv"):
            raise ConfigError(f"--out: expected a name that ends in .parquet or .csv; got {str(out)!r}. Rename it.")
        check_place(out)
    encoder = bundle.load_encoder(run)
    known = read_examples_for(encoder, run, gallery, label=label, ink=ink)
    asked = known if queries is None else read_examples_for(encoder, run, queries, label=label, ink=ink)
    n_others = known.n_examples - (queries is None)
    if k > n_others:
        raise ConfigError(f"-k: expected at most {n_others}, the examples that can be found; got {k}. Lower it.")
    known_embeddings = embed(encoder, known.inputs)
    asked_embeddings = known_embeddings if queries is None else embed(encoder, asked.inputs)
    found, recall = _search(
        asked_embeddings, known_embeddings, k, encoder.distance, approximate=ann, within=queries is None
    )
    table = neighbour_table(found, asked, known)
    lines = _printed(table, encoder.distance, rows, asked.n_examples)
    typer.echo("\n".join([*lines, *_summary(found, asked, known, within=queries is None)]))
    if recall is not None:
        typer.echo(recall)
    if out is not None:
        _write(table, out)
        typer.echo(f"{out}: {how_many(len(table), 'neighbour')} of {how_many(asked.n_examples, 'query')}")
    suggest("rankkit", "export", run, "--to", "onnx", "--out", "encoder.onnx")


def _search(
    asked: "NDArray[np.float32]",
    known: "NDArray[np.float32]",
    k: int,
    distance: "Distance",
    *,
    approximate: bool,
    within: bool,
) -> "tuple[Neighbours, str | None]":
    """The neighbours, and what is to be said of the recall of an approximate search."""
    from rankkit.similarity import AnnIndex, nearest_neighbours

    if not approximate:
        return nearest_neighbours(asked, known, k=k, distance=distance, exclude_self=within), None
    index = AnnIndex(known, distance=distance)
    n_found = k + within  # the query itself is found too
    recall = index.measured_recall(asked, k=n_found)
    note = ", the query itself among them" if within else ""
    found = index.search(asked, k=n_found)
    words = f"{index!r}: finds {recall:.4f} of the {n_found} nearest{note}"
    return (_without_self(found) if within else found), words


def _without_self(found: "Neighbours") -> "Neighbours":
    """Neighbours of each row without the row itself; where it was not found, without the last one."""
    import numpy as np

    from rankkit.similarity import Neighbours

    kept = found.indices != np.arange(len(found.indices))[:, None]
    kept[kept.all(axis=1), -1] = False
    shape = (len(kept), kept.shape[1] - 1)
    return Neighbours(found.indices[kept].reshape(shape), found.values[kept].reshape(shape))


def neighbour_table(found: "Neighbours", asked: "LabelledExamples", known: "LabelledExamples") -> "pd.DataFrame":
    """One row a neighbour: query, query_class, rank (from 1), neighbour, neighbour_class, distance.

    Examples without ids go by their row, from 0. Places that an approximate search left empty are left out.
    """
    import numpy as np
    import pandas as pd

    n_queries, k = found.indices.shape
    query, place = np.repeat(np.arange(n_queries), k), found.indices.reshape(-1)
    table = pd.DataFrame(
        {
            "query": _names(asked)[query],
            "query_class": _classes(asked)[query],
            "rank": np.tile(np.arange(1, k + 1), n_queries),
            "neighbour": _names(known)[place],
            "neighbour_class": _classes(known)[place],
            "distance": found.values.reshape(-1),
        }
    )
    return table[place >= 0].reset_index(drop=True)


def _names(examples: "LabelledExamples") -> "NDArray[Any]":
    import numpy as np

    return np.arange(examples.n_examples).astype(np.str_) if examples.ids is None else examples.ids


def _classes(examples: "LabelledExamples") -> "NDArray[Any]":
    """The class name of each example."""
    import numpy as np

    return np.array(examples.class_names, dtype=np.str_)[examples.labels]


def _printed(table: "pd.DataFrame", distance: "Distance", rows: int, n_queries: int) -> list[str]:
    """The first queries as text: the query on the line of its first neighbour only."""
    if rows == 0:
        return []
    first = (table["rank"] == 1).cumsum() <= rows
    cells: list[tuple[str, ...]] = [("query", "class", "", "neighbour", "class", distance.name)]
    for row in table[first].itertuples(index=False):
        begins = row.rank == 1
        asked = (row.query, row.query_class) if begins else ("", "")
        cells.append(
            (*map(str, asked), str(row.rank), str(row.neighbour), str(row.neighbour_class), f"{row.distance:.4g}")
        )
    widths = [max(len(line[place]) for line in cells) for place in range(6)]
    lines = []
    for line in cells:
        padded = [
            cell.rjust(width) if place in (2, 5) else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    if n_queries > rows:
        lines.append(f"... {n_queries - rows:,} more queries (--rows, --out)")
    return [*lines, ""]


def _summary(found: "Neighbours", asked: "LabelledExamples", known: "LabelledExamples", *, within: bool) -> list[str]:
    """How often the nearest is of the query's class, and for how many queries it cannot be."""
    import numpy as np

    first = found.indices[:, 0]
    right = (_classes(known)[first] == _classes(asked)) & (first >= 0)
    lines = [f"The nearest has the class of the query: {right.sum():,} of {len(right):,} ({right.mean():.4f})"]
    sizes = dict(zip(known.class_names, known.class_sizes, strict=True))
    of_query = np.array([sizes.get(name, 0) for name in asked.class_names])[asked.labels]
    n_alone = int((of_query <= int(within)).sum())
    if n_alone:
        where = "the others" if within else "the gallery"
        lines.append(f"{n_alone:,} of them are of a class that {where} lack{'' if within else 's'}")
    return lines


def _write(table: "pd.DataFrame", out: Path) -> None:
    from rankkit.files.atomic import replacing

    with replacing(out) as temporary:
        if out.suffix == ".csv":
            table.to_csv(temporary, index=False)
        else:
            table.to_parquet(temporary, index=False)
