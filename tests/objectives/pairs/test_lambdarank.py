"""LambdaRank and the LambdaLoss family: the papers' numbers, the fronts as pair weights, LightGBM's gradients."""

import inspect
import math

import numpy as np
import pytest
import torch

from rankkit import objectives
from rankkit.errors import ConfigError
from rankkit.metrics import ndcg
from rankkit.objectives import (
    lambdaloss_arp1_loss,
    lambdaloss_arp2_loss,
    lambdaloss_ndcg1_loss,
    lambdaloss_ndcg2_loss,
    lambdaloss_ndcg2pp_loss,
    lambdarank_loss,
    lambdarank_map_loss,
    lambdarank_mrr_loss,
    pairwise_logistic_loss,
)
from tests.oracles import pairs as oracle
from tests.oracles.objectives import slopes

S, Y = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])


def lists(n_queries, list_size, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(n_queries, list_size, generator=generator, dtype=torch.float64).to(dtype)
    labels = torch.randint(0, 5, (n_queries, list_size), generator=generator).to(dtype)
    labels[:, 0], labels[:, 1] = 0, 2
    sizes = torch.randint(2, list_size + 1, (n_queries, 1), generator=generator)
    return scores, labels, torch.arange(list_size) < sizes


def test_golden_values():
    assert float(lambdarank_loss(S, Y)) == pytest.approx(0.71595, abs=1e-5)
    assert float(lambdaloss_ndcg1_loss(S, Y)) == pytest.approx(2.56572, abs=1e-5)
    assert float(lambdaloss_ndcg2_loss(S, Y)) == pytest.approx(0.54084, abs=1e-5)
    assert float(lambdaloss_ndcg2pp_loss(S, Y, mu=10.0)) == pytest.approx(6.12439, abs=1e-5)
    # The pairs (2, 1), (3, 1) and (2, 3) have label differences 2, 1, 1 and score differences -1, -2, 1.
    a, b, c = (math.log1p(math.exp(x)) for x in (1, 2, -1))
    assert float(lambdaloss_arp2_loss(S, Y)) == pytest.approx(2 * a + b + c, rel=1e-6)
    back = math.log1p(math.exp(1))
    arp1 = (2 * (a + c + math.log(2)) + 1 * (b + back + math.log(2))) / math.log(2)
    assert float(lambdaloss_arp1_loss(S, Y)) == pytest.approx(arp1, rel=1e-6)


@pytest.mark.parametrize(
    ("front", "options", "weight"),
    [
        (lambdarank_loss, {}, objectives.ndcg_delta()),
        (lambdarank_loss, {"k": 10}, objectives.ndcg_delta(k=10)),
        (
            lambdarank_loss,
            {"k": 3, "gain": "linear", "truncation": "pairs", "normalize_distance": True},
            objectives.ndcg_delta(3, "linear", truncation="pairs", normalize_distance=True),
        ),
        (lambdarank_map_loss, {"k": 4}, objectives.map_delta(4)),
        (lambdarank_map_loss, {"normalize_distance": True}, objectives.map_delta(normalize_distance=True)),
        (lambdarank_mrr_loss, {"relevant_from": 3.0}, objectives.mrr_delta(relevant_from=3)),
        (lambdaloss_ndcg2_loss, {"k": 2}, objectives.ndcg_loss2(2)),
        (lambdaloss_ndcg2pp_loss, {"mu": 5.0}, objectives.ndcg_loss2pp(5.0)),
        (lambdaloss_arp2_loss, {}, objectives.label_difference()),
    ],
)
def test_a_front_is_the_logistic_loss_with_its_weight(front, options, weight):
    given = lists(5, 12)
    assert torch.equal(
        front(*given, sigma=2.0, reduction="none", **options),
        pairwise_logistic_loss(*given, sigma=2.0, reduction="none", pair_weight=weight),
    )


@pytest.mark.parametrize("k", [None, 1, 3, 50])
@pytest.mark.parametrize(
    ("front", "slow", "options"),
    [
        (lambdarank_loss, oracle.lambdarank, {}),
        (lambdarank_loss, oracle.lambdarank, {"gain": "linear", "sigma": 2.0}),
        (lambdarank_map_loss, oracle.lambdarank_map, {}),
        (lambdarank_mrr_loss, oracle.lambdarank_mrr, {}),
        (lambdaloss_ndcg1_loss, oracle.lambdaloss_ndcg1, {"sigma": 0.5}),
        (lambdaloss_ndcg2_loss, oracle.lambdaloss_ndcg2, {}),
        (lambdaloss_ndcg2pp_loss, oracle.lambdaloss_ndcg2pp, {"mu": 3.0, "gain": "linear"}),
    ],
)
def test_cut_and_weighted_values_and_gradients_equal_the_slow_loop(front, slow, options, k):
    scores, labels, mask = lists(4, 9, seed=7)
    scores.requires_grad_()
    weights = torch.rand(4, 9, dtype=torch.float64) + 0.5
    values = front(scores, labels, mask, k=k, weights=weights, reduction="none", **options)
    values.sum().backward()
    for query in range(4):
        real = mask[query]
        listed, graded = scores[query][real].tolist(), labels[query][real].tolist()
        arguments = {"weights": weights[query][real].tolist(), "k": k, **options}
        assert values[query].item() == pytest.approx(slow(listed, graded, **arguments), rel=1e-11, abs=1e-14)
        expected = slopes(slow, listed, graded, **arguments)
        assert scores.grad[query][real].tolist() == pytest.approx(expected, abs=1e-8)


def test_ndcg_loss1_bounds_what_is_lost_in_ndcg():
    scores, labels, _ = lists(20, 8)
    lost = 1 - ndcg(scores, labels)
    assert (lambdaloss_ndcg1_loss(scores, labels, reduction="none") >= lost).all()


@pytest.mark.parametrize("truncation", ["metric", "pairs"])
def test_a_pair_counts_if_either_document_is_in_the_top_k(truncation):
    # allRank keeps a pair only if both are: a relevant document at rank 2 would never learn to reach rank 1.
    scores, labels = torch.tensor([[2.0, 1.0, 0.0]], requires_grad=True), torch.tensor([[0.0, 1.0, 0.0]])
    lambdarank_loss(scores, labels, k=1, truncation=truncation).backward()
    first, second, third = scores.grad[0].tolist()
    assert first > 0
    assert second == pytest.approx(-first)
    assert third == 0


def test_order_and_padding_do_not_matter_with_tied_scores_of_different_labels():
    labels = torch.tensor([[0.0, 2.0, 1.0, 0.0]])
    values = [
        float(lambdarank_loss(torch.zeros(1, 4), labels[:, order], labels[:, order] >= 0, k=2))
        for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2])
    ]
    # The worst order: labels 0, 0, 1, 2.
    d = [1, 1 / math.log2(3), 0, 0]
    ideal = 3 * d[0] + 1 * d[1]
    expected = (3 * (d[0] + d[1]) + 1 * (d[0] + d[1]) + 0) / ideal * math.log(2)
    assert values == pytest.approx([expected] * 3, rel=1e-6)


