"""A ranker takes its features by name, from whatever holds them, in any order and among others."""

import warnings
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rankkit as rk
from rankkit.data.ranking_dataset import Roles
from rankkit.evaluation.matching import read_documents

NAMES = ("bm25", "age", "clicks")
EXTRA = ("margin", "qid_", "1", "zz top")


def a_frame(n_queries=8, seed=0):
    data = rk.make_ranking(n_queries, n_features=3, seed=seed)
    columns = dict(zip(NAMES, data.features.T, strict=True))
    qids = np.repeat(np.arange(n_queries), data.list_sizes)
    ids = [f"d{n}" for n in range(data.n_docs)]
    return pd.DataFrame({"session": qids, "grade": data.labels, "sku": ids, **columns})


FRAME = a_frame()


def trained(**options):
    scorer = rk.LinearScorer(3, seed=0, **options)
    train = rk.from_pandas(FRAME, label="grade", qid="session", doc_id="sku", features=list(NAMES))
    rk.fit(scorer, rk.softmax_loss, train, epochs=1, device="cpu")
    return scorer


@pytest.fixture(scope="module")
def scorer():
    return trained()


@pytest.fixture(scope="module")
def listwise():
    return trained(transform="query_standardize")


@pytest.fixture(scope="module")
def expected(scorer):
    return rk.predict(scorer, FRAME)


