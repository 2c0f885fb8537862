"""Labelled examples in files: .npz, Parquet, idx and the two names, whole and damaged; and what is written."""

import gzip
import io
import struct

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankkit.data.labelled_examples import from_labelled_arrays
from rankkit.errors import ConfigError, DataError
from rankkit.loaders.examples.files import read_labelled, write_labelled
from tests.loaders.image_files import noise, outcome_of, png

NAN = float("nan")


@pytest.fixture
def examples():
    """Classes in an order that is not the alphabet's."""
    return from_labelled_arrays(
        np.random.default_rng(0).normal(size=(12, 1, 3, 2)),
        np.arange(12) % 11,
        class_names=[f"Greek/{place}" for place in range(11)],
        ids=[f"row {row}" for row in range(12)],
    )


def idx(values):
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def write_idx(folder, images, labels, *, suffix=""):
    pack = gzip.compress if suffix == ".gz" else bytes
    (folder / f"t-labels-idx1-ubyte{suffix}").write_bytes(pack(idx(labels)))
    path = folder / f"t-images-idx3-ubyte{suffix}"
    path.write_bytes(pack(idx(images)))
    return path


def message_of(path, **options):
    with pytest.raises(DataError) as caught:
        read_labelled(path, **options)
    assert str(caught.value).startswith(str(path.parent))
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.npz", "a.parquet", "a.pq", "new/folder/a.NPZ"])
@pytest.mark.parametrize("with_ids", [True, False])
def test_what_is_written_is_read_back_bit_for_bit(examples, tmp_path, name, with_ids):
    if not with_ids:
        examples = from_labelled_arrays(examples.inputs, examples.labels, class_names=examples.class_names)
    write_labelled(examples, tmp_path / name)
    again = read_labelled(tmp_path / name)
    assert again.fingerprint == examples.fingerprint
    assert again.class_names == examples.class_names
    assert (None if again.ids is None else again.ids.tolist()) == (examples.ids.tolist() if with_ids else None)


@pytest.mark.parametrize("name", ["a.npz", "a.parquet"])
def test_equal_examples_give_equal_bytes(examples, tmp_path, name):
    write_labelled(examples, tmp_path / name)
    write_labelled(examples, tmp_path / f"b{name}")
    assert (tmp_path / name).read_bytes() == (tmp_path / f"b{name}").read_bytes()


