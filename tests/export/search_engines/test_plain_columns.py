"""Columns that a search engine cannot make the numbers of."""

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
        rf"{target}: expected columns of numbers alone.*got 2 others: brand \(category of 2\), "
        r"day \(time \(days, weekday\)\)\. Export to onnx, torch or numpy, or train with --features price,age\."
    )
    with pytest.raises(ExportError, match=message):
        export(scorer, target, tmp_path / "out")


@pytest.mark.parametrize("target", ["solr", "elasticsearch"])
def test_indicators_of_missing_values_are_refused(target, tmp_path):
    train = from_pandas(pd.DataFrame({"qid": 1, "label": [0, 1], "price": [None, 2.0]}))
    scorer = MLPScorer.for_data(train, missing_indicators=True, hidden=(3,))
    scorer.transform.fit(train.features, train.offsets)
    with pytest.raises(ExportError, match=f"{target}: expected numbers as they are; got indicators"):
        export(scorer, target, tmp_path / "out")
