"""Click logs from labelled data: what a logging policy shows, and what people would click of it."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rankkit.clicks.models import ClickModel
from rankkit.data.ranking_dataset import RankingDataset, taken
from rankkit.data.text_ids import TextIds
from rankkit.errors import ConfigError, DataError, check_given

# Probabilities that are drawn at a time, which bounds the memory of a simulation.
_BLOCK = 2**21


def relevance_probability(
    labels: ArrayLike, *, noise: float = 0.1, max_label: float | None = None
) -> NDArray[np.float64]:
    r"""How likely a document of each label is clicked once it is looked at.

    .. math::
        \gamma = \epsilon + (1 - \epsilon) \frac{2^y - 1}{2^{y_{max}} - 1}

    Args:
        labels: Grades from 0 to ``max_label``, of any shape.
        noise: :math:`\epsilon`, the probability of a click on a document of label 0, from 0 to below 1.
        max_label: :math:`y_{max}`, above 0; None: the largest of ``labels``. Parts of one data set need the same.

    Returns:
        Probabilities from ``noise`` to 1, of the shape of ``labels``.

    Raises:
        ConfigError: If an option cannot work.
        DataError: If a label is outside 0 to ``max_label``.

    Example:
        >>> relevance_probability([0.0, 1.0, 2.0], noise=0.1)
        array([0.1, 0.4, 1. ])

    References:
        Ai, Bi, Luo, Guo, Croft, "Unbiased Learning to Rank with Unbiased Propensity Estimation", SIGIR 2018 (simulation
        of clicks); without noise the gain of Chapelle, Metzler, Zhang, Grinspan, "Expected Reciprocal Rank for Graded
        Relevance", CIKM 2009, scaled to reach 1.
    """
    grades = np.asarray(labels, np.float64)
    if not 0 <= noise < 1:
        raise ConfigError(f"relevance_probability: expected noise from 0 to below 1; got {noise!r}. Pass a share.")
    if max_label is not None and not (np.isfinite(max_label) and max_label > 0):
        raise ConfigError(
            f"relevance_probability: expected max_label above 0; got {max_label!r}. Pass the highest grade there is."
        )
    top = float(grades.max(initial=0)) if max_label is None else max_label
    bad = ~((grades >= 0) & (grades <= top))
    if bad.any():
        raise DataError(
            f"relevance_probability: expected labels from 0 to {top:g}; got {grades[bad][0]:g}. "
            "Pass max_label= the highest grade there is."
        )
    gains = np.exp2(grades) - 1
    return np.asarray(noise + (1 - noise) * gains / (np.exp2(top) - 1 if top else 1))


def shown_lists(data: RankingDataset, scores: ArrayLike, *, top_k: int | None = None) -> RankingDataset:
    """What a logging policy shows: the documents of each query by falling score, cut at ``top_k``.

    The labels stay what they are. Random scores show a random order, from which
    :func:`rankkit.estimate_propensities` can tell how often each position is looked at.

    Args:
        data: Any data set.
        scores: The policy's ``[doc]``, in the order of rows that :func:`rankkit.predict` gives. Documents with equal
            scores keep their order.
        top_k: Documents that are shown of a query, at most; None: all.

    Returns:
        A data set whose documents stand in shown order: the first of a query at position 1. It has an order of rows of
        its own: predictions for it come in shown order.

    Raises:
        ConfigError: If ``top_k`` is below 1.
        DataError: If data was not read by rankkit, or there is not one number a document in ``scores``.

    Example:
        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> data = from_arrays([[1], [2], [3], [4]], [0, 1, 2, 0], ["a", "a", "a", "b"])
        >>> shown = shown_lists(data, [0.1, 0.3, 0.2, 0.0], top_k=2)
        >>> shown.features.ravel().tolist(), shown.labels.tolist(), shown.list_sizes.tolist()
        ([2.0, 3.0, 4.0], [1.0, 2.0, 0.0], [2, 1])
    """
    check_given("shown_lists", "data", data, RankingDataset)
    values = np.asarray(scores, np.float64)
    if values.shape != (data.n_docs,) or np.isnan(values).any():
        raise DataError(
            f"shown_lists: expected {data.n_docs} scores, one a document; got shape {list(values.shape)}"
            f"{' with NaN' if values.shape == (data.n_docs,) else ''}. Pass what rankkit.predict gives for this data."
        )
    if top_k is not None and top_k < 1:
        raise ConfigError(f"shown_lists: expected top_k of at least 1; got {top_k}. Pass None to show all.")
    if data.rows is not None:
        by_row = values
        values = np.empty_like(by_row)
        values[np.argsort(data.rows, kind="stable")] = by_row
    sizes = data.list_sizes
    query = np.repeat(np.arange(data.n_queries), sizes)
    order = np.lexsort((-values, query))
    if top_k is not None:
        order = order[np.arange(data.n_docs) - data.offsets[query] < top_k]
        sizes = np.minimum(sizes, top_k)
    return replace(
        data,
        features=data.features[order],
        labels=None if data.labels is None else data.labels[order],
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        weights=data.weights[order] if data.weights is not None and data.weights_per == "doc" else data.weights,
        doc_ids=None if data.doc_ids is None else data.doc_ids[order],
        # Where a document stood in another log says nothing of this one.
        beside={role: values for role, values in taken(data.beside, order).items() if role in ("time", "split")},
        rows=None,
    )


def simulate_clicks(
    shown: RankingDataset,
    model: ClickModel,
    *,
    n_sessions: int = 1,
    summed: bool = False,
    noise: float = 0.1,
    max_label: float | None = None,
    attraction: ArrayLike | None = None,
    seed: int | np.random.Generator = 0,
) -> RankingDataset:
    """A log of clicks on lists as they are shown.

    Sessions of one query share its documents: split queries into parts before, not after.

    Args:
        shown: Documents in shown order, as :func:`rankkit.shown_lists` gives them.
        model: How people click, such as :class:`rankkit.PositionBasedModel`.
        n_sessions: Sessions of each query.
        summed: False: one list a session, labels 0 and 1. True: one list a query, labels the share of its sessions
            in which each document was clicked; as much information for objectives that are linear in the clicks of a
            list (:class:`rankkit.DualLearning`, ``softmax_loss`` with ``normalize=False``) in a fraction of the
            memory, but for pairs another thing.
        noise: The attraction of a document of label 0 (:func:`rankkit.relevance_probability`).
        max_label: As there.
        attraction: ``[doc]``, the probability of a click on a document that is looked at; it takes the place of
            labels, ``noise`` and ``max_label``. For a table by grade pass ``table[shown.labels.astype(int)]``.
        seed: Of the clicks.

    Returns:
        The lists of ``shown`` with clicks as labels. With several sessions that are not summed, the lists of a query
        follow each other with the qids "q/1", "q/2", ...

    Raises:
        ConfigError: If ``n_sessions`` is below 1.
        DataError: If ``shown`` was not read by rankkit, or has neither attraction nor labels to make it of.

    Example:
        Nobody looks past the first click.

        >>> from rankkit.clicks.models import CascadeModel
        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> shown = from_arrays([[1], [2], [3]], [0, 1, 1], ["a", "a", "a"])
        >>> log = simulate_clicks(shown, CascadeModel(), n_sessions=2, noise=0.0)
        >>> log.labels.tolist(), log.qids.tolist()
        ([0.0, 1.0, 0.0, 0.0, 1.0, 0.0], ['a/1', 'a/2'])
    """
    check_given("simulate_clicks", "shown", shown, RankingDataset)
    if n_sessions < 1:
        raise ConfigError(f"simulate_clicks: expected n_sessions of at least 1; got {n_sessions}. Pass how many.")
    if attraction is None:
        if shown.labels is None:
            raise DataError(
                f"simulate_clicks: expected labels or attraction; got {shown!r}. Pass attraction=, one a document."
            )
        attraction = relevance_probability(shown.labels, noise=noise, max_label=max_label)
    chances, mask = _padded(shown, np.asarray(attraction, np.float64))
    rng = np.random.default_rng(seed)
    at_a_time = max(1, _BLOCK // max(1, chances.size))
    blocks = []
    for start in range(0, n_sessions, at_a_time):
        n_drawn = min(at_a_time, n_sessions - start)
        clicks = model.sample(np.broadcast_to(chances, (n_drawn, *chances.shape)), rng)[:, mask]
        blocks.append(clicks.sum(axis=0, keepdims=True) if summed else clicks)
    clicks = np.concatenate(blocks)
    if summed or n_sessions == 1:
        return replace(shown, labels=(clicks.sum(axis=0) / n_sessions).astype(np.float32))
    return _by_session(shown, clicks)


def _by_session(shown: RankingDataset, clicks: NDArray[np.bool_]) -> RankingDataset:
    """One list for each session of each query; ``clicks`` are ``[session, doc]``."""
    n_sessions = len(clicks)
    log = shown.select(np.repeat(np.arange(shown.n_queries), n_sessions))
    # Rows are now query, session, place in the list.
    query = np.repeat(np.arange(log.n_queries) // n_sessions, log.list_sizes)
    place = np.arange(log.n_docs) - np.repeat(log.offsets[:-1], log.list_sizes)
    session = np.repeat(np.arange(log.n_queries) % n_sessions, log.list_sizes)
    labels = clicks[session, shown.offsets[query] + place].astype(np.float32)
    numbers = np.tile(np.arange(1, n_sessions + 1), shown.n_queries)
    qids = TextIds(f"{qid}/{number}" for qid, number in zip(log.qids, numbers, strict=True))
    return replace(log, labels=labels, qids=qids, rows=None)


def _padded(shown: RankingDataset, attraction: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Attraction as ``[query, list]``, 0 behind the end of a list, and the mask of documents."""
    if attraction.shape != (shown.n_docs,):
        raise DataError(
            f"simulate_clicks: expected attraction of {shown.n_docs} documents; got shape {list(attraction.shape)}. "
            "Pass one probability a document, in the order of shown."
        )
    sizes = shown.list_sizes
    mask = np.arange(sizes.max(initial=0)) < sizes[:, None]
    padded = np.zeros(mask.shape)
    padded[mask] = attraction
    return padded, mask
