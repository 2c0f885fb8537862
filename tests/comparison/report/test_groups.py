"""Groups of queries and of labels."""

import numpy as np
import pandas as pd

from rankkit.comparison.report.groups import binned, mixes_of_labels
from rankkit.comparison.report.scores import groups_of_labels


def test_few_values_are_groups_of_their_own():
    codes, names = binned(np.array([3, 1, 1, 1200]))
    assert codes.tolist() == [1, 0, 0, 2]
    assert names == ["1", "3", "1,200"]


def test_many_values_make_groups_of_about_equal_size_that_say_what_is_in_them():
    codes, names = binned(np.arange(1, 101))
    assert names == ["1\u201320", "21\u201340", "41\u201360", "61\u201380", "81\u2013100"]
    assert np.bincount(codes).tolist() == [20] * 5
    values = np.array([0] * 70 + list(range(1, 31)))
    codes, names = binned(values)
    assert len(codes) == 100
    for code, name in enumerate(names):
        low, _, high = name.partition("\u2013")
        inside = values[codes == code]
        assert (inside.min(), inside.max()) == (int(low), int(high or low))


def test_the_rarest_sets_of_labels_go_together():
    rows = [(1, 0, 0)] * 9 + [(0, 1, 0)] * 8 + [(0, 0, 1)] * 7 + [(1, 1, 0)] * 6 + [(1, 0, 1)] * 5 + [(0, 1, 1)] * 4
    queries = pd.DataFrame([*rows, (2, 2, 2)], columns=["n_label_0", "n_label_1", "n_label_2"])
    codes, names = mixes_of_labels(queries, list(queries.columns))
    assert names == ["0", "0 1", "0 2", "1", "1 2", "2", "other"]
    assert np.bincount(codes).tolist() == [9, 6, 5, 8, 4, 7, 1]
    assert codes[-1] == 6


def test_many_labels_are_grouped_by_quantiles():
    names, codes = groups_of_labels(np.array([0.0, 1, 2, 1]))
    assert (names, codes.tolist()) == (["0", "1", "2"], [0, 1, 2, 1])
    names, codes = groups_of_labels(np.arange(100) / 10)
    assert names == ["0 to 1.9", "2 to 3.9", "4 to 5.9", "6 to 7.9", "8 to 9.9"]
    assert np.bincount(codes).tolist() == [20] * 5
