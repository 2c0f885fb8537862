"""Values and gradients against pytorch-metric-learning: distances without its normalisation, means over all terms."""

import math

import pytest
import torch

from rankkit.distances import find_distance
from rankkit.objectives import unique_softmax_loss
from rankkit.objectives.embedding import (
    arcface_loss,
    cosface_loss,
    embedding_circle_loss,
    multi_similarity_loss,
    n_pair_loss,
    nt_xent_loss,
    proxy_anchor_loss,
    soft_margin_triplet_loss,
    supcon_loss,
    triplet_loss,
)

pytest.importorskip("pytorch_metric_learning", reason="pip install pytorch-metric-learning to compare with it")

from pytorch_metric_learning import distances, losses, miners, reducers

CLASSES = torch.arange(4).repeat_interleave(3)
ANCHOR, POSITIVE, NEGATIVE = torch.tensor([0, 4, 8, 9]), torch.tensor([1, 5, 6, 11]), torch.tensor([3, 0, 11, 2])
# It normalises by default.
L2, SQUARED = (
    distances.LpDistance(normalize_embeddings=False),
    distances.LpDistance(normalize_embeddings=False, p=2, power=2),
)
L1 = distances.LpDistance(normalize_embeddings=False, p=1)
MEAN = {"reducer": reducers.MeanReducer()}  # its default leaves terms of 0 out of the mean


def rows(seed=0):
    return torch.randn(12, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def compare(ours, theirs, seed=0):
    x = rows(seed).requires_grad_()
    value, expected = ours(x), theirs(x)
    torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-12)
    (found,), (wanted,) = torch.autograd.grad(value, x), torch.autograd.grad(expected, x)
    torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("euclidean", L2),
        ("squared_euclidean", SQUARED),
        ("l1", L1),
        ("cosine_similarity", distances.CosineSimilarity()),
        ("dot", distances.DotProductSimilarity(normalize_embeddings=False)),
    ],
)
def test_distances(name, peer):
    x, y = rows(), rows(1)
    # Its pairwise form adds an epsilon to differences, and neither squares nor normalises.
    torch.testing.assert_close(find_distance(name).matrix(x, y), peer(x, y))


@pytest.mark.parametrize(("name", "peer"), [("euclidean", L2), ("squared_euclidean", SQUARED), ("l1", L1)])
def test_triplets(name, peer):
    triplets = (ANCHOR, POSITIVE, NEGATIVE)
    hinge = losses.TripletMarginLoss(margin=0.7, distance=peer, **MEAN)
    compare(
        lambda x: triplet_loss(*(x[part] for part in triplets), margin=0.7, distance=name),
        lambda x: hinge(x, CLASSES, triplets),
    )
    for margin in (None, 0.4):
        smooth = losses.TripletMarginLoss(margin=margin or 0.0, smooth_loss=True, distance=peer, **MEAN)
        compare(
            lambda x, m=margin: soft_margin_triplet_loss(*(x[part] for part in triplets), margin=m, distance=name),
            lambda x, peer=smooth: peer(x, CLASSES, triplets),
        )


def test_views():
    peer = losses.NTXentLoss(temperature=0.5)
    compare(lambda x: nt_xent_loss(*x.chunk(2)), lambda x: peer(x, torch.arange(6).repeat(2)))
    plain = losses.NPairsLoss(distance=distances.DotProductSimilarity(normalize_embeddings=False))
    compare(lambda x: n_pair_loss(*x.chunk(2), l2=0.0), lambda x: plain(x, torch.arange(6).repeat(2)))


def test_views_of_several_examples_a_class():
    """Each positive by itself against the negatives: the softmax of unique ratings, whose documents are of a class."""
    classes = torch.arange(3).repeat(4)
    peer = losses.NTXentLoss(temperature=0.5)

    def ours(x):
        alike = (classes[:, None] == classes).to(x.dtype)
        others = ~torch.eye(len(x), dtype=torch.bool)
        return unique_softmax_loss(cosines(x), alike, others, temperature=0.5) / 3  # of each of 3 positives

    compare(ours, lambda x: peer(x, classes))


def cosines(x):
    unit = x / x.norm(dim=1, keepdim=True)
    return unit @ unit.T


@pytest.mark.parametrize("seed", [0, 1])
def test_classes(seed):
    supcon = losses.SupConLoss(temperature=0.1)
    compare(lambda x: supcon_loss(x, classes=CLASSES), lambda x: supcon(x, CLASSES), seed)
    circle = losses.CircleLoss(m=0.4, gamma=80, **MEAN)
    compare(lambda x: embedding_circle_loss(x, classes=CLASSES), lambda x: circle(x, CLASSES), seed)
    similar = losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5, **MEAN)
    compare(lambda x: multi_similarity_loss(x, classes=CLASSES, mining=None), lambda x: similar(x, CLASSES), seed)
    miner = miners.MultiSimilarityMiner(epsilon=0.1)
    compare(
        lambda x: multi_similarity_loss(x, classes=CLASSES),
        lambda x: similar(x, CLASSES, miner(x, CLASSES)),
        seed,
    )


def test_prototypes():
    weight = torch.randn(6, 5, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    arcface = losses.ArcFaceLoss(6, 5, margin=math.degrees(0.5), scale=16)
    cosface = losses.CosFaceLoss(6, 5, margin=0.35, scale=16)
    proxy = losses.ProxyAnchorLoss(6, 5, margin=0.1, alpha=32)
    arcface.W.data, cosface.W.data, proxy.proxies.data = weight.T.clone(), weight.T.clone(), weight.clone()
    given = {"classes": CLASSES, "prototypes": weight}
    compare(lambda x: arcface_loss(x, margin=0.5, scale=16.0, **given), lambda x: arcface(x, CLASSES))
    compare(lambda x: cosface_loss(x, scale=16.0, **given), lambda x: cosface(x, CLASSES))
    compare(lambda x: proxy_anchor_loss(x, **given), lambda x: proxy(x, CLASSES))
