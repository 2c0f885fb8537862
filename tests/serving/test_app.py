"""The service: what it answers, what it refuses, and that it scores as the ranker does."""

import json
import logging
import re

import numpy as np
import pytest

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.evaluation import predict

NAMES = ("bm25", "page {rank}", "clicks")
ROWS = np.random.default_rng(0).lognormal(size=(7, 3)).astype(np.float32)


def ranked(features):
    return {"documents": [{"id": place, "features": row} for place, row in enumerate(features)]}


def scores_of(scorer, features, list_sizes):
    offsets = np.cumsum([0, *list_sizes])
    features = np.asarray(features, np.float32).reshape(-1, 3)
    return predict(scorer, RankingDataset(features, None, offsets, np.arange(len(list_sizes)), feature_names=NAMES))


def test_documents_come_back_from_the_best_to_the_worst(service, scorer):
    answer = service.post("/rank", {**ranked(ROWS.tolist()), "query_id": "q"})
    assert answer.status_code == 200
    expected = scores_of(scorer, ROWS, [7])
    documents = answer.json()["documents"]
    assert answer.json()["query_id"] == "q"
    assert [document["id"] for document in documents] == np.argsort(-expected).tolist()
    assert [document["score"] for document in documents] == sorted(expected.tolist(), reverse=True)
    assert [document["rank"] for document in documents] == list(range(1, 8))


def test_values_may_come_by_name_in_any_order(service):
    by_name = [dict(reversed(list(zip(NAMES, row, strict=True)))) for row in ROWS.tolist()]
    answers = [service.post("/rank", ranked(rows)).json() for rows in (by_name, ROWS.tolist())]
    assert answers[0] == answers[1]


def test_only_the_k_best_come_back(service):
    whole = service.post("/rank", ranked(ROWS.tolist())).json()["documents"]
    assert service.post("/rank", {**ranked(ROWS.tolist()), "k": 2}).json()["documents"] == whole[:2]
    assert service.post("/rank", {**ranked(ROWS.tolist()), "k": 10**30}).json()["documents"] == whole


def test_equal_scores_keep_the_order_of_the_request(client_of, ranker_of, scorer, sum_of_features):
    client = client_of(ranker_of(scorer, scores=sum_of_features))
    sums = [1, 2, 1, 2, 0, 1, 2]
    documents = client.post("/rank", ranked([[total, 0, 0] for total in sums])).json()["documents"]
    assert [document["id"] for document in documents] == [1, 3, 6, 0, 2, 5, 4]


def test_ids_come_back_as_they_were(service):
    ids = ["a", 7, "7", -(2**63), 2**63 - 1, "ü\0\n", ""]
    body = {"documents": [{"id": name, "features": [1, 2, 3]} for name in ids], "query_id": 5}
    answer = service.post("/rank", body).json()
    # Equal documents may differ in the last bit of their scores: the last rows of a product are summed in another way.
    assert {repr(document["id"]) for document in answer["documents"]} == {repr(name) for name in ids}
    assert answer["query_id"] == 5
    assert service.post("/rank", {"documents": [], "query_id": 5.0, "k": 1.0}).json()["query_id"] == 5


def test_a_query_without_documents_is_answered(service):
    assert service.post("/rank", {"documents": []}).json() == {"query_id": None, "documents": []}
    assert service.post("/score", {"queries": []}).json() == {"queries": []}


@pytest.mark.parametrize("kind", ["scorer", "listwise_scorer"])
def test_many_queries_score_as_rankkit_score_does(kind, client_of, ranker_of, request):
    scorer = request.getfixturevalue(kind)
    sizes = [3, 0, 1, 3]
    parts = np.split(ROWS, np.cumsum(sizes)[:-1])
    queries = [{"query_id": f"q{n}", "features": part.tolist()} for n, part in enumerate(parts)]
    # A batch of two documents at most is filled by no query of three, which is scored whole nevertheless.
    for settings in ({}, {"max_batch_docs": 2}):
        answer = client_of(ranker_of(scorer), **settings).post("/score", {"queries": queries}).json()
        assert [query["query_id"] for query in answer["queries"]] == ["q0", "q1", "q2", "q3"]
        assert [len(query["scores"]) for query in answer["queries"]] == sizes
        flat = [score for query in answer["queries"] for score in query["scores"]]
        np.testing.assert_allclose(flat, scores_of(scorer, ROWS, sizes), rtol=1e-6, atol=1e-6)


