"""Images as arrays: decoded in memory, grey or colour, all of one size, with limits on what a file may claim."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError, DataError

if TYPE_CHECKING:
    from PIL.Image import Image

Ink = Literal["light", "dark"]

EXTENSIONS = (".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".pbm", ".pnm", ".bmp", ".gif", ".tif", ".tiff", ".webp")
# Named to the decoder, so that nothing else is tried: EPS, for one, starts another program.
_FORMATS = ("PNG", "JPEG", "PPM", "BMP", "GIF", "TIFF", "WEBP")
# A file of 64 MiB or an image of 50 million pixels is no example; a small file may claim to be either.
LARGEST_FILE = 64 * 1024**2
LARGEST_IMAGE = 50_000_000
_LARGEST_SIDE = 4096


@dataclass(frozen=True)
class ImageForm:
    """The form that all images of a data set are brought to.

    Args:
        size: Height and width in pixels; one number for a square; None keeps the size that all images must share.
            Images are stretched to it, not cropped; shrinking averages.
        colour: True for three channels (red, green, blue), False for one grey channel.
        ink: "light" keeps brightness as it is, black 0 and white 1. "dark" turns it round, so that dark strokes on
            white paper become 1 on 0.

    Raises:
        ConfigError: If a value is out of range.
    """

    size: int | tuple[int, int] | None = 28
    colour: bool = False
    ink: Ink = "light"

    def __post_init__(self) -> None:
        sides = () if self.size is None else (self.size,) if isinstance(self.size, int) else tuple(self.size)
        if self.size is not None and not (1 <= len(sides) <= 2 and all(1 <= side <= _LARGEST_SIDE for side in sides)):
            raise ConfigError(
                f"size: expected height and width from 1 to {_LARGEST_SIDE}, one number for a square, or None; got "
                f"{self.size!r}. Pass for example 28 or (56, 46)."
            )
        if self.ink not in ("light", "dark"):
            raise ConfigError(f"ink: expected 'light' or 'dark'; got {self.ink!r}. Pass one of the two.")

    @property
    def height_width(self) -> tuple[int, int] | None:
        """Height and width, or None to keep them."""
        if self.size is None or not isinstance(self.size, int):
            return self.size
        return self.size, self.size


def decode_image(content: bytes, form: ImageForm, where: str) -> NDArray[np.uint8]:
    """One encoded image (PNG, JPEG, PNM, BMP, GIF, TIFF, WebP) as uint8 ``[channels, height, width]``.

    Transparent pixels are laid over white, 16 bits a channel become 8, the orientation that a camera noted (EXIF) is
    applied in every format that holds one, as viewers do, and of several frames the first is taken. Of damaged EXIF the
    image is taken as it stands.

    Args:
        content: The bytes of the file.
        form: Size and channels; its ink is applied by :func:`stack_images`.
        where: Names the file in messages.

    Raises:
        DataError: If the content is no whole image, or larger than 50 million pixels.
    """
    from PIL import Image, UnidentifiedImageError

    if len(content) > LARGEST_FILE:
        raise too_large(where, len(content))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Corrupt EXIF data")  # what is beside the pixels is not needed
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
            width, height = image.size
            if width * height <= LARGEST_IMAGE:
                return _pixels(image, form)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_many_pixels(where, str(error)) from error
    except Exception as error:  # decoders of damaged files raise nearly anything: OSError, SyntaxError, struct.error
        # Pillow's own words name the object in memory that it was given.
        known = "none of these" if isinstance(error, UnidentifiedImageError) else str(error) or type(error).__name__
        got = f"{known} ({content[:8]!r} at its start)" if content else "an empty file"
        raise DataError(
            f"{where}: expected a whole image ({', '.join(_FORMATS)}); got {got}. Fetch or save it again."
        ) from error
    raise _too_many_pixels(where, f"{width} x {height}")


def stack_images(images: Sequence[NDArray[np.uint8]], names: Sequence[str], form: ImageForm) -> NDArray[np.float32]:
    """Decoded images as one array float32 ``[n, channels, height, width]`` in [0, 1].

    Raises:
        DataError: If two differ in size, which happens with ``size=None`` only.
    """
    for image, name in zip(images, names, strict=True):
        if image.shape != images[0].shape:
            raise DataError(
                f"{name}: expected {_size_words(images[0])} pixels, as {names[0]} has; got {_size_words(image)}. "
                "Pass a size that all images are brought to, for example size=28."
            )
    stacked = np.stack(images).astype(np.float32)
    stacked /= 255
    return stacked if form.ink == "light" else np.subtract(1, stacked, out=stacked)


def too_large(where: str, n_bytes: int) -> DataError:
    """The error for a file that is, or claims to be, far larger than an image of an example."""
    return DataError(
        f"{where}: expected an image file of at most {LARGEST_FILE // 1024**2} MiB; got {n_bytes:,} bytes. "
        "Leave it out or save it smaller."
    )


def _pixels(image: "Image", form: ImageForm) -> NDArray[np.uint8]:
    from PIL import Image

    image.load()
    image = _upright(image)
    if image.mode == "F" or image.mode.startswith("I"):
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return _in_form(image, form)


def _upright(image: "Image") -> "Image":
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # parsing damaged EXIF raises nearly anything; the pixels are whole
        return image


def bring_to_form(pixels: NDArray[np.uint8], form: ImageForm) -> NDArray[np.uint8]:
    """A grey image, uint8 ``[height, width]``, in the size and channels of a form, ``[channels, height, width]``."""
    if not form.colour and form.height_width in (None, pixels.shape):
        return pixels[None]
    from PIL import Image

    return _in_form(Image.fromarray(pixels), form)


def _in_form(image: "Image", form: ImageForm) -> NDArray[np.uint8]:
    from PIL import Image

    image = image.convert("RGB" if form.colour else "L")
    if form.height_width is not None and image.size != form.height_width[::-1]:
        # Bilinear filtering in Pillow averages over all source pixels when it shrinks.
        image = image.resize(form.height_width[::-1], Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.uint8)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)) if form.colour else pixels[None]


def _eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """16 bits a pixel as 8; Pillow's own conversion would clip."""
    if pixels.dtype.kind == "f" or pixels.min(initial=0) < 0 or pixels.max(initial=0) > 65535:
        raise ValueError("pixels of more than 16 bits")
    return (pixels.astype(np.uint32) >> 8).astype(np.uint8)


def _too_many_pixels(where: str, got: str) -> DataError:
    return DataError(
        f"{where}: expected an image of at most {LARGEST_IMAGE:,} pixels; got {got}. Leave it out or save it smaller."
    )


def _size_words(image: NDArray[np.uint8]) -> str:
    return f"{image.shape[2]} x {image.shape[1]}"
