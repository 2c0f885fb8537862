"""The page of ``rankkit inspect --html``: well-formed, self-contained, safe, complete."""

import fnmatch
import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from rankkit.cli.data.inspect_page import write_page
from rankkit.data.synthetic import make_mslr_like, make_ranking
from rankkit.explaining.feature_statistics import feature_statistics
from rankkit.loaders.tables.given_arrays import from_arrays

ROOT = Path(__file__).parents[3]
VOID = {"meta", "rect", "path", "line", "br", "link", "img"}


class Page(HTMLParser):
    """Elements, links and table rows of a page; refuses tags that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.rows, self.bars, self.text = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.links += [values[name] for name in ("src", "href", "srcset", "action") if name in values]
        assert not any(name.startswith("on") for name in values)
        if tag == "tr":
            self.rows.append([])
        if tag == "rect":
            self.bars.append({name: float(values[name]) for name in ("x", "y", "width", "height")})
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open) and data.strip():
            self.rows[-1].append(data.strip())
        elif "style" not in self.open and "script" not in self.open:
            self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def page_of(data, tmp_path, **options):
    write_page(data, tmp_path / "page.html", **options)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    return Page(text), text


def test_the_table_has_the_statistics_best_features_first(tmp_path):
    data = make_ranking(20, n_features=3, seed=1)
    page, _ = page_of(data, tmp_path, title="train.txt")
    header, *rows = page.rows
    assert header == ["feature", "distribution", "ndcg@10", "best first", "zeros", "missing", "min", "5%", "25%",
                      "median", "75%", "95%", "max", "mean"]  # fmt: skip
    statistics = feature_statistics(data)
    assert [row[0] for row in rows] == [statistics.names[place] for place in statistics.order]
    assert [row[1] for row in rows] == [f"{statistics.ndcg[place]:.4f}" for place in statistics.order]
    assert [row[-1] for row in rows] == [f"{statistics.means[place]:.4g}" for place in statistics.order]
    assert f"{data.n_docs} documents, 20 queries, 3 features" in page.words
    assert f"Ranking at random: {statistics.random_ndcg:.4f}." in page.words


def test_nothing_is_loaded_from_elsewhere(tmp_path):
    page, text = page_of(make_mslr_like(5), tmp_path)
    assert page.links == []
    assert not re.search(r"https?:|@import|url\(", text)
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_names_titles_and_findings_are_escaped(tmp_path):
    evil = "<script>alert(1)</script>\"'&"
    data = from_arrays([[1], [2e9]], [0, 1], [1, 1], feature_names=[evil])
    page, text = page_of(data, tmp_path, title=evil, findings=[evil])
    assert text.count("<script>") == 1
    assert page.rows[1][0] == evil
    assert page.words.count(evil) >= 3  # heading, finding, and the warning of values beyond 10000


def test_charts_have_a_bar_a_label_and_sum_up(tmp_path):
    # Labels 0, 0, 0, 1; list sizes 3 and 1.
    page, text = page_of(from_arrays(np.ones((4, 1)), [0, 0, 0, 1], [5, 5, 5, 6]), tmp_path)
    labels, sizes = page.bars[:2], page.bars[2:]
    assert labels[0]["height"] == pytest.approx(3 * labels[1]["height"], abs=0.02)
    assert [round(bar["height"] / sizes[0]["height"], 2) for bar in sizes] == [1, 0, 1]
    for words in ("0: 3 documents (75.0%)", "1: 1 documents (25.0%)", "1: 1 queries (50.0%)", "3: 1 queries (50.0%)"):
        assert f"<title>{words}</title>" in text
    for bar in page.bars:
        assert 0 <= bar["x"] < bar["x"] + bar["width"] <= 360
        assert 0 <= bar["y"] <= bar["y"] + bar["height"] <= 146.01


def test_many_labels_and_sizes_share_bars(tmp_path):
    sizes = np.arange(1, 101)
    labels = np.linspace(0, 9, sizes.sum())
    page, text = page_of(from_arrays(np.ones((sizes.sum(), 1)), labels, np.repeat(sizes, sizes)), tmp_path)
    assert len(page.bars) == 24 + 20
    assert sum(int(n.replace(",", "")) for n in re.findall(r": ([\d,]+) documents \(", text)) == sizes.sum()
    assert sum(map(int, re.findall(r": (\d+) queries \(", text))) == 100
    assert "96 to 100" in page.words
    assert f"{sizes.sum():,} documents by label, {sizes.sum():,} different ones" in page.words


def test_findings_stand_before_warnings(tmp_path):
    page, _ = page_of(from_arrays([[1], [1]], [0, 1], [1, 1]), tmp_path, findings=["The file is odd."])
    assert page.words.index("The file is odd.") < page.words.index("Constant features")
    clean, _ = page_of(make_ranking(40, list_size=(20, 30), seed=3), tmp_path)
    assert "To note" not in clean.words


@pytest.mark.parametrize(
    "data",
    [
        replace(make_ranking(3), labels=None),
        from_arrays(np.zeros((0, 2)), [], []),
        from_arrays([[np.nan], [np.nan]], [0, 1], [1, 1]),
        from_arrays([[1], [2]], [5000, 0], [1, 1]),
    ],
    ids=["no labels", "no documents", "only missing values", "labels in the thousands"],
)
def test_unusual_data(tmp_path, data):
    page, _ = page_of(data, tmp_path)
    assert len(page.rows) == 1 + data.n_features
    assert "nan" not in [cell for row in page.rows for cell in row]
    if data.labels is None:
        assert "ndcg" not in page.words
    if data.n_docs and data.labels is not None and data.labels.max() > 1000:
        assert "gain the label;" in page.words


def test_equal_data_gives_equal_bytes_and_the_file_is_replaced_as_a_whole(tmp_path):
    data = make_ranking(5)
    (tmp_path / "b.html").write_text("old")
    for name in ("a.html", "b.html"):
        write_page(data, tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.html"]


def test_every_file_beside_the_modules_is_packaged():
    package_data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["rankkit"]
    others = [
        str(path.relative_to(ROOT / "rankkit"))
        for path in (ROOT / "rankkit").rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    ]
    assert [name for name in others if not any(fnmatch.fnmatch(name, known) for known in package_data)] == []
