import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.similarity import evaluate_retrieval
from tests.oracles import metrics, similarity

ORACLES = {
    "map_at_r": similarity.map_at_r,
    "r_precision": similarity.r_precision,
    "mrr": metrics.mrr,
    "hit_rate@1": lambda ranked: metrics.hit_rate(ranked, 1),
    "recall@3": lambda ranked: metrics.recall(ranked, 3),
    "ndcg@5": lambda ranked: metrics.ndcg(ranked, 5),
    "map": metrics.average_precision,
}


def squared(x, y):
    return float(((np.asarray(x) - np.asarray(y)) ** 2).sum())


@given(data=st.data(), chunk_size=st.sampled_from([1, 4, 1024]))
@settings(max_examples=40, deadline=None)
def test_equals_a_loop_over_anchors(data, chunk_size):
    n = data.draw(st.integers(3, 12))
    rows = data.draw(st.lists(st.lists(st.integers(-2, 2).map(float), min_size=2, max_size=2), min_size=n, max_size=n))
    labels = data.draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=n, max_size=n))
    if max(labels.count(label) for label in labels) < 2:
        labels[0] = labels[1]
    report = evaluate_retrieval(rows, labels, list(ORACLES), distance="squared_euclidean", chunk_size=chunk_size)
    listed = similarity.anchor_lists(rows, labels, squared)
    for name, oracle in ORACLES.items():
        wanted = [oracle(ranked) for ranked in listed]
        assert report.per_query[name] == pytest.approx(wanted, abs=1e-9, nan_ok=True)
        assert report.means[name] == pytest.approx(np.nanmean(wanted))


@pytest.mark.parametrize("normalized", [False, True])
def test_agrees_with_pytorch_metric_learning(normalized):
    calculator = pytest.importorskip("pytorch_metric_learning.utils.accuracy_calculator")
    inference = pytest.importorskip("pytorch_metric_learning.utils.inference")
    distances = pytest.importorskip("pytorch_metric_learning.distances")
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(80) % 7
    labels[-1] = 99  # alone in its class: left out there as here
    rows = torch.randn(80, 3, generator=generator) + torch.randn(100, 3, generator=generator)[labels]
    peer = calculator.AccuracyCalculator(
        include=("mean_average_precision_at_r", "r_precision", "precision_at_1", "mean_reciprocal_rank"),
        k=79,
        knn_func=inference.CustomKNN(distances.LpDistance(normalize_embeddings=normalized)),
    ).get_accuracy(rows, labels)
    ours = evaluate_retrieval(
        rows,
        labels,
        ["map_at_r", "r_precision", "hit_rate@1", "mrr"],
        distance="cosine" if normalized else "euclidean",
    )
    wanted = [peer[name] for name in ("mean_average_precision_at_r", "r_precision", "precision_at_1")]
    assert list(ours.means.values())[:3] == pytest.approx(wanted, abs=1e-6)
    assert ours.means["mrr"] == pytest.approx(peer["mean_reciprocal_rank"], abs=1e-6)
    assert ours.n_empty == 1


def test_an_anchor_is_not_its_own_neighbour_but_its_copy_is():
    rows, labels = [[0.0], [0.0], [5.0], [0.1]], [0, 0, 1, 1]
    report = evaluate_retrieval(rows, labels, ["hit_rate@1", "mrr"], distance="euclidean")
    assert report.per_query["hit_rate@1"].tolist() == [1, 1, 1, 0]
    assert report.per_query["mrr"].tolist() == [1, 1, 1, 1 / 3]
    assert report.n_queries == 4


def test_a_constant_embedding_wins_nothing():
    labels = np.arange(20) % 4
    report = evaluate_retrieval(np.ones((20, 3)), labels, ["map_at_r", "hit_rate@1"], distance="euclidean")
    assert report.means == {"map_at_r": 0, "hit_rate@1": 0}
    assert report.n_tied == 20
    expected = evaluate_retrieval(np.ones((20, 3)), labels, ["hit_rate@1"], distance="euclidean", ties="expected")
    assert expected.means["hit_rate@1"] == pytest.approx(4 / 19)


