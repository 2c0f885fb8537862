"""rankkit embed: embeddings with classes and names, in the order of the examples."""

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from rankkit.cli.using.embed import embed
from rankkit.data.labelled_examples import from_labelled_arrays
from rankkit.errors import BundleError, ConfigError, DataError, ShapeError
from rankkit.loaders.examples.embeddings import write_embeddings
from rankkit.loaders.examples.files import read_labelled, write_labelled
from tests.cli.encoder_runs import save_pixels
from tests.loaders.image_files import png, write_zip

VECTORS = np.array([[0.5, 1.0], [2.0, 3.0], [0.25, -1.0]], np.float32)


@pytest.fixture
def run(tmp_path):
    return save_pixels(tmp_path / "run", (2,))


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.npz"
    write_labelled(from_labelled_arrays(VECTORS, ["b", "a", "b"], ids=["x", "y", "é"]), path)
    return path


def ask(*words):
    """Run the command as a user would; errors come through as they are."""
    app = typer.Typer()
    app.command()(embed)
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_npz_holds_embeddings_labels_and_ids(run, data, tmp_path):
    out = tmp_path / "new" / "e.npz"
    answer = ask(run, data, "--out", out)
    assert answer.output == f"{out}: 3 embeddings of 2 dimensions, 2 classes; compare them by euclidean\n"
    with np.load(out, allow_pickle=False) as arrays:
        assert arrays["embeddings"].dtype == np.float32
        assert arrays["embeddings"].tolist() == VECTORS.tolist()
        assert arrays["class_names"][arrays["labels"]].tolist() == ["b", "a", "b"]
        assert arrays["ids"].tolist() == ["x", "y", "é"]


def test_parquet_is_read_back_as_examples(run, data, tmp_path):
    ask(run, data, "--out", tmp_path / "e.parquet")
    assert read_labelled(tmp_path / "e.parquet").fingerprint == read_labelled(data).fingerprint


def test_npy_is_the_matrix_alone(run, data, tmp_path):
    ask(run, data, "--out", tmp_path / "e.npy")
    assert np.load(tmp_path / "e.npy").tolist() == VECTORS.tolist()


@pytest.mark.parametrize(
    ("noted", "words", "expected"),
    [
        ({}, [], 1.0),
        ({"ink": "dark"}, [], 0.0),
        ({"ink": "dark"}, ["--ink", "light"], 1.0),
        ({}, ["--ink", "dark"], 0.0),
    ],
)
def test_images_come_in_the_size_of_the_encoder_and_the_ink_of_training(tmp_path, noted, words, expected):
    run = save_pixels(tmp_path / "run", (3, 2, 4), **noted)
    images = write_zip(tmp_path / "a.zip", {"cat/1.png": png(255, size=(9, 9)), "dog/1.png": png(255)})
    ask(run, images, "--out", tmp_path / "e.npy", *words)
    embeddings = np.load(tmp_path / "e.npy")
    assert embeddings.shape == (2, 24)
    assert set(embeddings.ravel().tolist()) == {expected}


def test_ink_of_training_does_not_stand_in_the_way_of_arrays(data, tmp_path):
    run = save_pixels(tmp_path / "dark", (2,), ink="dark")
    assert ask(run, data, "--out", tmp_path / "e.npy").exit_code == 0
    with pytest.raises(ConfigError, match="expected colour and ink for image files only"):
        ask(run, data, "--out", tmp_path / "e.npy", "--ink", "dark")


def test_what_cannot_be_is_refused_before_and_leaves_nothing(run, data, tmp_path):
    longer = tmp_path / "longer.npz"
    write_labelled(from_labelled_arrays(np.eye(3), [0, 1, 2]), longer)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match="expected another file than the data"):
        ask(run, data, "--out", data)
    with pytest.raises(ConfigError, match=r"expected a name that ends in \.npz, \.parquet, \.npy; got '\.csv'"):
        ask(run, data, "--out", tmp_path / "e.csv")
    with pytest.raises(BundleError):
        ask(tmp_path / "none", data, "--out", tmp_path / "e.npy")
    with pytest.raises(DataError, match="got no such file"):
        ask(run, tmp_path / "none.npz", "--out", tmp_path / "e.npy")
    with pytest.raises(ShapeError):
        ask(run, longer, "--out", tmp_path / "e.npy")
    assert sorted(tmp_path.rglob("*")) == before


def test_one_embedding_an_example(tmp_path):
    examples = from_labelled_arrays(VECTORS, [0, 1, 0])
    with pytest.raises(ShapeError, match=r"expected 3 embeddings \[n, n_dims\], one an example; got shape \(2, 2\)"):
        write_embeddings(VECTORS[:2], examples, tmp_path / "e.npy")


def test_an_interrupted_write_leaves_the_old_file(run, data, tmp_path, monkeypatch):
    out = tmp_path / "e.npy"
    out.write_bytes(b"old")

    def broken(file, array):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", broken)
    with pytest.raises(KeyboardInterrupt):
        write_embeddings(VECTORS, read_labelled(data), out)
    assert out.read_bytes() == b"old"
    assert not list(tmp_path.glob(".*"))
