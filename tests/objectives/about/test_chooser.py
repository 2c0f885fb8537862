"""README's chooser is what the rows say."""

import re
from pathlib import Path

from rankkit.objectives.about import ROWS
from rankkit.objectives.about.chooser import CHOICES, chooser

README = Path(__file__).parents[3] / "README.md"


def test_the_chooser_in_readme_is_the_one_of_the_rows():
    shown = re.search(r"<!-- chooser: begin -->\n\n(.*?)\n\n<!-- chooser: end -->", README.read_text(), flags=re.DOTALL)
    assert shown, "README has no chooser between its marks"
    assert shown.group(1) == chooser()


def test_choices_exist_and_lead_elsewhere():
    for name, others in CHOICES.items():
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
