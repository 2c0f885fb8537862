"""The experiment file of ``rankkit compare`` and what it refuses; runs are tested in tests/comparison."""

import pytest

from rankkit.cli.comparison_file import load_comparison
from rankkit.comparison.plan import Part, Plan, Range
from rankkit.errors import ConfigError

FILE = """
objectives = ["ranknet", {name = "pairwise_hinge", margin = 2.0}]
scorers = ["linear", {name = "mlp", hidden = [8]}]
external = [{name = "feature", feature = "bm25"}, "random"]

[data]
train = "a.txt"
valid = "b.txt"
test = "c.txt"
qid = "query"

[training]
epochs = 3

[grid]
objective.ranknet.sigma = [0.5, 1.0]

[search]
trials = 4
options = {training.learning_rate = {low = 1e-4, high = 1e-1, log = true}, scorer.mlp.dropout = [0.0, 0.3]}

[evaluation]
metrics = ["map"]
protocol = "rankkit"
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "experiment.toml"
    path.write_text(FILE)
    return path


def test_the_file_becomes_a_plan(path):
    plan = load_comparison(path, ["seeds=2", "significance.test=randomization"]).plan()
    assert [system.name for system in plan.systems] == [
        "linear ranknet sigma=0.5",
        "linear ranknet sigma=1.0",
        "linear pairwise_hinge margin=2.0",
        "mlp hidden=8 ranknet sigma=0.5",
        "mlp hidden=8 ranknet sigma=1.0",
        "mlp hidden=8 pairwise_hinge margin=2.0",
        "feature bm25",
        "random",
    ]
    assert plan.baseline == "linear ranknet sigma=0.5"
    assert plan.seeds == (0, 1)
    assert plan.systems[3].scorer == Part("mlp", {"hidden": [8]})
    assert plan.systems[3].training == {"epochs": 3}
    assert plan.search.options["training.learning_rate"] == Range(1e-4, 1e-1, log=True)
    assert plan.search.options["scorer.mlp.dropout"] == [0.0, 0.3]
    assert plan.significance.test == "randomization"
    assert plan.source.reading["qid"] == "query"
    assert plan.source.reading["label"] == "label"
    assert Plan.from_dict(plan.to_dict()) == plan


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"linear", ', '"linaer", ', "Did you mean 'linear'"),
        ("margin = 2.0", "margins = 2.0", "Did you mean 'margin'"),
        ("epochs = 3", "epoch = 3", "Did you mean 'epochs'"),
        ("epochs = 3", 'epochs = "three"', "epochs: expected a valid integer"),
        ('"random"]', '"randon"]', "Did you mean 'random'"),
        ('feature = "bm25"', 'column = "bm25"', "unknown option 'column'"),
        (', feature = "bm25"', "", "expected a value for 'feature'"),
        ("[training]", "[trainings]", "Did you mean 'training'"),
        ('test = "c.txt"', "", "expected test data, on which systems are compared; got none"),
        ('valid = "b.txt"', "", "take valid_fraction = 0.2"),
        ('qid = "query"', "cross_validation = 2", "data.cross_validation: expected greater than or equal to 3"),
        ("[0.5, 1.0]", "0.5", "expected a list of values for objective.ranknet.sigma"),
        ("[0.5, 1.0]", '["big"]', "sigma: expected a valid number"),
        ("low = 1e-4", "low = 1.0", "expected low below high, above 0 with log"),
        ("high = 1e-1", "hihg = 1e-1", "Did you mean 'high'"),
        ("scorer.mlp.dropout", "scorer.mlp.drop", "Did you mean 'dropout'"),
        ('metrics = ["map"]', 'metrics = ["mapp"]', "Did you mean 'map'"),
        ('protocol = "rankkit"', 'protocol = "rankit"', "Did you mean 'rankkit'"),
        ("epochs = 3", 'metric = "map"', "expected metric outside this table"),
        ("\n[data]", "seeds = [1, 1]\n[data]", "expected a count, or different whole numbers"),
        ("\n[data]", 'baseline = "mlp"\n[data]', "baseline: expected the name of a system; got 'mlp'"),
    ],
)
def test_mistakes(path, old, new, message):
    path.write_text(FILE.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        load_comparison(path)


def test_one_system_is_no_comparison(path):
    with pytest.raises(ConfigError, match="at least two systems; got 1"):
        load_comparison(path, ["scorers=['linear']", "objectives=['ranknet']", "external=[]", "grid={}"])


def test_mistakes_of_the_command(rankkit, path, tmp_path):
    answer = rankkit("compare", "--out", tmp_path / "run")
    assert answer.code == 2
    assert "expected an experiment file; got none" in answer.err
    answer = rankkit("compare", path, "--out", tmp_path / "run")
    assert answer.code == 2
    assert "a.txt: expected a file or folder; got No such file or directory" in answer.err
    assert not (tmp_path / "run").exists()


def test_a_library_that_is_not_installed_is_named_with_its_extra(rankkit, path, tmp_path, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "xgboost" else found(name))
    answer = rankkit("compare", path, "--out", tmp_path / "run", "--set", "external=['xgboost-ndcg']")
    assert answer.code == 2
    assert "xgboost-ndcg: expected xgboost to be installed; it is not. " in answer.err
    assert "pip install 'rankkit-torch[compare]'" in answer.err
