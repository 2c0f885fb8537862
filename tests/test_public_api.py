"""The public face: every name is there, imported lazily, and told to type checkers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rankkit
import rankkit.objectives


@pytest.mark.parametrize("name", rankkit.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(rankkit, name).__doc__


@pytest.mark.parametrize("module", [rankkit, rankkit.objectives])
def test_an_unknown_name_is_an_attribute_error(module):
    with pytest.raises(AttributeError, match=r"No rankkit.* attribute ranknett"):
        module.ranknett  # noqa: B018


@pytest.mark.parametrize("module", [rankkit, rankkit.objectives])
def test_names_are_those_of_the_stub_that_type_checkers_read(module):
    tree = ast.parse(Path(module.__file__).with_suffix(".pyi").read_text())
    names = [alias.asname for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(names) == sorted(module.__all__)
    assert len(names) == len(set(names))


def test_all_is_what_dir_shows():
    assert dir(rankkit) == sorted(rankkit.__all__)


@pytest.mark.parametrize("command", [["-c", "import rankkit"], ["-m", "rankkit", "--help"]])
def test_nothing_heavy_is_imported_before_it_is_needed(command):
    probe = (
        "import sys, runpy\n"
        f"sys.argv = {['rankkit', *command[2:]]!r}\n"
        "try:\n"
        + ("    import rankkit\n" if command[0] == "-c" else "    runpy.run_module('rankkit', run_name='__main__')\n")
        + "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'numba', 'pyarrow', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)


def test_public_tensor_functions_import_no_compiler():
    probe = (
        "import sys, rankkit\n"
        "for name in rankkit.__all__: getattr(rankkit, name)\n"
        "assert 'numba' not in sys.modules\n"
        "import torch; assert torch.initial_seed() == torch.default_generator.initial_seed()"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)
