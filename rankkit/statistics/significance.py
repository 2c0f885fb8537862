"""Is one system better than another? Tests on paired per-query values, corrections, intervals, effect sizes.

Everything here takes the values of a metric a query, of systems that ranked the same queries. Values of several seeds
are averaged within a query first (the test is about queries, not about seeds), and the queries of several folds stand
in one sample: five folds are not five independent tests.

References:
    Smucker, Allan and Carterette, *A Comparison of Statistical Significance Tests for Information Retrieval
    Evaluation*, CIKM 2007. Ihemelandu and Ekstrand, *Inference at Scale: Significance Testing for Large Search and
    Recommendation Experiments*, SIGIR 2023: with many queries nearly every difference is significant, so report its
    size.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rankkit.errors import ConfigError, DataError, ShapeError, did_you_mean

Floats = NDArray[np.float64]
Test = Literal["paired-t", "randomization"]
Correction = Literal["holm", "bonferroni", "none"]

EPSILON = 1e-9
"""Differences up to this count as ties: rounding, not ranking."""

_AT_ONCE = 512
"""Groups of eight queries whose signs are drawn at one time."""


@dataclass(frozen=True)
class WinTieLoss:
    """On how many queries the first of two systems is better, as good and worse.

    Args:
        wins: Queries with a difference above epsilon.
        ties: Queries with a difference of at most epsilon either way.
        losses: Queries with a difference below minus epsilon.
        epsilon: The greatest difference that counts as none.
    """

    wins: int
    ties: int
    losses: int
    epsilon: float = EPSILON

    def __str__(self) -> str:
        return f"{self.wins}/{self.ties}/{self.losses}"


@dataclass(frozen=True)
class Comparison:
    """One system against another on the same queries.

    Args:
        delta: Mean over queries of the first minus the second.
        effect_size: :func:`effect_size` of the differences.
        p: Two-sided, not corrected for other comparisons.
        test: What gave p.
        win_tie_loss: Of the first against the second.
        n_queries: How many queries both ranked.
    """

    delta: float
    effect_size: float
    p: float
    test: Test
    win_tie_loss: WinTieLoss
    n_queries: int


def compare_pair(
    first: ArrayLike,
    second: ArrayLike,
    *,
    test: Test = "paired-t",
    n_resamples: int = 10_000,
    seed: int = 0,
    epsilon: float = EPSILON,
) -> Comparison:
    """Test one system against another on the values of the same queries.

    >>> compare_pair([0.5, 0.7, 0.9, 0.4], [0.4, 0.5, 0.6, 0.4]).win_tie_loss
    WinTieLoss(wins=3, ties=1, losses=0, epsilon=1e-09)

    Args:
        first: ``[query]``, a metric of the first system.
        second: ``[query]``, the same metric of the second, in the same order of queries.
        test: ``"paired-t"`` or ``"randomization"`` (:func:`sign_flip_p`).
        n_resamples: Of the randomization test.
        seed: Of the randomization test.
        epsilon: The greatest difference that counts as a tie; it changes only the counts.

    Raises:
        ShapeError: If the two are not one value a query each.
        DataError: If there are fewer than 2 queries, or a value is no number.
        ConfigError: If the test is unknown.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ShapeError(
            f"compare_pair: expected one value a query of each system; got {a.shape} and {b.shape}. Align them by qid."
        )
    p = p_matrix(np.stack([a, b], axis=1), test=test, n_resamples=n_resamples, seed=seed)[0, 1]
    deltas = a - b
    return Comparison(
        float(deltas.mean()), effect_size(deltas), float(p), test, win_tie_loss(deltas, epsilon), len(deltas)
    )


def p_matrix(
    values: ArrayLike, *, test: Test = "paired-t", n_resamples: int = 10_000, seed: int = 0
) -> NDArray[np.float64]:
    """Two-sided p of each pair of systems, not corrected.

    Args:
        values: ``[query, system]``.
        test: ``"paired-t"`` or ``"randomization"``.
        n_resamples: Of the randomization test.
        seed: Of the randomization test, whose signs all pairs share.

    Returns:
        ``[system, system]``, symmetric, 1 on the diagonal.

    Raises:
        DataError: If there are fewer than 2 queries, or a value is no number.
        ConfigError: If the test is unknown.
    """
    if test not in get_args(Test):
        raise ConfigError(f"test: expected the name of one; got {test!r}. {did_you_mean(str(test), get_args(Test))}")
    table = _checked(values)
    if test == "randomization":
        return _sign_flip_matrix(table, n_resamples, seed)
    n_systems = table.shape[1]
    matrix = np.ones((n_systems, n_systems))
    for column in range(n_systems):
        matrix[column] = paired_t_p(table[:, column, None] - table)
    return matrix


