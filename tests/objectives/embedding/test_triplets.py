import math

import pytest
import torch
from torch.nn import functional

from rankkit.distances import find_distance
from rankkit.errors import ConfigError
from rankkit.objectives import pairwise_hinge_loss, ranknet_loss
from rankkit.objectives.embedding import soft_margin_triplet_loss, softmax_ratio_triplet_loss, triplet_loss
from tests.oracles import embedding as oracle


def rows(*values):
    return tuple(torch.tensor([value], dtype=torch.float64, requires_grad=True) for value in values)


def random_triplets(n=20):
    return tuple(torch.randn(n, 5, dtype=torch.float64) for _ in range(3))


def test_values_by_hand():
    a, p, n = rows([0.0, 0.0], [3.0, 4.0], [6.0, 0.0])
    assert triplet_loss(a, p, n, distance="euclidean", margin=2.0).item() == pytest.approx(5 - 6 + 2)
    assert triplet_loss(a, p, n, margin=20.0).item() == pytest.approx(25 - 36 + 20)
    assert triplet_loss(a, p, n, margin=11.0).item() == 0
    a, p, n = rows([0.0, 0.0], [1.0, 0.0], [0.0, 2.0])
    assert softmax_ratio_triplet_loss(a, p, n).item() == pytest.approx(2 / (1 + math.e) ** 2)
    assert softmax_ratio_triplet_loss(a, p, n).item() == pytest.approx(0.144659, abs=1e-6)
    assert soft_margin_triplet_loss(a, p, n).item() == pytest.approx(math.log1p(math.exp(1 - 2)))
    assert soft_margin_triplet_loss(a, p, n, margin=0.5).item() == pytest.approx(math.log1p(math.exp(1 - 2 + 0.5)))


def test_slopes_by_hand():
    a, p, n = rows([0.0, 0.0], [3.0, 4.0], [6.0, 0.0])
    triplet_loss(a, p, n, margin=20.0).backward()
    assert p.grad.tolist() == [[6.0, 8.0]]  # 2 (p - a)
    assert n.grad.tolist() == [[-12.0, 0.0]]  # -2 (n - a)
    assert a.grad.tolist() == [[6.0, -8.0]]
    a, p, n = rows([0.0, 0.0], [3.0, 4.0], [6.0, 0.0])
    triplet_loss(a, p, n, margin=1.0).backward()
    assert not torch.cat([a.grad, p.grad, n.grad]).any()


def test_a_done_triplet_leaves_the_positive_anywhere_up_to_the_margin():
    # alpha = .2, x_an = 2.4: the loss is 0 for every x_ap up to 2.2, not up to 1.
    a, n = torch.zeros(1, 1, dtype=torch.float64), torch.tensor([[math.sqrt(2.4)]], dtype=torch.float64)
    for x_ap, value in ((1.0, 0.0), (2.19, 0.0), (2.21, 0.01)):
        p = torch.tensor([[math.sqrt(x_ap)]], dtype=torch.float64)
        assert triplet_loss(a, p, n).item() == pytest.approx(value, abs=1e-12)


def test_collapse_shows_as_a_loss_at_the_margin():
    x = torch.full((6, 4), 0.3)
    assert triplet_loss(x, x, x, margin=0.7).item() == pytest.approx(0.7)
    assert soft_margin_triplet_loss(x, x, x).item() == pytest.approx(math.log(2))
    assert softmax_ratio_triplet_loss(x, x, x).item() == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["euclidean", "squared_euclidean", "l1", "cosine", "dot"])
def test_they_are_pairwise_ranking_objectives_on_nearness(name):
    a, p, n = random_triplets()
    distance = find_distance(name)
    sign = 1 if distance.nearer == "larger" else -1
    scores = sign * torch.stack([distance.pairwise(a, p), distance.pairwise(a, n)], dim=1)
    labels = torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(20, 2)
    hinge = pairwise_hinge_loss(scores, labels, margin=0.3)
    torch.testing.assert_close(triplet_loss(a, p, n, margin=0.3, distance=name), hinge, rtol=0, atol=1e-12)
    logistic = ranknet_loss(scores, labels)
    torch.testing.assert_close(soft_margin_triplet_loss(a, p, n, distance=name), logistic, rtol=0, atol=1e-12)
    ratio = functional.mse_loss((-scores).softmax(dim=1), 1 - labels, reduction="none").sum(dim=1).mean()
    torch.testing.assert_close(softmax_ratio_triplet_loss(a, p, n, distance=name), ratio, rtol=0, atol=1e-12)


def test_the_same_as_torch():
    a, p, n = random_triplets()

    def euclidean(x, y):  # nn.TripletMarginLoss adds an epsilon to the difference
        return torch.linalg.vector_norm(x - y, dim=1)

    expected = functional.triplet_margin_with_distance_loss(a, p, n, distance_function=euclidean, margin=0.5)
    torch.testing.assert_close(triplet_loss(a, p, n, margin=0.5, distance="euclidean"), expected, rtol=0, atol=1e-12)
    slow = oracle.triplet(a.tolist(), p.tolist(), n.tolist(), margin=0.5, distance=oracle.l1)
    assert triplet_loss(a, p, n, margin=0.5, distance="l1", reduction="none").tolist() == pytest.approx(slow)


def test_wrong_options_are_told():
    a, p, n = random_triplets(2)
    with pytest.raises(ConfigError, match="triplet_loss: expected margin of at least 0; got -1"):
        triplet_loss(a, p, n, margin=-1.0)
    with pytest.raises(ConfigError, match="expected the name of a distance; got 'l2'"):
        triplet_loss(a, p, n, distance="l2")
