"""The process that forks programs for :mod:`tests.forked`, having imported what every one of them imports.

    python tests/forking_parent.py FOLDER OWNER

It listens at ``FOLDER/socket`` and ends with the process OWNER. Nothing of rankkit is imported here, so that a program
finds the one of its own ``PYTHONPATH``.
"""

import atexit
import contextlib
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import types
from pathlib import Path

LIBRARIES = (
    *("numpy", "scipy.stats", "scipy.sparse", "pandas", "pyarrow.parquet", "numba", "torch", "torch._dynamo"),
    *("sklearn.base", "jaxtyping", "lazy_loader", "pydantic", "safetensors.torch", "typer", "rich.table"),
    *("fastapi", "uvicorn"),
)
_PATIENCE = 2.0  # seconds until it looks again for its owner


class Order:
    """What :mod:`tests.forked_program` asks for: words, folder, environment and open files."""

    def __init__(self, asked: socket.socket) -> None:
        first, self.files, _, _ = socket.recv_fds(asked, 4, 64)
        content = b""
        while len(content) < int.from_bytes(first):
            content += asked.recv(1 << 20)
        self.words, self.folder, self.environment, self.numbers = json.loads(content)

    def close(self) -> None:
        """Keep none of its files open."""
        for file in self.files:
            os.close(file)

    def become(self) -> None:
        """Take on its folder, environment and files, under the numbers that they have there."""
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        above = 1 + max([*self.files, *self.numbers])
        for place, file in enumerate(self.files):
            os.dup2(file, above + place)
            os.close(file)
        for number in {0, 1, 2} - {*self.numbers}:
            os.close(number)
        for place, number in enumerate(self.numbers):
            os.dup2(above + place, number)
            os.close(above + place)


def next_order(folder: Path, owner: int) -> Order:
    """In the parent, serve until the owner has gone; in each child, give the order that it was forked for."""
    waker, woken = socket.socketpair()
    for end in (waker, woken):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(folder / "socket"))
    listening.listen(64)
    running: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while _lives(owner):
            for key, _ in selector.select(_PATIENCE):
                if key.fileobj is listening:
                    asked = listening.accept()[0]
                    try:
                        order = Order(asked)
                    except (OSError, ValueError):  # whoever asked was killed meanwhile
                        asked.close()
                        continue
                    child = os.fork()
                    if not child:
                        signal.set_wakeup_fd(-1)
                        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                        for end in (listening, waker, woken, asked, *running.values()):
                            end.close()
                        return order
                    order.close()
                    _say(asked, child)
                    running[child] = asked
                    selector.register(asked, selectors.EVENT_READ, child)
                elif key.fileobj is woken:
                    woken.recv(1 << 10)
                elif key.data in running:  # whoever asked has gone
                    os.kill(key.data, signal.SIGKILL)
                    selector.unregister(key.fileobj)
            _tell(running, selector)
    os._exit(0)


def _tell(running: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    """Say of each child that has ended how it ended."""
    while running:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        asked = running.pop(child)
        if asked in selector.get_map():
            selector.unregister(asked)
        _say(asked, os.waitstatus_to_exitcode(status))
        asked.close()


def _say(asked: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # whoever asked may be gone
        asked.sendall(f"{number}\n".encode())


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def run(words: list[str]) -> None:
    """What ``python *words`` does."""
    kind, *rest = words
    first = {"-c": "", "-m": str(Path.cwd())}.get(kind, str(Path(kind).resolve().parent))
    named = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:] = [first, *named, *INSTALLED]
    if kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)  # noqa: S102 (it is what -c asks for)
    elif kind == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(kind, run_name="__main__")


def exit_code(words: list[str]) -> int:
    """Run a program; what Python's own end would make of the way in which it ended."""
    try:
        run(words)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def end(code: int) -> None:
    """End as Python does, but for the clearing of modules: of torch that takes longer than most programs here."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream:  # closed where the program was started
            stream.flush()
    os._exit(code & 0xFF)


if __name__ == "__main__":
    place, owner = Path(sys.argv[1]), int(sys.argv[2])
    INSTALLED = sys.path[1:]  # all but the folder of this file
    for library in LIBRARIES:
        __import__(library)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page
    order = next_order(place, owner)
    order.become()
    for number, stream in enumerate(("stdin", "stdout", "stderr")):
        mode, buffering = ("r", -1) if stream == "stdin" else ("w", 1 if stream == "stderr" else -1)
        is_open = number in order.numbers
        made = open(number, mode, buffering=buffering, closefd=False) if is_open else None  # noqa: SIM115
        setattr(sys, stream, made)
    sys.executable = str(place / "python")  # what it starts itself is forked too
    end(exit_code(order.words))