@contextmanager
def left_out(names):
    """Exactly the one line, that names these, or nothing."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
    lines = [str(one.message) for one in told if one.category is rk.DataWarning]
    assert all("no feature of the ranker" in line for line in lines)
    assert len(lines) == bool(names)
    assert all(name in lines[0] for name in names)


@st.composite
def rearranged(draw):
    """The columns of the frame in another order, among others; and the names of the others."""
    more = draw(st.lists(st.sampled_from(EXTRA), unique=True))
    frame = FRAME.assign(**{name: np.arange(len(FRAME)) % (3 + place) for place, name in enumerate(more)})
    return frame[draw(st.permutations(list(frame.columns)))], more


def polars_frame(frame):
    return pytest.importorskip("polars").from_pandas(frame)


def dataset(frame, more):
    return rk.from_pandas(
        frame, label="grade", qid="session", features=[name for name in frame.columns if name in (*NAMES, *more)]
    )


@given(rearranged())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_table_gives_the_same_scores(scorer, expected, case):
    frame, more = case
    for table in (frame, pa.Table.from_pandas(frame, preserve_index=False), dataset(frame, more)):
        with left_out(more):
            np.testing.assert_array_equal(rk.predict(scorer, table), expected)
    with left_out(more):
        assert rk.evaluate(scorer, frame).means == rk.evaluate(scorer, FRAME).means


@given(rearranged())
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_file_gives_the_same_scores(scorer, expected, tmp_path_factory, case):
    frame, more = case
    folder = tmp_path_factory.mktemp("files")
    frame.to_parquet(folder / "d.parquet", index=False)
    frame.to_csv(folder / "d.csv", index=False)
    for name in ("d.parquet", "d.csv"):
        with left_out(more):
            data = read_documents(folder / name, scorer)
        assert data.feature_names == NAMES
        assert data.roles == Roles("grade", "session", "sku")
        np.testing.assert_array_equal(rk.predict(scorer, data), expected)


def test_polars_gives_the_same_scores(scorer, expected):
    frame = polars_frame(FRAME[[*NAMES[::-1], "session"]])
    np.testing.assert_array_equal(rk.predict(scorer, frame), expected)


def test_numbers_without_names_are_matched_by_count_which_is_said(scorer, expected):
    scipy_sparse = pytest.importorskip("scipy.sparse")
    values = FRAME[list(NAMES)].to_numpy(np.float32)
    for numbers in (values, values.tolist(), scipy_sparse.csr_matrix(values)):
        with pytest.warns(rk.DataWarning, match="matched by number: the data has no names, the ranker knows bm25, age"):
            scores = rk.predict(scorer, numbers)
        np.testing.assert_array_equal(scores, expected)
    with pytest.raises(rk.DataError, match="predict: expected 3 features"):
        rk.predict(scorer, values[:, :2])


def test_a_table_for_a_ranker_without_names_is_matched_by_count_which_is_said():
    scorer = rk.LinearScorer(3, transform="none", seed=0)
    data = rk.from_pandas(FRAME, label="grade", qid="session", features=list(NAMES))
    with pytest.warns(rk.DataWarning, match="matched by number: the ranker knows no names, the data has bm25"):
        scores = rk.predict(scorer, data)
    bare = rk.from_arrays(FRAME[list(NAMES)].to_numpy(np.float32), None, FRAME["session"].to_numpy())
    np.testing.assert_array_equal(scores, rk.predict(scorer, bare))


def test_a_missing_feature_is_named_with_the_one_that_is_like_it(scorer, tmp_path):
    frame = FRAME.rename(columns={"clicks": "Clicks"})
    frame.to_parquet(tmp_path / "d.parquet")
    for door in (
        lambda: rk.predict(scorer, frame),
        lambda: rk.evaluate(scorer, frame),
        lambda: rk.permutation_importance(scorer, frame),
        lambda: read_documents(tmp_path / "d.parquet", scorer),
    ):
        with pytest.raises(rk.DataError, match=r"3 features that the ranker was trained on.*'clicks'.*mean 'Clicks'"):
            door()


def test_a_ranker_that_sees_whole_queries_wants_query_ids(listwise):
    bare = FRAME[list(NAMES)]
    wanted = rk.predict(listwise, FRAME)
    with pytest.raises(rk.DataError, match=r"predict: expected the query of each document.*qids=.*'session'"):
        rk.predict(listwise, bare)
    np.testing.assert_array_equal(rk.predict(listwise, bare, qids=FRAME["session"]), wanted)
    renamed = FRAME.rename(columns={"session": "visit"})
    np.testing.assert_array_equal(rk.predict(listwise, renamed[[*NAMES, "visit"]], qids="visit"), wanted)
    with pytest.raises(rk.DataError, match=r"expected \d+ qids, one a row; got 2"):
        rk.predict(listwise, bare, qids=[1, 2])


def test_scores_come_in_the_order_of_the_rows(listwise):
    order = np.random.default_rng(0).permutation(len(FRAME))
    np.testing.assert_allclose(
        rk.predict(listwise, FRAME.iloc[order]), rk.predict(listwise, FRAME)[order], rtol=0, atol=1e-5
    )


def test_evaluation_wants_the_labels_of_training(scorer):
    with pytest.raises(rk.DataError, match="evaluate: expected labels in a column 'grade'"):
        rk.evaluate(scorer, FRAME.drop(columns="grade"))


def test_a_saved_ranker_remembers_its_columns(scorer, tmp_path):
    rk.save(scorer, tmp_path)
    loaded = rk.load(tmp_path)
    assert loaded.feature_names == NAMES
    assert loaded.roles == Roles("grade", "session", "sku")
    with pytest.raises(rk.DataError, match=r"rankkit\.read"):
        rk.predict(loaded, tmp_path / "d.parquet")


def test_a_column_of_lists_is_remembered(tmp_path):
    table = pa.table(
        {
            "qid": FRAME["session"].to_numpy(),
            "label": FRAME["grade"].to_numpy(),
            "embedding": pa.array(FRAME[list(NAMES)].to_numpy(np.float32).tolist(), pa.list_(pa.float32(), 3)),
        }
    )
    scorer = rk.LinearScorer(3, seed=0)
    rk.fit(scorer, rk.softmax_loss, rk.from_arrow(table, features="embedding"), epochs=1, device="cpu")
    rk.save(scorer, tmp_path)
    loaded = rk.load(tmp_path)
    assert loaded.roles.vector == "embedding"
    other = table.append_column("bm25", pa.array(np.ones(len(FRAME)))).select(["bm25", "embedding"])
    with left_out(["bm25"]):
        np.testing.assert_array_equal(rk.predict(loaded, other), rk.predict(scorer, table))
    with pytest.raises(rk.DataError, match="'embedding'"):
        rk.predict(loaded, table.select(["qid", "label"]))


def test_validation_data_is_matched_to_training_data():
    train = dataset(FRAME, ())
    valid = dataset(FRAME[["grade", "session", *NAMES[::-1]]], ())
    measured = [
        rk.fit(rk.LinearScorer(3, seed=0), rk.softmax_loss, train, part, epochs=1, device="cpu").best_value
        for part in (train, valid)
    ]
    assert measured[0] == measured[1]


def test_data_in_order_is_not_copied(scorer):
    from rankkit.evaluation.matching import matched

    data = dataset(FRAME, ())
    assert matched("predict", scorer, data) is data
