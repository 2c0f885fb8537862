"""Solr's NeuralNetworkModel and LinearModel: written from a scorer's layers, and scored as Solr does, in float32."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.export.search_engines.dense_layers import IDENTITY, DenseLayer
from rankkit.export.search_engines.feature_scaling import FeatureScaling
from rankkit.export.search_engines.json_text import float32_text

MODELS = "org.apache.solr.ltr.model"
NORMALIZERS = "org.apache.solr.ltr.norm"
# Solr's name of each activation by rankkit's; leakyrelu has torch's slope of 0.01.
ACTIVATIONS = {
    "relu": "relu",
    "leaky_relu": "leakyrelu",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    IDENTITY: "identity",
}

Float32 = NDArray[np.float32]


def normalizers(scaling: FeatureScaling) -> list[dict[str, Any] | None]:
    """The normalizer of each feature; None where the raw value is taken.

    A constant feature gets a deviation of 1: Solr refuses 0, and its weight is 0.
    """
    if scaling.kind == "none":
        return [None] * len(scaling.centre)
    width = np.where(scaling.constant, 1, scaling.width).astype(np.float32)
    if scaling.kind == "standardize":
        return [
            normalizer("StandardNormalizer", avg=centre, std=spread)
            for centre, spread in zip(scaling.centre, width, strict=True)
        ]
    high = (scaling.centre.astype(np.float64) + width).astype(np.float32)
    # Where a range is below the last digit of its ends, the minimum and a neighbour keep it from being 0.
    high = np.where(high == scaling.centre, np.nextafter(high, np.float32(np.inf)), high)
    return [normalizer("MinMaxNormalizer", min=low, max=top) for low, top in zip(scaling.centre, high, strict=True)]


def normalizer(name: str, **params: np.floating | float) -> dict[str, Any]:
    """A normalizer as Solr reads it: parameters are text."""
    return {"class": f"{NORMALIZERS}.{name}", "params": {key: float32_text(value) for key, value in params.items()}}


def network_layers(layers: Sequence[DenseLayer], scaling: FeatureScaling) -> list[DenseLayer]:
    """The layers behind Solr's normalizers, which set no limits: three layers put them in before the first.

    Where a value z is limited to low..high, they compute ``a = relu(z - low)``, ``b = relu(high - low - a)`` and
    ``high - b``: z itself between the limits (to the rounding of ``z - low``), and the limits beyond them.
    """
    first = layers[0]
    weight = np.where(scaling.constant, np.float32(0), first.weight)
    rest = [DenseLayer(weight, first.bias, first.activation), *layers[1:]]
    if scaling.limits is None:
        return rest
    low, high = scaling.limits
    n_features = len(scaling.centre)
    one = np.eye(n_features, dtype=np.float32)
    return [
        DenseLayer(one, np.full(n_features, -low, np.float32), "relu"),
        DenseLayer(0 - one, np.full(n_features, high - low, np.float32), "relu"),
        DenseLayer(0 - one, np.full(n_features, high, np.float32), IDENTITY),
        *rest,
    ]


def network_params(layers: Sequence[DenseLayer]) -> dict[str, Any]:
    """The ``params`` of a NeuralNetworkModel."""
    return {
        "layers": [
            {"matrix": layer.weight, "bias": layer.bias, "activation": ACTIVATIONS[layer.activation]}
            for layer in layers
        ]
    }


def network_scores(params: Mapping[str, Any], inputs: Float32) -> Float32:
    """What Solr's ``NeuralNetworkModel`` gives for normalised features ``[doc, feature]``."""
    values = inputs
    for layer in params["layers"]:
        matrix, bias = np.asarray(layer["matrix"], np.float32), np.asarray(layer["bias"], np.float32)
        outputs = np.broadcast_to(bias, (len(values), len(bias))).copy()
        for column in range(matrix.shape[1]):  # one addition after the other, as Solr adds
            outputs += values[:, column, None] * matrix[:, column]
        values = _activate(layer["activation"], outputs)
    return values[:, 0]


def linear_scores(params: Mapping[str, Any], names: Sequence[str], inputs: Float32) -> Float32:
    """What Solr's ``LinearModel`` gives for normalised features ``[doc, feature]``."""
    scores = np.zeros(len(inputs), np.float32)
    for column, name in enumerate(names):
        scores += inputs[:, column] * np.float32(params["weights"][name])
    return scores


def normalised(features: Sequence[Mapping[str, Any]], values: Float32) -> Float32:
    """Raw features ``[doc, feature]`` after the normalizers of a model file."""
    columns = []
    for feature, column in zip(features, values.T, strict=True):
        norm = feature.get("norm")
        if norm is not None:
            params = {key: np.float32(text) for key, text in norm["params"].items()}
            centre, width = (
                (params["avg"], params["std"])
                if norm["class"].endswith("StandardNormalizer")
                else (params["min"], params["max"] - params["min"])
            )
            column = (column - centre) / width
        columns.append(column)
    return np.stack(columns, axis=1)


def _activate(name: str, values: Float32) -> Float32:
    if name == "relu":
        return np.where(values < 0, np.float32(0), values)
    if name == "leakyrelu":
        return np.where(values < 0, np.float32(0.01) * values, values)
    if name == "tanh":
        return np.tanh(values.astype(np.float64)).astype(np.float32)
    if name == "sigmoid":
        return (1 / (1 + np.exp(-values.astype(np.float64)))).astype(np.float32)
    return values
