"""build(): what a model of the user's own gets, and what it is refused for."""

import json

import pytest
import torch
from torch import nn

from rankkit.errors import ConfigError
from rankkit.models.building import build
from rankkit.models.scorers import MLPScorer


class Own(nn.Module):
    def __init__(self, n_features: int, sizes: tuple[int, ...] = (3,), **more: float) -> None:
        super().__init__()
        self.layer = nn.Linear(n_features, sizes[0])


class Told(Own):
    def __init__(self, n_features: int, seed: int | None = None) -> None:
        super().__init__(n_features)
        self.options, self.n_outputs = {"n_features": n_features, "kept": True}, 7


def test_what_it_does_not_have_itself_is_noted():
    scorer = build("scorer", Own, 4, sizes=(2, 1), rate=0.5)
    assert scorer.options == {"n_features": 4, "sizes": [2, 1], "rate": 0.5}
    assert (scorer.n_features, scorer.n_outputs, scorer.readout, scorer.feature_names) == (4, 1, None, None)
    again = build("scorer", Own, **json.loads(json.dumps(scorer.options)))
    assert again.options == scorer.options
    assert again.n_features == 4


def test_what_it_has_stays():
    scorer = build("scorer", Told, 4, seed=3)
    assert scorer.options == {"n_features": 4, "kept": True}
    assert scorer.n_outputs == 7


def test_a_seed_draws_its_weights_and_leaves_the_generator():
    class Plain(Own):
        def __init__(self, n_features: int) -> None:
            super().__init__(n_features)

    before = torch.get_rng_state()
    first, second, other = (build("scorer", Plain, 4, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.layer.weight, second.layer.weight)
    assert not torch.equal(first.layer.weight, other.layer.weight)
    assert "seed" not in first.options
    build("scorer", Plain, 4)
    assert not torch.equal(torch.get_rng_state(), before)


def test_rankkits_own_by_name():
    scorer = build("scorer", "mlp", 3, hidden=(4,), seed=0)
    assert type(scorer) is MLPScorer
    assert torch.equal(scorer.output.weight, MLPScorer(3, hidden=(4,), seed=0).output.weight)


@pytest.mark.parametrize(
    ("made", "options", "message"),
    [
        (Told, {"widht": 3}, "Told: expected an option of this scorer; got 'widht'. Leave it out."),
        (Told, {"n_outputs": 3}, "Told: expected a scorer of several outputs for this objective"),
        ("mlp", {"hiden": 3}, "MLPScorer: expected an option of this scorer; got 'hiden'"),
        (lambda n_features: None, {}, "scorer: expected a class of models; got <function"),
        (dict, {}, "scorer: expected a class of torch modules, or one with state() and set_state(); got dict"),
    ],
)
def test_what_cannot_be_built(made, options, message):
    with pytest.raises(ConfigError) as error:
        build("scorer", made, 4, **options)
    assert str(error.value).startswith(message)


def test_without_what_its_constructor_needs():
    with pytest.raises(ConfigError, match="Own: expected what its constructor takes; got missing a required argument"):
        build("scorer", Own)
