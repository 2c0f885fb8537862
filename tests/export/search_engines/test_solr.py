import json
import re

import jsonschema
import numpy as np
import pytest
import torch

from rankkit.errors import ConfigError, ExportError
from rankkit.export.checking import check
from rankkit.export.exporting import export
from rankkit.export.search_engines import solr
from rankkit.export.search_engines.dense_layers import dense_layers
from rankkit.export.search_engines.solr import SolrTarget
from rankkit.models.scorers import LinearScorer, MLPScorer
from tests.export import engine_schemas as schemas
from tests.export.engine_rankers import (
    N_FEATURES,
    NAMES,
    assert_served_alike,
    documents,
    fitted,
    hard_rows,
    rows,
)
from tests.oracles import solr as oracle


def linear(**options):
    return fitted(LinearScorer(N_FEATURES, seed=0, **options))


def mlp(**options):
    options = {"hidden": (8, 6), "transform": "standardize", "normalization": "batch", **options}
    return fitted(MLPScorer(N_FEATURES, seed=0, **options))


RANKERS = {
    "linear": lambda: linear(transform="none"),
    "linear without bias": lambda: linear(transform="none", bias=False),
    "standardized linear": lambda: linear(transform="standardize"),
    "scaled linear": lambda: linear(transform="minmax"),
    "relu": mlp,
    "leaky_relu": lambda: mlp(activation="leaky_relu", normalization="none", transform="none", hidden=(8,)),
    "tanh": lambda: mlp(activation="tanh", transform="minmax"),
    "sigmoid": lambda: mlp(activation="sigmoid"),
    "ordinal": lambda: mlp(n_outputs=3, readout="sum_of_sigmoids"),
    "tied ordinal": lambda: mlp(n_outputs=3, readout="sum_of_sigmoids", tied_outputs=True),
}


@pytest.mark.parametrize("kind", RANKERS)
def test_solr_scores_as_the_ranker_does(kind, tmp_path):
    scorer = RANKERS[kind]()
    manifest = export(scorer, "solr", tmp_path / "out")
    model, features = ((tmp_path / "out" / name).read_text() for name in ("model.json", "features.json"))
    jsonschema.validate(oracle.load(model), schemas.SOLR_MODEL)
    jsonschema.validate(oracle.load(features), schemas.SOLR_FEATURES)
    assert_served_alike(oracle.scores(model, features, documents(hard_rows())), scorer, manifest)
    assert check(tmp_path / "out").inversions == 0


def test_what_is_written_replays_as_solr_adds_to_the_last_digit(tmp_path):
    manifest = export(mlp(), "solr", tmp_path / "out")
    model, features = ((tmp_path / "out" / name).read_text() for name in ("model.json", "features.json"))
    replayed = SolrTarget().replay(tmp_path / "out", manifest, hard_rows(), np.array([0, 12]))
    np.testing.assert_array_equal(replayed, oracle.scores(model, features, documents(hard_rows())))


def test_a_linear_model_has_no_constant_and_the_manifest_says_so(tmp_path):
    scorer = linear(transform="none")
    manifest = export(scorer, "solr", tmp_path / "out", name="mine", store="shop")
    model = json.loads((tmp_path / "out" / "model.json").read_text())
    assert model["class"] == "org.apache.solr.ltr.model.LinearModel"
    assert (model["name"], model["store"]) == ("mine", "shop")
    assert list(model["params"]["weights"]) == list(NAMES)
    assert manifest.score_map.shift == -scorer.output.bias.item()


def test_every_number_has_a_decimal_point(tmp_path):
    scorer = mlp(normalization="none")
    with torch.no_grad():
        scorer.hidden[0].linear.weight[0] = torch.tensor([1.0, 1e-9, -3e-12, 0.0, 2e7])
        scorer.hidden[0].linear.bias.zero_()
        scorer.output.weight[0, 0] = 0.0
    export(scorer, "solr", tmp_path / "out")
    text = re.sub(r'"[^"]*"', "", (tmp_path / "out" / "model.json").read_text())
    numbers = re.findall(r"[-+.\de]+", text)
    assert len(numbers) > 100
    assert all(re.fullmatch(r"-?\d+\.\d+(e[-+]\d+)?", number) for number in numbers)
    written = json.loads((tmp_path / "out" / "model.json").read_text())["params"]["layers"][3]["matrix"][0]
    np.testing.assert_array_equal(np.float32(written[:4]), np.float32([1.0, 1e-9, -3e-12, 0.0]))


