"""Fixtures of tests that train: small data, small models, few steps."""

import numpy as np
import pytest

from rankkit.data.synthetic import make_ranking
from rankkit.loaders.examples.files import read_labelled
from rankkit.models.scorers import MLPScorer
from rankkit.objectives import softmax_loss
from rankkit.objectives.embedding import supcon_loss
from rankkit.training import fit, fit_encoder


@pytest.fixture(scope="session")
def train():
    return make_ranking(60, seed=0)


@pytest.fixture(scope="session")
def valid():
    return make_ranking(40, seed=1)


@pytest.fixture
def new_scorer():
    def build(**options):
        return MLPScorer(10, **{"hidden": (16,), "seed": 0, **options})

    return build


@pytest.fixture
def quick(train, valid):
    """fit() on the CPU with few steps; options go over the defaults here."""

    def run(scorer, objective=softmax_loss, data=train, valid=valid, **options):
        return fit(scorer, objective, data, valid, **{"epochs": 3, "batch_queries": 16, "device": "cpu", **options})

    return run


@pytest.fixture(scope="session")
def examples():
    digits = read_labelled("digits")
    return digits.take(np.concatenate([np.flatnonzero(digits.labels == label)[:24] for label in range(6)]))


@pytest.fixture(scope="session")
def seen(examples):
    return examples.of_classes([0, 1, 2, 3])


@pytest.fixture(scope="session")
def unseen(examples):
    return examples.of_classes([4, 5])


@pytest.fixture
def quick_encoder(seen):
    """fit_encoder() on the CPU with few steps; options go over the defaults here."""

    def run(encoder, objective=supcon_loss, data=seen, valid=None, **options):
        few = {"epochs": 3, "batch_classes": 4, "device": "cpu", **options}
        return fit_encoder(encoder, objective, data, valid, **few)

    return run
