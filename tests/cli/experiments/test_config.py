import tomllib

import pytest

from rankkit.cli.experiments.config import save_experiment
from rankkit.cli.kinds.commands import load_experiment
from rankkit.errors import ConfigError, ExportError

NEEDED = {"data": {"train": "train.txt"}, "out": "runs/x"}


def test_a_command_line_alone_is_an_experiment():
    experiment = load_experiment(None, {**NEEDED, "objective": "listnet", "scorer": "linear", "seed": 3}, [])
    assert (experiment.objective.name, experiment.scorer.name, experiment.seed) == ("listnet", "linear", 3)


def test_settings_go_over_options_and_options_over_the_file(tmp_path):
    file = tmp_path / "experiment.toml"
    file.write_text(
        'seed = 1\nout = "runs/file"\nscorer = "mlp"\n[objective]\nname = "bce"\nrelevant_from = 2.0\n'
        '[data]\ntrain = "a.txt"\n[training]\nlearning_rate = 0.1\nepochs = 7\n'
    )
    experiment = load_experiment(
        file,
        {"data": {"train": "b.txt", "valid": None}, "seed": 2},
        ["training.learning_rate=1e-3", "scorer.hidden=[8, 4]"],
    )
    assert str(experiment.data.train) == "b.txt"
    assert experiment.seed == 2
    assert experiment.training == {"learning_rate": 1e-3, "epochs": 7}
    assert experiment.scorer.name == "mlp"
    assert experiment.scorer.options == {"hidden": [8, 4]}
    assert experiment.objective.options == {"relevant_from": 2.0}


def test_another_objective_by_name_drops_the_options_of_the_old_one(tmp_path):
    file = tmp_path / "experiment.toml"
    file.write_text('[objective]\nname = "bce"\nrelevant_from = 2.0\n')
    assert load_experiment(file, {**NEEDED, "objective": "ranknet"}, []).objective.options == {}
    assert load_experiment(file, {**NEEDED, "objective": "bce"}, []).objective.options == {"relevant_from": 2.0}


@pytest.mark.parametrize(
    ("in_file", "asked", "found"),
    [
        ('folds = "WEB30K"', {"train": "a.txt", "valid": "b.txt"}, {"train": "a.txt", "valid": "b.txt"}),
        ('train = "a.txt"\nvalid = "b.txt"\ntest = "c.txt"', {"folds": "WEB30K", "train": None}, {"folds": "WEB30K"}),
        ('train = "a.txt"\nvalid_fraction = 0.2', {"valid": "b.txt"}, {"train": "a.txt", "valid": "b.txt"}),
        ('train = "a.txt"\nvalid = "b.txt"', {"valid_fraction": 0.2}, {"train": "a.txt", "valid_fraction": 0.2}),
    ],
)
def test_data_that_is_named_takes_the_place_of_what_the_file_names_in_another_way(tmp_path, in_file, asked, found):
    file = tmp_path / "experiment.toml"
    file.write_text(f"[data]\n{in_file}\n")
    for options, settings in (
        ({"out": "runs/x", "data": asked}, []),
        ({"out": "runs/x"}, [f"data.{key}={value}" for key, value in asked.items() if value is not None]),
    ):
        data = load_experiment(file, options, settings).data.model_dump(mode="json", exclude_none=True)
        where = ("folds", "train", "valid", "test", "valid_fraction")
        assert {key: data[key] for key in where if key in data} == found
    file.write_text('[data]\nfolds = "WEB30K"\ntrain = "a.txt"\n')
    with pytest.raises(ConfigError, match="expected files or a folder of folds; got both"):
        load_experiment(file, {"out": "runs/x"}, [])


def test_bare_words_in_settings_are_text():
    assert load_experiment(None, NEEDED, ["scorer.transform=standardize"]).scorer.options == {
        "transform": "standardize"
    }