def test_lone_anchors_are_counted_and_treated_as_asked():
    rows, labels = [[0.0], [1.0], [5.0]], ["a", "a", "b"]
    skipped = evaluate_retrieval(rows, labels, ["mrr"], distance="euclidean")
    assert skipped.means["mrr"] == 1
    assert skipped.n_empty == 1
    assert "1 of 3 left out of the mean" in skipped.convention
    as_ranked = evaluate_retrieval(rows, labels, ["mrr"], distance="euclidean", empty="zero")
    assert as_ranked.means["mrr"] == pytest.approx(2 / 3)
    with pytest.raises(DataError, match=r"none for 1 of 3, first c\.png"):
        evaluate_retrieval(rows, labels, ["mrr"], distance="euclidean", empty="error", ids=["a.png", "b.png", "c.png"])
    with pytest.raises(DataError, match="labels are classes, not ids"):
        evaluate_retrieval(rows, [0, 1, 2], ["mrr"], distance="euclidean")


def test_a_gallery_of_its_own():
    gallery, gallery_labels = [[0.0], [1.0], [2.0]], ["a", "b", "a"]
    report = evaluate_retrieval(
        [[0.9], [5.0]],
        ["a", "z"],
        ["mrr", "map_at_r"],
        distance="euclidean",
        gallery=gallery,
        gallery_labels=gallery_labels,
        ids=["first", "second"],
    )
    assert report.per_query["mrr"][0] == 1 / 2
    assert report.per_query["map_at_r"][0] == pytest.approx(1 / 2 / 2)
    assert report.n_empty == 1
    assert report.qids.tolist() == ["first", "second"]
    with pytest.raises(DataError, match="expected ids that are all different; got 1 for 2 anchors"):
        evaluate_retrieval(gallery[:2], [0, 0], distance="euclidean", ids=["a", "a"])


def test_similarities_rank_the_other_way_round():
    rows, labels = [[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [0.1, 3.0]], [0, 0, 1, 1]
    for name in ("cosine", "cosine_similarity", "dot"):
        assert evaluate_retrieval(rows, labels, ["map_at_r"], distance=name).means["map_at_r"] == 1


def test_blocks_change_nothing_in_report_or_protocol():
    generator = np.random.default_rng(0)
    rows, labels = generator.integers(0, 3, size=(30, 2)).astype(float), np.arange(30) % 7
    names = ["map_at_r", "err", "ndcg@5", "r_precision"]
    whole, blocks = (
        evaluate_retrieval(rows, labels, names, distance="l1", chunk_size=size, ties="expected") for size in (100, 7)
    )
    assert whole.to_dict() == blocks.to_dict()
    assert whole.protocol.max_label == 1
    assert whole.n_tied > 0


def test_gradients_and_inputs_are_left_alone():
    rows = torch.randn(6, 2, requires_grad=True)
    copy = rows.detach().clone()
    evaluate_retrieval(rows, torch.tensor([0, 0, 1, 1, 2, 2]), distance="euclidean")
    assert torch.equal(rows.detach(), copy)
    assert rows.grad is None


def test_errors():
    rows = np.eye(3)
    with pytest.raises(ShapeError, match="expected 3 labels"):
        evaluate_retrieval(rows, [0, 1], distance="euclidean")
    with pytest.raises(ConfigError, match="Pass both"):
        evaluate_retrieval(rows, [0, 1, 1], distance="euclidean", gallery=rows)
    with pytest.raises(ConfigError, match="without a cutoff"):
        evaluate_retrieval(rows, [0, 1, 1], ["map_at_r@5"], distance="euclidean")
    with pytest.raises(ConfigError, match="got mslr, from label 2"):
        evaluate_retrieval(rows, [0, 1, 1], distance="euclidean", protocol="mslr")
    with pytest.raises(DataError, match="of one kind"):
        evaluate_retrieval(rows, [0, 1, 1], distance="euclidean", gallery=rows, gallery_labels=["a", "b", "c"])
    with pytest.raises(DataError, match="at least two examples"):
        evaluate_retrieval(rows[:1], [0], distance="euclidean")
    with pytest.raises(DataError, match="got NaN"):
        evaluate_retrieval(rows, [0, 1, np.nan], distance="euclidean")