def test_great_labels_do_not_overflow():
    scores, labels = torch.tensor([[0.0, 1.0]], requires_grad=True), torch.tensor([[500.0, 499.0]])
    loss = lambdarank_loss(scores, labels)
    loss.backward()
    d = 1 / math.log2(3)
    expected = 0.5 * (1 - d) / (1 + 0.5 * d) * math.log1p(math.e)
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert scores.grad.isfinite().all()


@pytest.mark.parametrize(("k", "norm"), [(30, False), (30, True), (6, True), (6, False)])
def test_lightgbm_gradients(k, norm):
    """One tree with a leaf a document and no regularisation holds minus gradient over Hessian of its documents."""
    lightgbm = pytest.importorskip("lightgbm")
    n_docs, generator = 14, np.random.default_rng(k + norm)
    labels, scores = generator.integers(0, 4, n_docs), generator.normal(size=n_docs)
    features = np.arange(n_docs, dtype=float)[:, None]
    options = {
        "objective": "lambdarank",
        "sigmoid": 1.0,
        "label_gain": [0, 1, 3, 7],
        "lambdarank_truncation_level": k,
        "lambdarank_norm": norm,
        "num_leaves": n_docs,
        "learning_rate": 1.0,
        "min_data_in_leaf": 1,
        "min_data_in_bin": 1,
        "min_sum_hessian_in_leaf": 0,
        "feature_pre_filter": False,
        "num_threads": 1,
        "verbose": -1,
    }
    data = lightgbm.Dataset(features, labels, group=[n_docs], init_score=scores, params=options)
    tree = lightgbm.train(options, data, 1)
    leaves = tree.predict(features, pred_leaf=True)[:, 0]
    assert len(set(leaves)) > n_docs // 3

    given = torch.tensor(scores[None], requires_grad=True)
    lambdarank_loss(
        given, torch.tensor(labels[None]).double(), k=k, truncation="pairs", normalize_distance=norm
    ).backward()
    gradients, hessians = oracle.lightgbm_gradients(scores.tolist(), labels.tolist(), k, norm)
    assert given.grad[0].tolist() == pytest.approx(gradients, rel=1e-11, abs=1e-14)
    for doc, value in enumerate(tree.predict(features)):
        same = leaves == leaves[doc]
        expected = -given.grad[0].numpy()[same].sum() / np.array(hessians)[same].sum()
        # LightGBM reads the sigmoid from a table of steps of 5e-5.
        assert value == pytest.approx(expected, rel=2e-4, abs=2e-4)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("k", [None, 4])
