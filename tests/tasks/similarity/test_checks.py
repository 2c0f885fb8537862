"""What does not go together is refused before any work, and what an objective is called with is known."""

import functools
import math

import pytest
import torch
from torch import nn

from rankkit.distances import Euclidean
from rankkit.errors import ConfigError, DataError, TrainingError
from rankkit.models.encoders import ConvEncoder, MLPEncoder, RandomAffine
from rankkit.objectives import DualLearning, Objective, ordinal_loss
from rankkit.objectives.embedding import (
    LearnedTemperature,
    arcface_loss,
    contrastive_loss,
    lossless_triplet_loss,
    nt_xent_loss,
    supcon_loss,
    triplet_loss,
)
from rankkit.objectives.embedding.inputs import check_rows
from rankkit.tasks.similarity.steps import TAKES
from tests.training.small_encoders import small
from tests.training.test_resume import same


def without_default(anchor, positive, negative, *, margin):
    return triplet_loss(anchor, positive, negative, margin=margin)


without_default.takes = "triplets"


@pytest.mark.parametrize("distance", ["weighted_l1", "verification"])
def test_a_distance_that_the_objective_cannot_train_is_refused(quick_encoder, distance):
    for objective, own in ((lossless_triplet_loss, "squared_euclidean"), (arcface_loss, "cosine")):
        with pytest.raises(ConfigError, match=rf"which it never sees\. Build the encoder with distance='{own}'"):
            quick_encoder(small(distance=distance, output="sigmoid"), objective)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mining": "hard"}, "expected mining with an objective of pairs or triplets only; got 'hard'"),
        ({"per_class": 1}, "expected per_class of at least 2; got 1"),
        ({"batch_classes": 0}, "batch_classes: expected a whole number of at least 1; got 0"),
        ({"batch_classes": 1}, "expected batch_classes of at least 2; got 1"),
        (
            {"batch_classes": 1, "objective": nt_xent_loss, "views": "augmented", "augment": RandomAffine()},
            "expected batch_classes of at least 2; got 1",
        ),
        ({"objective": without_default}, "expected a margin for without_default, which has no default; got none"),
        (
            {"objective": functools.partial(triplet_loss, None)},
            "expected options bound by name; got 1 bound by position",
        ),
        ({"patience": 2}, "expected validation data with patience"),
        (
            {"memory": 10},
            "expected an objective of pairs or rankings, multi_similarity or info_nce, with memory; got supcon",
        ),
        ({"memory": -1}, "memory: expected a whole number from 0; got -1"),
        ({"chunk_size": 0}, "chunk_size: expected a whole number"),
        ({"views": "both"}, "views: expected one of classes, augmented; got 'both'"),
        ({"views": "augmented"}, "expected an objective that takes two views, and augment"),
        ({"objective": nt_xent_loss, "per_class": 3}, "expected per_class=2 for an objective of two views; got 3"),
        ({"objective": triplet_loss, "mining": "hardest"}, "mining: expected one of all, hard, semi_hard"),
        ({"objective": Objective(triplet_loss, distance="l1")}, "expected the objective without a distance"),
        ({"metric": "map_at_r@5"}, "map_at_r"),
        ({"resume": True}, "expected out= with resume=True"),
    ],
)
def test_options_that_cannot_work_are_refused(quick_encoder, options, message):
    with pytest.raises(ConfigError, match=message):
        quick_encoder(small(), **options)


def test_a_network_without_a_distance_is_no_encoder(quick_encoder):
    with pytest.raises(ConfigError, match="expected an encoder, which has a distance; got Linear"):
        quick_encoder(nn.Linear(3, 3))


@pytest.mark.parametrize("objective", [3.0, ordinal_loss, DualLearning(n_positions=3)])
def test_what_reads_no_score_of_a_pair_is_no_objective_for_encoders(quick_encoder, objective):
    with pytest.raises(ConfigError, match="fit_encoder: expected an objective"):
        quick_encoder(small(), objective)


def test_chunks_and_batch_norm_do_not_go_together(quick_encoder):
    with pytest.raises(ConfigError, match="chunk_size: expected an encoder that embeds each input by"):
        quick_encoder(ConvEncoder((1, 8, 8), n_dims=4, channels=(2,), distance=Euclidean()), chunk_size=4)


