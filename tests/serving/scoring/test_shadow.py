"""A shadow is compared and counted; nobody waits for it or sees it."""

import time

import numpy as np
import pytest

from rankkit.errors import ConfigError
from rankkit.serving.scoring.shadow import compare
from tests.serving.asgi import Client
from tests.serving.test_metrics import read

BODY = {"documents": [{"id": place, "features": [place, 1, -place]} for place in range(4)]}


def app_of(ranker_of, scorer, *scores):
    from rankkit.serving import Settings
    from rankkit.serving.app import create_app

    rankers = {name: ranker_of(scorer, scores=score) for name, score in zip("ab", scores, strict=True)}
    return create_app(rankers, Settings(shadow="b", engine="torch"))


def counts(client, outcome):
    end = time.monotonic() + 30
    while True:
        client.get("/health")
        samples = read(client.get("/metrics").text)
        if samples.get(("rankkit_shadow_requests_total", ("outcome", outcome))):
            return samples
        assert time.monotonic() < end


def test_scores_are_compared_and_counted(ranker_of, scorer):
    with Client(app_of(ranker_of, scorer, lambda f, o: f[:, 0], lambda f, o: f[:, 2])) as client:
        answer = client.post("/rank", BODY).json()
        assert [document["id"] for document in answer["documents"]] == [3, 2, 1, 0]
        samples = counts(client, "compared")
        assert samples[("rankkit_shadow_queries_total",)] == samples[("rankkit_shadow_other_first_total",)] == 1
        assert samples[("rankkit_shadow_docs_total",)] == 4
        assert samples[("rankkit_shadow_difference_total",)] == 12
        # Asked by its own name it answers, and is not compared with itself.
        answer = client.post("/rank?model=b", BODY).json()
        assert [document["id"] for document in answer["documents"]] == [0, 1, 2, 3]
        assert counts(client, "compared")[("rankkit_shadow_docs_total",)] == 4


def test_a_shadow_that_fails_fails_nobody(ranker_of, scorer):
    def fails(features, offsets):
        if np.isfinite(features).all():
            raise RuntimeError("no")
        return np.zeros(len(features), np.float32)

    with Client(app_of(ranker_of, scorer, lambda f, o: f[:, 0], fails)) as client:
        assert client.post("/rank", BODY).status_code == 200
        assert counts(client, "failed")
        assert client.get("/health").status_code == 200


def test_a_shadow_needs_no_other_features(ranker_of, scorer):
    from rankkit.serving import Settings
    from rankkit.serving.app import create_app

    one, other = ranker_of(scorer), ranker_of(scorer, feature_names=("bm25", "x", "clicks"))
    with pytest.raises(ConfigError, match="expected features that 'a' has too; got 'x' of 'b'"):
        create_app({"a": one, "b": other}, Settings(shadow="b", engine="torch"))


def test_queries_of_one_document_have_no_order_to_differ():
    same = compare(np.ones(3, np.float32), np.ones(3, np.float32), [1, 0, 2])
    assert (same.n_queries, same.n_other_first, same.n_docs, same.difference) == (1, 0, 3, 0)
