from itertools import pairwise

import numpy as np
import pytest

from rankkit.export.search_engines.dense_layers import DenseLayer
from rankkit.export.search_engines.ranklib_text import LOGIT, ranknet_scores, ranknet_text, rescaled
from tests.oracles.ranklib import RankNet

F = np.float32
LAYERS = [
    DenseLayer(np.array([[0.5, -1.0], [2.0, 0.25]], F), np.array([0.125, -0.5], F), "sigmoid"),
    DenseLayer(np.array([[3.0, -5.0]], F), np.array([1.0], F), "identity"),
]


def test_the_text_of_a_network_by_hand():
    matrices = [(layer.weight.astype(float), layer.bias.astype(float)) for layer in LAYERS]
    assert ranknet_text(matrices, used=[0, 2], n_features=3) == (
        "## RankNet\n"
        "## Epochs = 0\n"
        "## No. of features = 3\n"
        "## No. of hidden layers = 1\n"
        "## Layer 1: 2 neurons\n"
        "1 2 3\n"
        "1\n"
        "2\n"
        "0 0 0.5 2.0\n"
        "0 1 0.0 0.0\n"
        "0 2 -1.0 0.25\n"
        "0 3 0.125 -0.5 1.0\n"
        "1 0 3.0\n"
        "1 1 -5.0\n"
    )


def test_ranklibs_own_code_gives_these_scores():
    # Printed by RankLib's loading, wiring and evaluation of RankNet, in Java, for the text above.
    matrices = [(layer.weight.astype(float), layer.bias.astype(float)) for layer in LAYERS]
    values = F([[0, 0, 0], [1, 9, -1], [-2.5, 0, 0.75], [100, 1, -100]])
    found = ranknet_scores(ranknet_text(matrices, used=[0, 2], n_features=3), values)
    np.testing.assert_array_equal(found, F([0.66950005, 0.40611514, 0.79808456, 0.26894143]))


def test_logits_lie_within_what_float32_tells_apart():
    matrices, score_map = rescaled(LAYERS)
    weight, bias = matrices[-1]
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) @ weight.T + bias
    assert corners.min() == pytest.approx(-LOGIT)
    assert corners.max() == pytest.approx(LOGIT)
    # Scores lie within 1 - 5 and 1 + 3, in whose middle is 0.
    assert score_map.scale == pytest.approx(2 * LOGIT / 8)
    assert score_map.shift == 0


def test_a_constant_score_is_rescaled_to_the_middle():
    matrices, _ = rescaled([LAYERS[0], DenseLayer(np.zeros((1, 2), F), np.array([7.0], F), "identity")])
    assert matrices[-1][1].item() == 0


@pytest.mark.parametrize("widths", [(1,), (4,), (5, 3), (6, 4, 2)])
def test_ranklib_run_neuron_by_neuron_gives_the_same(widths):
    rng = np.random.default_rng(len(widths))
    sizes = [3, *widths, 1]
    layers = [
        DenseLayer(rng.normal(size=(n_out, n_in)).astype(F), rng.normal(size=n_out).astype(F), "sigmoid")
        for n_in, n_out in pairwise(sizes)
    ]
    layers[-1] = DenseLayer(layers[-1].weight, layers[-1].bias, "identity")
    matrices, score_map = rescaled(layers)
    text = ranknet_text(matrices, used=[3, 0, 1], n_features=4)
    values = (rng.normal(size=(20, 4)) * 3).astype(F)
    network = RankNet(text)
    found = np.array([network.eval(row) for row in values])
    np.testing.assert_array_equal(ranknet_scores(text, values), found.astype(F))
    inner = values[:, [3, 0, 1]].astype(float)
    for layer in layers:
        inner = inner @ layer.weight.astype(float).T + layer.bias
        inner = 1 / (1 + np.exp(-inner)) if layer.activation == "sigmoid" else inner
    np.testing.assert_allclose(score_map.ranker_scores(found), inner[:, 0], atol=1e-12)


@pytest.mark.parametrize("layers", [LAYERS[:1], LAYERS[1:], [LAYERS[1], LAYERS[1]]])
def test_layers_that_are_no_such_network_are_refused(layers):
    with pytest.raises(ValueError, match="not sigmoid"):
        rescaled(layers)
