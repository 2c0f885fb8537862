import pytest

from rankkit.loaders.synthetic import make_ranking
from rankkit.objectives import softmax_loss
from rankkit.scorers import MLPScorer
from rankkit.training import fit


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
