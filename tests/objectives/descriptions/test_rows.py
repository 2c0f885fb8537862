"""Every entry of the catalogue has a row, and the rows are fit to print."""

import pytest

from rankkit.objectives.descriptions import ROWS
from rankkit.registry import CLICK_OBJECTIVES, EMBEDDING_OBJECTIVES, OBJECTIVES


def test_rows_and_catalogue_have_the_same_names():
    assert set(ROWS) == {*OBJECTIVES, *CLICK_OBJECTIVES, *EMBEDDING_OBJECTIVES}


@pytest.mark.parametrize("name", ROWS)
def test_rows_are_whole_and_fit_a_line(name):
    row = ROWS[name]
    for field, text in row._asdict().items():
        assert text == text.strip(), field
        assert text, field
        assert "\n" not in text, field
        assert len(text) <= 120, field
    assert row.use_when[0].isupper()
    assert row.use_when.endswith(".")
