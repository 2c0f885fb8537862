"""Scorer or encoder and objective by their names in the catalogue, fitted to each other and to the data."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, cast

import torch
from torch import Tensor

from rankkit import registry
from rankkit.data.labelled_examples import LabelledExamples
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError
from rankkit.models.building import build
from rankkit.models.encoders import embed
from rankkit.models.scorers.readout import n_outputs_for
from rankkit.objectives import Objective
from rankkit.objectives.embedding import LearnedTemperature, suggest_margin
from rankkit.options import options_of


def build_objective(name: str, options: Mapping[str, Any], kind: str = "objective") -> Callable[..., Tensor]:
    """The objective of that name with its options; one with weights of its own is built anew.

    Args:
        name: Of the objective.
        options: Its options. ``temperature="learned"`` is a :class:`rankkit.LearnedTemperature`.
        kind: In the catalogue: ``"objective"``, or ``"embedding objective"`` for one that trains an encoder.

    >>> build_objective("ranknet", {"sigma": 2.0})
    Objective(ranknet_loss, sigma=2.0)
    """
    function = registry.find(kind, name)
    if options.get("temperature") == "learned":
        options = {**options, "temperature": LearnedTemperature(signature(function).parameters["temperature"].default)}
    return function(**options) if isinstance(function, type) else Objective(function, **options)


def build_scorer(
    name: str | type, options: Mapping[str, Any], objective: str, data: RankingDataset, *, seed: int
) -> Any:
    """The scorer of that name for training data and the objective of that name.

    Where the objective reads several outputs a document, there are as many as the grades of the data ask for, unless
    ``options`` say how many.

    Args:
        name: Of the scorer, or its class.
        options: Its options.
        objective: The name of the objective that will train it.
        data: The training data, for the number of features and of grades.
        seed: Of the weights.

    Raises:
        ConfigError: If there is no such name or option, or the objective needs more grades than the labels have.
    """
    readout = getattr(registry.find("objective", objective), "readout", None)
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
    return build("scorer", name, data.n_features, **chosen)


def build_encoder(name: str, options: Mapping[str, Any], objective: str, data: LabelledExamples, *, seed: int) -> Any:
    """The encoder of that name for training data and the objective of that name.

    Where ``options`` do not say, the distance is the one that the objective's paper has, and the output the one that
    the objective needs.

    Args:
        name: Of the encoder.
        options: Its options.
        objective: The name of the objective that will train it.
        data: The training data, for the shape of an input.
        seed: Of the weights.

    Raises:
        ConfigError: If there is no such name or option.

    >>> from rankkit.loaders.examples.files import read_labelled
    >>> encoder = build_encoder("mlp", {}, "lossless_triplet", read_labelled("digits"), seed=0)
    >>> encoder.output, encoder.distance
    ('sigmoid', SquaredEuclidean())
    """
    function = registry.find("embedding objective", objective)
    wanted = {"distance": own_distance(function), "output": getattr(function, "output", "unit")}
    taken = options_of("encoder", registry.find("encoder", name))
    chosen = {**{option: value for option, value in wanted.items() if option in taken}, **options}
    return build("encoder", name, data.input_shape, **chosen, seed=seed)


def own_distance(objective: Callable[..., Any]) -> str:
    """The distance of the objective's paper; cosine similarity for objectives of rankings, which have none."""
    parameter = signature(objective).parameters.get("distance")
    given = getattr(objective, "distance", "cosine_similarity") if parameter is None else parameter.default
    return str(given)


def with_margin(name: str, options: Mapping[str, Any], encoder: Any, data: LabelledExamples) -> dict[str, Any]:
    """The options of a contrastive or triplet objective, with a margin on the encoder's scale where they name none.

    Others come back as they are. The margin is what :func:`rankkit.suggest_margin` gives before training, to three
    digits.

    >>> from rankkit.loaders.examples.files import read_labelled
    >>> data = read_labelled("digits")
    >>> encoder = build_encoder("mlp", {"distance": "l1"}, "triplet", data, seed=0)
    >>> with_margin("triplet", {}, encoder, data)["margin"] > 0.2, with_margin("supcon", {}, encoder, data)
    (True, {})
    """
    if "margin" in options or name not in ("contrastive", "triplet"):
        return dict(options)
    rows = embed(encoder, data.inputs[:: max(1, len(data) // 1000)])
    margin = suggest_margin(encoder.distance, torch.from_numpy(rows), objective=cast(Any, name))
    return {**options, "margin": float(f"{margin:.3g}")}
