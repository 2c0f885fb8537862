"""What holds for every recommender, whatever it learns."""

import inspect
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import rankkit as rk
from rankkit import registry
from rankkit.data.interactions import Interactions, split_interactions
from rankkit.errors import ConfigError, DataError, DataWarning
from rankkit.models.recommenders import Recommender
from tests.models.recommenders.drawn import MODELS, drawn_log

EVERY = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


def lists(model, users, k=7, **options):
    found = model.recommend(users, k, **options)
    return [found.items_of(row) for row in range(len(found))]


@EVERY
def test_other_ids_give_the_same_lists(make):
    log = drawn_log()
    random = np.random.default_rng(1)
    new_users, new_items = random.permutation(1000)[: log.n_users], random.permutation(1000)[: log.n_items]
    renamed = replace(log, user_ids=new_users, item_ids=new_items)
    name_of = dict(zip(new_items.tolist(), log.item_ids.tolist(), strict=True))
    theirs = lists(make().learn(renamed), renamed.user_ids)
    assert [[name_of[item] for item in items] for items in theirs] == lists(make().learn(log), log.user_ids)


@EVERY
def test_seen_items_are_left_out_unless_they_are_asked_for(make):
    log = drawn_log()
    model = make().learn(log)
    for user, items in zip(range(log.n_users), lists(model, log.user_ids, k=30), strict=True):
        seen = set(log.item_ids[log[user].items].tolist())
        assert not seen & set(items)
        assert len(items) == log.n_items - len(seen)
    assert all(len(items) == log.n_items for items in lists(model, log.user_ids, k=30, exclude_seen=False))


@EVERY
def test_lists_stay_within_the_items_that_are_asked_for(make):
    log = drawn_log()
    model, within = make().learn(log), log.item_ids[::3]
    for user, items in zip(range(log.n_users), lists(model, log.user_ids, within=within), strict=True):
        left = [item for item in within.tolist() if item not in log.item_ids[log[user].items]]
        assert set(items) <= set(left)
        assert len(items) == min(7, len(left))


@EVERY
def test_who_has_no_history_gets_the_most_popular_items_and_it_is_said(make):
    log = drawn_log()
    model = make().learn(log)
    popular = log.item_ids[np.argsort(-log.item_counts, kind="stable")[:7]].tolist()
    with pytest.warns(DataWarning, match="1 of 2 users have no history: they get the most popular items"):
        found = model.recommend([log.user_ids[0], 987_654], 7)
    assert found.items_of(1) == popular
    assert found.user_ids.tolist() == [log.user_ids[0], 987_654]
    assert len(found.remarks) == 1
    with pytest.warns(DataWarning, match="have items that were not learnt from"), pytest.warns(match="no history"):
        assert lists(model, [[-1, -2]]) == [popular]


@EVERY
@pytest.mark.parametrize("text", [False, True])
def test_a_state_gives_the_same_scores(make, text):
    log = drawn_log(text=text)
    model = make().learn(log)
    state = {name: np.array(array) for name, array in model.state().items()}
    again = type(model).from_state(state, **model.options)
    assert again.options == model.options
    assert lists(again, log.user_ids) == lists(model, log.user_ids)
    for one, other in zip(again.scores(log), model.scores(log), strict=True):
        assert np.array_equal(one, other)
    assert again.log.fingerprint == log.fingerprint
    assert all(array.dtype.kind in "iuf" for array in state.values())
    del state["log.items"]
    with pytest.raises(DataError, match=r"expected an array 'log\.items'"):
        type(model).from_state(state, **model.options)


@EVERY
def test_blocks_of_any_size_give_the_same(make):
    log = drawn_log()
    model = make().learn(log)
    whole = np.concatenate(list(model.scores(log)))
    for block_rows in (1, 7, 40, 1000):
        parts = np.concatenate(list(model.scores(log, block_rows=block_rows)))
        np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-5)
        assert lists(model, log.user_ids, block_rows=block_rows) == lists(model, log.user_ids)


