"""Every experiment says what it shows and how to make it again; `train` or `compare` takes every experiment file."""

import tomllib
from pathlib import Path

import pytest

from rankkit.cli.kinds.commands import load_comparison, load_experiment

EXPERIMENTS = Path(__file__).parent.parent / "experiments"


@pytest.mark.parametrize(
    "folder", sorted(path for path in EXPERIMENTS.iterdir() if path.is_dir()), ids=lambda p: p.name
)
def test_an_experiment_has_a_readme_with_its_commands(folder):
    text = (folder / "README.md").read_text()
    for script in folder.glob("*.py"):
        assert f"experiments/{folder.name}/{script.name}" in text or f"make {script.stem}" in text


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.rglob("*.toml")), ids=lambda p: p.parent.name)
def test_experiment_files_are_valid(path):
    if "objectives" in tomllib.loads(path.read_text()):
        load_comparison(path)
    else:
        load_experiment(path, {}, [])
