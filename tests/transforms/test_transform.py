"""Transform: specs, missing and extreme values, fitting, export."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.registry import TRANSFORMS
from rankkit.transforms import Transform

SPECS = [*TRANSFORMS, "log1p+standardize", "log1p+query_standardize", "log1p+piecewise:5", "query_minmax+quantile"]
SPECS += [["piecewise:3", "log1p+standardize", "query_standardize", "none"]]


def rows(n_docs=40, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.lognormal(sigma=2, size=(n_docs, 5)).astype(np.float32)
    features[:, 1] = 7  # constant
    features[:, 2] = np.where(rng.random(n_docs) < 0.8, 0, features[:, 2])  # sparse
    features[:, 3] *= -1
    sizes = [1, 0, n_docs - 11, 10]
    return features, np.concatenate([[0], np.cumsum(sizes)])


def fitted(spec):
    features, offsets = rows()
    transform = Transform(spec, 5)
    transform.fit(features, offsets)
    return transform


def tensors(features, offsets):
    return torch.from_numpy(features), torch.from_numpy(offsets)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_width_is_known_before_fitting_and_the_input_is_left_alone(spec):
    features, offsets = tensors(*rows(seed=1))
    before = features.clone()
    out = fitted(spec)(features, offsets)
    assert out.shape == (40, Transform(spec, 5).n_outputs)
    assert out.dtype == torch.float32
    assert torch.equal(features, before)
    assert out.data_ptr() != features.data_ptr()


@pytest.mark.parametrize("spec", SPECS, ids=str)
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_no_missing_or_extreme_value_leaves_as_nan_or_infinity(spec, data):
    features, offsets = rows(seed=1)
    strange = st.sampled_from([np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, 1e30, 1e-40, 0.0])
    for _ in range(12):
        doc, column = data.draw(st.integers(0, 39)), data.draw(st.integers(0, 4))
        features[doc, column] = data.draw(strange)
    features[30:, 0] = np.nan  # a query without any value
    assert fitted(spec)(*tensors(features, offsets)).isfinite().all()
    learnt = Transform(spec, 5)
    learnt.fit(features, offsets)
    assert learnt(*tensors(features, offsets)).isfinite().all()


@pytest.mark.parametrize("spec", ["standardize", "minmax", "piecewise", "quantile", "log1p+standardize"])
def test_a_constant_feature_gives_a_constant_whatever_comes_later(spec):
    out = fitted(spec)(
        torch.tensor([[0.0, value, 0, 0, 0] for value in (7.0, 8, -1e9, torch.inf)]), torch.tensor([0, 4])
    )
    out = out.view(4, 5, -1)[:, 1]
    assert torch.equal(out, torch.full_like(out, 0.5 if spec == "quantile" else 0.0))


@pytest.mark.parametrize("spec", ["standardize", "minmax", "piecewise", "quantile"])
def test_a_column_without_values_gives_a_constant(spec):
    features, offsets = rows()
    features[:, 0] = np.nan
    transform = Transform(spec, 5)
    transform.fit(features, offsets)
    features[:20, 0] = 3
    out = transform(*tensors(features, offsets)).view(40, 5, -1)[:, 0]
    assert (out == out[0]).all()


@pytest.mark.parametrize(
    ("spec", "value"), [("none", 0), ("log1p", 0), ("standardize", 0), ("quantile", 0.5), ("query_standardize", 0)]
)
def test_a_missing_value_becomes_what_the_table_says(spec, value):
    features, offsets = rows()
    features[3, 4] = np.nan
    assert fitted(spec)(*tensors(features, offsets))[3, 4] == value


def test_values_of_one_query_do_not_reach_another():
    features, offsets = rows()
    transform = Transform(["query_standardize", "query_minmax"], 5)
    before = transform(*tensors(features, offsets))
    features[30:] = 1e30 * np.arange(10)[:, None]
    after = transform(*tensors(features, offsets))
    assert torch.equal(before[:30], after[:30])


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_what_is_saved_gives_the_same_numbers(spec):
    first, second = fitted(spec), Transform(spec, 5)
    second.load_state_dict(first.state_dict())
    batch = tensors(*rows(seed=3))
    assert second.fitted
    assert torch.equal(first(*batch), second(*batch))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_blocks_do_not_change_what_is_learnt(spec, monkeypatch, tmp_path):
    features, offsets = rows(n_docs=500)
    offsets = np.arange(0, 501, 5)
    whole, blocked = Transform(spec, 5), Transform(spec, 5)
    whole.fit(features, offsets)
    np.save(tmp_path / "features.npy", features)
    monkeypatch.setattr("rankkit.transforms.rows.BLOCK_DOCS", 32)
    blocked.fit(np.load(tmp_path / "features.npy", mmap_mode="r"), offsets)
    for key, value in whole.state_dict().items():
        torch.testing.assert_close(blocked.state_dict()[key], value, rtol=1e-6, atol=0)


def test_quantiles_of_many_rows_come_from_a_sample_that_stays_the_same(monkeypatch):
    monkeypatch.setattr("rankkit.transforms.quantiles.SAMPLE_ROWS", 2000)
    features = np.random.default_rng(0).normal(size=(20_000, 2)).astype(np.float32)
    offsets = np.arange(0, 20_001, 10)
    first, second = Transform("piecewise:4", 2), Transform("piecewise:4", 2)
    first.fit(features, offsets)
    second.fit(torch.from_numpy(features), torch.from_numpy(offsets))
    low = first.state_dict()["chains.0.0.low"]
    assert torch.equal(low, second.state_dict()["chains.0.0.low"])
    assert torch.allclose(low[:, 2], torch.zeros(2), atol=0.1)  # the median of a normal sample


def test_fitting_again_replaces_what_was_learnt():
    transform = fitted("standardize")
    transform.fit(np.array([[1.0] * 5, [3.0] * 5], np.float32), np.array([0, 2]))
    assert transform(torch.full((1, 5), 3.0), torch.tensor([0, 1])).tolist() == [[1.0] * 5]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_export_gives_the_same_numbers_for_any_number_of_documents(spec):
    transform = fitted(spec).eval()
    docs, n_offsets = torch.export.Dim("docs", min=2), torch.export.Dim("n_offsets", min=3)
    batch = tensors(*rows(seed=1))
    program = torch.export.export(transform, batch, dynamic_shapes=({0: docs}, {0: n_offsets}))
    for n_docs in (12, 40, 77):
        features, offsets = rows(n_docs, seed=2)
        features[0, 0], features[1, 4], features[2, 0] = np.nan, np.inf, -np.inf
        offsets = offsets if n_docs > 12 else np.array([0, 2, 7, 12])
        assert torch.equal(program.module()(*tensors(features, offsets)), transform(*tensors(features, offsets)))


def test_a_gradient_reaches_the_features():
    features, offsets = tensors(*rows(seed=1))
    features.requires_grad_()
    fitted(["log1p+standardize", "piecewise", "query_standardize"])(features, offsets).sum().backward()
    assert features.grad.isfinite().all()
    assert features.grad.abs().sum() > 0


def test_names_of_outputs():
    names = Transform(["piecewise:2", "log1p+standardize"], 1).output_names(["bm25"])
    assert names == ["piecewise(bm25)[0]", "piecewise(bm25)[1]", "standardize(log1p(bm25))"]


def test_before_fitting_the_error_says_what_to_call():
    with pytest.raises(ConfigError, match=r"'standardize', which has seen no training rows\. Call rankkit\.fit"):
        Transform("standardize", 5)(*tensors(*rows()))
    unfitted = fitted("standardize")
    unfitted(*tensors(*rows()))
    unfitted.load_state_dict(Transform("standardize", 5).state_dict())
    with pytest.raises(ConfigError, match="no training rows"):
        unfitted(*tensors(*rows()))


@pytest.mark.parametrize("spec", ["none", "log1p", "query_minmax", "log1p+query_standardize"])
def test_what_learns_nothing_needs_no_fit(spec):
    assert Transform(spec, 5).fitted
    assert Transform(spec, 5)(*tensors(*rows())).isfinite().all()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("standardise", "got 'standardise'. Did you mean 'standardize'?"),
        ("log1p+", "got ''. Known: log1p,"),
        ("piecewise:0", "got 'piecewise:0'. Only piecewise and quantile take a number, of at least 1."),
        ("minmax:3", "got 'minmax:3'. Only piecewise"),
        ([], "got an empty list"),
    ],
)
def test_a_spec_that_cannot_work(spec, message):
    with pytest.raises(ConfigError) as error:
        Transform(spec, 5)
    assert message in str(error.value)


def test_rows_that_do_not_fit():
    features, offsets = rows()
    with pytest.raises(ShapeError, match=r"expected features \[doc, 4\]; got \[40, 5\]"):
        Transform("none", 4)(*tensors(features, offsets))
    with pytest.raises(ShapeError, match=r"expected features \[doc, 4\]; got \[40, 5\]"):
        Transform("standardize", 4).fit(features, offsets)
    with pytest.raises(DataError, match="got 0 rows"):
        Transform("standardize", 5).fit(features[:0], np.array([0]))
    with pytest.raises(DataError, match="got 39 rows and offsets that end at 40"):
        Transform("standardize", 5).fit(features[:-1], offsets)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_cuda_gives_the_numbers_of_the_cpu(spec):
    on_cpu, on_cuda = fitted(spec), Transform(spec, 5).cuda()
    on_cuda.fit(*rows())
    features, offsets = tensors(*rows(seed=1))
    out = on_cuda(features.cuda(), offsets.cuda())
    torch.testing.assert_close(out.cpu(), on_cpu(features, offsets), rtol=1e-5, atol=1e-5)
