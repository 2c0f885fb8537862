import copy
import inspect
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.distances import (
    DISTANCES,
    LEARNED,
    Cosine,
    CosineSimilarity,
    Distance,
    Dot,
    Euclidean,
    FunctionDistance,
    VerificationHead,
    WeightedL1,
    find_distance,
    nearness,
    unit,
)
from rankkit.errors import ConfigError, ShapeError
from rankkit.models.encoders import MLPEncoder
from tests.oracles import embedding as oracle

SLOW = {
    "euclidean": oracle.euclidean,
    "squared_euclidean": oracle.squared,
    "l1": oracle.l1,
    "cosine": oracle.cosine,
    "cosine_similarity": oracle.cosine_similarity,
    "dot": oracle.dot,
}
TRUE_DISTANCES = sorted(set(DISTANCES) - {"cosine_similarity", "dot", "verification"})
every = pytest.mark.parametrize("name", sorted(DISTANCES))


def rows(n, n_dims=4, seed=0, dtype=torch.float64):
    return torch.randn(n, n_dims, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def built(name, n_dims=4):
    """The distance; learned ones with weights of both signs."""
    distance = find_distance(name, n_dims)
    if isinstance(distance, VerificationHead):
        distance.set_weights(torch.linspace(-2, 1, n_dims), bias=0.5)
    if isinstance(distance, WeightedL1):
        with torch.no_grad():
            distance.raw_weights.copy_(torch.linspace(-2, 3, n_dims))
    return distance


@pytest.mark.parametrize("name", sorted(SLOW))
def test_equal_to_slow_loops(name):
    x, y = rows(5), rows(5, seed=1)
    distance = find_distance(name)
    expected = [[SLOW[name](a, b) for b in y.tolist()] for a in x.tolist()]
    torch.testing.assert_close(distance.matrix(x, y), torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(distance.pairwise(x, y), torch.tensor(expected, dtype=torch.float64).diagonal())


@every
def test_the_matrix_holds_the_pairs(name):
    x, y = rows(5), rows(3, seed=1)
    distance = built(name)
    matrix = distance.matrix(x, y)
    for j in range(3):
        torch.testing.assert_close(matrix[:, j], distance.pairwise(x, y[j].expand_as(x)))


@every
def test_gradcheck_of_both_forms(name):
    x, y = rows(3).requires_grad_(), rows(3, seed=1).requires_grad_()
    distance = built(name).double()
    assert isinstance(distance, torch.nn.Module)
    weights = tuple(distance.parameters())
    assert torch.autograd.gradcheck(lambda x, y, *_: distance.pairwise(x, y), (x, y, *weights))
    assert torch.autograd.gradcheck(lambda x, y, *_: distance.matrix(x, y), (x, y, *weights))


@every
def test_gradients_of_equal_and_zero_rows_are_finite(name):
    for x in (torch.zeros(3, 4), torch.ones(3, 4)):
        for form in ("pairwise", "matrix"):
            points, others = x.clone().requires_grad_(), x.clone().requires_grad_()
            distance = built(name)
            getattr(distance, form)(points, others).sum().backward()
            assert points.grad.isfinite().all()
            assert others.grad.isfinite().all()
            if name in TRUE_DISTANCES:
                torch.testing.assert_close(points.grad, torch.zeros_like(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", TRUE_DISTANCES)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e6])
def test_self_distance_is_zero_at_any_length(name, scale):
    # With |x|^2 + |y|^2 - 2 x y the Euclidean self-distance of float32 rows of length 1,000 reaches 1.1.
    x = rows(64, 16, dtype=torch.float32) * scale
    distance = built(name, 16)
    assert not distance.pairwise(x, x).any()
    assert not distance.matrix(x, x).diagonal().any()
    assert not distance.matrix(x, x.flip(0)).flip(1).diagonal().any()


@pytest.mark.parametrize("name", TRUE_DISTANCES)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 9), n_dims=st.integers(1, 9))
def test_symmetric_and_at_least_zero(name, seed, n, n_dims):
    x, y = rows(n, n_dims, seed, torch.float32), rows(n, n_dims, seed + 1, torch.float32)
    distance = built(name, n_dims)
    torch.testing.assert_close(distance.pairwise(x, y), distance.pairwise(y, x), rtol=0, atol=0)
    torch.testing.assert_close(distance.matrix(x, y), distance.matrix(y, x).T)
    assert (distance.matrix(x, y) >= -1e-6).all()


@pytest.mark.parametrize("name", ["cosine_similarity", "dot", "verification"])
def test_similarities_are_symmetric(name):
    x, y = rows(5), rows(5, seed=1)
    distance = built(name)
    assert distance.nearer == "larger"
    torch.testing.assert_close(distance.pairwise(x, y), distance.pairwise(y, x))
    torch.testing.assert_close(distance.matrix(x, y), distance.matrix(y, x).T)


@every
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(name, dtype):
    x, y = rows(4, dtype=dtype), rows(4, seed=1, dtype=dtype)
    distance = built(name)
    for form in ("pairwise", "matrix"):
        values = getattr(distance, form)(x, y)
        assert values.dtype == torch.float32
        torch.testing.assert_close(values, getattr(distance, form)(x.float(), y.float()), rtol=0, atol=0)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            torch.testing.assert_close(getattr(distance, form)(x.float(), y.float()), values, rtol=0, atol=0)


@every
def test_empty_sets(name):
    distance = built(name)
    assert distance.pairwise(torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0,)
    assert distance.matrix(torch.zeros(0, 4), torch.zeros(3, 4)).shape == (0, 3)
    assert distance.matrix(torch.zeros(3, 4), torch.zeros(0, 4)).shape == (3, 0)


def test_a_zero_vector_has_cosine_distance_one_and_no_gradient():
    x, y = torch.zeros(1, 3, requires_grad=True), torch.ones(1, 3)
    for form in ("pairwise", "matrix"):
        value = getattr(Cosine(), form)(x, y).squeeze()
        value.backward()
        assert value.item() == pytest.approx(1)
        assert not x.grad.any()
        assert getattr(Cosine(), form)(torch.zeros(1, 3), torch.zeros(1, 3)).item() == 1


def test_near_directions_keep_their_digits():
    # An angle of 1e-4: the distance 5e-9 is below the rounding of 1 - u v in float32.
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1e-4]])
    assert Cosine().pairwise(x, y).item() == pytest.approx(5e-9, rel=1e-3)
    assert Cosine().matrix(x, y).item() == pytest.approx(5e-9, rel=1e-3)
    many = x.expand(300, 2)
    assert not Cosine().matrix(many, many).any()


