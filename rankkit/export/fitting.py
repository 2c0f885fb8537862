"""What a ranker has to be for a target, known before it is trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from rankkit.data.columns.kinds import Number
from rankkit.data.columns.schema import described
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.views import select_features
from rankkit.errors import ExportError
from rankkit.export.targets import find_target


def options_for_target(name: str, scorer: str, given: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    """Options that a scorer needs for a target and that are not given, each with why.

    What is given stays as it is; the target's own check refuses what it cannot express.

    Args:
        name: Of the target.
        scorer: Its name in the catalogue.
        given: Options of the scorer that were asked for.

    Raises:
        ConfigError: If there is no such target.

    >>> options_for_target("solr", "mlp", {"transform": "minmax"})
    {'normalization': ('batch', 'it is folded into the weights')}
    """
    needed: Mapping[str, Mapping[str, tuple[Any, str]]] = getattr(find_target(name, where="target"), "training", {})
    return {option: pair for option, pair in needed.get(scorer, {}).items() if option not in given}


def takes_numbers_alone(name: str) -> bool:
    """Whether a target has no place for columns that are no numbers."""
    return bool(getattr(find_target(name, where="target"), "numbers_alone", False))


def only_numbers(
    name: str, parts: Mapping[str, RankingDataset], asked: Sequence[str]
) -> tuple[dict[str, RankingDataset], str]:
    """The parts of the data without the columns that a target cannot express, and a line that names them.

    Args:
        name: Of the target.
        parts: Training data first; the others have its columns.
        asked: Columns that were asked for by name, which are not left out in silence.

    Returns:
        The parts, and the line; "" where nothing was left out.

    Raises:
        ExportError: If a column that was asked for is none of numbers, or none of numbers is left.
    """
    schema = next(iter(parts.values())).schema
    if schema is None or not takes_numbers_alone(name):
        return dict(parts), ""
    others = [column for column in schema.columns if not isinstance(column, Number)]
    kept = [column.name for column in schema.columns if isinstance(column, Number)]
    wished = [column for column in others if column.name in asked]
    if wished or not kept:
        listed = ", ".join(f"{column.name} ({described(column)})" for column in wished or others)
        raise ExportError(
            f"target: expected columns of numbers for {name}, which has no place for vocabularies and parts; got "
            f"{listed}. Leave them out, or train for onnx, torch or numpy."
        )
    line = ", ".join(f"{column.name} ({described(column)})" for column in others)
    return {part: select_features(data, kept) for part, data in parts.items()}, f"for {name}: left out: {line}"
