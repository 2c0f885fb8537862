"""Values against what CatBoost measures of the same scores."""

import math

import numpy as np
import pytest
import torch

from rankkit.objectives import pairwise_mse_loss, query_cross_entropy_loss

eval_metric = pytest.importorskip("catboost.utils").eval_metric

N_QUERIES, N_DOCS = 30, 8
QUERIES = np.repeat(np.arange(N_QUERIES), N_DOCS)


def drawn(labels):
    generator = np.random.default_rng(0)
    return generator.normal(size=(N_QUERIES, N_DOCS)), generator.choice(labels, (N_QUERIES, N_DOCS)).astype(float)


@pytest.mark.parametrize("alpha", [0.0, 0.4, 0.95, 1.0])
def test_query_cross_entropy(alpha):
    scores, labels = drawn([0, 0, 0, 1])
    found = query_cross_entropy_loss(torch.tensor(scores), torch.tensor(labels), alpha=alpha)
    metric = f"QueryCrossEntropy:alpha={alpha}"
    assert found.item() == pytest.approx(
        eval_metric(labels.ravel(), scores.ravel(), metric, group_id=QUERIES)[0], rel=1e-5
    )


def test_query_rmse_is_the_root_of_pairwise_mse_up_to_a_factor():
    scores, labels = drawn([0, 1, 2, 3])
    found = pairwise_mse_loss(torch.tensor(scores), torch.tensor(labels)).item()
    expected = eval_metric(labels.ravel(), scores.ravel(), "QueryRMSE", group_id=QUERIES)[0]
    assert math.sqrt(found * (N_DOCS - 1) / (2 * N_DOCS)) == pytest.approx(expected, rel=1e-5)
