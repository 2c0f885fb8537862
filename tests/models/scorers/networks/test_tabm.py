"""TabMScorer: BatchEnsemble layers by a slow loop, how members begin, and a loss of each."""

import numpy as np
import pytest
import torch

import rankkit as rk
from rankkit.data.batch import take_queries
from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError
from rankkit.models.scorers import TabMScorer, outputs_of
from rankkit.models.scorers.first_layer.gathering import freeze
from rankkit.models.scorers.networks.members import SharedLinear
from rankkit.tasks.ranking.steps import ranking_step
from tests.oracles import networks as oracle


def shuffled(scorer):
    """Factors and biases that are those of no fresh scorer."""
    drawn = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in scorer.parameters():
            weight.add_(torch.randn(weight.shape, generator=drawn).to(weight.dtype), alpha=0.3)
    return scorer


@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)])
def test_members_are_those_of_the_formula_and_the_score_is_their_mean(hidden):
    scorer = shuffled(TabMScorer(4, hidden, n_members=3, transform="none", seed=0).double().eval())
    features, offsets = torch.randn(6, 4, dtype=torch.float64), torch.tensor([0, 2, 6])
    expected = np.array(oracle.tabm(scorer, features))
    np.testing.assert_allclose(scorer.members(features, offsets).detach(), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(scorer(features, offsets).detach(), expected.mean(axis=0), rtol=1e-12, atol=1e-12)


def test_members_begin_with_random_signs_and_else_alike():
    scorer = TabMScorer(40, (16, 8), n_members=4, transform="none", seed=0)
    first, second = scorer.hidden
    assert set(first.of_inputs.flatten().tolist()) == {-1.0, 1.0}
    assert not torch.equal(first.of_inputs[0], first.of_inputs[1])
    for same in (first.of_outputs, second.of_inputs, second.of_outputs):
        assert (same == 1).all()
    for layer in (first, second):
        assert torch.equal(layer.bias, layer.bias[:1].expand_as(layer.bias))
    assert not torch.equal(scorer.output.weight[0], scorer.output.weight[1])


def test_the_first_layer_without_the_encoding_is_that_with_it():
    data = make_ranking(20, n_features=4, seed=1)
    scorer = shuffled(TabMScorer(4, (6,), n_members=3, dropout=0.0, seed=0))
    scorer.transform.fit(data.features, data.offsets)
    features, offsets = torch.from_numpy(data.features), torch.from_numpy(data.offsets)
    found = []
    for looked_at in (False, True):
        scorer.zero_grad()
        scores = scorer.members(features.clone().requires_grad_(looked_at), offsets)
        scores.square().sum().backward()
        found.append([scores.detach(), *(weight.grad.clone() for weight in scorer.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("scorer", "matrices"),
    [
        (TabMScorer(4, (6, 5), n_members=3, transform="none"), ["hidden.0.weight", "hidden.1.weight", "output.weight"]),
        (rk.AdditiveScorer(4, (6,), transform="none"), ["hidden.0.weight", "output.weight"]),
    ],
)
def test_weight_decay_acts_on_matrices_and_not_on_factors_and_biases(scorer, matrices):
    before = {name: weight.detach().clone() for name, weight in scorer.named_parameters()}
    data = make_ranking(4, n_features=4, seed=1)
    still = {"learning_rate": 1.0, "schedule": "constant", "warmup": 0.0, "weight_decay": 0.5, "epochs": 1}
    rk.fit(scorer, lambda scores, labels, mask: 0 * scores.sum(), data, **still, device="cpu", progress=False)
    changed = [name for name, weight in scorer.named_parameters() if not torch.equal(weight, before[name])]
    assert changed == matrices


@pytest.mark.parametrize("objective", [rk.ranknet_loss, rk.rmse_loss, rk.softmax_loss])
@pytest.mark.parametrize("per", [None, "query", "doc"])
def test_the_loss_is_the_mean_of_the_members_losses(objective, per):
    data = make_ranking(4, n_features=4, seed=1)
    scorer = shuffled(TabMScorer(4, (6,), n_members=3, dropout=0.0, transform="none", seed=0))
    sizes = {"query": data.n_queries, "doc": data.n_docs}
    weights = None if per is None else torch.rand(sizes[per])
    features, offsets, labels = (torch.tensor(part) for part in (data.features, data.offsets, data.labels))
    batch = take_queries(features, offsets, torch.arange(4), labels, weights, per)

    class One(torch.nn.Module):
        def __init__(self, member):
            super().__init__()
            self.member = member

        def forward(self, features, offsets):
            return scorer.members(features, offsets)[self.member]

    step = ranking_step(objective)
    alone = [step(One(member), batch) for member in range(3)]
    assert len({loss.item() for loss in alone}) == 3
    torch.testing.assert_close(step(scorer, batch), torch.stack(alone).mean())


def test_modules_of_ones_own_may_be_called_members():
    class Several(torch.nn.Module):
        n_features = 3

        def __init__(self):
            super().__init__()
            self.members = torch.nn.ModuleList([torch.nn.Linear(3, 1) for _ in range(2)])

        def forward(self, features, offsets):
            return sum(one(features) for one in self.members)[:, 0]

    data = rk.make_ranking(10, n_features=3, seed=0)
    assert len(rk.fit(Several(), "ranknet", data, epochs=1, progress=False)) == 1


def test_members_of_ones_own_learn_by_their_own_losses_too():
    class Pair(torch.nn.Module):
        learning_rate = 0.1

        def __init__(self, n_features):
            super().__init__()
            self.both = torch.nn.Linear(n_features, 2)

        def members(self, features, offsets):
            return self.both(features).t()

        def forward(self, features):
            return self.both(features).mean(dim=1)

    data = make_ranking(20, n_features=4, seed=1)
    scorer = Pair(4)
    rk.fit(scorer, "softmax", data, epochs=1, device="cpu", progress=False)
    assert outputs_of(scorer, torch.zeros(2, 4), torch.tensor([0, 2])).shape == (2,)
    scorer.members = lambda features, offsets: scorer.both(features)
    with pytest.raises(ConfigError, match=r"to give \[member, \d+\]; got \[\d+, 2\] from Pair. Give the outputs"):
        rk.fit(scorer, "softmax", data, epochs=1, device="cpu", progress=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_members": 0}, "TabMScorer: expected n_members of at least 1; got 0"),
        ({"activation": "rely"}, "TabMScorer: expected the name of an activation; got 'rely'. Did you mean 'relu'?"),
        ({"hidden": (0,)}, "TabMScorer: expected each width in hidden of at least 1; got 0"),
        ({"dropout": -0.1}, "TabMScorer: expected dropout from 0 to below 1; got -0.1"),
    ],
)
def test_an_option_that_cannot_work(options, message):
    with pytest.raises(ConfigError) as error:
        TabMScorer(3, **options)
    assert message in str(error.value)


def test_the_table_of_the_first_layer_is_made_once_for_as_long_as_the_weights_stay(monkeypatch):
    """With columns of both kinds, bins and plain numbers; frozen weights are not looked at again."""
    data = make_ranking(20, n_features=4, seed=1)
    scorer = shuffled(TabMScorer(4, (6,), n_members=3, seed=0)).eval()
    scorer.transform.fit(data.features, data.offsets)
    features, offsets = torch.from_numpy(data.features), torch.from_numpy(data.offsets)
    first = scorer.hidden[0]
    made, weights = [], SharedLinear.weights
    monkeypatch.setattr(SharedLinear, "weights", lambda layer: made.append(layer) or weights(layer))

    def scores():
        with torch.no_grad():
            return scorer(features, offsets)

    def expected():
        with torch.no_grad():  # few documents are not gathered
            return torch.cat([scorer(features[row : row + 1], torch.tensor([0, 1])) for row in range(len(features))])

    before = scores()
    assert torch.equal(scores(), before)
    assert made == [first]
    for part in (first.weight, first.of_inputs, first.of_outputs, first.bias):
        part.data.mul_(1.5)
        torch.testing.assert_close(scores(), expected(), rtol=1e-4, atol=1e-3)
    freeze(scorer)
    made.clear()
    before = scores()
    first.of_inputs.data.mul_(2)  # which nobody does
    assert torch.equal(scores(), before)
    assert made == [first]
