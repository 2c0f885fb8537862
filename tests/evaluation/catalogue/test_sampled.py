"""Metrics on a sample: the draw against drawing items, the correction against a slow loop and its own promise."""

import numpy as np
import pytest

import rankkit as rk
from rankkit.data.interactions import split_interactions
from rankkit.errors import ConfigError, DataWarning
from rankkit.evaluation.catalogue import evaluate_scored
from rankkit.evaluation.catalogue.sampled import correction
from rankkit.models.recommenders import EASE
from tests.models.recommenders.drawn import drawn_log
from tests.oracles import recommendation as oracle

pytestmark = pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")


def gain(n, k=10):
    """ndcg@k of one item at each rank."""
    ranks = np.arange(1, n + 1)
    return np.where(ranks <= k, 1 / np.log2(1 + ranks), 0.0)


@pytest.mark.parametrize(("n", "n_drawn", "gamma"), [(30, 5, 0.1), (40, 12, 0.01), (9, 3, 1.0), (3, 20, 0.5)])
def test_the_correction_is_that_of_the_slow_loop(n, n_drawn, gamma):
    values = gain(n, 4)
    assert correction(values, n_drawn, gamma) == pytest.approx(
        oracle.sampled_correction(values.tolist(), n_drawn, gamma), abs=1e-9
    )


def test_it_is_the_best_of_its_kind():
    """No other worth of sampled ranks has less bias and variance together."""
    n, n_drawn, gamma = 50, 8, 0.1
    values = gain(n)
    best = correction(values, n_drawn, gamma)
    least = oracle.bias_and_variance(best.tolist(), values.tolist(), n_drawn, gamma)
    random = np.random.default_rng(0)
    for _ in range(50):
        other = best + random.normal(0, 0.01, len(best))
        assert oracle.bias_and_variance(other.tolist(), values.tolist(), n_drawn, gamma) > least
    assert oracle.bias_and_variance(values[: n_drawn + 1].tolist(), values.tolist(), n_drawn, gamma) > 3 * least


def test_ranks_that_nothing_leads_to_are_worth_nothing():
    assert correction(np.array([1.0]), 3).tolist() == [1, 0, 0, 0]
    assert correction(np.array([1.0, 0.5]), 3).round(12).tolist() == [1, 0, 0, 0.5]


def of_users(n_targets=1):
    """Scores of 600 users and 300 items whose held-out items stand rather high, and the split."""
    random = np.random.default_rng(3)
    scores = random.normal(size=(600, 300)).astype(np.float32)
    users, items = np.repeat(np.arange(600), n_targets), np.tile(np.arange(n_targets), 600)
    scores[users, items] += 2
    history = rk.Interactions(np.arange(601), np.full(600, 299, np.int32), np.arange(600), np.arange(300))
    offsets = np.arange(601) * n_targets
    targets = rk.Interactions(offsets, items.astype(np.int32), np.arange(600), np.arange(300))
    return scores, rk.Split("test", history, targets, "drawn")


@pytest.mark.parametrize("n_targets", [1, 3])
def test_raw_values_are_those_of_drawing_items(n_targets):
    scores, split = of_users(n_targets)

    def measured(seed):
        return evaluate_scored(
            lambda histories: scores[histories.user_ids], split, ["ndcg@10", "recall@5"], sampled=20, sampled_seed=seed
        ).sampled

    found = [measured(seed) for seed in range(40)]
    slow = [oracle.sampled_ndcg(scores, split, 20, 10, seed) for seed in range(8)]
    ours = np.array([one.raw["ndcg@10"] for one in found])
    error = 5 * ours.std() * np.sqrt(1 / len(ours) + 1 / len(slow))
    assert abs(ours.mean() - np.mean(slow)) < error
    assert measured(1) == measured(1) != measured(2)
    # Sampled far from the whole catalogue, corrected near it.
    for name in ("ndcg@10", "recall@5"):
        whole = found[0].whole[name]
        raw, corrected = (np.mean([getattr(one, kind)[name] for one in found]) for kind in ("raw", "corrected"))
        assert raw > whole + 0.2
        assert abs(corrected - whole) < 0.4 * (raw - whole)
    if n_targets == 1:
        means = evaluate_scored(lambda histories: scores[histories.user_ids], split, ["ndcg@10", "recall@5"]).means
        assert found[0].whole == pytest.approx(means, abs=1e-12)


def test_it_is_measured_only_when_asked_for_with_a_warning_and_in_any_blocks():
    test = split_interactions(drawn_log(), "ratio").test
    model = EASE(5.0).learn(test.history)
    assert rk.evaluate(model, test, ["ndcg@10"]).sampled is None
    with pytest.warns(DataWarning, match="can order systems otherwise than the whole"):
        report = rk.evaluate(model, test, ["ndcg@10", "coverage@10"], sampled=5, block_rows=3)
    assert report.sampled == rk.evaluate(model, test, ["ndcg@10"], sampled=5).sampled
    text = " ".join(str(report).split())
    assert "5 drawn" in text
    assert "held-out items one by one: among all candidates, and among 5 drawn" in text
    assert report.to_dict()["sampled"]["raw"] == report.sampled.raw
    assert list(report.means) == ["ndcg@10", "coverage@10"]


@pytest.mark.parametrize(
    ("metrics", "options", "text"),
    [
        ("ndcg@10", {"sampled": 0}, "expected sampled as a whole number from 1; got 0"),
        ("ndcg@10", {"sampled": True}, "got True"),
        ("mrr", {"sampled": 5}, "expected metrics of held-out items with a k, to measure on a sample; got mrr"),
        ("coverage@10", {"sampled": 5}, "got none"),
        ("ndcg@10", {"sampled": 5, "ties": "expected"}, "leaves ranks open"),
    ],
)
def test_what_cannot_be_sampled_is_refused(metrics, options, text):
    test = split_interactions(drawn_log(), "ratio").test
    with pytest.raises(ConfigError, match=text):
        rk.evaluate(EASE(5.0).learn(test.history), test, metrics, **options)
