"""The process that :mod:`tests.forked` starts: it imports what every program imports, and forks for each order.

Nothing of rankkit is imported here, so that a program finds the one of its own ``PYTHONPATH``.
"""

import atexit
import gc
import json
import os
import runpy
import sys
import threading
import types

LIBRARIES = (
    *("numpy", "scipy.stats", "scipy.sparse", "pandas", "pyarrow.parquet", "numba", "torch", "torch._dynamo"),
    *("sklearn.base", "jaxtyping", "lazy_loader", "pydantic", "safetensors.torch", "typer", "rich.table"),
)


def next_order() -> dict:
    """In the parent, wait for orders until there are no more; in each child, give the one that it was forked for."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    for line in sys.stdin.buffer:
        child = os.fork()
        if not child:
            return json.loads(line)
        print(child, file=answers)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers)
    os._exit(0)


def become(order: dict) -> None:
    """Take on the folder, the environment and the streams of a program."""
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, order["out"], os.O_WRONLY | os.O_CREAT),
        (2, order["err"], os.O_WRONLY | os.O_CREAT),
    ):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, closefd=False)


def run(words: list[str]) -> None:
    """What ``python *words`` does."""
    kind, *rest = words
    first = {"-c": "", "-m": os.getcwd()}.get(kind, os.path.dirname(os.path.abspath(kind)))
    named = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:] = [first, *named, *INSTALLED]
    if kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)
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
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def end(code: int) -> None:
    """End as Python does, but for the clearing of modules: of torch that takes longer than most programs here."""
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    own = {os.path.dirname(os.path.abspath(__file__)), *os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    INSTALLED = [place for place in sys.path if place not in own]
    for library in LIBRARIES:
        __import__(library)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page
    order = next_order()
    become(order)
    end(exit_code(order["words"]))
