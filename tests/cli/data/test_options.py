"""How ranking data is read: the same options at every command that reads it."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.main import get_command

import rankkit as rk
from rankkit.cli.app import app
from rankkit.cli.data.options import _OPTIONS, reading_of
from rankkit.cli.kinds.commands import load_comparison, load_experiment
from rankkit.errors import ConfigError, DataWarning
from rankkit.loaders.tables import tabular
from rankkit.tasks.ranking.splits import load_split

COMMANDS = get_command(app).commands
READING = ("inspect", "split", "convert", "qrels", "train", "evaluate", "explain", "score", "export")
SMALL = ("--set", "scorer.hidden=[4]", "--set", "training.epochs=1")


@pytest.mark.parametrize("name", READING)
def test_every_command_that_reads_ranking_data_has_the_options(name):
    found = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    wanted = {"--label", "--qid", "--doc-id", "--weight", "--query-weight", "--features", "--drop", "--zero-based"}
    assert wanted <= found
    assert {"--regroup", "--labels", "--on-bad-line"} <= found


def test_the_options_are_keywords_of_read():
    import inspect

    assert set(_OPTIONS) <= set(inspect.signature(rk.read).parameters)


def test_names_are_taken_apart():
    assert reading_of({"features": " a,b ", "drop": "c", "weight": "", "qid": None}) == {
        "features": ["a", "b"],
        "drop": ["c"],
        "weight": None,
    }
    with pytest.raises(ConfigError, match=r"--drop: expected names with a comma between; got 'a,'"):
        reading_of({"drop": "a,"})


@pytest.fixture
def table(tmp_path):
    """A CSV file whose columns have names of their own."""
    data = rk.make_ranking(20, n_features=3, seed=0)
    frame = pd.DataFrame(data.features, columns=["bm25", "age", "noise"])
    query = np.repeat(np.arange(data.n_queries), data.list_sizes)
    frame = frame.assign(query=query, grade=data.labels, name=[f"d{row}" for row in range(data.n_docs)], worth=1.5)
    frame.to_csv(tmp_path / "d.csv", index=False)
    return tmp_path / "d.csv"


ROLES = ("--label", "grade", "--qid", "query", "--doc-id", "name", "--weight", "worth")


def test_columns_and_features_are_chosen_at_every_door(rankkit, table, tmp_path):
    chosen = (*ROLES, "--features", "age,bm25")
    answer = rankkit("convert", table, tmp_path / "c.parquet", *chosen)
    assert answer.code == 0, answer.err
    data = rk.read(tmp_path / "c.parquet")
    assert data.feature_names == ("age", "bm25")
    assert set(data.weights.tolist()) == {1.5}
    assert data.doc_ids[0] == "d0"
    assert "2" in rankkit("inspect", table, *chosen).out
    assert rankkit("split", table, "--out", tmp_path / "parts", *chosen).code == 0
    assert rankkit("qrels", table, "--out", tmp_path / "d.qrels", *chosen).code == 0
    assert (tmp_path / "d.qrels").read_text().split()[2] == "d0"

    run = tmp_path / "run"
    answer = rankkit("train", "--train", table, "--out", run, *chosen, *SMALL)
    assert answer.code == 0, answer.err
    assert rk.load(run).feature_names == ("age", "bm25")
    assert rankkit("train", "--train", table, "--resume", "--out", run).code == 0  # the file of the run knows them
    for words in (["evaluate", run, table], ["explain", run, table, "--repeats", "1"], ["score", run, table]):
        out = ["--out", tmp_path / "s.txt"] if words[0] == "score" else []
        answer = rankkit(*words, *out)
        assert answer.code == 0, answer.err
        assert "left out: noise" in answer.err


def test_an_empty_name_is_no_column(rankkit, table, tmp_path):
    frame = pd.read_csv(table).rename(columns={"worth": "doc_weight"}).assign(query_weight=1.0)
    frame.to_csv(table, index=False)
    roles = ROLES[:-2]
    assert rankkit("convert", table, tmp_path / "c.parquet", *roles).code == 2  # weights of documents and of queries
    assert rankkit("convert", table, tmp_path / "c.parquet", *roles, "--query-weight", "").code == 0
    assert rk.read(tmp_path / "c.parquet").weights_per == "doc"


def test_features_of_letor_text_are_called_by_their_numbers(rankkit, files, tmp_path):
    run = tmp_path / "run"
    parts = ("--train", files / "train.txt", "--valid", files / "vali.txt")
    assert rankkit("train", *parts, "--out", run, "--features", "4,1", *SMALL).code == 0
    assert rk.load(run).feature_names == ("4", "1")
    assert rankkit("evaluate", run, files / "test.txt").code == 0
    other = tmp_path / "other"
    answer = rankkit("train", *parts, "--out", other, "--drop", "3", *SMALL)
    assert answer.code == 0, answer.err
    assert rk.load(other).feature_names == ("1", "2", "4")
    assert rankkit("score", other, files / "test.txt", "--out", tmp_path / "s.txt").code == 0
    rankkit("convert", files / "train.txt", tmp_path / "t.rkcache")
    for source in (files / "train.txt", tmp_path / "t.rkcache"):
        assert rankkit("convert", source, tmp_path / "c.parquet", "--features", "1,2,4", "--drop", "2").code == 0
        assert rk.read(tmp_path / "c.parquet").feature_names == ("1", "4")


def test_columns_to_drop_reach_the_readers_of_tables(rankkit, table, tmp_path, monkeypatch):
    asked = []

    def read_csv(path, **columns):
        if "drop" in columns:
            asked.append(columns.pop("drop"))
            columns["features"] = ["bm25", "age"]
        return tabular_read_csv(path, **columns)

    tabular_read_csv = tabular.read_csv
    monkeypatch.setattr(tabular, "read_csv", read_csv)
    answer = rankkit(
        "train", "--train", table, "--valid", table, "--out", tmp_path / "run", *ROLES, "--drop", "noise", *SMALL
    )
    assert answer.code == 0, answer.err
    assert asked == [["noise"]]
    assert rk.load(tmp_path / "run").feature_names == ("bm25", "age")


def test_a_column_that_the_ranker_needs_cannot_be_dropped(rankkit, table, tmp_path):
    run = tmp_path / "run"
    rankkit("train", "--train", table, "--out", run, *ROLES, "--features", "bm25,age", *SMALL)
    assert rankkit("score", run, table, "--out", tmp_path / "s.txt", "--drop", "noise").code == 0
    refused = rankkit("score", run, table, "--out", tmp_path / "s.txt", "--drop", "age")
    assert "expected the 2 features that the ranker was trained on; got none named 'age'" in refused.err
    refused = rankkit("score", run, table, "--out", tmp_path / "s.txt", "--drop", "agge")
    assert "expected drop among bm25, age, noise" in refused.err


def test_keys_of_a_file_are_those_of_the_command_line(table):
    settings = ["data.features=bm25, age", "data.label=grade", 'data.weight=""', "data.drop=['x']"]
    data = load_experiment(None, {"data": {"train": str(table)}, "out": "x"}, settings).data
    assert data.reading == {"features": ["bm25", "age"], "label": "grade", "weight": None, "drop": ["x"]}
    data = load_experiment(None, {"data": {"train": "x.txt"}, "out": "x"}, ["data.features=[1, 5]", "data.drop=3"]).data
    assert data.reading == {"features": ["1", "5"], "drop": ["3"]}


@pytest.mark.parametrize("command", ["train", "inspect", "evaluate", "score", "convert"])
def test_side_files_are_taken_and_said_at_every_door(rankkit, files, trained, tmp_path, command):
    lines = (files / "test.txt").read_text().splitlines()
    data = rk.read(files / "test.txt")
    plain = tmp_path / "d.txt"
    plain.write_text("".join(" ".join([*line.split()[:1], *line.split()[2:]]) + "\n" for line in lines))
    (tmp_path / "d.txt.query").write_text("".join(f"{size}\n" for size in data.list_sizes))
    (tmp_path / "d.txt.weight").write_text("2\n" * data.n_docs)
    out = tmp_path / "out.parquet"
    words = {
        "train": ["train", "--train", plain, "--out", tmp_path / "run", *SMALL],
        "inspect": ["inspect", plain],
        "evaluate": ["evaluate", trained, plain],
        "score": ["score", trained, plain, "--out", out],
        "convert": ["convert", plain, out],
    }[command]
    answer = rankkit(*words)
    assert answer.code == 0, answer.err
    said = " ".join((answer.out if command == "inspect" else answer.err).split())
    assert "by d.txt.query beside it" in said
    assert ("by d.txt.weight beside it" in said) == (command != "score")  # which weights would change nothing of
    if command == "convert":
        assert (rk.read(out).n_queries, set(rk.read(out).weights.tolist())) == (data.n_queries, {2.0})
    if command != "inspect":
        notes = [line for line in answer.err.splitlines() if "beside it" in line]
        assert len(notes) == (1 if command == "score" else 2)
        assert all(line.startswith(f"rankkit: warning: {plain}: ") for line in notes)


def test_the_first_index_is_said_at_every_door(rankkit, tmp_path):
    (tmp_path / "d.txt").write_text("1 qid:1 1:5\n0 qid:1 2:6\n")
    for words, n_features in (([], 2), (["--zero-based"], 3), (["--one-based"], 2)):
        assert rankkit("convert", tmp_path / "d.txt", tmp_path / "c.parquet", *words).code == 0
        assert rk.read(tmp_path / "c.parquet").n_features == n_features
        run = tmp_path / f"run{''.join(words)}"
        assert rankkit("train", "--train", tmp_path / "d.txt", "--out", run, *words, *SMALL).code == 0
        assert rk.load(run).n_features == n_features


def test_queries_are_held_out_where_there_is_no_validation_data(rankkit, files, tmp_path):
    def train(name, *words):
        answer = rankkit("train", "--train", files / "train.txt", "--out", tmp_path / name, *words, *SMALL)
        assert answer.code == 0, answer.err
        return answer

    answer = train("whole")
    assert "no validation data: the last epoch is kept; --valid-fraction .1 holds out 10% of the queries" in answer.err
    answer = train("some", "--valid-fraction", ".25")
    assert "no validation data" not in answer.err
    assert "train  RankingDataset(15 queries" in answer.out
    assert "valid  RankingDataset(5 queries" in answer.out
    assert "valid 25% of the training queries" in answer.out
    train("again", "--valid-fraction", ".25")
    train("other", "--valid-fraction", ".25", "--set", "data.split_seed=1")
    some, again, other = (
        json.loads((tmp_path / name / "model.json").read_text())["data_fingerprint"]
        for name in ("some", "again", "other")
    )
    assert some == again != other
    assert rankkit("train", "--resume", "--out", tmp_path / "some").code == 0


@pytest.mark.parametrize("share", ["0", "1", "-.1"])
def test_a_share_that_leaves_one_part_empty_is_refused(rankkit, files, tmp_path, share):
    answer = rankkit("train", "--train", files / "train.txt", "--out", tmp_path / "run", "--valid-fraction", share)
    assert answer.code == 2
    assert "data.valid_fraction: expected a number" in answer.err


def test_data_comes_from_a_pipe_with_the_columns_of_training(rankkit, table, tmp_path, monkeypatch):
    import io
    import sys

    run = tmp_path / "run"
    rankkit("train", "--train", table, "--out", run, *ROLES, "--features", "bm25,age", *SMALL)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(table.read_bytes())))
    answer = rankkit("evaluate", run, "-", "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out) == json.loads(rankkit("evaluate", run, table, "--json").out)


def test_warnings_are_one_line_each_without_the_line_of_the_source(rankkit, trained, tmp_path):
    (tmp_path / "d.txt").write_text("1 qid:1 1:NULL 2:1\n0 qid:1 2:1 1:3\n")
    lines = rankkit("score", trained, tmp_path / "d.txt", "--out", tmp_path / "s.txt").err.splitlines()
    assert all(line.startswith("rankkit: warning: ") for line in lines)
    assert any("1 values are NULL or nan" in line for line in lines)
    assert not any("warnings.warn" in line for line in lines)


def test_columns_that_are_no_numbers_go_through_every_command(rankkit, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "qid": np.repeat(np.arange(40), 10),
            "label": rng.integers(0, 3, 400),
            "price": rng.random(400),
            "brand": rng.choice(np.array(["oak", "elm", None], object), 400),
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**7, 400), unit="s"),
        }
    )
    frame[:300].to_parquet(tmp_path / "train.parquet")
    later = frame[300:].assign(brand=frame["brand"].replace("oak", "yew"), more=1)
    later.to_parquet(tmp_path / "valid.parquet")
    later.drop(columns="label").sample(frac=1, random_state=0).to_csv(tmp_path / "new.csv", index=False)
    run = tmp_path / "run"
    files = ("--train", tmp_path / "train.parquet", "--valid", tmp_path / "valid.parquet")
    answer = rankkit("train", *files, "--objective", "ranknet", "--out", run, *SMALL)
    assert answer.code == 0, answer.err
    assert "text taken as categories: brand (2 values)" in answer.err
    for command in (
        ("evaluate", run, tmp_path / "valid.parquet"),
        ("explain", run, tmp_path / "valid.parquet"),
        ("score", run, tmp_path / "new.csv", "--out", tmp_path / "scores.parquet"),
    ):
        answer = rankkit(*command)
        assert answer.code == 0, answer.err
        assert "left out: more (not in the schema)" in answer.err
    scores = pd.read_parquet(tmp_path / "scores.parquet")["score"].to_numpy()
    scorer = rk.load(run)
    new = pd.read_csv(tmp_path / "new.csv").drop(columns="more")
    np.testing.assert_allclose(scores, rk.predict(scorer, new), atol=1e-6)


@pytest.fixture
def log(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "qid": np.repeat(np.arange(40), 10),
            "label": rng.integers(0, 3, 400),
            "price": rng.random(400),
            "brand": rng.integers(0, 5, 400),
            "day": rng.integers(1_767_225_600, 1_775_000_000, 400),
            "pos": np.tile(np.arange(1, 11), 40),
            "session_id": np.repeat(np.arange(40), 10),
        }
    )
    path = tmp_path / "log.parquet"
    frame.to_parquet(path)
    return path


def test_training_names_kinds_and_roles_of_columns_and_the_run_remembers_them(rankkit, log, tmp_path):
    run = tmp_path / "run"
    named = ("--set", "data.columns.brand=category", "--set", "data.columns.brand.min_count=2", "--columns", "day=time")
    more = ("--drop", "session_id", "--position", "pos", "--valid-fraction", ".1")
    answer = rankkit("train", "--train", log, "--out", run, *named, *more, *SMALL)
    assert answer.code == 0, answer.err
    assert "schema=<1 number, 1 category, 1 time>" in answer.out
    schema = rk.load(run).schema
    assert [column.kind for column in schema.columns] == ["number", "category", "time"]
    data = load_experiment(run / "experiment.toml", {}, []).data
    assert data.columns == {"day": "time", "brand": {"kind": "category", "min_count": 2}}
    assert (data.position, data.time) == ("pos", None)
    again = tmp_path / "again"
    assert rankkit("train", "--config", run / "experiment.toml", "--out", again).code == 0
    assert rk.load(again).schema == schema


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("brand=categorie", "expected the kind of 'brand'; got 'categorie'. Did you mean 'category'?"),
        ("brand={kind='category', size=3}", "columns.brand: expected options of a category; got 'size'"),
        ("brand={kind='category', ordered=1}", "columns.brand: expected another value of ordered; got 1"),
        ("brand={size=3}", "expected the kind of 'brand'"),
    ],
)
def test_kinds_that_are_none_are_refused_before_data_is_read(rankkit, tmp_path, setting, message):
    answer = rankkit("train", "--train", tmp_path / "none.parquet", "--out", "x", "--set", f"data.columns.{setting}")
    assert answer.code == 2
    assert message in answer.err


def test_a_comparison_reads_columns_as_training_does(log, tmp_path):
    file = tmp_path / "compare.toml"
    file.write_text(
        f"""
        scorers = ["linear"]
        objectives = ["ranknet", "softmax"]
        [data]
        train = "{log}"
        cross_validation = 4
        drop = ["session_id"]
        position = "pos"
        [data.columns]
        brand = {{kind = "category", max_size = 4}}
        """
    )
    with pytest.warns(DataWarning, match="brand: 1 of 5 values are not in the vocabulary"):
        split = load_split(load_comparison(file).plan().source, "part1")
    assert split.train.schema.columns[1].n_codes == 4
    assert split.test.schema == split.train.schema
    assert "position" in split.train.beside
