import math

import torch

from rankkit.objectives.draws import draw_gumbel, draw_uniform

MASK = torch.tensor([[True, False, True], [False, False, False], [True, True, False]])


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def test_real_documents_draw_in_order_and_padding_does_not():
    drawn = draw_uniform(MASK, torch.float64, seeded())
    assert torch.equal(drawn[MASK], torch.rand(4, dtype=torch.float64, generator=seeded()))
    assert (drawn[~MASK] == 0).all()


def test_later_lists_do_not_change_what_the_first_draws():
    for draw in (
        lambda mask: draw_uniform(mask, torch.float32, seeded()),
        lambda mask: draw_gumbel(mask, 5, torch.float32, seeded())[0],
    ):
        assert torch.equal(draw(MASK[:1])[0], draw(MASK)[0])


def test_none_is_the_default_generator():
    torch.manual_seed(3)
    assert torch.equal(draw_uniform(MASK, torch.float32, None), draw_uniform(MASK, torch.float32, seeded()))


def test_gumbel_noise_has_its_mean_and_spread():
    noise = draw_gumbel(torch.ones(1, 4, dtype=torch.bool), 20_000, torch.float64, seeded())
    assert noise.shape == (20_000, 1, 4)
    assert abs(noise.mean().item() - 0.5772) < 0.02
    assert abs(noise.std().item() - math.pi / math.sqrt(6)) < 0.02
    assert (draw_gumbel(MASK, 2, torch.float32, seeded())[:, ~MASK] == 0).all()
