"""predict(): the scores of documents, in batches of whole queries."""

import os
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.data.ranking_dataset import RankingDataset, shared_tensor
from rankkit.errors import ConfigError
from rankkit.evaluation.by_schema import with_schema
from rankkit.evaluation.matching import documents_for, feature_places
from rankkit.files.mapped import MappedRows
from rankkit.models.scorers import Scorer, outputs_of, ranking_scores
from rankkit.models.scorers.evaluation_mode import evaluation_mode
from rankkit.placement import know_offsets, sent


def predict(
    scorer: Scorer,
    data: Any,
    *,
    qids: Any | None = None,
    device: torch.device | str | None = None,
    batch_docs: int = 65536,
) -> NDArray[np.float32]:
    """Score every document, with dropout off and without gradients.

    Features are matched by name where data and scorer know names: their order does not matter, and columns that the
    scorer was trained without are left out, with a warning that names them. Else they are matched by number.

    Args:
        scorer: A scorer, or a module that gives one output a document, such as ``nn.Linear(n_features, 1)``; its
            training flags and its device are afterwards as before.
        data: The documents; labels are not needed. A :class:`RankingDataset`, a pandas or polars data frame, an Arrow
            table, or numbers ``[doc, feature]`` (numpy, scipy sparse, lists).
        qids: With a table or numbers: one query id a row, or the name of their column. None: the column of the training
            data, if it is there; a scorer that looks at one document at a time needs none.
        device: Where to score; None: where the scorer is.
        batch_docs: About how many documents to score at once; queries are never split.

    Returns:
        float32 ``[doc]``, in the order of the rows that came in (:meth:`RankingDataset.in_row_order`).

    Raises:
        DataError: If a feature is missing, by name or by number, or query ids that the scorer needs are.
        ConfigError: If the scorer is none, or an encoder, or a number is out of range.
    """
    documents = documents_for("predict", scorer, data, qids=qids, by_query=False)
    scores = score_documents("predict", scorer, documents, device=device, batch_docs=batch_docs)
    return np.asarray(documents.in_row_order(scores), dtype=np.float32)


def score_documents(
    where: str,
    scorer: Scorer,
    data: RankingDataset,
    *,
    device: torch.device | str | None = None,
    batch_docs: int = 65536,
    resident: Tensor | None = None,
) -> NDArray[np.float32]:
    """As :func:`predict`, in the order of the documents of ``data``.

    On a device a batch is prepared, and sent from pinned memory, while the device scores the one before.

    Args:
        where: For messages.
        scorer: As for :func:`predict`.
        data: The documents.
        device: Where to score; None: where the scorer is.
        batch_docs: About how many documents to score at once.
        resident: What :func:`resident_features` gave; None: features are sent.
    """
    _check_scorer(where, scorer)
    places = None
    if resident is None:
        data = with_schema(where, scorer, data)
        places = feature_places(where, scorer, data)
    if batch_docs < 1:
        raise ConfigError(f"{where}: expected batch_docs of 1 or more; got {batch_docs}. Leave it out.")
    scores, mapped = np.empty(data.n_docs, np.float32), MappedRows(data.features)
    with evaluation_mode(cast(nn.Module, scorer), device) as place, torch.inference_mode():
        coming: tuple[slice, Tensor] | None = None
        for first, last in _batches(data.offsets, batch_docs):
            rows = slice(int(data.offsets[first]), int(data.offsets[last]))
            features = sent(_block(data, mapped, rows, places), place) if resident is None else resident[rows]
            offsets = torch.from_numpy(data.offsets[first : last + 1] - rows.start)
            outputs = outputs_of(scorer, features, know_offsets(sent(offsets, place), offsets))
            before, coming = coming, (rows, ranking_scores(scorer, outputs).float())
            _put(before, scores)  # only now, so that the device has work while the host waits for it
        _put(coming, scores)
    return scores


def _check_scorer(where: str, scorer: object) -> None:
    """Raise ConfigError unless documents can be scored with it."""
    if isinstance(scorer, nn.Module):
        return
    got, action = type(scorer).__name__, "Train one with rankkit.fit."
    if isinstance(scorer, str | os.PathLike):
        got, action = repr(os.fspath(scorer)), "Load a saved one with rankkit.load(folder)."
    elif isinstance(scorer, type):
        got, action = f"the class {scorer.__name__}", f"Build it: {scorer.__name__}(data.n_features)."
    raise ConfigError(f"{where}: expected a scorer; got {got}. {action}")


def resident_features(where: str, scorer: Scorer, data: RankingDataset, device: torch.device) -> Tensor:
    """The features of data as a scorer takes them, on a device: for whoever scores the same data many times."""
    data = with_schema(where, scorer, data)
    places = feature_places(where, scorer, data)
    return shared_tensor(data.features if places is None else np.take(data.features, places, axis=1)).to(device)


def _block(data: RankingDataset, mapped: MappedRows, rows: slice, places: NDArray[np.int64] | None) -> Tensor:
    block = data.features[rows]
    if places is not None:
        block = np.take(block, places, axis=1)
        mapped.let_go(rows.start, rows.stop)
    elif not block.flags.writeable:  # torch warns about such arrays; those in a file are among them
        block = np.empty(block.shape, block.dtype)
        mapped.copy(rows.start, rows.stop, block)
    return torch.from_numpy(block)


def _put(found: tuple[slice, Tensor] | None, scores: NDArray[np.float32]) -> None:
    if found is not None:
        rows, values = found
        scores[rows] = values.cpu().numpy()


def _batches(offsets: NDArray[np.int64], batch_docs: int) -> Iterator[tuple[int, int]]:
    """Queries first to last (not included) of each batch: at least one, and no more than fit."""
    first, n_queries = 0, len(offsets) - 1
    while first < n_queries:
        fitting = int(np.searchsorted(offsets, offsets[first] + batch_docs, side="right")) - 1
        last = max(first + 1, fitting)
        yield first, last
        first = last
