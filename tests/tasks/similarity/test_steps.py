"""What a step of an encoder compares: chunks, views, lists, the memory of earlier batches."""

import numpy as np
import pytest
import torch

from rankkit.models.encoders import RandomAffine
from rankkit.objectives import softmax_loss
from rankkit.objectives.embedding import (
    contrastive_loss,
    info_nce_loss,
    multi_similarity_loss,
    nt_xent_loss,
    supcon_loss,
)
from tests.training.small_encoders import small
from tests.training.test_resume import same


@pytest.mark.parametrize("objective", [supcon_loss, contrastive_loss])
def test_chunks_change_memory_and_not_weights(quick_encoder, objective):
    whole, chunked = small(), small()
    quick_encoder(whole, objective)
    quick_encoder(chunked, objective, chunk_size=5)
    for name, weight in whole.state_dict().items():
        assert torch.allclose(weight, chunked.state_dict()[name], atol=1e-6), name


def test_augmented_views_look_at_no_label(quick_encoder, seen):
    mixed = seen.take(np.random.default_rng(0).permutation(len(seen)))
    relabelled = type(seen)(mixed.inputs, np.arange(len(mixed)), tuple(map(str, range(len(mixed)))))
    named = type(seen)(mixed.inputs, mixed.labels, mixed.class_names)
    encoders = []
    for data in (named, relabelled):
        encoder = small()
        quick_encoder(encoder, nt_xent_loss, data=data, views="augmented", augment=RandomAffine(), batch_classes=16)
        encoders.append(encoder)
    assert same(*encoders)


def test_ranking_objectives_see_the_other_examples_as_documents(quick_encoder):
    calls = []

    def spy(scores, labels, mask):
        calls.append((scores.shape, labels.sum(1), mask.sum(1)))
        return softmax_loss(scores, labels, mask)

    quick_encoder(small(), spy, epochs=1, batch_classes=3)
    shape, relevant, documents = calls[0]
    assert shape == (12, 12)
    assert (relevant == 4).all()  # itself among them, which the mask leaves out
    assert (documents == 11).all()


def test_pairs_reach_into_the_memory_and_none_lies_inside_it(quick_encoder, seen):
    sizes = []

    def spy(x, y, *, same):
        assert x.grad_fn is not None
        sizes.append(len(x))
        return contrastive_loss(x, y, same=same, distance="cosine")

    spy.takes = "pairs"
    quick_encoder(small(), spy, epochs=1, mining="all", memory=10)
    batch = 4 * seen.n_classes
    assert sizes[0] == batch * (batch - 1) // 2
    assert set(sizes[1:]) == {batch * (batch - 1) // 2 + batch * 10}


def test_classes_reach_into_the_memory(quick_encoder, seen):
    sizes = []

    def spy(embeddings, *, classes, reference=None, reference_classes=None):
        sizes.append(0 if reference is None else len(reference))
        given = {"reference": reference, "reference_classes": reference_classes}
        return multi_similarity_loss(embeddings, classes=classes, **given)

    spy.takes = "classes"
    quick_encoder(small(), spy, epochs=1, memory=10)
    assert sizes[0] == 0
    assert set(sizes[1:]) == {10}


def test_rankings_reach_into_the_memory(quick_encoder, seen):
    shapes = []

    def spy(scores, labels, mask):
        shapes.append((tuple(scores.shape), int(mask[0].sum())))
        return softmax_loss(scores, labels, mask)

    quick_encoder(small(), spy, epochs=1, memory=10)
    batch = 4 * seen.n_classes
    assert shapes[:2] == [((batch, batch), batch - 1), ((batch, batch + 10), batch + 9)]


@pytest.mark.parametrize("views", ["classes", "augmented"])
def test_keys_of_earlier_batches_are_negatives_unless_of_a_class_of_the_batch(quick_encoder, seen, views):
    found = []

    def spy(query, positive, *, negatives=None):
        found.append(negatives)
        return info_nce_loss(query, positive, negatives=negatives)

    spy.takes = "views"
    options = {"views": "augmented", "augment": RandomAffine()} if views == "augmented" else {}
    quick_encoder(small(), spy, epochs=2, batch_classes=2, memory=6, **options)
    assert found[0] is None
    given = [negatives for negatives in found[1:] if negatives is not None]
    assert given
    assert not any(negatives.requires_grad for negatives in given)
    sizes = {len(negatives) for negatives in given}
    assert sizes <= set(range(1, 7))
    if views == "augmented":
        assert sizes == {2, 4, 6}  # none is left out
