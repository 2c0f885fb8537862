"""Every key that a person may set, described: the source of ``rankkit options`` and of docs/experiment-files.md."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from rankkit.cli.experiments import keys
from rankkit.cli.experiments.compared import SearchSection, SignificanceSection
from rankkit.cli.experiments.config import Section
from rankkit.cli.kinds.ranking.comparison_file import ComparedData, ComparedEvaluation, ComparisonFile
from rankkit.cli.kinds.ranking.training_file import Data, EvaluationSection, Experiment
from rankkit.cli.kinds.recommendation.comparison_file import ComparedLists, RecommenderComparisonFile
from rankkit.cli.kinds.recommendation.training_file import ListsSection, LogData, RecommenderExperiment
from rankkit.cli.kinds.similarity.comparison_file import ComparedExamples, ComparedRetrieval, EncoderComparisonFile
from rankkit.cli.kinds.similarity.training_file import EncoderExperiment, ExampleData, SimilaritySection
from rankkit.models.encoders.affine import RandomAffine
from rankkit.options import REQUIRED, Option, options_of
from rankkit.registry import find
from rankkit.training import fit, fit_encoder, pretrain

SECTIONS: Mapping[str, tuple[type[Section], Mapping[str, str]]] = {
    "a training file": (Experiment, keys.TOP),
    "data": (Data, keys.RANKING_DATA),
    "evaluation": (EvaluationSection, keys.MEASURED),
    "a file of an encoder": (EncoderExperiment, keys.TOP),
    "data of an encoder": (ExampleData, keys.EXAMPLES),
    "evaluation of an encoder": (SimilaritySection, keys.MEASURED),
    "a comparison": (ComparisonFile, keys.COMPARED),
    "data of a comparison": (ComparedData, keys.RANKING_DATA),
    "evaluation of a comparison": (ComparedEvaluation, keys.MEASURED),
    "search": (SearchSection, keys.SEARCH),
    "significance": (SignificanceSection, keys.SIGNIFICANCE),
    "a comparison of encoders": (EncoderComparisonFile, keys.COMPARED),
    "data of a comparison of encoders": (ComparedExamples, keys.EXAMPLES),
    "evaluation of a comparison of encoders": (ComparedRetrieval, keys.MEASURED),
    "a file of a recommender": (RecommenderExperiment, keys.TOP),
    "data of a recommender": (LogData, keys.LOG),
    "evaluation of a recommender": (ListsSection, keys.MEASURED),
    "a comparison of recommenders": (RecommenderComparisonFile, keys.COMPARED),
    "evaluation of a comparison of recommenders": (ComparedLists, keys.MEASURED),
}
"""Tables of files: the model that checks each, and what its keys mean; a key without a meaning is an error there."""

_FUNCTIONS: Mapping[str, tuple[str, Callable[..., Any]]] = {
    "training": ("training", fit),
    "training of an encoder": ("encoder training", fit_encoder),
    "pretraining": ("pretraining", pretrain),
    "augment": ("augment", RandomAffine),
}


def section(name: str) -> list[Option]:
    """The keys of a table of a file.

    Args:
        name: A key of :data:`SECTIONS`, or of those of functions, as ``"training"``.
    """
    if name in _FUNCTIONS:
        found = described(*_FUNCTIONS[name])
        metric = find("task", "ranking").metric  # where fit() is told none
        return [replace(one, default=metric) if (one.name, one.default) == ("metric", None) else one for one in found]
    model, meanings = SECTIONS[name]
    return [
        Option(key, field.annotation, _default_of(field), meanings[key]) for key, field in model.model_fields.items()
    ]


def part(kind: str, name: str) -> list[Option]:
    """The options of a scorer, an encoder, a recommender or an objective.

    Args:
        kind: As :func:`rankkit.registry.find` has them.
        name: Of that kind.

    Raises:
        ConfigError: If there is none.
    """
    return described(kind, find(kind, name))


def described(kind: str, function: Callable[..., Any]) -> list[Option]:
    """The options of what takes them; where one is as in ``fit``, what it is there."""
    of_fit = options_of("training", fit) if kind == "encoder training" else {}
    return [
        Option(option.name, option.annotation, option.default, of_fit[option.name].help)
        if option.help == "As in fit."
        else option
        for option in options_of(kind, function).values()
    ]


def _default_of(field: Any) -> Any:
    if field.is_required():
        return REQUIRED
    value = field.get_default(call_default_factory=True, validated_data={})
    return None if (isinstance(value, BaseModel) and not hasattr(value, "name")) or value == {} else value