@EVERY
@pytest.mark.parametrize("by", ["time", "leave_last"])
def test_later_events_do_not_change_what_is_learnt(make, by):
    log = drawn_log()
    splits = split_interactions(log, by)
    is_tested = np.ones(log.n_events, bool)
    before = set(zip(splits.test.history.users.tolist(), splits.test.history.times.tolist(), strict=True))
    is_tested = np.array([(user, time) not in before for user, time in zip(log.users, log.times, strict=True)])
    changed = np.where(is_tested, (log.items + 3) % log.n_items, log.items).astype(np.int32)
    scrambled = split_interactions(replace(log, items=changed), by)
    assert is_tested.any()
    one, other = (make().learn(found.test.history).state() for found in (splits, scrambled))
    assert list(one) == list(other)
    for name, array in one.items():
        assert array.tobytes() == other[name].tobytes(), name


@pytest.mark.parametrize("name", registry.names("recommender"))
def test_the_test_part_changes_nothing_of_what_is_chosen_and_learnt(name):
    """Not what fit() learns, nor which options it takes: with every test event another one, bit for bit."""
    log = drawn_log(n_events=600)
    is_tested = split_interactions(log, "time", valid=0.2, test=0.2).parts == 2
    scrambled = np.where(is_tested, (log.items + 5) % log.n_items, log.items).astype(np.int32)
    states = []
    for whole in (log, replace(log, items=scrambled)):
        parts = split_interactions(whole, "time", valid=0.2, test=0.2)
        model = registry.find("recommender", name)()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            rk.fit(model, parts.train, parts.valid)
        states.append((model.options, model.state()))
    (options, one), (others_options, other) = states
    assert options == others_options
    for key, array in one.items():
        assert array.tobytes() == other[key].tobytes(), key


@EVERY
def test_a_saved_recommender_lists_the_same(make, tmp_path):
    log = drawn_log(text=True)
    model = make().learn(log)
    rk.save(model, tmp_path / "model")
    again = rk.load(tmp_path / "model")
    assert again.options == model.options
    assert lists(again, log.user_ids) == lists(model, log.user_ids)
    for one, other in zip(again.scores(log), model.scores(log), strict=True):
        assert np.array_equal(one, other)


@EVERY
def test_blocks_of_any_size_measure_the_same(make):
    test = split_interactions(drawn_log(), "ratio").test
    model = make().learn(test.history)
    asked = ["ndcg@10", "mrr", "coverage@10"]
    whole = rk.evaluate(model, test, asked)
    for block_rows in (1, 7, 1000):
        parts = rk.evaluate(model, test, asked, block_rows=block_rows)
        assert parts.means == pytest.approx(whole.means, abs=1e-9)
        assert np.array_equal(parts.lists.items, whole.lists.items)


@EVERY
def test_seen_items_and_others_are_left_out_for_strangers_too(make):
    log = drawn_log()
    model = make().learn(log)
    if model.options.get("weighted"):  # lists have no values
        return
    history, within, exclude = log.item_ids[:3].tolist(), log.item_ids[:15].tolist(), log.item_ids[5:8].tolist()
    (found,) = lists(model, [history], k=30, within=within, exclude=exclude)
    assert sorted(found) == sorted(set(within) - set(history) - set(exclude))


def test_these_are_all_recommenders():
    made = {type(make()).__name__ for make in MODELS.values()}
    assert made == {registry.find("recommender", name).__name__ for name in registry.names("recommender")}


@EVERY
def test_the_same_seed_learns_the_same(make):
    log = drawn_log()
    one, other = make().learn(log, seed=3).state(), make().learn(log, seed=3).state()
    assert all(array.tobytes() == other[name].tobytes() for name, array in one.items())


