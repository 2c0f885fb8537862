"""Pretraining: what changes and what stays, the same weights again, going on after Ctrl-C, what it helps, refusals."""

import copy
import warnings
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn
from torch.nn import functional

import rankkit as rk
from rankkit.errors import ConfigError, DataError
from rankkit.randomness import Randomness
from rankkit.sampling.collapse import CollapseWarning
from rankkit.tasks.ranking.unlabelled import heads
from rankkit.tasks.ranking.unlabelled.corruption import Corruption
from rankkit.training import TrainingInterrupted
from tests.training.test_resume import Interrupt, lines, same

FEW = {"device": "cpu", "progress": False, "epochs": 2, "batch_queries": 8}
DATA = rk.make_ranking(24, n_features=4, seed=0)
CPU = torch.device("cpu")
NETWORKS = ["mlp", "dcn", "attention", "tabm"]


def network(name="mlp", seed=0, **options):
    own = {"n_blocks": 1, "n_inner": 8} if name == "attention" else {}
    return rk.build("scorer", name, 4, hidden=(8,), seed=seed, **own, **options)


@pytest.mark.parametrize("method", ["simclr_rank", "simsiam"])
@pytest.mark.parametrize("name", NETWORKS)
def test_all_layers_but_the_last_learn(name, method):
    scorer = network(name)
    before = copy.deepcopy(scorer.state_dict())
    history = rk.pretrain(scorer, DATA, method=method, **FEW)
    assert (len(history), history.metric, history.best_epoch, history.stopped) == (2, None, 2, "epochs")
    assert all(record.facts["spread"] > 0 for record in history.epochs)
    assert scorer.transform.fitted
    assert not scorer.training
    for weight, value in scorer.named_parameters():
        assert torch.equal(value, before[weight]) == weight.startswith("output."), weight
    assert np.isfinite(rk.predict(scorer, DATA)).all()


def test_labels_and_weights_are_not_looked_at():
    bare, labelled = network(), network()
    weighted = replace(DATA, weights=np.arange(DATA.n_queries, dtype=np.float32), weights_per="query")
    rk.pretrain(bare, replace(DATA, labels=None), **FEW)
    rk.pretrain(labelled, replace(weighted, labels=DATA.labels[::-1].copy()), **FEW)
    assert same(bare, labelled)


@pytest.mark.parametrize("name", ["mlp", "attention"])
@pytest.mark.parametrize("step", [2, 3])
def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path, name, step):
    whole = network(name)
    expected = rk.pretrain(whole, DATA, **FEW)
    with pytest.raises(TrainingInterrupted, match=r"resume=True \(rankkit pretrain --out .* --resume\)"):
        rk.pretrain(network(name), DATA, out=tmp_path, callbacks=[Interrupt(step)], **FEW)
    resumed = network(name)
    history = rk.pretrain(resumed, DATA, out=tmp_path, resume=True, **FEW)
    assert same(whole, resumed)
    assert [record.loss for record in history.epochs] == [record.loss for record in expected.epochs]
    assert [line["spread"] for line in lines(tmp_path)] == [record.facts["spread"] for record in history.epochs]
    with pytest.raises(rk.TrainingError, match=r"differs in corruption \(checkpoint 0.4, now 0.2\)"):
        rk.pretrain(network(name), DATA, out=tmp_path, resume=True, corruption=0.2, **FEW)


def test_a_fitted_transform_stays_as_it_is_and_training_goes_on():
    scorer = network(transform="standardize")
    rk.pretrain(scorer, DATA, **FEW)
    fitted = {name: value.clone() for name, value in scorer.transform.state_dict().items()}
    few = rk.make_ranking(8, n_features=4, seed=9)
    rk.fit(scorer, "ranknet", few, epochs=2, trunk_rate=0.3, device="cpu", progress=False)
    rk.pretrain(scorer, few, **FEW)
    for name, value in scorer.transform.state_dict().items():
        assert torch.equal(value, fitted[name]), name


def test_columns_of_every_kind_learn():
    size = np.random.default_rng(0).normal(size=40)
    table = pa.table({"qid": np.repeat(np.arange(8), 5), "size": size, "brand": list("abcd") * 10})
    data = rk.from_arrow(table, columns={"brand": "category"})
    assert data.labels is None
    scorer = rk.MLPScorer.for_data(data, hidden=(8,), seed=0)
    codes = next(value for name, value in scorer.named_parameters() if name.startswith("transform.codes"))
    before = codes.detach().clone()
    rk.pretrain(scorer, data, **FEW)
    assert not torch.equal(before, codes)
    assert tuple(scorer.feature_names) == tuple(data.feature_names)


def found_again(scorer, data):
    """The share of documents whose hidden values under one corruption are nearest to their own under another."""
    corrupt, features = Corruption(DATA, 0.3, CPU, seed=0), torch.from_numpy(data.features)
    with Randomness(1, CPU).drawing(), torch.no_grad():
        first, second = (
            functional.normalize(scorer.hidden_values(corrupt(features), torch.from_numpy(data.offsets)), dim=1)
            for _ in range(2)
        )
    right = []
    for start, stop in zip(data.offsets[:-1], data.offsets[1:], strict=True):
        nearest = (first[start:stop] @ second[start:stop].T).argmax(dim=1)
        right += (nearest == torch.arange(stop - start)).tolist()
    return np.mean(right)


