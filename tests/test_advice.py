"""Every option that an error message of a metric or an objective advises is there."""

import inspect
import re

import pytest
import torch

import rankkit as rk
from rankkit.errors import RankkitError
from rankkit.registry import METRICS, OBJECTIVES
from tests.objectives.embedding.batches import OBJECTIVES as EMBEDDING
from tests.objectives.embedding.batches import loss_of

_CALL = re.compile(r"(\w+)\(([^()]*)\)")
_OPTION = re.compile(r"\b([a-z][a-z_]*)=(?!=)")
_VALUES = (-1, float("nan"), "nope", {0: 1.0})
# What a message says its option is of, where it is not of the function itself.
_OTHER_DOORS = {"evaluate()": rk.evaluate, "Build the scorer": rk.MLPScorer, "Build the encoder": rk.MLPEncoder}
_LABELS = {"usual": [0.0, 2.0, 1.0], "huge": [0.0, 5000.0, 1.0], "negative": [-1.0, 2.0, 1.0], "half": [0.5, 2.0, 0.0]}


def parameters_of(function):
    return set(inspect.signature(function).parameters)


def advised(message):
    """Names of options in the action of a message: (function or None, option)."""
    action = message.partition("; got ")[2]
    for name, inside in _CALL.findall(action):
        yield from ((name, option) for option in _OPTION.findall(inside))
    yield from ((None, option) for option in _OPTION.findall(_CALL.sub("", action)))


def messages(function, *given, called=None):
    """What it says of these, and of these with each of its options set to values that few can have."""
    own = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for changes in [{}, *({name: value} for name in own for value in _VALUES)]:
        try:
            (called or function)(*given, **changes)
        except RankkitError as error:
            yield str(error)
        except (TypeError, AttributeError, ValueError, RuntimeError):
            continue  # a value of another type altogether: refused by the language, or by the checks of shapes in tests


def check(function, found):
    for message in found:
        for name, option in advised(message):
            door = function if name is None else getattr(rk, name)
            doors = {name for word, other in _OTHER_DOORS.items() if word in message for name in parameters_of(other)}
            assert option in doors | parameters_of(door), message


@pytest.mark.parametrize("labels", _LABELS)
@pytest.mark.parametrize("name", METRICS)
def test_metrics_advise_options_that_they_have(name, labels):
    scores, truth = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([_LABELS[labels]])
    check(METRICS[name], messages(METRICS[name], scores, truth))


@pytest.mark.parametrize("labels", _LABELS)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_advise_options_that_they_have(name, labels):
    shape = (1, 3, 3) if hasattr(OBJECTIVES[name], "readout") else (1, 3)
    function = inspect.unwrap(OBJECTIVES[name])
    check(function, messages(function, torch.zeros(shape), torch.tensor([_LABELS[labels]])))


@pytest.mark.parametrize("name", EMBEDDING)
def test_objectives_on_embeddings_advise_options_that_they_have(name):
    rows, classes = torch.full((6, 3), 0.5), torch.tensor([0, 0, 1, 1, 2, 2])
    for given in ((rows, classes), (rows * torch.nan, classes), (rows[:, :0], classes), (rows, classes - 5)):
        check(EMBEDDING[name], messages(EMBEDDING[name], name, *given, called=loss_of))


def test_what_can_go_wrong_here_does():
    """The checks above look at messages, not at nothing."""
    huge = torch.tensor([_LABELS["huge"]])
    assert any("gain" in message for message in messages(rk.ndcg, torch.zeros(1, 3), huge))
    with pytest.raises(rk.DataError, match=r"got 5000\. Map the labels to grades, such as 0 to 4\.$"):
        rk.err(torch.zeros(1, 3), huge)
    assert list(advised("x: expected a; got b. Pass fit(seed=...) or margin=1.")) == [("fit", "seed"), (None, "margin")]
