"""Systems of every kind find features by name, whatever the order of columns in validation and test files."""

import numpy as np
import pandas as pd
import pytest

from rankkit.cli.kinds.commands import load_comparison
from rankkit.comparison import compare
from rankkit.comparison.results.audit import is_fair
from rankkit.data.synthetic import make_ranking
from rankkit.errors import DataError, DataWarning
from rankkit.tasks.ranking.splits import Source, load_split


@pytest.fixture
def files(tmp_path):
    for seed, name in enumerate(("train", "valid", "test")):
        data = make_ranking(12, n_features=3, seed=seed)
        frame = pd.DataFrame(data.features, columns=list("abc"))
        frame = frame.assign(qid=np.repeat(data.qids, data.list_sizes), label=data.labels, more=1.0)
        columns = {"train": "a b c label qid", "valid": "c a b qid label", "test": "more label b qid a c"}[name].split()
        frame[columns].to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def test_parts_have_the_features_of_the_training_data_in_its_order(files):
    source = Source(train=str(files / "train.csv"), valid=str(files / "valid.csv"), test=str(files / "test.csv"))
    with pytest.warns(DataWarning, match=r"test\.csv: left out: more \(no feature of the training data\)"):
        split = load_split(source, "data")
    for seed, part in enumerate((split.train, split.valid, split.test)):
        assert part.feature_names == ("a", "b", "c")
        np.testing.assert_array_equal(part.features, make_ranking(12, n_features=3, seed=seed).features)


@pytest.mark.filterwarnings("ignore:.*left out. more:rankkit.errors.DataWarning")
def test_a_missing_feature_is_named(files):
    pd.read_csv(files / "test.csv").drop(columns="b").to_csv(files / "test.csv", index=False)
    source = Source(train=str(files / "train.csv"), valid=str(files / "valid.csv"), test=str(files / "test.csv"))
    with pytest.raises(DataError, match=r"test\.csv: expected a column 'b'"):
        load_split(source, "data")


@pytest.mark.parametrize(("rule", "is_in_time"), [('by = "day"\nn_windows = 2', True), ("cross_validation = 3", False)])
def test_a_comparison_in_windows_of_time_is_fair_and_one_that_learns_from_the_future_is_not(rule, is_in_time, tmp_path):
    data = make_ranking(40, n_features=3, seed=0)
    frame = pd.DataFrame(data.features, columns=list("abc")).assign(label=data.labels)
    frame["qid"] = np.repeat(np.arange(40), data.list_sizes)
    frame["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["qid"] * 7 % 40, unit="D")
    frame.to_parquet(tmp_path / "log.parquet")
    (tmp_path / "file.toml").write_text(
        f"""
        seeds = 1
        external = ["best-feature", "random"]
        [data]
        train = "{tmp_path}/log.parquet"
        time = "day"
        {rule}
        """
    )
    results = compare(load_comparison(tmp_path / "file.toml").plan(), tmp_path / "out", jobs=1, progress=False)
    assert is_fair(results.audit) == is_in_time
    findings = {finding.check: finding.text for finding in results.audit}
    page = (tmp_path / "out" / "report.html").read_text()
    if is_in_time:
        assert results.splits == ("window1", "window2")
        assert findings["splits in time"].endswith("of 2026-02-02T00:00:00 to 2026-02-09T00:00:00")
    else:
        assert "training queries of part1" in findings["splits leak forward"]
        assert "splits leak forward" in page
