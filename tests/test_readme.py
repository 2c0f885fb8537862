"""What README shows is what happens."""

import contextlib
import io
import re
import runpy
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from rankkit.cli.app import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?")


def examples():
    """Each Python block with the output block that follows it."""
    return re.findall(r"```python\n(.*?)```\n+```text\n(.*?)```", README, flags=re.DOTALL)


def test_there_are_examples_with_output():
    assert len(examples()) >= 1


@pytest.mark.parametrize(("code", "shown"), examples())
def test_python_examples_print_what_is_shown(code, shown, monkeypatch, tmp_path):
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "example.py"
    script.write_text(code)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(str(script))
    assert NUMBER.sub("#", printed.getvalue()).split() == NUMBER.sub("#", shown).split()
    # Other processors round otherwise, and thirty epochs carry that on.
    for got, promised in zip(NUMBER.findall(printed.getvalue()), NUMBER.findall(shown), strict=True):
        assert float(got) == pytest.approx(float(promised), abs=0.05)


def shown_commands():
    blocks = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    lines = re.sub(r"\\\n\s*", " ", "".join(blocks)).splitlines()
    return [shlex.split(line[2:]) for line in lines if line.startswith("$ rankkit ")]


def test_every_command_is_shown():
    assert set(get_command(app).commands) <= {words[1] for words in shown_commands()}


@pytest.mark.parametrize("words", shown_commands(), ids=" ".join)
def test_shown_commands_exist_with_their_options(words):
    command = get_command(app).commands[words[1]]
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words[2:] if word.startswith("--")} <= known
