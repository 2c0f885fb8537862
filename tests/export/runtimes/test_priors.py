"""Exports of scorers with priors: every runtime finds the keys that rankkit finds, unknown and missing ones too."""

import numpy as np
import pytest

import rankkit as rk
from rankkit.data.columns.kinds import Category, Number
from rankkit.data.columns.schema import Schema
from rankkit.errors import ExportError
from rankkit.export import export
from rankkit.export.targets import find_target

pytestmark = pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    words = tuple(f"d{number}" for number in range(12))
    features = np.stack(
        [rng.integers(0, 13, 300), rng.normal(size=300), rng.integers(0, 4, 300)],
        axis=1,
        dtype=np.float32,
        casting="unsafe",
    )
    features[::17, 0] = np.nan
    schema = Schema((Category("doc", vocabulary=words, key=True), Number("bm25"), Number("kind")))
    return rk.RankingDataset(
        features,
        rng.integers(0, 3, 300).astype(np.float32),
        np.arange(0, 301, 10),
        np.arange(30),
        feature_names=schema.names,
        schema=schema,
    )


@pytest.mark.parametrize("target", ["onnx", "torch", "numpy"])
@pytest.mark.parametrize("made", [rk.LinearScorer, rk.MLPScorer])
def test_every_runtime_finds_the_keys(made, target, data, tmp_path):
    pytest.importorskip("onnxruntime")
    scorer = made.for_data(data, prior=["doc", "doc+kind"], seed=0)
    rk.fit(scorer, "ranknet", data, epochs=1, seed=0, progress=False)
    out = tmp_path / {"onnx": "ranker.onnx", "torch": "ranker.pt2", "numpy": "ranker"}[target]
    manifest = export(scorer, target, out, data=data)
    found = find_target(target).replay(out if target == "numpy" else tmp_path, manifest, data.features, data.offsets)
    np.testing.assert_allclose(found, rk.predict(scorer, data), rtol=2e-5, atol=2e-5)


def test_search_engines_and_trees_refuse_a_prior_by_name(data, tmp_path):
    numbers = rk.make_ranking(20, n_features=3, seed=0)
    scorer = rk.LinearScorer.for_data(numbers, prior=["1"], transform="none")
    rk.fit(scorer, "ranknet", numbers, epochs=1, progress=False)
    with pytest.raises(ExportError, match="got a prior, which looks keys up"):
        export(scorer, "solr", tmp_path / "solr.json")
    pytest.importorskip("lightgbm")
    trees = rk.LightGBM.for_data(data, prior=["doc"])
    rk.fit(trees, "lambdarank", data, epochs=2, progress=False)
    with pytest.raises(ExportError, match="got a prior, in columns that no target of trees makes"):
        export(trees, "onnx", tmp_path / "trees.onnx")