@EVERY
def test_new_histories_of_a_known_user_give_nearly_its_scores(make):
    log = drawn_log()
    model = make().learn(log)
    known = np.concatenate(list(model.scores(log.user_ids)))
    histories = [log.item_ids[log[user].items].tolist() for user in range(log.n_users)]
    if model.options.get("weighted"):  # lists have no values
        with pytest.raises(DataError, match="expected events with values"):
            next(model.scores(histories))
        return
    new = np.concatenate(list(model.scores(histories)))
    if type(model).__name__ == "BPRMF":  # steps at random: the same direction, not the same numbers
        assert np.mean([np.corrcoef(one, other)[0, 1] for one, other in zip(known, new, strict=True)]) > 0.8
    else:
        np.testing.assert_allclose(new, known, rtol=1e-4, atol=1e-5)


@EVERY
def test_histories_come_in_every_form(make):
    log = drawn_log()
    model = make().learn(log)
    if model.options.get("weighted"):
        return
    history = log.item_ids[log[0].items].tolist()
    forms = [[history], [np.array(history)], {"someone": history}]
    forms.append(Interactions.from_events(["x"] * len(history), history))
    found = [lists(model, form)[0] for form in forms]
    assert all(items == found[0] for items in found)
    assert lists(model, log.user_ids[0].item()) == lists(model, [log.user_ids[0]])


@pytest.mark.parametrize(
    ("asked", "options", "error", "message"),
    [
        (
            pd.DataFrame({"user": [1], "item": [2]}),
            {},
            DataError,
            r"got a table \(DataFrame\)\. Read it first",
        ),
        ([1], {"within": "item"}, DataError, "expected a list of ids of items; got the text 'item'"),
        ([1], {"exclude": "item"}, DataError, "expected a list of ids of items; got the text 'item'"),
        ([1], {"exclude": 3}, DataError, "expected a list of ids of items"),
        ([1], {"exclude_seen": "no"}, ConfigError, "expected exclude_seen as True or False; got 'no'"),
    ],
)
def test_what_cannot_be_listed_is_refused(asked, options, error, message):
    model = rk.Popularity().learn(drawn_log())
    with pytest.raises(error, match=message):
        model.recommend(asked, **options)


@EVERY
def test_scores_of_some_items_are_columns_of_all(make):
    log = drawn_log()
    model = make().learn(log)
    some = log.item_ids[[5, 2]]
    assert np.array_equal(next(model.scores(log, some)), next(model.scores(log))[:, [5, 2]])
    with pytest.raises(DataError, match="expected ids of items that were learnt from; got -7"):
        next(model.scores(log, [-7]))


@EVERY
def test_options_are_attributes_and_what_can_be_done_is_said(make):
    model = make()
    assert list(model.options) == list(inspect.signature(type(model)).parameters)
    assert repr(model).startswith(f"{type(model).__name__}(")
    assert isinstance(model, Recommender)
    assert not model.is_learnt
    for capability in ("reads_order", "reads_values", "scores_cold_items"):
        assert isinstance(getattr(type(model), capability), bool)
    for call in (model.state, lambda: model.recommend([1]), lambda: next(model.scores([1]))):
        with pytest.raises(ConfigError, match="that has learnt"):
            call()
    with pytest.raises(DataError, match="expected events; got none"):
        model.learn(Interactions.from_events([], []))
    with pytest.raises(DataError, match="expected Interactions; got list"):
        model.learn([1])
    assert "learnt from 400 events" in repr(model.learn(drawn_log()))


@EVERY
def test_items_without_events_are_never_first(make):
    log = drawn_log()
    with_cold = replace(log, item_ids=np.concatenate([log.item_ids, [9998, 9999]]))
    for items in lists(make().learn(with_cold), log.user_ids, k=3):
        assert not {9998, 9999} & set(items[:1])


@EVERY
def test_the_order_of_a_history_matters_only_where_it_is_said(make):
    log = drawn_log()
    model = make().learn(log)
    if model.options.get("weighted") or type(model).__name__ == "BPRMF":
        return
    history = log.item_ids[log[0].items].tolist()
    same = np.allclose(next(model.scores([history])), next(model.scores([history[::-1]])), atol=1e-5)
    assert same != type(model).reads_order
