"""Models that answer what their task says: encoders under POST /embed."""

import gzip
import json

import numpy as np
import pytest

import rankkit as rk
from rankkit.errors import ConfigError

pytest.importorskip("fastapi")
from rankkit.serving.answers import Answerer
from rankkit.serving.app import create_answering_app
from rankkit.serving.server import serve
from rankkit.serving.settings import Settings
from tests.models.recommenders.drawn import drawn_log
from tests.serving.asgi import Client


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    for name, seed in (("one", 0), ("two", 1)):
        rk.save(rk.MLPEncoder((2, 3), hidden=(4,), n_dims=2, seed=seed), folder / name)
    return folder


@pytest.fixture
def app(folder):
    return create_answering_app(
        {name: Answerer.load(folder / name) for name in ("one", "two")}, Settings(max_requests=4)
    )


@pytest.fixture
def client(app):
    with Client(app) as client:
        yield client


def test_embeddings_are_those_of_the_encoder(client, folder):
    inputs = np.random.default_rng(0).random((5, 2, 3), np.float32)
    body = {"inputs": inputs.tolist()}
    for name in ("one", "two"):
        expected = rk.embed(rk.load(folder / name), inputs)
        answer = client.post(f"/embed?model={name}", body)
        np.testing.assert_allclose(answer.json()["embeddings"], expected, atol=1e-6)
    packed = gzip.compress(json.dumps(body).encode())
    assert client.post("/embed", packed, content_encoding="gzip").status_code == 200
    assert client.post("/embed", {"inputs": []}).json() == {"embeddings": []}


@pytest.mark.parametrize(
    ("body", "status", "fact"),
    [
        ("{", 422, "expected JSON"),
        ("[1]", 422, "inputs of shape [2, 3]"),
        ('{"inputs": [[1, 2]]}', 422, "got shape"),
        ('{"inputs": [[[1, 2, 3], [1, 2, "x"]]]}', 422, "Send numbers"),
        ('{"inputs": [[[1, 2, 3], [1, 2, null]]]}', 422, "not finite"),
        ('{"inputs": [[[1, 2, 3], [1, 2]]]}', 422, "Send numbers"),
        ("[" * 100_000, 422, "expected JSON"),
    ],
)
def test_what_is_no_input_is_refused_with_what_was_expected(client, body, status, fact):
    answer = client.post("/embed", body)
    assert answer.status_code == status
    assert fact in answer.json()["error"]


def test_a_body_that_is_too_long_and_a_model_that_is_not_there(folder):
    app = create_answering_app({"one": Answerer.load(folder / "one")}, Settings(max_body_bytes=100))
    with Client(app) as client:
        assert client.post("/embed", b" " * 101).status_code == 413
        packed = gzip.compress(b" " * 101)
        assert client.post("/embed", packed, content_encoding="gzip").status_code == 413
        assert client.post("/embed?model=onf", {}).status_code == 404


def test_it_says_what_it_serves_and_how_to_ask(client):
    about = client.get("/metadata?model=two").json()
    assert (about["model"], about["models"], about["encoder"]["name"]) == ("two", ["one", "two"], "mlp")
    example = client.get("/openapi.json").json()["paths"]["/embed"]["post"]["requestBody"]
    asked = client.post("/embed", example["content"]["application/json"]["example"])
    assert len(asked.json()["embeddings"]) == 2
    assert "/embed" in client.get("/docs").text
    assert client.get("/health").json() == {"status": "ok"}
    assert 'scorer="mlp"' in client.get("/metrics").text


def test_a_model_that_was_saved_anew_takes_its_place(folder, tmp_path):
    path = tmp_path / "run"
    rk.save(rk.MLPEncoder((2, 3), n_dims=2, seed=5), path)
    app = create_answering_app({"run": Answerer.load(path)})
    with Client(app) as client:
        before = client.post("/embed", {"inputs": [np.ones((2, 3)).tolist()]}).json()
        rk.save(rk.MLPEncoder((2, 3), n_dims=2, seed=6), path)
        assert client.run(app.state.reload())["run"].outcome == "swapped"
        assert client.run(app.state.reload())["run"].outcome == "unchanged"
        assert client.post("/embed", {"inputs": [np.ones((2, 3)).tolist()]}).json() != before
        rk.save(rk.LinearScorer(3, seed=0), path)
        assert client.run(app.state.reload())["run"].outcome == "kept"
        assert client.post("/embed", {"inputs": []}).status_code == 200


def test_one_service_has_models_of_one_kind(folder, tmp_path):
    rk.save(rk.LinearScorer(3, seed=0), tmp_path / "ranker")
    with pytest.raises(ConfigError, match="expected models of one kind; got encoder and scorer"):
        serve({"a": folder / "one", "b": tmp_path / "ranker"}, Settings(port=0))
    with pytest.raises(ConfigError, match="expected no shadow and no engine"):
        create_answering_app({"one": Answerer.load(folder / "one")}, Settings(engine="onnxruntime"))


def test_a_recommender_answers_under_its_own_path(tmp_path):
    log = drawn_log(text=True)
    model = rk.EASE(l2=5.0).learn(log)
    rk.save(model, tmp_path / "ease")
    with Client(create_answering_app({"ease": Answerer.load(tmp_path / "ease")}, Settings())) as client:
        user = log.user_ids[0]
        answer = client.post("/recommend", {"user": user, "k": 4})
        assert answer.status_code == 200
        assert [row["item"] for row in answer.json()["items"]] == model.recommend([user], 4).items_of(0)
        assert client.post("/recommend", {"user": "nobody"}).json()["answered_by"] == "popularity"
        refused = client.post("/recommend", {"user": user, "k": 0})
        assert refused.status_code == 422
        assert "body.k: expected a whole number" in refused.json()["error"]
        assert client.get("/metadata").json()["recommender"]["name"] == "ease"
