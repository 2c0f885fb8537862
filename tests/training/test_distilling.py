"""Distillation: scores of folds a scorer has not seen, labels that hold teacher and truth, and a student of both."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import softmax

import rankkit as rk
from rankkit.data.columns.kinds import Number, Vector
from rankkit.errors import ConfigError, DataError
from rankkit.training.distilling import corrupted, distill, out_of_fold_scores, taught
from rankkit.training.interrupt import TrainingInterrupted

TRAIN, VALID = rk.make_ranking(24, n_features=4, seed=0), rk.make_ranking(10, n_features=4, seed=1)
FEW = {"epochs": 2, "progress": False}


class First:
    def predict(self, features):
        return 3 * features[:, 0]


def test_labels_are_the_logarithm_of_the_mixed_chances():
    scores = np.random.default_rng(0).normal(size=TRAIN.n_docs)
    found = taught(TRAIN, scores, share=0.3, temperature=2.0)
    for query, (start, stop) in enumerate(zip(TRAIN.offsets[:-1], TRAIN.offsets[1:], strict=True)):
        teacher, labels = softmax(scores[start:stop] / 2), TRAIN.labels[start:stop].astype(float)
        own = labels / labels.sum() if labels.sum() else teacher
        np.testing.assert_allclose(np.exp(found[query].labels), 0.3 * teacher + 0.7 * own, rtol=1e-5)


def test_its_loss_is_the_cross_entropy_with_both():
    scores = np.random.default_rng(0).normal(size=TRAIN.n_docs)
    both = taught(TRAIN, scores, share=0.3)[0]
    student = torch.randn(1, both.n_docs)
    loss = rk.kl_distillation_loss(student, torch.from_numpy(both.labels)[None])
    labels = torch.from_numpy(TRAIN.labels[: both.n_docs])
    mixed = 0.3 * torch.from_numpy(scores[: both.n_docs]).softmax(0) + 0.7 * labels / labels.sum()
    expected = -(mixed * student[0].log_softmax(0)).sum() + (mixed * mixed.log()).sum()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_query_without_relevant_documents_or_labels_is_the_teachers():
    unlabelled = rk.from_arrays(TRAIN.features, None, qids=TRAIN.qids.repeat(TRAIN.list_sizes))
    scores = np.random.default_rng(0).normal(size=TRAIN.n_docs)
    found = taught(unlabelled, scores, share=0.5)[0]
    np.testing.assert_allclose(np.exp(found.labels), softmax(scores[: found.n_docs]), rtol=1e-5)


def test_no_scorer_sees_the_queries_that_it_scores():
    seen = []

    class Spy(rk.LinearScorer):
        pass

    def build(data):
        seen.append(set(data.qids.tolist()))
        return Spy.for_data(data, seed=0)

    scores = out_of_fold_scores(build, "ranknet", TRAIN, n_folds=3, **FEW)
    assert np.isfinite(scores).all()
    assert len(seen) == 3
    left_out = [set(TRAIN.qids.tolist()) - qids for qids in seen]
    assert set.union(*left_out) == set(TRAIN.qids.tolist())
    assert sum(map(len, left_out)) == TRAIN.n_queries
    # and a document is scored by the scorer of its own fold
    again = rk.LinearScorer.for_data(TRAIN, seed=0)
    part = TRAIN.select(np.isin(TRAIN.qids, list(seen[1])))
    rk.fit(again, "ranknet", part, seed=0, **FEW)
    own = np.repeat(~np.isin(TRAIN.qids, list(seen[1])), TRAIN.list_sizes)
    np.testing.assert_allclose(scores[own], rk.predict(again, TRAIN)[own], rtol=1e-5)


def test_folds_that_are_done_are_not_trained_again(tmp_path):
    trained = []

    def build(data):
        trained.append(data)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return rk.LinearScorer.for_data(data, seed=0)

    options = {"n_folds": 3, "kept": tmp_path / "scores.npz", **FEW}
    with pytest.raises((KeyboardInterrupt, TrainingInterrupted)):
        out_of_fold_scores(build, "ranknet", TRAIN, **options)
    resumed = out_of_fold_scores(build, "ranknet", TRAIN, resume=True, **options)
    assert len(trained) == 4
    whole = out_of_fold_scores(lambda data: rk.LinearScorer.for_data(data, seed=0), "ranknet", TRAIN, n_folds=3, **FEW)
    np.testing.assert_array_equal(resumed, whole)
    with pytest.raises(ConfigError, match="expected scores by this teacher of these documents and folds"):
        out_of_fold_scores(build, "ranknet", VALID, resume=True, **options)


def test_a_student_learns_from_lists_without_labels():
    few = TRAIN[:4]
    more = rk.make_ranking(60, n_features=4, seed=5)
    values = []
    for unlabelled in ((), (more,)):
        student = rk.LinearScorer(4, seed=0)
        scores = First().predict(few.features)
        distill(
            student, First(), few, scores=scores, unlabelled=unlabelled, copies=0, share=1.0, epochs=20, progress=False
        )
        said, wanted = rk.predict(student, VALID), First().predict(VALID.features)
        values.append(np.corrcoef(said, wanted)[0, 1])
    assert values[1] > values[0]
    assert values[1] > 0.9


@pytest.mark.filterwarnings("ignore:fit. 92 of 96 training queries teach")
@pytest.mark.parametrize("per", ["query", "doc"])
def test_copies_weigh_what_their_queries_do(per):
    weights = np.zeros(TRAIN.n_queries, np.float32)
    weights[3] = 5.0
    weights = weights if per == "query" else weights.repeat(TRAIN.list_sizes)
    alone = replace(TRAIN, weights=weights, weights_per=per)
    scores = First().predict(TRAIN.features)
    learnt = []
    for data, of_them in ((alone, scores), (alone[3], scores[TRAIN.offsets[3] : TRAIN.offsets[4]])):
        student = rk.LinearScorer(4, transform="none", seed=0)
        distill(student, First(), data, scores=of_them, corruption=1e-9, batch_queries=1000, **FEW)
        learnt.append(student.output.weight.detach().numpy())
    # The same gradients up to a factor, which Adam does not see: the other queries and their copies weigh nothing.
    np.testing.assert_allclose(learnt[0], learnt[1], rtol=1e-3, atol=1e-5)


def test_times_and_positions_of_the_training_data_stand_in_no_way():
    beside = {"time": np.arange(TRAIN.n_docs), "position": np.arange(TRAIN.n_docs)}
    student, scores = rk.LinearScorer(4, seed=0), First().predict(TRAIN.features)
    history = distill(student, First(), replace(TRAIN, beside=beside), VALID, scores=scores, **FEW)
    assert len(history) == 2


@pytest.mark.parametrize("per", ["query", "doc"])
def test_lists_without_labels_go_beside_weights_and_ids(per):
    n = TRAIN.n_queries if per == "query" else TRAIN.n_docs
    weighted = rk.from_arrays(
        TRAIN.features,
        TRAIN.labels,
        qids=TRAIN.qids.repeat(TRAIN.list_sizes),
        weights=rk.Weights(np.full(n, 2.0), per=per),
        doc_ids=[f"d{place}" for place in range(TRAIN.n_docs)],
    )
    student, teacher = rk.LinearScorer(4, seed=0), rk.LinearScorer(4, seed=1)
    rk.fit(teacher, "ranknet", TRAIN, **FEW)
    history = distill(student, teacher, weighted, VALID, scores=rk.predict(teacher, TRAIN), unlabelled=[VALID], **FEW)
    assert len(history) == 2


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="expected n_folds of at least 2"):
        out_of_fold_scores(rk.LinearScorer.for_data, "ranknet", TRAIN, n_folds=1)
    with pytest.raises(DataError, match="expected a query a fold or more; got 24 for 25 folds"):
        out_of_fold_scores(rk.LinearScorer.for_data, "ranknet", TRAIN, n_folds=25)
    for share, temperature in ((0.0, 1.0), (1.5, 1.0), (0.5, 0.0), (0.5, np.nan)):
        with pytest.raises(ConfigError, match=r"expected a (share|temperature)"):
            taught(TRAIN, np.zeros(TRAIN.n_docs), share=share, temperature=temperature)
    with pytest.raises(DataError, match="scores, one a training document; got"):
        distill(rk.LinearScorer(4), None, TRAIN, scores=np.zeros(3))


def test_made_up_documents_have_columns_of_others_whole():
    features = np.stack([np.arange(500), np.arange(500), np.arange(500)], axis=1, dtype=np.float32)
    schema = rk.Schema((Vector("image", size=2), Number("price")))
    data = rk.RankingDataset(
        features, None, np.array([0, 500]), np.array([1]), feature_names=schema.names, schema=schema
    )
    made = corrupted(data, 0.2, seed=0).features
    np.testing.assert_array_equal(made[:, 0], made[:, 1])
    for column in (0, 2):
        assert 0.7 < (made[:, column] == features[:, column]).mean() < 0.9
        assert set(made[:, column]) <= set(features[:, column])
    np.testing.assert_array_equal(data.features[:, 0], np.arange(500))
    with pytest.raises(ConfigError, match="expected a corruption between 0 and 1"):
        distill(rk.LinearScorer(4), None, TRAIN, scores=np.zeros(TRAIN.n_docs), corruption=1.0)
    with pytest.raises(ConfigError, match="expected copies of at least 0"):
        distill(rk.LinearScorer(4), None, TRAIN, scores=np.zeros(TRAIN.n_docs), copies=-1)


def test_columns_of_the_query_stay_those_of_the_query():
    features = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    features[:, 1] = np.repeat(np.arange(6), 10)
    schema = rk.Schema((Number("price"), Number("age", side="query")))
    data = rk.RankingDataset(
        features, None, np.arange(0, 61, 10), np.arange(6), feature_names=schema.names, schema=schema
    )
    np.testing.assert_array_equal(corrupted(data, 0.5, seed=0).features[:, 1], features[:, 1])


@pytest.mark.parametrize("made", [rk.LinearScorer, rk.LightGBM])
def test_a_student_with_a_prior_is_refused_which_would_remember_the_teacher(made):
    student = made.for_data(TRAIN, prior=["1"])
    with pytest.raises(ConfigError, match="expected a student without prior"):
        distill(student, None, TRAIN, scores=np.zeros(TRAIN.n_docs))


def test_a_damaged_file_of_scores_is_told(tmp_path):
    (tmp_path / "scores.npz").write_bytes(b"no zip")
    with pytest.raises(ConfigError, match="expected scores that were kept; got a damaged file"):
        out_of_fold_scores(
            rk.LinearScorer.for_data, "ranknet", TRAIN, n_folds=2, kept=tmp_path / "scores.npz", resume=True, **FEW
        )
