"""The experiment file of ``rankkit compare`` and what it refuses; runs are tested in tests/comparison."""

import pytest

from rankkit.cli.kinds.commands import load_comparison
from rankkit.comparison.plan import Part, Plan, Range, Rules
from rankkit.comparison.trials import option_sets
from rankkit.errors import ConfigError
from rankkit.tasks.similarity.splits import ExampleSource

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
    assert plan.systems[3].model == Part("mlp", {"hidden": [8]})
    assert plan.systems[3].training == {"epochs": 3}
    assert plan.search.options["training.learning_rate"] == Range(1e-4, 1e-1, log=True)
    assert plan.search.options["scorer.mlp.dropout"] == [0.0, 0.3]
    assert plan.significance.test == "randomization"
    assert plan.source.reading == {"qid": "query"}
    assert Plan.from_dict(plan.to_dict()) == plan


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"linear", ', '"linaer", ', "Did you mean 'linear'"),
        ("margin = 2.0", "margins = 2.0", "Did you mean 'margin'"),
        ("epochs = 3", "epoch = 3", "Did you mean 'epochs'"),
        ("epochs = 3", 'epochs = "three"', "epochs: expected a whole number"),
        ('"random"]', '"randon"]', "Did you mean 'random'"),
        ('feature = "bm25"', 'column = "bm25"', "unknown option 'column'"),
        (', feature = "bm25"', "", "expected a value for 'feature'"),
        ("[training]", "[trainings]", "Did you mean 'training'"),
        ('test = "c.txt"', "", "expected test data, on which systems are compared; got none"),
        ('valid = "b.txt"', "", "take valid_fraction = 0.2"),
        ('qid = "query"', "cross_validation = 2", "data.cross_validation: expected a number of at least 3"),
        ('qid = "query"', "n_windows = 3", "expected the column of times for n_windows; got no by"),
        ('qid = "query"', 'by = "day"\ncross_validation = 3', "by without cross_validation, which trains on later"),
        ('qid = "query"', 'by = "day"\nvalid_fraction = 0.1\nn_windows = 2', "expected valid or valid_fraction"),
        ('valid = "b.txt"', 'by = "day"\nvalid_fraction = 0.1\nn_windows = 2', "n_windows without valid_fraction"),
        ('qid = "query"', 'by = "day"\nn_windows = 3\nwindow_share = 0.3', "got 3 of 0.3"),
        ("[0.5, 1.0]", "0.5", "expected a list of values for objective.ranknet.sigma"),
        ("[0.5, 1.0]", '["big"]', "sigma: expected a number; got 'big'"),
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


ENCODERS = """
encoders = ["conv", {name = "mlp", hidden = [8], distance = "l1"}]
objectives = ["supcon", {name = "triplet", margin = 0.5}, {name = "lambdarank"}]
external = ["raw-inputs"]
augment = {degrees = 5}

[data]
train = "glyphs"
held_out = 0.3
valid_held_out = 0.1

[training]
epochs = 3

[grid]
objective.supcon.temperature = [0.1, 0.2]

[search]
trials = 3
options = {training.learning_rate = {low = 1e-4, high = 1e-2, log = true}, encoder.mlp.n_dims = [8, 16]}
"""


@pytest.fixture
def encoders(tmp_path):
    path = tmp_path / "experiment.toml"
    path.write_text(ENCODERS)
    return path


@pytest.mark.parametrize(("kind", "name"), [("scorers", "one_feature"), ("encoders", "raw")])
def test_a_model_that_learns_in_one_go_has_no_objectives(tmp_path, kind, name):
    file = tmp_path / "experiment.toml"
    data = '[data]\ntrain = "digits"\nheld_out = 0.3\nvalid_held_out = 0.3\n'
    if kind == "scorers":
        data = '[data]\ntrain = "a.txt"\nvalid = "b.txt"\ntest = "c.txt"\n'
    file.write_text(f'{kind} = ["mlp", "{name}"]\nobjectives = ["ranknet"]\n{data}')
    with pytest.raises(ConfigError, match=f"{kind}: expected those that objectives train; got '{name}'"):
        load_comparison(file)


