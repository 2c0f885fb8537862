import sys

import numpy as np
import pytest

from rankkit.data.interactions import Interactions
from rankkit.errors import ConfigError, DataWarning
from rankkit.models.recommenders import ALS, BPRMF, EASE
from rankkit.retrieval.product_index import ProductIndex

VECTORS = {"als": lambda: ALS(n_factors=8, l2=0.5), "bpr": lambda: BPRMF(n_factors=8, n_epochs=20)}


@pytest.fixture(scope="module")
def log():
    pytest.importorskip("faiss")
    random = np.random.default_rng(0)
    users, items = random.integers(150, size=3000), np.minimum(random.geometric(0.01, 3000), 300)
    return Interactions.from_events(users, items + 300 * (users % 2))


@pytest.fixture(scope="module", params=VECTORS)
def model(request, log):
    return VECTORS[request.param]().learn(log)


def same(one, other):
    assert one.scores == pytest.approx(other.scores, abs=1e-5)
    assert one.share_of(other) > 0.999  # two items as good as each other up to rounding may change places
    assert one.user_ids.tolist() == other.user_ids.tolist()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"exclude_seen": False},
        {"exclude": slice(10)},
        {"within": slice(5, 40)},
        {"within": slice(7)},  # less than k are left for who has seen some
    ],
)
def test_comparing_all_items_gives_the_exact_lists(model, log, options):
    options = {name: log.item_ids[some] if isinstance(some, slice) else some for name, some in options.items()}
    exact = model.recommend(log, 7, **options)
    for block_rows in (None, 13):
        with pytest.warns(DataWarning, match=r"lists by FAISS \(flat, .* of the exact ones, measured on 150 users"):
            found = model.recommend(log, 7, ann="flat", block_rows=block_rows, **options)
        same(found, exact)
        assert found.recall == 1
    assert exact.recall is None


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_little_effort_misses_some_and_what_is_found_is_measured_and_said(model, log, kind):
    exact = model.recommend(log, 10)
    seen = [set(log[row].items.tolist()) for row in range(len(log))]
    for effort, least in ((1, 0.1), (300, 0.99)):
        with pytest.warns(DataWarning, match="hold [01]"):
            found = model.recommend(log, 10, ann=kind, effort=effort)
        assert not any(seen[row] & set(found.items[row].tolist()) for row in range(len(log)))
        assert (found.items >= 0).all()  # lists are whole also where the index has found too few
        assert least < found.share_of(exact) <= 1
        assert found.recall == pytest.approx(found.share_of(exact))  # all of the 150 users are measured
        assert (np.diff(found.scores, axis=1) <= 0).all()


def test_strangers_and_people_without_a_history_are_listed_for(model):
    strangers = {"new": model.log.item_ids[:3], "nobody": []}
    with pytest.warns(DataWarning) as said:
        found = model.recommend(strangers, 5, ann="flat")
    assert "measured on 1 users" in str(said[0].message)
    assert "1 of 2 users have no history" in str(said[1].message)
    with pytest.warns(DataWarning, match="no history"):
        same(found, model.recommend(strangers, 5))
    with pytest.warns(DataWarning) as said:
        assert model.recommend([-1], 5, ann="flat").recall is None
    assert "nothing of what is listed is by FAISS" in str(said[0].message)


def test_equal_products_stand_in_the_order_of_the_log():
    pytest.importorskip("faiss")
    index = ProductIndex("here", np.ones((6, 2), np.float32), np.arange(6) != 1, kind="flat", effort=1)
    items, scores = index.top_k(np.ones((2, 2), np.float32), 2, (np.array([0, 1, 1]), np.array([0], np.int32)))
    assert items.tolist() == [[2, 3], [0, 2]]
    assert (scores == 2).all()


def test_errors(log, monkeypatch):
    with pytest.raises(ConfigError, match=r"products of vectors \(ALS, BPRMF\).*; got EASE. Leave ann out"):
        EASE(l2=5.0).learn(log).recommend(log, ann="hnsw")
    als = ALS(n_factors=2, l2=1.0, n_iterations=1).learn(log)
    with pytest.raises(ConfigError, match="expected kind to be one of 'hnsw'"):
        als.recommend(log, ann="lsh")
    with pytest.raises(ConfigError, match="expected effort as a whole number from 1; got 0"):
        als.recommend(log, ann="hnsw", effort=0)
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(
        ConfigError, match=r"expected FAISS; got none installed. Run pip install 'rankkit-torch\[ann\]'"
    ):
        als.recommend(log, ann="hnsw")
