"""Each recommender against its formula, computed pair by pair."""

from dataclasses import replace

import numpy as np
import pytest

from rankkit.data.interactions import Interactions
from rankkit.errors import ConfigError, DataError, TrainingError
from rankkit.models.recommenders import ALS, BPRMF, EASE, ItemKNN, Markov, Popularity
from rankkit.models.recommenders.blocks import is_own_history
from tests.models.recommenders.drawn import drawn_log
from tests.oracles import recommendation as oracle


@pytest.mark.parametrize("l2", [0.5, 20.0])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("float64", 1e-11)])
def test_ease_is_ridge_regression_without_the_item_itself(l2, precision, tolerance):
    log = drawn_log()
    model = EASE(l2, precision).learn(log)
    wanted = oracle.ease(oracle.binary(log), l2)
    np.testing.assert_allclose(model.weights(), wanted, atol=tolerance)
    scores = oracle.binary(log) @ wanted
    np.testing.assert_allclose(np.concatenate(list(model.scores(log))), scores, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_ease_of_several_blocks_of_items_is_that_of_the_inverse(precision):
    random = np.random.default_rng(0)
    log = Interactions.from_events(random.integers(0, 900, 9000), random.integers(0, 1100, 9000))
    assert log.n_items > 2 * 512  # blocks in which one triangle is written over the other
    model = EASE(20.0, precision).learn(log)
    matrix = oracle.binary(log)
    inverse = np.linalg.inv(matrix.T @ matrix + 20.0 * np.eye(log.n_items))
    wanted = -inverse / np.diag(inverse)
    np.fill_diagonal(wanted, 0.0)
    np.testing.assert_allclose(model.weights(), wanted, atol=1e-6 if precision == "float32" else 1e-12)


def test_ease_scores_sparse_and_dense_histories_alike():
    log = drawn_log(n_users=300, n_items=200, n_events=900)
    model = EASE(5.0).learn(log)
    few, many = log, Interactions.from_events(np.repeat(0, 50), log.item_ids[:50])
    assert few.n_events * 16 <= few.n_users * few.n_items
    for histories in (few, many):
        places = log.item_positions(histories.item_ids)
        matrix = np.zeros((len(histories), log.n_items))
        matrix[:, places] = histories.matrix().toarray()
        found = np.concatenate(list(model.scores(histories)))
        np.testing.assert_allclose(found, matrix @ model.weights(), atol=1e-5)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("float64", 1e-10)])
def test_ease_updated_is_ease_of_all_events(precision, tolerance):
    log = drawn_log(n_events=500)
    first = log.keep(np.arange(log.n_events) % 5 > 0)
    later = log.keep(np.arange(log.n_events) % 5 == 0)
    strangers = Interactions.from_events([777, 777, 778], log.item_ids[[1, 2, 3]], times=[1, 2, 3], values=[1, 1, 1])
    updated = EASE(3.0, precision).learn(first).update(later).update(strangers)
    users = np.concatenate([log.user_ids[log.users], [777, 777, 778]])
    items = np.concatenate([log.item_ids[log.items], log.item_ids[[1, 2, 3]]])
    whole = Interactions.from_events(users, items)
    anew = EASE(3.0, precision).learn(whole)
    order = whole.item_positions(updated.log.item_ids)
    np.testing.assert_allclose(updated.weights(), anew.weights()[np.ix_(order, order)], atol=tolerance)
    assert updated.log.n_events == log.n_events + 3
    assert updated.recommend([777], 3).items_of(0) == anew.recommend([777], 3).items_of(0)
    with pytest.raises(DataError, match="Learn from all events anew"):
        updated.update(Interactions.from_events([1], [-5], times=[1], values=[1]))


def test_ease_that_cannot_be_solved_says_what_to_do():
    log = Interactions.from_events(np.repeat(np.arange(3000), 2), np.tile([0, 1], 3000))
    with pytest.raises(TrainingError, match="Take a greater l2"):
        EASE(1e-9).learn(log)


