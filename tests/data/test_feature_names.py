"""Names of features from files and mappings; every way to get one wrong."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.data.feature_names import with_feature_names
from rankkit.errors import DataError
from rankkit.loaders.files import read
from rankkit.loaders.tables.given_arrays import from_arrays

THREE = from_arrays([[1, 2, 3]], [0], [7])
WANTED = ("bm25", "page rank", "2 grams")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("names.txt", "bm25\npage rank\n\n2 grams\n"),
        ("names.txt", "\ufeffbm25\r\npage rank\r\n2 grams"),
        ("names.txt", "1 bm25\n2 page rank\n3 2 grams\n"),
        ("names.txt", "0\tbm25\n1\tpage rank\n2\t2 grams\n"),
        ("names.tsv", "3: 2 grams\n1: bm25\n2 :page rank\n"),
        ("names.txt", "3,2 grams\n1,bm25\n2 = page rank\n"),
        ("names.json", '["bm25", "page rank", "2 grams"]'),
        ("names.json", '{"1": "bm25", "2": "page rank", "3": "2 grams"}'),
        ("names.json", '{"2 grams": 3, "bm25": 1, "page rank": 2}'),
        ("names.json", '{"2 grams": "2", "bm25": "0", "page rank": "1"}'),
    ],
)
def test_every_form_of_a_file(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    for given_path in (path, str(path)):
        named = with_feature_names(THREE, given_path)
        assert named.feature_names == WANTED
        assert named.features is THREE.features


@pytest.mark.parametrize(
    "names",
    [
        list(WANTED),
        WANTED,
        np.array(WANTED),
        {1: "bm25", 2: "page rank", 3: "2 grams"},
        {"bm25": 0, "page rank": 1, "2 grams": 2},
        {"1": "bm25", "2": "page rank", "3": "2 grams"},
    ],
)
def test_names_in_memory(names):
    assert with_feature_names(THREE, names).feature_names == WANTED


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("n.txt", "a\nb\n", r"n\.txt: expected 3 feature names; got 2\. .* n_features=2"),
        ("n.txt", "", "expected 3 feature names; got 0"),
        ("n.txt", "a\nb\na\n", "expected names that differ; got 'a' twice"),
        ("n.txt", "1 a\n2 b\nc\n", r"n\.txt:3: expected an index and a name, .* got 'c'"),
        ("n.txt", "1 a\n2 b\n2 c\n", "expected one name an index; got 'b' and 'c' for 2"),
        ("n.txt", "1 a\n2 b\n4 c\n", "expected a name for each index from 1 to 3; got none for 3"),
        ("n.txt", "0 a\n1 b\n2 c\n3 d\n", r"from 0 to 2; got 'd' for 3\. .* n_features=4"),
        ("n.json", '{"1": "a", "1": "b", "2": "c"}', "expected one name an index; got 'a' and 'b' for 1"),
        ("n.json", '{"a": "b"}', r"expected an index and a name; got \('a', 'b'\)"),
        ("n.json", '{"a": true}', r"got \('a', True\)"),
        ("n.json", '["a", "b", ""]', "expected names of features; got ''"),
        ("n.json", '["a", "b", 3]', "expected names of features; got 3"),
        ("n.json", '"a"', "expected a list of names, .* got str"),
        ("n.json", '["a",\n"b"', r"n\.json:2: expected JSON"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        with_feature_names(THREE, path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="expected a file of feature names; got No such file"):
        with_feature_names(THREE, tmp_path / "absent.txt")
    (tmp_path / "latin.txt").write_bytes(b"\xe9\nb\nc\n")
    with pytest.raises(DataError, match="expected feature names in UTF-8"):
        with_feature_names(THREE, tmp_path / "latin.txt")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=6, unique=True), st.data())
def test_json_of_any_names_comes_back(tmp_path_factory, names, draw):
    data = from_arrays(np.zeros((1, len(names))), [0], [1])
    path = tmp_path_factory.mktemp("names") / "names.json"
    first = draw.draw(st.sampled_from([0, 1]))
    order = draw.draw(st.permutations(range(len(names))))
    for content in (
        names,
        {str(place + first): names[place] for place in order},
        {names[place]: place + first for place in order},
    ):
        path.write_text(json.dumps(content))
        assert with_feature_names(data, path).feature_names == tuple(names)


@pytest.mark.realdata
def test_the_names_of_trec_news(real_data):
    folder = real_data / "trec_news_2018"
    data = read(folder / "trec_news_2018.train")
    names = ("caption_count", "caption_partial", "caption_position", "pagerank", "para-fraction")
    assert with_feature_names(data, folder / "trec_news_2018.features.json").feature_names == names
