"""The few-shot experiment: its quick form, runs that go on where they stopped, tables without holes, intervals."""

import argparse
import importlib.util
import json
import math
from pathlib import Path

import pytest
from scipy.stats import t

FOLDER = Path(__file__).parent.parent / "experiments" / "few-shot"


@pytest.fixture
def experiment(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location("few_shot_run", FOLDER / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def arguments(tmp_path):
    return argparse.Namespace(seeds=2, data=["glyphs"], only=None, epochs=None, all_alphabets=False, out=tmp_path)


def made_up(data, held_back, objective, distance, seed, epochs):
    """A line as a run gives it, without the run."""
    key = zip(
        ("data", "held back", "objective", "distance", "seed", "epochs"),
        (data, held_back, objective, distance, seed, epochs),
        strict=True,
    )
    measured = {"5-way": 0.9, "20-way": 0.7 + 0.1 * seed, "5-way raw": 0.5, "20-way raw": 0.25}
    return {**dict(key), **measured, "training s": 1.0}


def test_supcon_beats_raw_pixels_on_characters_of_a_script_it_never_saw(experiment):
    found = experiment.quick(n_classes=40, epochs=4)
    assert found["5-way"] > found["5-way raw"]
    assert found["20-way"] > found["20-way raw"] + 0.05


def test_no_character_is_in_two_parts_and_turned_characters_are_classes_of_their_own(experiment):
    characters = importlib.import_module("characters")
    train, valid, test = characters.glyphs()
    assert {*test.class_groups} == {"greek"}
    assert not {*train.class_groups} & ({*valid.class_groups} | {*test.class_groups})
    turned = characters.with_turns(valid)
    assert turned.n_classes == 4 * valid.n_classes
    upright, quarter = turned.inputs[0], turned.inputs[valid.n_examples]
    assert (quarter[0].T[:, ::-1] == upright[0]).all() or (quarter[0].T[::-1] == upright[0]).all()


def test_runs_that_are_there_are_skipped(experiment, arguments, monkeypatch):
    made = []
    monkeypatch.setattr(experiment, "one_run", lambda *key: made.append(key) or made_up(*key))
    experiment.run_all(arguments)
    assert len(made) == 2 * len(experiment.CELLS) == len((arguments.out / "glyphs.jsonl").read_text().splitlines())
    experiment.run_all(arguments)
    assert len(made) == 2 * len(experiment.CELLS)
    arguments.seeds = 3
    experiment.run_all(arguments)
    assert len(made) == 3 * len(experiment.CELLS)


def test_each_alphabet_is_held_back_once_in_five_seeds(experiment, arguments):
    arguments.data, arguments.seeds, arguments.only = ["omniglot"], 5, ["supcon/cosine"]
    assert sorted(run["held back"] for run in experiment.planned(arguments)) == sorted(experiment.ALPHABETS)
    arguments.all_alphabets = True
    assert len(list(experiment.planned(arguments))) == 5 * 5


def test_tables_have_no_holes_and_state_the_number_of_runs(experiment, arguments, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(experiment, "one_run", made_up)
    arguments.data = ["glyphs", "omniglot"]
    experiment.run_all(arguments)
    experiment.one_shot_tables.show(arguments.out, tmp_path)
    printed = capsys.readouterr().out
    half = t.ppf(0.975, 1) * math.sqrt((0.05**2 + 0.05**2) / 1) / math.sqrt(2)
    assert f".750 ± {half:.3f}".replace(" 0.", " .") + " (2)" in printed
    assert "squared L2 by definition" in printed
    assert "not run yet" not in printed
    assert "|  |" not in printed
    assert (tmp_path / "one-shot.png").stat().st_size > 10_000


def test_an_interval_is_that_of_students_t_over_runs(experiment):
    mean, half = experiment.one_shot_tables.interval([0.8, 0.9, 1.0])
    assert mean == pytest.approx(0.9)
    assert half == pytest.approx(t.ppf(0.975, 2) * 0.1 / math.sqrt(3))
    assert math.isnan(experiment.one_shot_tables.interval([0.8])[1])


@pytest.mark.realdata
def test_alphabets_held_back_are_neither_trained_nor_validated_on(experiment, real_data):
    characters = importlib.import_module("characters")
    for held_back in characters.ALPHABETS:
        train, valid, test = characters.omniglot(held_back)
        assert {*test.class_groups} == {held_back}
        assert len({*train.class_groups}) == 3
        assert not {*train.class_groups} & {held_back, *valid.class_groups}
        assert train.n_classes == 4 * sum(name.endswith("turned 0") for name in train.class_names)


def test_a_line_can_be_read_again(experiment, tmp_path):
    experiment.add_line(tmp_path, made_up("glyphs", "greek", "supcon", "cosine", 0, 3))
    (line,) = experiment.one_shot_tables.read_lines(tmp_path)
    assert json.loads(json.dumps(line)) == line
