"""A model need not be a module of torch: options and named arrays are enough to be saved and built again."""

import numpy as np
import pytest

import rankkit as rk
from rankkit.errors import BundleError, ConfigError
from rankkit.models.model import learns_in_one_go, n_numbers


class Table:
    """A matrix that grows with its data."""

    def __init__(self, *, scale: float = 1.0) -> None:
        self.options, self.values = {"scale": scale}, np.zeros((0, 2))

    def learn(self, train, choosing, value, *, seed):
        self.values = self.options["scale"] * np.asarray(train)
        return {}

    def state(self):
        return {"values": self.values}

    def set_state(self, state):
        if state["values"].ndim != 2:
            raise ValueError("values that are no matrix")
        self.values = state["values"]


@pytest.fixture
def table():
    rk.register("scorer", "table", Table)
    made = rk.build("scorer", "table", scale=2.0)
    made.learn([[1, 2], [3, 4]], None, None, seed=0)
    yield made
    rk.unregister("scorer", "table")


def test_its_arrays_are_saved_and_come_back(table, tmp_path):
    assert learns_in_one_go(table)
    assert n_numbers(table) == 4
    rk.save(table, tmp_path)
    again = rk.load(tmp_path)
    assert type(again) is Table
    assert again.options == {"scale": 2.0}
    np.testing.assert_array_equal(again.values, [[2, 4], [6, 8]])


def test_arrays_that_it_cannot_have_are_a_damaged_bundle(table, tmp_path):
    table.values = np.arange(3.0)
    rk.save(table, tmp_path)
    with pytest.raises(BundleError, match="values that are no matrix"):
        rk.load(tmp_path)
    table.values = np.array([[np.nan]])
    with pytest.raises(ConfigError, match="expected finite weights"):
        rk.save(table, tmp_path)


def test_a_class_without_a_state_is_no_model():
    class Nothing:
        def __init__(self) -> None: ...

    with pytest.raises(ConfigError, match=r"or one with state\(\) and set_state\(\); got Nothing"):
        rk.build("scorer", Nothing)
