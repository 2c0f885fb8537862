"""What every objective's docstring has, so that one screen shows the objective: the rest stands in the conventions."""

import inspect
import re

import pytest

from rankkit.objectives.descriptions import ROWS
from rankkit.registry import CLICK_OBJECTIVES, EMBEDDING_OBJECTIVES, OBJECTIVES

ALL = {**OBJECTIVES, **CLICK_OBJECTIVES, **EMBEDDING_OBJECTIVES}
LONGEST = 34
# Names and years of a paper as the catalogue has it: "Burges et al., ICML 2005".
AUTHOR = re.compile(r"^(?:van den )?(\w+)")
TENSORS = {"scores", "labels", "mask", "weights", "x", "y", "same", "logits", "anchor", "positive", "negative"}
TENSORS |= {"query", "embeddings", "classes"}

every_objective = pytest.mark.parametrize("name", ALL)


def docstring(name: str) -> str:
    return inspect.getdoc(ALL[name]) or ""


def section(name: str, title: str) -> str:
    """What stands under a title, up to the next one."""
    _, _, rest = docstring(name).partition(f"\n{title}:\n")
    return rest.split("\n\n")[0]


def test_every_row_of_the_catalogue_is_here():
    assert ALL.keys() == ROWS.keys()


@every_objective
def test_a_screen_shows_it(name):
    assert len(docstring(name).splitlines()) <= LONGEST


@every_objective
def test_it_has_a_formula_and_an_example(name):
    assert re.search(r"\.\. math::|:math:`", docstring(name))
    assert ">>> " in section(name, "Example")


@every_objective
def test_it_says_what_comes_back(name):
    function = ALL[name] if inspect.isfunction(ALL[name]) else ALL[name].forward
    assert "\nReturns:\n" in (inspect.getdoc(function) or "")


@every_objective
def test_its_reference_is_the_paper_of_the_catalogue(name):
    reference = " ".join(section(name, "References").split())
    for paper in ROWS[name].paper.split("; "):
        assert AUTHOR.match(paper)[1] in reference
        assert all(year in reference for year in re.findall(r"\b(?:19|20)\d\d\b", paper))


@every_objective
def test_every_argument_has_a_line_of_its_own(name):
    function = ALL[name] if inspect.isfunction(ALL[name]) else ALL[name].__init__
    arguments = set(inspect.signature(function).parameters) - {"self"}
    assert set(re.findall(r"^    (\w+): ", section(name, "Args"), flags=re.MULTILINE)) == arguments


@every_objective
def test_tensors_have_a_shape(name):
    function = ALL[name] if inspect.isfunction(ALL[name]) else ALL[name].forward
    taken = [argument for argument in inspect.signature(function).parameters if argument in TENSORS]
    assert taken
    for argument in taken:
        (line,) = re.findall(rf"^    {argument}: (.*)", inspect.getdoc(function) or "", flags=re.MULTILINE)
        assert line.startswith("``[")


@every_objective
def test_no_line_sends_the_reader_elsewhere(name):
    for line in docstring(name).splitlines():
        assert not re.match(r"\s*(?:\w+: )?(?:The same|As in|As for|See)\b", line)
