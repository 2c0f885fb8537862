import math

import pytest
import torch

from rankkit.errors import ConfigError
from rankkit.objectives import kl_distillation_loss, kl_loss, listmle_loss, listnet_loss, rank_distil_loss
from tests.oracles.distillation import k_plackett_cross_entropy

S, TEACHER = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.3, 2.0, -1.0]])


def test_the_student_that_agrees_costs_nothing():
    scores = (TEACHER + 5).requires_grad_()
    loss = kl_distillation_loss(scores, TEACHER, temperature=2.0)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert scores.grad.abs().max() < 1e-6


def test_at_temperature_one_it_is_kl():
    torch.testing.assert_close(kl_distillation_loss(S, TEACHER), kl_loss(S, TEACHER))


def test_the_factor_keeps_the_size_of_gradients():
    # Hinton et al., equation 4: at high temperature the gradient is that of matching centred scores, (s - t) / n.
    scores = S.double().requires_grad_()
    kl_distillation_loss(scores, TEACHER.double(), temperature=1e4).backward()
    gap = (S - S.mean()) - (TEACHER - TEACHER.mean())
    torch.testing.assert_close(scores.grad, (gap / 3).double(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("k", [1, 2, None])
def test_sampled_rankings_stand_for_the_mean_over_all(k):
    expected = k_plackett_cross_entropy(TEACHER[0].tolist(), S[0].tolist(), k or 3)
    found = rank_distil_loss(S, TEACHER, k=k, n_samples=40_000, generator=torch.Generator().manual_seed(0))
    assert found.item() == pytest.approx(expected, rel=0.02)


def test_the_top_one_is_listnet_on_average():
    found = rank_distil_loss(S, TEACHER, k=1, n_samples=40_000, generator=torch.Generator().manual_seed(1))
    assert found.item() == pytest.approx(listnet_loss(S, TEACHER).item(), rel=0.02)


def test_of_a_teacher_that_is_sure_it_is_listmle():
    teacher = torch.tensor([[0.0, 2000.0, 1000.0]])
    torch.testing.assert_close(rank_distil_loss(S, teacher), listmle_loss(S, teacher))
    first = math.log(math.exp(3) + math.exp(2) + math.exp(1)) - 2
    assert rank_distil_loss(S, teacher, k=1).item() == pytest.approx(first, rel=1e-5)


def test_the_same_generator_gives_the_same_rankings():
    losses = [rank_distil_loss(S, TEACHER, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_options_that_cannot_work():
    for options, message in (
        ({"k": 0}, "k of at least 1; got 0"),
        ({"n_samples": 0}, "n_samples of at least 1; got 0"),
    ):
        with pytest.raises(ConfigError, match=f"rank_distil_loss: expected {message}"):
            rank_distil_loss(S, TEACHER, **options)
    with pytest.raises(ConfigError, match="kl_distillation_loss: expected temperature above 0"):
        kl_distillation_loss(S, TEACHER, temperature=0.0)
