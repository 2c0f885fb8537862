"""A small encoder, and how well it brings classes together."""

from rankkit.models.encoders import MLPEncoder, embed
from rankkit.similarity import evaluate_retrieval


def small(distance="cosine", **options):
    return MLPEncoder((1, 8, 8), **{"n_dims": 8, "hidden": (16,), "distance": distance, "seed": 0, **options})


def map_at_r(encoder, data):
    found = evaluate_retrieval(embed(encoder, data.inputs), data.labels, ["map_at_r"], distance=encoder.distance)
    return found.means["map_at_r"]
