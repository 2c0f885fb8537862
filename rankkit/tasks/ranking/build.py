"""Scorers by their names in the catalogue, fitted to the objective and to the data."""

import inspect
from collections.abc import Mapping
from typing import Any

from rankkit import registry
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError
from rankkit.models.building import build
from rankkit.models.scorers.columns import MIN_COUNT
from rankkit.models.scorers.for_data import options_for
from rankkit.models.scorers.readout import n_outputs_for


def build_scorer(
    name: str | type, options: Mapping[str, Any], objective: str, data: RankingDataset, *, seed: int
) -> Any:
    """The scorer of that name for training data and the objective of that name.

    Where the objective reads several outputs a document, there are as many as the grades of the data ask for, unless
    ``options`` say how many.

    Args:
        name: Of the scorer, or its class.
        options: Its options.
        objective: The name of the objective that will train it; ``""`` for none.
        data: The training data, for the number of features and of grades.
        seed: Of the weights.

    Raises:
        ConfigError: If there is no such name or option, or the objective needs more grades than the labels have.
    """
    readout = getattr(registry.find("objective", objective), "readout", None) if objective else None
    chosen = {**options, "seed": seed}
    if readout is not None:
        chosen["readout"] = readout
        if "n_outputs" not in chosen and data.labels is not None:
            best = int(data.labels.max(initial=0))
            chosen["n_outputs"] = n_outputs_for(readout, best + 1)
            if chosen["n_outputs"] < 2:
                raise ConfigError(
                    f"train: expected labels of more grades for the objective {objective}; got 0..{best}. "
                    "Train with bce, which learns the same from two."
                )
    made = registry.find("scorer", name) if isinstance(name, str) else name
    known = inspect.signature(made).parameters
    if "schema" in known and (data.schema is not None or "prior" in chosen):
        chosen |= options_for("train", data, MIN_COUNT, made, chosen)
    scorer = build("scorer", name, chosen.pop("n_features", data.n_features), **chosen)
    if getattr(scorer, "schema", None) is not None:
        scorer.feature_names = data.feature_names
    return scorer