@pytest.mark.parametrize(
    ("name", "module", "function"), [("a.npz", np, "savez_compressed"), ("a.pq", pq, "write_table")]
)
def test_an_interrupted_write_leaves_the_old_file(examples, tmp_path, monkeypatch, name, module, function):
    (tmp_path / name).write_bytes(b"old")

    def broken(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, function, broken)
    with pytest.raises(KeyboardInterrupt):
        write_labelled(examples, tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_names_that_say_no_format_are_refused(examples, tmp_path):
    with pytest.raises(ConfigError, match=r"expected a folder, or a name that ends in \.npz"):
        write_labelled(examples, tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("label,x\n1,2\n")
    with pytest.raises(ConfigError, match=r"ends in \.zip, .* got 'a\.csv'"):
        read_labelled(tmp_path / "a.csv")
    assert "got no such file" in message_of(tmp_path / "none.zip")
    with pytest.raises(DataError, match="Did you mean 'glyphs'"):
        read_labelled("glyph")


def test_the_two_names():
    digits, glyphs = read_labelled("digits"), read_labelled("glyphs")
    assert (digits.n_examples, digits.input_shape, digits.inputs.max()) == (1797, (1, 8, 8), 1)
    assert glyphs.input_shape == (1, 28, 28)
    with pytest.raises(ConfigError, match="digits: expected colour and ink for image files only"):
        read_labelled("digits", ink="dark")


# --- .npz


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_arrays_of_images_get_channels_and_bytes_become_shares(tmp_path):
    images = np.full((2, 4, 5), 51, np.uint8)
    read = read_labelled(saved(tmp_path / "a.npz", inputs=images, labels=["x", "y"]))
    assert read.input_shape == (1, 4, 5)
    assert set(read.inputs.ravel().tolist()) == {float(np.float32(51 / 255))}
    floats = read_labelled(saved(tmp_path / "b.npz", inputs=images * 1.0, labels=[0, 1]))
    assert set(floats.inputs.ravel().tolist()) == {51.0}
    counts = read_labelled(saved(tmp_path / "c.npz", inputs=images[:, 0], labels=[0, 1]))
    assert (counts.input_shape, counts.inputs.max()) == ((5,), 51)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"inputs": np.array([[1.0], [NAN]]), "labels": [0, 1]}, r"example 1 \(from 0\): expected finite numbers"),
        ({"inputs": np.array([["a"], [1]], dtype=object), "labels": [0, 1]}, "Object arrays cannot be loaded"),
        ({"inputs": np.eye(2), "labels": np.array(["a", None], dtype=object)}, "Object arrays cannot be loaded"),
        ({"inputs": np.eye(2)}, "expected the arrays inputs and labels; got inputs. Save them with"),
        ({"X": np.eye(2), "label": [0, 1]}, "expected the arrays inputs and labels; got X, label"),
        ({}, "got no array"),
        ({"inputs": np.eye(2), "labels": [0]}, "expected 2 labels"),
        ({"inputs": np.zeros((2, 8, 8, 3)), "labels": [0, 1]}, r"with the channels first.* got \(2, 8, 8, 3\)"),
        ({"inputs": np.eye(2), "labels": [0, 1], "class_names": [3, 4]}, "expected class_names as text"),
        ({"inputs": np.eye(2), "labels": [0, 2], "class_names": ["a", "b"]}, "got 0 to 2"),
        ({"inputs": np.eye(2), "labels": [b"a", b"b"]}, "expected labels"),
        ({"inputs": np.eye(2), "labels": [0, 1], "ids": [1]}, "expected 2 ids"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, arrays, message):
    path = saved(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_labelled(path)
    message_of(path)


def test_one_array_under_the_name_of_several_is_refused(tmp_path):
    out = io.BytesIO()
    np.save(out, np.eye(2))
    (tmp_path / "a.npz").write_bytes(out.getvalue())
    assert "got one array, as numpy.save writes" in message_of(tmp_path / "a.npz")


# --- Parquet


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def test_columns_of_numbers_lists_and_images(tmp_path):
    numbers = parquet(tmp_path / "a.parquet", x=[1.0, 2.0], kind=["b", "a"], y=[3, 4], id=[7, 8], note=["p", "q"])
    read = read_labelled(numbers, label="kind")
    assert (read.inputs.tolist(), read.class_names, read.ids.tolist()) == ([[1, 3], [2, 4]], ("a", "b"), ["7", "8"])
    assert read_labelled(numbers, label="kind", features=["y"], id_column=None).inputs.tolist() == [[3], [4]]
    lists = parquet(tmp_path / "b.parquet", label=[5, 3], vector=[[1.0, 2.0], [3.0, 4.0]], x=[0, 0])
    assert read_labelled(lists).inputs.tolist() == [[1, 2], [3, 4]]
    plain = parquet(tmp_path / "c.parquet", label=["x", "y"], image=[png(255), png(0)])
    assert read_labelled(plain, size=4).inputs.mean(axis=(1, 2, 3)).tolist() == [1, 0]
    hugging = parquet(tmp_path / "d.parquet", label=[0, 1], image=[{"bytes": png(51), "path": "x.png"}] * 2)
    assert read_labelled(hugging, size=(2, 3), ink="dark").input_shape == (1, 2, 3)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"kind": [0], "x": [1.0]}, {}, "expected one column 'label'; got kind, x. Name the column of classes"),
        ({"label": [0], "x": [1.0]}, {"features": ["z"]}, "expected one column 'z'; got label, x"),
        ({"label": [0], "x": [1.0]}, {"features": "label"}, "expected features without the label"),
        ({"label": [0], "x": ["a"]}, {}, "expected columns of numbers, of lists or of images beside 'label'"),
        ({"label": [0], "x": ["a"]}, {"features": "x"}, "expected numbers in column 'x'.* got string"),
        ({"label": [0], "a": [[1.0]], "b": [[2.0]]}, {}, "expected one column of lists; got a, b"),
        ({"label": [0, None], "x": [1.0, 2.0]}, {}, r"row 1 \(from 0\): expected a value in column 'label'; got none"),
        ({"label": [0], "id": pa.array([None], pa.string()), "x": [1.0]}, {}, "expected a value in column 'id'"),
        ({"label": [0, 1], "x": [1.0, None]}, {}, r"example 1 \(from 0\): expected finite numbers .* got nan"),
        ({"label": [0, 1], "x": [[1.0], [1.0, 2.0]]}, {}, r"row 1 \(from 0\): expected a list of 1 numbers.* got 2"),
        ({"label": [0, 1], "x": [[1.0], None]}, {}, "expected a list of 1 numbers, as in the rows before; got none"),
        ({"label": [0, 1], "x": [[1.0], [None]]}, {}, "expected finite numbers"),
        ({"label": [0, 1], "x": [png(), b"no"]}, {}, r"row 1 \(from 0\): expected a whole image"),
        ({"label": [0, 1], "x": [png(), None]}, {}, r"row 1 \(from 0\): expected an encoded image; got none"),
        ({"label": [0, 1], "x": [png(), png(size=(9, 9))]}, {"size": None}, r"row 1 \(from 0\): expected 4 x 3 pixels"),
        ({"label": pa.array([], pa.int64()), "x": pa.array([], pa.float64())}, {}, "expected rows; got none"),
        ({"label": [0.5], "x": [1.0]}, {}, "expected labels"),
        ({"label": [[1]], "x": [1.0]}, {}, "expected labels"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path, columns, options, message):
    path = parquet(tmp_path / "a.parquet", **columns)
    with pytest.raises(DataError, match=message):
        read_labelled(path, **options)
    message_of(path, **options)


