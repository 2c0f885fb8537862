import json

import pytest

from rankkit.comparison.plan import (
    Part,
    Plan,
    Range,
    RunSpec,
    Search,
    Source,
    System,
    check_search,
    cross,
    external_system,
    with_grid,
)
from rankkit.comparison.trials import best_trial, count_runs, first_runs, further_runs, option_sets, reported_runs
from rankkit.errors import ConfigError


def plan(**changes):
    systems = (
        *cross([Part("linear"), Part("mlp", {"hidden": [8]})], [Part("ranknet")], {"epochs": 2}),
        external_system(Part("best-feature")),
        external_system(Part("random")),
    )
    search = Search(3, {"training.learning_rate": Range(1e-4, 1e-1, log=True)})
    values = {"source": Source(train="a.txt"), "systems": systems, "baseline": "linear ranknet", "seeds": (4, 5)}
    return Plan(**{**values, "search": search, **changes})


def test_a_plan_and_its_runs_survive_json():
    asked = plan(search=Search(3, {"training.epochs": Range(1, 9, whole=True), "scorer.mlp.hidden": [[8], [4, 4]]}))
    assert Plan.from_dict(json.loads(json.dumps(asked.to_dict()))) == asked
    for spec in first_runs(asked, ["s"]):
        again = RunSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
        assert again == spec
        assert again.id == spec.id


def test_a_run_has_another_folder_for_whatever_could_change_its_result():
    changes = [{}, {"metric": "map"}, {"threads": 2}, {"source": Source(train="b.txt")}, {"seeds": (6, 5)}]
    ids = {first_runs(plan(**change), ["s"])[0].id for change in changes}
    ids.add(first_runs(plan(), ["t"])[0].id)
    assert len(ids) == len(changes) + 1
    # What is reported, and how it is tested, changes no run of the others.
    assert first_runs(plan(baseline="random"), ["s"]) == first_runs(plan(), ["s"])


def test_a_search_tries_every_system_that_learns_as_often():
    asked = plan()
    sets = {system.name: option_sets(asked, system) for system in asked.systems}
    assert [len(s) for s in sets.values()] == [3, 3, 1, 1]
    for trials in list(sets.values())[:2]:
        assert trials[0] == {}
        assert all(1e-4 <= trial["training.learning_rate"] <= 1e-1 for trial in trials[1:])
    assert sets["linear ranknet"] != sets["mlp hidden=8 ranknet"]
    assert option_sets(asked, asked.systems[0]) == sets["linear ranknet"]


def test_a_search_needs_as_many_values_as_trials():
    asked = plan(search=Search(4, {"training.epochs": [1, 2]}))
    with pytest.raises(ConfigError, match="at least 3 combinations of values for 'linear ranknet'; got 2"):
        option_sets(asked, asked.systems[0])


def test_trials_run_with_the_first_seed_and_the_best_with_the_others():
    asked = plan()
    first = first_runs(asked, ["s", "t"])
    assert len(first) == 2 * (3 + 3 + 1 + 2)
    trained = [spec for spec in first if spec.system.scorer]
    assert {spec.seed for spec in trained} == {4}
    valid = {spec.id: 0.5 - abs(spec.trial - (1 if spec.split == "s" else 2)) for spec in trained}
    more = further_runs(asked, ["s", "t"], valid)
    assert [(spec.split, spec.seed, spec.trial) for spec in more] == [("s", 5, 1)] * 2 + [("t", 5, 2)] * 2
    assert count_runs(asked, 2) == len(first) + len(more)
    reported = reported_runs(asked, ["s", "t"], valid)
    assert len(reported) == 2 * (2 + 2 + 1 + 2)
    assert {spec.id for spec in more} <= {spec.id for spec in reported}
    tied = dict.fromkeys(valid, 0.5)
    assert best_trial(asked, asked.systems[0], "s", tied) == 0
    assert best_trial(asked, asked.systems[0], "s", {}) is None


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
    assert made[4].scorer == Part("mlp", {"hidden": [4, 4]})
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
    systems = [System("x", scorer=Part("mlp"), objective=Part("ranknet"))]
    with pytest.raises(ConfigError, match=message):
        check_search(systems, Search(2, {address: [1, 2]}))


def test_names_are_told_apart():
    systems = plan().systems
    with pytest.raises(ConfigError, match="'random' twice"):
        plan(systems=(*systems, systems[-1]))
    with pytest.raises(ConfigError, match="Did you mean 'random'"):
        plan(baseline="randon")
