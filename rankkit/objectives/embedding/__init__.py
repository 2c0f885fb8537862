"""Embedding objectives: pure functions from embeddings, and what is known of them, to a loss.

What an objective takes is its attribute ``takes``:

- ``"pairs"``: ``(x, y, *, same)``;
- ``"triplets"``: ``(anchor, positive, negative)``;
- ``"logits"``: ``(logits, *, same)``, from a :class:`rankkit.distances.VerificationHead`;
- ``"views"``: ``(x, y)``, row i of both belongs together;
- ``"classes"``: ``(embeddings, *, classes)``;
- ``"prototypes"``: the same with ``prototypes``, one a class.

Some also have ``output``, the encoder output that they need (``"sigmoid"``, ``"linear"``), and ``distance``, the one
that they are made for. Where an objective is a ranking objective on lists of candidates, with nearness as score, it
calls that one: an anchor is the query, the others are its documents, those of its class are relevant.

What holds for every one of them:

*Embeddings*: ``[n, n_dims]``, one a row, of one shape; float64 stays, all others are computed in float32.
*Distance*: a name, a :class:`rankkit.distances.Distance` or a callable; that of the encoder is ``encoder.distance``.
Nothing is normalised but by the cosine distances.
*Same*: boolean, True where both are of one class: the literature's 0 and 1 mean opposite things.
*Reduction*: ``"mean"`` over the rows that can teach, ``"none"``: one value a row, 0 for the others. A batch of which
nothing can be learnt (no row, no negative, one class) costs 0, with gradients of 0.
*Gradients*: queues and sampling probabilities get none. Losses are made for ``backward()``, once: ``torch.func`` is
refused.
*Errors*: ShapeError for tensors that do not belong together, DataError for values that cannot be taken, ConfigError for
an option that cannot work. Examples take ``import torch`` for granted.
"""

from rankkit.objectives.embedding.classes import embedding_circle_loss, multi_similarity_loss, supcon_loss
from rankkit.objectives.embedding.in_batch import multiple_negatives_ranking_loss, n_pair_loss
from rankkit.objectives.embedding.lossless import linear_triplet_loss, lossless_triplet_loss
from rankkit.objectives.embedding.margins import suggest_margin
from rankkit.objectives.embedding.pairs import contrastive_loss, verification_loss
from rankkit.objectives.embedding.prototypes import Prototypes, arcface_loss, cosface_loss, proxy_anchor_loss
from rankkit.objectives.embedding.temperature import LearnedTemperature
from rankkit.objectives.embedding.triplets import soft_margin_triplet_loss, softmax_ratio_triplet_loss, triplet_loss
from rankkit.objectives.embedding.views import info_nce_loss, nt_xent_loss

__all__ = [
    "LearnedTemperature",
    "Prototypes",
    "arcface_loss",
    "contrastive_loss",
    "cosface_loss",
    "embedding_circle_loss",
    "info_nce_loss",
    "linear_triplet_loss",
    "lossless_triplet_loss",
    "multi_similarity_loss",
    "multiple_negatives_ranking_loss",
    "n_pair_loss",
    "nt_xent_loss",
    "proxy_anchor_loss",
    "soft_margin_triplet_loss",
    "softmax_ratio_triplet_loss",
    "suggest_margin",
    "supcon_loss",
    "triplet_loss",
    "verification_loss",
]
