"""Every number of a run is one that can work, or it is refused by its name before anything is read or trained."""

import math
from inspect import signature

import numpy as np
import pytest

import rankkit as rk
from rankkit.cli.kinds.commands import load_experiment
from rankkit.training.beforehand import check_encoder_training, check_pretraining, check_training

HOSTILE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "-1": -1, "-1.5": -1.5, "true": True, '"3"': "3"}
N_FEATURES = 2


def numbers_of(function):
    """The options of a function that are numbers, by their annotation."""
    found = []
    for name, parameter in signature(function).parameters.items():
        written = getattr(parameter.annotation, "__name__", str(parameter.annotation))
        if {"int", "float"} & set(written.split(" | ")):
            found.append(name)
    return found


def train(**options):
    data = rk.make_ranking(6, n_features=N_FEATURES, seed=0)
    return rk.fit(rk.LinearScorer(N_FEATURES, seed=0), "ranknet", data, progress=False, **{"epochs": 1, **options})


def train_encoder(**options):
    seen = rk.read_labelled("digits").take(range(60))
    encoder = rk.MLPEncoder(seen.input_shape, hidden=(4,), seed=0)
    return rk.fit_encoder(encoder, "supcon", seen, progress=False, **{"epochs": 1, **options})


def check_encoder(options):
    check_encoder_training(options, rk.supcon_loss, None)


def pretrain(**options):
    data = rk.make_ranking(6, n_features=N_FEATURES, seed=0)
    return rk.pretrain(rk.MLPScorer(N_FEATURES, hidden=(2,), seed=0), data, progress=False, **{"epochs": 1, **options})


RUNS = [
    (rk.fit, train, check_training),
    (rk.fit_encoder, train_encoder, check_encoder),
    (rk.pretrain, pretrain, check_pretraining),
]
EVERY = [(*calls, option) for function, *calls in RUNS for option in numbers_of(function)]


def test_the_numbers_are_found():
    assert {"epochs", "patience", "learning_rate", "clip_norm", "checkpoint_every", "seed"} <= set(numbers_of(rk.fit))
    assert {"per_class", "chunk_size", "memory"} <= set(numbers_of(rk.fit_encoder))


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(("run", "check", "option"), EVERY)
def test_python_refuses_what_is_no_number_that_works(run, check, option, value):
    with pytest.raises(rk.ConfigError, match=rf"{option}.*; got {value!r}\. ") as refused:
        run(**{option: value})
    with pytest.raises(rk.ConfigError) as early:
        check({option: value})
    assert str(early.value) == str(refused.value)


FILES = [
    (load_experiment, {"data": {"train": "train.txt", "valid": "valid.txt"}, "out": "out"}, rk.fit),
    (
        load_experiment,
        {"encoder": "mlp", "data": {"train": "digits", "valid_held_out": 0.2}, "out": "out"},
        rk.fit_encoder,
    ),
]
KEYS = [
    (load, values, option if option == "seed" else f"training.{option}")
    for load, values, function in FILES
    for option in numbers_of(function)
]
KEYS += [(*FILES[0][:2], f"data.{name}") for name in ("valid_fraction", "split_seed", "n_features")]
KEYS += [(*FILES[1][:2], f"data.{name}") for name in ("held_out", "valid_held_out", "split_seed", "size")]
KEYS += [(*FILES[1][:2], f"evaluation.{name}") for name in ("ways", "shots", "n_episodes")]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(("load", "values", "key"), KEYS)
def test_experiment_files_refuse_the_same(load, values, key, text):
    values = {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}
    setting = f"{key}=[{text}]" if key.endswith("ways") else f"{key}={text}"
    with pytest.raises(rk.ConfigError, match=key.rpartition(".")[2]):
        load(None, values, [setting])


def test_numbers_of_numpy_train_and_resume(tmp_path):
    options = {"epochs": np.int64(2), "learning_rate": np.float32(0.5), "seed": np.int64(3), "out": tmp_path}
    history = train(**options, checkpoint_every=np.float64(0))
    assert len(history) == len(train(**options, resume=True)) == 2
    with pytest.raises(rk.TrainingError, match=r"seed \(checkpoint 3, now 4\)"):
        train(**{**options, "seed": 4}, resume=True)
