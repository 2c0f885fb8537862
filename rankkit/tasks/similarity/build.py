"""Encoders by their names in the catalogue, fitted to the objective and to the data."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, cast

import torch

from rankkit import registry
from rankkit.data.labelled_examples import LabelledExamples
from rankkit.models.building import build
from rankkit.models.encoders import embed
from rankkit.objectives.embedding import suggest_margin
from rankkit.options import options_of


def build_encoder(name: str, options: Mapping[str, Any], objective: str, data: LabelledExamples, *, seed: int) -> Any:
    """The encoder of that name for training data and the objective of that name.

    Where ``options`` do not say, the distance is the one that the objective's paper has, and the output the one that
    the objective needs.

    Args:
        name: Of the encoder.
        options: Its options.
        objective: The name of the objective that will train it; ``""`` for none.
        data: The training data, for the shape of an input.
        seed: Of the weights.

    Raises:
        ConfigError: If there is no such name or option.

    >>> from rankkit.loaders.examples.files import read_labelled
    >>> encoder = build_encoder("mlp", {}, "lossless_triplet", read_labelled("digits"), seed=0)
    >>> encoder.output, encoder.distance
    ('sigmoid', SquaredEuclidean())
    """
    wanted: dict[str, Any] = {}
    if objective:
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
