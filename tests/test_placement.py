"""What runs on a device, run on tensors of the CPU: the same values and gradients as the CPU's own way."""

import numpy as np
import pytest
import torch

import rankkit as rk
from rankkit import registry
from rankkit.data.batch import take_queries
from rankkit.errors import DataError
from rankkit.models.scorers.readout import n_outputs_for
from rankkit.objectives import ndcg_delta, pairwise_logistic_loss
from rankkit.objectives.documents.torch_losses import from_torch
from rankkit.objectives.options import checked_later
from rankkit.placement import as_on_device, block_length, is_here, known_offsets, places_of, sent
from rankkit.registry.tables import OBJECTIVES, SCORERS
from rankkit.tasks.gradient.objectives import build_objective, readout_of
from rankkit.tasks.ranking.steps import ranking_step

SIZES = (7, 1, 30, 12, 2)


def lists():
    """Lists of unlike length: ties of scores and labels in the third, one grade in the last."""
    random, n_docs = np.random.default_rng(0), sum(SIZES)
    labels = random.integers(0, 3, n_docs).astype(np.float32)
    labels[-2:] = 1
    features = random.normal(size=(n_docs, 4)).astype(np.float32)
    features[10:20] = features[10]
    weights = rk.Weights(random.uniform(0.5, 2, n_docs).astype(np.float32), per="doc")
    return rk.from_arrays(features, labels, qids=np.repeat(np.arange(len(SIZES)), SIZES), weights=weights)


def step_of(scorer, objective):
    """Loss and gradients of one step, the same random numbers each time."""
    data = lists()
    batch = take_queries(
        torch.from_numpy(data.features),
        torch.from_numpy(data.offsets),
        torch.arange(len(SIZES)),
        labels=torch.from_numpy(data.labels),
        weights=torch.from_numpy(data.weights),
        weights_per="doc",
    )
    torch.manual_seed(5)
    scorer.zero_grad()
    loss = ranking_step(objective)(scorer.train(), batch)
    loss.backward()
    return loss.detach(), [parameter.grad.clone() for parameter in scorer.parameters()]


def both_ways(scorer, objective):
    here = step_of(scorer, objective)
    with as_on_device():
        there = step_of(scorer, objective)
    return here, there


def assert_near(loss, loss_before, slopes, slopes_before):
    torch.testing.assert_close(loss, loss_before, rtol=1e-5, atol=1e-6)
    largest = max(float(slope.abs().max()) for slope in slopes_before)  # others may be sums that cancel
    torch.testing.assert_close(slopes, slopes_before, rtol=1e-4, atol=1e-5 * max(1, largest))


def scorer_of(name, **options):
    scorer = registry.find("scorer", name)(4, seed=0, **options)
    scorer.transform.fit(lists().features, lists().offsets)
    return scorer


def objective_named(name):
    return from_torch(torch.nn.SmoothL1Loss()) if name == "loss of torch" else build_objective(name, {})


@pytest.mark.parametrize("name", [*OBJECTIVES, "loss of torch"])
def test_every_objective_gives_the_same(name):
    objective = objective_named(name)
    readout = readout_of(objective)
    outputs = {} if readout is None else {"n_outputs": n_outputs_for(readout, 3), "readout": readout}
    (loss, slopes), (other, others) = both_ways(scorer_of("linear", transform="none", **outputs), objective)
    assert_near(other, loss, others, slopes)


@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer_gives_the_same(name):
    (loss, slopes), (other, others) = both_ways(scorer_of(name), build_objective("mse", {}))
    assert_near(other, loss, others, slopes)


@pytest.mark.parametrize("context", ["rank", "gap"])
def test_places_within_the_query_are_the_same(context):
    scorer = scorer_of("mlp", context=context)
    features, offsets = torch.from_numpy(lists().features), torch.from_numpy(lists().offsets)
    here = scorer.transform(features, offsets)
    with as_on_device():
        torch.testing.assert_close(scorer.transform(features, offsets), here)


def test_pairs_in_small_blocks_are_the_same(monkeypatch):
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (3, 40), generator=random).double()

    def found():
        scores = torch.randn(3, 40, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
        loss = pairwise_logistic_loss(scores, labels, pair_weight=ndcg_delta(k=5))
        return loss.detach(), *torch.autograd.grad(loss, scores)

    here = found()
    monkeypatch.setattr("rankkit.placement._LEAST_BLOCK", 2**14)  # two rows of all lists
    with as_on_device():
        torch.testing.assert_close(found(), here)


def test_labels_are_refused_when_it_suits():
    scores, labels = torch.zeros(1, 2, requires_grad=True), torch.tensor([[1.0, -1.0]])
    objective = build_objective("softmax", {})
    with as_on_device():
        with pytest.raises(DataError, match="labels of at least 0"):
            objective(scores, labels)
        with checked_later() as checks:
            objective(scores, labels)
        (check,) = checks
        assert not bool(check.good)
        with pytest.raises(DataError, match=r"got -1 \(list 0, document 1\)"):
            check.refuse()
    with checked_later() as checks, pytest.raises(DataError):  # on the CPU to ask costs nothing
        objective(scores, labels)
    assert checks == []


def test_a_grade_without_output_is_refused_later_too():
    outputs, labels = torch.zeros(1, 2, 3, requires_grad=True), torch.tensor([[1.0, 7.0]])
    with as_on_device(), checked_later() as checks:
        assert build_objective("cross_entropy", {})(outputs, labels).isfinite()
    with pytest.raises(DataError, match="got 7 "):
        checks[0].refuse()


def test_a_block_takes_a_share_of_the_memory_within_bounds():
    gib, cuda = 2**30, torch.device("cuda")
    assert block_length(1000, 2**20, cuda, free=10 * gib) == 512  # a twentieth
    assert block_length(10_000, 2**20, cuda, free=1000 * gib) == 2048  # at most 2 GiB
    assert block_length(1000, 2**20, cuda, free=0) == 32  # at least 32 MiB
    assert block_length(10, 2**20, cuda) == 10  # few: the device is not asked
    assert block_length(5, gib, cuda, free=gib) == 1
    assert block_length(0, 4, cuda) == 1
    assert block_length(1000, 2**20, torch.device("cpu")) == 32


def test_tensors_of_the_cpu_are_here_and_known():
    tensor = torch.tensor([[True, False], [True, True]])
    assert is_here(tensor)
    assert sent(tensor, torch.device("cpu")) is tensor
    with as_on_device():
        assert not is_here(tensor)
        assert places_of(tensor).tolist() == [0, 2, 3]
    offsets = torch.tensor([0, 3])
    assert known_offsets(offsets) is offsets
