"""What is wrong with a value, in our words."""

import re
from typing import Any, Literal

import pytest
from pydantic import Field, ValidationError

from rankkit.cli.experiments.config import Column, Names, Section
from rankkit.cli.experiments.validation import check_options
from rankkit.objectives.module import option_names
from rankkit.registry import OBJECTIVES, SCORERS
from rankkit.schemas import explain


class Inner(Section):
    several: int | list[int] = 1
    names: Names | None = None
    column: Column = "a"


class Outer(Section):
    whole: int = Field(default=1, ge=1)
    share: float = Field(default=0.5, gt=0, lt=1)
    flag: bool = False
    text: str = ""
    choice: Literal["a", "b"] = "a"
    table: dict[str, Any] = Field(default_factory=dict)
    inner: Inner = Inner()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"whole": "x"}, "file: whole: expected a whole number; got 'x'. Change it."),
        ({"whole": 1.5}, "file: whole: expected a whole number; got 1.5. Change it."),
        ({"whole": 0}, "file: whole: expected a number of at least 1; got 0. Change it."),
        ({"share": "half"}, "file: share: expected a number; got 'half'. Change it."),
        ({"share": 1}, "file: share: expected a number below 1; got 1. Change it."),
        ({"share": -1}, "file: share: expected a number above 0; got -1. Change it."),
        ({"flag": 7}, "file: flag: expected true or false; got 7. Change it."),
        ({"text": 7}, "file: text: expected text; got 7. Change it."),
        ({"choice": "c"}, "file: choice: expected 'a' or 'b'; got 'c'. Change it."),
        ({"table": 3}, "file: table: expected a table; got 3. Change it."),
        ({"inner": 3}, "file: inner: expected a table; got 3. Change it."),
        ({"inner": {"several": "x"}}, "file: inner.several: expected a whole number or a list; got 'x'. Change it."),
        ({"inner": {"names": True}}, "file: inner.names: expected "),
        ({"inner": {"names": []}}, "file: inner.names: expected at least 1 of them; got []. Change it."),
        ({"inner": {"colum": "a"}}, "file: unknown key 'inner.colum'. Did you mean 'column'?"),
    ],
)
def test_a_wrong_value(values, message):
    with pytest.raises(ValidationError) as raised:
        Outer.model_validate(values)
    assert explain(raised.value, "file", Outer).startswith(message)


@pytest.mark.parametrize("kind", ["objective", "scorer"])
def test_no_option_of_the_catalogue_is_refused_in_the_words_of_a_library(kind):
    entries = {"objective": OBJECTIVES, "scorer": SCORERS}[kind]
    for function in entries.values():
        options = option_names(function) if kind == "objective" else ("hidden", "dropout", "residual", "transform")
        for option in options:
            for value in ({"a": 1}, [[["x"]]], "x", 1.5, None):
                said = refusal(kind, function, {option: value})
                assert not re.search("Input|valid|unable|pydantic|instance|another value", said), said


def refusal(kind, function, options):
    """What is said to options, nothing where they are taken."""
    try:
        check_options(kind, function, options)
    except ValueError as error:
        return str(error)
    return ""
