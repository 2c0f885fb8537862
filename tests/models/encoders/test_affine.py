import pytest
import torch

from rankkit.errors import ConfigError, ShapeError
from rankkit.models.encoders.affine import RandomAffine

PICTURES = torch.zeros(6, 1, 21, 21)
PICTURES[:, :, 10, 10] = 1.0


def mass_centre(pictures):
    places = torch.arange(21, dtype=torch.float32)
    mass = pictures.sum(dim=(1, 2, 3))
    return (pictures.sum(dim=(1, 2)) * places).sum(1) / mass, (pictures.sum(dim=(1, 3)) * places).sum(1) / mass


def test_nothing_changes_where_nothing_may():
    same = RandomAffine(degrees=0, scale=0, shear=0, shift=0)(PICTURES)
    assert torch.allclose(same, PICTURES, atol=1e-5)


def test_shifts_differ_by_picture_and_stay_within_their_share_of_the_side():
    columns, rows = mass_centre(RandomAffine(degrees=0, scale=0, shear=0, shift=0.2)(PICTURES))
    for moved in (columns - 10, rows - 10):
        assert moved.abs().max() <= 0.2 * 21 + 1e-3
        assert moved.std() > 0.5


def test_a_turn_keeps_the_centre_and_the_length():
    bar = torch.zeros(4, 1, 21, 21)
    bar[:, :, 10, 4:17] = 1.0
    turned = RandomAffine(degrees=180, scale=0, shear=0, shift=0)(bar)
    columns, rows = mass_centre(turned)
    assert torch.allclose(columns, torch.full((4,), 10.0), atol=0.2)
    assert torch.allclose(rows, torch.full((4,), 10.0), atol=0.2)
    assert torch.allclose(turned.sum(dim=(1, 2, 3)), bar.sum(dim=(1, 2, 3)), rtol=0.15)
    assert (turned - bar).abs().max() > 0.5


@pytest.mark.parametrize("shape", [(21, 41), (41, 21), (31, 31)])
def test_a_turn_in_a_picture_that_is_no_square_changes_no_length(shape):
    height, width = shape
    bars = torch.zeros(32, 1, height, width)
    bars[:, :, height // 2, width // 2 - 8 : width // 2 + 9] = 1.0
    torch.manual_seed(0)
    turned = RandomAffine(degrees=180, scale=0, shear=0, shift=0)(bars)
    rows, columns = torch.meshgrid(torch.arange(height) - height // 2, torch.arange(width) - width // 2, indexing="ij")
    squares = (rows**2 + columns**2).float()
    spread = ((turned[:, 0] * squares).sum((1, 2)) / turned[:, 0].sum((1, 2))).sqrt()
    assert spread == pytest.approx(torch.full((32,), 24**0.5).numpy(), rel=0.05)  # of -8 .. 8


def test_draws_follow_torchs_generator():
    torch.manual_seed(3)
    first = RandomAffine()(PICTURES)
    torch.manual_seed(3)
    assert torch.equal(RandomAffine()(PICTURES), first)


@pytest.mark.parametrize("options", [{"degrees": -1}, {"scale": 1.0}, {"shear": 90}, {"shift": 2}])
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match=f"expected {next(iter(options))} from 0 to"):
        RandomAffine(**options)


def test_vectors_are_refused():
    with pytest.raises(ShapeError, match=r"expected pictures \[n, channels, height, width\]; got \[3, 7\]"):
        RandomAffine()(torch.zeros(3, 7))