def test_the_saved_file_reads_back_equal(tmp_path):
    experiment = load_experiment(None, {**NEEDED, "scorer": {"name": "mlp", "hidden": [4]}}, ["training.epochs=2"])
    save_experiment(experiment, tmp_path / "run" / "experiment.toml")
    assert load_experiment(tmp_path / "run" / "experiment.toml", {}, []) == experiment
    assert tomllib.loads((tmp_path / "run" / "experiment.toml").read_text())["scorer"] == {"name": "mlp", "hidden": [4]}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["data.trian=x"], r"unknown key 'data\.trian'\. Did you mean 'train'\?"),
        (["sead=1"], r"unknown key 'sead'\. Did you mean 'seed'\?"),
        (["objective.name=ranknett"], r"got 'ranknett'\. Did you mean 'ranknet'\?"),
        (["scorer.hiden=[1]"], r"scorer: unknown key 'hiden'\. Did you mean 'hidden'\?"),
        (["training.learning_rat=1"], r"training: unknown key 'learning_rat'\. Did you mean 'learning_rate'\?"),
        (["training.epochs=many"], r"training: epochs: expected a whole number; got 'many'\."),
        (["evaluation.metrics=['ndgc@10']"], r"Did you mean 'ndcg'\?"),
        (["evaluation.empty=none"], "evaluation.empty: expected 'zero'"),
        (["seed"], "expected key=value"),
        (["=3"], "expected key=value"),
        (["scorer.n_outputs=5"], "the objective 'ranknet' expects 1 output; got 5"),
        (["objective.name=cross_entropy", "scorer.n_outputs=1"], "expects several outputs"),
    ],
)
def test_what_cannot_run_is_refused_before_any_data_is_read(settings, message):
    with pytest.raises(ConfigError, match=message):
        load_experiment(None, NEEDED, settings)


def test_what_is_missing_is_named():
    with pytest.raises(ConfigError, match=r"expected a value for 'data'; got none"):
        load_experiment(None, {"out": "x"}, [])


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text("seed = = 1")
    with pytest.raises(ConfigError, match=r"bad\.toml: expected TOML"):
        load_experiment(bad, NEEDED, [])
    with pytest.raises(ConfigError, match="there is none"):
        load_experiment(tmp_path / "absent.toml", NEEDED, [])


def test_values_are_taken_as_what_they_mean():
    experiment = load_experiment(
        None,
        {**NEEDED, "objective": "softmax"},
        ["objective.normalize=False", "scorer.dropout=.3", "scorer.residual=false", "training.learning_rate=.01"],
    )
    assert experiment.objective.options == {"normalize": False}
    assert experiment.scorer.options == {"dropout": 0.3, "residual": False}
    assert experiment.training == {"learning_rate": 0.01}


def test_the_seed_is_said_once():
    with pytest.raises(ConfigError, match=r"scorer: unknown key 'seed'"):
        load_experiment(None, NEEDED, ["scorer.seed=3"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["scorer.transform=['piecewise', 'none']"], "solr: expected one chain of steps; got 2"),
        (["scorer.normalization=layer"], "layer normalization in hidden layer 1"),
        (["scorer=linear", "scorer.transform=log1p"], "the step log1p"),
        (["scorer=linear", "scorer.transform=minmax", "objective=cross_entropy"], "read as expected_grade"),
        (["target=solar"], r"target: expected the name of a target; got 'solar'\. Did you mean 'solr'"),
    ],
)
def test_a_scorer_that_its_target_cannot_express_is_refused_before_training(settings, message):
    with pytest.raises((ExportError, ConfigError), match=message):
        load_experiment(None, NEEDED, ["target=solr", *settings])


def test_the_target_of_an_experiment_is_kept(tmp_path):
    settings = ["target=solr", "scorer.transform=standardize", "scorer.normalization=batch", "objective=ordinal"]
    experiment = load_experiment(None, NEEDED, settings)
    save_experiment(experiment, tmp_path / "experiment.toml")
    assert load_experiment(tmp_path / "experiment.toml", {}, []).target == "solr"
    assert load_experiment(None, NEEDED, []).target is None


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = {" * 10_000,
        "a = " + "[" * 500 + "]" * 500,
        "seed = " + "9" * 5000,
        "seed = 99999999999999999999",
    ],
    ids=lambda text: text[:12],
)
def test_toml_of_a_stranger(text, tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"x.toml: expected TOML; got "):
        load_experiment(path, {}, [])


@pytest.mark.parametrize(
    "setting", ["a." * 20_000 + "b=1", "seed=" + "[" * 100_000, "seed=" + "9" * 5000, "data.n_features=99999999999"]
)
def test_settings_of_a_stranger(setting):
    with pytest.raises(ConfigError, match="expected") as error:
        load_experiment(None, {"data": {"train": "t"}, "out": "r", "scorer": "mlp", "objective": "ranknet"}, [setting])
    assert len(str(error.value)) < 400
