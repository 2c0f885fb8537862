"""Which kind of models a file is about, and what it may say."""

import pytest

from rankkit.cli.kinds.commands import commands_of, load_experiment, task_of_values
from rankkit.errors import ConfigError
from rankkit.tasks.known import tasks


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "ranking"),
        ({"objective": "ranknet"}, "ranking"),
        ({"objective": "supcon"}, "similarity"),
        ({"objective": {"name": "triplet", "margin": 0.2}}, "similarity"),
        ({"encoder": "mlp", "objective": "ranknet"}, "similarity"),
        ({"scorer": "mlp", "objective": "supcon"}, "ranking"),
        ({"objective": "nothing_known"}, "ranking"),
    ],
)
def test_a_file_is_about_the_model_or_the_objective_that_it_names(values, name):
    assert task_of_values(values).name == name


def test_models_of_two_kinds_are_refused():
    with pytest.raises(ConfigError, match="expected one model; got scorer and encoder"):
        task_of_values({"scorer": "mlp", "encoder": "mlp"})


def test_every_task_has_its_commands():
    for task in tasks():
        commands = commands_of(task)
        assert task.model in commands.training.model_fields
        assert f"{task.model}s" in commands.comparison.model_fields


def test_an_objective_is_taken_for_granted_only_where_gradients_train():
    asked = {"data": {"train": "train.txt"}, "out": "run"}
    assert load_experiment(None, asked, []).said_objective[0] == "ranknet"
    assert load_experiment(None, {**asked, "scorer": "one_feature"}, []).said_objective == ("", {})
    assert load_experiment(None, {"out": "run", "encoder": "raw"}, []).said_objective == ("", {})


def test_options_of_other_data_are_refused_by_their_name():
    with pytest.raises(ConfigError, match="of encoders: expected no --folds"):
        load_experiment(None, {"encoder": "mlp", "data": {"folds": "x"}, "out": "run"}, [])
