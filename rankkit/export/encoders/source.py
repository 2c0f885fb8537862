"""EncoderSource: an encoder to be exported, and what is known of it."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.bundle.origins import find_out
from rankkit.distances import Distance
from rankkit.export.samples import block_size
from rankkit.export.source import recorded, weights_digest
from rankkit.models.encoders import Encoder, embed


@dataclass(frozen=True, eq=False)
class EncoderSource:
    """An encoder with what its bundle says.

    Args:
        model: In eval mode on the CPU.
        kind: ``"encoder"``, or what another task calls its models.
        encoder: ``{"name": ..., "options": {...}}``; the distance goes by its name.
        input_shape: Shape of one input.
        objective: What it was trained with.
        protocol: Metrics and what else the bundle records.
        data_fingerprint: Of the training data.
        versions: As saved.
        weights_sha256: Digest of the weights, those of a learned distance included.
    """

    model: Encoder
    kind: str
    encoder: Mapping[str, Any]
    input_shape: tuple[int, ...]
    objective: Mapping[str, Any] | None
    protocol: Mapping[str, Any] | None
    data_fingerprint: str | None
    versions: Mapping[str, str]
    weights_sha256: str

    @property
    def distance(self) -> Distance | None:
        """What embeddings are compared by, if they are."""
        return getattr(self.model, "distance", None)

    def embeddings(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The encoder's own: ``[n, *input_shape]`` to ``[n, n_dims]``."""
        return embed(self.model, inputs, batch_size=block_size(self.input_shape))


def source_of(model: Any, about: Mapping[str, Any]) -> EncoderSource:
    """A module of one input with what ``model.json`` says of it; {} from memory."""
    module = copy.deepcopy(model).cpu().eval()
    kind, name = find_out(model)
    distance = getattr(model, "distance", None)
    named = {} if distance is None else {"distance": distance.name}
    return EncoderSource(
        model=module,
        kind=kind,
        encoder={"name": name, "options": {**model.options, **named}},
        input_shape=tuple(model.input_shape or ()),
        weights_sha256=about.get("weights_sha256") or weights_digest(module),
        **recorded(about),
    )
