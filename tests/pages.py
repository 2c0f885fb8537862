"""README and the pages under docs/, run as a reader would: block after block in one folder of their own.

``python -m tests.pages docs/training.md`` runs a page and puts what is printed now in the place of what it shows.

A page holds, besides prose and blocks of other kinds:

- ``console`` blocks: ``$ command`` lines, each followed by what it prints, or by nothing where that is left out;
- ``toml`` blocks that begin with ``# name.toml``, which become that file;
- ``python`` blocks, and after each the ``text`` block with what it prints, if it prints anything; those that begin with
  ``# name.py`` become that file. What follows on the page then runs in processes of their own, which can import it.

In what is shown, a line ``...`` stands for any number of lines. Numbers with decimals need not agree to the last digit,
since other processors round otherwise and training carries that on; durations, sizes and wins are free.
"""

import contextlib
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from tests import forked

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# What a reader does in a shell of his own: fetching, installing, entering the environment.
NOT_RUN = {"git", "cd", "make", "source", "pip", "python", "open"}
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DECIMAL = re.compile(r"[-+]?\d[\d,]*\.\d+(?:e[-+]?\d+)?")
_MEASURED = re.compile(r"\b\d[\d.,]*(?= (?:s|ms|kB|MB|B|minutes)\b)|\b\d+/\d+/\d+\b")


@dataclass(frozen=True)
class Step:
    """One thing that a reader does: run a command or a program, write a file; and what is shown of its output."""

    kind: str
    text: str
    shown: str | None
    line: int
    place: tuple[int, int] | None = None
    """Where in the page the shown output stands."""


def steps(page: str) -> list[Step]:
    """The steps of a page in order."""
    found: list[Step] = []
    for block in _FENCE.finditer(page):
        kind, text, start = block[1], block[2], block.start(2)
        line = page.count("\n", 0, start) + 1
        if kind == "console":
            found += _commands(text, start, line)
        elif kind in ("python", "toml"):
            found.append(Step(kind, text, None, line))
        elif kind == "text":
            program = found.pop()
            if program.kind != "python" or program.shown is not None:
                raise ValueError(f"line {line}: a text block shows what the python block above it prints")
            found.append(Step("python", program.text, text, program.line, (start, start + len(text))))
    return found


def _commands(block: str, start: int, line: int) -> Iterator[Step]:
    lines = block.splitlines(keepends=True)
    while lines:
        first, taken = line, [lines.pop(0)]
        if not taken[0].startswith("$ "):
            raise ValueError(f"line {first}: a console block begins with '$ '")
        while _goes_on("".join(taken)[2:]):
            taken.append(lines.pop(0))
        command = "".join(taken)
        shown = "".join(takewhile(lambda text: not text.startswith("$ "), lines))
        lines = lines[shown.count("\n") :]
        start += len(command)
        yield Step("console", command[2:].strip(), shown or None, first, (start, start + len(shown)))
        start += len(shown)
        line += (command + shown).count("\n")


def _goes_on(command: str) -> bool:
    """Whether a shell would wait for another line."""
    if command.endswith("\\\n"):
        return True
    try:
        shlex.split(command)
    except ValueError:
        return True
    return False


def disagreement(shown: str, printed: str) -> str | None:
    """The first line that is shown and not printed, or None."""
    rest = [line.rstrip() for line in printed.splitlines() if line.strip()]
    wanted = [line.rstrip() for line in shown.splitlines() if line.strip()]
    skipping = False
    for line in wanted:
        if line.strip() == "...":
            skipping = True
            continue
        while skipping and rest and not _agree(line, rest[0]):
            rest.pop(0)
        if not rest or not _agree(line, rest[0]):
            return f"shown: {line!r}\nprinted: {rest[0] if rest else 'nothing more'!r}"
        rest.pop(0)
        skipping = False
    return None if skipping or not rest else f"printed, not shown: {rest[0]!r}"


def _agree(shown: str, printed: str) -> bool:
    if shown.split() == printed.split():
        return True
    texts = [_MEASURED.sub("#", text) for text in (shown, printed)]
    if len({tuple(_DECIMAL.sub("#", text).split()) for text in texts}) > 1:
        return False
    numbers = [[float(number.replace(",", "")) for number in _DECIMAL.findall(text)] for text in texts]
    return all(abs(a - b) <= max(0.05, 0.1 * abs(a)) for a, b in zip(*numbers, strict=True))


@dataclass
class Trained:
    """Runs that several pages begin with, trained once: command to its folder and what it printed."""

    folder: Path
    runs: dict[str, tuple[Path, str]] = field(default_factory=dict)


