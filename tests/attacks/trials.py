"""Makes attacks on commands that write, and prints what came of each as a line of JSON, as soon as it is known.

    python -m tests.attacks.trials FOLDER '[{"command": "split", "kind": "kill", "seed": 3}, ...]'

One process imports rankkit once and forks a child for each command, so that hundreds of them take minutes. Kinds:

kill
    SIGKILL at a point that the seed chooses: before or after any of the renames, removals, new files and folders and
    flushes of the command, or in the middle of a write, wherever a file reaches some number of bytes.
limit
    No file may grow beyond some number of bytes, as a disk that fills up meanwhile.
full
    A disk of 20 MB in memory with less room than the command needs (as root, on Linux).

An attack that cannot be made (the command fails without one, hangs, or the attack has a fault of its own) has not held:
its line says why, with the words of the command and what it said last, and the next attack is made.

After each attack the same command is run once more (with ``--resume`` where it has that), and has to end as one that
was never attacked.
"""

import contextlib
import importlib
import json
import os
import random
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.attacks.commands import COMMANDS, Command, make_material
from tests.attacks.outputs import faults_of_visible, leftovers, same, snapshot

_BY_NAME = {command.name: command for command in COMMANDS}
_EVENTS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.link"}
_WRITES = os.O_WRONLY | os.O_RDWR
_LONGEST = 300  # seconds that a command may take
_LEAST = 1_500  # bytes: less than that the words of the command itself take


class Counter:
    """Counts what a command does to files below a folder, and dies at the nth."""

    def __init__(self, below: Path, die_at: int | None) -> None:
        self.n, self._below, self._die_at = 0, str(below), die_at
        os_fsync = os.fsync

        def fsync(descriptor):
            self.count()
            os_fsync(descriptor)
            self.count()

        os.fsync = fsync
        sys.addaudithook(self._hear)

    def _hear(self, event, args):
        if event == "open":
            path, _, flags = args
            if not (isinstance(flags, int) and flags & _WRITES):
                return
        elif event in _EVENTS:
            path = args[0]
        else:
            return
        if isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(self._below):
            self.count()

    def count(self):
        self.n += 1
        if self.n == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)


