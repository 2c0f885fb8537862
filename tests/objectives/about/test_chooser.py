"""README's chooser is what the rows say."""

import re
from pathlib import Path

import pytest

from rankkit.objectives.about import ROWS
from rankkit.objectives.about.chooser import CHOICES, EMBEDDING_CHOICES, chooser

README = Path(__file__).parents[3] / "README.md"


@pytest.mark.parametrize(
    ("mark", "table"),
    [("chooser", chooser()), ("embedding chooser", chooser(EMBEDDING_CHOICES, "Cost of n examples"))],
)
def test_the_choosers_in_readme_are_those_of_the_rows(mark, table):
    marks = f"<!-- {mark}: begin -->\n\n(.*?)\n\n<!-- {mark}: end -->"
    shown = re.search(marks, README.read_text(), flags=re.DOTALL)
    assert shown, f"README has no {mark} between its marks"
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
