"""The order of documents by score, and of those of equal score."""

import torch

from rankkit.objectives.ranks.score_order import ScoreOrder, ties_by_chance
from rankkit.randomness import Randomness, generator_of

MASK = torch.tensor([[True] * 6, [True] * 4 + [False] * 2, [True] + [False] * 5])
SCORES = torch.tensor(
    [[1.0, 2.0, 1.0, -3.0, 2.0, 1.0], [0.0, 0.0, -0.0, 0.0, 9.0, 9.0], [7.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
)
LABELS = torch.tensor([[0.0, 2.0, 1.0, 1.0, 0.0, 0.0], [2.0, 0.0, 2.0, 1.0, 0.0, 0.0], [0.0] * 6])


def _listed(order: torch.Tensor) -> list[list[int]]:
    return [row[: int(mask.sum())].tolist() for row, mask in zip(order, MASK, strict=True)]


def test_ties_stand_by_rising_label_then_as_they_came():
    assert _listed(ScoreOrder(SCORES, LABELS, MASK).order) == [[4, 1, 0, 5, 2, 3], [1, 3, 0, 2], [0]]


def test_ties_by_chance_stand_by_the_numbers_drawn():
    for seed in range(20):
        with Randomness(seed, torch.device("cpu")).drawing(), ties_by_chance():
            order = ScoreOrder(SCORES, LABELS, MASK).order
        with Randomness(seed, torch.device("cpu")).drawing():
            keys = torch.rand(LABELS.shape, generator=generator_of(LABELS.device))
        expected = [
            sorted(range(int(mask.sum())), key=lambda doc, q=query: (-float(SCORES[q, doc]), float(keys[q, doc])))
            for query, mask in enumerate(MASK)
        ]
        assert _listed(order) == expected
