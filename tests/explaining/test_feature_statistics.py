"""Statistics of features, against values by hand, numpy and the slow metrics."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.synthetic import make_mslr_like, make_ranking
from rankkit.errors import DataError
from rankkit.evaluation import evaluate_scores
from rankkit.explaining.feature_statistics import N_BINS, PERCENTILES, feature_statistics
from rankkit.loaders.files import read
from rankkit.loaders.tables.given_arrays import from_arrays
from tests.oracles import metrics as oracle

NAN = float("nan")


def by_hand():
    # Query a: labels 0, 2, 1. Query b: none relevant.
    return from_arrays(
        [[1, 5, NAN, 0, NAN], [3, 5, 2, 0, NAN], [2, 5, 1, -4, NAN], [4, 5, NAN, 0, NAN]],
        [0, 2, 1, 0],
        ["a", "a", "a", "b"],
        feature_names=["good", "same", "gaps", "low", "none"],
    )


def test_every_value_by_hand():
    statistics = feature_statistics(by_hand())
    table = statistics.to_pandas()
    assert table.loc["good", ["min", "5%", "25%", "median", "75%", "95%", "max"]].tolist() == [1, 1, 1, 2, 3, 4, 4]
    assert table.loc["gaps", ["min", "median", "max"]].tolist() == [1, 1, 2]
    assert table["mean"].tolist()[:4] == [2.5, 5, 1.5, -1]
    assert table["zeros"].tolist() == [0, 0, 0, 0.75, 0]
    assert table["missing"].tolist() == [0, 0, 0.5, 0, 1]
    assert table.loc["none", ["min", "median", "max", "mean"]].isna().all()

    def gain(*labels):
        return sum((2**label - 1) / math.log2(1 + rank) for rank, label in enumerate(labels, start=1))

    best = gain(2, 1, 0)
    expected = {
        "good": gain(2, 1, 0) / best,  # 3, 2, 1
        "same": gain(0, 1, 2) / best,  # tied: least relevant first
        "gaps": gain(2, 1, 0) / best,  # 2, 1, missing last
        "low": gain(1, 0, 2) / best,  # low first: -4 has label 1, then 0 and 2 are tied
        "none": gain(0, 1, 2) / best,
    }
    # Query b has no relevant document and counts 0.
    np.testing.assert_allclose(table["ndcg@10"], [value / 2 for value in expected.values()], rtol=1e-12)
    assert table["best_first"].tolist() == ["high", "either", "high", "low", "either"]
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    assert statistics.random_ndcg == pytest.approx(sum(gain(*order) for order in orders) / 6 / best / 2, rel=1e-12)
    assert statistics.order.tolist() == [0, 2, 3, 1, 4]


def test_the_table_has_80_columns_and_the_best_features_first():
    lines = str(feature_statistics(by_hand())).splitlines()
    assert lines[0] == "feature                 min   median     mean      max  zeros    NaN ndcg@10 by"
    assert lines[1] == "good                      1        2      2.5        4   0.0%   0.0%  0.5000 +"
    assert lines[3].split()[0] == "low"
    assert lines[3].endswith(" -")
    assert lines[-1].startswith("by: + high values first, - low values first. At random: ndcg@10 0.3")
    wide = str(feature_statistics(make_mslr_like(10)))
    assert max(map(len, wide.splitlines())) <= 80
    named = replace(by_hand(), feature_names=("a" * 40, "b", "c", "d", "e"))
    assert "a" * 16 + "…" in str(feature_statistics(named))


def test_without_labels_there_is_no_importance():
    statistics = feature_statistics(replace(by_hand(), labels=None))
    assert (statistics.ndcg, statistics.best_first, statistics.random_ndcg) == (None, None, None)
    assert "ndcg@10" not in statistics.to_pandas().columns
    assert "ndcg" not in str(statistics)
    assert statistics.order.tolist() == [0, 1, 2, 3, 4]
    assert repr(statistics) == "FeatureStatistics(5 features of 4 documents)"


def test_without_documents():
    statistics = feature_statistics(from_arrays(np.zeros((0, 2)), [], []))
    assert statistics.zeros.tolist() == [0, 0]
    assert np.isnan(statistics.quantiles).all()
    assert np.isnan(statistics.ndcg).all()
    assert str(statistics).count("\n") == 4


def test_labels_beyond_the_exponential_gain():
    data = from_arrays([[1], [2]], [5000, 0], [1, 1])
    with pytest.raises(DataError, match=r"expected labels up to 1000.* Pass gain='linear'"):
        feature_statistics(data)
    assert feature_statistics(data, gain="linear").ndcg.tolist() == [1.0]


def test_inputs_stay_as_they_are():
    data = make_ranking(5)
    before = data.fingerprint
    feature_statistics(data)
    assert RankingDataset(data.features, data.labels, data.offsets, data.qids).fingerprint == before


def test_histograms_by_hand():
    values = np.arange(240, dtype=np.float32)
    spread = feature_statistics(from_arrays(values[:, None], None, np.zeros(240, int))).histograms[0]
    # Percentile 1 is 2, percentile 99 is 237: bins of 235/24 = 9.8; the two values beyond each count in the outer ones.
    assert spread.tolist() == [12, *np.diff(np.ceil(2 + 235 / 24 * np.arange(1, 24))).astype(int), 12]
    constant = feature_statistics(from_arrays(np.full((7, 1), 3), None, np.zeros(7, int))).histograms[0]
    assert constant.tolist() == [0] * 12 + [7] + [0] * 11
    nearly = np.zeros((1000, 1))
    nearly[5] = 8
    assert feature_statistics(from_arrays(nearly, None, np.zeros(1000, int))).histograms[0].tolist() == [
        999, *[0] * 22, 1,
    ]  # fmt: skip


VALUES = st.sampled_from([NAN, 0.0, -0.0, 1.0, 2.0, -3.0]) | st.floats(-(2.0**99), 2.0**99, width=32)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_against_numpy_and_the_slow_metrics(draw):
    sizes = draw.draw(st.lists(st.integers(1, 5), min_size=1, max_size=6))
    n_docs, n_features = sum(sizes), draw.draw(st.sampled_from([1, 3, 17, 33]))
    columns = draw.draw(hnp.arrays(np.float32, (n_docs, 3), elements=VALUES))
    features = columns[:, np.arange(n_features) % 3].copy()
    labels = draw.draw(hnp.arrays(np.float32, n_docs, elements=st.sampled_from([0, 0, 1, 2, 4])))
    data = from_arrays(features, labels, np.repeat(np.arange(len(sizes)), sizes))
    statistics = feature_statistics(data)
    for place in range(n_features):
        column = features[:, place].astype(np.float64)
        there = column[~np.isnan(column)]
        assert statistics.zeros[place] == (column == 0).mean()
        assert statistics.missing[place] == np.isnan(column).mean()
        assert statistics.histograms[place].sum() == len(there)
        assert statistics.histograms.shape[1] == N_BINS
        if len(there):
            expected = np.quantile(there, np.array(PERCENTILES) / 100, method="inverted_cdf")
            np.testing.assert_array_equal(statistics.quantiles[place], expected)
            np.testing.assert_allclose(statistics.means[place], there.mean(), rtol=1e-6, atol=1e-6 * abs(there).max())
        means = []
        for sign in (1, -1):
            scores = np.where(np.isnan(column), -1e300, sign * column)  # last
            per_query = [
                oracle.ndcg(oracle.ranked_labels(part, grades), k=10)
                for part, grades in zip(
                    np.split(scores, data.offsets[1:-1]),
                    np.split(labels.astype(float), data.offsets[1:-1]),
                    strict=True,
                )
            ]
            means.append(np.mean([0 if math.isnan(value) else value for value in per_query]))
        assert statistics.ndcg[place] == pytest.approx(max(means), abs=1e-12)
        if abs(means[0] - means[1]) > 1e-9:
            assert statistics.best_first[place] == ("high" if means[0] > means[1] else "low")


def test_importance_is_what_evaluate_gives_for_the_feature_as_score():
    data = make_ranking(30, n_features=4, seed=3)
    statistics = feature_statistics(data)
    qids = np.repeat(data.qids, data.list_sizes)
    for place in range(4):
        sign = 1 if statistics.best_first[place] == "high" else -1
        report = evaluate_scores(sign * data.features[:, place], data.labels, qids=qids, metrics=["ndcg@10"])
        assert statistics.ndcg[place] == pytest.approx(report.means["ndcg@10"], abs=1e-12)


@pytest.mark.realdata
def test_the_best_feature_of_mq2008_is_the_one_that_its_readme_names(real_data):
    statistics = feature_statistics(read(real_data / "mq2008" / "Fold1" / "test.txt.gz"))
    best = statistics.order[0]
    assert statistics.names[best] == "38"
    # The README breaks ties by row order, rankkit puts the least relevant first.
    assert statistics.ndcg[best] == pytest.approx(0.4589, abs=5e-4)
    # The README has one random order of 156 queries, whose standard error is about 0.03; this is the mean over all.
    assert statistics.random_ndcg == pytest.approx(0.3428, abs=0.03)
