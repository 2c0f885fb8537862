"""distill(): a small scorer learns what a large one says of queries that it was not trained on."""

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.merging import merge
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.text_ids import id_texts
from rankkit.data.views import fold_of_queries
from rankkit.errors import ConfigError, DataError, check_given
from rankkit.evaluation.matching import matched
from rankkit.evaluation.teaching import pseudo_labels
from rankkit.files.atomic import write_bytes
from rankkit.training.fitting import fit
from rankkit.training.history import History

_LEAST = 1e-30  # of a chance, so that its logarithm is a number
SHARE = 0.5
COPIES = 3
CORRUPTION = 0.1
N_FOLDS = 5


def out_of_fold_scores(
    build: Callable[[RankingDataset], Any],
    objective: Any,
    train: RankingDataset,
    valid: RankingDataset | None = None,
    *,
    n_folds: int = N_FOLDS,
    seed: int = 0,
    each: Callable[[int, History], None] | None = None,
    about: str = "",
    kept: str | Path | None = None,
    resume: bool = False,
    **training: Any,
) -> NDArray[np.float32]:
    """Scores of training documents by scorers that have not seen their queries.

    The queries are dealt into folds; for each a scorer is trained on the others, and scores it. What a scorer says of
    its own training documents is mostly what their labels say; this is what it would say of new ones. To distil from,
    to stack, or to calibrate.

    Args:
        build: Makes a scorer with fresh weights for training data, as ``rk.LightGBM.for_data``.
        objective: As of :func:`rankkit.fit`.
        train: The training data.
        valid: Labelled validation data, on which each of the scorers is chosen.
        n_folds: How many, from 2.
        seed: Of the folds and of each training.
        each: Called with the number of the fold, from 1, and the course of its training.
        about: What else the scores belong to, such as the options of the scorer: of others none are taken up.
        kept: A file for the scores of the folds that are done, or None.
        resume: Train only those that this file does not hold yet.
        **training: Options of :func:`rankkit.fit`.

    Returns:
        float32 ``[doc]``.

    Raises:
        ConfigError: If there are fewer than 2 folds, or the file holds scores of other data or folds.
        DataError: If there are fewer queries than folds.

    Example:
        >>> import rankkit as rk
        >>> train = rk.make_ranking(20, seed=0)
        >>> out_of_fold_scores(rk.LinearScorer.for_data, "ranknet", train, n_folds=2, epochs=1).shape == (train.n_docs,)
        True
    """
    check_given("out_of_fold_scores", "train", train, RankingDataset)
    if valid is not None:
        check_given("out_of_fold_scores", "valid", valid, RankingDataset)
    if not isinstance(n_folds, int) or isinstance(n_folds, bool) or n_folds < 2:
        raise ConfigError(f"out_of_fold_scores: expected n_folds of at least 2; got {n_folds!r}. Pass 5.")
    if train.n_queries < n_folds:
        raise DataError(
            f"out_of_fold_scores: expected a query a fold or more; got {train.n_queries} for {n_folds} folds. "
            "Lower n_folds."
        )
    folds = fold_of_queries(train.n_queries, n_folds, seed)
    of_docs = np.repeat(folds, train.list_sizes)
    parts = (train.fingerprint, "" if valid is None else valid.fingerprint, n_folds, seed, about)
    identity = " ".join(map(str, parts))
    scores, n_done = _kept_scores(kept, identity) if resume and kept is not None else (None, 0)
    scores = np.zeros(train.n_docs, np.float32) if scores is None else scores
    for fold in range(n_done, n_folds):
        learnt = train.select(folds != fold)
        scorer = build(learnt)
        history = fit(scorer, objective, learnt, valid, seed=seed, **training)
        scores[of_docs == fold] = pseudo_labels(scorer, train.select(folds == fold)).labels
        if kept is not None:
            buffer = io.BytesIO()
            np.savez(buffer, scores=scores, n_done=fold + 1, identity=identity)
            write_bytes(kept, buffer.getvalue())
        if each is not None:
            each(fold + 1, history)
    return scores


