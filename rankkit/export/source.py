"""Source: a ranker to be exported, and what is known of it."""

import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import nn

from rankkit import bundle
from rankkit.data.columns.kinds import Bag, Category
from rankkit.data.columns.schema import Schema
from rankkit.errors import ExportError
from rankkit.export.ranges import column_ranges, feature_ranges
from rankkit.models.scorers import Scorer, outputs_of, ranking_scores
from rankkit.models.scorers.columns import ColumnInputs
from rankkit.models.scorers.listwise import is_listwise, over_queries
from rankkit.models.trees import BoostedTrees, TreeModel, TreeScorer
from rankkit.registry import ENCODERS, SCORERS

Score = Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.floating]]


@dataclass(frozen=True, eq=False)
class Source:
    """A ranker with what its bundle says.

    Args:
        model: What targets get: a scorer in eval mode on the CPU, or a ``TreeModel``.
        scorer: ``{"name": ..., "options": {...}}``.
        feature_names: One a feature, or None.
        n_features: How many.
        transform: Spec of the transform; None for trees.
        objective: What it was trained with.
        protocol: Metrics and what else the bundle records.
        data_fingerprint: Of the training data.
        versions: As saved.
        weights_sha256: Digest of the weights.
        listwise: Whether a score depends on the other documents of the query.
        scores: The ranker's own scores: ``(features [doc, feature], offsets [query + 1]) -> [doc]``.
        low: float32 ``[feature]``: where most training values begin.
        high: And end.
        schema: What the columns stand for; None where they are numbers alone.
    """

    model: Any
    scorer: Mapping[str, Any]
    feature_names: tuple[str, ...] | None
    n_features: int
    transform: str | list[str] | None
    objective: Mapping[str, Any] | None
    protocol: Mapping[str, Any] | None
    data_fingerprint: str | None
    versions: Mapping[str, str]
    weights_sha256: str
    listwise: bool
    scores: Score
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    schema: Schema | None = None

    @property
    def coded(self) -> NDArray[np.bool_]:
        """Bool ``[feature]``: the columns that hold codes, which are whole numbers."""
        found = np.zeros(self.n_features, np.bool_)
        for column in () if self.schema is None else self.schema.columns:
            if isinstance(column, Category | Bag) and self.schema is not None:
                found[self.schema.spans[column.name]] = True
        return found


def read_source(source: str | Path | Scorer) -> Source:
    """A ranker from the folder of a bundle, from the file of a tree model, or from memory.

    Raises:
        BundleError: If it is missing or damaged.
        ExportError: If the scorer is not of the catalogue, or not fitted.
    """
    if not isinstance(source, str | Path):
        return from_scorer(source, {})
    scorer, model = bundle.read(source, "scorer")
    return from_scorer(scorer, model)


def from_scorer(scorer: Any, model: Mapping[str, Any]) -> Source:
    """A ranker from memory, with what ``model.json`` says of it.

    Raises:
        ExportError: If the scorer is not of the catalogue, not fitted, or trees with a context.
    """
    if isinstance(scorer, TreeScorer | BoostedTrees):
        _refuse_context(scorer)
        return _from_trees(scorer, model)
    name = bundle.name_for("scorer", scorer)
    if name is None:
        own = "its scorer_" if hasattr(scorer, "scorer_") else "your own module with torch.onnx.export"
        raise ExportError(
            f"export: expected a scorer of rankkit's catalogue ({', '.join(sorted(SCORERS))}), an encoder "
            f"({', '.join(sorted(ENCODERS))}) or a registered one; got {type(scorer).__name__}. Export {own}."
        )
    transform = getattr(scorer, "transform", None)  # a scorer of one's own may have none
    if transform is not None and not bool(transform.fitted):
        raise ExportError(
            f"export: expected a trained ranker; got a transform {transform.spec!r} that has seen no training "
            "rows. Train it first."
        )
    scorer = cast(Scorer, copy.deepcopy(cast(nn.Module, scorer)).cpu().eval())
    schema: Schema | None = getattr(scorer, "schema", None)
    if isinstance(transform, ColumnInputs):
        low, high = column_ranges(transform, schema)
    else:
        low, high = feature_ranges(transform, scorer.n_features)
    if getattr(transform, "before", None) is not None:  # whose numbers come behind the features
        low, high = low[: scorer.n_features], high[: scorer.n_features]
    return Source(
        model=scorer,
        scorer={"name": name, "options": scorer.options},
        feature_names=scorer.feature_names if schema is None else schema.names,
        n_features=scorer.n_features,
        transform=None if transform is None else transform.spec,
        weights_sha256=model.get("weights_sha256") or weights_digest(cast(nn.Module, scorer)),
        listwise=is_listwise(scorer),
        scores=lambda features, offsets: scorer_scores(scorer, features, offsets),
        low=low,
        high=high,
        schema=schema,
        **recorded(model),
    )


