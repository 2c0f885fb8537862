import json

import numpy as np
import pytest
import torch
from torch import nn

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.errors import ConfigError, DataError
from rankkit.models.encoders import MLPEncoder, WrappedEncoder, embed
from rankkit.similarity import (
    choose_threshold,
    evaluate_encoder,
    evaluate_few_shot,
    evaluate_retrieval,
    verify,
)


def examples_of(n_classes=7, n_each=8, seed=0, lone=0):
    """The class shows in the first two numbers; the other six are louder noise."""
    generator = np.random.default_rng(seed)
    labels = np.concatenate([np.repeat(np.arange(n_classes), n_each), np.arange(n_classes, n_classes + lone)])
    angles = 2 * np.pi * labels / (n_classes + lone)
    inputs = generator.normal(size=(len(labels), 8)) * [0.1, 0.1, 1, 1, 1, 1, 1, 1]
    inputs[:, :2] += np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return LabelledExamples(
        inputs.astype(np.float32), labels, tuple(f"class{number}" for number in range(n_classes + lone))
    )


def picking_encoder(distance="euclidean"):
    """Takes the two numbers that tell."""
    layer = nn.Linear(8, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(8)[:2])
    return WrappedEncoder(layer, 2, output="linear", distance=distance)


def test_every_number_is_that_of_the_function_it_comes_from():
    examples, valid = examples_of(lone=1), examples_of(seed=1)
    encoder = picking_encoder()
    report = evaluate_encoder(encoder, examples, valid=valid, ways=(5,), n_episodes=30, seed=4)
    rows, raw = embed(encoder, examples.inputs), examples.inputs
    for found, given, by in ((report.means, rows, encoder.distance), (report.raw_means, raw, "euclidean")):
        retrieval = evaluate_retrieval(given, examples.labels, distance=by)
        assert {name: found[name] for name in retrieval.means} == retrieval.means
        inner = embed(encoder, valid.inputs) if given is rows else valid.inputs
        threshold = choose_threshold(inner, valid.labels, distance=by)
        pairs = verify(given, examples.labels, distance=by, threshold=threshold)
        assert [found[name] for name in ("eer", "area", "far", "frr")] == [pairs.eer, pairs.area, pairs.far, pairs.frr]
    few = evaluate_few_shot(
        rows, examples.labels, raw_inputs=raw, distance=encoder.distance, n_episodes=30, seed=4, ways=5
    )
    assert report.means["5-way 1-shot"] == few.accuracy
    assert report.raw_means["5-way 1-shot"] == few.raw_accuracy
    assert report.means["map_at_r"] > report.raw_means["map_at_r"] + 0.3
    assert report.n_lone == 1
    assert report.retrieval.n_empty == 1


def test_the_table_stands_beside_the_raw_inputs_and_says_its_conventions():
    report = evaluate_encoder(picking_encoder(), examples_of(lone=2), valid=examples_of(seed=1), n_episodes=10)
    text = str(report)
    head = text.splitlines()[0]
    assert "embeddings (euclidean)" in head
    assert "raw inputs (euclidean)" in head
    for line in ("map_at_r", "5-way 1-shot", "eer", "far", "frr"):
        assert any(row.startswith(line) for row in text.splitlines())
    flat = " ".join(text.split())
    assert "58 examples of 9 classes, 2 of them alone in their class" in flat
    assert "20-way 1-shot: left out, expected at least 20 classes with 6 examples" in flat
    assert "chosen on 1,540 validation pairs" in flat
    assert "verification of raw inputs: threshold" in flat
    assert "2 of 58 left out of the mean" in flat
    assert f"5-way 1-shot: gain {report.few_shot[0].gain:+.4f} [" in flat
    found = json.loads(report.to_json())
    assert found["few_shot"][0]["ways"] == 5
    assert list(found["left_out"]) == ["20-way 1-shot"]
    assert found["raw_verification"]["threshold"]["distance"] == "euclidean"
    assert repr(report).startswith("SimilarityReport(map_at_r=")


def test_without_validation_examples_no_threshold_is_chosen():
    report = evaluate_encoder(picking_encoder(), examples_of(), ways=3, n_episodes=5)
    assert "far" not in report.means
    assert "no threshold: choose one on validation examples" in " ".join(str(report).split())


def test_a_learned_distance_is_followed():
    encoder = MLPEncoder(8, n_dims=4, hidden=(8,), distance="verification", output="sigmoid", seed=0)
    encoder.train()
    report = evaluate_encoder(encoder, examples_of(), valid=examples_of(seed=2), ways=3, n_episodes=5)
    assert report.distance == "verification"
    assert report.verification.threshold.distance == "verification"
    assert report.raw_verification.threshold.distance == "euclidean"
    assert encoder.training


def test_errors():
    examples = examples_of()
    with pytest.raises(ConfigError, match="other than those measured; got the same"):
        evaluate_encoder(picking_encoder(), examples, valid=examples_of())
    with pytest.raises(DataError, match="no pair of two classes"):
        evaluate_encoder(picking_encoder(), examples.of_classes([0]))