def test_a_file_that_names_encoders_compares_encoders(encoders):
    plan = load_comparison(encoders, ["seeds=2", "data.size=20"]).plan()
    names = ["supcon temperature=0.1", "supcon temperature=0.2", "triplet margin=0.5", "lambdarank"]
    expected = [f"{encoder} {name}" for encoder in ("conv", "mlp hidden=8 distance=l1") for name in names]
    assert [system.name for system in plan.systems] == [*expected, "raw-inputs"]
    assert plan.systems[4].model == Part("mlp", {"hidden": [8], "distance": "l1"})
    assert plan.systems[4].kind == "encoder"
    assert plan.systems[0].training == {"epochs": 3, "augment": {"degrees": 5.0}}
    assert plan.metric == "map_at_r"
    assert plan.rules == Rules(("map_at_r", "hit_rate@1"), empty="skip")
    reading = {"size": 20, "colour": False, "ink": "light", "label": "label"}
    assert plan.source == ExampleSource("glyphs", held_out=0.3, valid_held_out=0.1, reading=reading)
    assert len(option_sets(plan, plan.systems[4], "split", lambda spec: None)) == 3
    assert Plan.from_dict(plan.to_dict()) == plan


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"conv", ', '"konv", ', "Did you mean 'conv'"),
        ("margin = 0.5", "margins = 0.5", "Did you mean 'margin'"),
        ("epochs = 3", "batch_queries = 3", "unknown key 'batch_queries'"),
        ("epochs = 3", 'metric = "map"', "expected metric outside this table"),
        ("degrees = 5", "degree = 5", "Did you mean 'degrees'"),
        ("[8, 16]", '["big"]', "n_dims: expected a whole number"),
        ("temperature = [0.1", "temprature = [0.1", "Did you mean 'temperature'"),
        ("encoder.mlp.n_dims", "encoder.conf.n_dims", "which none has"),
        ('["raw-inputs"]', '["lightgbm-lambdarank"]', "got 'lightgbm-lambdarank', one for rankers. Name raw-inputs"),
        ('["raw-inputs"]', '["raw-input"]', "Did you mean 'raw-inputs'"),
        ("encoders =", 'scorers = ["mlp"]\nencoders =', "expected encoders or scorers; got both"),
        ("held_out = 0.3", "cross_validation = 5", "got cross_validation, for rankers. Name held_out"),
        ("valid_held_out = 0.1", "valid_fraction = 0.1", "got valid_fraction, for rankers. Name valid_held_out"),
        ('train = "glyphs"', 'folds = "x"', "got folds, for rankers. Name train"),
        ("\nheld_out = 0.3", "", "expected test = PATH or held_out = a share of the classes; got none"),
        ("valid_held_out = 0.1", "", "expected valid = PATH or valid_held_out"),
        ("held_out = 0.3", 'held_out = 0.3\ntest = "digits"', "expected test = PATH or held_out .* got both"),
        ("[training]", '[evaluation]\nprotocol = "trec"\n[training]', "got protocol, for rankers"),
        ("[training]", '[evaluation]\nmetrics = ["map_at_s"]\n[training]', "Did you mean 'map_at_r'"),
        ('encoders = ["conv", {name = "mlp", hidden = [8], distance = "l1"}]', "encoders = []", "encoders: expected"),
    ],
)
def test_mistakes_with_encoders(encoders, old, new, message):
    assert old in ENCODERS
    encoders.write_text(ENCODERS.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        load_comparison(encoders)


def test_rankers_refuse_what_is_for_encoders(path):
    with pytest.raises(ConfigError, match="got 'supcon', which trains encoders"):
        load_comparison(path, ["objectives=['supcon']", "grid={}"])
    with pytest.raises(ConfigError, match="got 'raw-inputs', one for encoders"):
        load_comparison(path, ["external=['raw-inputs']"])


def test_data_of_encoders_that_is_not_there(rankkit, encoders, tmp_path):
    answer = rankkit("compare", encoders, "--out", tmp_path / "run", "--set", f"data.train={tmp_path / 'x.npz'}")
    assert answer.code == 2
    assert "x.npz: expected a file, a folder, 'digits' or 'glyphs'; got No such file or directory" in answer.err
    assert not (tmp_path / "run").exists()
