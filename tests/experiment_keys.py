"""The tables of docs/experiment-files.md: every key of an experiment file with its default, read off the code.

``python -m tests.experiment_keys`` writes them into the page anew. What a key of a section means stands here; what an
option means is taken from the docstring of the function that takes it.
"""

import inspect
import json
import re
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rankkit import registry
from rankkit.cli.experiments.compared import SearchSection, SignificanceSection
from rankkit.cli.experiments.comparison_file import ComparedData, ComparedEvaluation, ComparisonFile
from rankkit.cli.experiments.config import Data, EvaluationSection, Experiment, Section
from rankkit.cli.experiments.encoder_comparison_file import ComparedExamples, ComparedRetrieval, EncoderComparisonFile
from rankkit.cli.experiments.encoder_file import EncoderExperiment, ExampleData, SimilaritySection
from rankkit.cli.experiments.validation import NOT_OPTIONS
from rankkit.cli.objectives import _arguments, _sections
from rankkit.comparison.systems.externals import EXTERNALS
from rankkit.models.encoders import RandomAffine
from rankkit.objectives.module import option_names
from rankkit.training import fit, fit_encoder

PAGE = Path(__file__).parent.parent / "docs" / "experiment-files.md"
MARKED = re.compile(r"(<!-- keys of (.+?) -->\n\n).*?(\n\n<!-- end of keys -->)", re.DOTALL)

_TOP = {
    "data": "where the data lies: below",
    "out": "folder of the run",
    "scorer": "a name, or a table with a name and options: below",
    "encoder": "a name, or a table with a name and options: below",
    "objective": "a name, or a table with a name and options: below",
    "training": "how it is trained: below",
    "evaluation": "what is measured at the end: below",
    "augment": "inputs changed at random while training: below",
    "seed": "of the weights, the shuffling and the dropout",
    "target": "where it will serve (`onnx`, `solr`, ...): a scorer that cannot be exported there is refused at once",
}
_RANKING_DATA = {
    "train": "training data",
    "valid": "validation data: the best epoch on it is kept",
    "test": "test data, evaluated once at the end",
    "folds": "in place of these three: a folder of folds",
    "n_features": "columns of LETOR text whose last features occur in no row",
    "cache": "parse once, then open in an instant; or the folder of the cache",
    "regroup": "bring rows of LETOR text together whose qid comes back",
    "labels": "`grades` are whole numbers from 0 to 31, `any` is any number from 0 on",
    "on_bad_line": "what to do with a row of LETOR text that cannot be read",
    "label": "label column of a table",
    "qid": "query column of a table",
    "doc_id": "column of a table with the names of the documents",
    "weight": 'column of a table with the weights of documents; `""` for none',
    "query_weight": 'column of a table with the weights of queries; `""` for none',
    "features": "the features, as a list: columns of a table, numbers of LETOR text",
    "drop": "features to leave out",
    "zero_based": "whether indices of LETOR text begin with 0; left out, as a comment above the rows says, or with 1",
    "cross_validation": "deal all queries out in so many parts, each once the test data",
    "valid_fraction": "share of the training queries that becomes validation data",
    "split_seed": "of such parts and shares",
}
_EXAMPLES = {
    "train": "a folder or archive of images, `.npz`, Parquet, idx, or `digits` or `glyphs`",
    "valid": "validation examples: the best epoch on them is kept",
    "test": "test examples, best of classes that are not trained on",
    "held_out": "share of the classes that becomes the test data where there is none",
    "held_out_by": "`group` keeps whole groups of classes (alphabets) together",
    "valid_held_out": "share of the other classes that becomes the validation data",
    "split_seed": "of what is held out",
    "size": "pixels of a side, or `[height, width]`",
    "colour": "three channels in place of one",
    "ink": "`dark` for dark strokes on white",
    "label": "class column of a Parquet file",
}
_MEASURED = {
    "metrics": "what is measured",
    "protocol": "whose conventions",
    "empty": "what a query without a relevant document counts; left out, the protocol's",
    "ties": "order of tied scores; left out, the protocol's",
    "ways": "classes of a few-shot episode",
    "shots": "labelled examples of each class",
    "n_episodes": "how many episodes",
}
_COMPARED = {
    **_TOP,
    "scorers": "each with each objective: names, or tables with a name and options",
    "encoders": "in place of scorers: names, or tables with a name and options",
    "objectives": "names, or tables with a name and options",
    "external": "systems beside them: below",
    "baseline": 'what the others are tested against, as `"mlp ranknet"`; left out, the first',
    "seeds": "how many runs of each system, or their seeds",
    "metric": "what chooses epochs and options, on validation data",
    "threads": "of each run",
    "training": "how each system is trained, as in training files",
    "grid": 'each value makes a system of its own: `"objective.ranknet.sigma" = [0.5, 1]`',
    "search": "the same number of option sets for each system: below",
    "significance": "how systems are tested against each other: below",
}
_SEARCH = {
    "trials": "option sets of each system; the best on validation data is kept",
    "options": '`"training.learning_rate" = {low = 1e-4, high = 1e-2, log = true}`; also `whole = true`, or a list',
    "seed": "of the draws",
    "sampler": "at random, or Optuna's TPE (`pip install -e '.[search]'`)",
}
_SIGNIFICANCE = {
    "test": "paired over queries",
    "correction": "for many comparisons",
    "alpha": "level of the tests, the letters and the intervals",
    "interval": "bootstrap over queries",
    "n_resamples": "of bootstrap and randomization",
    "epsilon": "queries that differ by no more are ties",
    "seed": "of the resamples",
}


