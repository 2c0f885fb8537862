"""POST /recommend: what a body asks, and what is answered."""

import warnings

import pytest

import rankkit as rk
from rankkit.errors import DataError
from rankkit.tasks.recommendation.answering import example_body, recommend_body
from tests.models.recommenders.drawn import drawn_log


@pytest.fixture(scope="module", params=[False, True], ids=["numbers", "text"])
def model(request):
    return rk.EASE(l2=5.0).learn(drawn_log(text=request.param))


def ids(answer):
    return [row["item"] for row in answer["items"]]


def test_a_user_and_the_history_of_that_user_get_one_list(model):
    user = model.log.user_ids[:1].tolist()[0]
    history = model.log.item_ids[model.log[0].items].tolist()
    answer = recommend_body(model, {"user": user, "k": 6})
    assert ids(answer) == model.recommend([user], 6).items_of(0)
    assert [row["rank"] for row in answer["items"]] == [1, 2, 3, 4, 5, 6]
    assert answer["answered_by"] == "history"
    assert ids(recommend_body(model, {"history": history, "k": 6})) == ids(answer)
    assert recommend_body(model, example_body(model))["answered_by"] == "history"


@pytest.mark.parametrize("body", [{"user": "nobody"}, {"user": 987654}, {"history": []}, {"history": ["?", "!"]}])
def test_who_is_not_known_gets_the_popular_items_and_is_told_so(model, body):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a service says it in the answer
        answer = recommend_body(model, {**body, "k": 3})
    popular = model.log.item_ids[(-model.log.item_counts).argsort(kind="stable")[:3]].tolist()
    assert ids(answer) == popular
    assert answer["answered_by"] == "popularity"
    assert answer["n_unknown_items"] == (2 if body.get("history") else 0)


def test_candidates_are_chosen(model):
    items = model.log.item_ids.tolist()
    body = {"history": items[:2], "k": 5}
    first = ids(recommend_body(model, body))
    assert not set(first) & set(items[:2])
    assert ids(recommend_body(model, {**body, "exclude": [first[0]]}))[:4] == first[1:]
    assert set(ids(recommend_body(model, {**body, "within": first[2:4]}))) == set(first[2:4])
    assert set(ids(recommend_body(model, {**body, "k": len(items), "exclude_seen": False}))) == set(items)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], 'expected {"user": id} or'),
        ({}, 'expected {"user": id} or'),
        ({"user": 1, "history": []}, 'expected {"user": id} or'),
        ({"user": [1]}, r"body\.user: expected ids"),
        ({"user": True}, r"body\.user: expected ids"),
        ({"history": [1, "a"]}, r"body\.history: expected ids"),
        ({"history": "abc"}, r"body\.history: expected ids"),
        ({"history": [2**70]}, r"body\.history: expected ids"),
        ({"user": 1, "k": 0}, r"body\.k: expected a whole number from 1 to 1000"),
        ({"user": 1, "k": True}, r"body\.k"),
        ({"user": 1, "within": []}, r"body\.within: expected ids of items; got none"),
        ({"user": 1, "within": ["no such item"]}, "ids of items that were learnt from"),
        ({"user": 1, "exclude_seen": 1}, r"body\.exclude_seen"),
        ({"user": 1, "n": 3}, "expected keys of user"),
    ],
)
def test_other_bodies_are_refused(model, body, message):
    with pytest.raises(DataError, match=message):
        recommend_body(model, body)
