"""A frame with a column of every dtype, trained and saved; scored anew by every door, the scores are the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rankkit as rk
from rankkit.export import check, export
from rankkit.export.artefacts.manifest import manifest_path
from rankkit.serving import Settings
from rankkit.serving.app import create_app
from rankkit.serving.scoring.ranker import ServedRanker
from tests.serving.asgi import Client

KINDS = {
    "tags": "bag",
    "seller": rk.category(n_buckets=64),
    "asked_for": "category",
    "title": rk.text(8, against="asked_for"),
    "day": rk.time("days", "weekday", "hour", "age", reference="asked_at"),
}


def frame_of(n_queries, seed, brands=("oak", "elm", "ash")):
    rng = np.random.default_rng(seed)
    n = 10 * n_queries
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 90 * 86_400, n), unit="s")
    return pd.DataFrame(
        {
            "qid": np.repeat(np.arange(n_queries), 10),
            "price": rng.random(n),
            "rating": np.where(rng.random(n) < 0.2, np.nan, rng.random(n)).astype(np.float32),
            "stock": pd.array(rng.integers(0, 9, n), "Int64"),
            "is_new": rng.random(n) < 0.5,
            "brand": pd.Categorical(rng.choice(np.array(brands, object), n)),
            "seller": [f"seller {number}" for number in rng.integers(0, 500, n)],
            "size": pd.Categorical(rng.choice(["s", "m", "l"], n), ["s", "m", "l"], ordered=True),
            "day": day,
            "asked_at": np.repeat(
                pd.Timestamp("2026-04-01") + pd.to_timedelta(np.arange(n_queries) // 2, unit="D"), 10
            ),
            "tags": [list(rng.choice(["new", "sale", "eco"], rng.integers(0, 3), replace=False)) for _ in range(n)],
            "image": list(rng.random((n, 3))),
            "title": [f"Chair of {number} parts" for number in rng.integers(0, 30, n)],
            "asked_for": np.repeat([f"chair {number % 7}" for number in range(n_queries)], 10),
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    frame = frame_of(30, 0)
    labels = (frame["brand"] == "oak").astype(int) + (frame["price"] > 0.5)
    train = rk.from_pandas(frame.assign(label=labels), columns=KINDS)
    scorer = rk.MLPScorer.for_data(train, seed=0, hidden=(8,), missing_indicators=True, normalization="none")
    rk.fit(scorer, rk.lambdarank_loss, train, epochs=2, progress=False)
    rk.save(scorer, folder)
    return folder


@pytest.fixture(scope="module")
def new():
    """Brands and sellers never seen, nulls everywhere, other columns, in another order."""
    frame = frame_of(4, 1, brands=("oak", "never seen", None)).assign(more=7)
    for place, name in enumerate(name for name in frame.columns if name not in ("qid", "more", "brand", "is_new")):
        frame[name] = frame[name].astype(object)
        frame.at[3 * place, name] = None
    return frame[list(reversed(frame.columns))]


@pytest.fixture(scope="module")
def expected(run, new):
    """In a fresh process, from a Parquet file."""
    new.to_pickle(run / "new.pkl")
    program = """
import sys, warnings, numpy as np, pandas as pd, rankkit as rk
warnings.simplefilter("ignore")
np.save(sys.argv[2], rk.predict(rk.load(sys.argv[1]), pd.read_pickle(sys.argv[3])))
"""
    command = [sys.executable, "-c", program, str(run), str(run / "scores.npy"), str(run / "new.pkl")]
    root = Path(__file__).parent.parent
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(root)})
    scores = np.load(run / "scores.npy")
    assert np.isfinite(scores).all()
    assert len(np.unique(scores.round(5))) > 20
    return scores


def rows_of(frame):
    """As JSON has them."""

    def plain(value):
        if isinstance(value, list | np.ndarray):
            return [plain(one) for one in value]
        if value is None or value is pd.NaT or value is pd.NA or value != value:
            return None
        if isinstance(value, pd.Timestamp):
            return value.isoformat()
        return value.item() if isinstance(value, np.generic) else value

    return [{name: plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


@pytest.mark.parametrize("target", ["onnx", "torch", "numpy"])
def test_exports_score_the_matrix_of_the_schema(target, run, new, expected, tmp_path):
    out = tmp_path / {"onnx": "ranker.onnx", "torch": "ranker.pt2", "numpy": "ranker"}[target]
    export(run, target, out)
    if target == "numpy":
        program = """
