"""EncoderSource: an encoder to be exported, and what is known of it."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from rankkit import bundle
from rankkit.export.samples import block_size
from rankkit.export.source import Source, from_scorer, recorded, weights_digest
from rankkit.models.encoders import Encoder, embed
from rankkit.models.scorers import Scorer


@dataclass(frozen=True, eq=False)
class EncoderSource:
    """An encoder with what its bundle says.

    Args:
        model: In eval mode on the CPU.
        encoder: ``{"name": ..., "options": {...}}``; the distance goes by its name.
        input_shape: Shape of one input.
        objective: What it was trained with.
        protocol: Metrics and what else the bundle records.
        data_fingerprint: Of the training data.
        versions: As saved.
        weights_sha256: Digest of the weights, those of a learned distance included.
    """

    model: Encoder
    encoder: Mapping[str, Any]
    input_shape: tuple[int, ...]
    objective: Mapping[str, Any] | None
    protocol: Mapping[str, Any] | None
    data_fingerprint: str | None
    versions: Mapping[str, str]
    weights_sha256: str

    def embeddings(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The encoder's own: ``[n, *input_shape]`` to ``[n, n_dims]``."""
        return embed(self.model, inputs, batch_size=block_size(self.input_shape))


def find_source(source: str | Path | Scorer | Encoder) -> Source | EncoderSource:
    """A ranker or an encoder, from the folder of a bundle, the file of a tree model, or from memory.

    Raises:
        BundleError: If it is missing or damaged.
        ExportError: If it is of neither catalogue, or a ranker that is not fitted.
    """
    if not isinstance(source, str | Path):
        found: Any = source
        model: Mapping[str, Any] = {}
    else:
        found, model = bundle.read(source)
    return _from_encoder(found, model) if _name(found) else from_scorer(found, model)


def _from_encoder(encoder: Encoder, model: Mapping[str, Any]) -> EncoderSource:
    module = copy.deepcopy(cast(nn.Module, encoder)).cpu().eval()
    return EncoderSource(
        model=cast(Encoder, module),
        encoder={"name": _name(encoder), "options": {**encoder.options, "distance": encoder.distance.name}},
        input_shape=tuple(encoder.input_shape or ()),
        weights_sha256=model.get("weights_sha256") or weights_digest(module),
        **recorded(model),
    )


def _name(encoder: object) -> str | None:
    return bundle.name_for("encoder", encoder)
