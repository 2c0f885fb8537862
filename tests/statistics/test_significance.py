"""rankkit.statistics.significance beside scipy and slow oracles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.statistics.bootstrap import bootstrap_means
from rankkit.statistics.letters import compact_letters
from rankkit.statistics.significance import (
    bca_interval,
    compare_pair,
    correct,
    effect_size,
    p_matrix,
    paired_t_p,
    sign_flip_p,
    win_tie_loss,
)
from tests.oracles import significance as oracle


def values_of(n_queries=60, n_systems=4, seed=0):
    generator = np.random.default_rng(seed)
    quality = generator.normal(0.5, 0.2, (n_queries, 1)) + generator.normal(0, 0.1, (n_queries, n_systems))
    return np.clip(quality + 0.01 * np.arange(n_systems), 0, 1)


def test_paired_t_is_scipys():
    values = values_of()
    ours = p_matrix(values)
    for i in range(4):
        for j in range(4):
            if i != j:
                assert ours[i, j] == pytest.approx(stats.ttest_rel(values[:, i], values[:, j]).pvalue, rel=1e-12)
    assert (np.diag(ours) == 1).all()


def test_paired_t_of_differences_that_are_all_equal():
    assert paired_t_p(np.zeros(5)) == 1
    assert paired_t_p(np.full(5, 0.25)) == 0


@given(st.lists(st.integers(-4, 4), min_size=2, max_size=9))
@settings(max_examples=25, deadline=None)
def test_randomization_nears_the_p_of_all_choices_of_signs(deltas):
    """Small whole differences, so that many choices give the very same sum."""
    exact = oracle.sign_flip_p(deltas)
    n_resamples = 20_000
    deviation = np.sqrt(exact * (1 - exact) / n_resamples)
    assert sign_flip_p(np.array(deltas) / 8, n_resamples=n_resamples) == pytest.approx(
        exact, abs=5 * deviation + 1 / n_resamples
    )


def test_randomization_is_scipys_up_to_chance():
    deltas = np.random.default_rng(3).normal(0.15, 1, 100)
    theirs = stats.permutation_test(
        (deltas,), np.sum, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(0)
    )
    assert sign_flip_p(deltas, n_resamples=20_000) == pytest.approx(theirs.pvalue, abs=0.015)


def test_randomization_of_all_pairs_is_that_of_each_pair():
    values = values_of()
    matrix = p_matrix(values, test="randomization", n_resamples=500, seed=5)
    for i in range(4):
        for j in range(i + 1, 4):
            assert matrix[i, j] == matrix[j, i] == sign_flip_p(values[:, i] - values[:, j], n_resamples=500, seed=5)


def test_randomization_p_is_never_zero_and_does_not_depend_on_the_scale():
    deltas = np.full(40, 0.3)
    assert sign_flip_p(deltas, n_resamples=999) == 1 / 1000
    noisy = np.random.default_rng(0).normal(0.1, 1, 50)
    assert sign_flip_p(noisy, seed=1) == sign_flip_p(noisy * 1e-6, seed=1) == sign_flip_p(-noisy, seed=1)
    assert sign_flip_p(noisy, seed=1) != sign_flip_p(noisy, seed=2)


@pytest.mark.parametrize("test", ["paired-t", "randomization"])
def test_true_hypotheses_are_rejected_at_the_stated_rate(test):
    """1,000 pairs of systems that differ by chance alone, skewed values as NDCG has them: about 5% below 0.05."""
    generator = np.random.default_rng(11)
    rejected = 0
    for _ in range(1000):
        values = generator.beta(0.6, 0.6, (50, 1)) * generator.beta(3, 1, (50, 2))
        rejected += p_matrix(values, test=test, n_resamples=400)[0, 1] <= 0.05
    # The 99.9% range of a binomial count with 1,000 draws of 0.05.
    low, high = stats.binom.ppf([0.0005, 0.9995], 1000, 0.05)
    assert low <= rejected <= high


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_its_steps(p):
    assert correct(p).tolist() == oracle.holm(p)


def test_corrections():
    p = [0.01, 0.04, 0.03, 0.5]
    assert correct(p, "bonferroni").tolist() == [0.04, 0.16, 0.12, 1.0]
    assert correct(p, "holm").tolist() == [0.04, 3 * 0.03, 3 * 0.03, 0.5]
    assert correct(p, "none").tolist() == p
    assert (correct(p, "holm") <= correct(p, "bonferroni")).all()


def test_bca_is_scipys_on_the_same_resamples():
    values = np.random.default_rng(2).beta(0.5, 1.5, 70)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="BCa", rng=np.random.default_rng(0), vectorized=True
    )
    ours = bca_interval(values, theirs.bootstrap_distribution)
    assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=1e-9)


def test_bca_of_our_own_resamples_leans_with_the_skew():
    values = np.random.default_rng(2).exponential(size=40)
    means = bootstrap_means(values[:, None], n_resamples=5000)[:, 0]
    low, high = bca_interval(values, means)
    percentile = np.quantile(means, [0.025, 0.975])
    assert low > percentile[0]
    assert high > percentile[1]


def test_of_very_many_queries_groups_are_drawn_which_vary_as_much(monkeypatch):
    values = np.random.default_rng(3).exponential(size=(6000, 2))
    values[::3, 1] = np.nan
    single = bootstrap_means(values, n_resamples=4000)
    monkeypatch.setattr("rankkit.statistics.bootstrap.MOST_UNITS", 500)
    drawn = []
    monkeypatch.setattr("rankkit.statistics.bootstrap.np.bincount", count_draws(drawn))
    grouped = bootstrap_means(values, n_resamples=4000)
    assert max(drawn) <= 4000 * 500
    np.testing.assert_allclose(grouped.mean(axis=0), np.nanmean(values, axis=0), rtol=0.002)
    np.testing.assert_allclose(grouped.std(axis=0), single.std(axis=0), rtol=0.12)


def count_draws(drawn):
    whole = np.bincount

    def counted(places, *args, **options):
        drawn.append(len(places))
        return whole(places, *args, **options)

    return counted


def test_bca_at_the_edges():
    assert bca_interval(np.full(5, 0.3), np.full(100, 0.3)) == pytest.approx((0.3, 0.3))
    assert np.isnan(bca_interval([np.nan], [np.nan])).all()
    one_sided = bca_interval([0.0, 0.0, 1.0], np.full(100, 0.9))
    assert one_sided == pytest.approx((0.9, 0.9))


def test_effect_size_and_win_tie_loss():
    deltas = np.array([0.2, -0.1, 0.0, 1e-12, 0.3])
    assert effect_size(deltas) == deltas.mean() / deltas.std(ddof=1)
    assert str(win_tie_loss(deltas)) == "2/2/1"
    assert str(win_tie_loss(deltas, epsilon=0.1)) == "2/3/0"
    assert effect_size(np.zeros(3)) == 0
    assert effect_size(np.full(3, -0.5)) == -np.inf


def test_a_pair_by_name():
    values = values_of()
    pair = compare_pair(values[:, 3], values[:, 0])
    assert pair.delta == pytest.approx((values[:, 3] - values[:, 0]).mean())
    assert pair.p == pytest.approx(stats.ttest_rel(values[:, 3], values[:, 0]).pvalue, rel=1e-12)
    assert pair.n_queries == 60
    assert pair.test == "paired-t"
    t = pair.effect_size * np.sqrt(pair.n_queries)
    assert t == pytest.approx(stats.ttest_rel(values[:, 3], values[:, 0]).statistic)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: compare_pair([1.0, 2.0], [1.0]), ShapeError, "one value a query"),
        (lambda: compare_pair([1.0], [1.0]), DataError, "at least 2 queries"),
        (lambda: compare_pair([1.0, np.nan], [1.0, 2.0]), DataError, "got NaN"),
        (lambda: p_matrix(values_of(), test="wilcoxon"), ConfigError, "Known: paired-t, randomization"),
        (lambda: p_matrix(values_of(), test="randomization", n_resamples=0), ConfigError, "at least 1"),
        (lambda: correct([0.1], "holms"), ConfigError, "Did you mean 'holm'"),
        (lambda: p_matrix([1.0, 2.0]), ShapeError, "query, system"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message):
        call()


@given(st.integers(1, 9), st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_systems_share_a_letter_where_they_do_not_differ(n_systems, seed, density):
    generator = np.random.default_rng(seed)
    upper = np.triu(generator.random((n_systems, n_systems)) < density, 1)
    different = upper | upper.T
    order = generator.permutation(n_systems).tolist()
    letters = compact_letters(order, different)
    assert oracle.letters_agree(letters, different)
    assert all(letters)
    assert "a" in letters[order[0]]