def test_values_by_hand():
    head = VerificationHead(2)
    head.set_weights([-2.0, 1.0], bias=1.0)
    x, y = torch.tensor([[0.2, 0.8]]), torch.tensor([[0.6, 0.8]])
    assert head.pairwise(x, y).sigmoid().item() == pytest.approx(0.549834, abs=1e-6)
    assert head.pairwise(x, x).item() == head.matrix(x, x).item() == 1.0  # the bias: sigmoid(b), never 1/2 by force
    assert nearness(Euclidean(), torch.ones(2)).tolist() == [-1, -1]
    assert nearness(Dot(), torch.ones(2)).tolist() == [1, 1]


def test_the_head_begins_with_weights_that_pull_apart():
    head = VerificationHead(16)
    assert (head.alpha < 0).all()
    x = unit(rows(50, 16, dtype=torch.float32))
    logits = head.matrix(x, x).detach()
    assert logits.diagonal().tolist() == [2.0] * 50
    assert -3.5 < logits[~torch.eye(50, dtype=torch.bool)].mean() < -1.5


def test_weights_of_the_weighted_l1_begin_at_one_and_never_fall_below_zero():
    distance = WeightedL1(3)
    torch.testing.assert_close(distance.weights, torch.ones(3))
    with torch.no_grad():
        distance.raw_weights.fill_(-50.0)
    assert (distance.weights >= 0).all()


def test_unit_vectors():
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0], [3e-30, 4e-30], [3e30, 4e30]], requires_grad=True)
    directions = unit(x)
    expected = torch.tensor([[0.6, 0.8], [0.0, 0.0], [0.6, 0.8], [0.6, 0.8]])
    torch.testing.assert_close(directions, expected)
    directions[:, 0].sum().backward()
    assert x.grad.isfinite().all()
    assert not x.grad[1].any()
    assert unit(torch.tensor([[math.nan, 1.0]])).isnan().any()
    assert torch.autograd.gradcheck(unit, (rows(3).requires_grad_(),))
    assert unit(torch.zeros(2, 0)).shape == (2, 0)
    assert unit(torch.ones(2, 3, 4, dtype=torch.float16)).dtype == torch.float32


