"""What README and the pages under docs/ show is what happens."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

import rankkit as rk
from rankkit.cli.app import app
from tests import experiment_keys, pages
from tests.pages import PAGES, Reader, Trained, disagreement, steps

ROOT = Path(__file__).parent.parent
COMMANDS = get_command(app).commands
# Pages that train many systems, or encoders.
LONG = {"comparing.md", "similarity.md"}
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in (*PAGES, ROOT / "data" / "README.md")}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("trained"))


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.name in LONG else [], id=path.name)
        for path in PAGES
        if steps(path.read_text())
    ],
)
def test_a_page_does_what_it_shows(path, trained, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    with Reader(tmp_path, trained) as reader:
        for step in steps(path.read_text()):
            printed = reader.does(step)
            where = f"{path.name}:{step.line}: {step.text.splitlines()[0]}"
            if step.shown is not None:
                assert disagreement(step.shown, printed) is None, where
            else:
                assert reader.refused is None, where


def shown_commands():
    """Each rankkit command of the pages, in blocks and in running text, as it is typed."""
    for page in TEXTS.values():
        yield from (step.text for step in steps(page) if step.kind == "console" and step.text.startswith("rankkit"))
        yield from re.findall(r"`(rankkit [^`]+)`", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL))


def unfolded(command):
    return re.sub(r"\\?\n\s*", " ", command)


def test_every_command_is_shown():
    assert set(COMMANDS) <= {unfolded(command).split()[1] for command in shown_commands()}


@pytest.mark.parametrize("command", sorted(set(map(unfolded, shown_commands()))))
def test_shown_commands_exist_with_their_options(command):
    words = shlex.split(command)
    known = {name for parameter in COMMANDS[words[1]].params for name in parameter.opts}
    assert {word for word in words[2:] if word.startswith("--")} <= known


@pytest.mark.parametrize("command", sorted(set(map(unfolded, shown_commands()))))
def test_shown_commands_mean_the_same_in_bash_and_zsh(command):
    # zsh takes brackets, stars, question marks and braces of an unquoted word as a pattern, and # as a word.
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", command)
    assert not set("[]*?{}#~^!") & set(bare)


@pytest.mark.parametrize("name", TEXTS)
def test_names_in_running_text_exist(name):
    used = set(re.findall(r"\brk\.(\w+)", TEXTS[name]))
    assert used <= set(rk.__all__)


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name):
    folder = (ROOT / name).parent
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", TEXTS[name]):
        assert target.startswith("https://") or (folder / target).exists(), target


def test_every_page_is_in_the_index():
    linked = set(re.findall(r"\]\((\S+?\.md)\)", TEXTS["docs/README.md"]))
    assert {path.name for path in PAGES if path.parent.name == "docs"} - {"README.md"} <= linked


def test_readme_is_short():
    assert len(TEXTS["README.md"].splitlines()) <= 150


def test_the_keys_of_experiment_files_are_those_of_the_code():
    page = experiment_keys.PAGE.read_text()
    shown = {found[2]: found[0] for found in experiment_keys.MARKED.finditer(page)}
    assert set(shown) == set(experiment_keys.tables())
    assert experiment_keys.filled(page) == page, "run python -m tests.experiment_keys"


def test_the_number_of_objectives_is_that_of_the_catalogue():
    from rankkit.registry import EMBEDDING_OBJECTIVES, OBJECTIVES

    said = re.search(r"(\d+) ranking objectives .*? by (\d+) more", TEXTS["README.md"], re.DOTALL)
    assert [int(number) for number in said.groups()] == [len(OBJECTIVES), len(EMBEDDING_OBJECTIVES)]


@pytest.mark.parametrize(
    ("shown", "printed", "agree"),
    [
        ("a 0.91\nb\n", "a 0.93\nb\n", True),
        ("a 0.91\n", "a 0.71\n", False),
        ("a\n...\nc\n", "a\nb\nb\nc\n", True),
        ("a\n...\n", "a\nb\n", True),
        ("a\n", "a\nb\n", False),
        ("a\nb\n", "a\n", False),
        ("60 epochs in 2.3 s\n", "60 epochs in 40.1 s\n", True),
        ("60 epochs in 2.3 s\n", "59 epochs in 2.3 s\n", False),
    ],
)
def test_what_is_shown_is_compared_with_what_is_printed(shown, printed, agree):
    assert (disagreement(shown, printed) is None) == agree


def test_a_page_is_read_step_by_step():
    page = (
        "```console\n$ rankkit a \\\n    b\nprinted\n$ rankkit c\n```\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n"
    )
    assert [(step.kind, step.shown) for step in steps(page)] == [
        ("console", "printed\n"),
        ("console", None),
        ("python", "1\n"),
    ]
    assert [step.line for step in steps(page)] == [2, 5, 9]
    assert pages.PAGES[0].name == "README.md"
