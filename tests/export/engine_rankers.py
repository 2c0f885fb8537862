"""Fitted rankers and documents for the tests of search engines."""

import numpy as np
import torch
from torch import nn

N_FEATURES = 5
NAMES = ("bm25", "price", "age", "clicks", "constant")


def rows(n_docs=60, seed=0):
    """Features of unlike scale, the last one constant, all at least 0."""
    rng = np.random.default_rng(seed)
    features = np.abs(rng.normal(size=(n_docs, N_FEATURES)) * [1, 8, 300, 0.02, 0] + [3, 90, 0, 1, 3])
    return features.astype(np.float32)


def fitted(scorer):
    """The scorer with its transform fitted and batch normalization that does something."""
    generator = torch.Generator().manual_seed(1)
    for module in scorer.modules():
        if isinstance(module, nn.BatchNorm1d):
            for values in (module.running_mean, module.weight.data, module.bias.data):
                values.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    scorer.transform.fit(rows(), np.array([0, 20, 60]))
    scorer.feature_names = NAMES
    return scorer.eval()


def hard_rows():
    """Rows like those of training, zeros, values far outside, and missing ones."""
    features = rows(12, seed=2)
    features[1] = 0
    features[2] *= 40
    features[3] = 1e6
    features[4, [0, 2]] = np.nan
    features[5] = np.nan
    return features


def documents(features):
    """Each row as fields with values; a missing value is no field."""
    return [{name: value for name, value in zip(NAMES, row, strict=True) if not np.isnan(value)} for row in features]


def ranker_scores(scorer, features):
    """What the ranker itself gives."""
    from rankkit.export.source import scorer_scores

    return scorer_scores(scorer, features, np.array([0, len(features)]))


def assert_served_alike(found, scorer, manifest):
    """An engine's float32 scores of the hard rows, mapped back where the manifest says how, are the ranker's."""
    found = np.array(found)
    assert found.dtype == np.float32
    if manifest.score_map is not None:
        found = manifest.score_map.ranker_scores(found)
    wanted = ranker_scores(scorer, hard_rows())
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    assert len(np.unique(wanted)) > 8
