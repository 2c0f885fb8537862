"""The public face: every name is there, imported lazily, and told to type checkers."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch import nn

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


KINDS = ("RankingDataset", "LabelledExamples", "Interactions")
BESIDE = {"student": None, "build": None, "objective": "ranknet", "n_windows": 2, "by": "time"}


def _asks_for_data():
    """The functions whose arguments are data that was read, with the names of those that must be given."""
    for name in rankkit.__all__:
        function = getattr(rankkit, name)
        if not inspect.isfunction(function):
            continue
        parameters = inspect.signature(function).parameters.values()
        needed = [one for one in parameters if one.default is one.empty and one.kind is not one.VAR_KEYWORD]
        data = [one.name for one in needed if getattr(one.annotation, "__name__", "") in KINDS]
        if data and data[0] != "valid":
            yield pytest.param(function, needed, data[0], id=name)


@pytest.mark.parametrize("given", [[1, 2, 3], "train.txt", None])
@pytest.mark.parametrize(("function", "needed", "data"), list(_asks_for_data()))
def test_what_is_no_data_is_refused_by_name(function, needed, data, given, tmp_path):
    beside = {"path": tmp_path / "out.csv", "folder": tmp_path / "out", "scores": np.zeros(3, np.float32), **BESIDE}
    scorer, encoder = rankkit.MLPScorer(1), rankkit.WrappedEncoder(nn.Linear(1, 2), n_dims=2, distance="cosine")
    beside |= {"scorer": scorer, "model": scorer, "teacher": scorer, "encoder": encoder}
    more = {"n_queries": 1} if function is rankkit.subsample else {}
    arguments = {one.name: beside.get(one.name, 1) for one in needed}
    with pytest.raises(rankkit.DataError, match=rf"expected (a )?({'|'.join(KINDS)}) as {data}; got "):
        function(**{**arguments, **more, data: given})
    assert not list(tmp_path.iterdir())
