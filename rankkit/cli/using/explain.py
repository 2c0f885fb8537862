"""``rankkit explain``: which features a saved ranker orders by, and why a document has its score."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.data.options import BESIDE, Reading, reads_data
from rankkit.cli.next_step import suggest

if TYPE_CHECKING:
    from rankkit.data.ranking_dataset import RankingDataset
    from rankkit.explaining import Attributions, Importance, Shapes


@reads_data(known_to="as in training", without={"n_features", *BESIDE})
def explain(
    run: Annotated[Path, typer.Argument(help="Folder of a saved ranker, or file of trees.", show_default=False)],
    data: Annotated[
        Path, typer.Argument(help="Labelled data that it was not trained on, best test data.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for tables (.csv, .json) and pictures (.svg, .png).", show_default=False)
    ] = None,
    doc: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QID:ROW",
            help="Explain the score of this document too: ROW counts from 0 within the query, or is a document id. "
            "Repeatable. Needs captum, the extra 'explain', or of trees their library.",
        ),
    ] = None,
    metric: Annotated[str, typer.Option(help="What falls when a feature is shuffled.")] = "ndcg@10",
    repeats: Annotated[int, typer.Option(min=1, help="Shuffles of each feature.")] = 3,
    max_docs: Annotated[
        int, typer.Option(min=0, help="Draw whole queries of about so many documents in all; 0 takes all.")
    ] = 10_000,
    top: Annotated[int, typer.Option(min=1, help="Features to print and draw; the files hold all.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of the shuffles and of the draw.")] = 0,
    *,
    reading: Reading,
) -> None:
    """Show how much a metric falls when each feature is shuffled, and with --doc what each feature adds to a score.

    Of a scorer that is a sum over columns, as the additive one, it shows what each value adds too.
    """
    refuse_absent(data, model=run, out=out, kind="folder")
    from rankkit import bundle, evaluation, explaining
    from rankkit.errors import DataError
    from rankkit.evaluation.matching import read_documents
    from rankkit.files.places import check_place

    if out is not None:
        check_place(out, "folder")
    evaluation.parse_metric(metric)
    scorer = bundle.load_scorer(run)
    if doc:
        explaining.check_explainable(scorer)
    documents = read_documents(data, scorer, **reading)
    chosen = [find_document(documents, words) for words in doc or []]
    if documents.labels is None and not chosen:
        raise DataError(f"{data}: expected labels, to measure {metric}; got none. Add them, or pass --doc QID:ROW.")
    # First, though printed last: it takes seconds, and says at once if captum is not there.
    attributions = explaining.attribute(scorer, documents, chosen) if chosen else None
    files: list[Path] = []
    if documents.labels is not None:
        importance = explaining.permutation_importance(
            scorer,
            documents,
            metric=metric,
            n_repeats=repeats,
            max_docs=max_docs or None,
            seed=seed,
            progress=True,
        )
        typer.echo(importance.table(top))
        files += [] if out is None else _write_importance(importance, out, top)
    if callable(getattr(scorer, "contributions", None)):  # a sum over columns: what each value adds is known
        typer.echo("")
        files += _shapes(scorer, documents, out, top)
    if attributions is not None:
        typer.echo(("\n" if documents.labels is not None else "") + attributions.table(top))
        files += [] if out is None else _write_attributions(attributions, out, top)
    if files:
        words = f"Written: {', '.join(str(path) for path in files)}"
        typer.echo("\n" + textwrap.fill(words, 80, subsequent_indent="  ", break_long_words=False))
    suggest("rankkit", "score", run, "NEW-DATA", "--out", "scores.parquet")


def find_document(data: "RankingDataset", words: str) -> tuple[Any, int]:
    """The query id and the row within the query that ``QID:ROW`` or ``QID:DOC_ID`` names.

    Raises:
        ConfigError: If it names no document of the data.
    """
    import numpy as np

    from rankkit.data.text_ids import id_texts
    from rankkit.errors import ConfigError

    for colon in [place for place, sign in enumerate(words) if sign == ":"]:
        qid, name = words[:colon], words[colon + 1 :]
        for query in np.flatnonzero(id_texts(data.qids) == qid).tolist():
            start, stop = data.offsets[query : query + 2].tolist()
            ids = [] if data.doc_ids is None else data.doc_ids[start:stop].tolist()
            if name in ids:
                return data.qids[query : query + 1].tolist()[0], ids.index(name)
            if name.isdecimal() and int(name) < stop - start:
                return data.qids[query : query + 1].tolist()[0], int(name)
            known = f"a row from 0 to {stop - start - 1}" + (f" or a document id such as {ids[0]}" if ids else "")
            raise ConfigError(f"--doc: expected {known} for query {qid}; got {words!r}. Name one of these.")
    example = f"{data.qids[0]}:0" if data.n_queries else "QID:ROW"
    raise ConfigError(f"--doc: expected a query of the data and a row, as {example}; got {words!r}. Name one of these.")


def _shapes(scorer: Any, documents: "RankingDataset", out: Path | None, top: int) -> list[Path]:
    from rankkit import explaining
    from rankkit.cli.using.explain_picture import draw_shapes

    obstacle = explaining.no_shapes(scorer)
    if obstacle:
        typer.echo(textwrap.fill(obstacle, 80, subsequent_indent="  "))
        return []
    found = explaining.shapes(scorer, documents)
    typer.echo(found.table(top))
    return [] if out is None else _write(found, out, "shapes", draw_shapes(found, top))


def _write_importance(importance: "Importance", out: Path, top: int) -> list[Path]:
    from rankkit.cli.using.explain_picture import draw_importance

    return _write(importance, out, "importance", draw_importance(importance, top))


def _write_attributions(attributions: "Attributions", out: Path, top: int) -> list[Path]:
    from rankkit.cli.using.explain_picture import draw_attributions

    return _write(attributions, out, "attributions", draw_attributions(attributions, top))


def _write(found: "Importance | Attributions | Shapes", out: Path, name: str, pictures: dict[str, bytes]) -> list[Path]:
    """A table as CSV and JSON with its pictures, each file as a whole."""
    from rankkit.files.atomic import write_bytes

    contents = {"csv": found.to_pandas().to_csv(index=False).encode(), "json": (found.to_json() + "\n").encode()}
    paths = []
    for ending, content in {**contents, **pictures}.items():
        paths.append(out / f"{name}.{ending}")
        write_bytes(paths[-1], content)
    return paths