@pytest.mark.parametrize("options", [(1, 1, 0, 0), (3, 1, 20, 0), (10, 0.5, 0, 0.3), (4, 0, 1, 1)])
def test_markov_counts_what_a_loop_counts(options):
    log = drawn_log()
    scores = np.concatenate(list(Markov(*options).learn(log).scores(log)))
    np.testing.assert_allclose(scores, oracle.markov(log, *options), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("similarity", ["cosine", "tf_idf", "bm25"])
@pytest.mark.parametrize("n_neighbours", [3, 100])
def test_neighbours_are_those_of_the_formula(similarity, n_neighbours):
    log = drawn_log()
    shrinkage = 0.0 if similarity == "bm25" else 2.0
    model = ItemKNN(similarity, n_neighbours, shrinkage, k1=1.5, b=0.6).learn(log)
    wanted = oracle.item_knn(oracle.binary(log), similarity, n_neighbours, shrinkage, 1.5, 0.6)
    np.testing.assert_allclose(model.neighbours().toarray(), wanted, rtol=1e-4, atol=1e-6)
    scores = np.concatenate(list(model.scores(log)))
    np.testing.assert_allclose(scores, oracle.binary(log) @ wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_als_folds_in_the_exact_solution(weighted, power):
    log = drawn_log()
    model = ALS(n_factors=4, l2=0.7, alpha=2.0, weighted=weighted, l2_power=power).learn(log)
    counts = oracle.binary(log).sum(axis=1)
    ridges = 0.7 * (counts / counts.mean()) ** power
    confidences = 2.0 * (log.matrix("values").toarray() if weighted else oracle.binary(log))
    found = model.fold_in(log)
    for user in range(log.n_users):
        wanted = oracle.als_user(model.item_factors.astype(float), confidences[user], ridges[user])
        np.testing.assert_allclose(found[user], wanted, rtol=1e-5, atol=1e-6)


def test_als_lowers_the_loss_of_the_paper_to_that_of_exact_steps():
    log = drawn_log()
    confidences = 2.0 * oracle.binary(log)
    losses = []
    for n_iterations in (1, 5, 40):
        model = ALS(n_factors=4, l2=0.7, alpha=2.0, n_iterations=n_iterations).learn(log)
        losses.append(oracle.als_loss(model.fold_in(log).astype(float), model.item_factors, confidences, 0.7))
    assert losses[0] > losses[1] > losses[2]
    users, items = model.fold_in(log).astype(float), model.item_factors.astype(float)
    for _ in range(30):
        items = np.stack([oracle.als_user(users, column, 0.7) for column in confidences.T])
        users = np.stack([oracle.als_user(items, row, 0.7) for row in confidences])
    assert losses[2] == pytest.approx(oracle.als_loss(users, items, confidences, 0.7), rel=1e-3)


def test_als_lowers_the_loss_whose_ridge_grows_with_the_number_of_events():
    log = drawn_log()
    binary = oracle.binary(log)
    users_ridge, items_ridge = (0.7 * n / n[n > 0].mean() for n in (binary.sum(axis=1), binary.sum(axis=0)))
    model = ALS(n_factors=4, l2=0.7, alpha=2.0, n_iterations=60, l2_power=1.0).learn(log)
    users, items = model.fold_in(log).astype(float), model.item_factors.astype(float)
    for item in np.flatnonzero(binary.sum(axis=0)):  # at the end each row is what the others ask for
        wanted = oracle.als_user(users, 2.0 * binary[:, item], items_ridge[item])
        np.testing.assert_allclose(items[item], wanted, atol=2e-2)
    assert users_ridge.std() > 0.1


def test_als_needs_values_that_can_be_confidence():
    log = drawn_log()
    with pytest.raises(DataError, match="values of 0 or more, as confidence"):
        ALS(2, weighted=True).learn(replace(log, values=-log.values))
    with pytest.raises(DataError, match="expected events with values"):
        ALS(2, weighted=True).learn(replace(log, values=None))


def test_bpr_puts_what_was_met_before_what_was_not():
    log = drawn_log(n_events=300)
    scores = np.concatenate(list(BPRMF(n_factors=8, n_epochs=200, l2=0.001).learn(log).scores(log.user_ids)))
    met = oracle.binary(log) > 0
    aucs = [np.mean(row[mine][:, None] > row[~mine][None]) for row, mine in zip(scores, met, strict=True)]
    assert np.mean(aucs) > 0.95


def test_bpr_knows_its_users_by_their_whole_history():
    log = drawn_log()
    assert is_own_history(log, log).tolist() == list(range(log.n_users))
    copy = replace(log, items=log.items.copy())
    assert is_own_history(log, copy).tolist() == list(range(log.n_users))
    changed = copy.items.copy()
    changed[log.offsets[3]] = (changed[log.offsets[3]] + 1) % log.n_items
    assert is_own_history(log, replace(log, items=changed)).tolist() == [*range(3), -1, *range(4, log.n_users)]
    assert is_own_history(log, log.keep(np.arange(log.n_events) > 0)).tolist()[0] == -1


def test_bpr_that_diverges_is_told():
    with pytest.raises(TrainingError, match="Lower the rate"):
        BPRMF(n_factors=4, rate=1e6, l2=1.0, n_epochs=30).learn(drawn_log())


def test_popularity_of_late_counts_by_time():
    log = Interactions.from_events([0, 0, 1, 1], list("xxyz"), times=[0, 10, 80, 100])
    scores = {
        "all": next(Popularity().learn(log).scores([0]))[0],
        "recent": next(Popularity("recent", 20).learn(log).scores([0]))[0],
        "decayed": next(Popularity("decayed", 10).learn(log).scores([0]))[0],
    }
    assert scores["all"].tolist() == [2, 1, 1]
    assert scores["recent"].tolist() == [0, 1, 1]
    np.testing.assert_allclose(scores["decayed"], [2**-10 + 2**-9, 0.25, 1], rtol=1e-6)
    with pytest.raises(DataError, match="a log with times for over='recent'"):
        Popularity("recent").learn(replace(log, times=None))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EASE(0), "expected l2 as a number above 0"),
        (lambda: EASE(1, "float16"), "expected precision"),
        (lambda: Markov(0), "expected n_lags"),
        (lambda: Markov(decay=-1), "expected decay"),
        (lambda: ItemKNN("dice"), "expected similarity"),
        (lambda: ItemKNN("bm25", shrinkage=1.0), "expected no shrinkage"),
        (lambda: ItemKNN(n_neighbours=True), "expected n_neighbours"),
        (lambda: ALS(alpha=0), "expected alpha"),
        (lambda: ALS(weighted="yes"), "expected weighted"),
        (lambda: BPRMF(negatives="hard"), "expected negatives"),
        (lambda: BPRMF(rate=np.inf), "expected rate"),
        (lambda: Popularity("old"), "expected over"),
        (lambda: Popularity(span=3), "expected no span"),
    ],
)
def test_options_that_cannot_be_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
