import pytest
import torch
from torch import nn

from rankkit.errors import ConfigError
from rankkit.models.scorers.layers import Dropout, fresh, weights_from
from rankkit.randomness import Randomness

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("p", [0.001, 0.1, 0.3, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean_and_draws_from_the_run(dtype, p):
    inputs = torch.ones(300, 333, dtype=dtype, requires_grad=True)
    before = torch.get_rng_state()
    with Randomness(5, CPU).drawing():
        first, second = Dropout(p)(inputs), Dropout(p)(inputs)
    with Randomness(5, CPU).drawing():
        again = Dropout(p)(inputs)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)
    share = max(round(p * 256), 1) / 256
    n = inputs.numel()
    assert (first == 0).double().mean().item() == pytest.approx(share, abs=5 * (share / n) ** 0.5)
    assert first[first > 0].unique().item() == pytest.approx(1 / (1 - share), rel=0.01)
    assert first.double().mean().item() == pytest.approx(1, abs=0.05)
    first.sum().backward()
    assert torch.equal(inputs.grad, first)


def test_neighbouring_values_are_dropped_independently():
    with Randomness(1, CPU).drawing():
        kept = (Dropout(0.5)(torch.ones(64, 4096)) > 0).double() - 0.5
    for lag in (1, 2, 4, 8, 16):
        assert (kept[:, lag:] * kept[:, :-lag]).mean().item() == pytest.approx(0, abs=0.003)


def test_dropout_outside_a_run_is_that_of_torch():
    torch.manual_seed(5)
    expected = nn.Dropout(0.4)(torch.ones(50))
    torch.manual_seed(5)
    assert torch.equal(Dropout(0.4)(torch.ones(50)), expected)
    with Randomness(5, CPU).drawing():
        assert torch.equal(Dropout(0.4).eval()(torch.ones(50)), torch.ones(50))
    assert Dropout(0.4).state_dict() == {}
    assert repr(Dropout(0.4)) == "Dropout(p=0.4)"


@pytest.mark.parametrize(("kind", "sizes"), [(nn.Linear, (7, 5)), (nn.Conv2d, (3, 4, 3))])
@pytest.mark.parametrize("bias", [True, False])
def test_fresh_weights_are_those_of_torch(kind, sizes, bias):
    torch.manual_seed(9)
    expected = [kind(*sizes, bias=bias).state_dict() for _ in range(2)]
    generator = weights_from("Scorer", 9)
    for wanted in expected:
        found = fresh(kind, *sizes, bias=bias, generator=generator).state_dict()
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_on_the_meta_device_nothing_is_drawn():
    generator = weights_from("Scorer", 9)
    before = generator.get_state()
    with torch.device("meta"):
        assert fresh(nn.Linear, 3, 2, generator=generator).weight.is_meta
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("seed", ["1", 1.0, True, 2**64, -(2**63) - 1])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(ConfigError, match=r"Scorer: expected seed as a whole number, or None; got .*\. Pass"):
        weights_from("Scorer", seed)
