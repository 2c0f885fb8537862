"""What Python takes for an objective, a scorer and a metric, and what it says of the rest."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import rankkit as rk
from rankkit.objectives.documents.torch_losses import TorchLoss

N_FEATURES = 4
TORCH = [
    nn.MSELoss(), nn.L1Loss(reduction="sum"), nn.SmoothL1Loss(beta=0.5), nn.HuberLoss(delta=0.3),
    nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)),
]  # fmt: skip


def data_of(n_queries, seed):
    made = rk.make_ranking(n_queries, n_features=N_FEATURES, seed=seed)
    labels = (made.labels > 0).astype(np.float32)
    return rk.from_arrays(made.features, labels, np.repeat(made.qids, made.list_sizes))


@pytest.fixture(scope="module")
def parts():
    return data_of(20, 0), data_of(10, 1)


def train(scorer, objective, parts, **options):
    return rk.fit(scorer, objective, *parts, **{"epochs": 2, "progress": False, **options})


def linear():
    return rk.LinearScorer(N_FEATURES, seed=0)


def test_a_name_trains_as_its_function_does(parts):
    by_name, by_function = linear(), linear()
    train(by_name, "ranknet", parts)
    train(by_function, rk.ranknet_loss, parts)
    assert all(torch.equal(*pair) for pair in zip(by_name.parameters(), by_function.parameters(), strict=True))


def test_an_encoder_takes_a_name_too():
    seen = rk.read_labelled("digits").take(range(200))
    encoder = rk.MLPEncoder(seen.input_shape, hidden=(8,), seed=0)
    assert len(rk.fit_encoder(encoder, "supcon", seen, epochs=1, progress=False)) == 1
    with pytest.raises(rk.ConfigError, match="Did you mean 'supcon'"):
        rk.fit_encoder(encoder, "supcn", seen, epochs=1)


@pytest.mark.parametrize("loss", TORCH, ids=lambda loss: type(loss).__name__)
def test_losses_of_torch_leave_padding_out_and_reduce_as_in_torch(loss):
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(3, 5, generator=generator, requires_grad=True)
    labels = torch.randint(0, 2, (3, 5), generator=generator).float()
    mask = torch.arange(5) < torch.tensor([[5], [2], [3]])
    objective = TorchLoss(loss)
    found = objective(scores.masked_fill(~mask, torch.nan), labels.masked_fill(~mask, torch.nan), mask)
    torch.testing.assert_close(found, loss(scores[mask], labels[mask]))
    (gradient,) = torch.autograd.grad(found, scores)
    assert (gradient[~mask] == 0).all()
    assert loss.reduction != "none"  # that of the caller stays as it is


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weights_multiply_the_terms_of_a_loss_of_torch(reduction):
    scores, labels = torch.tensor([[1.0, 3.0], [0.0, 9.0]]), torch.zeros(2, 2)
    mask = torch.tensor([[True, True], [True, False]])
    objective, divisor = TorchLoss(nn.L1Loss(reduction=reduction)), 3 if reduction == "mean" else 1
    assert objective(scores, labels, mask, weights=torch.tensor([2.0, 5.0])) == pytest.approx(8 / divisor)
    by_doc = torch.tensor([[1.0, 2.0], [5.0, torch.nan]])
    assert objective(scores, labels, mask, weights=by_doc) == pytest.approx(7 / divisor)


@pytest.mark.parametrize("loss", [*TORCH, functional.mse_loss, partial(functional.huber_loss, delta=0.3)])
def test_losses_of_torch_train(loss, parts):
    history = train(linear(), loss, parts)
    assert history.epochs[-1].loss < history.epochs[0].loss


def test_a_loss_of_torch_is_part_of_a_weighted_sum(parts):
    train(linear(), rk.weighted_sum({rk.ranknet_loss: 1.0, nn.MSELoss(): 0.5}), parts)


def test_labels_beyond_one_are_no_probabilities():
    graded = rk.make_ranking(20, n_features=N_FEATURES, seed=0)
    with pytest.raises(rk.DataError, match=r"BCEWithLogitsLoss: expected labels from 0 to 1; .*rankkit\.bce_loss"):
        train(linear(), nn.BCEWithLogitsLoss(), (graded,))


def no_gradient(scores, labels, mask):
    return torch.tensor(1.0)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("ranknett", "Did you mean 'ranknet'"),
        (nn.BCELoss(), r"BCELoss, which takes probabilities\. Pass nn\.BCEWithLogitsLoss\(\) or rankkit\.bce_loss"),
        (functional.binary_cross_entropy, "binary_cross_entropy, which takes probabilities"),
        (nn.CrossEntropyLoss(), r"which takes a score a class\. Pass rankkit\.softmax_loss"),
        (functional.cross_entropy, "which takes a score a class"),
        (nn.MarginRankingLoss(), r"Pass rankkit\.pairwise_hinge_loss"),
        (nn.PoissonNLLLoss(), r"is none of nn\.MSELoss\(\)"),
        (nn.MSELoss, r"got the class MSELoss\. Pass MSELoss\(\)"),
        (rk.DualLearning, r"Pass DualLearning\(\)"),
        (nn.MSELoss(reduction="none"), r"expected one number a batch; got reduction='none'"),
        (nn.BCEWithLogitsLoss(weight=torch.ones(3)), "expected weight of one number"),
        (None, "expected a name such as 'ranknet'"),
        (lambda scores, labels: scores.sum(), r"got <lambda>\(scores, labels\)\. Take the mask too"),
        (lambda scores, labels, mask: (scores - labels).abs(), r"expected one number, .*got a tensor \[20, "),
        (no_gradient, r"got a tensor \[\] without gradient"),
        (lambda scores, labels, mask: 1.0, "got float"),
    ],
)
def test_what_is_no_objective_is_refused_in_words(objective, message, parts):
    with pytest.raises(rk.ConfigError, match=message):
        train(linear(), objective, parts)


@pytest.mark.parametrize(
    "scorer",
    [
        nn.Linear(N_FEATURES, 1),
        nn.Sequential(nn.Linear(N_FEATURES, 3), nn.ReLU(), nn.Linear(3, 1), nn.Flatten(0)),
        nn.Sequential(nn.BatchNorm1d(N_FEATURES), nn.Linear(N_FEATURES, 1)),
    ],
)
def test_a_network_of_torch_is_a_scorer(scorer, parts, tmp_path):
    before = {name: value.clone() for name, value in scorer.state_dict().items()}
    history = train(scorer, "bce", parts, out=tmp_path)
    assert any(not torch.equal(before[name], value) for name, value in scorer.state_dict().items())
    scores = rk.predict(scorer, parts[1])
    with torch.no_grad():
        np.testing.assert_array_equal(scores, scorer(torch.from_numpy(parts[1].features)).flatten().numpy())
    np.testing.assert_array_equal(rk.predict(scorer, parts[1].features), scores)
    assert history.best_value == rk.evaluate(scorer, parts[1], ["ndcg@10"]).means["ndcg@10"]
    assert rk.permutation_importance(scorer, parts[1]).drops.shape == (N_FEATURES,)


class WithDefaults(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(N_FEATURES, 1)

    def forward(self, features, scale=2.0):
        return scale * self.linear(features)


def test_another_argument_with_a_default_is_not_taken_for_offsets(parts):
    scorer = WithDefaults()
    train(scorer, "ranknet", parts)
    with torch.no_grad():
        expected = scorer(torch.from_numpy(parts[1].features))[:, 0].numpy()
    np.testing.assert_array_equal(rk.predict(scorer, parts[1]), expected)


@pytest.mark.parametrize(
    ("scorer", "error", "message"),
    [
        ("mlp", rk.ConfigError, r"got 'mlp'\. Build it: rankkit\.MLPScorer\(data\.n_features\)"),
        (rk.LinearScorer, rk.ConfigError, r"got LinearScorer\. Build it: LinearScorer\(data\.n_features\)"),
        (np.ones(4), rk.ConfigError, "expected a scorer, a torch module; got ndarray"),
        (nn.Linear(N_FEATURES, 3), rk.ConfigError, r"expected one score a document, .* got \[\d+, 3\] from Linear"),
        (nn.Linear(7, 1), rk.DataError, "expected 7 features, as the scorer was built for; got 4"),
        (nn.LSTM(N_FEATURES, 1), rk.ConfigError, "got tuple from LSTM. Return the scores alone"),
    ],
)
def test_what_is_no_scorer_is_refused_in_words(scorer, error, message, parts):
    with pytest.raises(error, match=message):
        train(scorer, "ranknet", parts)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("train.txt", r"rankkit\.read\(path\)"),
        (Path("train.txt"), r"got 'train\.txt'\. Read it: rankkit\.read\(path\)"),
        ([[1.0]], "got list. Make it one"),
    ],
)
def test_what_is_no_data_set_is_refused_in_words(data, message):
    with pytest.raises(rk.DataError, match=message):
        rk.fit(linear(), "ranknet", data)


@pytest.mark.parametrize(
    ("metric", "name"), [(rk.ndcg, "ndcg"), (partial(rk.ndcg, k=5), "ndcg@5"), (rk.average_precision, "map")]
)
def test_a_metric_is_taken_as_a_function(metric, name, parts):
    scorer = linear()
    assert train(scorer, "ranknet", parts, metric=metric).metric == name
    assert list(rk.evaluate(scorer, parts[1], [metric, "mrr"]).means) == [name, "mrr"]
    assert list(rk.evaluate(scorer, parts[1], metric).means) == [name]
    assert rk.permutation_importance(scorer, parts[1], metric=metric).metric == name


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (np.mean, r"got mean\. Compute one of your own"),
        (partial(rk.ndcg, gain="linear"), r"got ndcg with gain\. Set the others in protocol="),
    ],
)
def test_other_functions_are_no_metrics(metric, message, parts):
    with pytest.raises(rk.ConfigError, match=message):
        train(linear(), "ranknet", parts, metric=metric)
    with pytest.raises(rk.ConfigError, match=message):
        rk.evaluate(linear(), parts[1], [metric])