def paired_t_p(deltas: ArrayLike) -> Floats:
    r"""Two-sided p of Student's paired t test: is the mean difference zero?

    .. math:: t = \bar d \, / \, (s_d / \sqrt n), \quad n - 1 \text{ degrees of freedom}

    Differences that are all equal have p 1 where they are zero and 0 elsewhere.

    Args:
        deltas: ``[query]`` or ``[query, comparison]``.

    Returns:
        ``[]`` or ``[comparison]``.

    References:
        Student, *The Probable Error of a Mean*, Biometrika 1908.
    """
    from scipy.special import stdtr

    differences = np.asarray(deltas, np.float64)
    n = len(differences)
    means = differences.mean(axis=0)
    deviations = differences.std(axis=0, ddof=1)
    # Equal differences have a deviation of rounding only, which is no evidence either way.
    constant = np.ptp(differences, axis=0) == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        t = means / (deviations / np.sqrt(n))
    p = np.asarray(2 * stdtr(n - 1, -np.abs(t)))
    return np.where(constant, (differences[0] == 0).astype(np.float64), p)


def sign_flip_p(deltas: ArrayLike, *, n_resamples: int = 10_000, seed: int = 0) -> float:
    r"""Two-sided p of the paired randomization test: are the two systems exchangeable on every query?

    Under that hypothesis each difference is as likely to have the other sign, so the sum of the differences is
    compared with its values under m random choices of signs:

    .. math:: p = \frac{b + 1}{m + 1}, \quad
        b = \#\Big\{r \le m : \Big|\sum_i \epsilon_{ri} d_i\Big| \ge \Big|\sum_i d_i\Big|\Big\}

    p is never 0, and at most the stated rate of true hypotheses is rejected, whatever m.

    >>> sign_flip_p([1.0, 1.0, 1.0], n_resamples=999)  # 2 of the 8 choices of signs are as extreme: p near 1/4
    0.28

    Args:
        deltas: ``[query]``.
        n_resamples: m, how many choices of signs to draw.
        seed: Of the draws.

    Raises:
        DataError: If there are fewer than 2 queries, or a value is no number.

    References:
        Fisher, *The Design of Experiments*, 1935. Phipson and Smyth, *Permutation P-values Should Never Be Zero*,
        2010, for the two ones.
    """
    differences = np.asarray(deltas, np.float64)[:, None]
    return float(
        _sign_flip_matrix(_checked(np.hstack([differences, np.zeros_like(differences)])), n_resamples, seed)[0, 1]
    )


def effect_size(deltas: ArrayLike) -> float:
    r"""Standardised mean difference of paired values: how many standard deviations of the differences the mean is.

    .. math:: d_z = \bar d / s_d, \quad s_d^2 = \sum_i (d_i - \bar d)^2 / (n - 1)

    It does not grow with the number of queries, as t = d_z * sqrt(n) does. 0 where all differences are zero, infinite
    where they are all equal and not zero.

    >>> effect_size([1.0, 2.0, 3.0])
    2.0

    References:
        Cohen, *Statistical Power Analysis for the Behavioral Sciences*, 1988, section 2.3.5 (d' of matched pairs).
    """
    differences = np.asarray(deltas, np.float64)
    if np.ptp(differences) == 0:
        return float(np.sign(differences[0]) * np.inf) if differences[0] else 0.0
    return float(differences.mean() / differences.std(ddof=1))


def win_tie_loss(deltas: ArrayLike, epsilon: float = EPSILON) -> WinTieLoss:
    """Count the queries on which the first system is better, as good (within epsilon) and worse."""
    differences = np.asarray(deltas, np.float64)
    wins, losses = int((differences > epsilon).sum()), int((differences < -epsilon).sum())
    return WinTieLoss(wins, differences.size - wins - losses, losses, epsilon)


def correct(p: ArrayLike, correction: Correction = "holm") -> Floats:
    r"""Correct the p values of one family of comparisons, so that the chance of any false finding stays bounded.

    With the m values in rising order, Holm and Bonferroni give

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min\big(1, (m - j + 1)\, p_{(j)}\big), \quad
        \tilde p_i = \min(1, m\, p_i)

    Holm rejects whatever Bonferroni does, and asks for as little.

    >>> correct([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]

    Args:
        p: ``[comparison]``, the whole family.
        correction: ``"holm"``, ``"bonferroni"`` or ``"none"``.

    Raises:
        ConfigError: If the correction is unknown.

    References:
        Holm, *A Simple Sequentially Rejective Multiple Test Procedure*, Scandinavian Journal of Statistics 1979.
    """
    raw = np.asarray(p, np.float64)
    if correction not in get_args(Correction):
        known = get_args(Correction)
        raise ConfigError(
            f"correction: expected the name of one; got {correction!r}. {did_you_mean(str(correction), known)}"
        )
    if correction == "none" or not raw.size:
        return raw.copy()
    if correction == "bonferroni":
        return np.minimum(1.0, raw * raw.size)
    rising = np.argsort(raw, kind="stable")
    stepped = np.minimum(1.0, raw[rising] * np.arange(raw.size, 0, -1))
    corrected = np.empty_like(raw)
    corrected[rising] = np.maximum.accumulate(stepped)
    return corrected


