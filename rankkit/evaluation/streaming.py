"""score_file(): a file scored block by block into another one: memory for a block, whatever the number of rows."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataWarning
from rankkit.evaluation.matching import matched, read_documents, reading_for
from rankkit.evaluation.scoring import predict, score_documents
from rankkit.loaders.row_blocks import OtherIdsError, ScatteredError, whole_queries
from rankkit.loaders.scores import score_writer, write_scores
from rankkit.loaders.sources import Readable, as_file, no_rows
from rankkit.loaders.streaming import read_blocks
from rankkit.remarks import say


def score_file(
    scorer: Any,
    path: Readable,
    out: Path,
    *,
    tag: str = "rankkit",
    batch_docs: int = 65536,
    reading: dict[str, Any] | None = None,
) -> tuple[int, int]:
    """Score the documents of a file and write the scores, whole or not at all, as :func:`write_scores` does.

    The scores are those of :func:`rankkit.predict`, to the last bit. Memory holds some blocks of the file, the
    documents of a batch, and eight bytes a query; all rows at once where those of a query do not stand together, which
    is said, are to be regrouped, or have positions.

    Args:
        scorer: As for :func:`rankkit.predict`.
        path: What :func:`rankkit.read` reads.
        out: Where to write.
        tag: As for :func:`rankkit.loaders.scores.write_scores`.
        batch_docs: About how many documents to score at once; queries are never split.
        reading: Options of :func:`rankkit.evaluation.matching.read_documents`.

    Returns:
        How many scores were written, of how many queries.
    """
    options = {**(reading or {}), "with_labels": False}
    with as_file(path) as file:
        form: dict[str, bool] = {}
        while True:
            try:
                with _said_at_the_end():
                    return _score_blocks(scorer, file, out, tag, batch_docs, options, form)
            except OtherIdsError as other:
                form = {"text_qids": other.text_qids, "has_doc_ids": other.has_doc_ids}
            except ScatteredError as scattered:
                documents = read_documents(file, scorer, **options)
                if scattered.args:
                    say(f"{file}: {scattered} All rows are held in memory.")
                break
        write_scores(documents, predict(scorer, documents, batch_docs=batch_docs), out, tag=tag)
        return documents.n_docs, documents.n_queries


@contextmanager
def _said_at_the_end() -> Iterator[None]:
    """Warn when the block is over, and not at all where it begins anew, which finds the same again."""
    again = False
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            yield
        except (OtherIdsError, ScatteredError):
            again = True
            raise
        finally:
            found = [] if again else list(told)
    for one in found:
        say(str(one.message), one.category)


def _score_blocks(
    scorer: Any,
    file: Path,
    out: Path,
    tag: str,
    batch_docs: int,
    options: dict[str, Any],
    form: dict[str, bool],
) -> tuple[int, int]:
    n_queries = 0
    blocks = read_blocks(file, **reading_for(file, scorer, **options))
    with closing(blocks), score_writer(out, tag=tag) as writer, _progress() as shown:
        for batch, progress in whole_queries(blocks, batch_docs, **form):
            documents = _matched(file, scorer, batch, is_first=writer.n_scores == 0)
            writer.append(documents, score_documents("predict", scorer, documents, batch_docs=batch_docs))
            n_queries += batch.n_queries
            shown(writer.n_scores, progress)
        if not writer.n_scores:
            raise no_rows(file)
        return writer.n_scores, n_queries


def _matched(file: Path, scorer: Any, batch: RankingDataset, *, is_first: bool) -> RankingDataset:
    """The batch with the features of the scorer; what is to be said of that is said of the first one."""
    with warnings.catch_warnings():
        if not is_first:
            warnings.simplefilter("ignore", DataWarning)
        return matched(f"{file}", scorer, batch)


class _Shown(Protocol):
    def __call__(self, n_docs: int, progress: float | None) -> None: ...


@contextmanager
def _progress() -> Iterator[_Shown]:
    """A bar on stderr, where that is a terminal: what share of the file is scored, how many documents, how fast."""
    if not sys.stderr.isatty():
        yield lambda n_docs, progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        TextColumn("{task.fields[n_docs]:,} documents"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, n_docs=0)

        def show(n_docs: int, progress: float | None) -> None:
            bar.update(task, total=None if progress is None else 1.0, completed=progress or 0.0, n_docs=n_docs)

        yield show
