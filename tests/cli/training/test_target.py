"""rankkit train --target: what the target needs is set and said, and what was trained can be exported there."""

import json

import numpy as np
import pandas as pd
import pytest

from rankkit.data.synthetic import make_ranking

TARGETS = ["solr", "elasticsearch", "opensearch", "vespa"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A table with columns that no search engine has a place for."""
    data = make_ranking(30, n_features=3, seed=0)
    frame = pd.DataFrame(data.features, columns=["bm25", "price", "clicks"]).assign(label=data.labels)
    frame["qid"] = np.repeat(data.qids, data.list_sizes)
    frame["brand"] = pd.Categorical(np.where(frame["price"] > 0, "oak", "elm"))
    frame["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(len(frame)) % 50, unit="D")
    path = tmp_path_factory.mktemp("shop") / "shop.parquet"
    frame.to_parquet(path)
    return path


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_trained_for_a_target_can_be_exported_there(target, rankkit, shop, tmp_path):
    few = ("--set", "training.epochs=1", "--set", "scorer.hidden=[6, 6]")
    answer = rankkit("train", "--train", shop, "--target", target, "--out", tmp_path / "run", *few)
    assert answer.code == 0, answer.err
    assert f"for {target}: left out: brand (category of 2), day (time (days, weekday))" in answer.out
    assert answer.out.count(f"for {target}: scorer.") == {"solr": 2, "vespa": 0}.get(target, 3)
    exported = rankkit("export", tmp_path / "run", "--to", target, "--out", tmp_path / "out", "--data", shop)
    assert exported.code == 0, exported.err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [feature["name"] for feature in manifest["features"]] == ["bm25", "price", "clicks"]
    again = rankkit("train", "--config", tmp_path / "run" / "experiment.toml", "--out", tmp_path / "again")
    assert again.code == 0, again.err
    assert f"for {target}: scorer." not in again.out  # it stands in the file now


@pytest.mark.parametrize(
    ("target", "word"), [("solr", ""), ("vespa", "trees of lightgbm"), ("torch", "Export trees to")]
)
def test_a_target_is_asked_about_trees_before_any_is_grown(target, word, rankkit, shop, tmp_path):
    pytest.importorskip("lightgbm")
    few = ("--set", "training.epochs=2", "--set", "scorer.num_leaves=3")
    out = tmp_path / "run"
    answer = rankkit("train", "--train", shop, "--scorer", "lightgbm", "--target", target, "--out", out, *few)
    assert (answer.code == 0) == (word == "") == out.exists()
    assert word in answer.err
    if not word:
        exported = rankkit("export", out, "--to", target, "--out", tmp_path / "out", "--data", shop)
        assert exported.code == 0, exported.err


def test_wishes_that_a_target_cannot_fulfil_are_all_told_before_data_is_read(rankkit, tmp_path):
    wishes = ["scorer.transform=piecewise:4", "scorer.activation=gelu", "scorer.residual=true", "scorer.hidden=[8, 8]"]
    settings = [word for wish in wishes for word in ("--set", wish)]
    columns = ("--columns", "brand=category,price=number")
    out = tmp_path / "run"
    answer = rankkit(
        "train", "--train", tmp_path / "none.parquet", "--target", "solr", "--out", out, *settings, *columns
    )
    assert answer.code == 2
    assert "solr: expected what solr can express; got 4 things that it cannot" in answer.err
    for word in ("brand (category)", "the step piecewise", "got gelu", "residual connection"):
        assert word in answer.err
    assert not out.exists()


def test_a_column_that_was_asked_for_is_not_left_out(rankkit, shop, tmp_path):
    answer = rankkit(
        "train", "--train", shop, "--target", "solr", "--features", "price,brand", "--out", tmp_path / "run"
    )
    assert answer.code == 2
    assert "target: expected columns of numbers for solr" in answer.err
    assert "brand (category of 2)" in answer.err


def test_a_target_that_is_none(rankkit, shop, tmp_path):
    answer = rankkit("train", "--train", shop, "--target", "sorl", "--out", tmp_path / "run")
    assert answer.code == 2
    assert "target: expected the name of a target; got 'sorl'" in answer.err
    assert "Did you mean 'solr'" in answer.err
