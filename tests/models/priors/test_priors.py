"""Priors of scorers: what they gain, that they leak nothing, and that new data finds its keys."""

import numpy as np
import pandas as pd
import pytest
import torch

import rankkit as rk
from rankkit.errors import ConfigError, DataError, DataWarning, ShapeError
from rankkit.models.priors import Priors
from rankkit.models.priors.asking import places_of
from rankkit.registry import BOOSTED_SCORERS, find
from rankkit.registry import SCORERS as SCORERS_BY_GRADIENTS

pytestmark = pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")
N_DOCS = 60
EVERY = {**SCORERS_BY_GRADIENTS, **BOOSTED_SCORERS}
SCORERS = [
    pytest.param(rk.LinearScorer, {}, id="linear"),
    pytest.param(rk.MLPScorer, {"hidden": (8,), "dropout": 0.0}, id="mlp"),
    pytest.param(rk.LightGBM, {"min_data_in_leaf": 5}, id="lightgbm"),
]


def log(n_queries, seed, *, permuted=False, **more):
    """Documents that are good or bad whatever the query, and a feature that says little."""
    rng = np.random.default_rng(seed)
    goodness = np.random.default_rng(9).normal(size=N_DOCS)
    docs = rng.integers(0, N_DOCS, n_queries * 10)
    labels = np.clip(np.round(goodness[docs] + 0.5 * rng.normal(size=len(docs)) + 1), 0, 3)
    if permuted:
        labels = rng.permuted(labels.reshape(n_queries, 10), axis=1).ravel()
    return pd.DataFrame(
        {
            "qid": np.repeat(np.arange(n_queries), 10),
            "doc_id": [f"d{doc}" for doc in docs],
            "size": docs % 7,
            "noise": rng.normal(size=len(docs)),
            "label": labels,
            **{name: make(n_queries) for name, make in more.items()},
        }
    )


def data(*, permuted=False):
    train = rk.from_pandas(log(60, 1, permuted=permuted), columns={"doc_id": "key"})
    return train, rk.from_pandas(log(200, 2, permuted=permuted), schema=train.schema)


def trained(made, options, train, valid, prior):
    scorer = made.for_data(train, prior=prior, seed=0, **options)
    rk.fit(scorer, "ranknet", train, valid, epochs=20, seed=0, progress=False)
    return scorer


@pytest.mark.parametrize(("made", "options"), SCORERS)
def test_a_prior_gains_where_documents_matter_and_nothing_where_they_do_not(made, options):
    gains = []
    for permuted in (False, True):
        train, valid = data(permuted=permuted)
        with_, without = (
            rk.evaluate(trained(made, options, train, valid, prior), valid, ["ndcg@5"]).means["ndcg@5"]
            for prior in (["doc_id"], None)
        )
        gains.append(with_ - without)
    assert gains[0] > 0.15
    assert gains[1] < 0.05


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_scorer_takes_a_prior_and_remembers(name, tmp_path):
    if name in ("lightgbm", "xgboost", "catboost"):
        pytest.importorskip(name)
    train, valid = data()
    made, options = find("scorer", name), {"min_data_in_leaf": 5} if name == "lightgbm" else {}
    scorer = made.for_data(train, prior={"keys": ["doc_id", "doc_id+size"], "smoothing": 2}, seed=0, **options)
    rk.fit(scorer, "ranknet", train, valid, epochs=1, seed=0, progress=False)
    rk.save(scorer, tmp_path / "saved")
    loaded = rk.load(tmp_path / "saved")
    np.testing.assert_array_equal(rk.predict(loaded, valid), rk.predict(scorer, valid))
    assert loaded.options == scorer.options
    # and whatever vocabulary new data was read with
    new = rk.from_pandas(log(200, 2), columns={"doc_id": "key"})
    np.testing.assert_array_equal(rk.predict(loaded, new), rk.predict(scorer, valid))


def test_the_labels_of_a_query_do_not_reach_its_own_documents():
    frame = log(60, 1)
    priors = Priors([[0]], rk.from_pandas(frame, columns={"doc_id": "key"}).schema, 5.0, None)
    learnt = priors.learn("here", rk.from_pandas(frame, columns={"doc_id": "key"}))
    other = frame.assign(label=np.where(frame.qid == 7, 3 - frame.label, frame.label))
    again = Priors([[0]], priors.columns, 5.0, None).learn("here", rk.from_pandas(other, columns={"doc_id": "key"}))
    own = (frame.qid == 7).to_numpy()
    np.testing.assert_array_equal(learnt.features[own], again.features[own])
    assert (learnt.features[~own] != again.features[~own]).any()


