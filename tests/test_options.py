"""What a person may set is described in one place, and everything that asks agrees."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import pytest

from rankkit.cli.experiments import keys
from rankkit.estimator.options import options_by_part
from rankkit.models.encoders import ConvEncoder
from rankkit.objectives.module import option_names
from rankkit.options import PASSED, REQUIRED, arguments_of, defaults_of, in_words, options_of
from rankkit.registry import EMBEDDING_OBJECTIVES, ENCODERS, OBJECTIVES, SCORERS, TRANSFORMS
from rankkit.training import fit, fit_encoder, pretrain

if TYPE_CHECKING:
    from nowhere import Missing

DESCRIBED = [
    *(("scorer", made) for made in SCORERS.values()),
    *(("encoder", made) for made in ENCODERS.values()),
    *(("objective", made) for made in OBJECTIVES.values()),
    *(("embedding objective", made) for made in EMBEDDING_OBJECTIVES.values()),
    ("training", fit),
    ("encoder training", fit_encoder),
    ("pretraining", pretrain),
]


@pytest.mark.parametrize(("kind", "function"), DESCRIBED, ids=lambda one: getattr(one, "__name__", one))
def test_every_option_says_what_it_is_and_what_it_takes(kind, function):
    for option in options_of(kind, function).values():
        assert option.help, option.name
        assert option.values or option.name == "pair_weight", option.name  # that one is of Python alone
        assert option.default is not REQUIRED or option.name == "margin", option.name


@pytest.mark.parametrize(("kind", "function"), DESCRIBED, ids=lambda one: getattr(one, "__name__", one))
def test_every_argument_is_an_option_or_passed_by_rankkit(kind, function):
    of_any_name = inspect.Parameter.VAR_KEYWORD
    arguments = {p.name for p in inspect.signature(function).parameters.values() if p.kind is not of_any_name}
    options = options_of(kind, function)
    first = {"scores", "logits", "labels", "mask", "x", "y", "anchor", "positive", "negative", "query", "embeddings"}
    assert {*arguments} == {*options} | ({*arguments} & (PASSED[kind] | first))
    assert not {*options} & first


def test_help_of_train_names_the_keys_of_training():
    options = {*options_of("training", fit)}
    assert {*keys.TRAINING} == options
    assert {*keys.ENCODER_TRAINING} == {*options_of("encoder training", fit_encoder)} - options
    assert all(key in keys.OF_TRAIN for key in options)


def test_the_estimator_and_objectives_ask_here():
    found = options_by_part({"training__epochs": 3, "objective__sigma": 2.0}, objective="ranknet", scorer="mlp")
    assert found == {"training": {"epochs": 3}, "objective": {"sigma": 2.0}, "scorer": {}}
    assert {*options_of("estimator training", fit)} == {*options_of("training", fit)} - {"metric", "checkpoint_every"}
    assert option_names(OBJECTIVES["ranknet"]) == ["sigma", "ties"]
    assert "distance" in option_names(EMBEDDING_OBJECTIVES["triplet"])
    assert "distance" not in options_of("embedding objective", EMBEDDING_OBJECTIVES["triplet"])


def test_defaults_are_those_that_say_something():
    assert defaults_of("encoder", ConvEncoder)["n_dims"] == 64
    assert "learning_rate" not in defaults_of("training", fit)


def documented(
    n_features: "int",
    width: "int" = 3,
    *,
    far: "Missing | None" = None,
    untyped=1,
    either: str | Callable[..., str] = "a",
    seed: int | None = None,
    **more: int,
) -> None:
    """A scorer.

    Args:
        n_features: Columns.
        width: Of a layer,
            on two lines, as :func:`rankkit.fit` has it.
        either: A name
            or a function.
    """


def test_signatures_of_others():
    options = options_of("scorer", documented)
    assert list(options) == ["width", "far", "untyped", "either"]
    assert options["width"].help == "Of a layer, on two lines, as fit has it."
    assert options["far"].values == options["untyped"].values == ""
    assert options["either"].values == "text"
    assert arguments_of(lambda: 0) == {}


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (bool, "true or false"),
        (float | None, "number"),
        (Literal["a", "b"] | None, '"a" "b"'),
        (Annotated[int, "above 0"], "whole number"),
        (list[int] | str, "list or text"),
        (dict[str, int], "table"),
        (object, ""),
    ],
)
def test_types_in_words(annotation, words):
    assert in_words(annotation) == words


def test_a_registered_scorer_is_described_and_checked_like_rankkits_own():
    from rankkit.cli.experiments.validation import check_options

    assert check_options("scorer", documented, {"width": 4}) == {"width": 4}
    with pytest.raises(ValueError, match="width: expected a whole number; got 'x'"):
        check_options("scorer", documented, {"width": "x"})
    with pytest.raises(ValueError, match=r"unknown key 'widht'\. Did you mean 'width'"):
        check_options("scorer", documented, {"widht": 3})


def test_transforms_take_what_their_text_says():
    assert {name for name in TRANSFORMS if "n_bins" in inspect.signature(TRANSFORMS[name]).parameters} == {
        "quantile",
        "piecewise",
    }
