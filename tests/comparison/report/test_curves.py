"""Curves of several runs as one."""

import numpy as np
import pytest

from rankkit.comparison.report.curves import band_of


def run(x, y):
    return np.array(x, float), np.array(y, float)


def test_splits_are_averaged_within_a_seed_and_the_band_spans_the_seeds():
    at, mean, low, high = band_of({0: [run([1, 2], [0.2, 0.4]), run([1, 2], [0.4, 0.6])], 1: [run([1, 2], [0.5, 0.7])]})
    assert at.tolist() == [1, 2]
    assert low == pytest.approx([0.3, 0.5])
    assert high == pytest.approx([0.5, 0.7])
    assert mean == pytest.approx([0.4, 0.6])


def test_a_curve_begins_where_all_have_begun_and_a_run_that_stopped_keeps_its_value():
    at, mean, low, high = band_of({0: [run([1, 2, 3], [0.1, 0.2, 0.3])], 1: [run([2, 4, 8], [0.4, 0.6, 0.5])]})
    assert at.tolist() == [2, 3, 4, 8]
    assert low == pytest.approx([0.2, 0.3, 0.3, 0.3])
    assert high == pytest.approx([0.4, 0.4, 0.6, 0.5])
    assert mean == pytest.approx((low + high) / 2)


def test_long_curves_are_thinned_and_keep_their_ends():
    at, mean, *_ = band_of({0: [run(np.arange(1, 1001), np.arange(1, 1001) / 1000)]})
    assert len(at) == 80
    assert (at[0], at[-1]) == (1, 1000)
    assert (mean[0], mean[-1]) == (0.001, 1)
    assert (np.diff(at) > 0).all()
