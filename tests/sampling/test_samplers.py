"""class_batches(), balanced_pairs(), random_triplets(): counts, balance, determinism."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError, DataError
from rankkit.sampling import balanced_pairs, class_batches, random_triplets

# Labels with gaps, in any order, classes with one example among them, and two classes at least with two.
labels_of = st.lists(st.integers(-5, 5).map(lambda label: 10 * label), max_size=60).map(
    lambda rest: np.array([*rest[::3], 0, 10, *rest[1::3], 10, *rest[2::3], 0])
)
seeds = st.integers(0, 2**32)
quick = settings(max_examples=80, deadline=None)


def counts_of(labels):
    return Counter(labels.tolist())


def usable(labels):
    return {label for label, count in counts_of(labels).items() if count >= 2}


@quick
@given(labels=labels_of, n_classes=st.integers(2, 6), n_per_class=st.integers(2, 5), seed=seeds)
def test_class_batches(labels, n_classes, n_per_class, seed):
    batches = class_batches(labels, n_classes=n_classes, n_per_class=n_per_class, rng=seed)
    counts = counts_of(labels)
    for batch in batches:
        assert batch.dtype == np.int64
        assert len(set(batch.tolist())) == len(batch)  # no example twice
        inside = counts_of(labels[batch])
        assert len(inside) == min(n_classes, len(usable(labels)))
        assert all(found == min(n_per_class, counts[label]) for label, found in inside.items())
    visits = Counter(label for batch in batches for label in set(labels[batch].tolist()))
    assert set(visits) == usable(labels)  # every class with a pair, and no other
    assert max(visits.values()) - min(visits.values()) <= 1
    n_examples = sum(counts[label] for label in usable(labels))
    in_a_batch = min(n_classes, len(usable(labels)))
    assert len(batches) == max(-(-n_examples // (in_a_batch * n_per_class)), -(-len(usable(labels)) // n_classes))
    again = class_batches(torch.from_numpy(labels), n_classes=n_classes, n_per_class=n_per_class, rng=seed)
    assert all(np.array_equal(x, y) for x, y in zip(batches, again, strict=True))


@quick
@given(labels=labels_of, seed=seeds, n_batches=st.integers(1, 12))
def test_examples_of_a_class_are_used_in_turn(labels, seed, n_batches):
    batches = class_batches(labels, n_classes=2, n_per_class=2, rng=seed, n_batches=n_batches)
    assert len(batches) == n_batches
    used = Counter(row for batch in batches for row in batch.tolist())
    for label in usable(labels):
        times = [used[row] for row in np.flatnonzero(labels == label).tolist()]
        assert max(times) - min(times) <= 1


def test_an_epoch_of_equal_classes_holds_every_example_once():
    labels = np.tile(np.arange(8), 12)
    batches = class_batches(labels, n_classes=4, n_per_class=4, rng=0)
    assert len(batches) == 6
    assert sorted(np.concatenate(batches).tolist()) == list(range(96))


def test_a_generator_gives_another_epoch_each_time():
    labels = np.arange(40) % 5
    rng = np.random.default_rng(0)
    first, second = (class_batches(labels, n_classes=3, n_per_class=3, rng=rng) for _ in range(2))
    assert not all(np.array_equal(x, y) for x, y in zip(first, second, strict=True))
    again = class_batches(labels, n_classes=3, n_per_class=3, rng=np.random.default_rng(0))
    assert all(np.array_equal(x, y) for x, y in zip(first, again, strict=True))


@quick
@given(labels=labels_of, n=st.integers(0, 41), seed=seeds)
def test_balanced_pairs(labels, n, seed):
    first, second, same = balanced_pairs(labels, n, seed)
    assert first.shape == second.shape == same.shape == (n,)
    assert same.dtype == np.bool_
    assert int(same.sum()) == n // 2
    assert np.array_equal(labels[first] == labels[second], same)
    assert bool((first != second).all())
    for ours, again in zip((first, second, same), balanced_pairs(torch.from_numpy(labels), n, seed), strict=True):
        assert np.array_equal(ours, again)


@quick
@given(labels=labels_of, n=st.integers(0, 41), seed=seeds)
def test_random_triplets(labels, n, seed):
    anchor, positive, negative = random_triplets(labels, n, seed)
    assert anchor.shape == positive.shape == negative.shape == (n,)
    assert bool((labels[anchor] == labels[positive]).all())
    assert bool((labels[anchor] != labels[negative]).all())
    assert bool((anchor != positive).all())
    for ours, again in zip((anchor, positive, negative), random_triplets(labels, n, seed), strict=True):
        assert np.array_equal(ours, again)


def near(found, expected, n):
    """Within five standard deviations of a share of n draws."""
    return abs(found - expected) <= 5 * np.sqrt(expected * (1 - expected) / n)


def test_classes_count_alike_whatever_their_size():
    labels = np.array(["a"] * 90 + ["b"] * 6 + ["c"] * 3 + ["d"])  # d has no pair
    n = 30_000
    anchor, positive, negative = random_triplets(labels, n, 1)
    for label in "abc":
        assert near(np.mean(labels[anchor] == label), 1 / 3, n)
    assert near(np.mean(labels[negative] == "d"), 1 / 3, n)
    rows = anchor[labels[anchor] == "c"]
    assert all(near(np.mean(rows == row), 1 / 3, len(rows)) for row in (96, 97, 98))
    of_96 = positive[anchor == 96]
    assert near(np.mean(of_96 == 97), 1 / 2, len(of_96))
    first, second, same = balanced_pairs(labels, n, 1)
    for label in "abc":
        assert near(np.mean(labels[first[same]] == label), 1 / 3, n / 2)
    for label in "abcd":
        assert near(np.mean(labels[first[~same]] == label), 1 / 4, n / 2)
        assert near(np.mean(labels[second[~same]] == label), 1 / 4, n / 2)
    assert near(np.mean(same[: n // 2]), 1 / 2, n / 2)  # in random order


SAMPLERS = [
    lambda labels: class_batches(labels, n_classes=2, n_per_class=2, rng=0),
    lambda labels: balanced_pairs(labels, 4, 0),
    lambda labels: random_triplets(labels, 4, 0),
]


@pytest.mark.parametrize("sample", SAMPLERS)
@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2], [0], []], ids=str)
def test_too_few_classes(sample, labels):
    with pytest.raises(DataError, match=r"expected at least 2 classes, and [12] with two examples or more; got \d"):
        sample(np.array(labels))


@pytest.mark.parametrize("sample", SAMPLERS)
def test_labels_that_are_none(sample):
    with pytest.raises(DataError, match=r"expected labels \[n\]; got shape \[2, 2\]"):
        sample(np.zeros((2, 2)))
    with pytest.raises(DataError, match="expected a class for every row; got NaN"):
        sample(np.array([0, 0, 1, 1, np.nan]))


def test_options_that_cannot_work():
    labels = np.array([0, 0, 1, 1])
    with pytest.raises(ConfigError, match="expected n_classes of at least 2; got 1"):
        class_batches(labels, n_classes=1, n_per_class=2, rng=0)
    with pytest.raises(ConfigError, match=r"expected n_per_class of at least 2; got 2\.0"):
        class_batches(labels, n_classes=2, n_per_class=2.0, rng=0)
    with pytest.raises(ConfigError, match="expected n_batches of at least 1; got 0"):
        class_batches(labels, n_classes=2, n_per_class=2, rng=0, n_batches=0)
    with pytest.raises(ConfigError, match="balanced_pairs: expected n of at least 0; got -1"):
        balanced_pairs(labels, -1, 0)
    with pytest.raises(ConfigError, match="random_triplets: expected n of at least 0; got True"):
        random_triplets(labels, True, 0)
