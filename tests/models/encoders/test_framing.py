"""InkFrame: wherever and however large a drawing is, it comes out in the middle and in one size."""

import pytest
import torch

from rankkit.models.encoders import ConvEncoder, InkFrame


def moments(pictures):
    """Centre and root mean square radius of the ink, in half sides."""
    side = pictures.shape[-1]
    places = (torch.arange(side) + 0.5) / side * 2 - 1
    mass = pictures.sum(dim=(1, 2, 3))
    x, y = ((pictures.sum(dim=(1, axis)) * places).sum(1) / mass for axis in (2, 3))
    around = (places - x[:, None]).square()[:, None, :] + (places - y[:, None]).square()[:, :, None]
    return x, y, ((pictures[:, 0] * around).sum(dim=(1, 2)) / mass).sqrt()


def bars(side=28):
    """An L of three sizes at three places."""
    pictures = torch.zeros(3, 1, side, side)
    for picture, (top, left, size) in zip(pictures, [(2, 3, 8), (10, 9, 12), (1, 1, 24)], strict=True):
        picture[0, top : top + size, left : left + 2] = 1.0
        picture[0, top + size - 2 : top + size, left : left + size] = 1.0
    return pictures


def test_ink_comes_to_the_middle_and_to_one_radius():
    x, y, radius = moments(InkFrame(radius=0.5)(bars()))
    assert torch.allclose(x, torch.zeros(3), atol=0.06)
    assert torch.allclose(y, torch.zeros(3), atol=0.06)
    assert torch.allclose(radius, torch.full((3,), 0.5), atol=0.06)


def test_a_framed_encoder_hardly_sees_where_a_drawing_is():
    here, there = torch.zeros(2, 1, 1, 28, 28)
    here[..., 3:13, 4:6] = 1.0
    there[..., 12:22, 17:19] = 1.0
    both = {framed: ConvEncoder((1, 28, 28), framed=framed, seed=0).eval() for framed in (False, True)}
    apart = {framed: (e(here) - e(there)).norm().item() for framed, e in both.items()}
    assert apart[True] < 0.2 * apart[False]


def test_an_empty_picture_stays_empty_and_a_dot_is_not_blown_up():
    empty, dot = torch.zeros(1, 1, 9, 9), torch.zeros(1, 1, 9, 9)
    dot[0, 0, 2, 2] = 1.0
    assert torch.equal(InkFrame()(empty), empty)
    assert InkFrame()(dot).sum() == pytest.approx(1 / 0.3**2, rel=0.35)  # three times wider and higher, no more


def test_options_rebuild_it():
    encoder = ConvEncoder((1, 8, 8), channels=(2,), framed=True, seed=0)
    again = ConvEncoder(**encoder.options)
    inputs = torch.rand(4, 1, 8, 8)
    assert torch.equal(encoder.eval()(inputs), again.eval()(inputs))
