"""A network in evaluation mode, on a device, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluation_mode(network: nn.Module, device: torch.device | str | None) -> Iterator[torch.device]:
    """Put a scorer or encoder into evaluation mode, on the device; its flags and its place are afterwards as before.

    Args:
        network: With or without weights.
        device: None: where it is.
    """
    flags = [(module, module.training) for module in network.modules()]
    tensors = [*network.parameters(), *network.buffers()]
    home = tensors[0].device if tensors else torch.device("cpu")
    place = home if device is None else torch.device(device)
    network.eval()
    try:
        if place != home:
            network.to(place)
        yield place
    finally:
        if place != home:
            network.to(home)
        for module, training in flags:
            module.training = training
