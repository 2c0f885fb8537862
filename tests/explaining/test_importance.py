"""permutation_importance: what it shuffles, what a drop means, its interval."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import torch

import rankkit as rk
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.explaining.importance import draw_queries, permutation_importance
from rankkit.loaders.tables.tabular import from_pandas


def weighted_sum(*weights):
    """A scorer whose score is the weighted sum of the features."""
    scorer = rk.LinearScorer(len(weights), transform="none", bias=False)
    scorer.output.weight.data.copy_(torch.tensor([weights]))
    return scorer


@pytest.fixture(scope="module")
def data():
    return rk.make_ranking(30, n_features=6, seed=0)


def test_the_drop_is_the_mean_over_all_orders_of_a_list():
    values, labels = np.array([0.3, 0.2, 0.1], np.float32), np.array([0, 2, 1], np.float32)
    one = rk.from_arrays(values[:, None], labels, [7, 7, 7])
    orders = [
        rk.ndcg(torch.tensor([order]), torch.tensor(labels[None])).item() for order in itertools.permutations(values)
    ]
    before = rk.ndcg(torch.tensor(values[None]), torch.tensor(labels[None])).item()
    importance = rk.permutation_importance(weighted_sum(1.0), one, metric="ndcg", n_repeats=200)
    spread = np.std(orders) / np.sqrt(200)
    assert importance.baseline == pytest.approx(before)
    assert importance.drops[0] == pytest.approx(before - np.mean(orders), abs=4 * spread)


def test_a_feature_that_plays_no_part_drops_nothing(data):
    importance = rk.permutation_importance(weighted_sum(1.0, 0.5, 0, 0, 0, 0), data)
    assert importance.drops[2:].tolist() == importance.low[2:].tolist() == importance.high[2:].tolist() == [0, 0, 0, 0]
    assert importance.drops[0] > importance.drops[1] > 0
    assert (importance.low <= importance.drops).all()
    assert (importance.drops <= importance.high).all()
    assert importance.order.tolist()[:2] == [0, 1]


def test_a_feature_of_the_query_is_shuffled_among_queries(data):
    # It adds the same to all documents of a query, so it cannot change an order, however it is shuffled.
    importance = rk.permutation_importance(weighted_sum(1.0, 0, 0, 0, 0, 50.0), data)
    assert importance.shuffled == (*["documents"] * 5, "queries")
    assert importance.drops[5] == pytest.approx(0, abs=1e-12)


def test_a_feature_of_the_query_that_turns_another_around_is_important():
    signs, values = np.array([1, -1] * 10, np.float32), np.array([0.1, 0.2, 0.3], np.float32)
    features = np.stack([np.repeat(signs, 3), np.tile(values, 20)], axis=1)
    labels = np.where(features[:, 0] > 0, features[:, 1], 0.4 - features[:, 1]).round(1) * 10

    class Product(torch.nn.Module):
        def forward(self, features, offsets):
            return features[:, 0] * features[:, 1]

    pairs = rk.from_arrays(features, labels, np.repeat(np.arange(20), 3))
    importance = rk.permutation_importance(Product(), pairs, n_repeats=50)
    assert importance.shuffled == ("queries", "documents")
    upside_down = rk.evaluate_scores([1, 2, 3], [3, 2, 1], qids=[0, 0, 0]).means["ndcg@10"]
    assert importance.baseline == 1
    # Of twenty queries with two signs, ten each, half meet the other sign.
    assert importance.drops[0] == pytest.approx(0.5 * (1 - upside_down), abs=0.03)


def test_constant_and_missing_values():
    features = np.array([[1, np.nan], [1, 2], [1, np.nan], [1, 5]], np.float32)
    holes = rk.from_arrays(features, [0, 1, 0, 2], [1, 1, 2, 2])
    importance = rk.permutation_importance(weighted_sum(1.0, 1.0), holes, n_repeats=20)
    assert importance.shuffled == ("nothing", "documents")
    assert importance.drops[0] == 0 < importance.drops[1]


def test_the_interval_is_the_bootstrap_over_queries_of_the_drops(data):
    importance = rk.permutation_importance(weighted_sum(1.0, 0.2, 0, 0, 0, 0), data, n_resamples=2000)
    halves = [
        rk.permutation_importance(weighted_sum(1.0, 0.2, 0, 0, 0, 0), data[part])
        for part in (slice(0, 15), slice(15, 30))
    ]
    # The width falls with the root of the number of queries.
    ratio = np.mean([half.high[0] - half.low[0] for half in halves]) / (importance.high[0] - importance.low[0])
    assert ratio == pytest.approx(np.sqrt(2), rel=0.3)


def test_equal_arguments_give_equal_numbers_and_the_data_stays(data):
    before = data.features.copy()
    scorer = weighted_sum(1.0, 0.5, 0.2, 0, 0, 0)
    first, second = (rk.permutation_importance(scorer, data, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.drops, second.drops)
    assert not np.array_equal(first.drops, rk.permutation_importance(scorer, data, seed=4).drops)
    np.testing.assert_array_equal(data.features, before)


def test_whole_queries_are_drawn(data):
    drawn = draw_queries(data, 200, seed=0)
    assert isinstance(drawn, RankingDataset)
    assert 150 < drawn.n_docs <= 200
    assert set(drawn.qids) < set(data.qids)
    assert draw_queries(data, 1, seed=0).n_queries == 1
    assert draw_queries(data, 10**6, seed=0).fingerprint == data.fingerprint
    importance = rk.permutation_importance(weighted_sum(1.0, 0, 0, 0, 0, 0), data, max_docs=200)
    assert f"{drawn.n_queries} queries drawn from 30, {drawn.n_docs} documents" in " ".join(str(importance).split())


@pytest.mark.parametrize(("empty", "share"), [("zero", 1 / 2), ("one", 1 / 2), ("skip", 1)])
def test_queries_without_a_relevant_document_count_as_the_protocol_says(empty, share):
    data = rk.from_arrays([[3.0], [2.0], [1.0], [2.0]], [1, 0, 0, 0], [1, 1, 2, 2])
    protocol = rk.Protocol(name="own", empty=empty)
    importance = rk.permutation_importance(weighted_sum(1.0), data, protocol=protocol, n_repeats=400)
    first = rk.permutation_importance(weighted_sum(1.0), data[:1], n_repeats=400)
    assert importance.drops[0] == pytest.approx(share * first.drops[0], abs=0.02)
    assert importance.low[0] <= importance.drops[0] <= importance.high[0]


def test_table_and_files_say_the_same(data):
    importance = rk.permutation_importance(weighted_sum(1.0, 0.5, 0, 0, 0, 0), data)
    frame = importance.to_pandas()
    assert frame["feature"].tolist()[:2] == ["1", "2"]
    assert frame["drop"].is_monotonic_decreasing
    plain = json.loads(importance.to_json())
    assert plain["features"] == frame.to_dict("records")
    assert plain["evaluation"]["metrics"]["ndcg@10"]["mean"] == importance.baseline
    lines = str(importance).splitlines()
    assert lines[1] == f"1        {importance.drops[0]:+.4f}  [{importance.low[0]:+.4f}, {importance.high[0]:+.4f}]"
    assert "constant in each query: shuffled among queries" in str(importance)
    assert "and 4 more, none of them above +0.0000" in importance.table(2)
    assert repr(importance).startswith(f"Importance(ndcg@10={importance.baseline:.4f}; 1=")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_repeats": 0}, "expected n_repeats of 1 or more"),
        ({"max_docs": 0}, "expected max_docs of 1 or more"),
        ({"metric": "ndgc"}, "Did you mean 'ndcg'"),
        ({"protocol": "lihgtgbm"}, "Did you mean 'lightgbm'"),
    ],
)
def test_options_that_cannot_work_are_refused(data, options, message):
    with pytest.raises(rk.ConfigError, match=message):
        rk.permutation_importance(weighted_sum(1.0, 0, 0, 0, 0, 0), data, **options)


def test_data_that_does_not_fit_is_refused(data):
    with pytest.raises(rk.DataError, match="expected documents with labels"):
        rk.permutation_importance(weighted_sum(1.0), rk.from_arrays([[1.0]], None, [1]))
    with pytest.raises(rk.DataError, match="expected 2 features"):
        rk.permutation_importance(weighted_sum(1.0, 1.0), data)


def test_all_places_of_a_column_are_shuffled_together_under_its_name():
    rng = np.random.default_rng(0)
    n = 400
    embedding = rng.random((n, 3))
    frame = pd.DataFrame(
        {
            "qid": np.repeat(np.arange(40), 10),
            "label": rng.integers(0, 3, n),
            "noise": rng.random(n),
            "image": list(embedding),
            "brand": pd.Categorical(rng.choice(["oak", "elm"], n)),
            "day": np.repeat(pd.date_range("2026-01-01", periods=20), 20),
        }
    )
    data = from_pandas(frame)

    class Spread(torch.nn.Module):
        """The numbers of an embedding belong together: shuffled one by one, any two would differ."""

        schema, n_features, feature_names = data.schema, data.n_features, data.feature_names

        def forward(self, features, offsets):
            image = features[:, self.schema.spans["image"]]
            known = torch.from_numpy(embedding)
            assert (torch.cdist(image.double(), known).min(dim=1).values < 1e-5).all()
            return image.sum(dim=1)

    importance = permutation_importance(Spread(), data)
    assert importance.names == ("noise", "image", "brand", "day")
    assert importance.drops[1] != 0
    assert importance.drops[[0, 2, 3]].tolist() == [0, 0, 0]
    assert importance.shuffled == ("documents", "documents", "documents", "queries")