def test_finding_a_distance():
    assert {name: find_distance(name, 4).name for name in DISTANCES} == {name: name for name in DISTANCES}
    assert all(isinstance(find_distance(name, 4), Distance) for name in DISTANCES)
    cosine = Cosine()
    assert find_distance(cosine) is cosine
    with pytest.raises(ConfigError, match=r"got 'euclidian'. Did you mean 'euclidean'\?"):
        find_distance("euclidian")
    for name in LEARNED:
        with pytest.raises(ConfigError, match=f"expected n_dims for the learned distance '{name}'"):
            find_distance(name)
    with pytest.raises(ConfigError, match=r"got the class Euclidean. Build it: Euclidean\(\)"):
        inspect.unwrap(find_distance)(Euclidean)
    with pytest.raises(ConfigError, match=r"got MLPEncoder, which has a distance\. Pass its \.distance"):
        find_distance(MLPEncoder(3))
    with pytest.raises(ConfigError, match="expected a name, a distance or a callable; got int"):
        inspect.unwrap(find_distance)(3)
    with pytest.raises(ConfigError, match="n_dims of at least 1; got 0"):
        find_distance("verification", 0)


def test_a_function_as_distance():
    def largest(x, y):
        return (x - y).abs().amax(dim=1)

    distance = find_distance(largest)
    x, y = rows(4), rows(3, seed=1)
    torch.testing.assert_close(distance.matrix(x, y), torch.cdist(x, y, p=math.inf))
    assert distance.matrix(x[:0], y).shape == (0, 3)
    assert (distance.name, distance.nearer) == ("largest", "smaller")
    assert repr(distance) == "FunctionDistance(largest, nearer='smaller')"
    with pytest.raises(ShapeError, match=r"expected one value a pair, \[4\]; got \[4, 4\]"):
        FunctionDistance(lambda x, y: x - y).pairwise(x, x)
    with pytest.raises(ConfigError, match="nearer 'smaller' or 'larger'; got 'closer'"):
        inspect.unwrap(FunctionDistance.__init__)(distance, largest, nearer="closer")


def test_wrong_shapes_are_told():
    x = torch.zeros(2, 3)
    with pytest.raises(ShapeError, match=r"^Euclidean.pairwise: expected two tensors .* got \[2, 3\] and \[3, 3\]"):
        inspect.unwrap(Euclidean.pairwise)(Euclidean(), x, torch.zeros(3, 3))
    with pytest.raises(ShapeError, match=r"^Cosine.matrix: expected tensors .* got \[2, 3\] and \[2, 4\]"):
        inspect.unwrap(Cosine.matrix)(Cosine(), x, torch.zeros(2, 4))
    with pytest.raises(
        ShapeError, match=r"^WeightedL1: expected embeddings of 5 dimensions, one for each weight; got 3"
    ):
        WeightedL1(5).pairwise(x, x)
    with pytest.raises(ConfigError, match=r"^VerificationHead: expected 2 weights; got \[3\]"):
        VerificationHead(2).set_weights([1.0, 2.0, 3.0], bias=0.0)


def test_learned_distances_are_saved_and_copied():
    first = built("verification")
    second = VerificationHead(4)
    second.load_state_dict(first.state_dict())
    x, y = rows(3), rows(3, seed=1)
    torch.testing.assert_close(first.pairwise(x, y), second.pairwise(x, y))
    torch.testing.assert_close(copy.deepcopy(first).pairwise(x, y), first.pairwise(x, y))
    assert repr(first) == "VerificationHead(n_dims=4)"
    assert {name for name, _ in built("weighted_l1").named_parameters()} == {"raw_weights"}
    assert not list(CosineSimilarity().parameters())


def test_no_tensor_of_all_differences_is_made():
    # 2,000 x 2,000 x 64 differences would be 1 GB; only the tensors that autograd keeps are counted.
    kept = []
    x = rows(2000, 64, dtype=torch.float32).requires_grad_()
    for name in sorted(DISTANCES):
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
            built(name, 64).matrix(x[:200], x)
    assert max(kept) <= 200 * 2000
