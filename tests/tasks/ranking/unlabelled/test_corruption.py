"""Views: how many columns are replaced, by what, together where they belong together; the same random numbers again."""

import numpy as np
import pyarrow as pa
import pytest
import torch

import rankkit as rk
from rankkit.randomness import Randomness
from rankkit.tasks.ranking.unlabelled import corruption
from rankkit.tasks.ranking.unlabelled.corruption import Corruption

CPU = torch.device("cpu")
DATA = rk.make_ranking(40, n_features=5, seed=0)


def test_a_share_is_replaced_by_values_of_the_same_column():
    features = torch.from_numpy(DATA.features).clone()
    with Randomness(0, CPU).drawing():
        view = Corruption(DATA, 0.4, CPU, seed=0)(features)
    assert torch.equal(features, torch.from_numpy(DATA.features))
    changed = view != features
    assert changed.double().mean(dim=0).tolist() == pytest.approx([0.4] * 5, abs=0.06)
    for column in range(5):
        assert np.isin(view[:, column].numpy(), DATA.features[:, column]).all()
    # Replacing one column says nothing of another, and values come from many rows.
    together = (changed[:, 0] & changed[:, 1]).double().mean().item()
    assert together == pytest.approx(0.16, abs=0.05)
    assert len(set(view[changed[:, 2], 2].tolist())) > 50


def test_two_views_differ_and_a_run_draws_the_same_again():
    features, corrupt = torch.from_numpy(DATA.features), Corruption(DATA, 0.4, CPU, seed=0)
    found = []
    for _ in range(2):
        with Randomness(3, CPU).drawing():
            found.append((corrupt(features), corrupt(features)))
    assert torch.equal(found[0][0], found[1][0])
    assert not torch.equal(found[0][0], found[0][1])


def test_numbers_of_one_column_come_from_one_row():
    n = 60
    table = pa.table(
        {
            "qid": np.repeat(np.arange(6), 10),
            "place": [[float(row), float(row)] for row in range(n)],
            "size": np.random.default_rng(0).normal(size=n),
        }
    )
    data = rk.from_arrow(table, columns={"place": "vector"})
    assert data.n_features == 3
    with Randomness(0, CPU).drawing():
        view = Corruption(data, 0.5, CPU, seed=0)(torch.from_numpy(data.features))
    span = data.schema.spans["place"]
    first, second = view[:, span].unbind(dim=1)
    assert torch.equal(first, second)
    assert (first != torch.arange(n)).any()


def test_large_data_is_drawn_from_by_a_sample(monkeypatch):
    monkeypatch.setattr(corruption, "_MOST_ROWS", 7)
    features = torch.from_numpy(DATA.features)
    with Randomness(0, CPU).drawing():
        view = Corruption(DATA, 0.9, CPU, seed=0)(features)
    changed = view[:, 0] != features[:, 0]
    assert len(set(view[changed, 0].tolist())) <= 7
