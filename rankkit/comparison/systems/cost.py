"""What a run costs and where it ran: memory, latency, versions."""

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from rankkit.comparison.systems.fitted import Scoring
from rankkit.data.labelled_examples import LabelledExamples
from rankkit.data.ranking_dataset import RankingDataset

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


def scoring_milliseconds(score: Scoring, data: RankingDataset) -> dict[str, float]:
    """How long it takes to score one query of 100 documents: median and 99th percentile of 200 calls, warm.

    Args:
        score: Of a fitted system.
        data: Whose first documents are taken, over and over if it has fewer than 100.
    """
    rows = np.resize(np.arange(data.n_docs), N_DOCS)
    query = RankingDataset(
        features=np.ascontiguousarray(data.features[rows]),
        labels=None,
        offsets=np.array([0, N_DOCS], np.int64),
        qids=np.array([1]),
        feature_names=data.feature_names,
    )
    return _milliseconds(lambda: score(query), _WARM_UP, _TIMED)


def embedding_milliseconds(embed: Callable[[LabelledExamples], object], data: LabelledExamples) -> dict[str, float]:
    """How long it takes to embed 100 examples: median and 99th percentile of 50 calls, warm.

    Args:
        embed: Of a fitted system.
        data: Whose first examples are taken, over and over if it has fewer than 100.
    """
    examples = data.take(np.resize(np.arange(data.n_examples), N_DOCS))
    return _milliseconds(lambda: embed(examples), _WARM_UP // 4, _TIMED_EMBEDDING)


def _milliseconds(call: Callable[[], object], n_warm_up: int, n_timed: int) -> dict[str, float]:
    for _ in range(n_warm_up):
        call()
    taken = np.empty(n_timed)
    for number in range(n_timed):
        start = time.perf_counter()
        call()
        taken[number] = time.perf_counter() - start
    p50, p99 = np.percentile(taken * 1e3, [50, 99])
    return {"p50": float(p50), "p99": float(p99)}


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
