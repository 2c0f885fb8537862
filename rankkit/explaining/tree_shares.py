"""Why trees give a document its score: Shapley values by TreeSHAP, which the library of the trees computes."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError
from rankkit.models.trees import TreeModel
from rankkit.models.trees.catboost_growing import coded_rows, load_catboost


def tree_shares(model: TreeModel, features: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""What each feature adds to the score of each document, compared with the mean score of the training documents.

    .. math:: a_f = \sum_{S \not\ni f} \frac{|S|!\,(n - |S| - 1)!}{n!} \left(v(S \cup f) - v(S)\right)

    n is the number of features, and v(S) the score of the trees where the features S are known: a split by another one
    goes both ways, with the shares of the training documents that went so.

    Args:
        model: Read from a file of LightGBM, XGBoost or CatBoost.
        features: ``[doc, feature]``.

    Returns:
        ``[doc, feature]``, and the mean score that they are added to ``[doc]``.

    Raises:
        ConfigError: If the library is not installed.

    References:
        Lundberg et al., *From Local Explanations to Global Understanding with Explainable AI for Trees*, Nature Machine
        Intelligence 2020, algorithm 2.
    """
    library = check_library(model)
    rows = np.ascontiguousarray(features, np.float32)
    if model.library == "lightgbm":
        booster = library.Booster(model_str=model.content.decode())
        found = np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1), np.float64)
    elif model.library == "catboost":
        booster = load_catboost(model.content)
        coded = booster.get_cat_feature_indices()
        pool = library.Pool(coded_rows(rows, coded), cat_features=coded or None, thread_count=1)
        found = np.asarray(booster.get_feature_importance(pool, type="ShapValues", thread_count=1), np.float64)
    else:
        booster = library.Booster({"nthread": 1})
        booster.load_model(bytearray(model.content))
        matrix = library.DMatrix(
            rows,
            feature_names=booster.feature_names,
            feature_types=booster.feature_types,
            enable_categorical=True,
            nthread=1,
        )
        found = np.asarray(booster.predict(matrix, pred_contribs=True), np.float64)
    return found[:, :-1], found[:, -1]


def check_library(model: TreeModel) -> Any:
    """The library of trees, imported.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        return importlib.import_module(model.library)
    except ImportError as error:
        raise ConfigError(
            f"attribute: expected {model.library}, which explains its own trees; got an error on import: {error}. "
            f"Install it: pip install {model.library}; or leave --doc out, for permutation importance."
        ) from error


def by_column(
    schema: Schema, features: NDArray[np.float32], values: NDArray[np.float64]
) -> tuple[tuple[str, ...], NDArray[np.float32], NDArray[np.float64]]:
    """Names, values and attributions of the columns, where some take several features.

    The attributions of a column's features are added up. A column of one feature keeps its value; several have none.

    Example:
        >>> from rankkit.data.columns.kinds import Number, Vector
        >>> schema = Schema((Number("price"), Vector("image", size=2)))
        >>> by_column(schema, np.ones((1, 3), np.float32), np.array([[1.0, 2.0, 3.0]]))
        (('price', 'image'), array([[ 1., nan]], dtype=float32), array([[1., 5.]]))
    """
    spans: Mapping[str, slice] = schema.spans
    names: Sequence[str] = [column.name for column in schema.columns]
    shown = [
        features[:, spans[name].start] if _is_one(spans[name]) else np.full(len(features), np.nan) for name in names
    ]
    added = [values[:, spans[name]].sum(axis=1) for name in names]
    return tuple(names), np.stack(shown, axis=1).astype(np.float32), np.stack(added, axis=1)


def _is_one(span: slice) -> bool:
    return bool(span.stop - span.start == 1)
