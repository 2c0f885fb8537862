from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, DataError
from rankkit.files.records import read_json
from rankkit.loaders.files import write
from rankkit.tasks.ranking.build import build_scorer
from rankkit.tasks.ranking.splits import Source, check_files, load_split, split_names, write_split


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate(("train", "vali", "test")):
        write(make_ranking(20, n_features=3, seed=seed), tmp_path / "Fold1" / f"{name}.txt")
    write(make_ranking(50, n_features=3, seed=7), tmp_path / "all.txt")
    return tmp_path


def test_every_query_is_test_data_once(folder):
    source = Source(train=str(folder / "all.txt"), cross_validation=5)
    assert split_names(source) == ["part1", "part2", "part3", "part4", "part5"]
    splits = [load_split(source, name) for name in split_names(source)]
    assert sorted(np.concatenate([split.test.qids for split in splits])) == list(range(1, 51))
    for split, following in zip(splits, [*splits[1:], splits[0]], strict=True):
        qids = [part.qids.tolist() for part in (split.train, split.valid, split.test)]
        assert [len(part) for part in qids] == [30, 10, 10]
        assert len({qid for part in qids for qid in part}) == 50
        assert qids[1] == following.test.qids.tolist()
    other = load_split(Source(train=str(folder / "all.txt"), cross_validation=5, split_seed=1), "part1")
    assert other.test.qids.tolist() != splits[0].test.qids.tolist()


def test_validation_data_from_the_training_queries(folder, monkeypatch):
    monkeypatch.setenv("RANKKIT_TEST_FOLDER", str(folder))
    source = Source(train="$RANKKIT_TEST_FOLDER/all.txt", test=str(folder / "Fold1" / "test.txt"), valid_fraction=0.2)
    split = load_split(source, "split")
    assert (split.train.n_queries, split.valid.n_queries, split.test.n_queries) == (40, 10, 20)
    assert not set(split.train.qids.tolist()) & set(split.valid.qids.tolist())


def test_a_folder_of_folds(folder):
    source = Source(folds=str(folder))
    assert split_names(source) == ["Fold1"]
    assert load_split(source, "Fold1").valid.n_queries == 20


def test_what_is_written_of_a_split(folder):
    source = Source(train=str(folder / "all.txt"), cross_validation=5)
    split = load_split(source, "part1")
    write_split(split, folder / "about")
    queries, docs = pd.read_parquet(folder / "about/queries.parquet"), pd.read_parquet(folder / "about/docs.parquet")
    labels = [name for name in queries.columns if name.startswith("n_label_")]
    assert (queries[labels].sum(axis=1) == queries["list_size"]).all()
    for row, qid in enumerate(queries["qid"]):
        own = docs["label"][docs["qid"] == qid]
        assert len(own) == queries["list_size"][row]
        assert (own >= 1).sum() == queries["n_relevant"][row]
    assert read_json(folder / "about/about.json")["n_shared_queries"] == 0
    assert docs["label"].tolist() == split.test.labels.tolist()
    write_split(split, folder / "about")
    with pytest.raises(DataError, match="expected the data that this comparison began with"):
        write_split(load_split(source, "part2"), folder / "about")


def test_labels_that_are_measured_are_not_counted_one_by_one(folder):
    split = load_split(Source(train=str(folder / "all.txt"), cross_validation=5), "part1")
    drawn = np.random.default_rng(0).random(split.test.n_docs).astype(np.float32)
    write_split(replace(split, test=replace(split.test, labels=drawn)), folder / "about")
    queries = pd.read_parquet(folder / "about/queries.parquet")
    assert queries.columns.tolist() == ["qid", "digest", "list_size", "n_relevant"]
    near = np.where(drawn < 0.5, np.float32(1), np.nextafter(np.float32(1), np.float32(2)))
    write_split(replace(split, test=replace(split.test, labels=near)), folder / "near")
    counts = pd.read_parquet(folder / "near/queries.parquet")[["n_label_1", "n_label_1.0000001"]]
    assert counts.sum(axis=1).sum() == split.test.n_docs


def test_queries_that_were_trained_on_are_found(folder):
    path = str(folder / "all.txt")
    write_split(load_split(Source(train=path, valid=path, test=path), "split"), folder / "about")
    assert read_json(folder / "about/about.json")["n_shared_queries"] == 50


