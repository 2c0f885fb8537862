"""JSON schemas of the files that Solr, Elasticsearch and OpenSearch read, from their reference guides."""

TEXT = {"type": "string", "minLength": 1}
NUMBER = {"type": "number"}
DECIMAL = {"type": "string", "pattern": r"^-?\d+\.\d+(e[+-]\d+)?$|^NaN$"}


def closed(required, optional=None):
    """An object with these entries and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


SOLR_FEATURES = {
    "type": "array",
    "minItems": 1,
    "items": closed(
        {
            "store": TEXT,
            "name": TEXT,
            "class": {"const": "org.apache.solr.ltr.feature.FieldValueFeature"},
            "params": closed({"field": TEXT, "defaultValue": DECIMAL}),
        }
    ),
}

_NORMALIZER = {
    "oneOf": [
        closed(
            {"class": {"const": f"org.apache.solr.ltr.norm.{name}"}, "params": closed(dict.fromkeys(params, DECIMAL))}
        )
        for name, params in (("StandardNormalizer", ("avg", "std")), ("MinMaxNormalizer", ("min", "max")))
    ]
}
_LAYER = closed(
    {
        "matrix": {"type": "array", "minItems": 1, "items": {"type": "array", "minItems": 1, "items": NUMBER}},
        "bias": {"type": "array", "minItems": 1, "items": NUMBER},
        "activation": {"enum": ["identity", "relu", "leakyrelu", "sigmoid", "tanh"]},
    }
)
_SOLR_PARAMS = {
    "LinearModel": closed({"weights": {"type": "object", "additionalProperties": NUMBER}}),
    "NeuralNetworkModel": closed({"layers": {"type": "array", "minItems": 1, "items": _LAYER}}),
    "MultipleAdditiveTreesModel": closed(
        {"trees": {"type": "array", "items": closed({"weight": DECIMAL, "root": {"$ref": "#/$defs/node"}})}},
        {"isNullSameAsZero": {"const": "false"}},
    ),
}
SOLR_MODEL = {
    "oneOf": [
        closed(
            {
                "store": TEXT,
                "name": TEXT,
                "class": {"const": f"org.apache.solr.ltr.model.{name}"},
                "features": {"type": "array", "minItems": 1, "items": closed({"name": TEXT}, {"norm": _NORMALIZER})},
                "params": params,
            }
        )
        for name, params in _SOLR_PARAMS.items()
    ],
    "$defs": {
        "node": {
            "oneOf": [
                closed({"value": DECIMAL}),
                closed(
                    {
                        "feature": TEXT,
                        "threshold": DECIMAL,
                        "left": {"$ref": "#/$defs/node"},
                        "right": {"$ref": "#/$defs/node"},
                    },
                    {"missing": {"enum": ["left", "right"]}},
                ),
            ]
        }
    },
}
SOLR_WRAPPER = closed(
    {
        "store": TEXT,
        "name": TEXT,
        "class": {"const": "org.apache.solr.ltr.model.DefaultWrapperModel"},
        "params": closed({"resource": TEXT}),
    }
)

FEATURE_SET = closed(
    {
        "featureset": closed(
            {
                "features": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 10_000,
                    "items": closed(
                        {
                            "name": TEXT,
                            "params": {"type": "array", "items": TEXT},
                            "template_language": {"enum": ["mustache", "derived_expression"]},
                            "template": {"type": ["object", "string"]},
                        }
                    ),
                }
            }
        )
    }
)
_NORMS = {
    "type": "object",
    "additionalProperties": {
        "oneOf": [
            closed({"standard": closed({"mean": NUMBER, "standard_deviation": {"exclusiveMinimum": 0, **NUMBER}})}),
            closed({"min_max": closed({"minimum": NUMBER, "maximum": NUMBER})}),
        ]
    },
}
_INDEX = {"type": "integer", "minimum": 0}
PLUGIN_MODEL = {
    **closed(
        {
            "model": closed(
                {
                    "name": TEXT,
                    "model": {
                        "oneOf": [
                            closed(
                                {
                                    "type": {"const": "model/linear"},
                                    "definition": {"type": "object", "additionalProperties": NUMBER},
                                },
                                {"feature_normalizers": _NORMS},
                            ),
                            closed(
                                {"type": {"const": "model/ranklib"}, "definition": TEXT},
                                {"feature_normalizers": _NORMS},
                            ),
                            closed(
                                {
                                    "type": {"const": "model/xgboost+json"},
                                    "definition": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                                }
                            ),
                        ]
                    },
                }
            )
        }
    ),
    "$defs": {
        "node": {
            "oneOf": [
                closed({"nodeid": _INDEX, "leaf": NUMBER}),
                closed(
                    {
                        "nodeid": _INDEX,
                        "depth": _INDEX,
                        "split": TEXT,
                        "split_condition": NUMBER,
                        "yes": _INDEX,
                        "no": _INDEX,
                        "missing": _INDEX,
                        "children": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"$ref": "#/$defs/node"}},
                    }
                ),
            ]
        }
    },
}
