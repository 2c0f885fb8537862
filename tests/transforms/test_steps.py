"""Each step against a slow NumPy computation of its definition."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rankkit.transforms import Transform
from rankkit.transforms.quantiles import bin_edges

OFFSETS = np.array([0, 3, 3, 4, 10])

matrices = hnp.arrays(
    np.float32,
    st.tuples(st.just(10), st.integers(1, 4)),
    elements=st.floats(-1000, 1000, width=32).map(lambda x: round(x, 3))
    | st.sampled_from([0.0, 0.0, 1.0, float("nan")]),
)


def apply(spec, train, rows=None, offsets=OFFSETS):
    rows = train if rows is None else rows
    transform = Transform(spec, train.shape[1])
    transform.fit(train, OFFSETS)
    return transform(torch.from_numpy(rows), torch.from_numpy(offsets)).numpy()


def by_column(values, function):
    """Apply a function of the finite training values to each column, with 0 for missing ones."""
    columns = []
    for column in values.astype(np.float64).T:
        known = column[np.isfinite(column)]
        out = function(column, known) if len(known) and known.min() < known.max() else 0 * column
        columns.append(np.where(np.isnan(column), 0, out))
    return np.stack(columns, axis=1)


@given(matrices)
def test_standardize_is_the_z_score(values):
    expected = by_column(values, lambda x, known: np.clip((x - known.mean()) / known.std(), -10, 10))
    np.testing.assert_allclose(apply("standardize", values), expected, rtol=1e-4, atol=1e-4)


@given(matrices)
def test_minmax_is_the_place_in_the_training_range(values):
    expected = by_column(values, lambda x, known: (x - known.min()) / (known.max() - known.min()))
    np.testing.assert_allclose(apply("minmax", values), expected, atol=1e-5)


@given(matrices)
def test_log1p_keeps_the_sign(values):
    expected = np.where(np.isnan(values), 0, np.sign(values) * np.log1p(np.abs(values)))
    np.testing.assert_allclose(apply("log1p", values), expected, rtol=1e-6)


@given(matrices)
def test_a_chain_fits_each_step_on_what_the_one_before_gives(values):
    logs = np.sign(values) * np.log1p(np.abs(values))
    expected = by_column(logs, lambda x, known: np.clip((x - known.mean()) / known.std(), -10, 10))
    np.testing.assert_allclose(apply("log1p+standardize", values), expected, rtol=1e-4, atol=1e-4)


def within_queries(values, function):
    out = np.zeros(values.shape)
    for start, stop in pairwise(OFFSETS):
        for column in range(values.shape[1]):
            x = values[start:stop, column].astype(np.float64)
            known = x[~np.isnan(x)]
            if len(known) and known.max() - known.min() > 1e-4:
                out[start:stop, column] = np.where(np.isnan(x), 0, function(x, known))
    return out


coarse = matrices.map(lambda values: np.round(values, 1).astype(np.float32))


@given(coarse)
def test_query_standardize_is_the_z_score_within_the_query(values):
    expected = within_queries(values, lambda x, known: (x - known.mean()) / known.std())
    np.testing.assert_allclose(apply("query_standardize", values), expected, atol=1e-5)


@given(coarse)
def test_query_minmax_is_the_place_in_the_range_of_the_query(values):
    expected = within_queries(values, lambda x, known: (x - known.min()) / (known.max() - known.min()))
    np.testing.assert_allclose(apply("query_minmax", values), expected, atol=1e-6)


@given(matrices, st.integers(1, 6))
def test_piecewise_is_one_ramp_a_bin(values, n_bins):
    out = apply(f"piecewise:{n_bins}", values).reshape(10, values.shape[1], n_bins)
    for column in range(values.shape[1]):
        known = np.sort(values[np.isfinite(values[:, column]), column])
        edges = bin_edges(known, n_bins).astype(np.float64) if len(known) else np.zeros(1)
        for doc in range(10):
            x = float(values[doc, column])
            ramps = [min(max((x - a) / (b - a), 0), 1) for a, b in pairwise(edges)]
            expected = [0.0] * n_bins if np.isnan(x) else ramps + [0.0] * (n_bins - len(ramps))
            np.testing.assert_allclose(out[doc, column], expected, atol=1e-5)


def test_missing_is_a_bin_of_its_own_beside_piecewise():
    train = np.array([[0, 0], [1, 1], [2, 2], [np.nan, 3]], np.float32)
    rows = np.array([[np.nan, np.nan], [0, 0], [2, np.inf]], np.float32)
    transform = Transform(["piecewise:2", "missing"], 2)
    transform.fit(train, np.array([0, 4]))
    out = transform(torch.from_numpy(rows), torch.tensor([0, 3])).numpy()
    # Of the second feature no training row is missing, so nothing was learnt of what that means.
    np.testing.assert_array_equal(out[:, 4:], [[1, 0], [0, 0], [0, 0]])
    np.testing.assert_array_equal(out[0, :4], out[1, :4])
    assert transform.output_names(["a", "b"])[4:] == ["missing(a)", "missing(b)"]


def test_piecewise_by_hand():
    train = np.array([[0], [1], [2], [3], [4], [5], [6], [7], [8], [4]], np.float32)
    rows = np.array([[-5], [1], [4], [9]], np.float32)
    # 9 distinct values, 2 bins: the edges are the quantiles 0, 4 and 8.
    out = apply("piecewise:2", train, rows, np.array([0, 4]))
    np.testing.assert_array_equal(out, [[0, 0], [1 / 4, 0], [1, 0], [1, 1]])


@given(hnp.arrays(np.float32, st.integers(1, 60), elements=st.sampled_from(list(range(12)))), st.integers(1, 10))
def test_bin_edges_span_the_values_and_never_exceed_the_bins(values, n_bins):
    edges = bin_edges(np.sort(values), n_bins)
    assert len(edges) <= n_bins + 1
    assert (np.diff(edges) > 0).all()
    assert edges[0] == values.min()
    assert edges[-1] == values.max()


def test_edges_of_distinct_values_are_plain_quantiles():
    values = np.sort(np.random.default_rng(0).normal(size=1000)).astype(np.float32)
    expected = np.quantile(values.astype(np.float64), np.linspace(0, 1, 9)).astype(np.float32)
    np.testing.assert_array_equal(bin_edges(values, 8), expected)


def test_a_heavy_value_takes_one_edge_and_leaves_the_other_bins_to_the_rest():
    values = np.concatenate([np.zeros(900), np.arange(1, 101)]).astype(np.float32)
    # Plain quantiles in 4 bins would be 0, 0, 0, 0, 100.
    np.testing.assert_array_equal(bin_edges(values, 4), [0, *np.quantile(np.arange(1, 101), [0, 1 / 3, 2 / 3, 1])])


@given(matrices)
def test_quantile_is_the_middle_rank_of_training_values(values):
    out = apply("quantile", values)
    for column in range(values.shape[1]):
        x = values[:, column]
        known = x[np.isfinite(x)]
        for doc in range(10):
            # Ten rows have fewer distinct values than bins, so each is a knot.
            rank = ((known < x[doc]).sum() + (known <= x[doc]).sum()) / 2 / max(len(known), 1)
            assert out[doc, column] == pytest.approx(0.5 if np.isnan(x[doc]) else rank, abs=1e-6)


def test_quantile_between_knots_follows_the_distribution():
    rng = np.random.default_rng(0)
    train, rows = (rng.lognormal(size=(n, 1)).astype(np.float32) for n in (5000, 300))
    transform = Transform("quantile:64", 1)
    transform.fit(train, np.array([0, 5000]))
    out = transform(torch.from_numpy(rows), torch.tensor([0, 300])).numpy()
    below = (rows >= train.T).mean(axis=1)
    assert np.abs(out[:, 0] - below).max() <= 1 / 64
    assert (np.diff(out[np.argsort(rows[:, 0]), 0]) >= 0).all()


@settings(max_examples=30)
@given(st.sampled_from(["standardize", "minmax", "quantile", "piecewise:4", "log1p+standardize"]), matrices)
def test_statistics_come_from_training_rows_alone(spec, train):
    rows = np.random.default_rng(0).normal(size=(6, train.shape[1])).astype(np.float32) * 2000
    together = apply(spec, train, rows, np.array([0, 6]))
    one_by_one = [apply(spec, train, row[None], np.array([0, 1])) for row in rows]
    np.testing.assert_array_equal(together, np.concatenate(one_by_one))


def test_standardize_keeps_the_digits_of_a_small_spread_on_a_large_mean():
    values = (50_000 + np.random.default_rng(0).normal(size=(10, 1))).astype(np.float32)
    exact = values.astype(np.float64)
    expected = (exact - exact.mean()) / exact.std()
    # The mean is stored in float32: off by at most half a unit in the last place, 2^-9 at 50,000.
    np.testing.assert_allclose(apply("standardize", values), expected, atol=2**-9 / exact.std() + 1e-5)
