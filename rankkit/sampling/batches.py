"""class_batches(): P x K batches, so that every example meets others of its class."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError
from rankkit.sampling.classes import Labels, Seed, find_classes, need


def class_batches(
    labels: Labels, *, n_classes: int, n_per_class: int, rng: Seed, n_batches: int | None = None
) -> list[NDArray[np.int64]]:
    """The rows of each batch of one epoch: P classes in each, K examples of each class.

    Only classes with two examples or more take part: a lone example has no positive. Classes are dealt in rounds, each
    a new shuffle of all of them, so that at any time two classes have been used equally often or once more; within a
    class, examples are dealt in rounds as well. No example is twice in a batch: a class of fewer than K examples gives
    all it has. All batches hold P classes, or all classes where there are fewer than P.

    Rare and frequent classes therefore count alike, and an epoch need not hold every example of a frequent class; the
    next epoch, drawn with other random numbers, holds others.

    Args:
        labels: ``[n]``: numbers or texts.
        n_classes: P, at least 2.
        n_per_class: K, at least 2.
        rng: A seed or a generator; for a new epoch pass the generator again.
        n_batches: Batches of the epoch; None: as many as hold the number of examples once over, and each class at
            least once.

    Returns:
        int64 rows of each batch, those of a class together.

    Raises:
        ConfigError: If an option cannot work.
        DataError: If fewer than two classes have two examples.

    Example:
        >>> batches = class_batches(np.repeat([0, 1, 2, 3], 5), n_classes=2, n_per_class=2, rng=0)
        >>> len(batches), [len(batch) for batch in batches]
        (5, [4, 4, 4, 4, 4])

    References:
        Hermans, Beyer, Leibe, "In Defense of the Triplet Loss for Person Re-Identification", arXiv:1703.07737, 2017,
        section 2 ("PK" batches).
    """
    where = "class_batches"
    for name, value, least in (
        ("n_classes", n_classes, 2),
        ("n_per_class", n_per_class, 2),
        ("n_batches", n_batches, 1),
    ):
        if value is not None and (not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least):
            raise ConfigError(f"{where}: expected {name} of at least {least}; got {value!r}. Pass a whole number.")
    classes = find_classes(where, labels)
    usable = need(where, classes, n_with_two=2, n_classes=2)
    generator = np.random.default_rng(rng)
    n_classes = min(n_classes, len(usable))
    if n_batches is None:
        n_examples = int(classes.counts[usable].sum())
        n_batches = max(-(-n_examples // (n_classes * n_per_class)), -(-len(usable) // n_classes))
    examples = [classes.of(index) for index in usable]
    hands_of = [_deal(rows, min(n_per_class, len(rows)), generator) for rows in examples]
    hands = _deal(np.arange(len(usable)), n_classes, generator)
    return [np.concatenate([next(hands_of[index]) for index in next(hands)]) for _ in range(n_batches)]


def _deal(items: NDArray[np.int64], size: int, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Hands of ``size`` different items from shuffles that follow one another."""
    deck = items[:0]
    while True:
        if len(deck) < size:
            fresh = generator.permutation(items)
            taken = np.isin(fresh, deck)  # what is in the hand already goes to the end of the new shuffle
            deck = np.concatenate([deck, fresh[~taken], fresh[taken]])
        yield deck[:size]
        deck = deck[size:]