def test_batch_normalization_is_folded_into_the_weights():
    scorer = mlp(hidden=(8,))
    (hidden, _) = dense_layers("solr", scorer, {"relu"})
    values = torch.randn(20, N_FEATURES)
    wanted = scorer.hidden[0](values).detach().numpy()
    np.testing.assert_allclose(np.maximum(values.numpy() @ hidden.weight.T + hidden.bias, 0), wanted, atol=1e-5)


def test_a_mean_far_above_the_deviation_loses_no_digits(tmp_path):
    scorer = LinearScorer(2, transform="standardize", seed=0)
    features = (np.random.default_rng(0).normal(size=(500, 2)) * 2 + 1e6).astype(np.float32)
    scorer.transform.fit(features, np.array([0, 500]))
    manifest = export(scorer.eval(), "solr", tmp_path / "out")
    assert manifest.parity.max_difference < 1e-5


def test_a_document_without_a_field_scores_as_one_with_a_missing_value(tmp_path):
    scorer = mlp()
    export(scorer, "solr", tmp_path / "out")
    stored = json.loads((tmp_path / "out" / "features.json").read_text())
    defaults = np.float32([feature["params"]["defaultValue"] for feature in stored])
    np.testing.assert_array_equal(defaults, scorer.transform.chains[0][0].mean)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalization": "layer"}, r"layer normalization in hidden layer 1\. Train with normalization='batch'"),
        ({"activation": "gelu"}, "got gelu in hidden layer 1"),
        ({"hidden": (8, 8), "residual": True}, "a residual connection around hidden layer 2"),
        ({"transform": "log1p+standardize"}, "the step log1p of log1p[+]standardize"),
        ({"transform": "quantile"}, "the step quantile of quantile"),
        ({"transform": "piecewise:4"}, "the step piecewise of piecewise:4"),
        ({"transform": "query_minmax"}, "the step query_minmax"),
        ({"context": "z+rank"}, "context='z[+]rank', which compares the documents of a query"),
        ({"transform": "standardize+minmax"}, "at most log1p and then one scaling"),
        ({"transform": ["standardize", "minmax"]}, "expected one chain of steps; got 2"),
        ({"n_outputs": 3}, "3 outputs, read as expected_grade"),
    ],
)
def test_what_solr_cannot_express_is_refused_by_name(options, message):
    options = {"hidden": (4,), "transform": "standardize", "normalization": "none", **options}
    with pytest.raises(ExportError, match=message):
        SolrTarget().check(MLPScorer(3, seed=0, **options))


def test_a_refused_ranker_leaves_nothing_behind(tmp_path):
    with pytest.raises(ExportError, match="layer normalization"):
        export(mlp(normalization="layer"), "solr", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_other_options_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"got 'nmae'\. Did you mean 'name'"):
        export(linear(transform="none"), "solr", tmp_path / "out", nmae="x")


def test_a_model_too_large_for_zookeeper_comes_with_a_wrapper(tmp_path, monkeypatch):
    monkeypatch.setattr(solr, "LARGEST_UPLOAD", 2000)
    with pytest.warns(UserWarning, match=r"ZooKeeper takes about 1 MB"):
        export(mlp(), "solr", tmp_path / "out", name="large")
    wrapper = json.loads((tmp_path / "out" / "wrapper.json").read_text())
    jsonschema.validate(wrapper, schemas.SOLR_WRAPPER)
    assert wrapper["name"] != "large"
    assert wrapper["params"]["resource"] == "large.json"
    assert wrapper["store"] == json.loads((tmp_path / "out" / "model.json").read_text())["store"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("NeuralNetworkModel", "Model"),
        lambda text: text.replace('"bm25"', '"bm24"'),
        lambda text: text.replace('"matrix"', '"rows"', 1),
        lambda text: text.replace("1.0", "[]", 1),
        lambda text: "[" * 100_000,
    ],
)
def test_a_damaged_model_is_an_error_of_its_file(damage, tmp_path):
    manifest = export(mlp(), "solr", tmp_path / "out")
    path = tmp_path / "out" / "model.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(ExportError, match=r"model\.json: expected"):
        SolrTarget().replay(tmp_path / "out", manifest, rows(3), np.array([0, 3]))


def test_check_notices_a_change_that_still_reads(tmp_path):
    export(mlp(), "solr", tmp_path / "out")
    path = tmp_path / "out" / "model.json"
    path.write_text(path.read_text().replace('"relu"', '"identity"'))
    with pytest.raises(ExportError, match=r"model\.json"):
        check(tmp_path / "out")