def test_gradients_for_map_are_those_of_a_slow_loop(k, norm):
    generator = np.random.default_rng(1 + norm)
    labels, scores = generator.integers(0, 2, 12), generator.normal(size=12)
    for given in (scores, np.zeros(12)):
        tensor = torch.tensor(given[None], requires_grad=True)
        lambdarank_map_loss(tensor, torch.tensor(labels[None]).double(), k=k, normalize_distance=norm).backward()
        gradients, _ = oracle.map_gradients(given.tolist(), labels.tolist(), k, norm)
        assert tensor.grad[0].tolist() == pytest.approx(gradients, rel=1e-10, abs=1e-13)


@pytest.mark.parametrize("norm", [False, True])
def test_xgboost_gradients_for_map(norm):
    """One tree with a leaf a document holds minus gradient over Hessian, which XGBoost doubles."""
    xgboost = pytest.importorskip("xgboost", reason="pip install xgboost")
    n_docs, generator = 12, np.random.default_rng(3)
    labels, scores = generator.integers(0, 2, n_docs), generator.normal(size=n_docs).astype(np.float32)
    data = xgboost.DMatrix(np.arange(n_docs)[:, None], labels, group=[n_docs], base_margin=scores)
    options = {
        "objective": "rank:map",
        "lambdarank_pair_method": "topk",
        "lambdarank_num_pair_per_sample": n_docs,
        "lambdarank_normalization": norm,
        "lambdarank_score_normalization": norm,
        "max_depth": 0,
        "max_leaves": n_docs,
        "grow_policy": "lossguide",
        "learning_rate": 1.0,
        "min_child_weight": 0.0,
        "reg_lambda": 0.0,
        "nthread": 1,
    }
    booster = xgboost.train(options, data, 1)
    leaves = booster.predict(data, pred_leaf=True)
    assert len(set(leaves.tolist())) > n_docs // 2
    given = torch.tensor(scores[None].astype(np.float64), requires_grad=True)
    lambdarank_map_loss(given, torch.tensor(labels[None]).double(), normalize_distance=norm).backward()
    _, hessians = oracle.map_gradients(scores.tolist(), labels.tolist(), None, norm)
    for doc, value in enumerate(booster.predict(data, output_margin=True) - scores):
        same = leaves == leaves[doc]
        expected = -given.grad[0].numpy()[same].sum() / (2 * np.array(hessians)[same].sum())
        assert value == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_the_normalisation_leaves_lists_of_equal_scores_undivided():
    labels = torch.tensor([[2.0, 0.0, 1.0]], dtype=torch.float64)
    scores = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    lambdarank_loss(scores, labels, normalize_distance=True).backward()
    plain = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    lambdarank_loss(plain, labels).backward()
    # Ranks are 3, 1, 2 and every pair pulls with half its weight on both of its documents.
    d = [1 / math.log2(1 + r) for r in (3, 1, 2)]
    weights = [3 * abs(d[0] - d[1]), 2 * abs(d[0] - d[2]), 1 * abs(d[2] - d[1])]
    total = sum(weights) / (3 + 1 / math.log2(3))
    torch.testing.assert_close(scores.grad, plain.grad * (math.log2(1 + total) / total), rtol=1e-12, atol=0)


