"""``rankkit objectives``: the table and one entry; the module is rankkit.cli.objectives."""

import re
import subprocess
import sys

import pytest

from rankkit.objectives.descriptions import ROWS


def test_the_table_has_every_objective_and_fits_a_terminal(rankkit):
    answer = rankkit("objectives")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in answer.out
    words = " ".join(answer.out.split())
    for name, row in ROWS.items():
        assert f"{name} {row.use_when} labels: {row.needs}; cost: {row.cost}" in words
        assert f"{row.family} objectives" in lines


def test_the_table_needs_no_torch():
    probe = (
        "import sys\nsys.argv = ['rankkit', 'objectives']\n"
        "from rankkit.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'numba'} & set(sys.modules)\nassert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)


def test_one_entry_in_full(rankkit):
    answer = rankkit("objectives", "unique_softmax")
    assert answer.code == 0
    words = " ".join(answer.out.split())
    row = ROWS["unique_softmax"]
    for text in (row.formula, row.range, row.needs, row.cost, row.use_when, "rankkit.unique_softmax_loss"):
        assert text in words
    assert "gain = 'exp': \"exp\", 2^y - 1 as in the paper" in words
    assert "temperature = 1.0: Above 0; scores are divided by it before the softmax" in words
    assert 'Zhu, Klabjan, "Listwise Learning to Rank by Exploring Unique Ratings", WSDM 2020' in words
    assert max(map(len, answer.out.splitlines())) <= 80


@pytest.mark.parametrize("name", ROWS)
def test_every_entry_shows_options_and_reference(rankkit, name):
    from rankkit.objectives.module import option_names
    from rankkit.registry import find

    out = rankkit("objectives", name).out
    assert out.startswith(f"{name} ({ROWS[name].family})")
    listed = " ".join(out.split("\nReferences\n")[0].split())
    kind = "embedding objective" if ROWS[name].family == "embedding" else "objective"
    options = option_names(find(kind, name))
    if kind == "embedding objective" and "distance" in options:  # it is the encoder's
        options.remove("distance")
        assert "--set encoder.distance=NAME" in listed
    for option in options:
        assert re.search(rf" {option} = [^:]+: \S", listed), option
    assert out.split("\nReferences\n")[1].strip()


def test_an_objective_without_options_says_so(rankkit):
    assert "Options: none" in rankkit("objectives", "mse").out


def test_an_unknown_name_is_told_the_nearest(rankkit):
    answer = rankkit("objectives", "softmaxx")
    assert answer.code == 2
    assert "got 'softmaxx'. Did you mean 'softmax'?" in answer.err