def test_with_times_only_earlier_queries_count():
    frame = log(60, 1, asked=lambda n: np.repeat(pd.date_range("2026-01-01", periods=n), 10))
    train = rk.from_pandas(frame, columns={"doc_id": "key"}, time="asked")
    priors = Priors([[0]], train.schema, 5.0, 10.0)
    with pytest.warns(DataWarning, match="a training document sees earlier ones alone"):
        learnt = priors.learn("here", train)
    later = frame.assign(label=np.where(frame.qid >= 30, 3 - frame.label, frame.label))
    again = Priors([[0]], train.schema, 5.0, 10.0).learn(
        "here", rk.from_pandas(later, columns={"doc_id": "key"}, time="asked")
    )
    early = (frame.qid <= 30).to_numpy()
    np.testing.assert_array_equal(learnt.features[early, -2:], again.features[early, -2:])
    assert (learnt.features[~early, -2:] != again.features[~early, -2:]).any()


def test_unknown_and_missing_keys_have_the_mean():
    train, _ = data()
    priors = Priors([[0], [0, 1]], train.schema, 5.0, None)
    priors.learn("here", train)
    unknown, missing = float(train.schema.columns[0].n_codes), np.nan
    rows = priors(torch.tensor([[unknown, 0, 0], [missing, 0, 0], [0, missing, 0], [0, 99, 0]]))
    mean = np.asarray(train.labels, float).mean()
    np.testing.assert_allclose(rows[:2, 3:6], [[mean, 0, 0]] * 2, rtol=1e-6)
    np.testing.assert_allclose(rows[:, 6:], [[mean, 0, 0]] * 4, rtol=1e-6)
    assert rows[2, 5] > 0


def test_numbers_are_keys_too_and_features_of_letor_have_numbers_for_names():
    train = rk.make_ranking(40, n_features=4, seed=0)
    features = train.features.copy()
    features[:, 2:] = np.round(features[:, 2:])
    train = rk.from_arrays(features, train.labels, qids=np.repeat(np.arange(40), train.list_sizes))
    scorer = rk.LinearScorer.for_data(train, prior="3+4")
    with pytest.warns(DataWarning, match=r"prior of 3\+4: .* other queries alone \(10 folds\)"):
        rk.fit(scorer, "ranknet", train, epochs=2, progress=False)
    assert list(scorer.weights)[-3:] == [f"standardize(log1p(prior_{form}(3+4)))" for form in ("mean", "lift", "count")]
    pairs = {tuple(row) for row in features[:, 2:].tolist()}
    assert scorer.transform.before.tables[0].n_keys == len(pairs)


def test_a_key_alone_is_no_feature():
    train, valid = data()
    for made, options in ((rk.LinearScorer, {}), (rk.LightGBM, {"min_data_in_leaf": 5})):
        scorer = trained(made, options, train, valid, None)
        shuffled = valid.features.copy()
        shuffled[:, 0] = shuffled[::-1, 0]
        offsets = torch.from_numpy(valid.offsets)
        with torch.no_grad():
            np.testing.assert_array_equal(
                scorer(torch.from_numpy(shuffled), offsets), scorer(torch.from_numpy(np.array(valid.features)), offsets)
            )


def test_a_key_that_no_prior_looks_at_is_told():
    train, _ = data()
    with pytest.warns(DataWarning, match="read as keys, and no prior looks at them: doc_id"):
        rk.LinearScorer.for_data(train)


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ("brand", "expected prior= as columns of the data; got 'brand'"),
        (["doc_id", "doc_id"], "expected different columns in different keys"),
        (["size+size"], "expected different columns in different keys"),
        ([[9]], "expected prior= as columns of the data; got 9"),
        ([], "expected keys of a prior"),
        ({"keys": "doc_id", "smoothing": 0}, "expected smoothing of prior= above 0"),
        ({"keys": "doc_id", "half_life": "1d"}, "expected half_life of prior= above 0"),
        ({"key": "doc_id"}, "expected prior= with keys, smoothing and half_life; got 'key'"),
    ],
)
def test_what_can_be_no_prior_is_refused(prior, message):
    train, _ = data()
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        rk.MLPScorer.for_data(train, prior=prior)


def test_a_half_life_needs_times_and_folds_need_queries():
    train, _ = data()
    scorer = rk.LinearScorer.for_data(train, prior={"keys": "doc_id", "half_life": 3})
    with pytest.raises(DataError, match="expected times of the queries with half_life of prior="):
        rk.fit(scorer, "ranknet", train, epochs=1, progress=False)
    scorer = rk.LinearScorer.for_data(train, prior="doc_id")
    with pytest.raises(DataError, match="expected two queries or more for a prior; got 1"):
        rk.fit(scorer, "ranknet", train[:1], epochs=1, progress=False)


def test_features_of_another_width_are_refused():
    train, _ = data()
    scorer = rk.LinearScorer.for_data(train, prior="doc_id")
    with pytest.raises(ShapeError, match=r"expected features \[doc, 3\]"):
        scorer(torch.zeros(2, 4), torch.tensor([0, 2]))
    with pytest.raises(ConfigError, match="expected a prior that was learnt"):
        scorer(torch.zeros(2, 3), torch.tensor([0, 2]))


def test_names_with_a_plus_sign_are_found():
    assert places_of("here", ["a+b", "a+b+c", "c+a"], ["a", "a+b", "c"]) == [[1], [1, 2], [2, 0]]