def test_null_is_a_missing_value(service, scorer):
    rows = ROWS.tolist()
    rows[0][1] = None
    answer = service.post("/score", {"queries": [{"features": rows}]})
    features = ROWS.copy()
    features[0, 1] = np.nan
    assert answer.json()["queries"][0]["scores"] == scores_of(scorer, features, [7]).tolist()


def test_null_is_refused_by_name_where_the_ranker_cannot_take_it(client_of, ranker_of, scorer, sum_of_features):
    client = client_of(ranker_of(scorer, scores=sum_of_features))
    assert client.get("/metadata").json()["missing_values"] is False
    answer = client.post("/rank", ranked([[1, 2, 3], [1, None, 3]]))
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(
        "documents[1].features['page {rank}']: expected a number that float32 can hold; got null."
    )
    schema = client.get("/openapi.json").json()["components"]["schemas"]["Features"]
    assert schema["anyOf"][0]["items"]["type"] == "number"


def test_a_score_that_is_not_finite_is_refused(client_of, ranker_of, scorer, sum_of_features):
    client = client_of(ranker_of(scorer, scores=sum_of_features))
    good, bad = [1, 2, 3], [3e38, 3e38, 0]
    queries = [{"features": []}, {"features": [good]}, {"features": []}, {"features": [good, bad]}]
    for path, body, place in (
        ("/rank", ranked([good, bad]), "documents[1]"),
        ("/score", {"queries": queries}, "queries[3].features[1]"),
    ):
        answer = client.post(path, body)
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(
            f"{place}: expected values that give a finite score; got a score of inf."
        )


def test_lists_are_bounded(client_of, ranker_of, scorer):
    client = client_of(ranker_of(scorer), max_list_size=2, max_docs=3)
    row = [1, 2, 3]
    assert client.post("/rank", ranked([row] * 2)).status_code == 200
    for path, body, message in [
        ("/rank", ranked([row] * 3), "documents: expected at most 2 documents; got 3."),
        ("/score", {"queries": [{"features": [row] * 3}]}, "queries[0].features: expected at most 2 documents; got 3."),
        ("/score", {"queries": [{"features": [row] * 2}] * 2}, "body: expected at most 3 documents in all; got 4."),
        ("/score", {"queries": [{"features": []}] * 4}, "queries: expected at most 3 queries; got 4."),
    ]:
        answer = client.post(path, body)
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(message)


def test_the_bound_of_a_request_holds_for_one_query_too(client_of, ranker_of, scorer):
    client = client_of(ranker_of(scorer), max_docs=2)
    for path, body in (("/rank", ranked([[1, 2, 3]] * 3)), ("/score", {"queries": [{"features": [[1, 2, 3]] * 3}]})):
        answer = client.post(path, body)
        assert answer.status_code == 422
        assert "expected at most 2 documents; got 3." in answer.json()["error"]
    documents = client.get("/openapi.json").json()["components"]["schemas"]["RankRequest"]["properties"]["documents"]
    assert documents["maxItems"] == 2
    assert client.get("/metadata").json()["limits"]["max_list_size"] == 2


def test_a_body_that_is_too_long_is_refused_while_it_is_read(client_of, ranker_of, scorer):
    client = client_of(ranker_of(scorer), max_body_bytes=1000)
    n_read = 0

    def endless():
        nonlocal n_read
        while n_read < 10**7:
            n_read += 100
            yield b" " * 100

    assert client.post("/rank", json.dumps(ranked([])).ljust(1000)).status_code == 200
    for content in (b" " * 1001, endless()):
        answer = client.post("/rank", content)
        assert answer.status_code == 413
        assert answer.json()["error"].startswith("body: expected at most 1000 bytes; got more.")


