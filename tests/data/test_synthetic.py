"""The generators: what they promise, and that the sample in data/ is made by them."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from rankkit.data.synthetic import make_mslr_like, make_ranking
from rankkit.errors import ConfigError

ROOT = Path(__file__).parents[2]


def test_equal_seeds_give_equal_data_and_others_do_not():
    first, again, other = (make_ranking(20, seed=seed) for seed in (3, 3, 4))
    assert first.fingerprint == again.fingerprint != other.fingerprint


@pytest.mark.parametrize("n_features", [1, 2, 5, 6, 46])
@pytest.mark.parametrize("signal", ["nonlinear", "linear", "none"])
def test_any_number_of_features(n_features, signal):
    data = make_ranking(4, n_features=n_features, signal=signal)
    assert data.n_features == n_features
    assert np.isfinite(data.features).all()


def test_labels_have_the_shares_of_mslr_and_lists_their_sizes():
    data = make_ranking(500, seed=1, list_size=(3, 9))
    shares = np.bincount(data.labels.astype(int), minlength=5) / data.n_docs
    np.testing.assert_allclose(shares, [0.52, 0.32, 0.13, 0.02, 0.01], atol=2 / data.n_docs)
    assert set(data.list_sizes.tolist()) == set(range(3, 10))


def test_the_last_feature_tells_labels_but_cannot_order_them():
    data = make_ranking(300, seed=0)
    feature = data.features[:, -1]
    assert all(len(np.unique(feature[a:b])) == 1 for a, b in zip(data.offsets, data.offsets[1:], strict=False))
    assert np.corrcoef(feature, data.labels)[0, 1] > 0.3


def test_doc_ids_are_named_by_query_and_position():
    data = make_ranking(2, list_size=(2, 2), doc_ids=True)
    assert data.doc_ids.tolist() == ["1-1", "1-2", "2-1", "2-2"]


@pytest.mark.parametrize(
    "wrong", [{"list_size": (0, 4)}, {"list_size": (5, 4)}, {"n_features": 0}, {"signal": "quadratic"}]
)
def test_arguments_out_of_range(wrong):
    with pytest.raises(ConfigError, match="make_ranking: "):
        make_ranking(3, **wrong)


def test_no_queries():
    assert (make_ranking(0).n_docs, make_mslr_like(0).n_docs) == (0, 0)


def ndcg_at_10(scores, data):
    """Plain loop, apart from the library."""
    values = []
    for first, last in zip(data.offsets[:-1], data.offsets[1:], strict=True):
        gains = 2 ** data.labels[first:last] - 1
        discounts = 1 / np.log2(np.arange(2, 12))[: len(gains)]
        ideal = (np.sort(gains)[::-1][:10] * discounts).sum()
        got = (gains[np.argsort(-scores[first:last], kind="stable")][:10] * discounts).sum()
        values.append(got / ideal if ideal else 0.0)
    return np.mean(values)


def train(model, data, epochs, learning_rate):
    """A softmax cross entropy over the gains of each query, eight queries a step."""
    features, labels = torch.from_numpy(data.features), torch.from_numpy(data.labels)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    lists = [slice(a, b) for a, b in zip(data.offsets[:-1], data.offsets[1:], strict=True)]
    lists = [each for each in lists if labels[each].max() > 0]
    for _ in range(epochs):
        for start in range(0, len(lists), 8):
            some = lists[start : start + 8]
            first = some[0].start
            scores = model(features[first : some[-1].stop])[:, 0]
            loss = torch.zeros(())
            for each in some:
                gains = torch.exp2(labels[each]) - 1
                log_shares = torch.log_softmax(scores[each.start - first : each.stop - first], 0)
                loss = loss - (log_shares * gains).sum() / gains.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model


def test_mlp_above_linear_above_random_by_five_points_on_the_sample():
    sample = make_ranking(200, seed=0)
    training, test = sample[:120], sample[160:]
    features = torch.from_numpy(test.features)
    found = []
    for seed in range(5):
        torch.manual_seed(seed)
        linear = train(torch.nn.Linear(10, 1), training, 4, 5e-2)
        layers = (torch.nn.Linear(10, 64), torch.nn.ReLU(), torch.nn.Linear(64, 32), torch.nn.ReLU())
        mlp = train(torch.nn.Sequential(*layers, torch.nn.Linear(32, 1)), training, 5, 1e-2)
        with torch.no_grad():
            scored = [model(features)[:, 0].numpy() for model in (linear, mlp)]
        found.append(
            [ndcg_at_10(scores, test) for scores in (np.random.default_rng(seed).random(test.n_docs), *scored)]
        )
    random, linear, mlp = np.array(found).T
    assert (linear > random + 0.05).all()
    assert (mlp > linear + 0.05).all()


def test_mslr_like_data_has_the_shape_of_mslr():
    data = make_mslr_like(400, seed=0)
    assert data.n_features == 136
    assert 1 <= data.list_sizes.min() <= 40
    assert 400 < data.list_sizes.max() <= 900
    assert 100 < data.list_sizes.mean() < 140
    shares = np.bincount(data.labels.astype(int), minlength=5) / data.n_docs
    np.testing.assert_allclose(shares, [0.52, 0.32, 0.13, 0.02, 0.01], atol=1e-3)
    assert 0.2 < (data.features == 0).mean() < 0.6
    assert np.isfinite(data.features).all()
    assert np.abs(data.features).max() > 1e6
    assert (data.features[:, :5] <= 5).all()


def test_the_sample_is_what_the_readme_makes(tmp_path, monkeypatch):
    code = re.search(r"```python\n(.*?)```", (ROOT / "data" / "README.md").read_text("utf-8"), re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    exec(code, {})  # noqa: S102 - the documented commands themselves
    for name in ("train.txt", "vali.txt", "test.txt"):
        assert (tmp_path / "data" / name).read_bytes() == (ROOT / "data" / name).read_bytes()
        assert (ROOT / "data" / name).stat().st_size < 1_000_000