@pytest.fixture
def log(folder):
    """A table of 50 queries, asked in another order than they stand in."""
    data = make_ranking(50, n_features=2, seed=3)
    frame = pd.DataFrame(data.features, columns=["a", "b"]).assign(label=data.labels)
    frame["qid"] = np.repeat(np.arange(50), data.list_sizes)
    frame["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["qid"] * 7 % 50, unit="D")
    frame.to_parquet(folder / "log.parquet")
    return str(folder / "log.parquet")


def test_windows_in_time(log, folder):
    source = Source(train=log, by="day", n_windows=3)
    assert split_names(source) == ["window1", "window2", "window3"]
    splits = [load_split(source, name) for name in split_names(source)]
    assert [split.train.n_queries for split in splits] == [30, 35, 40]
    for split in splits:
        assert split.train.feature_names == ("a", "b")
        assert split.train.beside["time"].max() < split.valid.beside["time"].min()
        assert split.valid.beside["time"].max() < split.test.beside["time"].min()
    write_split(splits[2], folder / "about")
    times = read_json(folder / "about/about.json")["times"]
    assert times["test"] == ["2026-02-15T00:00:00", "2026-02-19T00:00:00"]
    assert times["n_later"] == {"train": 0, "valid": 0}


def test_a_model_of_a_window_knows_no_value_that_comes_later(folder):
    n = 40
    frame = pd.DataFrame({"qid": np.repeat(np.arange(n), 4), "label": np.tile([0, 1, 2, 0], n)})
    frame["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["qid"], unit="D")
    frame["brand"] = [f"brand {week}" for week in frame["qid"] // 4]  # one that is new each four days
    frame.to_parquet(folder / "brands.parquet")
    source = Source(
        train=str(folder / "brands.parquet"), by="day", n_windows=3, reading={"columns": {"brand": "category"}}
    )
    for name in split_names(source):
        split = load_split(source, name)
        scorer = build_scorer("linear", {}, "ranknet", split.train, seed=0)
        last = int(split.train.qids.max()) // 4
        (brand,) = (column for column in scorer.schema.columns if column.name == "brand")
        assert set(brand.vocabulary) == {f"brand {week}" for week in range(last + 1)}


def test_validation_data_are_the_latest_training_queries(log, folder):
    split = load_split(Source(train=log, test=log, by="day", valid_fraction=0.2), "split")
    assert split.train.beside["time"].max() < split.valid.beside["time"].min()


def test_a_split_that_learns_from_the_future_is_written_down(log, folder):
    write_split(load_split(Source(train=log, cross_validation=5, reading={"time": "day"}), "part1"), folder / "about")
    later = read_json(folder / "about/about.json")["times"]["n_later"]
    assert later["train"] > 10
    assert later["valid"] > 3
    write_split(load_split(Source(train=log, cross_validation=5), "part1"), folder / "none")
    assert read_json(folder / "none/about.json")["times"] is None


def test_times_may_be_a_feature_of_letor_text(folder):
    data = make_ranking(40, n_features=2, seed=3)
    features = data.features.copy()
    features[:, 1] = np.repeat(np.random.default_rng(0).permutation(40), data.list_sizes)
    write(type(data)(features, data.labels, data.offsets, data.qids), folder / "days.txt")
    split = load_split(Source(train=str(folder / "days.txt"), by="2", n_windows=1), "window1")
    assert split.train.features[:, 1].max() < split.valid.features[:, 1].min()
    assert split.valid.features[:, 1].max() < split.test.features[:, 1].min()
    write_split(split, folder / "about")
    assert read_json(folder / "about/about.json")["times"]["test"] == [36.0, 39.0]


def test_mistakes(folder):
    with pytest.raises(ConfigError, match="environment variables of '\\$RANKKIT_ABSENT/x'"):
        check_files(Source(train="$RANKKIT_ABSENT/x"))
    with pytest.raises(DataError, match="No such file"):
        check_files(Source(train=str(folder / "absent.txt")))
    with pytest.raises(DataError, match="expected valid data; got none"):
        load_split(Source(train=str(folder / "all.txt"), test=str(folder / "all.txt")), "split")
