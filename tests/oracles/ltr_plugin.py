"""The LTR plugins of Elasticsearch and OpenSearch for one document at a time, as their documentation states it.

A feature's score is float32. Features that do not match are 0 for linear and RankLib models, and have no value for
trees. Derived features are Lucene expressions over the features before them, in float64.
"""

import json
import math
import re

import numpy as np

from tests.oracles import ranklib

F = np.float32


def scores(set_text, model_text, documents):
    """What a model gives documents, each a mapping of field to number; a field that is left out has no value."""
    features = json.loads(set_text)["featureset"]["features"]
    names = [feature["name"] for feature in features]
    assert len(set(names)) == len(names)
    model = json.loads(model_text)["model"]["model"]
    is_trees = model["type"] == "model/xgboost+json"
    norms = model.get("feature_normalizers", {})
    assert set(norms) <= set(names)
    found = []
    for document in documents:
        values = {}
        for feature in features:
            value = feature_score(feature, document, values)
            values[feature["name"]] = (F(math.nan) if is_trees else F(0)) if value is None else F(value)
        for name, norm in norms.items():
            values[name] = normalise(norm, values[name])
        found.append(score(model, names, values))
    return found


def feature_score(feature, document, values):
    if feature["template_language"] == "derived_expression":
        return expression(feature["template"], values)
    query = feature["template"]["function_score"]
    assert query["boost_mode"] == "replace"
    (function,) = query["functions"]
    factor = function["field_value_factor"]
    if query["query"] != {"match_all": {}}:
        assert query["query"] == {"exists": {"field": factor["field"]}}
        if document.get(factor["field"]) is None:
            return None
    value = document.get(factor["field"])
    return factor["missing"] if value is None else value


def normalise(norm, value):
    ((kind, params),) = norm.items()
    if kind == "standard":
        assert set(params) == {"mean", "standard_deviation"}
        return (value - F(params["mean"])) / F(params["standard_deviation"])
    assert kind == "min_max"
    low, high = F(params["minimum"]), F(params["maximum"])
    assert low < high
    return (value - low) / (high - low)


def score(model, names, values):
    definition = model["definition"]
    if model["type"] == "model/linear":
        assert set(definition) <= set(names)
        total = F(0)
        for name in names:
            total = total + F(definition.get(name, 0)) * values[name]
        return total
    if model["type"] == "model/ranklib":
        return F(ranklib.RankNet(definition).eval([values[name] for name in names]))
    assert model["type"] == "model/xgboost+json"
    total = F(0)
    for tree in definition:
        total = total + leaf(tree, values)
    return total


def leaf(node, values):
    while "leaf" not in node:
        assert set(node) == {"nodeid", "depth", "split", "split_condition", "yes", "no", "missing", "children"}
        yes, no = node["children"]
        assert (yes["nodeid"], no["nodeid"]) == (node["yes"], node["no"])
        assert node["missing"] in (node["yes"], node["no"])
        value = values[node["split"]]
        if math.isnan(value):
            node = yes if node["missing"] == node["yes"] else no
        else:
            node = yes if F(node["split_condition"]) > value else no
    assert set(node) == {"nodeid", "leaf"}
    return F(node["leaf"])


def expression(text, values):
    """Numbers, variables, + and -, and the functions min, max and ln of Lucene's expressions."""
    tokens = re.findall(r"[0-9.]+(?:e[+-]?[0-9]+)?|[A-Za-z_$][A-Za-z0-9_$]*|[-+(),]", text)
    assert "".join(tokens) == text.replace(" ", "")
    value = sums(tokens, values)
    assert not tokens
    return value


def sums(tokens, values):
    total = term(tokens, values)
    while tokens and tokens[0] in "+-":
        sign = 1 if tokens.pop(0) == "+" else -1
        total += sign * term(tokens, values)
    return total


def term(tokens, values):
    token = tokens.pop(0)
    if token == "-":
        return -term(tokens, values)
    if token in ("min", "max", "ln"):
        assert tokens.pop(0) == "("
        arguments = [sums(tokens, values)]
        while tokens[0] == ",":
            tokens.pop(0)
            arguments.append(sums(tokens, values))
        assert tokens.pop(0) == ")"
        return math.log(*arguments) if token == "ln" else {"min": min, "max": max}[token](arguments)
    return float(values[token]) if token in values else float(token)
