"""rankkit neighbours: what lies nearest, of which class, and how often of the query's own."""

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from rankkit.cli.using.neighbours import neighbours
from rankkit.data.labelled_examples import from_labelled_arrays
from rankkit.errors import ConfigError
from rankkit.loaders.examples.files import write_labelled
from tests.cli.encoder_runs import save_pixels

# On a line: two of class a, two of class b, one of class c beside b.
PLACES = [[0.0, 0.0], [1.0, 0.0], [10.0, 0.0], [12.0, 0.0], [9.5, 0.0]]
CLASSES = ["a", "a", "b", "b", "c"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return save_pixels(tmp_path_factory.mktemp("run"), (2,))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A gallery with names, and queries without."""
    folder = tmp_path_factory.mktemp("data")
    write_labelled(from_labelled_arrays(PLACES, CLASSES, ids=["a0", "a1", "b0", "b1", "c0"]), folder / "gallery.npz")
    write_labelled(from_labelled_arrays([[0.4, 0.0], [11.9, 0.0]], ["a", "z"]), folder / "queries.npz")
    return folder


def ask(*words):
    app = typer.Typer()
    app.command()(neighbours)
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_without_queries_each_example_is_looked_for_among_the_others(run, files, tmp_path):
    out = tmp_path / "n.parquet"
    answer = ask(run, files / "gallery.npz", "-k", 2, "--out", out)
    table = pd.read_parquet(out)
    assert list(table) == ["query", "query_class", "rank", "neighbour", "neighbour_class", "distance"]
    assert not (table["query"] == table["neighbour"]).any()
    first = table[table["rank"] == 1]
    assert first["neighbour"].tolist() == ["a1", "a0", "c0", "b0", "b0"]
    assert first["distance"].tolist() == [1, 1, 0.5, 2, 0.5]
    assert "The nearest has the class of the query: 3 of 5 (0.6000)" in answer.output
    assert "1 of them are of a class that the others lack" in answer.output
    assert f"{out}: 10 neighbours of 5 queries" in answer.output


def test_queries_are_looked_for_in_the_gallery(run, files, tmp_path):
    answer = ask(run, files / "gallery.npz", files / "queries.npz", "-k", 1, "--out", tmp_path / "n.csv")
    table = pd.read_csv(tmp_path / "n.csv", dtype={"query": str})
    assert table["query"].tolist() == ["0", "1"]
    assert table["neighbour"].tolist() == ["a0", "b1"]
    np.testing.assert_allclose(table["distance"], [0.4, 0.1], rtol=1e-5)
    assert "1 of 2 (0.5000)" in answer.output
    assert "1 of them are of a class that the gallery lacks" in answer.output


def test_the_first_queries_are_printed_as_a_table(run, files):
    answer = ask(run, files / "gallery.npz", "-k", 2, "--rows", 2)
    assert answer.output.splitlines()[:6] == [
        "query  class     neighbour  class  euclidean",
        "a0     a      1  a1         a              1",
        "              2  c0         c            9.5",
        "a1     a      1  a0         a              1",
        "              2  c0         c            8.5",
        "... 3 more queries (--rows, --out)",
    ]
    assert ask(run, files / "gallery.npz", "--rows", 0, "-k", 1).output.startswith("The nearest has")


def test_an_approximate_search_finds_the_same_and_says_its_recall(run, files, tmp_path):
    pytest.importorskip("faiss")
    exact, near = tmp_path / "exact.csv", tmp_path / "near.csv"
    for queries in ([], [files / "queries.npz"]):
        ask(run, files / "gallery.npz", *queries, "-k", 2, "--out", exact)
        answer = ask(run, files / "gallery.npz", *queries, "-k", 2, "--ann", "--out", near)
        assert near.read_text() == exact.read_text()
        assert "hnsw, effort 64): finds 1.0000 of the " in answer.output
        assert ("3 nearest, the query itself among them" in answer.output) == (not queries)


def test_a_similarity_is_sorted_the_other_way(files, tmp_path):
    run = save_pixels(tmp_path / "run", (2,), distance="dot")
    ask(run, files / "gallery.npz", files / "queries.npz", "-k", 5, "--out", tmp_path / "n.csv")
    table = pd.read_csv(tmp_path / "n.csv")
    assert table["neighbour"].tolist()[:5] == ["b1", "b0", "c0", "a1", "a0"]
    assert table["distance"].is_monotonic_decreasing is False
    assert table["distance"][:5].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "n.txt"], r"--out: expected a name that ends in \.parquet or \.csv; got 'n\.txt'"),
        (["-k", "5"], "-k: expected at most 4, the examples that can be found; got 5"),
        (["-k", "5", "--ann"], "-k: expected at most 4"),
    ],
)
def test_what_cannot_be_is_refused(run, files, words, message):
    with pytest.raises(ConfigError, match=message):
        ask(run, files / "gallery.npz", *words)


def test_the_data_is_not_overwritten(run, files):
    for words in ([files / "gallery.npz"], [files / "queries.npz", files / "gallery.npz"]):
        with pytest.raises(ConfigError, match="expected another file than the data"):
            ask(run, *words, "--out", files / "gallery.npz")