def test_documents_of_unseen_queries_are_found_again_by_what_was_learnt():
    unseen = rk.make_ranking(20, n_features=4, seed=7)
    fresh, learnt = (rk.MLPScorer(4, hidden=(32,), dropout=0.0, seed=0) for _ in range(2))
    fresh.transform.fit(DATA.features, DATA.offsets)
    rk.pretrain(learnt, DATA, corruption=0.3, **{**FEW, "epochs": 40})
    before, after = found_again(fresh.eval(), unseen), found_again(learnt, unseen)
    assert after > before + 0.02, (before, after)


def test_kinds_that_documents_show_without_labels_help_few_that_have_some():
    drawn = np.random.default_rng(0)
    centres, grades = drawn.normal(size=(8, 16)), drawn.integers(0, 4, size=8)
    kinds = drawn.integers(0, 8, size=2000)
    features = (centres[kinds] + 2 * drawn.normal(size=(2000, 16))).astype(np.float32)
    data = rk.from_arrays(features, grades[kinds].astype(np.float32), qids=np.repeat(np.arange(200), 10))
    values: dict[bool, list[float]] = {False: [], True: []}
    for begun, found in values.items():
        for seed in range(2):
            scorer = rk.MLPScorer(16, hidden=(32, 32), transform="standardize", dropout=0.0, seed=seed)
            if begun:
                rk.pretrain(scorer, data[:120], seed=seed, **{**FEW, "epochs": 15, "batch_queries": 16})
            rk.fit(scorer, "ranknet", data[:5], epochs=20, device="cpu", progress=False, seed=seed)
            found.append(rk.evaluate(scorer, data[120:], ["ndcg@10"]).means["ndcg@10"])
    assert np.mean(values[True]) > np.mean(values[False]) + 0.003, values


def test_collapse_is_told(monkeypatch):
    class Still(nn.Module):
        def __init__(self, n_inputs, **options):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(n_inputs))
            self.n_calls = 0

        objective = staticmethod(lambda: None)

        def forward(self, x, y, offsets):
            self.n_calls += 1
            kept = x if self.n_calls < 3 else torch.ones_like(x)
            return heads.Judged((x * self.scale).sum(), kept)

    monkeypatch.setitem(heads.HEADS, "simsiam", Still)
    with pytest.warns(CollapseWarning, match=r"pretrain with method='simclr_rank'"):
        rk.pretrain(network(), DATA, method="simsiam", **{**FEW, "epochs": 20, "learning_rate": 1e-9})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rk.pretrain(network(), DATA, **{**FEW, "epochs": 20})


@pytest.mark.parametrize(
    ("scorer", "message"),
    [
        (lambda: rk.LinearScorer(4), r"hidden_values\(features, offsets\).*; got LinearScorer. Choose one of mlp"),
        (lambda: rk.build("scorer", "additive", 4), "got AdditiveScorer"),
        (lambda: rk.build("scorer", "lightgbm", 4), "got LightGBM"),
        (lambda: rk.MLPScorer(4, hidden=()), "expected a network with layers that learn before its last one"),
        (lambda: rk.MLPScorer(4, prior=[[0]]), "expected a scorer without prior, which is learnt from labels"),
        (lambda: "mlp", "expected a scorer, a torch module; got 'mlp'"),
    ],
)
def test_what_has_nothing_to_pretrain_is_refused(scorer, message):
    with pytest.raises(ConfigError, match=rf"pretrain: .*{message}"):
        rk.pretrain(scorer(), DATA, **FEW)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "simclr"}, "method: expected one of simclr_rank, simsiam; got 'simclr'. Did you mean"),
        ({"corruption": 0.0}, "corruption: expected a number above 0 and below 1; got 0.0"),
        ({"corruption": 1.0}, "corruption: expected a number above 0 and below 1; got 1.0"),
        ({"temperature": 0}, "temperature: expected a finite number above 0; got 0"),
        ({"n_dims": 0}, "n_dims: expected a whole number of at least 1; got 0"),
        ({"epochs": 0}, "epochs: expected a whole number of at least 1; got 0"),
        ({"learning_rate": -1.0}, "learning_rate: expected a finite number above 0; got -1.0"),
    ],
)
def test_options_that_cannot_work_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        rk.pretrain(network(), DATA, **{**FEW, **options})


def test_data_that_teaches_nothing_is_refused():
    alone = rk.from_arrays(DATA.features, None, qids=np.arange(DATA.n_docs))
    with pytest.raises(DataError, match="expected queries of several documents"):
        rk.pretrain(network(), alone, **FEW)
    with pytest.raises(DataError, match="pretrain: train: expected 4 features"):
        rk.pretrain(network(), rk.make_ranking(4, n_features=3, seed=0), **FEW)
    with pytest.raises(DataError, match="pretrain: expected a RankingDataset as unlabelled; got 'somewhere'"):
        rk.pretrain(network(), "somewhere", **FEW)


def test_a_key_that_no_prior_looks_at_is_left_out():
    rng = np.random.default_rng(0)
    table = pa.table({"qid": np.repeat(np.arange(20), 6), "a": rng.normal(size=120), "k": rng.integers(0, 4, 120)})
    data = rk.from_arrow(table, columns={"k": "key"}, label=None)
    with pytest.warns(UserWarning, match="no prior looks at them: k"):
        scorer = rk.MLPScorer.for_data(data, hidden=(4,), seed=0)
    assert len(rk.pretrain(scorer, data, **FEW)) == 2
