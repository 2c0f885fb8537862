"""predict(): the scores of documents, in batches of whole queries."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rankkit.errors import ConfigError, DataError
from rankkit.loaders.dataset import RankingDataset
from rankkit.scorers import Scorer, ranking_scores
from rankkit.scorers.evaluation_mode import evaluation_mode


def predict(
    scorer: Scorer, data: RankingDataset, *, device: torch.device | str | None = None, batch_docs: int = 65536
) -> NDArray[np.float32]:
    """Score every document, with dropout off and without gradients.

    Args:
        scorer: A scorer; its training flags and its device are afterwards as before.
        data: The documents; labels are not needed.
        device: Where to score; None: where the scorer is.
        batch_docs: About how many documents to score at once; queries are never split.

    Returns:
        float32 ``[doc]``, in the order of the rows that came in (:meth:`RankingDataset.in_row_order`).

    Raises:
        DataError: If the documents have other features than the scorer was built for, by number or by name.
    """
    scores = score_documents("predict", scorer, data, device=device, batch_docs=batch_docs)
    return np.asarray(data.in_row_order(scores), dtype=np.float32)


def score_documents(
    where: str,
    scorer: Scorer,
    data: RankingDataset,
    *,
    device: torch.device | str | None = None,
    batch_docs: int = 65536,
) -> NDArray[np.float32]:
    """As :func:`predict`, in the order of the documents of ``data``."""
    check_features(where, scorer, data)
    if batch_docs < 1:
        raise ConfigError(f"{where}: expected batch_docs of 1 or more; got {batch_docs}. Leave it out.")
    scores = np.empty(data.n_docs, np.float32)
    with evaluation_mode(cast(nn.Module, scorer), device) as place, torch.inference_mode():
        for first, last in _batches(data.offsets, batch_docs):
            start, stop = int(data.offsets[first]), int(data.offsets[last])
            block = data.features[start:stop]
            # torch warns about arrays that cannot be written to, such as memory-mapped ones.
            features = torch.from_numpy(block if block.flags.writeable else block.copy())
            offsets = torch.from_numpy(data.offsets[first : last + 1] - start)
            outputs = scorer(features.to(place), offsets.to(place))
            scores[start:stop] = ranking_scores(scorer, outputs).float().cpu().numpy()
    return scores


def check_features(where: str, scorer: object, data: RankingDataset) -> None:
    """Check that data has the features that a scorer was built for, by number and, where both know them, by name.

    A module of one's own need not say what it was built for.

    Raises:
        ConfigError: If it is an encoder.
        DataError: If the number differs, or a name at some place does.
    """
    if hasattr(scorer, "input_shape"):
        raise ConfigError(
            f"{where}: expected a scorer of documents; got the encoder {type(scorer).__name__}. "
            "Pass it to rankkit.evaluate_encoder or rankkit.embed."
        )
    n_features = getattr(scorer, "n_features", data.n_features)
    if data.n_features != n_features:
        raise DataError(
            f"{where}: expected {n_features} features, as the scorer was built for; got {data.n_features}. "
            "Read the data with n_features of the training data."
        )
    names = getattr(scorer, "feature_names", None)
    if names is None or data.feature_names is None or tuple(names) == data.feature_names:
        return
    pairs = zip(names, data.feature_names, strict=True)
    column, (expected, got) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
    raise DataError(
        f"{where}: expected the features that the scorer was trained on, '{expected}' in column {column}; got '{got}'. "
        "Bring the columns into the order of scorer.feature_names."
    )


def _batches(offsets: NDArray[np.int64], batch_docs: int) -> Iterator[tuple[int, int]]:
    """Queries first to last (not included) of each batch: at least one, and no more than fit."""
    first, n_queries = 0, len(offsets) - 1
    while first < n_queries:
        fitting = int(np.searchsorted(offsets, offsets[first] + batch_docs, side="right")) - 1
        last = max(first + 1, fitting)
        yield first, last
        first = last