def test_what_is_served_can_be_read(service, scorer):
    assert service.get("/health").json() == {"status": "ok"}
    metadata = service.get("/metadata").json()
    assert metadata["features"] == list(NAMES)
    assert metadata["scorer"]["name"] == "mlp"
    assert metadata["missing_values"] is True
    assert metadata["limits"]["max_list_size"] == 2000
    assert metadata["transform"] == scorer.transform.spec


def test_a_wrong_path_or_method_is_told_plainly(service):
    assert service.get("/nothing").json() == {
        "error": "service: expected a path that /docs lists; got another one. Open /docs."
    }
    answer = service.get("/rank")
    assert answer.status_code == 405
    assert answer.json()["error"].startswith("service: expected a method that /docs lists")


def test_the_examples_of_the_description_work(service):
    description = service.get("/openapi.json").json()
    for path in ("/rank", "/score"):
        body = description["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert service.post(path, body).status_code == 200
    assert set(description["paths"]) == {"/rank", "/score", "/health", "/metadata", "/metrics"}


def test_references_of_the_description_lead_somewhere(service):
    description = service.get("/openapi.json").json()
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(description)):
        assert name in description["components"]["schemas"]


def test_the_page_needs_no_other_host_and_shows_names_as_text(client_of, ranker_of, scorer):
    scorer = type(scorer)(**scorer.options)
    scorer.transform.fit(ROWS, np.array([0, 7]))
    scorer.feature_names = ("</textarea><script>alert(1)</script>", "b", "c")
    answer = client_of(ranker_of(scorer.eval())).get("/docs")
    assert answer.status_code == 200
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:\w+:)?//""", answer.text)
    assert "http" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.text.count("<script>") == 1


def test_trees_are_served_as_well(client_of, tmp_path):
    import lightgbm

    from rankkit.serving.scoring.ranker import ServedRanker

    grades = np.array([0, 1, 2, 0, 1, 2, 0], np.float32)
    options = {"objective": "regression", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 1}
    trees = lightgbm.train(options, lightgbm.Dataset(ROWS, grades), 3)
    trees.save_model(tmp_path / "model.txt")
    client = client_of(ServedRanker.load(tmp_path / "model.txt"))
    (query,) = client.post("/score", {"queries": [{"features": ROWS.tolist()}]}).json()["queries"]
    np.testing.assert_allclose(query["scores"], trees.predict(ROWS), rtol=1e-6)
    assert client.get("/metadata").json()["scorer"]["name"] == "lightgbm"


def test_a_ranker_that_fails_is_a_500_without_the_body(client_of, ranker_of, scorer, caplog):
    def scores(features, offsets):
        if (features == 7).any():
            raise RuntimeError("no memory")
        return features[:, 0]

    client = client_of(ranker_of(scorer, scores=scores))
    answer = client.post("/rank", ranked([[7, 12345, 0]]))
    assert answer.status_code == 500
    assert answer.json() == {"error": "service: the ranker failed. See the log of the service."}
    assert "12345" not in caplog.text
    assert client.post("/rank", ranked([[1, 2, 3]])).status_code == 200
    assert 'rankkit_requests_total{method="POST",path="/rank",status="500"} 1.0\n' in client.get("/metrics").text


def test_a_line_a_request_tells_nothing_of_what_was_in_it(client_of, ranker_of, scorer, caplog):
    caplog.set_level(logging.INFO, logger="rankkit.serving")
    client = client_of(ranker_of(scorer), log_requests=True)
    client.post("/rank?secret=1", {"documents": [{"id": "secret", "features": [12345, 2, 3]}]})
    client.post("/rank", '{"documents": [{"id": 1, "features": {"secret": 12345}}]}')
    client.get("/secret")
    client.request("SECRET", "/rank")
    first, *lines = [record.getMessage() for record in caplog.records if record.name == "rankkit.serving"]
    assert first == "default: scoring with torch: it was asked for"
    assert [re.sub(r" [\d.]+ ms", "", line) for line in lines] == [
        "POST /rank 200",
        "POST /rank 422",
        "GET other 404",
        "other /rank 405",
    ]
    assert "secret" not in caplog.text.lower()
