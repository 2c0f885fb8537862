"""What the tests say: for each metric a row a system and a matrix of all pairs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rankkit.statistics.bootstrap import bootstrap_means, percentile_intervals
from rankkit.statistics.letters import compact_letters
from rankkit.statistics.significance import (
    WinTieLoss,
    bca_interval,
    correct,
    effect_size,
    p_matrix,
    win_tie_loss,
)

if TYPE_CHECKING:
    from rankkit.comparison.results.outcomes import Outcomes

Floats = NDArray[np.float64]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Standing:
    """One system under one metric.

    Args:
        system: Its name.
        mean: Over queries, of the mean over seeds.
        low: Of the bootstrap interval over queries.
        high: Of the same.
        seed_deviation: Standard deviation over seeds of the mean over queries (n - 1); None with one seed.
        n_seeds: How many seeds.
        letters: Systems that share a letter are not significantly different.
        delta: Mean minus that of the baseline; None for the baseline, as the four that follow.
        effect_size: Standardised mean difference of the paired values.
        p: Of the test against the baseline.
        p_corrected: Of the same, over all comparisons with the baseline.
        win_tie_loss: Of queries, against the baseline.
    """

    system: str
    mean: float
    low: float
    high: float
    seed_deviation: float | None
    n_seeds: int
    letters: str
    delta: float | None = None
    effect_size: float | None = None
    p: float | None = None
    p_corrected: float | None = None
    win_tie_loss: WinTieLoss | None = None


@dataclass(frozen=True, eq=False)
class MetricStandings:
    """All systems under one metric.

    Args:
        metric: Its name.
        rows: A system each, the best mean first.
        systems: Rows and columns of the matrices.
        deltas: Mean of the row's system minus that of the column's.
        effect_sizes: Of the same differences.
        p: Not corrected.
        p_corrected: Over all pairs.
        win_tie_loss: Of the row's system against the column's.
        n_queries: Queries that count.
    """

    metric: str
    rows: tuple[Standing, ...]
    systems: tuple[str, ...]
    deltas: Floats
    effect_sizes: Floats
    p: Floats
    p_corrected: Floats
    win_tie_loss: tuple[tuple[WinTieLoss, ...], ...]
    n_queries: int

    @property
    def n_pairs(self) -> int:
        """How many comparisons the matrix has."""
        return len(self.systems) * (len(self.systems) - 1) // 2


def compute_standings(results: "Outcomes") -> dict[str, MetricStandings]:
    """Means, intervals and tests of all systems of a comparison, for each metric."""
    rules = results.plan.significance
    # One bootstrap for all metrics: they share the draws of queries.
    stacked = np.concatenate([results.values[metric].to_numpy(np.float64) for metric in results.metrics], axis=1)
    resampled = bootstrap_means(stacked, n_resamples=rules.n_resamples, seed=rules.seed)
    standings = {}
    n_systems = len(results.systems)
    for place, metric in enumerate(results.metrics):
        columns = slice(place * n_systems, (place + 1) * n_systems)
        standings[metric] = _of_metric(results, metric, resampled[:, columns])
    return standings


def _of_metric(results: "Outcomes", metric: str, resampled: Floats) -> MetricStandings:
    rules, systems = results.plan.significance, results.systems
    table = results.values[metric].to_numpy(np.float64)
    # Whether a query counts depends on its labels, so it is left out for all systems or for none.
    kept = table[~np.isnan(table).any(axis=1)]
    if rules.interval == "bca":
        bounds = np.array([bca_interval(kept[:, i], resampled[:, i], CONFIDENCE) for i in range(len(systems))]).T
    else:
        bounds = percentile_intervals(resampled, CONFIDENCE)
    p = p_matrix(kept, test=rules.test, n_resamples=rules.n_resamples, seed=rules.seed)
    upper = np.triu_indices(len(systems), 1)
    p_corrected = np.ones_like(p)
    p_corrected[upper] = correct(p[upper], rules.correction)
    p_corrected.T[upper] = p_corrected[upper]
    means = kept.mean(axis=0)
    order = sorted(range(len(systems)), key=lambda i: (-means[i], i))
    letters = compact_letters(order, p_corrected <= rules.alpha)
    against = _against_baseline(results, kept, p)
    rows = tuple(
        Standing(
            systems[i],
            float(means[i]),
            float(bounds[0, i]),
            float(bounds[1, i]),
            *_over_seeds(results.by_seed[metric][systems[i]]),
            letters[i],
            **against[i],
        )
        for i in order
    )
    n = range(len(systems))
    return MetricStandings(
        metric=metric,
        rows=rows,
        systems=systems,
        deltas=np.array([[(kept[:, i] - kept[:, j]).mean() for j in n] for i in n]),
        effect_sizes=np.array([[effect_size(kept[:, i] - kept[:, j]) for j in n] for i in n]),
        p=p,
        p_corrected=p_corrected,
        win_tie_loss=tuple(tuple(win_tie_loss(kept[:, i] - kept[:, j], rules.epsilon) for j in n) for i in n),
        n_queries=len(kept),
    )


def _over_seeds(values: Floats) -> tuple[float | None, int]:
    """Standard deviation of the means of the seeds, and how many there are."""
    means = np.nanmean(values, axis=0)
    return (float(means.std(ddof=1)) if len(means) > 1 else None), len(means)


def _against_baseline(results: "Outcomes", kept: Floats, p: Floats) -> list[dict[str, Any]]:
    """Delta, effect size, p, corrected p and win/tie/loss of each system; nothing for the baseline itself."""
    rules, systems = results.plan.significance, results.systems
    if results.plan.baseline not in systems:
        return [{} for _ in systems]
    base = systems.index(results.plan.baseline)
    others = [i for i in range(len(systems)) if i != base]
    corrected = dict(zip(others, correct(p[others, base], rules.correction).tolist(), strict=True))
    paired = {i: kept[:, i] - kept[:, base] for i in others}
    return [
        {}
        if i == base
        else {
            "delta": float(paired[i].mean()),
            "effect_size": effect_size(paired[i]),
            "p": float(p[i, base]),
            "p_corrected": corrected[i],
            "win_tie_loss": win_tie_loss(paired[i], rules.epsilon),
        }
        for i in range(len(systems))
    ]