def _kept_scores(kept: str | Path, identity: str) -> tuple[NDArray[np.float32] | None, int]:
    """The scores of the folds that are done, and how many these are."""
    path = Path(kept)
    if not path.is_file():
        return None, 0
    try:
        with np.load(path, allow_pickle=False) as found:
            of, scores, n_done = str(found["identity"]), np.array(found["scores"], np.float32), int(found["n_done"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ConfigError(
            f"{path}: expected scores that were kept; got a damaged file ({error}). Begin anew in another folder."
        ) from error
    if of != identity:
        raise ConfigError(
            f"{path}: expected scores by this teacher of these documents and folds; got those of others. "
            "Choose another folder, or begin anew."
        )
    return scores, n_done


def taught(
    data: RankingDataset, scores: NDArray[np.floating[Any]], *, share: float = SHARE, temperature: float = 1.0
) -> RankingDataset:
    r"""The documents with labels from which :func:`rankkit.kl_distillation_loss` learns a teacher and the true labels.

    .. math:: y'_i = \log p_i, \quad p_i = \alpha \frac{e^{t_i / T}}{\sum_j e^{t_j / T}}
        + (1 - \alpha) \frac{y_i}{\sum_j y_j}

    t are the scores of the teacher, y the labels. A query without a label above 0, or without labels, is the teacher's.

    Args:
        data: The documents.
        scores: ``[doc]``, the teacher's.
        share: Of the teacher, alpha.
        temperature: T.

    Raises:
        ConfigError: If one is out of range.

    Example:
        >>> from rankkit.data.synthetic import make_ranking
        >>> data = make_ranking(3, seed=0)
        >>> labels = taught(data, np.zeros(data.n_docs), share=1.0)[0].labels
        >>> bool(np.allclose(np.exp(labels), 1 / len(labels)))
        True
    """
    check_distilling(share, temperature)
    queries = np.repeat(np.arange(data.n_queries), data.list_sizes)
    teacher = _chances(np.asarray(scores, np.float64) / temperature, queries, data.n_queries)
    labels = np.zeros(data.n_docs) if data.labels is None else np.asarray(data.labels, np.float64)
    sums = np.bincount(queries, labels, minlength=data.n_queries)[queries]
    known = sums > 0
    own = np.where(known, labels / np.where(known, sums, 1.0), teacher)
    mixed = share * teacher + (1 - share) * own
    return replace(data, labels=np.log(np.maximum(mixed, _LEAST)).astype(np.float32))


def corrupted(data: RankingDataset, corruption: float, seed: int) -> RankingDataset:
    """Documents like those of a data set, without labels: some of their columns are those of others.

    Each column of each document is replaced, with the probability ``corruption``, by that of a document drawn at
    random; columns of one number or of several, such as an embedding, as a whole. Columns of the query stay.

    Args:
        data: The documents; they stay as they are.
        corruption: From above 0 to below 1.
        seed: Of what is drawn.

    Example:
        >>> from rankkit.data.synthetic import make_ranking
        >>> data = make_ranking(20, n_features=4, seed=0)
        >>> kept = (corrupted(data, 0.25, seed=0).features == data.features).mean()
        >>> bool(0.65 < kept < 0.85)
        True
    """
    rng = np.random.default_rng(seed)
    features = np.array(data.features)
    spans = [slice(place, place + 1) for place in range(data.n_features)]
    if data.schema is not None:
        spans = [data.schema.spans[column.name] for column in data.schema.on_side("document")]
    for span in spans:
        rows = np.flatnonzero(rng.random(data.n_docs) < corruption)
        features[rows, span] = data.features[rng.integers(0, data.n_docs, len(rows)), span]
    return replace(data, features=features, labels=None)


def check_distilling(share: float, temperature: float, copies: int = 0, corruption: float = CORRUPTION) -> None:
    """Raise ConfigError unless a student can be taught so."""
    if not isinstance(copies, int) or isinstance(copies, bool) or copies < 0:
        raise ConfigError(f"distill: expected copies of at least 0; got {copies!r}. Pass copies=3.")
    if copies and not 0 < corruption < 1:
        raise ConfigError(f"distill: expected a corruption between 0 and 1; got {corruption!r}. Pass corruption=0.1.")
    if not 0 < share <= 1:
        raise ConfigError(f"distill: expected a share above 0, up to 1; got {share!r}. Pass share=0.5.")
    if not 0 < temperature < np.inf:
        raise ConfigError(f"distill: expected a temperature above 0; got {temperature!r}. Pass temperature=1.")


def distill(
    student: Any,
    teacher: Any,
    train: RankingDataset,
    valid: RankingDataset | None = None,
    *,
    scores: NDArray[np.floating[Any]],
    unlabelled: Sequence[RankingDataset] = (),
    copies: int = COPIES,
    corruption: float = CORRUPTION,
    share: float = SHARE,
    temperature: float = 1.0,
    seed: int = 0,
    **training: Any,
) -> History:
    """Train a small scorer on what a large one says, together with the labels.

    The student learns :func:`taught` by :func:`rankkit.kl_distillation_loss`; of queries without labels it learns the
    teacher alone. So it does of made-up queries, :func:`corrupted` copies of the training data, of which the teacher
    may be asked as often as one likes. A copy weighs what its query does; data without weights beside data that has
    some weighs 1. The best epoch is that of the true labels of the validation data.

    Args:
        student: A scorer with fresh weights; trained in place.
        teacher: The trained scorer, for ``unlabelled``.
        train: Its training data.
        valid: Labelled validation data.
        scores: ``[doc]``, what the teacher says of the training documents, of queries it has not seen: see
            :func:`out_of_fold_scores`. What it says of its own training documents teaches little.
        unlabelled: More documents of queries; labels are not looked at.
        copies: How many times the training data is made up anew.
        corruption: As of :func:`corrupted`.
        share: As of :func:`taught`.
        temperature: As of :func:`taught`.
        seed: Of what is made up, and of the training.
        **training: Options of :func:`rankkit.fit`.

    Returns:
        The course of the run.

    Raises:
        ConfigError: If a share or a number is out of range.
        DataError: If there is another number of scores than training documents.

    References:
        Bucila, Caruana, Niculescu-Mizil, *Model Compression*, KDD 2006, who make data up for a student; by other draws.
    """
    check_given("distill", "train", train, RankingDataset)
    if valid is not None:
        check_given("distill", "valid", valid, RankingDataset)
    check_distilling(share, temperature, copies, corruption)
    if getattr(student, "options", {}).get("prior") is not None:
        raise ConfigError(
            "distill: expected a student without prior, which would remember what the teacher says, and of whom; got "
            "one. Build it without."
        )
    if np.shape(scores) != (train.n_docs,):
        raise DataError(
            f"distill: expected {train.n_docs} scores, one a training document; got {np.shape(scores)}. "
            "Pass those of out_of_fold_scores."
        )
    known = matched("distill", student, train)  # in the order and the codes of the student, as all that follows
    data = replace(taught(known, np.asarray(scores), share=share, temperature=temperature), beside={})
    made_up = (corrupted(known, corruption, seed + number) for number in range(copies))
    parts = [data]
    given = (matched("distill", student, more) for more in unlabelled)
    for number, more in enumerate((*given, *made_up)):
        said = pseudo_labels(teacher, more).labels
        alone = taught(replace(more, labels=None), np.asarray(said), share=1.0, temperature=temperature)
        parts.append(_like(data, alone, f"unlabelled {number}"))
    return fit(student, "kl_distillation", merge(parts), valid, seed=seed, **training)


def _like(data: RankingDataset, more: RankingDataset, name: str) -> RankingDataset:
    """Documents with labels, and with as much beside as other data has: weights are theirs, or 1."""
    weights = None
    if data.weights is not None:
        is_weighed = more.weights is not None and more.weights_per == data.weights_per
        n = more.n_queries if data.weights_per == "query" else more.n_docs
        weights = more.weights if is_weighed else np.ones(n, np.float32)
    return replace(
        more,
        qids=id_texts(np.array([f"{name}.{place}" for place in range(more.n_queries)])),
        weights=weights,
        weights_per=data.weights_per,
        doc_ids=None if data.doc_ids is None else id_texts(np.arange(more.n_docs)),
        beside={},
    )


def _chances(scores: NDArray[np.float64], queries: NDArray[np.int64], n_queries: int) -> NDArray[np.float64]:
    """The softmax of the scores of each query."""
    highest = np.full(n_queries, -np.inf)
    np.maximum.at(highest, queries, scores)
    raised = np.exp(scores - highest[queries])
    return np.asarray(raised / np.bincount(queries, raised, minlength=n_queries)[queries])
