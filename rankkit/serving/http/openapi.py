"""The OpenAPI description of the service for one ranker: its features by name, its limits, examples that work."""

from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from rankkit.data.columns.kinds import Vector
from rankkit.data.columns.schema import Schema
from rankkit.serving.bodies.form import Form
from rankkit.serving.bodies.messages import RankRequest, ScoreRequest
from rankkit.serving.bodies.tables import TABLES
from rankkit.serving.http.bearer import OPEN


def add_requests(description: dict[str, Any], form: Form, rows: Sequence[Any]) -> None:
    """Add the bodies of /rank and /score to a description, in place.

    Args:
        description: Of the app, without request bodies.
        form: What a body has to look like.
        rows: Two documents for the examples, as clients write them.
    """
    kinds = {"/rank": RankRequest, "/score": ScoreRequest}
    _, definitions = models_json_schema(
        [(RankRequest, "validation"), (ScoreRequest, "validation")], ref_template="#/components/schemas/{model}"
    )
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    schemas["Features"] = _features(form) if form.schema is None else _columns(form.schema)
    here = {"$ref": "#/components/schemas/Features"}
    schemas["Document"]["properties"]["features"] = here
    schemas["RankRequest"]["properties"]["documents"]["maxItems"] = form.max_list_size
    schemas["QueryFeatures"]["properties"]["features"] |= {"items": here, "maxItems": form.max_list_size}
    schemas["ScoreRequest"]["properties"]["queries"]["maxItems"] = form.max_docs
    examples = _examples(form.names, rows)
    for path, kind in kinds.items():
        operation = description["paths"][path]["post"]
        links = description["paths"]["/metadata"]["get"]["responses"]["200"].setdefault("links", {})
        links[path[1:]] = {
            "operationId": operation["operationId"],
            "parameters": {"query.model": "$response.body#/model"},
            "requestBody": examples[path],
            "description": "A model that is described can be asked by its name.",
        }
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{kind.__name__}"},
                    "example": examples[path],
                },
                **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(TABLES)},
            },
        }


def add_token(description: dict[str, Any]) -> None:
    """Say in a description that requests have to bring a token, in place.

    Args:
        description: Of the app.
    """
    components = description.setdefault("components", {})
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "The token that the service was started with."}
    }
    for path, methods in description["paths"].items():
        if path in OPEN:
            continue
        for operation in methods.values():
            operation["security"] = [{"token": []}]
            operation["responses"]["401"] = {
                "description": "No token, or another one.",
                "headers": {"WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string"}}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}},
            }


def _features(form: Form) -> dict[str, Any]:
    infinite = 2.0**128 - 2.0**103  # the least number that rounding to float32 makes infinite
    value = {
        "type": ["number", "null"] if form.takes_missing else "number",
        "exclusiveMinimum": -infinite,
        "exclusiveMaximum": infinite,
    }
    n_features = len(form.names)
    return {
        "title": "Features",
        "description": "The features of a document: an array in the order of /metadata, or an object with every "
        "name, in any order; what else it names is left out."
        + (" null is a missing value." if form.takes_missing else ""),
        "anyOf": [
            {"type": "array", "items": value, "minItems": n_features, "maxItems": n_features},
            {
                "type": "object",
                "properties": dict.fromkeys(form.names, value),
                "required": list(form.names),
            },
        ],
    }


def _columns(schema: Schema) -> dict[str, Any]:
    """The columns of a ranker, each with what may stand in it."""
    number: dict[str, Any] = {"type": ["number", "boolean", "null"]}
    value = {"type": ["string", "number", "boolean", "null"]}
    date = {"type": ["string", "number", "null"], "description": "ISO 8601, or seconds from 1970."}
    found: dict[str, Any] = {}
    for column in schema.columns:
        others = dict.fromkeys(column.sources[1:], date if column.kind == "time" else value)
        found = {**others, **found}
        size = column.size if isinstance(column, Vector) else 0
        found[column.name] = {
            "number": number,
            "category": value,
            "text": value,
            "time": date,
            "bag": {"type": ["array", "null"], "items": value},
            "vector": {"type": ["array", "null"], "items": number, "minItems": size, "maxItems": size},
        }[column.kind]
    return {
        "title": "Features",
        "description": "The columns of a document by name, in any order; what else it names is left out. null is a "
        "missing value, and values that training has not seen are scored.",
        "type": "object",
        "properties": {name: found[name] for name in schema.sources},
        "required": list(schema.sources),
    }


def _examples(names: Sequence[str], rows: Sequence[Any]) -> dict[str, Any]:
    first, second = rows
    return {
        "/rank": {
            "query_id": "q1",
            "documents": [
                {"id": name, "features": row if isinstance(row, dict) else dict(zip(names, row, strict=True))}
                for name, row in zip("ab", rows, strict=True)
            ],
        },
        "/score": {
            "queries": [{"query_id": "q1", "features": [first, second]}, {"query_id": "q2", "features": [second]}]
        },
    }
