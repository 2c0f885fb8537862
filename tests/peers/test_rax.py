"""Values and gradients against Rax, where it is installed: ``pip install rax``."""

import pytest
import torch

from tests.peers.rax_losses import OPTIONS, differences

pytest.importorskip("jax", reason="Rax needs jax")
pytest.importorskip("rax", reason="pip install rax to compare with it")


@pytest.mark.parametrize("list_size", [2, 3, 7, 12])
@pytest.mark.parametrize("name", OPTIONS)
def test_the_same_numbers_as_rax(name, list_size):
    generator = torch.Generator().manual_seed(list_size)
    for _ in range(3):
        scores = 2 * torch.randn(list_size, generator=generator, dtype=torch.float64)
        labels = torch.randperm(list_size, generator=generator).double()
        if name != "listmle":
            labels = labels.clamp(max=4) % 5
        value, slope = differences(name, scores, labels)
        assert value < 1e-9
        assert slope < 1e-9
