"""The keywords that a person sees are those that a task and every training take."""

from inspect import Parameter, signature

import pytest

from rankkit.registry import TASKS
from rankkit.training.fitting import FITS, defaults_of


@pytest.mark.parametrize("name", FITS)
def test_what_a_person_calls_has_the_defaults_of_its_task(name):
    shown = {p.name: p.default for p in signature(FITS[name]).parameters.values() if p.kind is Parameter.KEYWORD_ONLY}
    assert {**shown, "metric": TASKS[name].metric} == defaults_of(TASKS[name])
    assert shown["metric"] in (None, TASKS[name].metric)
