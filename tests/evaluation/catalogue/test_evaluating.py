"""evaluate_recommender(): every metric against sorting the whole catalogue, for any ties, masks and blocks."""

from dataclasses import replace

import numpy as np
import pytest

import rankkit as rk
from rankkit.data.interactions import Interactions, Split, split_interactions
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.catalogue import evaluate_recommender
from rankkit.loaders.interactions.reading import read_interactions
from rankkit.models.recommenders import EASE, Markov, Popularity
from rankkit.models.recommenders.recommender import Recommender
from tests.models.recommenders.drawn import drawn_log
from tests.oracles import recommendation as oracle

METRICS = ("ndcg", "recall", "precision", "hit_rate", "mrr", "map")


class Given(Recommender):
    """Scores that are given, a row for each user of the log."""

    def __init__(self, table):
        self.table = table

    def _learn(self, train, seed):
        pass

    def _score(self, histories):
        return self.table[self.log.user_positions(histories.user_ids)]

    def _arrays(self):
        return {}

    def _take(self, arrays):
        pass


def tied_case(seed, by="ratio"):
    """Scores of four levels, so that nearly all are tied, and a split with several items to be found."""
    log = drawn_log(seed=seed)
    splits = split_interactions(log, by, test=None if by == "leave_last" else 0.3)
    table = np.random.default_rng(seed).integers(0, 4, (log.n_users, log.n_items)).astype(np.float32)
    return Given(table).learn(splits.test.history), splits.test


@pytest.mark.parametrize("by", ["leave_last", "ratio"])
@pytest.mark.parametrize("ties", ["pessimistic", "stable"])
@pytest.mark.parametrize("exclude_seen", [True, False])
def test_metrics_are_those_of_the_sorted_catalogue(by, ties, exclude_seen):
    for seed in range(5):
        model, test = tied_case(seed, by)
        ks = (1, 3, 10, 100)
        asked = [f"{metric}@{k}" for metric in METRICS for k in ks]
        found = evaluate_recommender(model, test, asked, ties=ties, exclude_seen=exclude_seen, block_rows=7)
        for place, user in enumerate(test.users.tolist()):
            seen = set(test.history[user].items.tolist()) if exclude_seen else set()
            wanted = set(test.targets[user].items.tolist()) - seen
            candidates = [item for item in range(model.log.n_items) if item not in seen]
            for k in ks:
                if not wanted:
                    assert np.isnan(found.accuracy.per_query[f"ndcg@{k}"][place])
                    continue
                expected = oracle.metrics_of_user(model.table[user], candidates, wanted, k, ties)
                for metric in METRICS:
                    value = found.accuracy.per_query[f"{metric}@{k}"][place]
                    assert value == pytest.approx(expected[metric], abs=1e-12), (metric, k, user)


@pytest.mark.parametrize("by", ["leave_last", "ratio"])
def test_expected_ties_are_the_mean_over_orders(by):
    model, test = tied_case(2, by)
    asked = ["ndcg@5", "recall@5", "mrr", "map", "ndcg"]
    found = evaluate_recommender(model, test, asked, ties="expected").accuracy
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(400):
        noisy = Given(model.table + random.random(model.table.shape, np.float32) * 0.5).learn(model.log)
        drawn.append(evaluate_recommender(noisy, test, asked).accuracy.per_query)
    for metric in asked:
        defined = ~np.isnan(found.per_query[metric])
        values = np.stack([one[metric][defined] for one in drawn])
        error = 6 * values.std(axis=0) / np.sqrt(len(values)) + 1e-9
        assert (np.abs(values.mean(axis=0) - found.per_query[metric][defined]) <= error).all(), metric


def test_metrics_without_k_are_those_of_the_whole_catalogue():
    model, test = tied_case(1)
    found = evaluate_recommender(model, test, ["ndcg", "mrr", "map"]).means
    at_all = evaluate_recommender(model, test, [f"{name}@{model.log.n_items}" for name in ("ndcg", "mrr", "map")]).means
    assert list(found.values()) == pytest.approx(list(at_all.values()), abs=1e-12)


def test_items_outside_the_candidates_are_missed():
    model, test = tied_case(1)
    within = model.log.item_ids[::2]
    found = evaluate_recommender(model, test, ["recall@5", "coverage@5"], within=within)
    for place, user in enumerate(test.users.tolist()):
        seen = set(test.history[user].items.tolist())
        wanted = set(test.targets[user].items.tolist()) - seen
        candidates = [item for item in range(0, model.log.n_items, 2) if item not in seen]
        if wanted:
            expected = oracle.metrics_of_user(model.table[user], candidates, wanted, 5)["recall"]
            assert found.accuracy.per_query["recall@5"][place] == pytest.approx(expected)
    assert set(np.unique(found.lists.items)) <= {-1, *range(0, model.log.n_items, 2)}
    assert found.accuracy.n_unretrieved > 0


def test_a_constant_scorer_gains_nothing_by_the_order_of_items():
    _, test = tied_case(0, "leave_last")
    constant = Given(np.zeros((test.history.n_users, test.history.n_items), np.float32)).learn(test.history)
    assert evaluate_recommender(constant, test, "hit_rate@3").means["hit_rate@3"] < 0.1


@pytest.mark.parametrize("block_rows", [1, 6, 1000])
def test_blocks_of_any_size_measure_the_same(block_rows):
    test = split_interactions(drawn_log(), "ratio").test
    model = EASE(5.0).learn(test.history)
    asked = ["ndcg@10", "mrr", "coverage@10", "novelty@10"]
    found = evaluate_recommender(model, test, asked, block_rows=block_rows).means
    assert found == pytest.approx(evaluate_recommender(model, test, asked).means, abs=1e-9)


