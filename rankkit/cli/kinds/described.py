"""Every key that a person may set, described: the source of ``rankkit options`` and of docs/experiment-files.md."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rankkit.cli.experiments import keys
from rankkit.options import REQUIRED, Option, options_of
from rankkit.registry import find
from rankkit.registry.entries import import_from
from rankkit.registry.outlines import fields, outline
from rankkit.registry.tables import tables_of

_RANKING, _SIMILARITY, _RECOMMENDATION = (
    f"rankkit.cli.kinds.{kind}" for kind in ("ranking", "similarity", "recommendation")
)
_COMPARED = "rankkit.cli.experiments.compared"
SECTIONS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "a training file": (f"{_RANKING}.training_file:Experiment", keys.TOP),
    "data": (f"{_RANKING}.training_file:Data", keys.RANKING_DATA),
    "evaluation": (f"{_RANKING}.training_file:EvaluationSection", keys.MEASURED),
    "a file of an encoder": (f"{_SIMILARITY}.training_file:EncoderExperiment", keys.TOP),
    "data of an encoder": (f"{_SIMILARITY}.training_file:ExampleData", keys.EXAMPLES),
    "evaluation of an encoder": (f"{_SIMILARITY}.training_file:SimilaritySection", keys.MEASURED),
    "a comparison": (f"{_RANKING}.comparison_file:ComparisonFile", keys.COMPARED),
    "data of a comparison": (f"{_RANKING}.comparison_file:ComparedData", keys.RANKING_DATA),
    "evaluation of a comparison": (f"{_RANKING}.comparison_file:ComparedEvaluation", keys.MEASURED),
    "search": (f"{_COMPARED}:SearchSection", keys.SEARCH),
    "significance": (f"{_COMPARED}:SignificanceSection", keys.SIGNIFICANCE),
    "a comparison of encoders": (f"{_SIMILARITY}.comparison_file:EncoderComparisonFile", keys.COMPARED),
    "data of a comparison of encoders": (f"{_SIMILARITY}.comparison_file:ComparedExamples", keys.EXAMPLES),
    "evaluation of a comparison of encoders": (f"{_SIMILARITY}.comparison_file:ComparedRetrieval", keys.MEASURED),
    "a file of a recommender": (f"{_RECOMMENDATION}.training_file:RecommenderExperiment", keys.TOP),
    "data of a recommender": (f"{_RECOMMENDATION}.training_file:LogData", keys.LOG),
    "evaluation of a recommender": (f"{_RECOMMENDATION}.training_file:ListsSection", keys.MEASURED),
    "a comparison of recommenders": (f"{_RECOMMENDATION}.comparison_file:RecommenderComparisonFile", keys.COMPARED),
    "evaluation of a comparison of recommenders": (f"{_RECOMMENDATION}.comparison_file:ComparedLists", keys.MEASURED),
}
"""Tables of files: where the model lies that checks each, and what its keys mean, of which none may be missing."""

_FIT = "rankkit.training:fit"
_FUNCTIONS: Mapping[str, tuple[str, str]] = {
    "training": ("training", _FIT),
    "training of an encoder": ("encoder training", "rankkit.training:fit_encoder"),
    "pretraining": ("pretraining", "rankkit.training:pretrain"),
    "augment": ("augment", "rankkit.models.encoders.affine:RandomAffine"),
}


def section(name: str) -> list[Option]:
    """The keys of a table of a file.

    Args:
        name: A key of :data:`SECTIONS`, or of those of functions, as ``"training"``.
    """
    if name in _FUNCTIONS:
        kind, place = _FUNCTIONS[name]
        found = described(kind, import_from(place))
        metric = find("task", "ranking").metric  # where fit() is told none
        return [replace(one, default=metric) if (one.name, one.default) == ("metric", None) else one for one in found]
    place, meanings = SECTIONS[name]
    described_fields = import_from(place).model_fields.items()
    return [Option(key, field.annotation, _default_of(field), meanings[key]) for key, field in described_fields]


def key_names(name: str) -> list[str]:
    """The names of the keys of a table, as :func:`section` has them, read from the source: nothing is imported for it.

    Args:
        name: As for :func:`section`.
    """
    if name in _FUNCTIONS:
        kind, place = _FUNCTIONS[name]
        return [*options_of(kind, outline(place) or import_from(place))]
    place, _ = SECTIONS[name]
    return fields(place)


def part(kind: str, name: str) -> list[Option]:
    """The options of a scorer, an encoder, a recommender or an objective.

    Args:
        kind: As :func:`rankkit.registry.find` has them.
        name: Of that kind.

    Raises:
        ConfigError: If there is none.
    """
    return described(kind, find(kind, name))


def defaults(kind: str, name: str) -> dict[str, Any]:
    """The options that :func:`part` describes, with their defaults alone, read from the source where it says them.

    Args:
        kind: As :func:`rankkit.registry.find` has them.
        name: Of that kind.
    """
    place = next((entries.place(name) for entries in tables_of(kind) if name in entries), None)
    made = None if place is None else outline(place)
    return {option.name: option.default for option in options_of(kind, made or find(kind, name)).values()}


def described(kind: str, function: Callable[..., Any]) -> list[Option]:
    """The options of what takes them; where one is as in ``fit``, what it is there."""
    of_fit = options_of("training", import_from(_FIT)) if kind == "encoder training" else {}
    return [
        Option(option.name, option.annotation, option.default, of_fit[option.name].help)
        if option.help == "As in fit."
        else option
        for option in options_of(kind, function).values()
    ]


def _default_of(field: Any) -> Any:
    from pydantic import BaseModel

    if field.is_required():
        return REQUIRED
    value = field.get_default(call_default_factory=True, validated_data={})
    return None if (isinstance(value, BaseModel) and not hasattr(value, "name")) or value == {} else value
