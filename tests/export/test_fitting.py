"""What a ranker needs for a target, set before it is trained: what is set can be exported."""

import numpy as np
import pandas as pd
import pytest

from rankkit.data.columns.kinds import category
from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, ExportError
from rankkit.export.fitting import only_numbers, options_for_target, takes_numbers_alone
from rankkit.export.targets import TARGETS, find_target
from rankkit.loaders.tables.tabular import from_pandas
from rankkit.models.building import build

DATA = make_ranking(5, n_features=3, seed=0)


@pytest.mark.parametrize("scorer", ["mlp", "linear"])
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_with_what_is_set_the_target_takes_the_scorer(target, scorer):
    needed = options_for_target(target, scorer, {})
    assert all(why for _, why in needed.values())
    model = build("scorer", scorer, 3, **{option: value for option, (value, _) in needed.items()}, seed=0)
    find_target(target).check(model)
    for option in needed:  # nothing is set that need not be
        fewer = {name: value for name, (value, _) in needed.items() if name != option}
        with pytest.raises(ExportError):
            find_target(target).check(build("scorer", scorer, 3, **fewer, seed=0))


def test_what_is_given_stays():
    assert "transform" not in options_for_target("solr", "linear", {"transform": "none"})
    with pytest.raises(ConfigError, match="target: expected the name of a target; got 'solrr'"):
        options_for_target("solrr", "mlp", {})


def shop():
    frame = pd.DataFrame({"qid": np.repeat(DATA.qids, DATA.list_sizes), "label": DATA.labels})
    frame = frame.assign(price=DATA.features[:, 0], brand=np.where(DATA.features[:, 1] > 0.5, "oak", "elm"))
    return from_pandas(frame, columns={"brand": category()})


def test_columns_that_a_target_cannot_express_are_left_out_and_named():
    data = shop()
    kept, line = only_numbers("solr", {"train": data, "valid": data[:2]}, ())
    assert line == "for solr: left out: brand (category of 2)"
    assert {part.feature_names for part in kept.values()} == {("price",)}
    assert kept["train"].schema is None
    same, line = only_numbers("onnx", {"train": data}, ())
    assert (same["train"] is data, line) == (True, "")
    assert takes_numbers_alone("vespa")
    assert not takes_numbers_alone("numpy")


def test_columns_that_were_asked_for_are_not_left_out():
    with pytest.raises(ExportError, match=r"target: expected columns of numbers for solr.*brand \(category of 2\)"):
        only_numbers("solr", {"train": shop()}, ("price", "brand"))
