"""A device that holds no numbers: what a step asks of it, or waits for, is told with the line that asked.

The device is torch's third-party one with fake tensors. As on CUDA, kernels of the CPU cannot run on it; unlike there,
nothing needs to be installed. It stays registered for as long as the process lives, so a program of its own uses it.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    FakeTensor,
    FakeTensorMode,
    UnsupportedFakeTensorException,
    unset_fake_temporarily,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

import rankkit

_NAME = "fake"
_COPIES = ("aten::_to_copy", "aten::copy_", "aten::_copy_from", "aten::_copy_from_and_resize")


class _Backend(_DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


def fake_device() -> torch.device:
    """The device, registered at the first call."""
    if torch._C._get_privateuse1_backend_name() != _NAME:
        _setup_privateuseone_for_python_backend(_NAME, backend_module=_Backend())
    return torch.device(_NAME, 0)


@contextmanager
def without_numbers() -> Iterator[list[str]]:
    """Tensors on the device have shapes alone; copies that wait for it are listed, each with the line that made it."""
    found: list[str] = []
    pinned: set[int] = set()

    def pin(tensor: Tensor, *_: Any) -> Tensor:
        pinned.add(tensor.untyped_storage().data_ptr())
        return tensor

    with ExitStack() as stack:
        stack.enter_context(patch.object(torch.Tensor, "pin_memory", pin))
        stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        stack.enter_context(_Copies(found, pinned))
        yield found


class _Copies(TorchDispatchMode):
    """Tensors of the host hold numbers; those of the device do not; what goes from one to the other is looked at."""

    def __init__(self, found: list[str], pinned: set[int]) -> None:
        super().__init__()
        self._found, self._pinned = found, pinned

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        of_host = [each for each in tensors if not isinstance(each, FakeTensor)]
        to_device = _is_here(kwargs.get("device"))
        if len(of_host) == len(tensors) and not to_device:
            with unset_fake_temporarily():
                return func(*args, **kwargs)
        if func._schema.name not in _COPIES:
            if any(each.dim() for each in of_host):
                self._found.append(f"tensor of the host at {line()}")
            return func(*args, **kwargs)
        source = args[1] if func._schema.name == "aten::copy_" else args[0]
        if to_device and not isinstance(source, FakeTensor):
            kind = source.dtype if kwargs.get("dtype") is None else kwargs["dtype"]
            if not (kwargs.get("non_blocking", False) and self._is_pinned(source)):
                self._found.append(f"copy to the device at {line()}")
            return torch.empty(source.shape, dtype=kind, device=kwargs["device"])
        result = func(*args, **kwargs)
        if _is_here(source.device) and not _is_here(result.device):
            self._found.append(f"copy from the device at {line()}")
        return result

    def _is_pinned(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage().data_ptr() in self._pinned


def _is_here(device: torch.device | None) -> bool:
    return device is not None and device.type == _NAME


def moved(module: nn.Module) -> nn.Module:
    """The module with weights and buffers on the device, which hold no numbers there."""
    for part in module.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                part._parameters[name] = nn.Parameter(
                    torch.empty(weight.shape, dtype=weight.dtype, device=fake_device())
                )
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype, device=fake_device())
    return module


def line(error: BaseException | None = None) -> str:
    """The innermost line of rankkit."""
    home = str(Path(rankkit.__file__).parent)
    frames = traceback.extract_stack() if error is None else traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(home)]
    return f"{Path(own[-1].filename).relative_to(home)}:{own[-1].lineno}: {own[-1].line}" if own else "?"


def asked(found: list[str], call: Callable[[], object]) -> list[str]:
    """What a call asked the device for; it ends at the first question that only numbers could answer.

    Args:
        found: Of :func:`without_numbers`, which is to be entered.
        call: The call.
    """
    found.clear()
    try:
        call()
    except (UnsupportedFakeTensorException, RuntimeError, NotImplementedError, TypeError) as error:
        found.append(f"{type(error).__name__} at {line(error)}: {str(error).splitlines()[0][:100]}")
    return list(found)