def before_training(scorer: Any) -> Any:
    """What a target can be asked about a scorer that is not trained; of one that grows trees these, which are none yet.

    Raises:
        ExportError: If it is trees with a context.
    """
    if not isinstance(scorer, BoostedTrees):
        return scorer
    _refuse_context(scorer)
    return TreeModel(scorer.library, "", (), 0.0, scorer.n_features or 1, None)


def _refuse_context(scorer: Any) -> None:
    if getattr(scorer, "priors", None) is not None:
        raise ExportError(
            "export: expected trees of the features alone; got a prior, in columns that no target of trees makes. "
            "Train without prior, or serve them with rankkit."
        )
    if is_listwise(cast(Scorer, scorer)):
        raise ExportError(
            f"export: expected trees of the features alone; got {over_queries(cast(Scorer, scorer))}, in columns "
            "that no target of trees makes. Train without context, or serve them with rankkit."
        )


def _from_trees(scorer: TreeScorer | BoostedTrees, about: Mapping[str, Any]) -> Source:
    model, schema = scorer.model, getattr(scorer, "schema", None)
    low, high = model.thresholds()
    known = recorded(about)
    options = {"objective": model.objective, "n_trees": len(model.trees)}
    return Source(
        model=model,
        scorer={
            "name": model.library,
            "options": options if schema is None else {**options, "schema": schema.to_dict()},
        },
        feature_names=scorer.feature_names if schema is None else schema.names,
        n_features=model.n_features,
        transform=None,
        weights_sha256=model.sha256,
        listwise=False,
        scores=lambda features, offsets: model.scores(features),
        low=low,
        high=high,
        schema=schema,
        **{**known, "objective": known["objective"] or {"name": model.objective, "options": {}}},
    )


def recorded(model: Mapping[str, Any]) -> dict[str, Any]:
    """What ``model.json`` records of training: objective, protocol, data_fingerprint and versions; {} in memory."""
    return {
        "objective": model.get("objective"),
        "protocol": {"metrics": model.get("metrics"), **_mapping(model.get("about"))} if model else None,
        "data_fingerprint": model.get("data_fingerprint"),
        "versions": _mapping(model.get("versions")),
    }


def check_is_scorer(target: str, model: Any) -> None:
    """Refuse what is not a scorer.

    Raises:
        ExportError: For a model of trees.
    """
    if not isinstance(model, nn.Module):
        raise ExportError(
            f"{target}: expected a scorer of rankkit; got {type(model).__name__}. "
            "Export trees to 'onnx', 'triton', 'kserve', 'solr', 'elasticsearch' or 'opensearch'."
        )


def scorer_scores(scorer: Scorer, features: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.float32]:
    """The ranker's own scores ``[doc]``, readout included."""
    with torch.inference_mode():
        outputs = outputs_of(scorer, torch.from_numpy(features.copy()), torch.from_numpy(offsets.copy()))
        return ranking_scores(scorer, outputs).float().numpy()


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def weights_digest(model: nn.Module) -> str:
    """sha256 of the weights, as the bundle that holds them would say."""
    weights = safetensors.torch.save({key: value.contiguous() for key, value in model.state_dict().items()})
    return hashlib.sha256(weights).hexdigest()
