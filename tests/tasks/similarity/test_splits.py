"""Which classes an encoder is trained on, chosen on, measured on, and what is kept of that."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rankkit.comparison import ExampleSource
from rankkit.data.labelled_examples import from_labelled_arrays
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.files.records import read_json
from rankkit.loaders.examples.files import write_labelled
from rankkit.tasks.similarity.splits import check_example_files, load_example_split, write_example_split


def examples(names, seed=0):
    inputs = np.random.default_rng(seed).normal(size=(len(names), 3))
    return from_labelled_arrays(inputs, names, ids=[f"{name}{place}" for place, name in enumerate(names)])


@pytest.fixture
def folder(tmp_path):
    names = [f"{group}/{number}" for group in "abcdef" for number in range(4)] * 3
    write_labelled(examples(names), tmp_path / "all.npz")
    write_labelled(examples(["a/0", "a/0", "x/1", "x/1", "x/2"], seed=1), tmp_path / "other.npz")
    return tmp_path


def classes(split):
    return [set(part.class_names) for part in (split.train, split.valid, split.test)]


def test_classes_are_held_out_for_test_and_of_the_others_for_validation(folder, monkeypatch):
    monkeypatch.setenv("RANKKIT_TEST_FOLDER", str(folder))
    source = ExampleSource("$RANKKIT_TEST_FOLDER/all.npz", held_out=0.25, valid_held_out=0.5)
    train, valid, test = classes(load_example_split(source, "split"))
    assert (len(train), len(valid), len(test)) == (9, 9, 6)
    assert len(train | valid | test) == 24
    source = ExampleSource(str(folder / "all.npz"), held_out=0.34, valid_held_out=0.25, held_out_by="group")
    groups = [{name[0] for name in names} for names in classes(load_example_split(source, "split"))]
    assert [len(names) for names in groups] == [3, 1, 2]
    assert len(set.union(*groups)) == 6


def test_files_in_place_of_shares(folder):
    path, other = str(folder / "all.npz"), str(folder / "other.npz")
    split = load_example_split(ExampleSource(path, valid=other, test=path), "split")
    assert [len(names) for names in classes(split)] == [24, 3, 24]


def test_pictures_are_read_as_asked_and_arrays_as_they_are(folder):
    for number, name in enumerate(("a/1", "b/1", "c/1", "d/1")):
        for copy in range(2):
            path = folder / "pictures" / name / f"{copy}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((9, 9), 40 * number + copy, np.uint8)).save(path)
    asked = {"size": [4, 6], "colour": False, "ink": "dark", "label": "label"}
    pictures = str(folder / "pictures")
    arrays = from_labelled_arrays(np.full((4, 1, 4, 6), 0.25), ["y", "y", "z", "z"])
    write_labelled(arrays, folder / "arrays.npz")
    source = ExampleSource(pictures, valid=str(folder / "arrays.npz"), held_out=0.5, reading=asked)
    split = load_example_split(source, "split")
    assert split.train.input_shape == split.test.input_shape == (1, 4, 6)
    assert (split.valid.inputs == 0.25).all()
    assert max(split.train.inputs.max(), split.test.inputs.max()) == 1.0  # the darkest picture is 0


def test_what_is_written_of_a_split(folder):
    split = load_example_split(ExampleSource(str(folder / "all.npz"), held_out=0.5, valid_held_out=0.5), "split")
    write_example_split(split, folder / "about")
    queries, about = pd.read_parquet(folder / "about/queries.parquet"), read_json(folder / "about/about.json")
    assert queries["qid"].tolist() == split.test.ids.tolist()
    assert (queries["n_relevant"] == 2).all()
    assert (queries["list_size"] == 35).all()
    assert about["parts"]["test"] == {"n_classes": 12, "n_examples": 36}
    assert (about["n_shared_queries"], about["n_seen_classes"]) == (0, 0)
    write_example_split(split, folder / "about")
    other = load_example_split(
        ExampleSource(str(folder / "all.npz"), held_out=0.5, valid_held_out=0.5, split_seed=1), "split"
    )
    with pytest.raises(DataError, match="expected the data that this comparison began with"):
        write_example_split(other, folder / "about")


def test_examples_and_classes_that_were_trained_on_are_found(folder):
    path, other = str(folder / "all.npz"), str(folder / "other.npz")
    write_example_split(load_example_split(ExampleSource(path, valid=other, test=path), "split"), folder / "same")
    about = read_json(folder / "same/about.json")
    assert (about["n_shared_queries"], about["n_seen_classes"]) == (72, 24)
    source = ExampleSource(path, valid_held_out=0.5, test=other)
    write_example_split(load_example_split(source, "split"), folder / "classes")
    about = read_json(folder / "classes/about.json")
    assert (about["n_shared_queries"], about["n_seen_classes"]) == (0, 1)


def test_mistakes(folder):
    path = str(folder / "all.npz")
    with pytest.raises(ConfigError, match="expected test = PATH or held_out = a share of the classes; got none"):
        ExampleSource(path, valid_held_out=0.5)
    with pytest.raises(ConfigError, match="expected valid = PATH or valid_held_out = a share of the classes; got both"):
        ExampleSource(path, valid=path, held_out=0.5, valid_held_out=0.5)
    with pytest.raises(ConfigError, match=r"held_out between 0 and 1; got 1\.5"):
        ExampleSource(path, held_out=1.5, valid_held_out=0.5)
    with pytest.raises(DataError, match=r"absent\.npz: expected a file, a folder, 'digits' or 'glyphs'; got No such"):
        check_example_files(ExampleSource("digits", test=str(folder / "absent.npz"), valid_held_out=0.5))
    with pytest.raises(ConfigError, match="environment variables of '\\$RANKKIT_ABSENT/x'"):
        check_example_files(ExampleSource("$RANKKIT_ABSENT/x", held_out=0.5, valid_held_out=0.5))
    with pytest.raises(DataError, match="at least two classes in the valid data, to tell apart; got 1"):
        load_example_split(ExampleSource(path, held_out=0.5, valid_held_out=0.05), "split")
    write_labelled(examples(["a", "b", "c"]), folder / "lone.npz")
    with pytest.raises(DataError, match="two examples of a class in the test data, one to find the other; got 3 class"):
        load_example_split(ExampleSource(path, test=str(folder / "lone.npz"), valid_held_out=0.5), "split")


def test_parts_of_other_shapes_are_refused_before_anything_is_trained(folder):
    wide = from_labelled_arrays(np.random.default_rng(0).normal(size=(4, 5)), ["y", "y", "z", "z"])
    write_labelled(wide, folder / "wide.npz")
    source = ExampleSource(str(folder / "all.npz"), test=str(folder / "wide.npz"), valid_held_out=0.5)
    with pytest.raises(ShapeError, match=r"expected test inputs \[3\], as those to train on; got \[5\]"):
        load_example_split(source, "split")


def test_an_ink_that_no_file_takes_is_refused(folder):
    options = {"held_out": 0.25, "valid_held_out": 0.5, "reading": {"ink": "dark"}}
    for path in (str(folder / "all.npz"), "digits"):
        with pytest.raises(ConfigError, match="expected colour and ink for image files only"):
            check_example_files(ExampleSource(path, **options))
    with_images = {**options, "held_out": None, "test": str(folder)}
    check_example_files(ExampleSource(str(folder / "all.npz"), **with_images))


def test_test_examples_of_one_id_are_refused_before_anything_is_trained(folder):
    doubled = from_labelled_arrays(np.eye(4, 3), ["y", "y", "z", "z"], ids=["a", "a", "b", "c"])
    write_labelled(doubled, folder / "doubled.npz")
    source = ExampleSource(str(folder / "all.npz"), test=str(folder / "doubled.npz"), valid_held_out=0.5)
    with pytest.raises(DataError, match="ids that are all different; got 3 for 4 examples"):
        load_example_split(source, "split")