@pytest.mark.parametrize(
    "note", ["{", "[]", '{"input_shape": [0], "class_names": []}', '{"input_shape": [3]}', "\\udce9"]
)
def test_a_note_that_is_not_rankkits_is_refused(examples, tmp_path, note):
    write_labelled(examples, tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet").replace_schema_metadata({"rankkit": note})
    pq.write_table(table, tmp_path / "a.parquet")
    assert "expected the note on shape and classes" in message_of(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("note", "message"),
    [
        ('{"input_shape": [7], "class_names": ["a"]}', "expected 7 numbers an example"),
        ('{"input_shape": [6], "class_names": ["a"]}', "expected labels among the class names that the file states"),
    ],
)
def test_a_note_that_does_not_fit_the_columns_is_refused(examples, tmp_path, note, message):
    write_labelled(examples, tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet").replace_schema_metadata({"rankkit": note})
    pq.write_table(table, tmp_path / "a.parquet")
    assert message in message_of(tmp_path / "a.parquet")


def test_what_pandas_writes_is_read(tmp_path):
    frame = pd.DataFrame({"label": pd.Categorical(["b", "a", "b"]), "x": [1, 2, 3]}, index=[5, 6, 7])
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    assert read_labelled(tmp_path / "a.parquet").class_names == ("a", "b")


# --- idx


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_images_find_their_labels(tmp_path, suffix):
    images = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(2, 28, 28)
    path = write_idx(tmp_path, images, np.array([7, 3], np.uint8), suffix=suffix)
    read = read_labelled(path)
    assert (read.class_names, read.labels.tolist()) == (("3", "7"), [1, 0])
    assert (read.inputs[:, 0] == images.astype(np.float32) / np.float32(255)).all()
    assert read_labelled(path, size=(14, 7), colour=True).input_shape == (3, 14, 7)


IMAGES, LABELS = np.zeros((2, 3, 3), np.uint8), np.array([0, 1], np.uint8)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (idx(IMAGES)[:-1], idx(LABELS), "t-images-idx3-ubyte: expected 18 bytes for 2 x 3 x 3, .* got 17"),
        (idx(IMAGES) + b"0", idx(LABELS), "t-images-idx3-ubyte: expected 18 bytes .* got more"),
        (idx(IMAGES)[:9], idx(LABELS), "expected an idx file of unsigned bytes with 3 axes"),
        (b"", idx(LABELS), "expected an idx file"),
        (idx(LABELS), idx(LABELS), "expected an idx file of unsigned bytes with 3 axes"),
        (
            idx(IMAGES),
            idx(LABELS[:1]),
            "t-labels-idx1-ubyte: expected 2 labels, as t-images-idx3-ubyte has images; got 1",
        ),
        (idx(np.zeros((0, 3, 3), np.uint8)), idx(LABELS), "expected 0 bytes for 0 x 3 x 3, at least one"),
        (bytes((0, 0, 8, 3)) + b"\xff" * 12, idx(LABELS), "bytes for 4294967295 x 4294967295 x 4294967295"),
        (bytes((0, 0, 13, 3)) + idx(IMAGES)[4:], idx(LABELS), "of unsigned bytes"),
    ],
)
def test_idx_files_that_do_not_fit_are_refused(tmp_path, images, labels, message):
    path = write_idx(tmp_path, IMAGES, LABELS)
    path.write_bytes(images)
    (tmp_path / "t-labels-idx1-ubyte").write_bytes(labels)
    with pytest.raises(DataError, match=message):
        read_labelled(path)


