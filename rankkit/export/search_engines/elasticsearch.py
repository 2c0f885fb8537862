"""Elasticsearch and OpenSearch: a feature set and a model for their Learning To Rank plugins."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError, ExportError
from rankkit.export.artefacts.manifest import Manifest
from rankkit.export.artefacts.parity import ScoreMap
from rankkit.export.obstacles import refuse_together
from rankkit.export.search_engines.dense_layers import dense_layers, layer_checks
from rankkit.export.search_engines.feature_scaling import feature_scaling
from rankkit.export.search_engines.json_text import read_json, write_json
from rankkit.export.search_engines.ltr_features import (
    SUFFIX,
    base_feature,
    derived_features,
    feature_normalizers,
    feature_values,
    missing_value,
    normalise,
)
from rankkit.export.search_engines.ltr_trees import splits, splits_scores
from rankkit.export.search_engines.plain_columns import check_columns, numbers_transform
from rankkit.export.search_engines.ranklib_text import ranknet_scores, ranknet_text, rescaled
from rankkit.export.search_engines.tree_limits import check_splits
from rankkit.export.target import check_options
from rankkit.models.trees.model import TreeModel

STEPS = ("none", "log1p", "standardize", "minmax")
FEATURES_FILE, MODEL_FILE = "featureset.json", "model.json"
LINEAR, RANKLIB, TREES = "model/linear", "model/ranklib", "model/xgboost+json"


class Made(NamedTuple):
    """A model for the plugin: its features, what it says of itself, and how its scores differ."""

    features: list[dict[str, Any]]
    model: dict[str, Any]
    score_map: ScoreMap | None


class ElasticsearchTarget:
    """Linear models, RankNet in RankLib's text form, or trees in XGBoost's JSON form, for the LTR plugin.

    ``featureset.json`` (for ``POST _ltr/_featureset/<feature_set>``) reads each base feature from a document field of
    its name: put the queries of your own in their place, under the same names and in the same order. Where the ranker
    transforms its features, derived features follow that take the logarithm and set the limits; the model's normalizers
    do the rest. ``model.json`` is for ``POST _ltr/_featureset/<feature_set>/_createmodel``.

    An MLP has to have sigmoid activations. Its scores come out logistic, in the ranker's order. A linear model comes
    without its constant. Scores of linear models and of trees may be negative.

    A document without a feature's field gets what does the same as a missing value does in the ranker. For trees it has
    no value: plugins since 2024 then follow the direction that the trees learnt, older ones take 0. Functions of
    Elasticsearch give no values below 0.

    OpenSearch took these files over. There trees decide where a document without a feature goes from 3.3 on, and
    exactly so once the plugin heeds ``missing`` at every split; before, it counts as 0.

    Options: ``name`` of the model (``"ranker"``), and for trees ``positive``, which adds a constant so that no score is
    below 0.

    Args:
        name: ``"elasticsearch"`` or ``"opensearch"``.
    """

    suffix = None
    missing_default = None
    feature_prefix = "feature_"
    numbers_alone = True
    training: ClassVar[Mapping[str, Mapping[str, tuple[Any, str]]]] = {
        "mlp": {
            "transform": ("log1p+standardize", "the plugin has one value a feature"),
            "activation": ("sigmoid", "RankLib's networks have no other"),
            "normalization": ("batch", "it is folded into the weights"),
        },
    }

    def __init__(self, name: str = "elasticsearch") -> None:
        self.name = name

    def check(self, model: Any) -> None:
        """Raise ExportError that names the layer or step which the plugin does not have."""
        columns = partial(check_columns, self.name, model)
        if isinstance(model, TreeModel):
            refuse_together(self.name, columns, partial(check_splits, self.name, model))
            return
        checks: list[Callable[[], object]] = [columns]
        scaled = numbers_transform(model) if hasattr(model, "transform") else None
        if scaled is not None:
            checks.append(partial(feature_scaling, self.name, scaled, STEPS))
        refuse_together(self.name, *checks, *layer_checks(self.name, model, {"sigmoid"}))

    def write(self, model: Any, manifest: Manifest, folder: Path, options: Mapping[str, Any]) -> ScoreMap | None:
        """Write ``featureset.json`` and ``model.json``."""
        trees = isinstance(model, TreeModel)
        check_options(self.name, options, ("name", "positive") if trees else ("name",))
        names = manifest.feature_names
        made = self._trees(model, names, options.get("positive", False)) if trees else self._layers(model, names)
        self._warn_of_negative_values(made.features)
        write_json({"featureset": {"features": made.features}}, folder / FEATURES_FILE)
        write_json({"model": {"name": str(options.get("name", "ranker")), "model": made.model}}, folder / MODEL_FILE)
        return made.score_map

    def replay(
        self, folder: Path, manifest: Manifest, features: NDArray[np.float32], offsets: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Score as the plugin does, with what the files say."""
        stored, found = read_json(folder / FEATURES_FILE), read_json(folder / MODEL_FILE)
        try:
            stored, model = stored["featureset"]["features"], found["model"]["model"]
            names = [feature["name"] for feature in stored]
            values = feature_values(stored, manifest.feature_names, features)
            with np.errstate(over="ignore", invalid="ignore"):
                values = normalise(names, model.get("feature_normalizers", {}), values)
                return _scores(model, names, values)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, SyntaxError, RecursionError) as error:
            raise ExportError(
                f"{folder / MODEL_FILE}: expected a feature set and a model as rankkit writes them; got others "
                f"({type(error).__name__}: {error}). Export the ranker again."
            ) from error

    def _warn_of_negative_values(self, features: list[dict[str, Any]]) -> None:
        negative = [feature["name"] for feature in features if (missing_value(feature) or 0) < 0]
        if negative:
            warnings.warn(
                f"{self.name}: functions give no values below 0, and the ranker was trained on such values of "
                f"{', '.join(negative)}. Put queries in {FEATURES_FILE} that do, or train on features from 0 up.",
                stacklevel=3,
            )

    def _layers(self, scorer: Any, names: Sequence[str]) -> Made:
        scaling = feature_scaling(self.name, scorer.transform, STEPS)
        layers = dense_layers(self.name, scorer, {"sigmoid"})
        features = [base_feature(name, missing) for name, missing in zip(names, scaling.missing, strict=True)]
        inputs = list(names)
        if scaling.log1p or scaling.limits is not None:
            features += derived_features(self.name, names, scaling)
            inputs = [name + SUFFIX for name in names]
        varying = np.flatnonzero(~scaling.constant)
        weight = layers[0].weight[:, varying]
        used = [inputs[column] for column in varying]
        score_map: ScoreMap | None
        if len(layers) == 1:
            definition: Any = dict(zip(used, weight[0], strict=True))
            constant = float(layers[0].bias[0])
            score_map = ScoreMap("affine", shift=-constant) if constant else None
        else:
            matrices, score_map = rescaled(layers)
            matrices[0] = (matrices[0][0][:, varying], matrices[0][1])
            place_of = {feature["name"]: place for place, feature in enumerate(features)}
            definition = ranknet_text(matrices, [place_of[name] for name in used], len(features))
        norms = feature_normalizers(inputs, scaling)
        model = {
            "type": LINEAR if len(layers) == 1 else RANKLIB,
            **({"feature_normalizers": norms} if norms else {}),
            "definition": definition,
        }
        return Made(features, model, score_map)

    def _trees(self, model: TreeModel, names: Sequence[str], positive: Any) -> Made:
        if not isinstance(positive, bool):
            raise ConfigError(f"{self.name}: expected true or false for positive; got {positive!r}. Pass one of these.")
        definition, added = splits(self.name, model, names, positive=positive)
        score_map = ScoreMap("affine", shift=added) if added else None
        # A feature that does not match a document has no value, and trees know where that goes.
        return Made([base_feature(name, None) for name in names], {"type": TREES, "definition": definition}, score_map)


def opensearch_target() -> ElasticsearchTarget:
    """The target for OpenSearch's plugin."""
    return ElasticsearchTarget("opensearch")


def _scores(model: Mapping[str, Any], names: Sequence[str], values: NDArray[np.float32]) -> NDArray[np.float32]:
    definition = model["definition"]
    if model["type"] == TREES:
        return splits_scores(definition, names, values)
    if model["type"] == RANKLIB:
        return ranknet_scores(definition, values)
    if model["type"] != LINEAR or not set(definition) <= set(names):
        raise ValueError(f"the type {model['type']!r}, or weights of unknown features")
    scores = np.zeros(len(values), np.float32)
    for column, name in enumerate(names):
        scores += np.float32(definition.get(name, 0)) * values[:, column]
    return scores
