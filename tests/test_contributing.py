"""The additions that CONTRIBUTING.md shows are small, and work in a copy of the tree."""

import os
import re
import shutil
from pathlib import Path

import pytest

from tests import forked

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
DIFFS = re.findall(r"^```diff\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TABLES = "rankkit/registry/tables.py"


def files_of(diff):
    """Path to the head of its hunk and the lines that it adds."""
    parts = re.split(r"^--- .*\n\+\+\+ b/(\S+)\n@@ (.*)\n", diff, flags=re.MULTILINE)[1:]
    return {
        path: (head, [line[1:] for line in lines.splitlines()])
        for path, head, lines in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    }


def apply(diff, tree):
    """New files as they stand; lines of a table at its beginning."""
    for path, (head, lines) in files_of(diff).items():
        target = tree / path
        if head.startswith("-0,0"):
            target.write_text("\n".join(lines) + "\n")
            continue
        text = target.read_text()
        begin = text.index("    {\n", text.index(f"\n{head}\n")) + len("    {\n")
        target.write_text(text[:begin] + "\n".join(lines) + "\n" + text[begin:])


@pytest.mark.parametrize("diff", DIFFS, ids=lambda diff: next(iter(files_of(diff))))
def test_an_addition_is_one_file_and_one_line(diff):
    files = files_of(diff)
    assert len(files) == 2
    assert len(files[TABLES][1]) == 1
    assert len(diff.splitlines()) < 40
    for path, (head, lines) in files.items():
        if path != TABLES:
            assert head == f"-0,0 +1,{len(lines)} @@"
            assert not (ROOT / path).exists()


def test_they_work_in_a_copy_of_the_tree(tmp_path):
    tree = tmp_path / "tree"
    # What is compiled goes along, but not what another process writes at this moment.
    shutil.copytree(ROOT / "rankkit", tree / "rankkit", ignore=shutil.ignore_patterns("*.tmp.*", "*.pyc.*"))
    assert len(DIFFS) == 4
    for diff in DIFFS:
        apply(diff, tree)
    program = """
import json
import rankkit as rk
from rankkit.export import export
from rankkit.testing import check_metric, check_objective, check_scorer
from rankkit.registry import METRICS, OBJECTIVES
assert rk.__file__.startswith(TREE), rk.__file__
check_scorer("product")
check_metric(METRICS["first_label"])
try:
    check_objective(OBJECTIVES["huber"], teaches_from_one_grade=True)
except AssertionError as broken:
    print(broken)
train, valid = rk.make_ranking(30, seed=1), rk.make_ranking(20, seed=2)
rk.write(train, "train.txt"), rk.write(valid, "valid.txt")
linear = rk.LinearScorer(10, transform="none", bias=False, seed=0)
rk.fit(linear, "huber", train, valid, metric="first_label", epochs=2, progress=False)
print(export(linear, "table", "ranker.json").parity.inversions, len(json.load(open("ranker.json"))))
"""
    environment = {**os.environ, "PYTHONPATH": str(tree)}

    def run(*words):
        done = forked.python(*words, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    output = run("-c", program.replace("TREE", repr(str(tree))))
    assert output.splitlines()[-1] == "0 10"
    assert "expected one value a list" not in output
    trained = run(
        *("-m", "rankkit", "train", "--train", "train.txt", "--valid", "valid.txt", "--scorer", "product"),
        *("--objective", "huber", "--set", "objective.delta=2.0", "--set", "training.epochs=1", "--out", "run"),
    )
    assert "huber trains ProductScorer(n_features=10, transform='standardize', seed=0)" in trained
    assert "  delta = 1.0 (number): Where it turns" in run("-m", "rankkit", "options", "objective", "huber")