def test_idx_without_labels_and_labels_without_images(tmp_path):
    path = write_idx(tmp_path, IMAGES, LABELS)
    labels = tmp_path / "t-labels-idx1-ubyte"
    assert "got the labels file. Pass the images file" in message_of(labels)
    labels.unlink()
    assert "expected its labels in 't-labels-idx1-ubyte' beside it; got no such file" in message_of(path)


# --- damage of any kind


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a good file of every kind."""
    folder = tmp_path_factory.mktemp("whole")
    data = from_labelled_arrays(np.random.default_rng(0).normal(size=(4, 3)), ["a", "b", "a", "b"], ids=list("wxyz"))
    write_labelled(data, folder / "a.npz")
    write_labelled(data, folder / "a.parquet")
    parquet(folder / "b.parquet", label=[0, 1], image=[noise(0), noise(1)])
    np.savez(folder / "b.npz", inputs=data.inputs, labels=data.labels)
    write_idx(folder, IMAGES, LABELS, suffix=".gz")
    return folder


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_damage_is_noticed_or_harmless(whole, tmp_path, data):
    """Whatever byte changes or is missing: examples of the shape, or an error that names the file."""
    for good in whole.iterdir():
        (tmp_path / good.name).write_bytes(good.read_bytes())
    name = data.draw(st.sampled_from(sorted(path.name for path in whole.iterdir())))
    content = bytearray((tmp_path / name).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    (tmp_path / name).write_bytes(content)
    path = tmp_path / name.replace("labels-idx1", "images-idx3")
    outcome = outcome_of(lambda: read_labelled(path, size=3).n_examples)
    assert outcome in (2, 4) or outcome.startswith(str(tmp_path))


# --- real data


@pytest.mark.realdata
def test_omniglot(real_data):
    omniglot = read_labelled(real_data / "omniglot" / "images_background_small1.zip", ink="dark")
    assert (omniglot.n_examples, omniglot.n_classes, omniglot.input_shape) == (2720, 136, (1, 28, 28))
    assert set(omniglot.class_groups) == {"Balinese", "Early_Aramaic", "Greek", "Korean", "Latin"}
    assert set(omniglot.class_sizes.tolist()) == {20}
    assert 0.03 < omniglot.inputs.mean() < 0.15  # strokes are 1, paper is 0
    seen, unseen = omniglot.split_classes(0.2, by="group")
    assert not set(seen.class_groups) & set(unseen.class_groups)


@pytest.mark.realdata
def test_orl_faces(real_data):
    faces = read_labelled(real_data / "orl_faces" / "training.tar.gz", size=None)
    assert (faces.n_examples, faces.n_classes, faces.input_shape) == (370, 37, (1, 112, 92))
    assert faces.ids[0] == "s1/1.pgm"
    assert read_labelled(real_data / "orl_faces" / "training.tar.gz", size=(56, 46)).input_shape == (1, 56, 46)


@pytest.mark.realdata
def test_mnist(real_data):
    mnist = read_labelled(real_data / "mnist_t10k" / "t10k-images-idx3-ubyte.gz")
    assert (mnist.n_examples, mnist.class_names, mnist.input_shape) == (10_000, tuple("0123456789"), (1, 28, 28))
    assert mnist.class_sizes.tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
