"""mine_triplets() and mine_pairs() against loops, on random batches with ties, lone examples and single classes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.distances import VerificationHead
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.models.encoders import MLPEncoder
from rankkit.sampling import PAIR_RULES, TRIPLET_RULES, mine_pairs, mine_triplets
from tests.oracles import mining as oracle

COSTS = {"euclidean": oracle.euclidean, "l1": oracle.l1, "dot": oracle.negated_dot}
# Whole numbers on a line or in a plane, so that many distances are equal and none is near another by rounding alone.
batches = st.integers(0, 9).flatmap(
    lambda n: st.tuples(
        st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
    )
)


def as_tensors(batch):
    points, labels = batch
    return torch.tensor(points, dtype=torch.float64).reshape(-1, 2), torch.tensor(labels, dtype=torch.int64)


def costs_of(points, distance):
    return [[COSTS[distance](x, y) for y in points] for x in points]


def rows(*tensors):
    return list(zip(*(tensor.tolist() for tensor in tensors), strict=True))


@pytest.mark.parametrize("distance", COSTS)
@pytest.mark.parametrize("how", [how for how in TRIPLET_RULES if how != "distance_weighted"])
@settings(max_examples=60, deadline=None)
@given(batch=batches, margin=st.sampled_from([0.0, 0.25, 1.5, math.inf]))
def test_triplets(how, distance, batch, margin):
    embeddings, labels = as_tensors(batch)
    mined = mine_triplets(embeddings, labels, how=how, distance=distance, margin=margin)
    costs = costs_of(batch[0], distance)
    expected = oracle.triplets(costs, batch[1], how, margin)
    assert rows(mined.anchor, mined.positive, mined.negative) == expected
    active = oracle.active_triplets(costs, expected, margin)
    assert mined.active.tolist() == active
    assert mined.n_triplets == len(expected)
    assert mined.active_share == (pytest.approx(sum(active) / len(active)) if active else 0.0)


@pytest.mark.parametrize("distance", ["euclidean", "l1"])
@pytest.mark.parametrize("how", [how for how in PAIR_RULES if how != "balanced"])
@settings(max_examples=60, deadline=None)
@given(batch=batches, margin=st.sampled_from([0.0, 1.5, math.inf]))
def test_pairs(how, distance, batch, margin):
    embeddings, labels = as_tensors(batch)
    mined = mine_pairs(embeddings, labels, how=how, distance=distance, margin=margin)
    costs = costs_of(batch[0], distance)
    expected = oracle.pairs(costs, batch[1], how)
    same = [batch[1][i] == batch[1][j] for i, j in expected]
    active = [costs[i][j] > 0 if alike else costs[i][j] < margin for (i, j), alike in zip(expected, same, strict=True)]
    assert rows(mined.first, mined.second) == expected
    assert mined.same.tolist() == same
    assert mined.active.tolist() == active
    assert mined.n_pairs == len(expected)
    assert mined.active_share == (pytest.approx(sum(active) / len(active)) if active else 0.0)


def test_hard_pairs_are_half_alike():
    embeddings, labels = torch.randn(20, 3), torch.arange(20) % 5
    mined = mine_pairs(embeddings, labels, how="hard")
    assert int(mined.same.sum()) * 2 == mined.n_pairs
    chosen = set(rows(mined.first, mined.second))
    distances = torch.cdist(embeddings, embeddings)
    left = [distances[i, j] for i in range(20) for j in range(i) if labels[i] != labels[j] and (j, i) not in chosen]
    assert max(distances[i, j] for i, j in chosen if labels[i] != labels[j]) <= min(left)


@settings(max_examples=40, deadline=None)
@given(batch=batches, seed=st.integers(0, 99))
def test_balanced_pairs_are_drawn_from_all(batch, seed):
    embeddings, labels = as_tensors(batch)

    def draw(seed):
        return mine_pairs(embeddings, labels, how="balanced", generator=torch.Generator().manual_seed(seed))

    mined = draw(seed)
    found = rows(mined.first, mined.second)
    every = oracle.pairs([], batch[1], "all")
    alike = [pair for pair in every if batch[1][pair[0]] == batch[1][pair[1]]]
    assert found == sorted(set(found))
    assert set(alike) <= set(found) <= set(every)
    assert len(found) - len(alike) == min(len(alike), len(every) - len(alike))
    assert mined.same.tolist() == [pair in alike for pair in found]
    assert rows(draw(seed).first, draw(seed).second) == found


def test_every_different_pair_is_drawn_equally_often():
    embeddings, labels = torch.randn(6, 2), torch.tensor([0, 0, 1, 1, 2, 2])
    counts = torch.zeros(6, 6)
    n_draws = 600
    for _ in range(n_draws):
        mined = mine_pairs(embeddings, labels, how="balanced")
        counts[mined.first[~mined.same], mined.second[~mined.same]] += 1
    share = 3 / 12  # as many as alike, of all different ones
    spread = math.sqrt(share * (1 - share) / n_draws)
    shares = counts[(labels[:, None] != labels).triu(1)] / n_draws
    assert float((shares - share).abs().max()) <= 5 * spread


def test_a_similarity_has_no_margin_for_pairs():
    embeddings, labels = torch.randn(8, 3), torch.arange(8) % 2
    head = VerificationHead(3)
    with pytest.raises(
        ConfigError, match=r"smaller values are nearer, for a margin; got 'verification'\. Pass margin="
    ):
        mine_pairs(embeddings, labels, distance=head)
    mined = mine_pairs(embeddings, labels, distance=head, how="batch_hard", margin=None)
    assert mined.active.all()
    logits = head.matrix(embeddings, embeddings)
    assert rows(mined.first, mined.second) == oracle.pairs((-logits).tolist(), labels.tolist(), "batch_hard")


def on_the_sphere(n, n_dims):
    x = torch.randn(n, n_dims, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return x / x.norm(dim=1, keepdim=True)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_rows_of_length_1_in_half_precision_are_of_length_1(dtype):
    mined = mine_triplets(on_the_sphere(32, 8).to(dtype), torch.arange(32) % 4, how="distance_weighted")
    assert mined.n_triplets == 32 * 7


@pytest.mark.parametrize("n_dims", [2, 3, 8])
def test_distance_weighted_draws_by_the_weights(n_dims):
    embeddings = on_the_sphere(6, n_dims)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    costs = [[oracle.euclidean(x, y) for y in embeddings.tolist()] for x in embeddings.tolist()]
    n_draws = 4000
    counts = torch.zeros(6, 6)
    generator = torch.Generator().manual_seed(0)
    # Every class many times over gives many draws an anchor at once.
    repeated = embeddings.repeat(20, 1)
    many = labels.repeat(20)
    for _ in range(n_draws // (20 * 39)):
        mined = mine_triplets(
            repeated, many, how="distance_weighted", distance="euclidean", margin=math.inf, generator=generator
        )
        assert mined.n_triplets == 120 * 39
        assert bool((many[mined.anchor] == many[mined.positive]).all())
        assert bool((many[mined.anchor] != many[mined.negative]).all())
        counts.index_put_((mined.anchor % 6, mined.negative % 6), torch.ones(mined.n_triplets), accumulate=True)
    for anchor in range(6):
        total = float(counts[anchor].sum())
        weights = oracle.distance_weights(costs, labels.tolist(), anchor, n_dims)
        for row in range(6):
            share = weights.get(row, 0.0)
            spread = math.sqrt(share * (1 - share) / total)
            assert abs(float(counts[anchor, row]) / total - share) <= 5 * spread


def test_distance_weighted_is_seeded_and_takes_far_negatives_where_there_is_no_other():
    embeddings = on_the_sphere(12, 4)
    labels = torch.arange(12) % 3

    def draw(seed):
        return mine_triplets(
            embeddings, labels, how="distance_weighted", generator=torch.Generator().manual_seed(seed)
        ).negative

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))
    opposite = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    mined = mine_triplets(opposite, torch.tensor([0, 0, 1]), how="distance_weighted", margin=0.2)
    assert rows(mined.anchor, mined.positive, mined.negative) == [(0, 1, 2), (1, 0, 2)]
    assert mined.active_share == 0.0
    collapsed = torch.tensor([[1.0, 0.0]]).expand(6, 2)
    assert mine_triplets(collapsed, labels[:6], how="distance_weighted").active_share == 1.0


@pytest.mark.parametrize("how", TRIPLET_RULES)
@pytest.mark.parametrize(
    "labels", [[0, 0, 0, 0], [0, 1, 2, 3], [0], []], ids=["one class", "lone examples", "one row", "no row"]
)
def test_batches_without_a_triplet(how, labels):
    embeddings = on_the_sphere(max(len(labels), 1), 3)[: len(labels)]
    mined = mine_triplets(embeddings, torch.tensor(labels, dtype=torch.int64), how=how)
    assert repr(mined) == "Mined(0 triplets, 0.0% active)"
    assert mined.anchor.dtype == mined.positive.dtype == mined.negative.dtype == torch.int64
    assert mined.active.dtype == torch.bool


@pytest.mark.parametrize("how", TRIPLET_RULES)
def test_a_lone_example_is_a_negative_only(how):
    mined = mine_triplets(on_the_sphere(5, 3), torch.tensor([0, 0, 1, 1, 2]), how=how, margin=9.0)
    assert mined.n_triplets > 0
    assert 4 not in {*mined.anchor.tolist(), *mined.positive.tolist()}


def test_no_gradient_flows_and_the_distance_of_an_encoder_is_taken():
    encoder = MLPEncoder(3, n_dims=2, distance="weighted_l1", seed=0)
    with torch.no_grad():
        encoder.distance.raw_weights.copy_(torch.tensor([5.0, -9.0]))
    embeddings = encoder(torch.randn(8, 3))
    mined = mine_triplets(embeddings, torch.arange(8) % 2, how="hard", distance=encoder.distance, margin=1.0)
    costs = encoder.distance.matrix(embeddings, embeddings).tolist()
    expected = oracle.triplets(costs, [0, 1] * 4, "hard", 1.0)
    assert rows(mined.anchor, mined.positive, mined.negative) == expected
    assert not mined.active.requires_grad
    assert embeddings.grad_fn is not None
    assert encoder.distance.raw_weights.grad is None


@pytest.mark.parametrize("mine", [mine_triplets, mine_pairs])
def test_labels_may_be_an_array_of_numbers_or_texts(mine):
    embeddings = torch.randn(6, 2)
    expected = repr(mine(embeddings, torch.tensor([3, 3, 1, 1, 2, 2])))
    assert repr(mine(embeddings, np.array([3, 3, 1, 1, 2, 2]))) == expected
    assert repr(mine(embeddings, np.array(["c", "c", "a", "a", "b", "b"]))) == expected


def test_half_precision_is_mined_in_single():
    embeddings, labels = torch.randn(8, 3), torch.arange(8) % 2
    for dtype in (torch.float16, torch.bfloat16):
        half = embeddings.to(dtype)
        mined, expected = (mine_triplets(x, labels, how="hard") for x in (half, half.float()))
        assert torch.equal(mined.negative, expected.negative)


@pytest.mark.parametrize("mine", [mine_triplets, mine_pairs])
def test_what_cannot_work(mine):
    embeddings, labels = torch.randn(6, 2), torch.arange(6) % 2
    with pytest.raises(ConfigError, match=r"expected a rule of mining; got 'batch_hrd'\. Did you mean 'batch_hard'"):
        mine(embeddings, labels, how="batch_hrd")
    with pytest.raises(ConfigError, match=r"expected margin of at least 0; got -1\.0"):
        mine(embeddings, labels, margin=-1.0)
    with pytest.raises(ConfigError, match="expected margin of at least 0; got nan"):
        mine(embeddings, labels, margin=math.nan)
    with pytest.raises(ShapeError, match=r"expected embeddings \[n, n_dims\] and labels \[n\]; got \[6, 2\] and \[5\]"):
        mine(embeddings, labels[:5])
    with pytest.raises(ShapeError, match=r"got \[6\] and \[6\]"):
        mine(embeddings[:, 0], labels)
    embeddings[2, 1] = math.nan
    with pytest.raises(DataError, match="expected finite embeddings"):
        mine(embeddings, labels)


def test_what_cannot_work_for_one_rule():
    with pytest.raises(DataError, match=r"expected embeddings of length 1 .* Use an encoder with output='unit'"):
        mine_triplets(torch.randn(6, 3), torch.arange(6) % 2, how="distance_weighted")
    with pytest.raises(ConfigError, match=r"at most 20,000,000 triplets for how='all'; got 31,125,000"):
        mine_triplets(torch.randn(500, 2), torch.arange(500) % 2, how="all")
