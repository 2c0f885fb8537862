"""attribute(): exact where the answer is known, complete everywhere. The modules are rankkit.explaining.gradients and
rankkit.explaining.attribution.
"""

import json
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import rankkit as rk

pytest.importorskip("captum", reason="needs the extra [explain]")


@pytest.fixture(scope="module")
def data():
    return rk.make_ranking(12, n_features=4, seed=0, doc_ids=True)


def trained(data, **options):
    scorer = rk.MLPScorer(4, hidden=(16, 16), dropout=0.2, seed=0, **options)
    rk.fit(scorer, rk.ranknet_loss, data, epochs=2, device="cpu")
    return scorer


def scores_of(scorer, data, query):
    start, stop = data.offsets[query : query + 2]
    return rk.predict(scorer, data)[start:stop]


def test_of_a_weighted_sum_it_is_weight_times_distance_from_the_mean(data):
    scorer = rk.LinearScorer(4, transform="none", seed=0)
    found = rk.attribute(scorer, data, [(1, 0), (5, 3)])
    for place, (query, row) in enumerate([(0, 0), (4, 3)]):
        features = data[query].features
        expected = scorer.output.weight.detach().numpy()[0] * (features[row] - features.mean(axis=0))
        np.testing.assert_allclose(found.values[place], expected, atol=1e-6)
        np.testing.assert_array_equal(found.features[place], features[row])
    assert found.n_steps.tolist() == [64, 64]


@pytest.mark.filterwarnings("ignore:fit. prior of")
@pytest.mark.parametrize("scorer_class", ["LinearScorer", "LightGBM"])
def test_a_key_is_no_feature_and_what_is_remembered_of_it_is(scorer_class):
    if scorer_class == "LightGBM":
        pytest.importorskip("lightgbm")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"qid": np.repeat(np.arange(20), 10), "doc_id": rng.integers(100, 110, 200)})
    table["a"], table["b"] = rng.normal(size=(2, 200))
    table["label"] = (table["doc_id"] % 2 + table["a"] > 0.5).astype(int)
    data = rk.from_pandas(table, columns={"doc_id": "key"})
    scorer = getattr(rk, scorer_class).for_data(data, prior=["doc_id"])
    rk.fit(scorer, "lambdarank", data, epochs=2, progress=False)
    found = rk.attribute(scorer, data, [(3, 1), (4, 0)])
    numbers = [f"prior_{form}(doc_id)" for form in ("mean", "lift", "count")]
    assert sorted(found.names) == sorted(["a", "b", *numbers])
    assert found.complete.all()
    assert set(found.to_pandas()["feature"]) == set(found.names)


@pytest.mark.parametrize("options", [
    {},
    {"transform": "quantile:8"},
    {"transform": ["query_standardize", "piecewise:4", "log1p+standardize"], "normalization": "batch"},
    {"activation": "gelu", "residual": True, "transform": "query_minmax"},
    {"context": "z+rank+gap"},
], ids=["default", "quantile", "several", "gelu", "context"])  # fmt: skip
def test_attributions_add_up_to_what_they_explain(data, options):
    scorer = trained(data, **options)
    found = rk.attribute(scorer, data, [(3, 1), (4, 0)])
    assert found.complete.all()
    for place, (query, row) in enumerate([(2, 1), (3, 0)]):
        assert found.scores[place] == pytest.approx(scores_of(scorer, data, query)[row], abs=1e-5)
    assert np.abs(found.values.sum(axis=1) - (found.scores - found.mean_scores)).max() < 1e-3


def test_of_several_outputs_the_one_score_is_explained(data):
    scorer = rk.MLPScorer(4, hidden=(8,), n_outputs=5, seed=0)
    scorer.transform.fit(data.features, data.offsets)
    found = rk.attribute(scorer, data, [(1, 2)])
    assert found.complete.all()
    assert found.scores[0] == pytest.approx(scores_of(scorer, data, 0)[2], abs=1e-5)


def test_a_feature_on_which_a_query_agrees_adds_nothing():
    data = rk.make_ranking(12, n_features=6, seed=0)
    scorer = rk.MLPScorer(6, hidden=(8,), seed=0)
    scorer.transform.fit(data.features, data.offsets)
    assert rk.attribute(scorer, data, [(1, 0)]).values[0, 5] == 0


def test_missing_values_are_explained(data):
    holes = rk.from_arrays([[np.nan, 1.0], [2.0, 3.0], [0.5, np.nan]], None, [7, 7, 7])
    scorer = rk.MLPScorer(2, hidden=(4,), seed=0)
    scorer.transform.fit(holes.features, holes.offsets)
    found = rk.attribute(scorer, holes, [(7, 0), (7, 2)])
    assert found.complete.all()
    assert json.loads(found.to_json())["documents"][0]["values"] == [None, 1.0]


class ListSum(nn.Module):
    """Looks at the whole list: own weighted sum, plus that of the mean of the list."""

    def __init__(self, data):
        super().__init__()
        self.n_features, self.n_outputs, self.readout, self.feature_names = 4, 1, None, None
        self.transform = rk.LinearScorer(4, transform="standardize").transform
        self.transform.fit(data.features, data.offsets)
        self.own, self.shared = nn.Linear(4, 1, bias=False), nn.Linear(4, 1, bias=False)

    def forward(self, features, offsets):
        rows = self.transform(features, offsets)
        sizes = offsets.diff()
        query = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
        means = torch.zeros(len(sizes), 4, dtype=rows.dtype).index_add_(0, query, rows) / sizes[:, None]
        return (self.own(rows) + self.shared(means)[query]).squeeze(-1)


