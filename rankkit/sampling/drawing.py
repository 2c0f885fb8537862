"""balanced_pairs() and random_triplets(): examples drawn at random by their classes."""

import numpy as np
from numpy.typing import NDArray

from rankkit.sampling.classes import ClassRows, Labels, Seed, check_draws, find_classes, need

Rows = NDArray[np.int64]


def balanced_pairs(labels: Labels, n: int, rng: Seed) -> tuple[Rows, Rows, NDArray[np.bool_]]:
    """Pairs of rows, half of them of one class: of an odd number, the different ones are one more.

    A pair of one class is drawn as a class with two examples or more, then two of its examples; a different pair as
    two classes, then one example of each: classes count alike, whatever their size. Pairs are drawn one by one, so that
    one can come twice; a row is never paired with itself. They come in random order.

    Args:
        labels: ``[n_examples]``: numbers or texts.
        n: Number of pairs.
        rng: A seed or a generator.

    Returns:
        ``(first, second, same)``, each ``[n]``: rows, rows, and whether both are of one class.

    Raises:
        ConfigError: If ``n`` is no whole number of at least 0.
        DataError: If there are fewer than two classes, or none has two examples.

    Example:
        >>> first, second, same = balanced_pairs(np.array(["a", "a", "b"]), 4, rng=0)
        >>> int(same.sum()), sorted({*first[same], *second[same]}) == [0, 1]
        (2, True)
    """
    check_draws("balanced_pairs", n)
    classes = find_classes("balanced_pairs", labels)
    repeated = need("balanced_pairs", classes, n_with_two=1, n_classes=2)
    generator = np.random.default_rng(rng)
    n_same = n // 2
    alike = _two_of_one_class(classes, generator.choice(repeated, n_same), generator)
    some = generator.integers(classes.n_classes, size=n - n_same)
    apart = _one_each(classes, some, generator), _one_each(classes, _others(classes, some, generator), generator)
    order = generator.permutation(n)
    first, second = (np.concatenate([left, right])[order] for left, right in zip(alike, apart, strict=True))
    return first, second, (np.arange(n) < n_same)[order]


def random_triplets(labels: Labels, n: int, rng: Seed) -> tuple[Rows, Rows, Rows]:
    """Triplets of rows: an anchor, another example of its class, and an example of another class.

    The class of the anchor is drawn from those with two examples or more, the class of the negative from all others;
    classes count alike, whatever their size. Triplets are drawn one by one, so that one can come twice.

    Args:
        labels: ``[n_examples]``: numbers or texts.
        n: Number of triplets.
        rng: A seed or a generator.

    Returns:
        ``(anchor, positive, negative)``, each ``[n]``.

    Raises:
        ConfigError: If ``n`` is no whole number of at least 0.
        DataError: If there are fewer than two classes, or none has two examples.

    Example:
        >>> anchor, positive, negative = random_triplets(np.array([0, 0, 1]), 3, rng=0)
        >>> (anchor + positive).tolist(), negative.tolist()
        ([1, 1, 1], [2, 2, 2])
    """
    check_draws("random_triplets", n)
    classes = find_classes("random_triplets", labels)
    repeated = need("random_triplets", classes, n_with_two=1, n_classes=2)
    generator = np.random.default_rng(rng)
    chosen = generator.choice(repeated, n)
    anchor, positive = _two_of_one_class(classes, chosen, generator)
    return anchor, positive, _one_each(classes, _others(classes, chosen, generator), generator)


def _two_of_one_class(classes: ClassRows, chosen: Rows, generator: np.random.Generator) -> tuple[Rows, Rows]:
    counts = classes.counts[chosen]
    one = generator.integers(counts)
    other = _skip(generator.integers(counts - 1), one)
    return classes.rows[classes.starts[chosen] + one], classes.rows[classes.starts[chosen] + other]


def _one_each(classes: ClassRows, chosen: Rows, generator: np.random.Generator) -> Rows:
    found: Rows = classes.rows[classes.starts[chosen] + generator.integers(classes.counts[chosen])]
    return found


def _others(classes: ClassRows, chosen: Rows, generator: np.random.Generator) -> Rows:
    """For each class, another one."""
    return _skip(generator.integers(classes.n_classes - 1, size=len(chosen)), chosen)


def _skip(drawn: Rows, left_out: Rows) -> Rows:
    """Numbers drawn from one fewer, made to leave one out: each of the others stays equally likely."""
    shifted: Rows = drawn + (drawn >= left_out)
    return shifted