def test_second_derivative_is_an_error():
    scores = S.clone().requires_grad_()
    (grad,) = torch.autograd.grad(lambdarank_loss(scores, Y), scores, create_graph=True)
    with pytest.raises(ConfigError, match="differentiated once; got a second"):
        grad.square().sum().backward()


@pytest.mark.parametrize("label", [0.0, 0.5])
def test_lists_without_a_relevant_document_stay_out_of_the_mean_of_binary_weights(label):
    scores, labels = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 1.0], [label, 0.25]])
    for front in (lambdarank_map_loss, lambdarank_mrr_loss):
        both, alone = front(scores, labels), front(scores[:1], labels[:1])
        assert float(both) == pytest.approx(float(alone))


@pytest.mark.parametrize(
    ("made", "options", "message"),
    [
        (objectives.ndcg_delta, {"k": 0}, "ndcg_delta: expected k to be 1 or more, or None for the whole list; got 0"),
        (objectives.ndcg_delta, {"gain": "log"}, "ndcg_delta: expected gain 'exp' or 'linear'; got 'log'"),
        (objectives.dcg_delta, {"truncation": "x"}, "dcg_delta: expected truncation 'metric' or 'pairs'; got 'x'"),
        (objectives.ndcg_loss2, {"gain": "x"}, "ndcg_loss2: expected gain"),
        (objectives.ndcg_loss2pp, {"mu": -1.0}, "ndcg_loss2pp: expected mu of at least 0; got -1.0"),
        (objectives.precision_delta, {"k": None}, "precision_delta: expected k to be 1 or more; got None"),
        (objectives.map_delta, {"k": True}, "map_delta: expected k"),
        (objectives.mrr_delta, {"k": 1.5}, "mrr_delta: expected k"),
    ],
)
def test_weights_that_cannot_work(made, options, message):
    with pytest.raises(ConfigError, match=message):
        inspect.unwrap(made)(**options)


def test_options_that_cannot_work():
    with pytest.raises(ConfigError, match=r"lambdarank_loss: expected sigma above 0; got 0\.0"):
        lambdarank_loss(S, Y, sigma=0.0)
    with pytest.raises(ConfigError, match=r"lambdaloss_ndcg1_loss: expected k to be 1 or more, .* got 0"):
        lambdaloss_ndcg1_loss(S, Y, k=0)


def test_weights_are_values():
    assert objectives.ndcg_delta(k=10) == objectives.ndcg_delta(10)
    assert objectives.ndcg_delta(k=10) != objectives.dcg_delta(k=10)
    assert len({objectives.map_delta(), objectives.map_delta(k=None), objectives.mrr_delta()}) == 2
