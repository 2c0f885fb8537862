from pathlib import Path

import numpy as np
import pytest
import torch

import rankkit as rk
from rankkit.evaluation.scoring import resident_features, score_documents
from rankkit.tasks.ranking import job as jobs


@pytest.fixture
def documents():
    data = rk.make_ranking(n_queries=30, n_features=4, seed=0)
    return rk.from_arrays(
        data.features,
        data.labels,
        qids=np.repeat(np.arange(data.n_queries), data.list_sizes),
        feature_names=list("dbca"),
    )


@pytest.fixture
def scorer(documents):
    scorer = rk.MLPScorer(4, [8], dropout=0.0, seed=0)
    scorer.feature_names = tuple("abcd")
    scorer.transform.fit(documents.features[:, [3, 1, 2, 0]], documents.offsets)
    return scorer


@pytest.mark.parametrize("batch_docs", [1, 40, 65536])
def test_features_that_lie_there_already_give_the_same_scores(scorer, documents, batch_docs):
    resident = resident_features("test", scorer, documents, torch.device("cpu"))
    whole = rk.predict(scorer, documents)
    for given in ({}, {"resident": resident}):
        scores = score_documents("test", scorer, documents, batch_docs=batch_docs, **given)
        np.testing.assert_allclose(scores, whole, atol=1e-6)


@pytest.mark.parametrize("ask", [rk.predict, rk.evaluate, rk.permutation_importance])
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("runs/ranknet", r"got 'runs/ranknet'\. Load a saved one with rankkit\.load\(folder\)"),
        (Path("run"), r"got 'run'\. Load"),
        (rk.LinearScorer, r"got the class LinearScorer\. Build it: LinearScorer\(data\.n_features\)"),
        (None, r"got NoneType\. Train one"),
    ],
)
def test_what_is_no_scorer_is_refused_in_words(ask, given, told, documents):
    with pytest.raises(rk.ConfigError, match=rf"^{ask.__name__}: expected a scorer; {told}"):
        ask(given, documents)


def test_validation_data_that_stay_on_a_device_give_the_same_value(scorer, documents, monkeypatch):
    asked = []

    def resident(where, scorer, data, device):
        asked.append(device)
        return resident_features(where, scorer, data, torch.device("cpu"))

    monkeypatch.setattr(jobs, "resident_features", resident)
    place, expected = torch.device("cuda", 0), jobs.RankingJob.value(scorer, documents, "ndcg@10")
    job = jobs.RankingJob(scorer, "softmax", documents, documents)
    for fits in (True, False):
        monkeypatch.setattr(jobs, "fits_on", lambda device, n_bytes, fits=fits: fits)
        assert job._validating(scorer, documents, "ndcg@10", place)() == pytest.approx(expected)
    assert asked == [place]