def test_inputs_of_another_shape_are_refused(quick_encoder):
    with pytest.raises(DataError, match=r"expected inputs of shape \(64,\) in train; got \(1, 8, 8\)"):
        quick_encoder(MLPEncoder(64, distance="cosine"))


def test_one_class_teaches_nothing(quick_encoder, seen, unseen):
    with pytest.raises(DataError, match="expected at least 2 classes with two examples in train; got 1"):
        quick_encoder(small(), data=seen.of_classes([0]))
    with pytest.raises(DataError, match="expected at least 1 classes with two examples in valid; got 0"):
        quick_encoder(small(), valid=unseen.take([0, 30]))


@pytest.mark.parametrize("objective", [contrastive_loss, triplet_loss, supcon_loss])
def test_weights_that_overflow_are_named_with_the_classes(quick_encoder, objective):
    encoder = small(output="linear", distance="euclidean")
    with torch.no_grad():
        encoder.projection.weight[0, 0] = math.inf
    with pytest.raises(
        TrainingError, match=r"batch 1 \(classes 0, 1, 2, 3\)\. The weights are not finite\. Lower learn"
    ):
        quick_encoder(encoder, objective)


def partial_of_partial():
    return functools.partial(functools.partial(triplet_loss, margin=0.7), margin=0.5)


@pytest.mark.parametrize(
    "bound",
    [partial_of_partial, lambda: Objective(functools.partial(triplet_loss, margin=0.5))],
    ids=["bare", "in one"],
)
def test_a_partial_is_the_objective_with_its_options(quick_encoder, bound):
    expected, found = small(), small()
    quick_encoder(expected, Objective(triplet_loss, margin=0.5), epochs=1)
    history = quick_encoder(found, bound(), epochs=1)
    assert same(expected, found)
    assert "active" in history.epochs[0].facts


def test_a_temperature_in_a_partial_is_trained_along(quick_encoder):
    temperature = LearnedTemperature(0.1)
    quick_encoder(small(), functools.partial(supcon_loss, temperature=temperature), epochs=1)
    assert temperature().item() != pytest.approx(0.1, abs=1e-6)


def test_a_function_around_an_objective_is_not_trained_on_scores_labels_and_mask(quick_encoder):
    # What fit_encoder calls a function with that does not say what it takes: three tensors of one shape.
    with pytest.raises(DataError, match=r"triplet_loss: expected embeddings of numbers; got negative as torch\.bool"):
        quick_encoder(
            small(), lambda a, p, n: a.sum() * len(check_rows("triplet_loss", anchor=a, positive=p, negative=n))
        )


def wrong_of(given, takes):
    """An objective of one's own that gives something of what it is called with."""

    def own(*inputs, **options):
        return given(inputs[0])

    if takes is not None:
        own.takes = takes
    return own


@pytest.mark.parametrize("takes", [None, *TAKES])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda numbers: numbers.flatten()[:3], r"got a tensor \[3\]\."),
        (lambda numbers: numbers.sum().item(), r"got float\."),
        (lambda numbers: None, r"got NoneType\."),
        (lambda numbers: numbers.detach().sum(), r"got a tensor \[\] without gradient\."),
        (lambda numbers: torch.tensor(1.0), r"got a tensor \[\] without gradient\."),
    ],
    ids=["vector", "float", "nothing", "detached", "constant"],
)
def test_objectives_of_ones_own_that_give_no_number_to_learn_from(quick_encoder, given, message, takes):
    encoder = small(distance="verification") if takes == "logits" else small()
    before = {name: values.clone() for name, values in encoder.named_parameters()}
    per_class = {"per_class": 2} if takes == "views" else {}
    with pytest.raises(ConfigError, match=f"expected one number, computed from the .*{message}"):
        quick_encoder(encoder, wrong_of(given, takes), **per_class)
    assert all((values == before[name]).all() for name, values in encoder.named_parameters())


def test_an_objective_of_ones_own_says_what_it_is_called_with(quick_encoder):
    def own(embeddings, classes):
        return embeddings.sum()

    with pytest.raises(ConfigError, match=r"got own\(embeddings, classes\)\. .*takes = .classes."):
        quick_encoder(small(), own)
    own.takes = "clases"
    with pytest.raises(ConfigError, match=r"takes of the objective: expected one of .*Did you mean 'classes'"):
        quick_encoder(small(), own)
    own.takes = "classes"
    quick_encoder(small(), own)
