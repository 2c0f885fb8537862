"""RowAdam, and tables whose gradients are sparse in training."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from rankkit.errors import DataWarning
from rankkit.loaders.tables.tabular import from_pandas
from rankkit.models.scorers import LinearScorer, MLPScorer
from rankkit.models.scorers import columns as scorer_columns
from rankkit.objectives import softmax_loss
from rankkit.training import fit
from rankkit.training.gradient.optimizers import clip_gradients
from rankkit.training.rows import RowAdam, Together, tables_of

RATE = 0.05


def stepped(made, batches, *, sparse):
    """A table of 6 rows after steps towards targets, on some rows each."""
    table = nn.Embedding(6, 3, sparse=sparse)
    with torch.no_grad():
        table.weight.copy_(torch.arange(18.0).reshape(6, 3) / 10)
    method = made([table.weight])
    for number, rows in enumerate(batches):
        method.zero_grad()
        loss = ((table(torch.tensor(rows)) - number) ** 3).sum()
        loss.backward()
        method.step()
    return table.weight.detach()


def row_adam(decoupled, decay):
    return lambda params: RowAdam([{"params": params, "weight_decay": decay}], RATE, decoupled=decoupled)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize(("decoupled", "kind"), [(True, torch.optim.AdamW), (False, torch.optim.Adam)])
def test_where_every_batch_has_every_row_it_is_the_dense_one(decoupled, kind, decay):
    batches = [[0, 1, 2, 3, 4, 5, 5], [5, 4, 3, 2, 1, 0]] * 3
    found = stepped(row_adam(decoupled, decay), batches, sparse=True)
    wanted = stepped(lambda params: kind(params, lr=RATE, weight_decay=decay), batches, sparse=False)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


def test_rows_of_some_batches_are_those_of_sparse_adam_and_others_stay():
    batches = [[0, 1, 1], [1, 2], [0, 2], [1]]
    found = stepped(row_adam(True, 0.0), batches, sparse=True)
    wanted = stepped(lambda params: torch.optim.SparseAdam(params, lr=RATE), batches, sparse=True)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)  # whose eps stands elsewhere
    dense = stepped(row_adam(True, 0.0), batches, sparse=False)  # of a table that is not in training
    torch.testing.assert_close(dense, found)
    untouched = stepped(row_adam(True, 0.5), batches, sparse=True)[3:]
    assert torch.equal(untouched, (torch.arange(18.0).reshape(6, 3) / 10)[3:])


def test_the_norm_of_sparse_and_dense_gradients_is_one():
    table, weight = nn.Embedding(4, 2, sparse=True), nn.Parameter(torch.zeros(2))
    both = Together(torch.optim.AdamW([weight], lr=RATE), row_adam(True, 0.0)([table.weight]))
    table(torch.tensor([1, 1, 3])).sum().backward()  # row 1 twice: (2, 2), row 3: (1, 1)
    weight.grad = torch.tensor([3.0, 1.0])
    assert clip_gradients(both, 1.0).item() == pytest.approx(20**0.5)
    assert clip_gradients(both, None).item() == pytest.approx(1.0, rel=1e-5)
    assert {group["lr"] for group in both.param_groups} == {RATE}
    with pytest.raises(AttributeError, match="changed in place"):
        both.param_groups = []


def shop(n_queries=24):
    rng = np.random.default_rng(0)
    n = 6 * n_queries
    item = rng.integers(0, 30, n)
    tags = [list(rng.choice(["new", "sale", "eco"], rng.integers(0, 3), replace=False)) for _ in range(n)]
    frame = pd.DataFrame({"qid": np.repeat(np.arange(n_queries), 6), "price": rng.random(n), "tags": tags})
    frame = frame.assign(item=[f"item {one}" for one in item], label=(item < 8).astype(int))
    return from_pandas(frame, columns={"item": "category", "tags": "bag"})


@pytest.fixture
def large(monkeypatch):
    """All tables count as large."""
    monkeypatch.setattr(scorer_columns, "SPARSE_FROM", 1)


def scorer_of(data):
    return MLPScorer.for_data(data, hidden=(8,), dropout=0.0, seed=0)


def learn(scorer, data, **options):
    given = {"epochs": 3, "device": "cpu", "progress": False, "batch_queries": 8, **options}
    return fit(scorer, softmax_loss, data, data, **given)


def test_a_batch_that_has_all_values_learns_what_the_dense_one_learns(monkeypatch):
    data = shop()
    dense = scorer_of(data)
    learn(dense, data, batch_queries=24, weight_decay=0.0)
    monkeypatch.setattr(scorer_columns, "SPARSE_FROM", 1)
    sparse = scorer_of(data)
    assert [name for name, _ in tables_of(sparse)] == ["transform.codes.0", "transform.codes.1"]
    learn(sparse, data, batch_queries=24, weight_decay=0.0)
    for (name, one), other in zip(dense.state_dict().items(), sparse.state_dict().values(), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("options", [{}, {"optimizer": "adam"}, {"clip_norm": 0.1}, {"precision": "bf16"}])
def test_it_learns_and_leaves_what_it_never_saw(options):
    data = shop()
    before = scorer_of(data)
    scorer = copy.deepcopy(before)
    history = learn(scorer, data[:8], epochs=8, learning_rate=0.02, **options)
    assert history.epochs[-1].loss < history.epochs[0].loss
    table, place = scorer.transform.codes[1], data.schema.names.index("item")
    seen = np.unique(data[:8].features[:, place]).astype(int)
    unseen = [row for row in range(table.n_codes + 2) if row not in seen]
    was = before.transform.codes[1].weight
    assert unseen
    assert torch.equal(table.weight[unseen], was[unseen])
    assert (table.weight[seen] != was[seen]).any(dim=1).all()


@pytest.mark.usefixtures("large")
def test_a_run_that_is_resumed_ends_as_one_that_was_not_stopped(tmp_path):
    data = shop()
    whole = scorer_of(data)
    learn(whole, data, out=tmp_path / "whole")

    class Stop:
        def on_step(self, step):
            if step.step == 4:
                raise KeyboardInterrupt

        def on_epoch_end(self, record):
            pass

    stopped = scorer_of(data)
    with pytest.raises(KeyboardInterrupt):
        learn(stopped, data, out=tmp_path / "part", callbacks=[Stop()], checkpoint_every=0.0)
    again = scorer_of(data)
    learn(again, data, out=tmp_path / "part", resume=True)
    for one, other in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("options", [{"optimizer": "sgd"}, {"optimizer_options": {"amsgrad": True}}])
def test_an_optimizer_that_cannot_is_told_of_and_takes_all_rows(options):
    data = shop()
    scorer = scorer_of(data)
    with pytest.warns(DataWarning, match=r"each step changes every row of tags \(5 rows\), item \(32 rows\)"):
        learn(scorer, data, **options)
    assert not list(tables_of(scorer))


@pytest.mark.usefixtures("large")
def test_a_linear_scorer_and_scores_are_the_same():
    data = shop()
    scorer = LinearScorer.for_data(data, seed=0)
    assert len(list(tables_of(scorer))) == 2
    learn(scorer, data)
    features, offsets = torch.from_numpy(data.features), torch.from_numpy(data.offsets)
    with torch.no_grad():
        torch.testing.assert_close(scorer.train()(features, offsets), scorer.eval()(features, offsets))


def test_small_tables_stay_dense():
    assert not list(tables_of(scorer_of(shop())))
