from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankkit.data.grouping import group_rows
from rankkit.errors import DataError


def test_rows_that_stand_together_stay_where_they_are():
    offsets, qids, rows = group_rows(np.array([3, 3, 1, 2, 2, 2]))
    assert offsets.tolist() == [0, 2, 3, 6]
    assert qids.tolist() == [3, 1, 2]
    assert rows is None
    assert offsets.dtype == np.int64


def test_a_qid_that_comes_back_is_an_error_that_names_both_rows():
    with pytest.raises(DataError, match=r"^row 3: expected the rows of a qid .* got qid b again.*\(first at row 1\)"):
        group_rows(np.array(["a", "b", "a2", "b"]))


def test_locate_names_the_rows():
    with pytest.raises(DataError, match=r"^x\.csv:4: .*first at x\.csv:2"):
        group_rows(np.array([1, 2, 1]), locate=lambda row: f"x.csv:{row + 2}")


def test_no_rows_make_no_queries():
    offsets, qids, rows = group_rows(np.array([], np.int64))
    assert offsets.tolist() == [0]
    assert len(qids) == 0
    assert rows is None


@given(st.lists(st.integers(-3, 3), max_size=30))
def test_regrouping_keeps_first_come_order_of_queries_and_row_order_within(values):
    row_qids = np.array(values, np.int64)
    offsets, qids, rows = group_rows(row_qids, regroup=True)
    expected = [[row for row, value in enumerate(values) if value == qid] for qid in dict.fromkeys(values)]
    order = np.arange(len(values)) if rows is None else rows
    assert qids.tolist() == list(dict.fromkeys(values))
    assert [order[a:b].tolist() for a, b in pairwise(offsets)] == expected
    assert (rows is None) == (np.array_equal(order, np.arange(len(values))))