def tables() -> dict[str, str]:
    """Each table of the page by its mark."""
    return {
        "a training file": _section(Experiment, _TOP),
        "data": _section(Data, _RANKING_DATA),
        "evaluation": _section(EvaluationSection, _MEASURED),
        "training": _options("training", fit),
        "scorer mlp": _options("scorer", registry.SCORERS["mlp"]),
        "scorer linear": _options("scorer", registry.SCORERS["linear"]),
        "a file of an encoder": _section(EncoderExperiment, _TOP),
        "data of an encoder": _section(ExampleData, _EXAMPLES),
        "evaluation of an encoder": _section(SimilaritySection, _MEASURED),
        "training of an encoder": _options("encoder training", fit_encoder),
        "encoder mlp": _options("encoder", registry.ENCODERS["mlp"]),
        "encoder conv": _options("encoder", registry.ENCODERS["conv"]),
        "augment": _options("augment", RandomAffine),
        "a comparison": _section(ComparisonFile, _COMPARED),
        "data of a comparison": _section(ComparedData, _RANKING_DATA),
        "evaluation of a comparison": _section(ComparedEvaluation, _MEASURED),
        "search": _section(SearchSection, _SEARCH),
        "significance": _section(SignificanceSection, _SIGNIFICANCE),
        "external": _externals(),
        "a comparison of encoders": _section(EncoderComparisonFile, _COMPARED),
        "data of a comparison of encoders": _section(ComparedExamples, _EXAMPLES),
        "evaluation of a comparison of encoders": _section(ComparedRetrieval, _MEASURED),
        "objectives": _objectives(registry.OBJECTIVES),
        "embedding objectives": _objectives(registry.EMBEDDING_OBJECTIVES),
    }


def filled(page: str) -> str:
    """The page with its tables as the code has them."""
    made = tables()
    return MARKED.sub(lambda found: found[1] + made[found[2]] + found[3], page)


def _table(head: str, rows: Iterator[tuple[str, ...]]) -> str:
    columns = head.split(", ")
    lines = [columns, ["---"] * len(columns), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _section(model: type[Section], meanings: Mapping[str, str]) -> str:
    """The keys of a section; a key without a meaning is an error of this file."""
    return _table(
        "key, default, values, what it is",
        (
            (f"`{name}`", _default_of(field), _values(_annotation(field)), meanings[name])
            for name, field in model.model_fields.items()
        ),
    )


def _annotation(field: FieldInfo) -> Any:
    return field.annotation


def _default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    return "" if isinstance(value, BaseModel) or value == {} else _toml(value)


def _options(kind: str, function: Callable[..., Any]) -> str:
    """The options of a function as an experiment file takes them."""
    meanings = _arguments(_sections(inspect.getdoc(function) or "")["Args"])
    return _table(
        "key, default, values, what it is",
        (
            (
                f"`{name}`",
                _toml(parameter.default),
                _values(parameter.annotation),
                "as for a ranker" if meanings[name] == "As in fit." else _lower(meanings[name]),
            )
            for name, parameter in inspect.signature(function).parameters.items()
            if name not in NOT_OPTIONS[kind]
        ),
    )


def _lower(text: str) -> str:
    """A sentence of a docstring as a cell."""
    text = text.replace("|", "\\|").replace(" None: ", " left out: ").rstrip(".")
    return text if text[:2].isupper() or text.startswith("P ") else text[0].lower() + text[1:]


def _values(annotation: Any) -> str:
    """What a key takes, in words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _values(inner[0])
    if origin is Literal:
        return " ".join(f"`{value}`" for value in inner)
    if origin in (Union, types.UnionType):
        words = [_values(part) for part in inner if part is not type(None)]
        return " or ".join(dict.fromkeys(word for word in words if word))
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return "name or table" if annotation.__name__ == "Named" else "table"
    if origin in (list, tuple) or getattr(origin, "__name__", "") == "Sequence":
        return "list"
    words = {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "path", dict: "table"}
    return "table" if origin is dict else words.get(annotation, "")


def _toml(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, BaseModel):
        return f'`"{value.name}"`' if hasattr(value, "name") else ""
    if callable(value):
        return f"`{getattr(value, '__name__', value)}`"
    if isinstance(value, list | tuple) and value and isinstance(value[0], BaseModel):
        return "`" + json.dumps([item.name for item in value]) + "`"
    return f"`{json.dumps(value)}`"


def _objectives(entries: Mapping[str, Callable[..., Any]]) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for name, function in entries.items():
            parameters = inspect.signature(function).parameters
            options = [
                f"`{option} = {_toml(parameters[option].default).strip('`') or 'left out'}`"
                for option in option_names(function)
                if option != "distance" or entries is registry.OBJECTIVES
            ]
            yield f"`{name}`", " ".join(options)

    return _table("objective, options with their defaults", rows())


def _externals() -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for name, external in EXTERNALS.items():
            options = " ".join(
                f"`{option}`{' (required)' if option in external.required else ''}"
                for option in sorted(external.options)
            )
            taken = f"those of {external.module}, by its names" if external.module else options
            needs = f"`pip install -e '.[{external.extra}]'`" if external.extra else ""
            yield f"`{name}`", external.kind, taken, needs

    return _table("external, compared with, options, needs", rows())


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
