"""Solr: a model file and a features file for the Learning To Rank module."""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ExportError
from rankkit.export.artefacts.manifest import Manifest
from rankkit.export.artefacts.parity import ScoreMap
from rankkit.export.obstacles import refuse_together
from rankkit.export.search_engines.dense_layers import IDENTITY, dense_layers, layer_checks
from rankkit.export.search_engines.feature_scaling import feature_scaling
from rankkit.export.search_engines.json_text import float32_text, read_json, write_json
from rankkit.export.search_engines.plain_columns import check_columns, numbers_transform
from rankkit.export.search_engines.solr_network import (
    ACTIVATIONS,
    MODELS,
    linear_scores,
    network_layers,
    network_params,
    network_scores,
    normalised,
    normalizers,
)
from rankkit.export.search_engines.solr_trees import follows_missing, tree_params, tree_scores, tree_views
from rankkit.export.search_engines.tree_limits import check_splits
from rankkit.export.target import check_options
from rankkit.models.trees.model import TreeModel

FEATURES = "org.apache.solr.ltr.feature"
STEPS = ("none", "standardize", "minmax")
# SolrCloud keeps models in ZooKeeper, which takes about 1 MB a node.
LARGEST_UPLOAD = 900_000
MODEL_FILE, FEATURES_FILE, WRAPPER_FILE = "model.json", "features.json", "wrapper.json"


