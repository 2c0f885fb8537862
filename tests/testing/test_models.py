"""check_scorer, check_encoder and check_metric tell what is broken; rankkit's own are checked where they are tested."""

import re

import pytest
import torch
from torch import nn

from rankkit.distances import find_distance
from rankkit.registry import name_of, names
from rankkit.testing import check_encoder, check_metric, check_scorer


class Sound(nn.Module):
    def __init__(self, n_features: int, *, width: int = 2) -> None:
        super().__init__()
        self.layer = nn.Linear(n_features, width)

    def forward(self, features):
        return self.layer(features.nan_to_num()).tanh().sum(dim=1)


class Forgetful(Sound):
    """Says options that are not its own."""

    def __init__(self, n_features: int, *, width: int = 2) -> None:
        super().__init__(n_features, width=width)
        self.options = {"n_features": n_features}


class Peeking(Sound):
    listwise = False

    def forward(self, features, offsets):
        return super().forward(features) + features.nan_to_num().mean()


class Drawing(Sound):
    def __init__(self, n_features: int, seed: int | None = None) -> None:
        super().__init__(n_features)


class Idle(Sound):
    def __init__(self, n_features: int) -> None:
        super().__init__(n_features)
        self.unused = nn.Parameter(torch.ones(2))


class Blind(Sound):
    def forward(self, features):
        return self.layer(features).sum(dim=1)


def test_a_sound_one_is_left_unregistered():
    check_scorer(Sound)
    check_scorer("linear", bias=False)
    assert name_of("scorer", Sound) is None
    assert names("scorer")[:2] == ["linear", "mlp"]


@pytest.mark.parametrize(
    ("made", "options", "promise"),
    [
        (Forgetful, {"width": 3}, "options build the same scorer again: RuntimeError"),
        (Peeking, {}, "documents are scored apart unless it is listwise: expected a query"),
        (Drawing, {}, "a seed gives the same weights: expected torch's global generator"),
        (Idle, {}, "gradients reach every weight: expected a gradient for unused"),
        (Blind, {}, "missing values are scored: expected finite scores"),
        (Sound, {"depth": 3}, "ConfigError: Sound: expected an option of this scorer; got 'depth'"),
    ],
)
def test_a_broken_scorer(made, options, promise):
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_scorer(made, **options)


class Embedding(nn.Module):
    def __init__(self, input_shape, *, n_dims: int = 3, length: float = 1.0) -> None:
        super().__init__()
        self.input_shape, self.n_dims, self.output, self.learning_rate = tuple(input_shape), n_dims, "unit", 1e-3
        self.length = length
        self.layer = nn.Linear(torch.Size(input_shape).numel(), n_dims)
        self.distance = find_distance("cosine", n_dims)

    def forward(self, inputs):
        return self.length * nn.functional.normalize(self.layer(inputs.flatten(1)), dim=1)


def test_encoders():
    check_encoder(Embedding)
    check_encoder("mlp", input_shape=(5,), hidden=())
    with pytest.raises(AssertionError, match="expected length 1 of output unit"):
        check_encoder(Embedding, length=2.0)


def test_metrics():
    def first(scores, labels, mask, *, k=None):
        return labels.gather(1, scores.argmax(dim=1, keepdim=True))[:, 0] if labels.numel() else labels.sum(dim=1)

    with pytest.raises(AssertionError, match="padding is never read"):
        check_metric(first)
    with pytest.raises(AssertionError, match="a monotone change of scores changes nothing"):
        check_metric(lambda scores, labels, mask: (scores * mask).sum(dim=1))
