"""The choosers of docs/ are what the rows say."""

import re
from pathlib import Path

import pytest

from rankkit.objectives.descriptions import ROWS
from rankkit.objectives.descriptions.chooser import CHOICES, EMBEDDING_CHOICES, chooser

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(
    ("mark", "page", "table"),
    [
        ("chooser", "objectives.md", chooser()),
        ("embedding chooser", "similarity.md", chooser(EMBEDDING_CHOICES, "Cost of n examples")),
    ],
)
def test_the_choosers_of_the_pages_are_those_of_the_rows(mark, page, table):
    marks = f"<!-- {mark}: begin -->\n\n(.*?)\n\n<!-- {mark}: end -->"
    shown = re.search(marks, (DOCS / page).read_text(), flags=re.DOTALL)
    assert shown, f"{page} has no {mark} between its marks"
    assert shown.group(1) == table


def test_choices_exist_and_lead_elsewhere():
    for name, others in [*CHOICES.items(), *EMBEDDING_CHOICES.items()]:
        assert {name, *others} <= set(ROWS)
        assert others
        assert name not in others
    assert {ROWS[name].family for name in CHOICES} >= {
        "pointwise",
        "pairwise",
        "listwise",
        "metric-driven",
        "distillation",
    }


def test_a_line_a_choice():
    lines = chooser().splitlines()
    assert len(lines) == len(CHOICES) + 2
    assert {line.count(" | ") for line in lines} == {4}