def test_what_was_decided_is_said_and_nobody_is_left_out_silently():
    log = Interactions.from_events([0, 0, 0, 1, 1], [5, 6, 5, 6, 7], times=[1, 2, 9, 1, 9])
    strangers = Interactions.from_events([2], [5], times=[9])
    splits = split_interactions(log.keep(log.times < 5), "given", test=strangers)
    found = evaluate_recommender(Popularity().learn(splits.test.history), splits.test, "mrr")
    assert "1 of 1 users have no history: they get the most popular items." in found.remarks
    seen = split_interactions(log, "time", test=0.4).test
    model = Popularity().learn(seen.history)
    found = evaluate_recommender(model, seen, ["recall@2"])
    assert any("1 of 2 held-out items are in the history" in remark for remark in found.remarks)
    assert np.isnan(found.accuracy.per_query["recall@2"][0])
    assert found.accuracy.n_empty == 1
    assert "1 of 2 count as 0" in " ".join(str(found).split())
    skipped = evaluate_recommender(model, seen, ["recall@2"], empty="skip")
    assert skipped.means["recall@2"] == 2 * found.means["recall@2"]
    with pytest.raises(DataError, match=r"got none for 1 of 2, first 0"):
        evaluate_recommender(model, seen, ["recall@2"], empty="error")
    assert found.to_pandas().columns.tolist() == ["user", "recall@2"]


@pytest.mark.parametrize(
    ("metrics", "options", "error", "message"),
    [
        ("bpref", {}, ConfigError, "expected metrics of held-out items"),
        ("ndgc@10", {}, ConfigError, "ndgc"),
        ("coverage", {}, ConfigError, r"expected 'coverage@k'"),
        ("diversity@5", {}, ConfigError, "expected features of the items, for diversity"),
        ("diversity@5", {"features": np.zeros((2, 2))}, DataError, "expected features as finite numbers"),
        ("calibration@5", {"features": -np.ones((24, 2))}, DataError, "expected classes of 0 or more"),
        ("mrr", {"ties": "trec"}, ConfigError, "expected ties"),
        ("mrr", {"within": [-1]}, DataError, "learnt from; got -1"),
    ],
)
def test_what_cannot_be_measured_is_refused(metrics, options, error, message):
    test = split_interactions(drawn_log(), "leave_last").test
    with pytest.raises(error, match=message):
        evaluate_recommender(Popularity().learn(test.history), test, metrics, **options)


def test_other_items_and_models_that_have_not_learnt_are_refused():
    test = split_interactions(drawn_log(), "leave_last").test
    with pytest.raises(ConfigError, match="that has learnt"):
        evaluate_recommender(Popularity(), test)
    with pytest.raises(DataError, match="expected the items that the recommender learnt from"):
        evaluate_recommender(Popularity().learn(drawn_log(text=True)), test)
    nobody = Split("test", test.history, test.targets.keep(np.zeros(test.targets.n_events, bool)), "none")
    with pytest.raises(DataError, match="expected users with items to be found"):
        evaluate_recommender(Popularity().learn(test.history), nobody)
    table = np.full((test.history.n_users, test.history.n_items), np.nan, np.float32)
    with pytest.raises(DataError, match="got NaN"):
        evaluate_recommender(Given(table).learn(test.history), test)


@pytest.mark.realdata
@pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")
def test_ease_on_movielens_has_the_figures_of_four_other_packages(real_data):
    log = read_interactions(real_data / "ml-100k" / "u.data.gz")
    test = split_interactions(log, "leave_last").test
    found = evaluate_recommender(EASE(100.0).learn(test.history), test, ["ndcg@10", "hit_rate@10"]).means
    assert found["ndcg@10"] == pytest.approx(0.072292, abs=1e-6)
    assert found["hit_rate@10"] == pytest.approx(0.148462, abs=1e-6)
    markov = evaluate_recommender(Markov().learn(test.history), test, "ndcg@10").means
    assert markov["ndcg@10"] > 0.11
    transposed = EASE(100.0).learn(test.history)
    transposed._weights = transposed._weights.T.contiguous()
    found = evaluate_recommender(transposed, test, ["ndcg@10", "hit_rate@10"]).means
    assert found["ndcg@10"] == pytest.approx(0.07395, abs=1e-5)  # what RecTools gives
    assert found["hit_rate@10"] == pytest.approx(0.14104, abs=1e-5)


def test_targets_that_repeat_count_once():
    test = split_interactions(drawn_log(), "leave_last").test
    twice = replace(
        test,
        targets=Interactions(
            test.targets.offsets * 2,
            np.repeat(test.targets.items, 2),
            test.targets.user_ids,
            test.targets.item_ids,
            np.repeat(test.targets.times, 2),
            np.repeat(test.targets.values, 2),
        ),
    )
    model = EASE(5.0).learn(test.history)
    one, other = (evaluate_recommender(model, split, "recall@5") for split in (test, twice))
    assert one.means == other.means
    assert any("repeat another of their user" in remark for remark in other.remarks)


def test_what_is_no_recommender_or_no_part_of_a_log_is_refused_by_name():
    for model, got in (("runs/mine", "'runs/mine'"), (rk.MLPScorer(2), "MLPScorer")):
        with pytest.raises(rk.ConfigError, match=f"evaluate_recommender: expected a recommender; got {got}"):
            rk.evaluate_recommender(model, [1])
    log = rk.Interactions.from_events(list("aab"), list("xyx"))
    with pytest.raises(rk.DataError, match=r"evaluate_recommender: expected a Split, .*; got Interactions"):
        rk.evaluate_recommender(rk.Popularity().learn(log), log)