import json
from encoder import RowEncoder
from ranker import score
rows = json.load(open("rows.json"))
print(json.dumps(score(RowEncoder(json.load(open("schema.json"))).encode(rows)).tolist()))
"""
        (out / "rows.json").write_text(json.dumps(rows_of(new)))
        command = [sys.executable, "-c", program]
        found = json.loads(subprocess.run(command, cwd=out, check=True, capture_output=True, text=True, env={}).stdout)
    else:
        schema = rk.Schema.from_dict(json.loads(manifest_path(out).read_text())["schema"])
        matrix = schema.encode(rows_of(new))
        if target == "onnx":
            import onnxruntime

            found = onnxruntime.InferenceSession(str(out)).run(["score"], {"features": matrix})[0]
        else:
            import torch

            found = torch.export.load(out).module()(torch.from_numpy(matrix)).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_onnx_takes_the_columns_themselves(run, new, expected, tmp_path):
    import onnxruntime

    path = tmp_path / "ranker.onnx"
    manifest = export(run, "onnx", path, strings=True)
    assert manifest.parity.max_difference < 1e-6
    inputs = {
        one["name"]: (one["dtype"], one["shape"]) for one in json.loads(manifest_path(path).read_text())["inputs"]
    }
    assert inputs["brand"] == inputs["seller"] == ("string", ["n"])
    assert inputs["tags"] == ("string", ["n", 2])
    assert inputs["day"] == inputs["asked_at"] == ("float64", ["n"])
    session = onnxruntime.InferenceSession(str(path))
    assert {one.name for one in session.get_inputs()} == set(inputs)
    # As somebody would fill them who has onnxruntime alone; hashed text is what RowEncoder makes of it.
    frame = new.copy()
    seconds = {
        name: (pd.to_datetime(frame[name]) - pd.Timestamp(0)) / pd.Timedelta("1s") for name in ("day", "asked_at")
    }
    words = [[*(tags or []), "", ""][:2] for tags in frame["tags"]]
    schema = rk.Schema.from_dict(manifest.schema)
    spans = {name: schema.encode(rows_of(new))[:, schema.spans[name]] for name in ("title", "image")}
    given = {
        **{name: seconds[name].to_numpy(np.float64) for name in seconds},
        **{
            name: frame[name].astype(object).where(frame[name].notna(), "").to_numpy(object)
            for name in ("brand", "seller", "size", "asked_for")
        },
        **{name: frame[name].astype(float).to_numpy(np.float32) for name in ("price", "rating", "stock", "is_new")},
        "tags": np.array(words, object),
        **spans,
    }
    found = session.run(["score"], given)[0]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert check(path).max_difference < 1e-6


def test_the_service_scores_rows_as_people_write_them(run, new, expected):
    rows = rows_of(new)
    with Client(create_app(ServedRanker.load(run), Settings(engine="torch"))) as client:
        answer = client.post("/score", {"queries": [{"features": rows[:25]}, {"features": rows[25:]}]})
    found = [score for query in answer.json()["queries"] for score in query["scores"]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_files_score_as_frames(run, new, expected, tmp_path):
    from rankkit.evaluation.matching import read_documents

    scorer = rk.load(run)
    lists = {"tags", "image"}
    table = pd.DataFrame(rows_of(new))
    table.to_parquet(tmp_path / "new.parquet")
    with pytest.warns(rk.errors.DataWarning, match="left out: more"):
        read = read_documents(tmp_path / "new.parquet", scorer, with_labels=False)
    np.testing.assert_allclose(rk.predict(scorer, read), expected, atol=1e-6)
    assert lists < set(table.columns)
