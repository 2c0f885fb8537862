import json
import math
import statistics
from dataclasses import replace

import pytest

from rankkit.comparison.plan import (
    Part,
    Plan,
    Range,
    RunSpec,
    Search,
    System,
    check_search,
    cross,
    external_system,
    with_grid,
)
from rankkit.comparison.trials import count_runs, option_sets, reported_runs, runs_to_do
from rankkit.errors import ConfigError
from rankkit.tasks.ranking.splits import Source


def plan(**changes):
    systems = (
        *cross([Part("linear"), Part("mlp", {"hidden": [8]})], [Part("ranknet")], {"epochs": 2}),
        external_system(Part("best-feature")),
        external_system(Part("random")),
    )
    search = Search(3, {"training.learning_rate": Range(1e-4, 1e-1, log=True)})
    values = {"source": Source(train="a.txt"), "systems": systems, "baseline": "linear ranknet", "seeds": (4, 5)}
    return Plan(**{**values, "search": search, **changes})


def nothing_ran(spec):
    return None


def test_a_plan_and_its_runs_survive_json():
    options = {"training.epochs": Range(1, 9, whole=True), "scorer.mlp.hidden": [[8], [4, 4]]}
    asked = plan(search=Search(3, options, sampler="tpe"))
    assert Plan.from_dict(json.loads(json.dumps(asked.to_dict()))) == asked
    for spec in runs_to_do(asked, ["s"], nothing_ran):
        again = RunSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
        assert again == spec
        assert again.id == spec.id


def test_a_run_has_another_folder_for_whatever_could_change_its_result():
    changes = [{}, {"metric": "map"}, {"threads": 2}, {"source": Source(train="b.txt")}, {"seeds": (6, 5)}]
    ids = {runs_to_do(plan(**change), ["s"], nothing_ran)[0].id for change in changes}
    ids.add(runs_to_do(plan(), ["t"], nothing_ran)[0].id)
    assert len(ids) == len(changes) + 1
    # What is reported, and how it is tested, changes no run of the others.
    assert runs_to_do(plan(baseline="random"), ["s"], nothing_ran) == runs_to_do(plan(), ["s"], nothing_ran)


def test_a_search_tries_every_system_that_learns_as_often():
    asked = plan()
    sets = {system.name: option_sets(asked, system, "s", nothing_ran) for system in asked.systems}
    assert [len(s) for s in sets.values()] == [3, 3, 1, 1]
    for trials in list(sets.values())[:2]:
        assert trials[0] == {}
        assert all(1e-4 <= trial["training.learning_rate"] <= 1e-1 for trial in trials[1:])
    assert sets["linear ranknet"] != sets["mlp hidden=8 ranknet"]
    assert option_sets(asked, asked.systems[0], "s", nothing_ran) == sets["linear ranknet"]


def test_a_search_needs_as_many_values_as_trials():
    asked = plan(search=Search(4, {"training.epochs": [1, 2]}))
    with pytest.raises(ConfigError, match="at least 3 combinations of values for 'linear ranknet'; got 2"):
        option_sets(asked, asked.systems[0], "s", nothing_ran)


def test_trials_run_with_the_first_seed_and_the_best_with_the_others():
    asked = plan()
    first = runs_to_do(asked, ["s", "t"], nothing_ran)
    assert len(first) == 2 * (3 + 3 + 1 + 2)
    trained = [spec for spec in first if spec.system.model]
    assert {spec.seed for spec in trained} == {4}
    valid = {spec.id: 0.5 - abs(spec.trial - (1 if spec.split == "s" else 2)) for spec in trained}

    def ended(spec):
        return valid.get(spec.id)

    more = [spec for spec in runs_to_do(asked, ["s", "t"], ended) if spec not in first]
    assert [(spec.split, spec.seed, spec.trial) for spec in more] == [("s", 5, 1)] * 2 + [("t", 5, 2)] * 2
    assert count_runs(asked, 2) == len(first) + len(more)
    reported = reported_runs(asked, ["s", "t"], ended)
    assert len(reported) == 2 * (2 + 2 + 1 + 2)
    assert {spec.id for spec in more} <= {spec.id for spec in reported}


@pytest.mark.parametrize(("values", "best"), [((0.5, 0.5, 0.5), 0), ((0.1, math.nan, 0.2), 2), ((math.nan,) * 3, 0)])
def test_the_first_of_equals_is_reported_and_never_a_trial_that_failed(values, best):
    asked = plan()
    reported = reported_runs(asked, ["s"], lambda spec: values[spec.trial])
    assert {spec.trial for spec in reported if spec.system.model} == {best}
    further = [spec for spec in runs_to_do(asked, ["s"], lambda spec: values[spec.trial]) if spec.seed == 5]
    assert len([spec for spec in further if spec.system.model]) == (0 if math.isnan(values[0]) else 2)


