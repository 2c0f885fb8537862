import inspect
import math

import pytest
import torch

from rankkit.distances import VerificationHead, unit
from rankkit.errors import ConfigError, DataError
from rankkit.objectives.embedding import suggest_margin


def rows(n=2000, n_dims=32):
    return torch.randn(n, n_dims)


@pytest.mark.parametrize(
    ("distance", "apart"),
    [
        ("squared_euclidean", 2.0),
        ("euclidean", math.sqrt(2)),
        ("cosine", 1.0),
        ("cosine_similarity", 1.0),
        ("dot", 1.0),
    ],
)
def test_embeddings_of_length_one_get_the_known_margins(distance, apart):
    assert suggest_margin(distance, unit(rows())) == pytest.approx(apart / 10, rel=0.03)
    assert suggest_margin(distance, unit(rows()), objective="contrastive") == pytest.approx(apart, rel=0.03)


def test_a_margin_follows_the_scale():
    x = rows()
    assert suggest_margin("euclidean", 7 * x) == pytest.approx(7 * suggest_margin("euclidean", x))
    assert suggest_margin("squared_euclidean", 7 * x) == pytest.approx(49 * suggest_margin("squared_euclidean", x))
    assert suggest_margin("cosine", 7 * x) == pytest.approx(suggest_margin("cosine", x))


def test_embeddings_that_lie_close_together_do_not_shrink_it():
    clumped = unit(torch.ones(1000, 32) + 0.01 * rows(1000))
    assert suggest_margin("squared_euclidean", clumped) == pytest.approx(0.2, rel=0.05)


def test_it_takes_a_learned_distance_and_a_callable_and_repeats_itself():
    x = unit(rows()).requires_grad_()
    assert suggest_margin(VerificationHead(32), x) > 0
    margin = suggest_margin(lambda a, b: (a - b).abs().amax(dim=1), x)
    assert margin == suggest_margin(lambda a, b: (a - b).abs().amax(dim=1), x)


def test_what_cannot_work_is_told():
    with pytest.raises(DataError, match="expected at least one embedding"):
        suggest_margin("euclidean", torch.zeros(0, 3))
    with pytest.raises(DataError, match="got a spread of 0"):
        suggest_margin("euclidean", torch.zeros(5, 3))
    with pytest.raises(DataError, match="got a spread of nan"):
        suggest_margin("euclidean", torch.full((5, 3), math.nan))
    with pytest.raises(ConfigError, match="objective 'contrastive' or 'triplet'; got 'supcon'"):
        inspect.unwrap(suggest_margin)("euclidean", rows(), objective="supcon")
