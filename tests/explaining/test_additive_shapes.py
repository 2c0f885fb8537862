"""shapes(): what values add, counted and weighed by hand."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

import rankkit as rk


@pytest.fixture(scope="module")
def data():
    random, n_docs = np.random.default_rng(0), 60
    table = pd.DataFrame(
        {
            "qid": np.repeat(np.arange(6), 10),
            "label": random.integers(0, 3, n_docs),
            "x": random.permutation(np.repeat([1.0, 2.0, 4.0], 20)),
            "brand": random.permutation(np.repeat(["elm", "oak", None], 20)),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 99, n_docs), unit="D"),
            "many": random.random(n_docs),
        }
    )
    table.loc[::3, "many"] = np.nan
    return rk.from_pandas(table, columns={"brand": "category"})


@pytest.fixture(scope="module")
def scorer(data):
    made = rk.AdditiveScorer.for_data(data, hidden=(4,), seed=0)
    rk.fit(made, "ranknet", data, epochs=2, device="cpu", progress=False)
    return made


def test_what_the_values_of_a_document_add_is_its_score(data, scorer):
    found = {one.name: one for one in rk.shapes(scorer, data, n_points=100).columns}
    features, offsets = torch.from_numpy(data.features), torch.from_numpy(data.offsets)
    added = scorer.contributions(features, offsets).detach().numpy()
    place = list(data.schema.spans).index("x")
    for value, of_value, n_docs in zip(found["x"].values, found["x"].added, found["x"].n_docs, strict=True):
        rows = data.features[:, data.schema.spans["x"].start] == value
        assert n_docs == rows.sum() == 20
        np.testing.assert_allclose(added[rows, place] - added[:, place].mean(), of_value, atol=1e-5)
    scores = rk.predict(scorer, data)
    np.testing.assert_allclose(added.sum(axis=1) + scorer.bias.item(), scores, atol=1e-5)
    for one in found.values():
        assert one.n_docs.sum() == (data.n_docs if one.values else 0)
        if one.values and one.name != "many":
            assert one.added @ one.n_docs == pytest.approx(0, abs=1e-3)


@pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")
@pytest.mark.parametrize("as_key", [True, False])
def test_the_numbers_of_a_prior_are_columns_and_its_key_is_none(as_key):
    random = np.random.default_rng(0)
    table = pd.DataFrame({"qid": np.repeat(np.arange(20), 6), "id": random.integers(0, 9, 120)})
    table["x"], table["label"] = random.normal(size=120), table["id"] % 3
    if as_key:
        data, prior = rk.from_pandas(table, columns={"id": "key"}), ["id"]
    else:  # numbers alone, without names
        data = rk.from_arrays(table[["id", "x"]].to_numpy(np.float32), table["label"], table["qid"])
        prior = [[0]]
    scorer = rk.AdditiveScorer.for_data(data, hidden=(4,), prior=prior, seed=0)
    rk.fit(scorer, "ranknet", data, epochs=2, device="cpu", progress=False)
    found = {one.name: one for one in rk.shapes(scorer, data, n_points=200).columns}
    own = {"x"} if as_key else {"1", "2"}
    key = "id" if as_key else "1"
    assert found.keys() == {*own, *(f"prior_{form}({key})" for form in ("mean", "lift", "count"))}
    scores = rk.predict(scorer, data).reshape(20, 6)
    seen = scorer.transform.before.columns_of(data.features)
    names = [key, "x" if as_key else "2", *(f"prior_{form}({key})" for form in ("mean", "lift", "count"))]
    added = np.zeros(120)
    for place, name in enumerate(names):
        if name in found:
            added += [found[name].added[found[name].values.index(value)] for value in seen[:, place].tolist()]
    added = added.reshape(20, 6)
    np.testing.assert_allclose(added - added[:, :1], scores - scores[:, :1], atol=1e-5)


def test_values_are_those_of_the_data(data, scorer):
    found = {one.name: one for one in rk.shapes(scorer, data, n_points=5).columns}
    assert found["x"].values == (1.0, 2.0, 4.0)
    assert found["brand"].values == ("elm", "oak", "<missing>")
    assert found["day"].values == ()
    *numbers, last = found["many"].values
    assert last == "<missing>"
    assert len(numbers) == 5
    assert numbers == sorted(numbers)
    assert found["many"].n_docs[-1] == 20


def test_words_that_training_did_not_have_are_unseen(data, scorer):
    table = pd.DataFrame({"qid": [1, 1], "x": [1.0, 2.0], "brand": ["elm", "yew"], "many": [0.1, 0.2]})
    table["day"] = pd.Timestamp("2024-01-05")
    found = {one.name: one for one in rk.shapes(scorer, table).columns}
    assert found["brand"].values == ("elm", "<unseen>")


def test_the_spread_is_within_queries(data, scorer):
    found = rk.shapes(scorer, data)
    added = scorer.contributions(torch.from_numpy(data.features), torch.from_numpy(data.offsets)).detach().numpy()
    for place, one in enumerate(found.columns):
        parts = np.split(added[:, place], data.offsets[1:-1])
        expected = np.mean([abs(value - part.mean()) for part in parts for value in part])
        assert one.spread == pytest.approx(expected, rel=1e-4)
    spreads = [found.columns[place].spread for place in found.order]
    assert spreads == sorted(spreads, reverse=True)


def test_tables(data, scorer):
    found = rk.shapes(scorer, data)
    frame = found.to_pandas()
    assert list(frame.columns) == ["column", "spread", "value", "added", "n_docs"]
    assert len(frame) == sum(len(one.values) for one in found.columns)
    assert json.loads(found.to_json()) == found.to_dict()
    lines = found.table().splitlines()
    assert lines[0].split() == ["column", "spread", "adds", "least", "adds", "most"]
    brand = next(line for line in lines if line.startswith("brand"))
    one = found.columns[[column.name for column in found.columns].index("brand")]
    assert f"{one.added.min():+.4f} at {one.values[one.added.argmin()]}" in brand
    assert next(line for line in lines if line.startswith("day")).endswith("of several numbers")
    assert "and 3 more" in found.table(1)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            lambda: rk.MLPScorer(3),
            "expected a scorer that is a sum over columns; got MLPScorer. Train the scorer additive",
        ),
        (lambda: rk.AdditiveScorer(3, context="z"), "got context='z', which compares the documents of a query"),
        (lambda: rk.AdditiveScorer(3, n_outputs=3), "of one output; got 3, which are read together as expected_grade"),
    ],
)
def test_where_values_alone_do_not_say_what_they_add(made, message):
    with pytest.raises(rk.ConfigError) as error:
        rk.shapes(made(), rk.make_ranking(3, n_features=3, seed=0))
    assert message in str(error.value)


def test_what_cannot_be_is_refused(data, scorer):
    with pytest.raises(rk.ConfigError, match="expected n_points of at least 2; got 1"):
        rk.shapes(scorer, data, n_points=1)
    with pytest.raises(rk.DataError, match="expected documents, whose values are looked at; got none"):
        rk.shapes(scorer, data[:0])
