"""Samples for parity: rows that look like the training rows, and rows that do not."""

import numpy as np
import pytest

from rankkit.export.ranges import feature_ranges
from rankkit.export.samples import join, random_rows, sample_rows
from rankkit.export.source import read_source
from rankkit.models.scorers import LinearScorer
from rankkit.transforms import Transform

RNG = np.random.default_rng(0)
FEATURES = np.exp(RNG.normal(loc=[0, 5], size=(500, 2))).astype(np.float32)
OFFSETS = np.array([0, 100, 500])


def fitted(spec):
    transform = Transform(spec, 2)
    transform.fit(FEATURES, OFFSETS)
    return transform


@pytest.mark.parametrize("spec", ["minmax", "quantile", "piecewise:8", ["none", "minmax"], "log1p+minmax"])
def test_ranges_are_those_of_the_training_rows(spec):
    low, high = feature_ranges(fitted(spec), 2)
    assert low == pytest.approx(FEATURES.min(axis=0), rel=1e-3)
    assert high == pytest.approx(FEATURES.max(axis=0), rel=1e-3)


def test_ranges_behind_a_logarithm_are_given_in_values():
    low, high = feature_ranges(fitted("log1p+standardize"), 2)
    logs = np.log1p(FEATURES.astype(np.float64))
    for bound, sign in ((low, -1), (high, 1)):
        at = logs.mean(axis=0) + sign * 2 * logs.std(axis=0)
        assert bound == pytest.approx(np.sign(at) * np.expm1(np.abs(at)), rel=1e-4)


def test_without_statistics_values_lie_between_0_and_1():
    for spec in ("none", "query_standardize", "log1p"):
        assert [bound.tolist() for bound in feature_ranges(Transform(spec, 2), 2)] == [[0, 0], [1, 1]]


def source(spec="minmax"):
    scorer = LinearScorer(2, transform=spec, seed=0)
    scorer.transform.fit(FEATURES, OFFSETS)
    return read_source(scorer)


def test_sample_rows_are_the_same_each_time_and_hold_zeros_missing_values_and_extremes():
    features, offsets = sample_rows(source(), missing=True)
    again, _ = sample_rows(source(), missing=True)
    assert np.array_equal(features, again, equal_nan=True)
    assert offsets.tolist() == [0, 1, 4, len(features)]
    assert features.dtype == np.float32
    low, high = FEATURES.min(axis=0), FEATURES.max(axis=0)
    assert (features == 0).all(axis=1).any()
    assert np.isnan(features).all(axis=1).sum() == 1
    assert np.nanmax(features, axis=0) == pytest.approx(2 * high - low, rel=1e-3)
    assert np.nanmin(features, axis=0) == pytest.approx(2 * low - high, rel=1e-3)
    inside = ((features >= low) & (features <= high)).all(axis=1)
    assert inside.sum() >= 12


def test_rows_for_servers_without_missing_values_have_none():
    for rows, offsets in (sample_rows(source(), missing=False), random_rows(source(), missing=False)):
        assert np.isfinite(rows).all()
        assert offsets[-1] == len(rows)
    features, offsets = random_rows(source(), missing=True)
    assert np.isnan(features).any()
    assert np.diff(offsets).min() >= 1


def test_joined_rows_keep_their_queries():
    first = (np.zeros((2, 1), np.float32), np.array([0, 1, 2]))
    second = (np.ones((3, 1), np.float32), np.array([0, 3]))
    features, offsets = join(first, second)
    assert features.ravel().tolist() == [0, 0, 1, 1, 1]
    assert offsets.tolist() == [0, 1, 2, 5]


def test_a_time_in_seconds_keeps_the_digits_that_tell_rows_apart():
    times = 1.7e9 + 1e4 * FEATURES
    scorer = LinearScorer(2, transform="minmax", seed=0)
    scorer.transform.fit(times, OFFSETS)
    features, _ = sample_rows(read_source(scorer), missing=False)
    assert len(np.unique(features[:12, 0])) > 8
    assert len(np.unique(sample_rows(source(), missing=False)[0][:12, 0])) == 12
