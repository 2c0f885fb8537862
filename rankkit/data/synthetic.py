"""Ranking data made to measure: a small learnable sample, and data in the shape of MSLR-WEB for speed experiments."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.text_ids import TextIds
from rankkit.errors import ConfigError
from rankkit.numbers import check_whole, is_finite, is_whole

Signal = Literal["nonlinear", "linear", "none"]
Floats = NDArray[np.float64]

# The shares of the labels 0, 1, 2, 3, 4 in MSLR-WEB30K, in round figures.
LABEL_SHARES = (0.52, 0.32, 0.13, 0.02, 0.01)

# Of each text stream of MSLR-WEB (body, anchor, title, url, whole document): how many documents have it, the natural
# logarithm of its usual length in words, and how readily it holds a term of the query, in logits.
_STREAMS = ((0.95, 6.0, 0.6), (0.35, 2.0, 0.2), (0.92, 2.0, 0.0), (0.98, 2.1, -1.0), (0.99, 6.1, 0.8))


def make_ranking(
    n_queries: int,
    *,
    n_features: int = 10,
    seed: int = 0,
    list_size: tuple[int, int] = (8, 40),
    signal: Signal = "nonlinear",
    noise: float = 0.6,
    doc_ids: bool = False,
) -> RankingDataset:
    r"""Make queries whose documents are relevant by a known rule of few features.

    The rule is the same for every seed, so ``make_ranking(100, seed=1)`` is validation data for
    ``make_ranking(100, seed=0)``. With x the standard normal features of a document, u the ease of its query and e
    noise, both standard normal and hidden:

    .. math::

        s = 0.8\, x_1 + 0.6\, x_2 + x_3 x_4 - 0.7\, x_5^2 + u + \mathrm{noise} \cdot e

    The labels 0 to 4 are quantiles of s over the whole data set, with the shares of MSLR-WEB30K: 52, 32, 13, 2 and 1 %.
    ``signal="linear"`` keeps the first two terms of features, ``"none"`` keeps none of them.

    Of six features or more, the last describes the query: its ease plus noise, equal for all its documents. It says
    much about the labels and nothing about their order. Those between are noise. Of fewer than five features, the rule
    takes the first ones again. Features have four decimals.

    Args:
        n_queries: How many queries; their ids are 1 to n_queries.
        n_features: How many features a document has.
        seed: Equal arguments and seed give equal data.
        list_size: The smallest and the largest number of documents of a query, sizes between being equally likely.
        signal: Which terms of features the rule has: "nonlinear" (all), "linear" or "none".
        noise: Standard deviation of the noise in s.
        doc_ids: True to name the documents "<qid>-<position>".

    Raises:
        ConfigError: If an argument is out of range.

    Example:
        >>> make_ranking(3, seed=0, list_size=(2, 4))
        RankingDataset(3 queries, 10 docs, 10 features, labels 0..4)
    """
    check_whole("make_ranking: n_queries", n_queries)
    check_whole("make_ranking: n_features", n_features, 1)
    check_whole("make_ranking: seed", seed)
    low, high = list_size
    if not (is_whole(low) and is_whole(high) and 1 <= low <= high):
        raise ConfigError(
            "make_ranking: expected list_size=(low, high), whole numbers with 1 <= low <= high; "
            f"got {list_size}. Pass such counts."
        )
    if not is_finite(noise) or noise < 0:
        raise ConfigError(f"make_ranking: expected noise as a finite number from 0; got {noise!r}. Pass 0.6.")
    rng = np.random.default_rng(seed)
    sizes = rng.integers(low, high + 1, size=n_queries)
    n_docs = int(sizes.sum())
    ease = rng.normal(size=n_queries)
    features = rng.normal(size=(n_docs, n_features))
    if n_features >= 6:
        features[:, -1] = np.repeat(ease + 0.5 * rng.normal(size=n_queries), sizes)
    features = features.round(4)
    scores = _signal(features, signal) + np.repeat(ease, sizes) + noise * rng.normal(size=n_docs)
    qids = np.arange(1, n_queries + 1)
    return RankingDataset(
        features=features.astype(np.float32),
        labels=_grades(scores),
        offsets=_offsets(sizes),
        qids=qids,
        doc_ids=_doc_ids(qids, sizes) if doc_ids else None,
    )


def make_mslr_like(n_queries: int, *, seed: int = 0) -> RankingDataset:
    """Make data in the shape of MSLR-WEB30K, for speed experiments without the real files.

    136 features in the order of MSLR-WEB (25 statistics of each of 5 text streams, then 11 of the page), raw: small
    integers, many zeros, heavy tails up to 1e8, at most six decimals. List sizes are log-normal, about 120 documents
    in the mean, from 1 to 900; labels have the shares 52, 32, 13, 2 and 1 %. The features depend on the label, so
    that training finds something; metrics on this data say nothing about the real one.

    Args:
        n_queries: How many queries, of about 120 documents (65 kB in memory, 130 kB as LETOR text) each.
        seed: Equal arguments give equal data.

    Example:
        >>> make_mslr_like(2, seed=0).n_features
        136
    """
    check_whole("make_mslr_like: n_queries", n_queries)
    check_whole("make_mslr_like: seed", seed)
    rng = np.random.default_rng(seed)
    sizes = np.clip(rng.lognormal(mean=np.log(94), sigma=0.7, size=n_queries), 1, 900).astype(np.int64)
    n_docs = int(sizes.sum())
    scores = rng.normal(size=n_docs) + np.repeat(0.7 * rng.normal(size=n_queries), sizes)
    n_terms = np.repeat(rng.integers(1, 6, size=n_queries), sizes).astype(np.float64)
    idf = np.repeat(rng.uniform(3, 9, size=n_queries), sizes)

    features = np.empty((n_docs, 136), np.float32)
    for stream, (presence, log_length, bias) in enumerate(_STREAMS):
        present = rng.random(n_docs) < presence
        length = np.where(present, np.ceil(rng.lognormal(log_length, 0.9, size=n_docs)), 0)
        holds = rng.binomial(n_terms.astype(np.int64), present / (1 + np.exp(-bias - scores))).astype(np.float64)
        for statistic, column in enumerate(_stream_statistics(rng, scores, n_terms, idf, length, holds)):
            features[:, 5 * statistic + stream] = column
    for place, column in enumerate(_page_statistics(rng, scores)):
        features[:, 125 + place] = column
    return RankingDataset(
        features=features,
        labels=_grades(scores + rng.normal(size=n_docs)),
        offsets=_offsets(sizes),
        qids=np.arange(1, n_queries + 1),
    )


def _signal(features: Floats, signal: Signal) -> Floats:
    """The part of the relevance that features explain."""
    x1, x2, x3, x4, x5 = (features[:, place % features.shape[1]] for place in range(5))
    if signal == "none":
        return np.zeros(len(features))
    linear: Floats = 0.8 * x1 + 0.6 * x2
    if signal == "linear":
        return linear
    if signal == "nonlinear":
        return linear + x3 * x4 - 0.7 * x5**2
    raise ConfigError(
        f"make_ranking: expected signal 'nonlinear', 'linear' or 'none'; got {signal!r}. Pass one of the three."
    )


def _grades(scores: Floats) -> NDArray[np.float32]:
    """Labels 0 to 4 by quantiles, with the shares of MSLR-WEB30K."""
    if not len(scores):
        return np.zeros(0, np.float32)
    cuts = np.quantile(scores, np.cumsum(LABEL_SHARES[:-1]))
    return np.searchsorted(cuts, scores).astype(np.float32)


def _offsets(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])


def _doc_ids(qids: NDArray[np.int64], sizes: NDArray[np.int64]) -> TextIds:
    places = (f"{qid}-{place}" for qid, size in zip(qids, sizes, strict=True) for place in range(1, size + 1))
    return TextIds(places)


def _stream_statistics(
    rng: np.random.Generator, scores: Floats, n_terms: Floats, idf: Floats, length: Floats, covered: Floats
) -> list[Floats]:
    """The 25 statistics of one text stream in the order of MSLR-WEB, from the terms of the query that it holds."""
    n_docs = len(scores)
    total = covered + np.floor(covered * rng.pareto(1.2, size=n_docs).clip(max=1e4))
    least = np.where(covered == n_terms, np.ceil(total / (2 * n_terms)), 0)
    most = np.ceil(total / covered.clip(min=1))
    mean = total / n_terms
    spread = (most - mean) ** 2 / n_terms
    counts = [total, least, most, mean, spread]
    per_word = 1 / length.clip(min=1)
    cosine = np.where(covered > 0, covered / n_terms * rng.uniform(0.6, 1.0, size=n_docs), 0)
    bm25 = idf * covered * total / (total + 1.2)
    likelihood = [-idf * n_terms + 2 * np.sqrt(total) + rng.normal(size=n_docs) for _ in range(3)]
    columns = [covered, covered / n_terms, length, idf * n_terms, *counts]
    columns += [per_word * count for count in counts[:4]] + [per_word**2 * spread]
    columns += [idf * count for count in counts[:4]] + [idf**2 * spread]
    columns += [np.where(covered == n_terms, 1.0, 0.0), cosine, bm25, *likelihood]
    return [np.round(column, 6) for column in columns]


def _page_statistics(rng: np.random.Generator, scores: Floats) -> list[Floats]:
    """The 11 statistics of the page itself, from the number of slashes in its URL to the dwell time."""
    n_docs = len(scores)
    clicked = rng.random(n_docs) < 0.05 + 0.1 * (scores > 1)
    return [
        1 + rng.poisson(1.5, size=n_docs),
        np.ceil(rng.lognormal(3.9, 0.5, size=n_docs)),
        np.floor(rng.lognormal(4, 4, size=n_docs)).clip(max=1e8),
        np.floor(rng.lognormal(1, 2, size=n_docs)).clip(max=1e5),
        rng.integers(0, 65536, size=n_docs),
        rng.integers(0, 65536, size=n_docs),
        rng.integers(0, 256, size=n_docs),
        rng.integers(0, 256, size=n_docs),
        np.where(clicked, np.floor(rng.lognormal(2, 2, size=n_docs)), 0),
        np.where(clicked, np.floor(rng.lognormal(3, 2, size=n_docs)), 0),
        np.where(clicked, np.round(rng.lognormal(3, 1.5, size=n_docs), 6), 0),
    ]
