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
    modules = list(network.modules())
    training = [module for module in modules if module.training]
    tensor = next((one for module in modules for one in _tensors(module)), None)
    home = torch.device("cpu") if tensor is None else tensor.device
    place = home if device is None else torch.device(device)
    if training:
        if all(_switches_plainly(module) for module in modules):
            _switch(training, False)
        else:
            network.eval()
    try:
        if place != home:
            network.to(place)
        yield place
    finally:
        if place != home:
            network.to(home)
        _switch(training, True)


def _switches_plainly(module: nn.Module) -> bool:
    """Whether all that ``eval()`` of a module does is to set its flag and those of its children."""
    kind = type(module)
    return kind.eval is nn.Module.eval and kind.train is nn.Module.train


def _switch(modules: list[nn.Module], training: bool) -> None:
    """Set the flags of modules; past ``nn.Module``, which looks for a parameter first, five times as long."""
    for module in modules:
        flags = vars(module)
        if "training" in flags:
            flags["training"] = training
        else:  # of a module that keeps it elsewhere, as a scripted one
            module.training = training


def _tensors(module: nn.Module) -> Iterator[torch.Tensor]:
    """The parameters and buffers of a module itself."""
    yield from module.parameters(recurse=False)
    yield from module.buffers(recurse=False)
