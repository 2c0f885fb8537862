import pytest
import torch

from rankkit.errors import ConfigError
from rankkit.objectives import circle_loss, graded_circle_loss
from tests.oracles import pairs as oracle


def lists(n_grades=4, list_size=9):
    generator = torch.Generator().manual_seed(n_grades)
    scores = torch.randn(5, list_size, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, n_grades, (5, list_size), generator=generator).double()
    labels[:, 0], labels[:, 1] = 0, n_grades - 1
    sizes = torch.randint(2, list_size + 1, (5, 1), generator=generator)
    weights = torch.rand(5, list_size, generator=generator, dtype=torch.float64) + 0.5
    return scores, labels, torch.arange(list_size) < sizes, weights


@pytest.mark.parametrize("options", [{}, {"margin": 0.4, "gamma": 2.0}])
def test_equal_to_slow_loops_in_value_and_gradient(options):
    scores, labels, mask, weights = lists()
    scores.requires_grad_()
    values = graded_circle_loss(scores, labels, mask, weights=weights, reduction="none", **options)
    values.sum().backward()
    for query in range(5):
        docs = mask[query]
        given = [tensor[query][docs].tolist() for tensor in (scores, labels, weights)]
        assert values[query].item() == pytest.approx(oracle.graded_circle(*given, **options), rel=1e-11)
        slopes = oracle.graded_circle_slopes(*given, **options)
        assert scores.grad[query][docs].tolist() == pytest.approx(slopes, rel=1e-9, abs=1e-9)
    assert (scores.grad[~mask] == 0).all()


def test_two_grades_make_it_the_circle_loss():
    scores, labels, mask, weights = lists(n_grades=2)
    weights[:, 4] = 0
    found = graded_circle_loss(scores, labels, mask, weights=weights, reduction="none")
    expected = circle_loss(scores, labels, mask, weights=weights, reduction="none")
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_the_best_order_of_any_grades_costs_the_least():
    # At 1 - m and m the exponent of a pair is 0; grades in between are pulled both ways.
    scores = torch.tensor([[0.75, 0.5, 0.25]])
    falling = graded_circle_loss(scores, torch.tensor([[2.0, 1.0, 0.0]]))
    for labels in ([1.0, 2.0, 0.0], [2.0, 0.0, 1.0], [0.0, 1.0, 2.0]):
        assert graded_circle_loss(scores, torch.tensor([labels])) > falling


def test_options_that_cannot_work():
    scores, labels = torch.zeros(1, 2), torch.tensor([[0.0, 1.0]])
    for name, value in (("margin", -0.1), ("gamma", 0.0)):
        with pytest.raises(ConfigError, match=rf"^graded_circle_loss: expected {name} "):
            graded_circle_loss(scores, labels, **{name: value})
