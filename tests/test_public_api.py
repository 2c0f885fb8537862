"""The public face: every name is there, imported lazily, and told to type checkers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rankkit


@pytest.mark.parametrize("name", rankkit.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(rankkit, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'ranknett'"):
        rankkit.ranknett  # noqa: B018


def test_type_checkers_see_the_names_that_run_time_sees():
    tree = ast.parse(Path(rankkit.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    assert seen == rankkit._HOME


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
