"""What ``rankkit`` and ``--help`` show; the modules are rankkit.cli.app and rankkit.cli.next_step."""

import re
import subprocess
import sys

import pytest
from typer.main import get_command

from rankkit.cli.app import app
from rankkit.cli.next_step import suggest

COMMANDS = get_command(app).commands


@pytest.fixture
def narrow(monkeypatch):
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")


def test_without_arguments_it_shows_the_commands_in_the_order_of_work(rankkit, narrow):
    shown = rankkit()
    text = shown.out + shown.err
    places = [text.index(f"│ {command} ") for command in COMMANDS]
    assert places == sorted(places)
    assert list(COMMANDS)[:4] == ["inspect", "split", "convert", "qrels"]
    for panel in ("Prepare data", "Train, evaluate, compare", "Use", "Similarity", "Look up"):
        assert f"─ {panel} ─" in text
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) <= 45


def test_each_command_has_one_line_in_the_overview(rankkit, narrow):
    text = rankkit().out
    for name, command in COMMANDS.items():
        assert re.search(rf"│ {name} +{re.escape(command.short_help)} *│", text), name


def test_the_command_to_begin_with_is_one_line_and_works_in_a_clone(rankkit, narrow, monkeypatch):
    begin = next(line for line in rankkit().out.splitlines() if "Begin:" in line)
    words = begin.split()[2:]
    command = COMMANDS[words[0]]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_and_explains_every_option(rankkit, narrow, name):
    text = rankkit(name, "--help").out
    assert max(map(len, text.splitlines())) <= 80
    assert "<bool>" not in text
    for parameter in COMMANDS[name].params:
        assert parameter.help, f"rankkit {name}: {parameter.name} has no help"
        assert parameter.help.rstrip()[-1] in ".)", f"rankkit {name}: help of {parameter.name} is no sentence"


def test_the_overview_needs_no_torch():
    probe = (
        "import sys\nsys.argv = ['rankkit']\n"
        "from rankkit.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'pydantic'} & set(sys.modules)\nassert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)


class Terminal:
    """A stream that a person reads, or not."""

    def __init__(self, *, read):
        self.read, self.text = read, ""

    def isatty(self):
        return self.read

    def write(self, text):
        self.text += text
        return len(text)

    def flush(self):
        pass


@pytest.mark.parametrize(("out", "err"), [(True, True), (False, True), (True, False), (False, False)])
def test_the_next_step_is_for_a_person_and_stays_out_of_stdout(monkeypatch, out, err):
    streams = Terminal(read=out), Terminal(read=err)
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    suggest("rankkit", "evaluate", "runs/my ranker", "data/test.txt")
    assert not streams[0].text
    assert ("next: rankkit evaluate 'runs/my ranker' data/test.txt" in streams[1].text) == (out and err)


def test_a_command_ends_with_the_next_step(monkeypatch, rankkit, files):
    asked = []
    monkeypatch.setattr("rankkit.cli.data.inspect.suggest", lambda *words: asked.append([str(word) for word in words]))
    rankkit("inspect", files / "train.txt")
    assert asked == [["rankkit", "train", "--train", str(files / "train.txt"), "--out", "runs/first"]]
