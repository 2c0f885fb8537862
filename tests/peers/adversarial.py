"""Lists on which tools disagree: ties, one document, none relevant, fewer than k, large grades, nearly equal scores."""

import numpy as np

CUTOFFS = (1, 2, 3, 5, 10)

_BY_HAND = [
    ([5, 4, 3, 2, 1], [4, 2, 0, 1, 3]),
    ([1, 1, 1], [2, 0, 0]),
    ([1, 1, 1], [0, 0, 2]),
    ([3, 3, 2, 2, 2, 1], [0, 1, 2, 0, 1, 3]),
    ([1.0], [2]),
    ([1.0], [0]),
    ([3, 2, 1], [0, 0, 0]),
    ([0, 0, 0, 0], [0, 0, 0, 0]),
    ([2, 1], [0, 1]),
    ([-1, -2, -3], [0, 0, 1]),
    ([0.0, -0.0, 0.0], [0, 1, 0]),
    ([7, 6, 5, 4, 3, 2, 1], [1, 1, 1, 0, 1, 1, 1]),
    ([1e30, -1e30, 0, 1e-30], [0, 1, 2, 1]),
    # Equal as float32, not as float64.
    ([1.0, 1 + 1e-8, 1 - 1e-9], [0, 2, 1]),
    ([1.0, 1 + 1e-7, 1 - 1e-7], [0, 2, 1]),
]


def lists(greatest=4, seed=0, n_random=30):
    """Pairs of scores (float64) and labels (int64) up to ``greatest``."""
    generator = np.random.default_rng(seed)
    made = [
        (np.array(scores, np.float64), np.minimum(labels, greatest).astype(np.int64)) for scores, labels in _BY_HAND
    ]
    for i in range(n_random):
        size = int(generator.integers(1, 300 if i % 5 == 0 else 20))
        labels = generator.integers(0, greatest + 1, size) * (generator.random(size) < 0.4)
        few = i % 2 == 0
        scores = generator.integers(0, 4, size).astype(np.float64) if few else generator.normal(size=size)
        made.append((scores, labels))
    made.append((np.arange(12.0), np.full(12, greatest)))
    return made


def flat(pairs):
    """Scores, labels and qids of all lists in one."""
    scores, labels = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return scores, labels, np.repeat(np.arange(len(pairs)), [len(scores) for scores, _ in pairs])