class Reader:
    """Someone who does what a page says, in a folder that looks like a fresh clone."""

    def __init__(self, folder: Path, trained: Trained) -> None:
        self.folder, self.trained = folder, trained
        self.refused: str | None = None
        """What the last command said instead of doing its work."""
        self.extends = False
        """Whether the page has written a module, which rankkit is to import."""
        self.service: Any = None
        self.services = contextlib.ExitStack()
        for name in ("data", "experiments"):
            (folder / name).symlink_to(ROOT / name)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.services.close()

    def does(self, step: Step) -> str:
        """Do one step; gives what it printed on stdout and, after that, its errors and warnings.

        Args:
            step: What to do; the current directory is the reader's folder.
        """
        self.refused = None
        name = re.match(r"# (\S+\.(?:toml|py))\n", step.text)
        if step.kind == "toml" and name is None:
            raise ValueError("a toml block begins with '# name.toml'")
        if step.kind in ("toml", "python") and name is not None:
            (self.folder / name[1]).write_text(step.text)
            self.extends = self.extends or step.kind == "python"
            return ""
        if step.kind == "python":
            script = self.folder / "example.py"
            script.write_text(step.text)
            if self.extends:
                return _in_shell(f"{shlex.quote(forked.executable())} example.py")
            with _captured() as printed:
                runpy.run_path(str(script))
            return printed()
        return self._runs(re.sub(r"\\\n\s*", "", step.text))

    def _runs(self, command: str) -> str:
        words = shlex.split(command)
        if words[0] in NOT_RUN:
            return ""
        if words[0] == "curl":
            return self._requests(words)
        if words[:2] == ["rankkit", "serve"]:
            return self._serves(words)
        if self.extends or words[0] != "rankkit" or re.search(r"(?<!\S)[|<>](?!\S)", command):
            return _in_shell(command)
        if words[1] == "train" and "--resume" not in words:
            return self._trains(command, words)
        return self._runs_command(words)

    def _runs_command(self, words: Sequence[str]) -> str:
        from rankkit.cli.app import app
        from rankkit.errors import RankkitError

        with _captured() as printed:
            try:
                app(list(words[1:]), standalone_mode=False)
            except RankkitError as error:
                self.refused = str(error)
                sys.stderr.write(f"rankkit: {error}\n")
            except SystemExit as end:
                self.refused = f"exit code {end.code}" if end.code else None
        return printed()

    def _trains(self, command: str, words: Sequence[str]) -> str:
        """Train, or take what an earlier page trained by the same command."""
        if command in self.trained.runs:
            kept, printed = self.trained.runs[command]
            shutil.copytree(kept, self.folder / _value(words, "--out"))
            return printed
        printed = self._runs_command(words)
        out = _value(words, "--out")
        if out and self.refused is None:
            kept = self.trained.folder / str(len(self.trained.runs))
            shutil.copytree(self.folder / out, kept)
            self.trained.runs[command] = (kept, printed)
        return printed

    def _serves(self, words: Sequence[str]) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks for a successor of httpx
            from fastapi.testclient import TestClient

        from rankkit.serving import Settings
        from rankkit.serving.server import app_of

        port = _value(words, "--port") or "8080"
        is_ranker = (self.folder / words[2] / "scorer.safetensors").is_file()
        settings = Settings(engine="torch") if is_ranker else Settings()
        app = app_of({Path(words[2]).name: Path(words[2])}, settings)
        self.service = self.services.enter_context(TestClient(app, base_url=f"http://127.0.0.1:{port}"))
        return f"serving {words[2]} on http://127.0.0.1:{port}, documentation at /docs; stop with Ctrl-C\n"

    def _requests(self, words: Sequence[str]) -> str:
        url = next(word for word in words if word.startswith("http"))
        body = _value(words, "-d")
        answer = self.service.get(url) if body is None else self.service.post(url, content=body)
        return str(answer.text) + "\n"


def _in_shell(command: str) -> str:
    function = f'rankkit() {{ {shlex.quote(forked.executable())} -m rankkit "$@"; }}; '
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path.cwd())])}
    done = subprocess.run(["bash", "-c", function + command], capture_output=True, text=True, env=environment)
    return done.stdout + re.sub(r"^Compiling .*\n", "", done.stderr, flags=re.MULTILINE)


@contextlib.contextmanager
def _captured() -> Iterator[Callable[[], str]]:
    """What is printed meanwhile: stdout, then errors and warnings, but no lines of progress."""
    out, err = io.StringIO(), io.StringIO()

    def printed() -> str:
        told = (line for line in err.getvalue().splitlines() if line.startswith("rankkit: "))
        return out.getvalue() + "".join(f"{line}\n" for line in told)

    def show(message: Warning | str, *_: Any) -> None:
        err.write(f"rankkit: warning: {message}\n")

    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield printed


def _value(words: Sequence[str], option: str) -> str | None:
    return words[words.index(option) + 1] if option in words else None


def rewrite(path: Path) -> None:
    """Run a page and put what is printed in the place of what it shows, where the two disagree."""
    page = path.read_text()
    changes = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        work = Path(folder) / "clone"
        work.mkdir()
        os.chdir(work)
        with Reader(work, Trained(Path(folder))) as reader:
            for step in steps(page):
                printed = reader.does(step)
                if step.shown is not None and step.place is not None and disagreement(step.shown, printed):
                    first = step.text.splitlines()[0]
                    sys.stdout.write(f"{path.name}:{step.line}: {first}\n{disagreement(step.shown, printed)}\n\n")
                    changes.append((step.place, printed.rstrip("\n") + "\n"))
    for (begin, end), printed in reversed(changes):
        page = page[:begin] + printed + page[end:]
    path.write_text(page)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        rewrite(Path(name).resolve())
