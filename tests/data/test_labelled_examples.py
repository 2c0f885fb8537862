"""LabelledExamples: what fits together, what is taken, how classes are split."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rankkit.data.labelled_examples import LabelledExamples, from_labelled_arrays
from rankkit.errors import ConfigError, DataError

NAN, INF = float("nan"), float("inf")


def made(n_groups=3, n_in_group=4, n_per_class=2):
    names = [f"{group}/{place}" for group in "abcdefgh"[:n_groups] for place in range(n_in_group)]
    labels = np.repeat(np.arange(len(names)), n_per_class)
    return LabelledExamples(
        inputs=np.arange(len(labels) * 3, dtype=np.float32).reshape(-1, 3),
        labels=labels,
        class_names=tuple(names),
        ids=np.array([f"example {row}" for row in range(len(labels))]),
    )


def named(examples):
    """The class name and the inputs of every example, whatever the numbers of the classes."""
    names = [examples.class_names[label] for label in examples.labels]
    return sorted(zip(examples.ids.tolist(), names, examples.inputs.tolist(), strict=True))


def test_what_it_says_of_itself():
    examples = made()
    assert (examples.n_examples, len(examples), examples.n_classes, examples.input_shape) == (24, 24, 12, (3,))
    assert repr(examples) == "LabelledExamples(24 examples, 12 classes, 3 groups, inputs [3], 2 a class)"
    assert examples.class_groups == ("a",) * 4 + ("b",) * 4 + ("c",) * 4
    assert examples.class_sizes.tolist() == [2] * 12


@pytest.mark.parametrize("kind", [np.array, torch.tensor, pd.DataFrame, list])
def test_arrays_of_any_kind_give_the_same_examples(kind):
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    expected = from_labelled_arrays(np.array(rows), ["b", "a", "b"])
    assert from_labelled_arrays(kind(rows), ["b", "a", "b"]).fingerprint == expected.fingerprint
    assert expected.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([10, 9, 10], ("9", "10")),  # by size, not by the alphabet
        (np.array([10.0, 9.0, 10.0]), ("9", "10")),  # what pandas makes of integers
        (torch.tensor([1, 0, 1]), ("0", "1")),
        (np.array(["10", "9", "10"], dtype=object), ("10", "9")),
        (np.array([10, 9, 10], dtype=object), ("9", "10")),
        (np.array([True, False, True]), ("False", "True")),
    ],
)
def test_labels_of_any_kind_become_classes(labels, names):
    examples = from_labelled_arrays(np.eye(3), labels)
    assert examples.class_names == names
    assert len(set(examples.labels.tolist())) == 2
    assert examples.labels[0] == examples.labels[2]


def test_class_names_are_looked_up_and_classes_without_examples_left_out():
    examples = from_labelled_arrays(np.eye(2), [3, 1], class_names=["w", "x", "y", "z"])
    assert (examples.class_names, examples.labels.tolist()) == (("x", "z"), [1, 0])


@pytest.mark.parametrize(
    ("inputs", "labels", "options", "message"),
    [
        ([[1.0], [NAN]], [0, 1], {}, r"example 1 \(from 0\): expected finite numbers within float32; got nan at \[0\]"),
        ([[1.0, INF]], [0], {}, r"example 0 \(from 0\): .* got inf at \[1\]"),
        ([[1e300]], [0], {}, "got 1e[+]300"),
        ([1.0, 2.0], [0, 1], {}, r"expected inputs as an array of numbers \[n, ...\]; got float64 of shape \(2,\)"),
        ([["a"]], [0], {}, "expected inputs as an array of numbers"),
        ([[1.0], [2.0, 3.0]], [0, 1], {}, "Give all examples one shape"),
        (np.array([[None]]), [0], {}, "got object of shape"),
        (np.ones((2, 0)), [0, 1], {}, r"got float64 of shape \(2, 0\)"),
        ([[1.0]], [0, 1], {}, r"expected 1 labels, one a row of inputs; got shape \(2,\)"),
        ([[1.0]], [0.5], {}, "expected labels .* got float64"),
        ([[1.0]], [NAN], {}, "with missing values"),
        ([[1.0], [1.0]], ["a", None], {}, r"got NoneType, str, None in row 1 \(from 0\)"),
        ([[1.0]], [""], {}, "expected labels with at least one letter"),
        ([[1.0]], ["caf\udce9"], {}, r"expected labels that are Unicode; got 'caf\\udce9'"),
        ([[1.0]], [[0]], {}, r"got int64 of shape \(1, 1\)"),
        ([[1.0]], [1], {"class_names": ["a"]}, "expected labels from 0 to 0, places among class_names; got 1 to 1"),
        ([[1.0]], ["a"], {"class_names": ["a"]}, "got 'a'. Pass whole numbers"),
        ([[1.0], [2.0]], [0, 1], {"class_names": ["a", "a"]}, "expected class names that differ; got 'a'"),
        ([[1.0]], [0], {"ids": ["a", "b"]}, "expected 1 ids"),
        ([[1.0]], [2**70], {}, "expected labels within int64"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(inputs, labels, options, message):
    with pytest.raises(DataError, match=message):
        from_labelled_arrays(inputs, labels, **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": np.zeros((2, 3))}, "expected float32 inputs"),
        ({"labels": np.array([0, 2])}, "expected int64 labels from 0 to 1"),
        ({"labels": np.array([0, 1], np.int32)}, "got int32"),
        ({"labels": np.array([1, 1])}, "expected an example of every class; got none of 'a'"),
        ({"class_names": ("a", "")}, "expected class names with at least one letter"),
    ],
)
def test_the_value_itself_is_checked(changes, message):
    good = {"inputs": np.zeros((2, 3), np.float32), "labels": np.array([0, 1]), "class_names": ("a", "b")}
    with pytest.raises(DataError, match=message):
        LabelledExamples(**good | changes)


def test_taking_rows_renumbers_the_classes_that_are_left():
    part = made().take([23, 2, 3])
    assert part.class_names == ("a/1", "c/3")
    assert part.labels.tolist() == [1, 0, 0]
    assert part.ids.tolist() == ["example 23", "example 2", "example 3"]
    assert part.inputs[0].tolist() == [69, 70, 71]
    assert len(made().take([])) == 0


@pytest.mark.parametrize("rows", [[-1], [24], [0.5], [[0]], np.zeros(3, bool)])
def test_rows_that_are_not_there_are_refused(rows):
    with pytest.raises(DataError, match="expected positions from 0 to 23, or a mask of 24"):
        made().take(rows)


def test_classes_are_chosen_by_name_or_position():
    examples = made()
    assert named(examples.of_classes(["b/1", "a/0"])) == named(examples.of_classes([0, 5]))
    assert examples.of_classes(["b/1", "a/0"]).class_names == ("a/0", "b/1")
    with pytest.raises(ConfigError, match=r"got 'b/11'\. Did you mean 'b/1'"):
        examples.of_classes(["b/11"])
    with pytest.raises(ConfigError, match="expected names, or places from 0 to 11; got 12"):
        examples.of_classes([12])


@given(
    n_groups=st.integers(2, 5),
    n_in_group=st.integers(1, 4),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 9),
    by=st.sampled_from(["class", "group"]),
)
def test_splits_share_no_class_and_lose_no_example(n_groups, n_in_group, fraction, seed, by):
    examples = made(n_groups, n_in_group)
    seen, unseen = examples.split_classes(fraction, seed=seed, by=by)
    assert sorted(named(seen) + named(unseen)) == named(examples)
    units = [set(part.class_names if by == "class" else part.class_groups) for part in (seen, unseen)]
    assert not units[0] & units[1]
    n_units = n_groups * n_in_group if by == "class" else n_groups
    assert len(units[1]) == min(max(round(fraction * n_units), 1), n_units - 1)
    again = examples.split_classes(fraction, seed=seed, by=by)
    assert [part.fingerprint for part in again] == [seen.fingerprint, unseen.fingerprint]


@pytest.mark.parametrize(
    ("fraction", "options"), [(0, {}), (1, {}), (NAN, {}), (0.5, {"by": "script"}), (1.5, {"by": "group"})]
)
def test_splits_that_cannot_be_are_refused(fraction, options):
    with pytest.raises(ConfigError, match="split_classes: expected"):
        made().split_classes(fraction, **options)
    with pytest.raises(ConfigError, match="expected at least 2 groups, to hold one back; got 1: "):
        made(n_groups=1).split_classes(0.5, by="group")


def test_fingerprints_follow_inputs_labels_and_names():
    examples = made()
    others = [
        LabelledExamples(examples.inputs + 1, examples.labels, examples.class_names),
        LabelledExamples(examples.inputs, examples.labels[::-1].copy(), examples.class_names),
        LabelledExamples(examples.inputs, examples.labels, tuple(f"{name}!" for name in examples.class_names)),
    ]
    assert len({examples.fingerprint, *(other.fingerprint for other in others)}) == 4
    assert LabelledExamples(examples.inputs, examples.labels, examples.class_names).fingerprint == examples.fingerprint
