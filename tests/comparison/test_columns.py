"""Systems of every kind find features by name, whatever the order of columns in validation and test files."""

import numpy as np
import pandas as pd
import pytest

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