def bca_interval(values: ArrayLike, means: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    r"""Bias-corrected and accelerated bootstrap interval of a mean, from its bootstrap distribution.

    The bounds are quantiles of the resampled means, as in the percentile interval, at shares moved by the bias
    :math:`z_0 = \Phi^{-1}(\#\{\bar x^* < \bar x\} / m)`, ties counting half, and by the acceleration of the mean:

    .. math:: \alpha = \Phi\Big(z_0 + \frac{z_0 + z}{1 - a (z_0 + z)}\Big), \quad
        a = \frac{\sum_i (x_i - \bar x)^3}{6 \big(\sum_i (x_i - \bar x)^2\big)^{3/2}}

    Args:
        values: ``[query]``; NaN is left out.
        means: ``[resample]``, means of resamples of them: a column of what ``bootstrap_means`` gives.
        confidence: Share of intervals that are to hold the true mean.

    Returns:
        Low and high; both the mean where all values are equal, NaN where there are none.

    References:
        Efron, *Better Bootstrap Confidence Intervals*, JASA 1987, equations 2.3 and 6.6.
    """
    from scipy.special import ndtr, ndtri

    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    resampled = np.asarray(means, np.float64)
    resampled = resampled[~np.isnan(resampled)]
    if not known.size or not resampled.size:
        return float("nan"), float("nan")
    mean = known.mean()
    if np.ptp(known) == 0:
        return float(mean), float(mean)
    below = ((resampled < mean).mean() + (resampled <= mean).mean()) / 2
    # With few resamples all may lie on one side, where the bias would be infinite.
    half = 0.5 / resampled.size
    bias = ndtri(np.clip(below, half, 1 - half))
    centred = known - mean
    acceleration = (centred**3).sum() / (6 * (centred**2).sum() ** 1.5)
    z = bias + ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    low, high = np.quantile(resampled, ndtr(bias + z / (1 - acceleration * z)))
    return float(low), float(high)


def _checked(values: ArrayLike) -> Floats:
    table = np.asarray(values, np.float64)
    if table.ndim != 2:
        raise ShapeError(f"significance: expected values [query, system]; got shape {table.shape}. Stack the systems.")
    if len(table) < 2:
        raise DataError(
            f"significance: expected at least 2 queries; got {len(table)}. One query says nothing about others."
        )
    if not np.isfinite(table).all():
        raise DataError(
            "significance: expected a number for each query; got NaN or infinity. "
            "Leave queries out that have no value, as Evaluation.counted does."
        )
    return table


def _sign_flip_matrix(table: Floats, n_resamples: int, seed: int) -> Floats:
    """All pairs at once: with shared signs, the sum of differences is the difference of the sums."""
    if n_resamples < 1:
        raise ConfigError(f"n_resamples: expected at least 1; got {n_resamples}. Pass 10000.")
    # The mean of the systems cancels in every difference; without it the sums are small and their rounding too.
    centred = table - table.mean(axis=1, keepdims=True)
    sums = _flipped_sums(centred, n_resamples, np.random.default_rng(seed))
    observed = centred.sum(axis=0)
    scale = np.abs(centred).sum(axis=0)
    n_systems = table.shape[1]
    matrix = np.ones((n_systems, n_systems))
    for i in range(n_systems):
        for j in range(i + 1, n_systems):
            # As extreme up to rounding: else draws that give the very same sum would be missed by the last bit.
            least = abs(observed[i] - observed[j]) - 1e-12 * (scale[i] + scale[j])
            n_extreme = int((np.abs(sums[:, i] - sums[:, j]) >= least).sum())
            matrix[i, j] = matrix[j, i] = (n_extreme + 1) / (n_resamples + 1)
    return matrix


def _flipped_sums(values: Floats, n_resamples: int, generator: np.random.Generator) -> Floats:
    """Sums over queries of values with random signs, ``[resample, column]``.

    Eight queries at a time: one random byte holds their signs and is looked up among the 256 sums that they can have.
    """
    n_queries, n_columns = values.shape
    n_groups = -(-n_queries // 8)
    padded = np.zeros((8 * n_groups, n_columns))
    padded[:n_queries] = values
    grouped = padded.reshape(n_groups, 8, n_columns)
    signs = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    sums = np.zeros((n_resamples, n_columns))
    for start in range(0, n_groups, _AT_ONCE):
        block = grouped[start : start + _AT_ONCE]
        drawn = generator.integers(256, size=(len(block), n_resamples), dtype=np.uint8)
        for group, bytes_of_group in zip(block, drawn, strict=True):
            sums += (signs @ group)[bytes_of_group]
    return sums
