"""A small ranker behind the service, in this process."""

from dataclasses import replace

import numpy as np
import pytest

NAMES = ("bm25", "page {rank}", "clicks")


def make_scorer(**options):
    from rankkit.data.synthetic import make_ranking
    from rankkit.models.scorers import MLPScorer

    data = make_ranking(20, n_features=3, seed=0)
    scorer = MLPScorer(3, hidden=(8,), seed=0, **options)
    scorer.transform.fit(data.features, data.offsets)
    scorer.feature_names = NAMES
    return scorer.eval()


@pytest.fixture(scope="session")
def scorer():
    return make_scorer()


@pytest.fixture(scope="session")
def listwise_scorer():
    return make_scorer(transform="query_standardize")


@pytest.fixture(scope="session")
def ranker_of():
    """A ranker for the service: ``ranker_of(scorer)``, or with another way to score, ``scores=...``."""
    from rankkit.export.source import read_source
    from rankkit.serving.scoring.ranker import ServedRanker

    def made(scorer, **changes):
        return ServedRanker(replace(read_source(scorer), **changes))

    return made


@pytest.fixture(scope="session")
def sum_of_features():
    """Scores that can be told from the request."""

    def scores(features, offsets):
        with np.errstate(over="ignore"):
            return features.sum(axis=1, dtype=np.float32)

    return scores


@pytest.fixture
def client_of():
    """``client_of(ranker, **settings)``: a client of the app in this process, started and stopped."""
    from contextlib import ExitStack

    from rankkit.serving import Settings
    from rankkit.serving.app import create_app
    from tests.serving.asgi import Client

    with ExitStack() as stack:
        yield lambda ranker, **settings: stack.enter_context(
            Client(create_app(ranker, Settings(**{"engine": "torch", **settings})))
        )


@pytest.fixture(scope="session")
def service(scorer, ranker_of):
    """One client for the tests that only ask."""
    from rankkit.serving import Settings
    from rankkit.serving.app import create_app
    from tests.serving.asgi import Client

    with Client(create_app(ranker_of(scorer), Settings(engine="torch"))) as client:
        yield client


@pytest.fixture
def live_of():
    """``live_of(ranker, **settings)``: the app on a real port."""
    from contextlib import ExitStack

    from rankkit.serving import Settings
    from rankkit.serving.app import create_app
    from tests.serving.live import Live

    def made(ranker, **settings):
        settings = Settings(**{"port": 0, "engine": "torch", **settings})
        return stack.enter_context(Live(create_app(ranker, settings), settings))

    with ExitStack() as stack:
        yield made


@pytest.fixture(scope="module")
def live(scorer, ranker_of):
    """A service on a real port for the tests that only ask."""
    from rankkit.serving import Settings
    from rankkit.serving.app import create_app
    from tests.serving.live import Live

    settings = Settings(port=0, engine="torch")
    with Live(create_app(ranker_of(scorer), settings), settings) as served:
        yield served
