"""Values and gradients against what CatBoost makes of the same scores."""

import math

import numpy as np
import pytest
import torch

from rankkit.objectives import group_quantile_loss, pairwise_mse_loss, query_cross_entropy_loss, stochastic_rank_loss

catboost = pytest.importorskip("catboost")
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


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.8])
def test_group_quantile(alpha):
    scores, labels = drawn([0, 1, 2, 3])
    found = group_quantile_loss(torch.tensor(scores), torch.tensor(labels), alpha=alpha).item()
    expected = eval_metric(labels.ravel(), scores.ravel(), f"GroupQuantile:alpha={alpha}", group_id=QUERIES)[0]
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, ""),
        ({"k": 3, "mu": 0.5}, ";top=3;mu=0.5"),
        ({"projection": 0.0, "gain": "linear"}, ";lambda=0;type=Base"),
        ({"nu": 1.0, "projection": 0.5}, ";lambda=0.5;nu=1"),
    ],
)
def test_the_gradient_of_stochastic_rank(options, asked):
    scores, labels = np.random.default_rng(0).normal(size=8), np.array([0.0, 1, 2, 0, 3, 1, 0, 2])
    # A tree in whose leaves documents lie alone, each of three bits; after a step of 1 its leaves are the gradient.
    bits = np.array([[document >> bit & 1 for bit in range(3)] for document in range(8)], float)
    told = dict(entry.split("=") for entry in f"metric=NDCG;type=Exp;num_estimations=40000{asked}".split(";"))
    trees = catboost.CatBoost(
        {
            "loss_function": "StochasticRank:" + ";".join(f"{name}={value}" for name, value in told.items()),
            **{"iterations": 1, "learning_rate": 1.0, "depth": 3, "l2_leaf_reg": 0.0, "random_strength": 0},
            **{"leaf_estimation_method": "Gradient", "leaf_estimation_iterations": 1, "boost_from_average": False},
            **{"bootstrap_type": "No", "boosting_type": "Plain", "score_function": "L2", "random_seed": 0},
            **{"thread_count": 1, "allow_writing_files": False, "verbose": False},
        }
    )
    pool = catboost.Pool(bits, labels, group_id=np.zeros(8, int), baseline=scores)
    trees.fit(pool)
    assert len(set(trees.calc_leaf_indexes(pool).ravel())) == 8
    leaf = torch.tensor(scores[None], requires_grad=True)
    drawn = torch.Generator().manual_seed(0)
    stochastic_rank_loss(leaf, torch.tensor(labels[None]), n_samples=40_000, generator=drawn, **options).backward()
    found = -leaf.grad[0].numpy()
    assert np.abs(found).max() > 0.03
    assert found == pytest.approx(trees.predict(bits), abs=1e-3)
