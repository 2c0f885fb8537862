"""What one step of an encoder computes: embeddings of a batch, then pairs, triplets, views or lists among them.

An objective says by its attribute ``takes`` which of these it is called with; one that says nothing is a ranking
objective: each example is a query, the others are its documents, those of its class are relevant.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from rankkit.distances import Distance, nearness
from rankkit.models.encoders import embed_in_chunks
from rankkit.phases import phase
from rankkit.sampling import CollapseWatch, CrossBatchMemory, mine_pairs, mine_triplets
from rankkit.tasks.gradient.objectives import checked_loss
from rankkit.tasks.gradient.settings import Precision

TAKES = {
    "pairs": ("embeddings", "pairs"),
    "logits": ("logits", "pairs"),
    "triplets": ("embeddings", "triplets"),
    "views": ("embeddings", "examples"),
    "classes": ("embeddings", "examples"),
    "prototypes": ("embeddings", "examples"),
    "lists": ("scores", "lists"),
}
"""What an objective may be called with: from which numbers it computes a loss, and of what that is a mean."""


@dataclass(frozen=True)
class ExampleBatch:
    """Labelled examples on the device that trains.

    Args:
        inputs: ``[n, ...]``.
        labels: int64 ``[n]``, the class of each.
    """

    inputs: Tensor
    labels: Tensor

    @property
    def n_docs(self) -> int:
        """Examples."""
        return len(self.labels)


@dataclass
class EmbeddingStep:
    """The loss of a batch of examples; ``facts`` tells of the last one.

    Args:
        objective: Called as its ``takes`` says.
        takes: One of :data:`TAKES`.
        options: Passed along with each call: the distance, where the objective takes one.
        mining: Which pairs or triplets of a batch count.
        margin: Of the objective; None where it has none.
        augment: Applied to the inputs of each batch, or None.
        two_views: Each example is augmented twice.
        chunk_size: Examples that are embedded at a time, keeping no activations; None: all, keeping them.
        precision: ``"bf16"`` runs the encoder under autocast.
        memory: Embeddings of earlier batches that this one is compared with too, or None.
        facts: The active share of the last step's pairs or triplets, and the spread of its embeddings.
    """

    objective: Callable[..., Tensor]
    takes: str
    options: Mapping[str, Any]
    mining: str
    margin: float | None
    augment: Callable[[Tensor], Tensor] | None = None
    two_views: bool = False
    chunk_size: int | None = None
    precision: Precision = "fp32"
    memory: CrossBatchMemory | None = None
    facts: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._collapse = CollapseWatch(margin=(self.margin or None) if self.takes == "triplets" else None)

    def __call__(self, encoder: nn.Module, batch: ExampleBatch) -> Tensor:
        """The loss of one batch."""
        inputs = batch.inputs.repeat_interleave(2, dim=0) if self.two_views else batch.inputs
        if self.augment is not None:
            inputs = self.augment(inputs)
        with phase("forward"), torch.autocast(inputs.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            embeddings = embed_in_chunks(encoder, inputs, self.chunk_size or len(inputs))
        embeddings = embeddings.float()
        distance: Distance = encoder.distance  # type: ignore[assignment]
        self.facts = {}
        if not bool(embeddings.isfinite().all()):
            return embeddings.sum()  # not finite: the run stops there and says why, where mining would stop first
        called = getattr(self, f"_on_{self.takes}")
        with phase("objective"):
            loss = checked_loss(called(distance, embeddings, batch.labels), *TAKES[self.takes])
        if self.memory is not None:
            self._remember(self.memory, embeddings, batch.labels)
        self._collapse.see(loss, embeddings)
        self.facts["spread"] = self._collapse.spread
        return loss

    def _on_pairs(self, distance: Distance, embeddings: Tensor, labels: Tensor) -> Tensor:
        n_own = len(labels)
        embeddings, labels = self._remembering(embeddings, labels)
        pairs = mine_pairs(embeddings, labels, how=self.mining, distance=distance, margin=self.margin)
        self.facts["active"] = pairs.active_share
        learning = pairs.first < n_own  # two embeddings of the memory have no gradient
        first, second = embeddings[pairs.first[learning]], embeddings[pairs.second[learning]]
        return self.objective(first, second, same=pairs.same[learning], **self.options)

    def _on_logits(self, distance: Distance, embeddings: Tensor, labels: Tensor) -> Tensor:
        pairs = mine_pairs(embeddings, labels, how=self.mining, distance=distance, margin=None)
        logits = distance.pairwise(embeddings[pairs.first], embeddings[pairs.second])
        return self.objective(logits, same=pairs.same)

    def _on_triplets(self, distance: Distance, embeddings: Tensor, labels: Tensor) -> Tensor:
        margin = math.inf if self.margin is None else self.margin
        mined = mine_triplets(embeddings, labels, how=self.mining, distance=distance, margin=margin)
        self.facts["active"] = mined.active_share
        chosen = (embeddings[rows] for rows in (mined.anchor, mined.positive, mined.negative))
        return self.objective(*chosen, **self.options)

    def _on_views(self, distance: Distance, embeddings: Tensor, labels: Tensor) -> Tensor:
        options = dict(self.options)
        if self.memory is not None and len(self.memory):
            others = ~torch.isin(self.memory.labels, labels)  # a key of the same class is no negative
            if bool(others.any()):
                options["negatives"] = self.memory.embeddings[others]
        return self.objective(embeddings[0::2], embeddings[1::2], **options)

    def _on_classes(self, distance: Distance, embeddings: Tensor, labels: Tensor) -> Tensor:
        options = dict(self.options)
        if self.memory is not None and len(self.memory):
            options |= {"reference": self.memory.embeddings, "reference_classes": self.memory.labels}
        return self.objective(embeddings, classes=labels, **options)

    _on_prototypes = _on_classes

    def _on_lists(self, distance: Distance, embeddings: Tensor, labels: Tensor) -> Tensor:
        candidates, classes = self._remembering(embeddings, labels)
        scores = nearness(distance, distance.matrix(embeddings, candidates))
        others = ~torch.eye(len(labels), len(classes), dtype=torch.bool, device=labels.device)
        same = (labels[:, None] == classes).to(scores.dtype)
        return self.objective(scores, same, others)

    def _remember(self, memory: CrossBatchMemory, embeddings: Tensor, labels: Tensor) -> None:
        """All of a batch, or of two views the keys; views of one example have no class."""
        if self.takes != "views":
            memory.add(embeddings, labels)
        else:
            memory.add(embeddings[1::2], torch.full_like(labels, -1) if self.two_views else labels[1::2])

    def _remembering(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Those of the batch, then those of the memory."""
        if self.memory is None:
            return embeddings, labels
        return torch.cat([embeddings, self.memory.embeddings]), torch.cat([labels, self.memory.labels])