def test_other_seeds_wait_for_every_trial():
    done = runs_to_do(plan(), ["s"], lambda spec: 0.5 if spec.trial < 2 else None)
    assert {spec.seed for spec in done if spec.system.model} == {4}


@pytest.fixture
def tpe():
    pytest.importorskip("optuna", reason="pip install optuna")
    options = {"training.learning_rate": Range(1e-4, 1e-1, log=True), "training.epochs": [1, 2, 4]}
    return plan(search=Search(12, {**options, "scorer.mlp.dropout": Range(0.0, 0.6)}, sampler="tpe"))


def near(spec):
    """Best at a learning rate of .01."""
    rate = spec.options.get("training.learning_rate", 1e-4)
    return -abs(math.log10(rate) + 2)


def test_tpe_settles_a_trial_when_those_before_it_have_ended(tpe):
    system, ended = tpe.systems[1], []

    def valid(spec):
        return near(spec) if spec.id in ended else None

    for n_known in range(1, 13):
        sets = option_sets(tpe, system, "s", valid)
        assert len(sets) == n_known
        trials = [
            spec for spec in runs_to_do(tpe, ["s"], valid) if spec.system.model and spec.system.model.name == "mlp"
        ]
        assert [spec.seed for spec in trials] == [4] * n_known
        ended.append(trials[-1].id)
    assert option_sets(tpe, system, "s", valid) == option_sets(tpe, system, "s", near) == sets
    assert sets[0] == {}
    assert all(set(drawn) == set(tpe.search.options) for drawn in sets[1:])
    assert all(drawn not in sets[:place] for place, drawn in enumerate(sets))
    assert [spec.seed for spec in runs_to_do(tpe, ["s"], near) if spec.system.name == system.name][-1] == 5


def test_tpe_learns_from_values_and_random_draws_do_not(tpe):
    def distance(sampler, system, split):
        asked = replace(tpe, search=replace(tpe.search, trials=30, sampler=sampler))
        sets = option_sets(asked, system, split, near)
        assert sets[1:] != option_sets(asked, system, "another", near)[1:] or sampler == "random"
        return statistics.mean(abs(math.log10(drawn["training.learning_rate"]) + 2) for drawn in sets[11:])

    places = [(system, split) for system in tpe.systems[:2] for split in "st"]
    assert statistics.mean(distance("tpe", *place) for place in places) < 0.7 * statistics.mean(
        distance("random", *place) for place in places
    )


def test_tpe_goes_on_after_a_trial_that_failed_and_where_values_run_out(tpe):
    sets = option_sets(tpe, tpe.systems[0], "s", lambda spec: math.nan if spec.trial == 3 else near(spec))
    assert len(sets) == 12
    few = replace(tpe, search=Search(4, {"training.epochs": [1, 2, 4]}, sampler="tpe"))
    sets = option_sets(few, few.systems[0], "s", near)
    assert sorted(drawn["training.epochs"] for drawn in sets[1:]) == [1, 2, 4]


def test_a_grid_makes_systems_of_their_own():
    systems = cross([Part("linear"), Part("mlp")], [Part("ranknet"), Part("softmax")], {})
    made = with_grid(systems, {"objective.ranknet.sigma": [0.5, 2.0], "scorer.mlp.hidden": [[8], [4, 4]]})
    assert [system.name for system in made] == [
        "linear ranknet sigma=0.5",
        "linear ranknet sigma=2.0",
        "linear softmax",
        "mlp ranknet sigma=0.5 hidden=8",
        "mlp ranknet sigma=0.5 hidden=4x4",
        "mlp ranknet sigma=2.0 hidden=8",
        "mlp ranknet sigma=2.0 hidden=4x4",
        "mlp softmax hidden=8",
        "mlp softmax hidden=4x4",
    ]
    assert made[4].model == Part("mlp", {"hidden": [4, 4]})
    assert made[4].objective == Part("ranknet", {"sigma": 0.5})


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("sigma", "expected training.OPTION"),
        ("objective.sigma", "expected objective.NAME.OPTION"),
        ("objective.softmax.sigma", "which none has"),
    ],
)
def test_options_are_named_in_full(address, message):
    systems = [System("x", Part("mlp"), objective=Part("ranknet"))]
    with pytest.raises(ConfigError, match=message):
        check_search(systems, Search(2, {address: [1, 2]}))


@pytest.mark.parametrize("seeds", [(), (0, 1, 0)])
def test_seeds_differ_and_there_is_one(seeds):
    with pytest.raises(ConfigError, match="seeds: expected seeds that differ, one at least; got"):
        plan(seeds=seeds)


def test_names_are_told_apart():
    systems = plan().systems
    with pytest.raises(ConfigError, match="'random' twice"):
        plan(systems=(*systems, systems[-1]))
    with pytest.raises(ConfigError, match="Did you mean 'random'"):
        plan(baseline="randon")
