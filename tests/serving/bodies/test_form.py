"""Bodies for a ranker of columns of every kind: objects from column to value, by JSON and Arrow."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from rankkit.data.columns.kinds import text
from rankkit.evaluation import predict
from rankkit.loaders.tables.tabular import from_pandas
from rankkit.models.scorers import MLPScorer
from rankkit.serving.bodies.form import MAX_TEXT

KINDS = {"brand": "category", "day": "time", "tags": "bag", "title": text(4)}
ROWS = [
    {"x": 1.5, "brand": "oak", "day": "2026-03-01T12:00", "tags": ["new", "eco"], "image": [1, 2], "title": "chair"},
    {"x": None, "brand": None, "day": None, "tags": None, "image": None, "title": None},
    {"x": -1.0, "brand": "yew", "day": "2026-03-05", "tags": ["unheard"], "image": [0.5, -3.0], "title": "a lamp"},
]


@pytest.fixture(scope="module")
def scorer():
    frame = pd.DataFrame([ROWS[0], ROWS[1], {**ROWS[2], "brand": "elm"}]).assign(qid=1, label=[0, 1, 2])
    train = from_pandas(frame, columns=KINDS)
    made = MLPScorer.for_data(train, min_count=1, seed=0, hidden=(5,), normalization="none")
    made.transform.fit(train.features, train.offsets)
    with torch.no_grad():
        for weights in made.parameters():
            weights += torch.linspace(-0.5, 0.5, weights.numel()).reshape(weights.shape)
    return made.eval()


@pytest.fixture
def client(client_of, ranker_of, scorer):
    return client_of(ranker_of(scorer))


def body_of(rows):
    return {"documents": [{"id": place, "features": row} for place, row in enumerate(rows)]}


def scores_of(answer):
    documents = answer.json()["documents"]
    return [document["score"] for document in sorted(documents, key=lambda document: document["id"])]


def test_text_dates_lists_and_nulls_are_scored_as_a_frame_of_them(client, scorer):
    rows = [{**dict(reversed(row.items())), "more": 1} for row in ROWS]
    answer = client.post("/rank", body_of(rows))
    assert answer.status_code == 200, answer.text
    expected = predict(scorer, pd.DataFrame(ROWS))
    np.testing.assert_allclose(scores_of(answer), expected, atol=1e-6)
    answer = client.post("/score", {"queries": [{"features": rows[:2]}, {"features": []}, {"features": rows[2:]}]})
    found = [score for query in answer.json()["queries"] for score in query["scores"]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_body_of_many_rows_is_read_in_a_process_of_its_own(client, scorer):
    rows = ROWS * 200
    answer = client.post("/rank", body_of(rows))
    np.testing.assert_allclose(scores_of(answer), predict(scorer, pd.DataFrame(rows)), atol=1e-6)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("x", "1.5", "expected a number or null; got text"),
        ("brand", ["oak"], "expected text, a number or null; got a list"),
        ("day", "yesterday", "expected a date such as '2026-03-01T12:00', seconds from 1970, or null; got other text"),
        ("image", [1.0], "expected a list of 2 numbers or null; got 1 of them"),
        ("tags", "new", "expected a list of text or null; got text"),
        ("title", "x" * (MAX_TEXT + 1), f"expected text of at most {MAX_TEXT} characters; got {MAX_TEXT + 1}"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_place(client, column, value, message):
    rows = [ROWS[0], {**ROWS[2], column: value}]
    answer = client.post("/rank", body_of(rows))
    assert (answer.status_code, answer.json()["error"].partition(". ")[0]) == (
        422,
        f"documents[1].features['{column}']: {message}",
    )
    answer = client.post("/score", {"queries": [{"features": []}, {"features": rows}]})
    assert answer.json()["error"].startswith(f"queries[1].features[1]['{column}']: {message}")


def test_a_column_that_is_not_there_and_values_without_names_are_refused(client):
    lacking = {name: value for name, value in ROWS[0].items() if name != "brand"}
    answer = client.post("/rank", body_of([lacking]))
    assert answer.status_code == 422
    assert "documents[0].features: expected all 6 features; got none named 'brand'" in answer.json()["error"]
    answer = client.post("/rank", body_of([[1.0] * 11]))
    assert answer.status_code == 422
    assert "expected an object from column to value; got an array" in answer.json()["error"]


def test_tables_bring_columns_of_every_kind_and_arrays_are_refused(client, scorer):
    table = pa.Table.from_pylist(ROWS)
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    kind = "application/vnd.apache.arrow.stream"
    answer = client.post("/rank", stream.getvalue(), content_type=kind)
    np.testing.assert_allclose(scores_of(answer), predict(scorer, pd.DataFrame(ROWS)), atol=1e-6)

    wrong = table.set_column(table.column_names.index("x"), "x", pa.array(["a", "b", "c"]))
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, wrong.schema) as writer:
        writer.write_table(wrong)
    answer = client.post("/rank", stream.getvalue(), content_type=kind)
    assert answer.status_code == 422
    assert "expected numbers in column 'x', a number; got string" in answer.json()["error"]

    stream = io.BytesIO()
    np.save(stream, np.ones((2, 11), np.float32))
    answer = client.post("/rank", stream.getvalue(), content_type="application/x-npy")
    assert answer.status_code == 422
    assert "expected columns by name" in answer.json()["error"]


def test_the_schema_is_described_and_its_examples_work(client, scorer):
    about = client.get("/metadata").json()
    assert about["features"] == ["x", "brand", "day", "tags", "image", "title"]
    assert about["schema"] == json.loads(json.dumps(scorer.schema.to_dict()))
    assert "schema" not in about["scorer"]["options"]
    description = client.get("/openapi.json").json()
    columns = description["components"]["schemas"]["Features"]["properties"]
    assert list(columns) == about["features"]
    assert columns["image"]["maxItems"] == 2
    for path in ("/rank", "/score"):
        example = description["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert client.post(path, example).status_code == 200


def test_onnxruntime_scores_the_same(client_of, ranker_of, scorer):
    client = client_of(ranker_of(scorer), engine="onnxruntime")
    answer = client.post("/rank", body_of(ROWS))
    np.testing.assert_allclose(scores_of(answer), predict(scorer, pd.DataFrame(ROWS)), atol=1e-6)


def test_a_successor_may_have_learnt_other_values_but_not_other_columns(client_of, ranker_of, scorer):
    from rankkit.errors import ConfigError
    from rankkit.serving.scoring.models import _check

    train = from_pandas(pd.DataFrame(ROWS).assign(qid=1, label=[0, 1, 2]), columns={**KINDS, "brand": "category"})
    successor = MLPScorer.for_data(train, min_count=1, seed=0, hidden=(5,))
    successor.transform.fit(train.features, train.offsets)
    _check(ranker_of(scorer), ranker_of(successor))
    numbers = from_pandas(pd.DataFrame({"qid": [1, 1], "label": [0, 1], "x": [1.0, 2.0]}))
    other = MLPScorer.for_data(numbers, hidden=(5,))
    other.transform.fit(numbers.features, numbers.offsets)
    with pytest.raises(ConfigError, match="reload: expected the 6 features of the model that is served"):
        _check(ranker_of(scorer), ranker_of(other))
