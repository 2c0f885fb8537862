"""Which device a run trains on, which one of several processes, and how much of its memory data may take."""

from contextvars import ContextVar

import torch

from rankkit.errors import ConfigError
from rankkit.placement import free_bytes

# Share of the memory that is free to a process; the rest is for the model and its activations.
_RESIDENT_SHARE = 0.6

_sharers: ContextVar[int] = ContextVar("sharers", default=1)


def share_devices(place: int, n_processes: int, asked: str = "auto") -> None:
    """Train on one of the visible devices, as ``device="auto"`` and ``"cuda"`` then do; none visible: do nothing.

    Processes go round the devices, and data of each takes its part of the memory only.

    Args:
        place: Of this process among those that train at the same time, from 0.
        n_processes: How many train at the same time, this one included.
        asked: The device that this one will be told; by ``"cuda:1"`` it may be that of all.
    """
    if not torch.cuda.is_available():
        return
    n_devices = torch.cuda.device_count()
    device = place % n_devices
    torch.cuda.set_device(device)
    _sharers.set(n_processes if ":" in asked else len(range(device, n_processes, n_devices)))


def fits_on(device: torch.device, n_bytes: int) -> bool:
    """Whether data may lie on the device that trains: on CUDA within a process's part of 60% of what is free."""
    if device.type != "cuda":
        return True
    return n_bytes <= _RESIDENT_SHARE * free_bytes(device) / _sharers.get()


def resolve_device(device: str) -> torch.device:
    """``"auto"`` is torch's current CUDA device, the first unless a program chose another, or without one the CPU."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device(device)
    except RuntimeError:
        raise ConfigError(f"device: expected 'auto', 'cpu' or 'cuda'; got {device!r}. Pass one of these.") from None
    if lack := _lack(place):
        raise ConfigError(f"device: expected a device that is here; got {device!r}, but {lack}. Pass 'auto'.")
    return torch.device("cuda", torch.cuda.current_device()) if device == "cuda" else place


def _lack(place: torch.device) -> str | None:
    """What keeps a device from training here; CUDA is asked without a context, which forked processes cannot share."""
    if place.type == "cuda":
        if not torch.cuda.is_available():
            return "this torch sees no CUDA"
        n_devices = torch.cuda.device_count()
        return f"there are {n_devices}, from cuda:0 on" if (place.index or 0) >= n_devices else None
    try:
        torch.zeros(1, device=place).item()  # a meta tensor is made, and holds no number
    except (RuntimeError, NotImplementedError, AssertionError, ImportError):  # each from one of torch's backends
        return "this torch cannot compute on it"
    return None
