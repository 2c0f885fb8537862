"""What a run costs and where it ran: memory, versions, machine."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

N_DOCS = 100
"""Documents of the one query whose scoring is timed, or examples that are embedded at a time."""

_WARM_UP, _TIMED = 20, 200
_TIMED_EMBEDDING = 50  # a convolution takes a hundred times as long as scoring
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def reset_peak_memory() -> bool:
    """Let the peak begin anew, where the system can (Linux); gives whether it could."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return True


def peak_memory_mib() -> float | None:
    """The peak of this process since the last reset: libraries and data included."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)


def environment(threads: int, versions: dict[str, str]) -> dict[str, Any]:
    """Versions and machine of a run."""
    import torch

    known = {"rankkit": version("rankkit-torch"), "torch": str(torch.__version__), "numpy": np.__version__}
    return {
        "versions": {"python": platform.python_version(), **known, **versions},
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
