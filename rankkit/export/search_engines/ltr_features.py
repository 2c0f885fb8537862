"""Feature sets of the Elasticsearch and OpenSearch LTR plugins: base features, derived features, normalizers."""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ExportError
from rankkit.export.search_engines.feature_scaling import FeatureScaling

# What a Lucene expression can call a variable.
_VARIABLE = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
DERIVED = "derived_expression"
SUFFIX = "_scaled"

Float32 = NDArray[np.float32]


def base_feature(name: str, missing: float | np.floating | None) -> dict[str, Any]:
    """A feature that reads the document field of its name.

    Args:
        name: Of the feature and the field.
        missing: What a document without the field gets; None: the feature does not match it.
    """
    query: dict[str, Any] = {"match_all": {}} if missing is not None else {"exists": {"field": name}}
    factor = {"field": name, **({"missing": missing} if missing is not None else {})}
    score = {"query": query, "functions": [{"field_value_factor": factor}], "boost_mode": "replace"}
    return {"name": name, "params": [], "template_language": "mustache", "template": {"function_score": score}}


def missing_value(feature: Mapping[str, Any]) -> float | None:
    """What a document without the field of a base feature gets; None if nothing, or for a derived feature."""
    if feature["template_language"] == DERIVED:
        return None
    (function,) = feature["template"]["function_score"]["functions"]
    missing = function["field_value_factor"].get("missing")
    return None if missing is None else float(missing)


def derived_features(where: str, names: Sequence[str], scaling: FeatureScaling) -> list[dict[str, Any]]:
    """What comes before the normalizers: the logarithm and the limits, as Lucene expressions over base features.

    Args:
        where: The target, for messages.
        names: Of the base features.
        scaling: What the ranker does to them.

    Raises:
        ExportError: If a name cannot be a variable of an expression.
    """
    derived = []
    for index, name in enumerate(names):
        if not _VARIABLE.fullmatch(name):
            raise ExportError(
                f"{where}: expected feature names of letters, digits and underscores, which expressions can "
                f"refer to; got {name!r}. Save the ranker with other feature names."
            )
        # ln(1 + x) for positive and negative x: sign(x) * log1p(|x|).
        text = f"ln(1 + max({name}, 0)) - ln(1 + max(0 - {name}, 0))" if scaling.log1p else name
        if scaling.limits is not None:
            centre, width = float(scaling.centre[index]), float(scaling.width[index])
            # Standardized values lie within the limits, scaled ones from the minimum to the maximum.
            low, high = (centre + limit * width for limit in scaling.limits)
            text = f"min(max({text}, {low!r}), {high!r})"
        derived.append({"name": name + SUFFIX, "params": [], "template_language": DERIVED, "template": text})
    taken = set(names) & {feature["name"] for feature in derived}
    if taken:
        raise ExportError(
            f"{where}: expected feature names that do not end in {SUFFIX!r} of another; got {min(taken)!r}. "
            "Save the ranker with other feature names."
        )
    return derived


def feature_normalizers(names: Sequence[str], scaling: FeatureScaling) -> dict[str, Any]:
    """The plugin's normalizer of each feature that varies."""
    made = {}
    for name, centre, width in zip(names, scaling.centre, scaling.width, strict=True):
        if width == 0:
            continue
        if scaling.kind == "standardize":
            made[name] = {"standard": {"mean": centre, "standard_deviation": width}}
        elif scaling.kind == "minmax":
            high = np.float32(float(centre) + float(width))
            high = high if high > centre else np.nextafter(centre, np.float32(np.inf))
            made[name] = {"min_max": {"minimum": centre, "maximum": high}}
    return made


def feature_values(features: Sequence[Mapping[str, Any]], names: Sequence[str], raw: Float32) -> Float32:
    """The value of each feature of a set, in its order: base features first, derived ones from them.

    Args:
        features: Of the feature set's file.
        names: Of the columns of ``raw``.
        raw: float32 ``[doc, feature]``, NaN where a document has no such field.
    """
    found: dict[str, Float32] = {}
    place_of = {name: place for place, name in enumerate(names)}
    for feature in features:
        if feature["template_language"] == DERIVED:
            # Expressions count in float64; the plugin keeps a feature as float32.
            found[feature["name"]] = _evaluate(feature["template"], found)
            continue
        (function,) = feature["template"]["function_score"]["functions"]
        column = raw[:, place_of[function["field_value_factor"]["field"]]]
        missing = missing_value(feature)
        found[feature["name"]] = column if missing is None else np.where(np.isnan(column), np.float32(missing), column)
    return np.stack(list(found.values()), axis=1)


def normalise(features: Sequence[str], norms: Mapping[str, Any], values: Float32) -> Float32:
    """Feature values after the model's normalizers, in float32."""
    columns = []
    for name, column in zip(features, values.T, strict=True):
        for kind, params in norms.get(name, {}).items():
            first, second = (
                (params["mean"], params["standard_deviation"])
                if kind == "standard"
                else (params["minimum"], params["maximum"])
            )
            centre = np.float32(first)
            width = np.float32(second) if kind == "standard" else np.float32(second) - centre
            column = (column - centre) / width
        columns.append(column)
    return np.stack(columns, axis=1)


def _evaluate(text: str, variables: Mapping[str, Float32]) -> Float32:
    """An expression of numbers, variables, + - min max ln, in float64, kept as float32."""
    with np.errstate(all="ignore"):
        return np.asarray(_value(ast.parse(text, mode="eval").body, variables), np.float64).astype(np.float32)


def _value(node: ast.expr, variables: Mapping[str, Float32]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number):
            return np.float64(number)
        case ast.Name(id=name):
            return variables[name].astype(np.float64)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, variables)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _value(left, variables) + _value(right, variables)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _value(left, variables) - _value(right, variables)
        case ast.Call(func=ast.Name(id="ln"), args=[argument]):
            return np.log(_value(argument, variables))
        case ast.Call(func=ast.Name(id="min"), args=[first, second]):
            return np.minimum(_value(first, variables), _value(second, variables))
        case ast.Call(func=ast.Name(id="max"), args=[first, second]):
            return np.maximum(_value(first, variables), _value(second, variables))
    raise ValueError(f"the expression {ast.unparse(node)!r}")
