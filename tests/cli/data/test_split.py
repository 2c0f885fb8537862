"""``rankkit split`` as a user types it (rankkit.cli.data.split)."""

import numpy as np
import pandas as pd
import pytest

import rankkit as rk
from rankkit.data.synthetic import make_ranking
from rankkit.data.views import split
from rankkit.loaders.files import read, write


def test_parts_hold_every_query_once(rankkit, files, tmp_path):
    answer = rankkit("split", files / "train.txt", "--fractions", ".5", ".25", ".25", "--seed", 3, "--out", tmp_path)
    assert answer.code == 0, answer.err
    data = read(files / "train.txt")
    expected = split(data, (0.5, 0.25, 0.25), seed=3)
    for name, part in zip(("train", "vali", "test"), expected, strict=True):
        assert read(tmp_path / f"{name}.txt").fingerprint == part.fingerprint
        assert f"{name}.txt: {part.n_docs:,} rows of {part.n_queries:,} queries" in answer.out


def test_a_fraction_of_0_leaves_the_part_out_and_the_suffix_chooses_the_format(rankkit, files, tmp_path):
    answer = rankkit(
        "split", files / "train.txt", "--out", tmp_path / "new", "--fractions", 0.8, 0, 0.2, "--suffix", ".parquet"
    )
    assert answer.code == 0, answer.err
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["test.parquet", "train.parquet"]
    assert read(tmp_path / "new" / "train.parquet").n_queries == 16


@pytest.mark.parametrize(
    ("source", "target"),
    [("a.txt.gz", "train.txt.gz"), ("fold.train", "train.txt"), ("a.csv", "train.csv"), ("a.test.gz", "train.txt.gz")],
)
def test_parts_have_the_format_of_the_source(rankkit, tmp_path, source, target):
    write(make_ranking(20, n_features=2), tmp_path / source)
    assert rankkit("split", tmp_path / source, "--out", tmp_path / "out").code == 0
    assert (tmp_path / "out" / target).exists()


def test_a_file_is_never_overwritten(rankkit, files, tmp_path):
    data = make_ranking(20, n_features=2)
    write(data, tmp_path / "train.txt")
    answer = rankkit("split", tmp_path / "train.txt", "--out", tmp_path)
    assert answer.code == 2
    assert "train.txt: expected no such file yet; got one. Choose another --out, or delete it." in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["train.txt"]
    np.testing.assert_array_equal(rk.read(tmp_path / "train.txt").features, data.features)


def test_a_folder_needs_a_suffix(rankkit, tmp_path):
    answer = rankkit("split", tmp_path, "--out", tmp_path / "out")
    assert answer.code == 2
    assert "expected a name with an extension; got none. Pass --suffix, such as .txt." in answer.err


@pytest.mark.parametrize(
    ("fractions", "message"),
    [((0.8, 0.1, 0.2), "expected fractions above 0 that sum to 1"), ((1.5, -0.5, 0), "expected fractions above 0")],
)
def test_mistakes_are_one_message(rankkit, files, tmp_path, fractions, message):
    answer = rankkit("split", files / "train.txt", "--out", tmp_path / "out", "--fractions", *fractions)
    assert answer.code == 2
    assert message in answer.err
    assert not (tmp_path / "out").exists()


def test_parts_in_order_of_time_keep_their_columns(rankkit, tmp_path):
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.permutation(50), unit="D")
    frame = pd.DataFrame({"qid": np.arange(50), "label": 1, "x": rng.random(50), "brand": list("ab") * 25, "day": days})
    frame = frame.loc[frame.index.repeat(4)]
    frame.to_parquet(tmp_path / "log.parquet", index=False)
    answer = rankkit("split", tmp_path / "log.parquet", "--by-time", "day", "--out", tmp_path / "parts")
    assert answer.code == 0, answer.err
    train, vali, test = (pd.read_parquet(tmp_path / "parts" / f"{part}.parquet") for part in ("train", "vali", "test"))
    assert train["day"].max() < vali["day"].min() <= vali["day"].max() < test["day"].min()
    assert (len(train), len(vali), len(test)) == (160, 20, 20)
    assert set(train["brand"]) == {"a", "b"}
    assert rk.read(tmp_path / "parts" / "train.parquet").roles.time == "day"
    answer = rankkit("split", tmp_path / "log.parquet", "--by-time", "dya", "--out", tmp_path / "other")
    assert answer.code == 2
    assert "expected a column 'dya'" in answer.err
