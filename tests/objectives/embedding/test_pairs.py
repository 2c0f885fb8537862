import inspect
import math

import pytest
import torch

from rankkit.distances import VerificationHead
from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives import bce_loss
from rankkit.objectives.embedding import contrastive_loss, verification_loss
from tests.oracles import embedding as oracle

ZERO = torch.zeros(1, 2, dtype=torch.float64)


def point(x):
    return torch.tensor([[x, 0.0]], dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("apart", "same", "value", "slope"),
    [
        (0.6, True, 0.6**2 / 2, 0.6),
        (0.6, False, (1 - 0.6) ** 2 / 2, -(1 - 0.6)),
        (1.0, False, 0.0, 0.0),
        (1.5, False, 0.0, 0.0),
        (1.5, True, 1.5**2 / 2, 1.5),
        (0.0, True, 0.0, 0.0),
        (0.0, False, 1 / 2, 0.0),  # no direction to repel in
    ],
)
def test_contrastive_value_and_slope_in_the_distance(apart, same, value, slope):
    y = point(apart)
    loss = contrastive_loss(ZERO, y, same=torch.tensor([same]))
    loss.backward()
    assert loss.item() == pytest.approx(value)
    assert y.grad.tolist() == [[pytest.approx(slope), 0.0]]


def test_contrastive_repels_so_that_a_constant_embedding_is_not_free():
    x = torch.ones(4, 3)
    assert contrastive_loss(x, x, same=torch.zeros(4, dtype=torch.bool)).item() == 1 / 2


def test_contrastive_with_another_distance_and_margin():
    x, y = torch.randn(6, 3, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)
    same = torch.tensor([True, False] * 3)
    found = contrastive_loss(x, y, same=same, margin=2.5, reduction="none")
    assert found.tolist() == pytest.approx(oracle.contrastive(x.tolist(), y.tolist(), same.tolist(), margin=2.5))
    l1 = contrastive_loss(x, y, same=same, distance=lambda a, b: (a - b).abs().sum(dim=1), margin=4.0)
    assert l1 == contrastive_loss(x, y, same=same, distance="l1", margin=4.0)


def test_contrastive_refuses_what_cannot_work():
    same = torch.tensor([True])
    with pytest.raises(ConfigError, match="smaller for nearer embeddings; got the similarity 'dot'"):
        contrastive_loss(ZERO, ZERO, same=same, distance="dot")
    with pytest.raises(ConfigError, match="contrastive_loss: expected margin above 0; got 0"):
        contrastive_loss(ZERO, ZERO, same=same, margin=0.0)
    plain = inspect.unwrap(contrastive_loss)
    with pytest.raises(ShapeError, match=r"expected same \[1\] boolean, .* got torch.int64 \[1\]. Compare the classes"):
        plain(ZERO, ZERO, same=torch.tensor([1]))
    with pytest.raises(ShapeError, match=r"expected embeddings .* of one shape; got x \[1, 2\], y \[2, 2\]"):
        plain(ZERO, torch.zeros(2, 2), same=same)


def test_verification_values_by_hand():
    head = VerificationHead(2).double()
    head.set_weights([-2.0, 1.0], bias=1.0)
    x, y = (torch.tensor([row], dtype=torch.float64) for row in ([0.2, 0.8], [0.6, 0.8]))
    logits = head.pairwise(x, y)
    assert logits.sigmoid().item() == pytest.approx(1 / (1 + math.exp(-0.2)))
    loss = verification_loss(logits, same=torch.tensor([True])).detach()
    assert loss.item() == pytest.approx(math.log1p(math.exp(-0.2)))
    assert loss.item() == pytest.approx(0.598139, abs=1e-6)
    assert verification_loss(head.pairwise(y, x), same=torch.tensor([True])).detach() == loss
    identical = head.pairwise(x, x)
    assert identical.item() == 1.0
    assert verification_loss(torch.tensor([0.5]), same=torch.tensor([True])).item() == pytest.approx(0.474077, abs=1e-6)


def test_verification_is_exact_at_large_logits():
    logits = torch.tensor([200.0, -200.0], dtype=torch.float64)  # a probability would have been rounded to 0 or 1
    assert verification_loss(logits, same=torch.tensor([False, True])).item() == pytest.approx(200)


def test_verification_is_binary_cross_entropy_in_torch_and_of_the_rankers():
    logits = torch.randn(50, dtype=torch.float64)
    same = torch.rand(50) < 0.5
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, same.double())
    torch.testing.assert_close(verification_loss(logits, same=same), expected, rtol=0, atol=1e-12)
    ranked = bce_loss(logits[:, None], same[:, None].double())
    torch.testing.assert_close(verification_loss(logits, same=same), ranked, rtol=0, atol=1e-12)


def test_the_head_learns_to_verify():
    head, points = VerificationHead(2), torch.tensor([[0.0, 0.0], [0.0, 0.1], [1.0, 0.0], [1.0, 0.1]])
    optimizer = torch.optim.Adam(head.parameters(), lr=0.3, weight_decay=1e-4)
    first, second = torch.tensor([0, 0, 0, 1, 1, 2]), torch.tensor([1, 2, 3, 2, 3, 3])
    same = first // 2 == second // 2
    for _ in range(60):
        optimizer.zero_grad()
        loss = verification_loss(head.pairwise(points[first], points[second]), same=same)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


def test_verification_refuses_other_shapes():
    with pytest.raises(ShapeError, match=r"verification_loss: expected logits \[n\], one a pair; got \[2, 1\]"):
        inspect.unwrap(verification_loss)(torch.zeros(2, 1), same=torch.tensor([True, False]))
    with pytest.raises(ShapeError, match=r"verification_loss: expected same \[2\] boolean"):
        inspect.unwrap(verification_loss)(torch.zeros(2), same=torch.tensor([True]))
