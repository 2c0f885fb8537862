import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.distances import FunctionDistance, VerificationHead, find_distance
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.similarity import classify, comparing, knn_accuracy, nearest_neighbours
from tests.oracles import similarity

NAMES = ["euclidean", "squared_euclidean", "l1", "cosine", "cosine_similarity", "dot"]
whole = st.lists(st.integers(-2, 2).map(float), min_size=2, max_size=2)


@given(rows=st.lists(whole, min_size=2, max_size=12), data=st.data())
@settings(max_examples=60, deadline=None)
def test_equals_a_loop_and_equal_distances_come_in_the_order_of_the_gallery(rows, data):
    rows = np.array(rows)
    exclude_self = data.draw(st.booleans())
    k = data.draw(st.integers(1, len(rows) - exclude_self))
    chunk_size = data.draw(st.sampled_from([1, 3, 1024]))
    found = nearest_neighbours(
        rows, rows, k=k, distance="squared_euclidean", exclude_self=exclude_self, chunk_size=chunk_size
    )
    wanted = similarity.nearest(rows, rows, k, lambda x, y: ((x - y) ** 2).sum(), exclude_self)
    assert (found.indices == wanted).all()
    assert found.values == pytest.approx(((rows[:, None] - rows[wanted]) ** 2).sum(axis=2))
    if exclude_self:
        assert (found.indices != np.arange(len(rows))[:, None]).all()


@pytest.mark.parametrize("name", NAMES)
def test_each_distance_is_followed_in_its_direction(name):
    generator = np.random.default_rng(0)
    queries, gallery = generator.normal(size=(7, 5)), generator.normal(size=(40, 5))
    found = nearest_neighbours(queries, gallery, k=40, distance=name, chunk_size=3)
    matrix = find_distance(name).matrix(torch.from_numpy(queries), torch.from_numpy(gallery)).numpy()
    assert found.values == pytest.approx(np.take_along_axis(matrix, found.indices, axis=1))
    falls = find_distance(name).nearer == "larger"
    assert (np.diff(found.values) <= 0 if falls else np.diff(found.values) >= 0).all()


def test_a_learned_head_and_a_function_are_distances_too():
    rows = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    head = VerificationHead(2)
    head.set_weights([-1.0, 1.0], bias=0.0)  # the second number draws rows that differ in it together
    assert nearest_neighbours(rows, rows, k=1, distance=head).indices[:, 0].tolist() == [2, 2, 0]
    last = FunctionDistance(lambda x, y: (x[:, 1] - y[:, 1]).abs(), nearer="smaller")
    assert nearest_neighbours(rows, rows, k=1, distance=last).indices[:, 0].tolist() == [0, 0, 2]


def test_no_more_distances_stand_in_memory_than_stated(monkeypatch):
    monkeypatch.setattr(comparing, "VALUES_AT_ONCE", 50)
    rows = torch.randn(23, 3)
    distance = find_distance("euclidean")
    sizes = [block.values.numel() for block in comparing.distance_blocks("here", rows, rows, distance)]
    assert max(sizes) <= 50
    assert sum(sizes) == 23 * 23
    whole = torch.cat([block.values for block in comparing.distance_blocks("here", rows, rows, distance, 5)])
    assert torch.equal(whole, distance.matrix(rows, rows))


def test_half_precision_integers_and_read_only_arrays():
    rows = np.array([[0, 0], [3, 4], [1, 0]])
    rows.flags.writeable = False
    for given_rows in (rows, torch.tensor(rows, dtype=torch.bfloat16), rows.astype(np.float32).tolist()):
        found = nearest_neighbours(given_rows, given_rows, k=2, distance="euclidean", exclude_self=True)
        assert found.indices[0].tolist() == [2, 1]
        assert found.values[0].tolist() == [1, 5]


def test_votes_and_their_ties():
    gallery, labels = [[1.0], [2.0], [3.0], [4.0], [9.0]], ["z", "a", "a", "z", "b"]
    assert classify([[0.0]], gallery, labels, distance="euclidean", k=1).tolist() == ["z"]
    assert classify([[0.0]], gallery, labels, distance="euclidean", k=3).tolist() == ["a"]
    # Two votes each: the class of the nearest neighbour.
    assert classify([[0.0]], gallery, labels, distance="euclidean", k=4).tolist() == ["z"]
    assert classify([[5.0]], gallery, labels, distance="euclidean", k=4).tolist() == ["z"]


@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_agrees_with_scikit_learn_where_the_vote_is_not_tied(k):
    neighbors = pytest.importorskip("sklearn.neighbors")
    generator = np.random.default_rng(k)
    gallery, queries, labels = generator.normal(size=(90, 4)), generator.normal(size=(50, 4)), np.arange(90) % 4
    peer = neighbors.KNeighborsClassifier(k, algorithm="brute").fit(gallery, labels)
    votes = np.sort(peer.predict_proba(queries), axis=1)
    clear = votes[:, -1] > votes[:, -2]
    ours = classify(queries, gallery, labels, distance="euclidean", k=k)
    assert clear.sum() > 5
    assert (ours == peer.predict(queries))[clear].all()
    found = peer.kneighbors(queries)
    mine = nearest_neighbours(queries, gallery, k=k, distance="euclidean")
    assert (mine.indices == found[1]).all()
    assert mine.values == pytest.approx(found[0])


def test_accuracy_leaves_each_example_out_and_counts_a_lone_one_as_wrong():
    rows, labels = [[0.0], [0.1], [1.0], [1.1], [9.0]], [0, 0, 1, 1, 2]
    assert knn_accuracy(rows, labels, distance="euclidean", k=1) == 4 / 5
    assert knn_accuracy(np.eye(4), [0, 1, 2, 3], distance="euclidean", k=1) == 0


def test_errors():
    rows = np.eye(3)
    with pytest.raises(ConfigError, match="k of at most 2"):
        nearest_neighbours(rows, rows, k=3, distance="euclidean", exclude_self=True)
    with pytest.raises(ConfigError, match="k of 1 or more; got 0"):
        nearest_neighbours(rows, rows, k=0, distance="euclidean")
    with pytest.raises(ShapeError, match="the gallery itself"):
        nearest_neighbours(rows[:2], rows, k=1, distance="euclidean", exclude_self=True)
    with pytest.raises(ShapeError, match="got 2 and 3"):
        nearest_neighbours(np.ones((2, 2)), rows, k=1, distance="euclidean")
    with pytest.raises(DataError, match="1 of 3 rows, first row 1"):
        nearest_neighbours([[0.0], [np.nan], [1.0]], [[0.0]], k=1, distance="euclidean")
    with pytest.raises(DataError, match="finite distances"):
        nearest_neighbours(
            np.full((1, 2), 1e30, np.float32), np.eye(2, dtype=np.float32), k=1, distance="squared_euclidean"
        )
    with pytest.raises(ShapeError, match=r"\[n, n_dims\]"):
        nearest_neighbours([1.0], rows, k=1, distance="euclidean")
    with pytest.raises(DataError, match="numbers as queries"):
        nearest_neighbours([["a"]], rows, k=1, distance="euclidean")
    with pytest.raises(ShapeError, match="3 gallery_labels"):
        classify(rows, rows, [0, 1], distance="euclidean")
    with pytest.raises(ConfigError, match="euclidaen"):
        nearest_neighbours(rows, rows, k=1, distance="euclidaen")
