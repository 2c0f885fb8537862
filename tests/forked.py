"""Python programs for tests, forked from one process that has imported torch: each begins in a tenth of the time.

They are for tests of what a program does. Where the test is of how a process begins or ends (what it imports, what it
reads from ``NUMBA_*`` or ``OMP_*`` meanwhile, its limits, its peak of memory, a SIGKILL), it starts ``sys.executable``.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

_PROGRAM = [sys.executable, "-I", "-S", str(Path(__file__).with_name("forked_program.py"))]
_PLACE = "RANKKIT_TESTS_FORK"


def executable() -> str:
    """The path of what stands for ``sys.executable``; off Linux that itself."""
    if sys.platform != "linux":
        return sys.executable
    place = os.environ.get(_PLACE, "").rpartition(":")[0]
    if not place:
        place = tempfile.mkdtemp(prefix="forks-")
        os.environ[_PLACE] = f"{place}:{os.getpid()}"  # workers of pytest-xdist have the same
        atexit.register(_remove, place, os.getpid())
        script = Path(place) / "python"
        script.write_text(f'#!/bin/sh\nexec {" ".join(_PROGRAM)} "$@"\n')
        script.chmod(0o755)
    return str(Path(place) / "python")


def _remove(place: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(place, ignore_errors=True)


def python(
    *words: object,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run ``python *words`` to its end, as ``subprocess.run`` does with captured text."""
    env = None if env is None else {**env, _PLACE: os.environ.get(_PLACE, "")}
    return subprocess.run(
        [executable(), *map(str, words)], cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, check=False
    )
