"""Trees as ONNX: ONNX Runtime against the libraries that grew them."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest

import rankkit as rk
from rankkit.errors import ConfigError, ExportError
from rankkit.export.checking import check
from rankkit.export.exporting import export
from rankkit.export.runtimes import onnx_trees
from rankkit.export.runtimes.onnx_file import check_has_onnx, run_onnx
from rankkit.export.runtimes.onnx_trees import check_trees, write_trees
from rankkit.models.trees import read_tree_model
from tests.models.trees.test_comparisons import EVERY, model_of, stump
from tests.models.trees.tree_files import KINDS, grown, hard_rows

F = np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_onnx_runtime_scores_as_the_library_does(kind, tmp_path):
    path, predict, rows = grown(kind, tmp_path)
    manifest = export(path, "onnx", tmp_path / "ranker.onnx")
    assert manifest.parity.inversions == 0
    assert check(tmp_path / "ranker.onnx").max_relative < 1e-6
    found = run_onnx(tmp_path / "ranker.onnx", rows, np.array([0, len(rows)]), listwise=False)
    np.testing.assert_allclose(found, predict(rows), rtol=1e-6, atol=1e-6)
    model = read_tree_model(path)
    hard = hard_rows(model, missing=True)  # some hold no categories, which XGBoost itself may refuse
    found = run_onnx(tmp_path / "ranker.onnx", hard, np.array([0, len(hard)]), listwise=False)
    np.testing.assert_allclose(found, model.scores(hard), rtol=1e-6, atol=1e-6)


def test_every_kind_of_split_sends_every_kind_of_value_the_same_way(tmp_path):
    model = model_of(
        stump(categories=[0, 1, 5], missing_left=True),
        stump(threshold=0.5, missing_left=True, zero_is_missing=True),
        stump(threshold=-1.0, missing_left=True),
    )
    path = tmp_path / "trees.onnx"
    write_trees(model, path, opset=18)
    onnx.checker.check_model(str(path), full_check=True)
    np.testing.assert_array_equal(run_onnx(path, EVERY, np.array([0, len(EVERY)]), False), model.scores(EVERY))


def test_sums_of_many_trees_keep_the_digits_of_the_library(tmp_path):
    # In float32 so many thirds are off by a thousandth.
    third = replace(stump(threshold=0.5), value=np.array([0, 1 / 3, 2 / 3]))
    write_trees(model_of(*[third] * 3000), tmp_path / "trees.onnx", opset=18)
    assert run_onnx(tmp_path / "trees.onnx", F([[0]]), np.array([0, 1]), False)[0] == 1000


@pytest.mark.parametrize("target", ["onnx", "triton", "kserve"])
def test_boosted_trees_go_there_with_what_is_known_of_them(target, tmp_path):
    train = rk.make_ranking(40, seed=0)
    scorer = rk.LightGBM(num_leaves=5, min_data_in_leaf=5)
    rk.fit(scorer, "approx_ndcg", train, epochs=3, progress=False)
    rk.save(scorer, tmp_path / "run", objective="approx_ndcg", metrics=["ndcg@10"])
    out = tmp_path / ("ranker.onnx" if target == "onnx" else "ranker")
    manifest = export(tmp_path / "run", target, out, data=train)
    assert manifest.objective["name"] == "approx_ndcg"
    assert manifest.protocol["metrics"] == ["ndcg@10"]
    assert manifest.parity.n_docs > train.n_docs
    assert check(out).max_relative < 1e-6
    found = onnx.load(str(next(iter([out] if out.is_file() else out.rglob("*.onnx")))))
    about = {one.key: one.value for one in found.metadata_props}
    assert json.loads(about["rankkit.features"]) == list(manifest.feature_names)


def test_trees_of_columns_take_text_as_text(tmp_path):
    import pandas as pd

    rng = np.random.default_rng(0)
    brands = np.array(["oak", "elm", "yew", "ash", "fir"])[rng.integers(0, 5, 400)]
    table = pd.DataFrame(
        {
            "qid": np.repeat(np.arange(20), 20),
            "label": np.isin(brands, ["elm", "fir"]) + rng.integers(0, 2, 400),
            "price": rng.normal(size=400),
            "brand": pd.Categorical(brands),
        }
    )
    train = rk.from_pandas(table)
    scorer = rk.LightGBM.for_data(train, num_leaves=5, min_data_in_leaf=5, cat_smooth=1.0)
    rk.fit(scorer, "lambdarank", train, epochs=5, progress=False)
    assert any(tree.categories for tree in scorer.model.trees)
    manifest = export(scorer, "onnx", tmp_path / "text.onnx", data=train, strings=True)
    assert [one["name"] for one in manifest.inputs] == ["price", "brand"]
    assert check(tmp_path / "text.onnx").max_relative < 1e-6


def test_what_is_too_large_is_refused_before_anything_is_written(monkeypatch, tmp_path):
    path, _, _ = grown("lightgbm, categories", tmp_path)
    monkeypatch.setattr(onnx_trees, "LONGEST_PATH", 10)
    with pytest.raises(ExportError, match=r"^onnx: expected at most 10 comparisons on a path; got \d+ in tree \d+, "):
        export(path, "onnx", tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()
    monkeypatch.undo()
    monkeypatch.setattr(onnx_trees, "MOST_NODES", 20)
    with pytest.raises(ExportError, match=r"^triton: expected at most 20 nodes, which a file can hold; got \d+\. "):
        check_has_onnx("triton", read_tree_model(path))


def test_the_longest_path_that_is_allowed_runs(tmp_path):
    categories = np.arange(onnx_trees.LONGEST_PATH // 2) * 2
    model = model_of(stump(categories=categories))
    write_trees(model, tmp_path / "long.onnx", opset=18)
    rows = np.arange(-2, len(categories) * 3, 0.5, F)[:, None]
    found = run_onnx(tmp_path / "long.onnx", rows, np.array([0, len(rows)]), False)
    np.testing.assert_array_equal(found, model.scores(rows))
    with pytest.raises(ExportError, match="comparisons on a path"):
        check_trees("onnx", model_of(stump(categories=np.append(categories, 9999))))


def test_int8_is_refused(tmp_path):
    path, _, _ = grown("lightgbm", tmp_path)
    with pytest.raises(ConfigError, match="int8: expected a scorer with weights, which it rounds; got trees"):
        export(path, "onnx", tmp_path / "out.onnx", int8=True, data=rk.make_ranking(5, seed=0))