@pytest.mark.parametrize(("made", "options"), SCORERS)
def test_what_was_learnt_once_is_not_replaced_under_what_learnt_from_it(made, options, tmp_path):
    train, valid = data()
    scorer = trained(made, options, train, valid, ["doc_id"])
    before = rk.predict(scorer, valid)
    with pytest.raises(ConfigError, match="expected the training data that the prior was learnt from"):
        rk.fit(scorer, "ranknet", train[:30], valid, epochs=1, progress=False)
    np.testing.assert_array_equal(rk.predict(scorer, valid), before)
    rk.fit(scorer, "ranknet", train, valid, epochs=1, progress=False)


@pytest.mark.parametrize(("made", "options"), SCORERS)
def test_a_finished_run_of_the_same_scorer_is_resumed_at_once(made, options, tmp_path):
    train, valid = data()
    scorer = made.for_data(train, prior=["doc_id"], seed=0, **options)
    first = rk.fit(scorer, "ranknet", train, valid, epochs=3, out=tmp_path / "run", progress=False)
    before = rk.predict(scorer, valid)
    again = rk.fit(scorer, "ranknet", train, valid, epochs=3, out=tmp_path / "run", resume=True, progress=False)
    assert len(again) == len(first)
    np.testing.assert_array_equal(rk.predict(scorer, valid), before)


def test_a_half_life_of_numbers_is_refused():
    frame = log(60, 1, asked=lambda n: np.repeat(np.arange(n, dtype=float), 10))
    train = rk.from_pandas(frame, columns={"doc_id": "key"}, time="asked")
    scorer = rk.LinearScorer.for_data(train, prior={"keys": "doc_id", "half_life": 3})
    with pytest.raises(DataError, match="expected dates in the column of times"):
        rk.fit(scorer, "ranknet", train, epochs=1, progress=False)


def test_a_hashed_column_is_known_by_its_own_name():
    train = rk.from_pandas(log(60, 1), columns={"doc_id": {"kind": "key", "n_buckets": 64}})
    assert rk.LinearScorer.for_data(train, prior="doc_id").options["prior"]["keys"] == [[0]]


def test_keys_that_never_come_back_are_refused():
    frame = log(20, 1)
    train = rk.from_pandas(frame.assign(doc_id=frame.qid), columns={"doc_id": "key"})
    with pytest.raises(DataError, match="expected keys of a prior that come back in other queries; got none in doc_id"):
        rk.fit(rk.LinearScorer.for_data(train, prior="doc_id"), "ranknet", train, epochs=1, progress=False)


@pytest.mark.parametrize(("made", "options"), SCORERS)
def test_keys_that_are_written_otherwise_are_told(made, options):
    train, _ = data()
    other = log(30, 2)
    valid = rk.from_pandas(other.assign(doc_id=other.doc_id + ".0"), schema=train.schema)
    scorer = made.for_data(train, prior="doc_id", seed=0, **options)
    with pytest.warns(DataWarning, match="0% of the validation documents have a key of doc_id that the training data"):
        rk.fit(scorer, "ranknet", train, valid, epochs=1, progress=False)


@pytest.mark.parametrize(("made", "options"), SCORERS)
def test_validation_queries_before_what_is_remembered_are_told(made, options, recwarn):
    frame = log(60, 1, asked=lambda n: np.repeat(pd.date_range("2026-01-01", periods=n), 10))
    whole = rk.from_pandas(frame, columns={"doc_id": "key"}, time="asked")
    for by, is_told in ((None, True), ("asked", False)):
        train, valid = rk.split(whole, (0.7, 0.3), seed=0, by=by)
        recwarn.clear()
        scorer = made.for_data(train, prior=["doc_id"], seed=0, **options)
        rk.fit(scorer, "ranknet", train, valid, epochs=1, seed=0, progress=False)
        lines = [str(line.message) for line in recwarn if "earlier than documents that the prior" in str(line.message)]
        assert bool(lines) == is_told
        if is_told:
            late = frame.asked[frame.qid.isin(train.qids)].max()
            n_early = sum(frame.asked[frame.qid == qid].max() < late for qid in valid.qids)
            assert lines[0].startswith(f"fit: {n_early} of {valid.n_queries} validation queries are earlier than")


def test_a_refused_training_leaves_what_was_remembered():
    train, _ = data()
    scorer = rk.LinearScorer.for_data(train, prior=["doc_id"], seed=0)
    rk.fit(scorer, "ranknet", train, epochs=1, progress=False)
    before = rk.predict(scorer, train)
    frame = log(6, 1).assign(doc_id=lambda table: [f"d{place}" for place in range(len(table))])
    with pytest.raises(DataError, match="expected keys of a prior that come back"):
        rk.fit(scorer, "ranknet", rk.from_pandas(frame, schema=train.schema), epochs=1, progress=False)
    np.testing.assert_array_equal(rk.predict(scorer, train), before)
