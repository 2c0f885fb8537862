import sys

import numpy as np
import pytest

from rankkit.errors import ConfigError, ShapeError
from rankkit.similarity import AnnIndex, nearest_neighbours

NAMES = ["euclidean", "squared_euclidean", "cosine", "cosine_similarity", "dot"]


@pytest.fixture(scope="module")
def rows():
    pytest.importorskip("faiss")
    generator = np.random.default_rng(0)
    return (
        generator.normal(size=(20, 16))[generator.integers(20, size=2000)] + generator.normal(size=(2000, 16))
    ).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_comparing_all_rows_gives_the_exact_neighbours_and_their_distances(name, rows):
    index = AnnIndex(rows[100:], distance=name, kind="flat")
    exact = nearest_neighbours(rows[:100], rows[100:], k=5, distance=name)
    found = index.search(rows[:100], k=5)
    assert (found.indices == exact.indices).mean() > 0.99
    assert found.values == pytest.approx(exact.values, abs=1e-4)
    assert index.measured_recall(rows[:100], k=5) == 1


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_recall_is_measured_and_rises_with_effort(kind, rows):
    little, much = (
        AnnIndex(rows[100:], distance="euclidean", kind=kind, effort=effort).measured_recall(rows[:100], k=10)
        for effort in (1, 200)
    )
    exact = nearest_neighbours(rows[:100], rows[100:], k=10, distance="euclidean").indices
    found = AnnIndex(rows[100:], distance="euclidean", kind=kind, effort=1).search(rows[:100], k=10).indices
    share = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, found, strict=True)])
    assert little == pytest.approx(share)
    assert little < 0.99 < much


def test_places_that_nothing_was_found_for_are_marked():
    pytest.importorskip("faiss")
    generator = np.random.default_rng(0)
    gallery = np.concatenate([generator.normal(size=(60, 2)), 100 + generator.normal(size=(60, 2))])
    index = AnnIndex(gallery, distance="euclidean", kind="ivf", effort=1)
    found = index.search([[0.0, 0.0]], k=100)
    assert (found.indices[0, -1], found.values[0, -1]) == (-1, np.inf)
    assert (np.diff(found.values[0][np.isfinite(found.values[0])]) >= 0).all()
    assert repr(index) == "AnnIndex(120 rows, euclidean, ivf, effort 1)"


def test_without_faiss_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ConfigError, match=r"rankkit-torch\[ann\].*nearest_neighbours"):
        AnnIndex(np.eye(3), distance="euclidean")


def test_errors():
    pytest.importorskip("faiss")
    with pytest.raises(ConfigError, match=r"distance that FAISS knows .*; got l1\. Use nearest_neighbours"):
        AnnIndex(np.eye(3), distance="l1")
    with pytest.raises(ConfigError, match="expected kind to be one of 'hnsw'"):
        AnnIndex(np.eye(3), distance="dot", kind="lsh")
    index = AnnIndex(np.eye(3), distance="dot", kind="flat")
    with pytest.raises(ConfigError, match="k of at most 3"):
        index.search(np.eye(3), k=4)
    with pytest.raises(ShapeError, match="queries of 3 dimensions"):
        index.search(np.eye(2), k=1)


@pytest.mark.parametrize("distance", ["cosine", "cosine_similarity", "euclidean"])
def test_an_exact_index_finds_all_also_among_rows_close_together(distance):
    pytest.importorskip("faiss")
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(40, 1, 64))
    rows = (centres + 0.2 * generator.normal(size=(40, 12, 64))).reshape(-1, 64).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert AnnIndex(rows, distance=distance, kind="flat").measured_recall(rows, k=3) == 1.0
