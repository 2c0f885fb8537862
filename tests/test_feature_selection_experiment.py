"""LassoNet of experiments/quality: its proximal step is the minimum that it stands for."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

FOLDER = Path(__file__).parent.parent / "experiments" / "quality"


@pytest.fixture
def proximal(monkeypatch):
    pytest.importorskip("lightgbm")
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("feature_selection").proximal
    for name in ("feature_selection", "rounds"):  # another experiment may have a module of the same name
        sys.modules.pop(name, None)


@pytest.mark.parametrize(("penalty", "hold"), [(0.0, 10.0), (0.3, 1.0), (1.0, 0.5), (3.0, 2.0), (0.5, 0.1), (2.0, 3.0)])
def test_the_proximal_step_is_that_of_a_general_minimiser(proximal, penalty, hold):
    """Half the squared distance and the penalty, over the size of the linear weight and the rest."""
    drawn = np.random.default_rng(int(10 * penalty + hold))
    linear, first = drawn.normal(), drawn.normal(size=5)

    def cost(x):
        return (x[0] - abs(linear)) ** 2 / 2 + ((x[1:] - first) ** 2).sum() / 2 + penalty * x[0]

    bounds = [{"type": "ineq", "fun": lambda x, sign=sign: hold * x[0] - sign * x[1:]} for sign in (-1, 1)]
    limits, most = [(0, None), *[(None, None)] * 5], {"ftol": 1e-13, "maxiter": 1000}
    start = np.array([abs(linear) + 0.1, 0, 0, 0, 0, 0])
    found = minimize(cost, start, bounds=limits, constraints=bounds, method="SLSQP", options=most).x
    theirs, rows = proximal(torch.tensor([linear]), torch.tensor(first[None]), penalty, hold)
    assert theirs.item() == pytest.approx(np.sign(linear) * found[0], abs=1e-5)
    assert rows[0].tolist() == pytest.approx(found[1:].tolist(), abs=1e-5)
    assert (rows.abs() <= hold * theirs.abs() + 1e-9).all()
