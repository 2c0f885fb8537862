"""Columns that a search engine cannot make the numbers of."""

import pickle

import pandas as pd
import pytest

from rankkit.errors import ExportError
from rankkit.export import export
from rankkit.loaders.tables.tabular import from_pandas
from rankkit.models.scorers import LinearScorer, MLPScorer


@pytest.mark.parametrize("target", ["solr", "elasticsearch", "opensearch", "vespa"])
def test_every_column_that_is_no_number_is_named_at_once(target, tmp_path):
    frame = pd.DataFrame(
        {
            "qid": 1,
            "label": [0, 1],
            "price": [1.0, 2.0],
            "age": [3.0, 4.0],
            "brand": pd.Categorical(["oak", "elm"]),
            "day": pd.to_datetime(["2026-01-01", "2026-01-02"]),
        }
    )
    train = from_pandas(frame)
    scorer = LinearScorer.for_data(train, min_count=1)
    scorer.transform.fit(train.features, train.offsets)
    message = (
        r"expected columns of numbers alone.*got 2 others: brand \(category of 2\), "
        r"day \(time \(days, weekday\)\)\. Export to onnx, torch or numpy, or train with --features price,age\."
    )
    with pytest.raises(ExportError, match=message):
        export(scorer, target, tmp_path / "out")


@pytest.mark.parametrize("target", ["solr", "elasticsearch"])
def test_indicators_of_missing_values_are_refused(target, tmp_path):
    train = from_pandas(pd.DataFrame({"qid": 1, "label": [0, 1], "price": [None, 2.0]}))
    scorer = MLPScorer.for_data(train, missing_indicators=True, hidden=(3,))
    scorer.transform.fit(train.features, train.offsets)
    with pytest.raises(ExportError, match="expected numbers as they are; got indicators"):
        export(scorer, target, tmp_path / "out")


def test_all_that_is_in_the_way_is_told_at_once(tmp_path):
    frame = pd.DataFrame({"qid": 1, "label": [0, 1], "price": [1.0, 2.0], "brand": pd.Categorical(["oak", "elm"])})
    train = from_pandas(frame)
    scorer = MLPScorer.for_data(train, min_count=1, hidden=(4, 4), residual=True, activation="gelu", n_outputs=3)
    scorer.transform.fit(train.features, train.offsets)
    with pytest.raises(ExportError) as told:
        export(scorer, "solr", tmp_path / "out")
    lines = str(told.value).splitlines()
    assert lines[0] == "solr: expected what solr can express; got 6 things that it cannot. Mend each of them:"
    words = ["brand (category of 2)", "one chain of steps", "residual", "got gelu", "layer normalization", "3 outputs"]
    for place, (line, word) in enumerate(zip(lines[1:], words, strict=True), start=1):
        assert line.startswith(f"{place}. expected")
        assert word in line
    again = pickle.loads(pickle.dumps(told.value))
    assert isinstance(again, ExportError)
    assert str(again) == str(told.value)
