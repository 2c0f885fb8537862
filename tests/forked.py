"""Python processes for tests, forked from one that has imported torch: a program begins in a tenth of the time.

It is for tests of what a program does. Where the test is of how a process begins (what it imports, what it reads from
``NUMBA_*`` or ``OMP_*`` at import, how a signal ends it), it starts one of its own with ``subprocess``.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent


def python(
    *words: object,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run ``python *words`` to its end, as ``subprocess.run`` does with captured text.

    Args:
        *words: ``"-c", code``, ``"-m", module`` or a file, and what it is given.
        cwd: Where it runs.
        env: All of its environment; the modules of ``PYTHONPATH`` come before the installed ones.
        timeout: Seconds until it is killed.

    Raises:
        subprocess.TimeoutExpired: If it was killed.
    """
    words = tuple(map(str, words))
    with tempfile.TemporaryDirectory() as folder:
        order = {
            "words": words,
            "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
            "out": str(Path(folder) / "out"),
            "err": str(Path(folder) / "err"),
        }
        code = _parent().run(order, timeout)
        out, err = (Path(order[name]).read_text() for name in ("out", "err"))
    if code is None:
        raise subprocess.TimeoutExpired(words, timeout, out, err)
    return subprocess.CompletedProcess(words, code, out, err)


class Parent:
    """The process that forks; one program at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "forking_parent.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self._lock = threading.Lock()

    def run(self, order: Mapping[str, object], timeout: float) -> int | None:
        """Its exit code, as ``subprocess`` counts them; None if it was killed for its time."""
        with self._lock:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            child = int(self._answer())
            in_time = bool(select.select([self._process.stdout], [], [], timeout)[0])
            if not in_time:
                os.kill(child, signal.SIGKILL)
            code = int(self._answer())
        return code if in_time else None

    def _answer(self) -> bytes:
        line: bytes = self._process.stdout.readline()
        if not line:
            raise EOFError(f"the process that forks has ended with {self._process.wait()}")
        return line

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


@cache
def _parent() -> Parent:
    parent = Parent()
    atexit.register(parent.close)
    return parent
