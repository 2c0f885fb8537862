"""Encoded images: what the pixels become, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rankkit.errors import ConfigError, DataError
from rankkit.loaders.examples.images import ImageForm, bring_to_form, decode_image, stack_images
from tests.loaders.image_files import claiming, encoded, noise, outcome_of, png

KEEP = ImageForm(size=None)
WHOLE = noise(0)


def decoded(content, form=KEEP):
    return decode_image(content, form, "a.zip/x.png")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM", "GIF", "TIFF", "WEBP"])
def test_lossless_formats_keep_every_pixel(kind):
    pixels = np.random.default_rng(0).integers(0, 256, size=(5, 7), dtype=np.uint8)
    options = {"lossless": True} if kind == "WEBP" else {}
    assert (decoded(encoded(Image.fromarray(pixels), kind, **options))[0] == pixels).all()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png(0, mode="1"), 0),
        (png(1, mode="1"), 255),
        (png(128 * 256 + 77, mode="I;16"), 128),  # 16 bits: the upper 8, not clipped to 255
        (png((0, 0, 0, 0), mode="RGBA"), 255),  # transparent is paper, not ink
        (png((10, 255), mode="LA"), 10),
        (png((255, 255, 255), mode="RGB"), 255),
        (b"P5 2 1 65535\n\x80\x4d\x80\x4d", 128),
        (b"P2 1 1 255 77", 77),
    ],
)
def test_every_kind_of_pixel_becomes_grey_of_eight_bits(content, expected):
    assert set(decoded(content).ravel().tolist()) == {expected}


def test_colour_has_three_channels_and_grey_one():
    content = png((200, 100, 50), mode="RGB", size=(4, 3))
    assert decoded(content, ImageForm(None, colour=True))[:, 0, 0].tolist() == [200, 100, 50]
    assert decoded(content).shape == (1, 3, 4)


def test_size_is_height_and_width_and_shrinking_averages():
    pixels = np.tile(np.array([0, 255], np.uint8), (32, 16))
    image = decoded(encoded(Image.fromarray(pixels)), ImageForm((4, 8)))
    assert image.shape == (1, 4, 8)
    assert np.abs(image[0, :, 1:-1] - 127.5).max() <= 8
    assert decoded(png(size=(4, 3)), ImageForm(28)).shape == (1, 28, 28)


# What undoes each orientation of EXIF, 1 to 8, on an array [height, width].
TURNED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.T,
    6: lambda upright: upright.T[:, ::-1],
    7: lambda upright: upright[::-1, ::-1].T,
    8: lambda upright: upright.T[::-1],
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_the_orientation_that_a_camera_noted_is_applied(kind, orientation):
    stored = np.zeros((16, 32), np.uint8)
    stored[:8, :16], stored[8:, :16] = 255, 96  # blocks of a size that JPEG keeps
    noted = Image.Exif()
    noted[0x0112] = orientation
    options = {"PNG": {}, "JPEG": {"quality": 100}, "TIFF": {}, "WEBP": {"lossless": True}}[kind]
    found = decoded(encoded(Image.fromarray(stored), kind, exif=noted, **options))[0].astype(int)
    expected = TURNED[orientation](stored)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 4


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("junk", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_damaged_exif_costs_no_image(kind, junk):
    assert decoded(encoded(Image.new("L", (8, 4)), kind, exif=junk)).shape == (1, 4, 8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a whole image .* got an empty file"),
        (b"not an image", r"expected a whole image .* got none of these \(b.not an i. at its start"),
        (WHOLE[: len(WHOLE) // 2], "expected a whole image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "expected a whole image"),
        (claiming(40_000, 25_000), "expected an image of at most 50,000,000 pixels; got .*1000000000"),
        (claiming(10_000, 9_000), "expected an image of at most 50,000,000 pixels"),
        (claiming(8_000, 7_000), "expected an image of at most 50,000,000 pixels; got 8000 x 7000"),
        (claiming(0, 5), "expected a whole image"),
        (
            encoded(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"),
            "expected a whole image .* got pixels of more than 16 bits",
        ),
        (bytes(64 * 1024**2 + 1), "expected an image file of at most 64 MiB; got 67,108,865 bytes"),
    ],
)
def test_what_is_no_image_is_refused_with_its_name(content, message):
    with pytest.raises(DataError, match=rf"^a.zip/x.png: {message}"):
        decoded(content)


@settings(max_examples=150)
@given(place=st.integers(0, len(WHOLE) - 1), value=st.integers(0, 255), cut=st.integers(0, len(WHOLE)))
def test_damage_is_noticed_or_harmless(place, value, cut):
    """Whatever byte changes or is missing: an image, or an error that names the file."""
    damaged = (WHOLE[:place] + bytes([value]) + WHOLE[place + 1 :])[:cut]
    outcome = outcome_of(lambda: decoded(damaged, ImageForm(8)).shape)
    assert outcome == (1, 8, 8) or outcome.startswith("a.zip/x.png: expected ")


def test_images_are_stacked_between_0_and_1():
    images = [np.array([[[0, 255]]], np.uint8), np.array([[[51, 0]]], np.uint8)]
    assert stack_images(images, ["a", "b"], KEEP).tolist() == [[[[0.0, 1.0]]], [[[np.float32(0.2), 0.0]]]]
    dark = stack_images(images, ["a", "b"], ImageForm(None, ink="dark"))
    assert dark[0].tolist() == [[[1.0, 0.0]]]
    assert dark.dtype == np.float32


def test_sizes_that_differ_are_named():
    images = [decoded(png(size=(4, 3))), decoded(png(size=(5, 3)))]
    with pytest.raises(DataError, match=r"b\.png: expected 4 x 3 pixels, as a\.png has; got 5 x 3\. Pass a size"):
        stack_images(images, ["a.png", "b.png"], KEEP)


def test_arrays_are_brought_to_a_form_too():
    pixels = np.full((4, 6), 9, np.uint8)
    assert bring_to_form(pixels, KEEP).shape == (1, 4, 6)
    assert (bring_to_form(pixels, ImageForm(8, colour=True)) == np.full((3, 8, 8), 9)).all()


@pytest.mark.parametrize("size", [0, -1, 5000, (28,) * 3, (0, 28)])
def test_sizes_out_of_range_are_refused(size):
    with pytest.raises(ConfigError, match="size: expected height and width from 1 to 4096"):
        ImageForm(size)


def test_ink_is_light_or_dark():
    with pytest.raises(ConfigError, match="ink: expected 'light' or 'dark'; got 'black'"):
        ImageForm(ink="black")
