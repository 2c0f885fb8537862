"""``rankkit options``: every key with what it takes."""

import re

import pytest
from torch import nn
from typer.testing import CliRunner

from rankkit.cli.app import app
from rankkit.cli.kinds.described import SECTIONS, defaults, key_names, part
from rankkit.cli.kinds.described import section as described_section
from rankkit.cli.options import _SECTIONS
from rankkit.errors import ConfigError
from rankkit.registry import ENCODERS, OBJECTIVES, SCORERS, names, register, unregister


def shown(*words):
    done = CliRunner().invoke(app, ["options", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_without_a_section_all_keys_are_named():
    output = shown()
    for named in (*_SECTIONS, "scorer NAME", "encoder NAME", "objective NAME"):
        assert re.search(rf"^{named}: \w", output, re.MULTILINE), named
    assert all(len(line) <= 80 for line in output.splitlines())


@pytest.mark.parametrize("table", [*SECTIONS, *(table for table, _ in _SECTIONS.values() if table not in SECTIONS)])
def test_keys_read_from_the_source_are_those_that_there_are(table):
    assert key_names(table) == [option.name for option in described_section(table)]


@pytest.mark.parametrize("kind", ["scorer", "encoder", "recommender", "objective", "embedding objective"])
def test_defaults_read_from_the_source_are_those_that_there_are(kind):
    for name in names(kind):
        assert defaults(kind, name) == {option.name: option.default for option in part(kind, name)}


def test_defaults_of_what_was_registered_are_its_own():
    class Wide(nn.Module):
        def __init__(self, n_features: int, *, width: int = 2 * 7) -> None:
            super().__init__()

    register("scorer", "wide_one", Wide)
    try:
        assert "\nwide_one: width = 14\n" in shown("scorer")
    finally:
        unregister("scorer", "wide_one")


@pytest.mark.parametrize("section", _SECTIONS)
def test_every_key_of_a_section_has_a_line_of_help(section):
    for line in re.findall(r"^  \w.*", shown(section), re.MULTILINE):
        assert re.match(r"  \w+ = .*: \S", line), line


def test_a_key_in_full():
    output = shown("training")
    assert '  optimizer = "adamw" (text): "adamw", "adam"' in output
    assert '  schedule = "one_cycle" ("one_cycle" "cosine" "linear" "constant"): ' in output
    assert "  learning_rate = left out (number): " in output
    assert "as in fit" not in shown("encoder-training").lower()


@pytest.mark.parametrize(("kind", "entries"), [("scorer", SCORERS), ("encoder", ENCODERS), ("objective", OBJECTIVES)])
def test_entries(kind, entries):
    listed = shown(kind)
    for name in entries.built_in:
        assert f"\n{name}: " in f"\n{listed}"
    first = next(iter(entries.built_in))
    assert shown(kind, first).startswith(f"{kind} {first} (--set {kind}.KEY=VALUE)")


def test_embedding_objectives_are_there_too():
    assert "temperature" in shown("objective", "supcon")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trainin"], r"options: expected a section; got 'trainin'\. Did you mean 'training'"),
        (["training", "epochs"], "expected training alone; got 'epochs' too"),
        (["scorer", "mpl"], r"got 'mpl'\. Did you mean 'mlp'"),
    ],
)
def test_what_is_not_there(words, message):
    with pytest.raises(ConfigError, match=message):
        shown(*words)
