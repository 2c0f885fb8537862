"""RankLib's text form of RankNet, in which the LTR plugins of Elasticsearch and OpenSearch take neural networks.

Every unit is logistic, the output as well, so networks with sigmoid activations fit. The output is cast to float32, and
there a logit above 17 is 1 like any other. So the last layer is rescaled: its logits lie within -1.5..1.5, where a
float32 tells scores apart best.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rankkit.export.artefacts.parity import ScoreMap
from rankkit.export.search_engines.dense_layers import IDENTITY, DenseLayer

LOGIT = 1.5

Float64 = NDArray[np.float64]


def rescaled(layers: Sequence[DenseLayer]) -> tuple[list[tuple[Float64, Float64]], ScoreMap]:
    """Matrices and biases in float64, the last ones rescaled, and how the logistic output follows from the score.

    The layer before the last is logistic, within 0..1, which bounds the score. A network without a hidden layer has no
    such bound, and cannot be put here.
    """
    *hidden, last = layers
    if last.activation != IDENTITY or not hidden or any(layer.activation != "sigmoid" for layer in hidden):
        raise ValueError("layers that are not sigmoid, or a last one that is not linear")
    matrices = [(layer.weight.astype(np.float64), layer.bias.astype(np.float64)) for layer in layers]
    weight, bias = matrices[-1]
    low = float(bias[0] + np.minimum(weight, 0).sum())
    high = float(bias[0] + np.maximum(weight, 0).sum())
    scale = 2 * LOGIT / (high - low) if high > low else 1.0
    shift = -scale * (low + high) / 2
    matrices[-1] = (weight * scale, bias * scale + shift)
    return matrices, ScoreMap("sigmoid", scale=scale, shift=shift)


def ranknet_text(matrices: Sequence[tuple[Float64, Float64]], used: Sequence[int], n_features: int) -> str:
    """The model as RankLib prints it.

    Args:
        matrices: Matrix ``[output, input]`` and bias of each layer.
        used: Index from 0, in the feature set, of each input of the first matrix.
        n_features: Features in the set. All are inputs, those not used with weights of 0: plugins before 2023 size
            their vectors by the inputs of the model.
    """
    first, bias = matrices[0]
    weight = np.zeros((len(first), n_features))
    weight[:, used] = first
    whole = [(weight, bias), *matrices[1:]]
    sizes = [len(bias) for _, bias in whole[:-1]]
    lines = [
        "## RankNet",
        "## Epochs = 0",
        f"## No. of features = {n_features}",
        f"## No. of hidden layers = {len(sizes)}",
        *(f"## Layer {number}: {size} neurons" for number, size in enumerate(sizes, start=1)),
        " ".join(str(feature) for feature in range(1, n_features + 1)),
        str(len(sizes)),
        *(str(size) for size in sizes),
        *_links(whole),
    ]
    return "\n".join(lines) + "\n"


def _links(matrices: Sequence[tuple[Float64, Float64]]) -> Iterator[str]:
    """A line a neuron: its layer, its number, the weights of the links that leave it.

    The bias of all layers is the last neuron of the input layer; its links go to every unit, layer by layer.
    """
    for layer, (weight, _) in enumerate(matrices):
        for neuron, column in enumerate(weight.T):
            yield _line(layer, neuron, column)
        if layer == 0:
            yield _line(0, weight.shape[1], np.concatenate([bias for _, bias in matrices]))


def _line(layer: int, neuron: int, weights: Float64) -> str:
    return f"{layer} {neuron} " + " ".join(repr(float(weight)) for weight in weights)


def ranknet_scores(text: str, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """What RankLib gives for a model's text: float64 inside, the output cast to float32.

    Args:
        text: As :func:`ranknet_text` writes it.
        inputs: float32 ``[doc, feature]``.

    Raises:
        ValueError: If it is no such text.
    """
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("##")]
    features = [int(part) - 1 for part in lines[0].split(" ")]
    n_hidden = int(lines[1])
    sizes = [len(features), *(int(line) for line in lines[2 : 2 + n_hidden]), 1]
    links = {tuple(map(int, line.split(" ", 2)[:2])): line.split(" ")[2:] for line in lines[2 + n_hidden :]}
    biases = np.split(np.array(links[0, sizes[0]], np.float64), np.cumsum(sizes[1:])[:-1])
    values = inputs[:, features].astype(np.float64)
    for layer, bias in enumerate(biases):
        weight = np.array([links[layer, neuron] for neuron in range(sizes[layer])], np.float64)
        with np.errstate(over="ignore"):
            values = 1 / (1 + np.exp(-(values @ weight + bias)))
    return values[:, 0].astype(np.float32)
