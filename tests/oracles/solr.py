"""Solr's Learning To Rank module for one document at a time, as its reference guide and Java documentation state it.

All is float32, added in the order of the lists. JSON numbers must have a decimal point: Solr casts them to ``Double``.
"""

import json
import math

import numpy as np

F = np.float32
ZERO = F(0)
CLASSES = "org.apache.solr.ltr."
SLACK = F(1e-6)


def load(text):
    return json.loads(text, parse_int=refuse_integer)


def refuse_integer(text):
    raise AssertionError(f"ClassCastException: {text} has no decimal point")


def scores(model_text, features_text, documents):
    """What a model file gives documents, each a mapping of field to number; a field that is left out has no value."""
    model, stored = load(model_text), {feature["name"]: feature for feature in load(features_text)}
    names = [feature["name"] for feature in model["features"]]
    assert len(set(names)) == len(names) > 0
    assert {stored[name]["store"] for name in names} == {model["store"]}
    found = []
    for document in documents:
        values = []
        for feature in model["features"]:
            params = stored[feature["name"]]["params"]
            raw = document.get(params["field"])
            value = parse(params["defaultValue"]) if raw is None else F(raw)
            values.append(normalise(feature.get("norm"), value, model))
        found.append(score(model, names, values))
    return found


def parse(text):
    """Java's ``Float.parseFloat``: from decimal to float32 at once."""
    assert isinstance(text, str)
    return F(text)


def normalise(norm, value, model):
    if norm is None:
        return value
    if math.isnan(value) and model["params"].get("isNullSameAsZero") == "false":
        return value
    params = {name: parse(text) for name, text in norm["params"].items()}
    if norm["class"] == CLASSES + "norm.StandardNormalizer":
        assert set(params) == {"avg", "std"}
        assert params["std"] > 0
        return divide(value - params["avg"], params["std"])
    assert norm["class"] == CLASSES + "norm.MinMaxNormalizer"
    assert set(params) == {"min", "max"}
    delta = params["max"] - params["min"]
    assert delta != 0
    return divide(value - params["min"], delta)


def divide(value, by):
    with np.errstate(over="ignore"):
        return value / by


def score(model, names, values):
    params = model["params"]
    if model["class"] == CLASSES + "model.LinearModel":
        total = ZERO
        for name, value in zip(names, values, strict=True):
            total = total + value * F(params["weights"][name])
        return total
    if model["class"] == CLASSES + "model.NeuralNetworkModel":
        return network(params["layers"], values)
    assert model["class"] == CLASSES + "model.MultipleAdditiveTreesModel"
    follows_missing = params.get("isNullSameAsZero", "true") == "false"
    total = ZERO
    for tree in params["trees"]:
        total = total + parse(tree["weight"]) * leaf(
            tree["root"], dict(zip(names, values, strict=True)), follows_missing
        )
    return total


def network(layers, values):
    for layer in layers:
        assert len(layer["bias"]) == len(layer["matrix"])
        outputs = []
        for row, bias in zip(layer["matrix"], layer["bias"], strict=True):
            assert len(row) == len(values)
            total = F(bias)
            for weight, value in zip(row, values, strict=True):
                total = total + F(weight) * value
            outputs.append(activate(layer["activation"], total))
        values = outputs
    (only,) = values
    return only


def activate(name, x):
    if name == "identity":
        return x
    if name == "relu":
        return ZERO if x < 0 else x
    if name == "leakyrelu":
        return F(0.01) * x if x < 0 else x
    if name == "tanh":
        return F(math.tanh(float(x)))
    assert name == "sigmoid"
    return F(1 / (1 + (math.exp(-float(x)) if x > -709 else math.inf)))


def leaf(node, values, follows_missing):
    while "feature" in node:
        value, threshold = values[node["feature"]], parse(node["threshold"]) + SLACK
        if value <= threshold:
            node = node["left"]
        elif follows_missing and math.isnan(value):
            node = node["left"] if node["missing"] == "left" else node["right"]
        else:
            node = node["right"]
    assert "left" not in node
    return parse(node["value"])
