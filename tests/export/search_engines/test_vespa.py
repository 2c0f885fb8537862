import numpy as np
import pytest

from rankkit.errors import ConfigError, ExportError
from rankkit.export.checking import check
from rankkit.export.exporting import export
from rankkit.export.search_engines.vespa import VespaTarget, rank_features
from rankkit.models.scorers import LinearScorer
from tests.export.engine_rankers import N_FEATURES, fitted, hard_rows, ranker_scores

pytest.importorskip("onnxruntime", reason="pip install 'rankkit-torch[export]'")
pytest.importorskip("onnxscript", reason="pip install 'rankkit-torch[export]'")

PROFILE = """# attribute(days_since) is the feature "days since"
rank-profile shop {
    function shop_features() {
        expression {
            tensor<float>(d0[1],d1[5]):[[
                bm25(title),
                fieldMatch(title).queryCompleteness,
                attribute(price),
                attribute(days_since),
                attribute(constant)
            ]]
        }
    }
    onnx-model shop {
        file: models/shop.onnx
        input "features": shop_features
        output "score": score
    }
    second-phase {
        rerank-count: 50
        expression: onnx(shop).score{d0:0}
    }
    match-features: shop_features
}
"""


def ranker():
    scorer = fitted(LinearScorer(N_FEATURES, seed=0))
    scorer.feature_names = ("bm25(title)", "fieldMatch(title).queryCompleteness", "price", "days since", "constant")
    return scorer


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vespa") / "out"
    return folder, export(ranker(), "vespa", folder, name="shop", schema="product", rerank_count=50)


def test_the_profile_feeds_features_in_order(exported):
    folder, manifest = exported
    assert (folder / "schemas" / "product" / "shop.profile").read_text() == PROFILE
    assert set(manifest.files) == {"models/shop.onnx", "schemas/product/shop.profile"}


def test_the_onnx_file_scores_as_the_ranker_does(exported):
    folder, manifest = exported
    found = VespaTarget().replay(folder, manifest, hard_rows(), np.array([0, 12]))
    np.testing.assert_allclose(found, ranker_scores(ranker(), hard_rows()), rtol=1e-5, atol=1e-5)
    assert check(folder).inversions == 0


def test_the_shape_that_the_profile_promises_is_the_models(exported):
    import onnxruntime

    folder, _ = exported
    session = onnxruntime.InferenceSession(folder / "models" / "shop.onnx")
    (given,), (score,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape[1]) == ("features", "tensor(float)", N_FEATURES)
    assert (score.name, score.type, len(score.shape)) == ("score", "tensor(float)", 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("d1[5]", "d1[4]"),
        ("attribute(price)", "attribute(cost)"),
        ("models/shop.onnx", "../shop.onnx"),
        ("]]", ""),
    ],
)
def test_another_profile_is_an_error(old, new, exported, tmp_path):
    _, manifest = exported
    path = tmp_path / "schemas" / "product" / "shop.profile"
    path.parent.mkdir(parents=True)
    path.write_text(PROFILE.replace(old, new))
    with pytest.raises(ExportError, match="Export the ranker again"):
        VespaTarget().replay(tmp_path, manifest, hard_rows(), np.array([0, 12]))


def test_columns_follow_the_order_of_the_profile(exported, tmp_path):
    folder, manifest = exported
    (tmp_path / "models").symlink_to(folder / "models")
    path = tmp_path / "schemas" / "product" / "shop.profile"
    path.parent.mkdir(parents=True)
    swapped = (
        PROFILE.replace("attribute(price)", "x")
        .replace("bm25(title)", "attribute(price)")
        .replace("x,\n", "bm25(title),\n")
    )
    path.write_text(swapped)
    found = VespaTarget().replay(tmp_path, manifest, hard_rows(), np.array([0, 12]))
    columns = [2, 1, 0, 3, 4]
    np.testing.assert_allclose(found, ranker_scores(ranker(), hard_rows()[:, columns]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("transform", ["query_standardize", "standardize+query_minmax"])
def test_what_compares_the_documents_of_a_query_is_refused(transform):
    with pytest.raises(ExportError, match="which compares the documents of a query"):
        VespaTarget().check(LinearScorer(3, transform=transform))
    with pytest.raises(ExportError, match="context='rank', which compares the documents of a query"):
        VespaTarget().check(LinearScorer(3, context="rank"))


def test_names_that_come_out_the_same_are_refused():
    with pytest.raises(ExportError, match=r"got attribute\(a_b\) twice"):
        rank_features(["a b", "a-b"])


def test_names_cannot_leave_their_line():
    first, second = rank_features(["x) } function f() {\n", "9lives"])
    assert first == f"attribute(x{'_' * 4}function_f{'_' * 5})"
    assert second == "attribute(_9lives)"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "my ranker"}, "letters, digits and underscores for name"),
        ({"schema": "../x"}, "letters, digits and underscores for schema"),
        ({"rerank_count": 0}, "rerank_count of at least 1"),
        ({"rank": 1}, "got 'rank'"),
    ],
)
def test_options_that_cannot_work_are_refused(options, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        export(ranker(), "vespa", tmp_path / "out", **options)
    assert not list(tmp_path.iterdir())
