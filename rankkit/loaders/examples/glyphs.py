"""Characters drawn in the DejaVu fonts that matplotlib ships: a few-shot benchmark that needs no download."""

import functools
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_SLANTED = {"Sans": "Oblique", "Serif": "Italic", "SansMono": "Oblique"}
STYLES = tuple(
    f"DejaVu{family}{'-' if weight or slant else ''}{weight}{slant}"
    for family, slanted in _SLANTED.items()
    for weight in ("", "Bold")
    for slant in ("", slanted)
)
# Letters and decimal digits. Marks, symbols and punctuation are hardly told apart at 28 pixels.
_CATEGORIES = ("Lu", "Ll", "Lt", "Lo", "Nd")
# Height of the letters' em box as a share of the image, and the line that they stand on, from the top.
_EM = 0.72
_BASELINE = 0.72


def glyphs(size: int = 28) -> LabelledExamples:
    """Letters and digits of five scripts, each in 12 styles of DejaVu: sans, serif and mono; upright, slanted, bold.

    Drawn are the characters that all 12 fonts have, without those that are another one with an accent. Characters that
    look like one that comes before them in Unicode, pixel for pixel in any style, are left out: Greek capital alpha is
    Latin A. All are drawn at one scale on one line, centred from left to right, so that "c" and "C" differ; the few
    that are too large are shrunk until they fit. Ink is 1 on 0, grey at the edges.

    Class names are the script and the character (``"greek/α"``); ids add the font. The same matplotlib and Pillow give
    the same pixels on every machine; of other versions single grey values may differ.

    Args:
        size: Height and width in pixels, from 8 to 256.

    Returns:
        Inputs ``[n, 1, size, size]``, classes in the order of scripts and code points.

    Raises:
        ConfigError: If ``size`` is out of range.
        DataError: If matplotlib came without its fonts.
    """
    if not 8 <= size <= 256:
        raise ConfigError(f"glyphs: expected a size from 8 to 256 pixels; got {size}. Pass for example 28.")
    folder = _font_folder()
    drawn = [_draw_style(folder / f"{style}.ttf", _characters(folder), size) for style in STYLES]
    characters, images = _without_doubles(_characters(folder), np.stack(drawn, axis=1))
    order = sorted(range(len(characters)), key=lambda place: (_script(characters[place]), characters[place]))
    names = tuple(f"{_script(characters[place])}/{characters[place]}" for place in order)
    inputs = images[order].reshape(-1, 1, size, size).astype(np.float32)
    inputs /= 255
    return LabelledExamples(
        inputs=inputs,
        labels=np.repeat(np.arange(len(names), dtype=np.int64), len(STYLES)),
        class_names=names,
        ids=np.array([f"{name}/{style}" for name in names for style in STYLES], dtype=np.str_),
    )


def glyph_split(unseen: str = "greek", *, size: int = 28) -> tuple[LabelledExamples, LabelledExamples]:
    """The glyphs as ``(seen, unseen)``: unseen are all classes of one script, of which training sees none.

    ``glyphs().split_classes(0.2, seed=0)`` splits at random instead, with all scripts in both parts.

    Args:
        unseen: armenian, cyrillic, digit, georgian, greek or latin.
        size: Height and width in pixels, from 8 to 256.

    Raises:
        ConfigError: If there is no such script.
    """
    examples = glyphs(size)
    scripts = set(examples.class_groups)
    if unseen not in scripts:
        raise ConfigError(
            f"glyph_split: expected a script that is drawn; got {unseen!r}. {did_you_mean(unseen, scripts)}"
        )
    held_back = np.array([script == unseen for script in examples.class_groups])[examples.labels]
    return examples.take(~held_back), examples.take(held_back)


def _font_folder() -> Path:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    missing = [style for style in STYLES if not (folder / f"{style}.ttf").is_file()]
    if missing:
        raise DataError(
            f"{folder}: expected the fonts that matplotlib ships; got none of the name {missing[0]}.ttf. "
            "Install matplotlib with pip, which brings them."
        )
    return folder


@functools.cache
def _characters(folder: Path) -> tuple[str, ...]:
    """Letters and digits that all styles have and that no other character and an accent make up."""
    from matplotlib.ft2font import FT2Font

    codes = set.intersection(*(set(FT2Font(str(folder / f"{style}.ttf")).get_charmap()) for style in STYLES))
    return tuple(
        character
        for character in map(chr, sorted(codes))
        if unicodedata.category(character) in _CATEGORIES and unicodedata.normalize("NFKD", character) == character
    )


def _script(character: str) -> str:
    """The first word of the name that Unicode gives: latin, greek, cyrillic, armenian, georgian, digit."""
    return unicodedata.name(character).split()[0].lower()


def _draw_style(path: Path, characters: tuple[str, ...], size: int) -> NDArray[np.uint8]:
    """uint8 ``[character, size, size]``."""
    from PIL import Image, ImageDraw, ImageFont

    layout = ImageFont.Layout.BASIC  # the other one needs a library that not every Pillow has
    fonts = {pixels: ImageFont.truetype(path, pixels, layout_engine=layout) for pixels in _font_sizes(size)}
    images = np.empty((len(characters), size, size), np.uint8)
    for place, character in enumerate(characters):
        font, left, top = _fitting(character, fonts, size)
        canvas = Image.new("L", (size, size), 0)
        ImageDraw.Draw(canvas).text((left, top), character, fill=255, font=font, anchor="ls")
        images[place] = np.asarray(canvas)
    return images


def _font_sizes(size: int) -> range:
    """Sizes of the font to try, the largest first."""
    return range(max(round(_EM * size), 4), max(round(_EM * size) // 2, 2), -1)


def _fitting(character: str, fonts: "dict[int, FreeTypeFont]", size: int) -> "tuple[FreeTypeFont, int, int]":
    """The largest font in which a character fits, and where it begins on the line."""
    for font in fonts.values():
        left, top, right, bottom = font.getbbox(character, anchor="ls")
        width, height = int(right - left), int(bottom - top)
        line = round(_BASELINE * size)
        if width <= size and height <= size:
            # Moved up or down by as little as brings all of it into the image.
            line = min(max(line, -int(top)), size - int(bottom))
            return font, (size - width) // 2 - int(left), line
    raise DataError(f"glyphs: expected characters that fit {size} pixels; got {character!r}. Pass a larger size.")


def _without_doubles(
    characters: tuple[str, ...], images: NDArray[np.uint8]
) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """Characters of which no drawing is that of a character before; images are ``[character, style, ...]``."""
    seen: set[bytes] = set()
    kept = []
    for place, drawings in enumerate(images):
        pixels = {drawing.tobytes() for drawing in drawings}
        if not pixels & seen:
            kept.append(place)
            seen |= pixels
    return tuple(characters[place] for place in kept), images[kept]
