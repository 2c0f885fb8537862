"""A task at the command line by what it says of itself: which systems its comparison file makes."""

from dataclasses import dataclass

import numpy as np
import pytest
from torch import nn

import rankkit as rk
from rankkit.cli.kinds.commands import commands_of
from rankkit.tasks.derived import task_of_rows


@dataclass(frozen=True)
class Place:
    file: str


class Rows(list):
    fingerprint = "rows"


class Constant:
    def __init__(self, *, value: float = 0.0) -> None:
        self.options = {"value": value}

    def learn(self, train, choosing, value, *, seed):
        return {}

    def state(self):
        return {"value": np.zeros(1)}

    def set_state(self, state): ...


@pytest.fixture
def task():
    def nothing(*given):
        return None

    functions = {"load": nothing, "build_for": nothing, "predict": nothing, "judge": nothing, "loss": nothing}
    made = task_of_rows("guessing", model="guesser", data=Rows, source=Place, metric="mrr", **functions)
    rk.register("task", "guessing", made)
    rk.register("guesser", "constant", Constant)
    rk.register("guesser", "network", nn.Linear)
    yield made
    rk.unregister("task", "guessing")


def test_models_that_learn_in_one_go_stand_beside_those_that_objectives_train(task):
    file = commands_of(task).comparison.model_validate(
        {"data": {"file": "x"}, "guessers": ["constant", "network"], "objectives": ["ranknet", "softmax"]}
    )
    assert [system.name for system in file.plan().systems] == ["network ranknet", "network softmax", "constant"]