def test_where_a_scorer_looks_at_lists_the_other_documents_stay(data):
    torch.manual_seed(0)
    scorer = ListSum(data)
    found = rk.attribute(scorer, data, [(2, 1)])
    rows = scorer.transform(torch.from_numpy(data[1].features), torch.tensor([0, data[1].n_docs]))
    weights = scorer.own.weight + scorer.shared.weight / len(rows)
    expected = (weights * (rows[1] - rows.mean(dim=0))).detach().numpy()[0]
    np.testing.assert_allclose(found.values[0], expected, atol=1e-5)
    assert found.scores[0] == pytest.approx(scores_of(scorer, data, 1)[1], abs=1e-5)


def test_the_scorer_is_left_as_it_is(data):
    scorer = trained(data).train()
    before = {name: value.clone() for name, value in scorer.state_dict().items()}
    rk.attribute(scorer, data, [(1, 0)])
    assert scorer.training
    assert all(torch.equal(value, before[name]) for name, value in scorer.state_dict().items())
    assert next(scorer.parameters()).dtype == torch.float32


def test_a_step_function_is_told_to_be_incomplete(data):
    class Steps(nn.Module):
        def __init__(self):
            super().__init__()
            self.n_features, self.readout, self.feature_names = 4, None, None
            self.transform = rk.LinearScorer(4, transform="none").transform
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, features, offsets):
            rows = self.transform(features, offsets)
            return (rows + 3 * (rows > 0.4)).sum(dim=1) * self.scale

    row = int(data[0].features[:, 0].argmax())
    assert data[0].features[row, 0] > 0.4 > data[0].features[:, 0].mean()
    found = rk.attribute(Steps(), data, [(1, row)])
    assert (found.complete.tolist(), found.n_steps.tolist()) == ([False], [4096])
    assert "NOT complete within 0.001: read them with care" in str(found)


def test_table_and_files_say_the_same(data):
    found = rk.attribute(trained(data), data, [(1, 2), ("2", 0)])
    assert (repr(found), found.title(0)) == ("Attributions(2 documents, 4 features)", "query 1, row 2 (1-3)")
    frame = found.to_pandas()
    assert frame.columns.tolist() == ["qid", "row", "doc_id", "feature", "value", "attribution"]
    np.testing.assert_array_equal(frame["attribution"].to_numpy().reshape(2, 4), found.values)
    plain = json.loads(found.to_json())
    assert plain["features"] == ["1", "2", "3", "4"]
    assert plain["documents"][1]["attributions"] == found.values[1].tolist()
    first = found.order(0)[0]
    lines = found.table(1).splitlines()
    assert lines[3].split() == [f"{first + 1}", f"{found.features[0, first]:g}", f"{found.values[0, first]:+.4f}"]
    assert lines[4].split()[:2] == ["3", "more"]
    assert lines[5].split() == ["score", f"{found.scores[0]:+.4f}"]
    shown = [float(line.split()[-1]) for line in lines[2:5]]
    assert sum(shown) == pytest.approx(found.scores[0], abs=2e-3)
    assert "steps: complete." in lines[6]


@pytest.mark.parametrize(
    ("made", "options"),
    [
        (rk.MLPScorer, {"hidden": (8,)}),
        (rk.DCNScorer, {"hidden": (8,)}),
        (rk.AdditiveScorer, {"hidden": (8,)}),
        (rk.LinearScorer, {}),
    ],
)
def test_of_a_category_it_is_that_of_its_embedding(made, options):
    random, n_docs = np.random.default_rng(0), 60
    table = {
        "qid": np.repeat(np.arange(6), 10),
        "x": random.random(n_docs),
        "brand": random.choice(["elm", "oak"], n_docs),
        "y": random.random(n_docs),
    }
    table = pd.DataFrame({**table, "label": (table["brand"] == "oak") * 2})
    data = rk.from_pandas(table, columns={"brand": "category"})
    scorer = made.for_data(data, **options, seed=0)
    rk.fit(scorer, rk.ranknet_loss, data, epochs=2, device="cpu", progress=False)
    found = rk.attribute(scorer, data, [(0, 3)])
    assert found.complete.all()
    assert found.scores[0] == pytest.approx(rk.predict(scorer, data)[3], abs=1e-5)
    assert found.names == ("x", "brand", "y")
    assert (found.values[0] != 0).all()


@pytest.mark.parametrize(
    ("docs", "message"),
    [([("x", 0)], "expected the id of a query"), ([(1, 99)], "expected a row of query 1 from 0 to"), ([], "got none")],
)
def test_documents_that_are_not_there_are_refused(data, docs, message):
    with pytest.raises(rk.DataError, match=message):
        rk.attribute(rk.LinearScorer(4, transform="none"), data, docs)


def test_without_captum_it_says_how_to_get_it(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(rk.ConfigError, match=r"pip install 'rankkit-torch\[explain\]'"):
        rk.attribute(rk.LinearScorer(4, transform="none"), data, [(1, 0)])
