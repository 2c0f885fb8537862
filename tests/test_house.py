"""The house rules that a machine can check."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "rankkit").rglob("*.py"))
# The loops of one parser, and the codes that they share.
ONE_KERNEL = ROOT / "rankkit" / "loaders" / "letor" / "kernels.py"


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_files_stay_small(path):
    assert len(path.read_text().splitlines()) <= (700 if path == ONE_KERNEL else 400)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_names_say_what_a_file_holds(path):
    assert path.stem not in {"utils", "util", "common", "helpers", "misc", "base", "core"}


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_words_of_other_toolkits_stay_out(path):
    names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
    names |= {node.arg for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.arg)}
    assert not names & {"y_pred", "y_true", "slate", "topn", "preds"}


@pytest.mark.parametrize(
    "folder",
    sorted({path.parent for path in SOURCES if path.parent.name != "rankkit" and path.name != "__init__.py"}),
    ids=relative,
)
def test_tests_mirror_the_package(folder):
    assert list((ROOT / "tests" / folder.relative_to(ROOT / "rankkit")).glob("test_*.py"))


def test_the_error_tree_in_the_docstring_is_the_tree():
    from rankkit import errors

    drawn = set(re.findall(r"\+-- (\w+)", errors.__doc__ or ""))
    children = {cls.__name__ for cls in errors.RankkitError.__subclasses__()}
    assert drawn == children


@pytest.mark.parametrize("room", ["bundle", "comparison", "export", "serving", "training", "evaluation", "cli"])
def test_kinds_of_models_are_told_apart_by_their_task_alone(room):
    by_name = re.compile(r'[!=]= "(scorer|encoder|recommender|ranking|similarity|recommendation)"')
    found = [path for path in (ROOT / "rankkit" / room).rglob("*.py") if by_name.search(path.read_text())]
    assert [path for path in found if relative(path) != "rankkit/export/encoders/manifest.py"] == []