class SolrTarget:
    """``NeuralNetworkModel``, ``LinearModel`` or ``MultipleAdditiveTreesModel`` for Solr's Learning To Rank module.

    ``features.json`` (for ``/schema/feature-store``) reads each feature from a document field of its name: put the
    query features of your own in their place, under the same names. ``defaultValue`` there is what does the same as a
    missing value does in the ranker. ``model.json`` is for ``/schema/model-store``; where it is too large for
    ZooKeeper, ``wrapper.json`` is, and ``model.json`` goes into Solr's resource folder.

    Options: ``name`` of the model (``"ranker"``), ``store`` of the features (``"rankkit"``).
    """

    name = "solr"
    suffix = None
    missing_default = None
    feature_prefix = "feature_"
    numbers_alone = True
    training: ClassVar[Mapping[str, Mapping[str, tuple[Any, str]]]] = {
        "linear": {"transform": ("standardize", "Solr has one value a feature, and no logarithm")},
        "mlp": {
            "transform": ("standardize", "Solr has one value a feature, and no logarithm"),
            "normalization": ("batch", "it is folded into the weights"),
        },
    }

    def check(self, model: Any) -> None:
        """Raise ExportError that names the layer or step which Solr does not have."""
        columns = partial(check_columns, self.name, model)
        if isinstance(model, TreeModel):
            refuse_together(self.name, columns, partial(check_splits, self.name, model))
            return
        checks: list[Callable[[], object]] = [columns]
        scaled = numbers_transform(model) if hasattr(model, "transform") else None
        if scaled is not None:
            checks.append(partial(feature_scaling, self.name, scaled, STEPS))
        refuse_together(self.name, *checks, *layer_checks(self.name, model, set(ACTIVATIONS)))

    def write(self, model: Any, manifest: Manifest, folder: Path, options: Mapping[str, Any]) -> ScoreMap | None:
        """Write ``model.json`` and ``features.json``, and ``wrapper.json`` for a large model."""
        check_options("solr", options, ("name", "store"))
        name, store = str(options.get("name", "ranker")), str(options.get("store", "rankkit"))
        names = manifest.feature_names
        body, missing, score_map = _trees(model, names) if isinstance(model, TreeModel) else self._layers(model, names)
        write_json(
            [
                {
                    "store": store,
                    "name": feature,
                    "class": f"{FEATURES}.FieldValueFeature",
                    "params": {"field": feature, "defaultValue": default},
                }
                for feature, default in zip(names, missing, strict=True)
            ],
            folder / FEATURES_FILE,
        )
        write_json({"store": store, "name": name, **body}, folder / MODEL_FILE)
        size = (folder / MODEL_FILE).stat().st_size
        if size > LARGEST_UPLOAD:
            resource = f"{name}.json"
            wrapper = {
                "store": store,
                "name": f"{name}_wrapper",
                "class": f"{MODELS}.DefaultWrapperModel",
                "params": {"resource": resource},
            }
            write_json(wrapper, folder / WRAPPER_FILE)
            warnings.warn(
                f"solr: {MODEL_FILE} has {size:,} bytes, and ZooKeeper takes about 1 MB. With SolrCloud, put it into a "
                f"resource folder of Solr as {resource} and upload {WRAPPER_FILE} in its place.",
                stacklevel=2,
            )
        return score_map

    def replay(
        self, folder: Path, manifest: Manifest, features: NDArray[np.float32], offsets: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Score as Solr does, in float32 and in its order of additions, with what the files say."""
        model, stored = read_json(folder / MODEL_FILE), read_json(folder / FEATURES_FILE)
        try:
            defaults = {feature["name"]: np.float32(feature["params"]["defaultValue"]) for feature in stored}
            names = [feature["name"] for feature in model["features"]]
            place_of = {name: place for place, name in enumerate(manifest.feature_names)}
            columns = [place_of[name] for name in names]
            default = np.array([defaults[name] for name in names])
            raw = features[:, columns]
            inputs = np.where(np.isnan(raw), default, raw).astype(np.float32)
            with np.errstate(over="ignore", invalid="ignore"):
                return _scores(model, names, normalised(model["features"], inputs))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
            raise ExportError(
                f"{folder / MODEL_FILE}: expected a model as rankkit writes it for Solr; got another "
                f"({type(error).__name__}: {error}). Export the ranker again."
            ) from error

    def _layers(self, model: Any, names: tuple[str, ...]) -> tuple[dict[str, Any], list[str], ScoreMap | None]:
        """The model of a scorer, the default of each feature, and how scores differ."""
        scaling = feature_scaling(self.name, model.transform, STEPS)
        layers = dense_layers(self.name, model, set(ACTIVATIONS))
        missing = [float32_text(value) for value in scaling.missing]
        listed = _features(names, normalizers(scaling))
        if len(layers) == 1 and scaling.limits is None and layers[0].activation == IDENTITY:
            weights = dict(zip(names, layers[0].weight[0], strict=True))
            body = {"class": f"{MODELS}.LinearModel", "features": listed, "params": {"weights": weights}}
            # A LinearModel has no constant.
            constant = float(layers[0].bias[0])
            return body, missing, ScoreMap("affine", shift=-constant) if constant else None
        params = network_params(network_layers(layers, scaling))
        return {"class": f"{MODELS}.NeuralNetworkModel", "features": listed, "params": params}, missing, None


def _trees(model: TreeModel, names: tuple[str, ...]) -> tuple[dict[str, Any], list[str], ScoreMap | None]:
    views = tree_views(model, names)
    body = {
        "class": f"{MODELS}.MultipleAdditiveTreesModel",
        "features": _features(names, [view.normalizer() for view in views]),
        "params": tree_params(model, names, views),
    }
    return body, ["NaN" if follows_missing(model) else "0.0"] * len(names), None


def _features(names: tuple[str, ...], norms: list[dict[str, Any] | None]) -> list[dict[str, Any]]:
    return [{"name": name, **({"norm": norm} if norm else {})} for name, norm in zip(names, norms, strict=True)]


def _scores(model: Mapping[str, Any], names: list[str], inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    kind, params = model["class"].removeprefix(f"{MODELS}."), model["params"]
    if kind == "NeuralNetworkModel":
        return network_scores(params, inputs)
    if kind == "LinearModel":
        return linear_scores(params, names, inputs)
    if kind == "MultipleAdditiveTreesModel":
        return tree_scores(params, names, inputs)
    raise ValueError(f"the class {kind!r}")
