import json

import jsonschema
import numpy as np
import pytest

from rankkit.errors import ConfigError, ExportError
from rankkit.export.checking import check
from rankkit.export.exporting import export
from rankkit.export.search_engines.elasticsearch import ElasticsearchTarget
from rankkit.export.targets import find_target
from rankkit.models.scorers import LinearScorer, MLPScorer
from tests.export import engine_schemas as schemas
from tests.export.engine_rankers import (
    N_FEATURES,
    NAMES,
    assert_served_alike,
    documents,
    fitted,
    hard_rows,
    ranker_scores,
    rows,
)
from tests.oracles import ltr_plugin as oracle


def linear(**options):
    return fitted(LinearScorer(N_FEATURES, seed=0, **options))


def mlp(**options):
    options = {"hidden": (8, 6), "activation": "sigmoid", "normalization": "batch", **options}
    return fitted(MLPScorer(N_FEATURES, seed=0, **options))


RANKERS = {
    "linear": lambda: linear(transform="none"),
    "linear as by default": linear,
    "standardized linear": lambda: linear(transform="standardize", bias=False),
    "scaled linear": lambda: linear(transform="minmax"),
    "logarithms": lambda: linear(transform="log1p"),
    "network": lambda: mlp(transform="none"),
    "network behind a transform": lambda: mlp(transform="log1p+standardize"),
    "one hidden layer": lambda: mlp(transform="minmax", hidden=(4,), normalization="none"),
    "ordinal": lambda: mlp(transform="standardize", n_outputs=3, readout="sum_of_sigmoids", tied_outputs=True),
    "linear ordinal": lambda: linear(n_outputs=2, readout="sum_of_sigmoids"),
}


@pytest.mark.parametrize("kind", RANKERS)
def test_the_plugin_scores_as_the_ranker_does(kind, tmp_path):
    scorer = RANKERS[kind]()
    manifest = export(scorer, "elasticsearch", tmp_path / "out")
    features, model = ((tmp_path / "out" / name).read_text() for name in ("featureset.json", "model.json"))
    jsonschema.validate(json.loads(features), schemas.FEATURE_SET)
    jsonschema.validate(json.loads(model), schemas.PLUGIN_MODEL)
    assert_served_alike(oracle.scores(features, model, documents(hard_rows())), scorer, manifest)
    assert check(tmp_path / "out").inversions == 0


@pytest.mark.parametrize("kind", ["linear as by default", "network behind a transform"])
def test_what_is_written_replays_as_the_plugin_adds(kind, tmp_path):
    manifest = export(RANKERS[kind](), "opensearch", tmp_path / "out")
    features, model = ((tmp_path / "out" / name).read_text() for name in ("featureset.json", "model.json"))
    replayed = find_target("opensearch").replay(tmp_path / "out", manifest, hard_rows(), np.array([0, 12]))
    np.testing.assert_allclose(replayed, oracle.scores(features, model, documents(hard_rows())), rtol=0, atol=1e-7)


def test_normalizers_stand_in_the_model_and_limits_in_derived_features(tmp_path):
    export(linear(), "elasticsearch", tmp_path / "out", name="mine")
    features = json.loads((tmp_path / "out" / "featureset.json").read_text())["featureset"]["features"]
    model = json.loads((tmp_path / "out" / "model.json").read_text())["model"]
    assert model["name"] == "mine"
    assert [feature["name"] for feature in features] == [*NAMES, *(f"{name}_scaled" for name in NAMES)]
    assert features[5]["template"].startswith("min(max(ln(1 + max(bm25, 0)) - ln(1 + max(0 - bm25, 0)), ")
    varying = ["bm25_scaled", "price_scaled", "age_scaled", "clicks_scaled"]
    assert list(model["model"]["definition"]) == varying
    assert list(model["model"]["feature_normalizers"]) == varying
    assert all(list(norm) == ["standard"] for norm in model["model"]["feature_normalizers"].values())


def test_scores_of_a_network_are_positive_and_keep_their_order_where_logits_are_large(tmp_path):
    scorer = mlp(transform="standardize")
    scorer.output.weight.data *= 1000  # a plain sigmoid of these would be 1 in float32 for half the documents
    manifest = export(scorer, "elasticsearch", tmp_path / "out")
    assert manifest.parity.inversions == 0
    raw = ElasticsearchTarget().replay(tmp_path / "out", manifest, rows(), np.array([0, 60]))
    assert ((raw > 0.1) & (raw < 0.9)).all()
    assert (np.diff(raw[np.argsort(ranker_scores(scorer, rows()))]) >= 0).all()


@pytest.mark.parametrize(
    ("scorer", "message"),
    [
        (MLPScorer(3, (4,), transform="none", normalization="none"), "among sigmoid; got relu in hidden layer 1"),
        (MLPScorer(3, (4,), transform="none", activation="sigmoid"), "layer normalization in hidden layer 1"),
        (LinearScorer(3, transform="quantile"), "the step quantile"),
        (LinearScorer(3, transform="query_standardize"), "the step query_standardize"),
        (LinearScorer(3, transform="log1p+log1p"), "at most log1p and then one scaling"),
        (LinearScorer(3, transform="standardize+log1p"), "at most log1p and then one scaling"),
        (LinearScorer(3, n_outputs=3), "3 outputs, read as expected_grade"),
    ],
)
@pytest.mark.parametrize("target", ["elasticsearch", "opensearch"])
def test_what_the_plugin_cannot_express_is_refused_by_name(target, scorer, message):
    with pytest.raises(ExportError, match=f"^{target}: .*{message}"):
        find_target(target).check(scorer)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("bm25", "price", "age", "clicks", "days since"), "which expressions can refer to; got 'days since'"),
        (("bm25", "price", "age", "clicks", "bm25_scaled"), "got 'bm25_scaled'"),
    ],
)
def test_names_that_expressions_cannot_have_are_refused(names, message, tmp_path):
    scorer = linear()
    scorer.feature_names = names
    with pytest.raises(ExportError, match=message):
        export(scorer, "elasticsearch", tmp_path / "out")


def test_features_below_0_are_warned_of(tmp_path):
    scorer = linear(transform="standardize")
    scorer.transform.chains[0][0].mean[1] = -2.0
    with pytest.warns(UserWarning, match="no values below 0, and the ranker was trained on such values of price"):
        export(scorer, "elasticsearch", tmp_path / "out")


def test_positive_is_an_option_of_trees_only(tmp_path):
    with pytest.raises(ConfigError, match="got 'positive'"):
        export(linear(), "elasticsearch", tmp_path / "out", positive=True)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("model.json", "model/linear", "model/other"),
        ("model.json", '"bm25_scaled"', '"bm24_scaled"'),
        ("featureset.json", "min(max(", "max(exit("),
        ("featureset.json", "ln(1 + max(bm25, 0))", "__import__('os').getpid()"),
        ("featureset.json", '"field_value_factor"', '"other"'),
        ("featureset.json", "{", "["),
    ],
)
def test_damaged_files_are_errors(name, old, new, tmp_path):
    manifest = export(linear(), "elasticsearch", tmp_path / "out")
    path = tmp_path / "out" / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ExportError, match=r"\.json: expected"):
        ElasticsearchTarget().replay(tmp_path / "out", manifest, rows(3), np.array([0, 3]))