def run(words: list[str], said: Path, prepare: Callable[[], object] = lambda: None) -> int:
    """The command line in a forked child; its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 99
    try:
        descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_LONGEST)
        os.dup2(descriptor, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.argv = ["rankkit", *words]
        finish = prepare()
        try:
            from rankkit.__main__ import main

            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if callable(finish):
            finish()
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


class NotMadeError(Exception):
    """An attack that could not be made."""


class Trial:
    """Attacks on one command.

    Args:
        command: Which.
        folder: For its files.
        material: Of :func:`make_material`.
    """

    def __init__(self, command: Command, folder: Path, material: Path) -> None:
        self.command, self._folder, self._material = command, folder, material
        self._out = folder / "out"  # the same for all: some files name it
        folder.mkdir()
        _, modules = self._run_whole()
        for name in modules:  # else each attack would import them anew, which is most of its time
            if "__" not in name:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        self.n_events, _ = self._run_whole()  # once more: manifests name the libraries that are loaded
        place = self._out / "place"
        self.whole = snapshot(place)
        sizes = [path.stat().st_size for path in place.rglob("*") if path.is_file()]
        self.largest, self.size = max(sizes), sum(sizes)
        shutil.rmtree(self._out)

    def _run_whole(self) -> tuple[int, list[str]]:
        """Run the command to its end: how many events it has, and the modules that it imports."""
        place = self._new_folder() / "place"
        place.mkdir()
        found = self._folder / "found"

        def prepare():
            counter, before = Counter(place, None), set(sys.modules)
            return lambda: found.write_text(json.dumps([counter.n, sorted(set(sys.modules) - before)]))

        code = run(self._words(place), self._folder / "said", prepare)
        if code:
            raise NotMadeError(f"ended with {code} without an attack: {self.said()}")
        n_events, modules = json.loads(found.read_text())
        return n_events, modules

    def said(self) -> str:
        """What the command said last."""
        path = self._folder / "said"
        return path.read_text(errors="replace")[-1500:] if path.exists() else "nothing"

    def _words(self, out: Path, *, again: bool = False) -> list[str]:
        words = f"{self.command.words} {self.command.again if again else ''}"
        return [word.replace("{m}", str(self._material)).replace("{out}", str(out)) for word in shlex.split(words)]

    def kill(self, seed: int) -> dict:
        """Kill it at a point that the seed chooses."""
        draw = random.Random(f"{self.command.name} {seed}")
        in_a_write = draw.random() < 0.3 and self.largest > _LEAST + 1
        point = draw.randint(_LEAST, self.largest - 1) if in_a_write else draw.randint(1, self.n_events)

        def prepare():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if in_a_write:
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
                resource.setrlimit(resource.RLIMIT_FSIZE, (point, resource.RLIM_INFINITY))
            else:
                Counter(out, point)

        out = self._new_folder() / "place"
        out.mkdir()
        code = run(self._words(out), self._folder / "said", prepare)
        faults = (
            []
            if code in (-signal.SIGKILL, -signal.SIGXFSZ)
            else [f"was not killed at {'byte' if in_a_write else 'event'} {point}: {code}"]
        )
        faults += faults_of_visible(out, self.whole)
        return self._result(f"{'byte' if in_a_write else 'event'} {point}", out, faults)

    def limit(self, seed: int) -> dict:
        """Let no file grow beyond a size that the seed chooses."""
        draw = random.Random(f"{self.command.name} {seed}")
        bound = draw.randint(min(_LEAST, self.largest // 2), self.largest - 1)

        def prepare():
            resource.setrlimit(resource.RLIMIT_FSIZE, (bound, resource.RLIM_INFINITY))

        out = self._new_folder() / "place"
        out.mkdir()
        code = run(self._words(out), self._folder / "said", prepare)
        faults = self._faults_of_refusal(code, "a limit on the size of files", out)
        return self._result(f"{bound} bytes", out, faults)

    def full(self, seed: int) -> dict:
        """Leave it less room than it needs, on a disk of 20 MB."""
        draw = random.Random(f"{self.command.name} {seed}")
        disk = self._new_folder()
        with mounted(disk):
            out = disk / "place"
            out.mkdir()
            room = draw.randint(0, max(0, self.size - 4096 * len(self.whole)) // 2)
            fill(disk / "ballast", room)
            code = run(self._words(out), self._folder / "said")
            faults = self._faults_of_refusal(code, "a full disk", out)
            (disk / "ballast").unlink()
            return self._result(f"{room} bytes free", out, faults)

    def _faults_of_refusal(self, code: int, reason: str, out: Path) -> list[str]:
        said = (self._folder / "said").read_text(errors="replace")
        faults = [] if code == 2 else [f"exit code {code}"]
        if "Traceback" in said or "Exception" in said:
            faults.append("a traceback")
        if f"expected to write it; got {reason}" not in said:
            faults.append("no word of the disk")
        faults += [f"left {name}" for name in leftovers(out)]
        faults += faults_of_visible(out, self.whole)
        return [*faults, said[-800:]] if faults else []

    def _new_folder(self) -> Path:
        shutil.rmtree(self._out, ignore_errors=True)
        self._out.mkdir()
        return self._out

    def _result(self, point: str, out: Path, faults: list[str]) -> dict:
        """What came of an attack, once the command is run again."""
        code = run(self._words(out, again=True), self._folder / "said")
        if code:
            faults.append(f"ended with {code} when run again: {self.said()}")
        else:
            faults += same(out, self.whole)
        faults += [f"still there in the end: {name}" for name in leftovers(out)]
        return {"point": point, "faults": faults}


@contextlib.contextmanager
def mounted(folder: Path):
    """A disk of 20 MB in memory at a folder."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(path: Path, room: int) -> None:
    """Take all of a disk but some bytes."""
    with path.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        file.truncate(file.tell() - room // 4096 * 4096)


def main() -> None:
    """As the module says."""
    folder, asked = Path(sys.argv[1]), json.loads(sys.argv[2])
    for attack in asked:
        _BY_NAME[attack["command"]]  # what is not known ends this before anything is made
    import torch

    torch.set_num_threads(1)
    import matplotlib.figure  # noqa: F401  (imports that each child would make anew)

    import rankkit.cli.app
    import rankkit.comparison
    import rankkit.export  # noqa: F401

    (folder / "material").mkdir(parents=True)
    make_material(folder / "material")
    trials: dict[str, Trial] = {}
    for attack in asked:
        before, began = processor_seconds(), time.monotonic()
        result = {**attack, "words": _BY_NAME[attack["command"]].words, **attacked(attack, trials, folder)}
        result["processor_seconds"] = round(processor_seconds() - before, 2)
        result["seconds"] = round(time.monotonic() - began, 2)
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


def attacked(attack: dict, trials: dict[str, Trial], folder: Path) -> dict:
    """What came of an attack; the last command that was attacked is kept for the next attack on it."""
    name = attack["command"]
    try:
        if name not in trials:
            trials.clear()
            place = folder / str(list(_BY_NAME).index(name))
            shutil.rmtree(place, ignore_errors=True)
            trials[name] = Trial(_BY_NAME[name], place, folder / "material")
        return getattr(trials[name], attack["kind"])(attack["seed"])
    except Exception:
        said = f" The command said: {trials[name].said()}" if name in trials else ""
        return {"point": "none", "faults": [f"could not be attacked: {traceback.format_exc(limit=3)}{said}"]}


def processor_seconds() -> float:
    """Of this process and of all its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
