"""The characters of the DejaVu fonts: what is drawn, what is left out, how scripts are split."""

import matplotlib
import numpy as np
import pytest

from rankkit.errors import ConfigError, DataError
from rankkit.loaders.examples.glyphs import STYLES, glyph_split, glyphs


@pytest.fixture(scope="module")
def examples():
    return glyphs()


def test_hundreds_of_characters_in_12_styles(examples):
    assert len(STYLES) == 12
    assert examples.n_classes >= 500
    assert set(examples.class_sizes.tolist()) == {12}
    assert examples.input_shape == (1, 28, 28)
    assert set(examples.class_groups) == {"armenian", "cyrillic", "digit", "georgian", "greek", "latin"}
    assert {"digit/0", "digit/9", "latin/A", "latin/z", "greek/λ", "greek/Ω", "cyrillic/Ж"} <= set(examples.class_names)
    assert examples.ids[0] == f"{examples.class_names[0]}/DejaVuSans"


def test_ink_is_one_on_zero_and_leaves_room(examples):
    assert examples.inputs.min() == 0
    assert examples.inputs.max() == 1
    assert (examples.inputs.max(axis=(1, 2, 3)) > 0.5).all()
    assert 0.05 < examples.inputs.mean() < 0.2


def test_no_two_classes_share_a_drawing(examples):
    drawings = {}
    for image, label in zip(examples.inputs, examples.labels.tolist(), strict=True):
        assert drawings.setdefault(image.tobytes(), label) == label
    assert "greek/Α" not in examples.class_names  # noqa: RUF001 - Greek capital alpha is drawn as Latin A
    assert "greek/é" not in examples.class_names


def test_scale_and_line_are_kept(examples):
    """Small and capital letters of one form differ in height, a descender hangs below the line."""

    def rows(name):
        images = examples.of_classes([name]).inputs
        return np.flatnonzero(images[STYLES.index("DejaVuSans"), 0].max(axis=1) > 0.5)

    assert len(rows("latin/O")) > len(rows("latin/o")) + 2
    assert rows("latin/p")[-1] > rows("latin/o")[-1] + 2
    assert abs(rows("latin/H")[-1] - rows("latin/x")[-1]) <= 1


def test_drawings_are_centred_from_left_to_right(examples):
    columns = examples.inputs[:, 0].max(axis=1) > 0
    left, right = columns.argmax(axis=1), columns[:, ::-1].argmax(axis=1)
    assert np.abs(left - right).max() <= 4  # the letters stand at whole pixels


def test_an_unseen_script_is_seen_by_no_one(examples):
    seen, unseen = glyph_split("greek")
    assert set(unseen.class_groups) == {"greek"}
    assert "greek" not in seen.class_groups
    assert unseen.n_classes >= 40
    assert seen.n_classes + unseen.n_classes == examples.n_classes
    with pytest.raises(ConfigError, match=r"got 'grek'\. Did you mean 'greek'"):
        glyph_split("grek")


def test_equal_calls_give_equal_pixels_and_sizes_are_free(examples):
    assert glyphs().fingerprint == examples.fingerprint
    assert glyphs(20).input_shape == (1, 20, 20)


def test_pixels_alone_leave_room_for_an_encoder(examples):
    """Twenty classes, one drawing of each known: the nearest raw image is right in .65 to .85 of the cases."""
    rng = np.random.default_rng(0)
    right = []
    for _ in range(200):
        classes = rng.permutation(examples.n_classes)[:20]
        styles = np.array([rng.permutation(12)[:2] for _ in classes])
        known, asked = (examples.inputs[classes * 12 + styles[:, place]].reshape(20, -1) for place in (0, 1))
        nearest = ((asked[:, None] - known) ** 2).sum(-1).argmin(axis=1)
        right.append((nearest == np.arange(20)).mean())
    assert 0.65 < np.mean(right) < 0.85


@pytest.mark.parametrize("size", [0, 7, 257])
def test_sizes_out_of_range_are_refused(size):
    with pytest.raises(ConfigError, match="expected a size from 8 to 256 pixels"):
        glyphs(size)


def test_a_matplotlib_without_fonts_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    with pytest.raises(DataError, match=r"expected the fonts that matplotlib ships; got none of the name DejaVuSans"):
        glyphs()
