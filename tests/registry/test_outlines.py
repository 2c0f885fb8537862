"""Functions as their source tells of them: what importing them tells too."""

import inspect

import pytest

import rankkit as rk
from rankkit.cli import objectives as command
from rankkit.cli.kinds.ranking.comparison_file import ComparedData
from rankkit.cli.kinds.ranking.training_file import Data
from rankkit.objectives.descriptions import ROWS
from rankkit.registry import CLICK_OBJECTIVES, EMBEDDING_OBJECTIVES, OBJECTIVES, outlines
from rankkit.registry.outlines import fields, outline


@pytest.mark.parametrize("name", ROWS)
def test_an_objective_is_shown_as_if_it_were_imported(name, monkeypatch):
    entries = next(table for table in (EMBEDDING_OBJECTIVES, OBJECTIVES, CLICK_OBJECTIVES) if name in table)
    made = outline(entries.place(name))
    found, expected = (
        [(one.name, one.default, one.kind) for one in inspect.signature(function).parameters.values()]
        for function in (made, entries[name])
    )
    assert found == expected
    shown = command._entry(name, ROWS[name])
    monkeypatch.setattr(outlines, "outline", lambda place: None)
    assert shown == command._entry(name, ROWS[name])


def test_what_the_source_does_not_tell_has_no_outline():
    assert outline("rankkit.objectives:absent") is None
    assert outline("rankkit.absent:thing") is None
    assert outline("absent:thing") is None
    assert outline("rankkit.registry.finding:find") is not None
    assert outline("rankkit.compilation:source_digest") is None  # a decorator made something else of it
    with pytest.raises(TypeError, match="got its outline"):
        outline("rankkit.objectives:ranknet_loss")()


def test_options_that_are_handed_on_are_no_parameters_by_name():
    parameters = inspect.signature(outline("rankkit.training:fit")).parameters
    assert parameters["own"].kind is inspect.Parameter.VAR_KEYWORD
    assert [*parameters] == [*inspect.signature(rk.fit).parameters]


def test_fields_are_those_of_the_bases_first():
    place = "rankkit.cli.kinds.ranking.comparison_file:ComparedData"
    assert fields(place) == [*ComparedData.model_fields]
    assert fields(place)[: len(Data.model_fields)] == [*Data.model_fields]
    assert fields("rankkit.registry.outlines:outline") == fields("rankkit.absent:Thing") == []
