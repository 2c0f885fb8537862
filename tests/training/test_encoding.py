import functools
import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from rankkit import catalogue
from rankkit.distances import Euclidean
from rankkit.encoders import ConvEncoder, MLPEncoder, RandomAffine, WrappedEncoder, embed
from rankkit.errors import ConfigError, DataError, TrainingError
from rankkit.evaluation.similarity import evaluate_retrieval
from rankkit.loaders.labelled_files import read_labelled
from rankkit.objectives import DualLearning, Objective, lambdarank_loss, ordinal_loss, softmax_loss
from rankkit.objectives.embedding import (
    LearnedTemperature,
    arcface_loss,
    contrastive_loss,
    info_nce_loss,
    lossless_triplet_loss,
    nt_xent_loss,
    supcon_loss,
    triplet_loss,
)
from rankkit.objectives.embedding.inputs import check_rows
from rankkit.sampling import CollapseWarning
from rankkit.training import Callback, TrainingInterrupted, fit_encoder
from rankkit.training.example_batches import ExampleBatches
from rankkit.training.loop import run_work
from rankkit.training.named import build_encoder, build_objective, own_distance
from tests.training.test_resume import Interrupt, same


@pytest.fixture(scope="module")
def examples():
    digits = read_labelled("digits")
    return digits.take(np.concatenate([np.flatnonzero(digits.labels == label)[:24] for label in range(6)]))


@pytest.fixture(scope="module")
def seen(examples):
    return examples.of_classes([0, 1, 2, 3])


@pytest.fixture(scope="module")
def unseen(examples):
    return examples.of_classes([4, 5])


@pytest.fixture
def quick(seen):
    """fit_encoder() on the CPU with few steps; options go over the defaults here."""

    def run(encoder, objective=supcon_loss, data=seen, valid=None, **options):
        few = {"epochs": 3, "batch_classes": 4, "device": "cpu", **options}
        return fit_encoder(encoder, objective, data, valid, **few)

    return run


def small(distance="cosine", **options):
    return MLPEncoder((1, 8, 8), **{"n_dims": 8, "hidden": (16,), "distance": distance, "seed": 0, **options})


def map_at_r(encoder, data):
    found = evaluate_retrieval(embed(encoder, data.inputs), data.labels, ["map_at_r"], distance=encoder.distance)
    return found.means["map_at_r"]


@pytest.mark.parametrize("name", [*catalogue.EMBEDDING_OBJECTIVES, "ranknet", "lambdarank", "softmax", "listnet"])
def test_every_objective_brings_classes_together(quick, seen, name):
    encoder = build_encoder("mlp", {"n_dims": 8, "hidden": (16,)}, name, seen, seed=0)
    before = map_at_r(encoder, seen)
    history = quick(encoder, build_objective(name, {}, kind="embedding objective"), epochs=25, learning_rate=0.01)
    assert np.isfinite([record.loss for record in history.epochs]).all()
    assert map_at_r(encoder, seen) > before + 0.1


def test_names_bring_the_distance_and_output_of_the_paper(seen):
    def built(name, **options):
        encoder = build_encoder("mlp", options, name, seen, seed=0)
        return encoder.distance.name, encoder.output

    assert built("supcon") == ("cosine", "unit")
    assert built("triplet") == ("squared_euclidean", "unit")
    assert built("contrastive") == ("euclidean", "unit")
    assert built("n_pair") == ("dot", "linear")
    assert built("lossless_triplet") == ("squared_euclidean", "sigmoid")
    assert built("verification") == ("verification", "unit")
    assert built("contrastive", distance="l1", output="linear") == ("l1", "linear")
    assert own_distance(lambdarank_loss) == "cosine_similarity"


def test_the_objective_measures_by_the_distance_of_the_encoder(quick):
    seen_by = []

    def spy(x, y, *, same, distance="cosine"):
        seen_by.append(distance.name)
        return contrastive_loss(x, y, same=same, distance=distance)

    spy.takes = "pairs"
    quick(small(distance="l1"), spy, epochs=1)
    assert set(seen_by) == {"l1"}


def test_equal_seeds_give_equal_weights_and_leave_the_global_generator_alone(quick):
    encoders = [small(dropout=0.2) for _ in range(2)]
    before = torch.get_rng_state()
    for encoder in encoders:
        quick(encoder, contrastive_loss)
    assert torch.equal(torch.get_rng_state(), before)
    assert same(*encoders)
    other = small(dropout=0.2)
    quick(other, contrastive_loss, seed=1)
    assert not same(encoders[0], other)


LEARNED = {
    "supcon": lambda: Objective(supcon_loss, temperature=LearnedTemperature(0.1)),
    "arcface": lambda: Objective(arcface_loss, scale=16.0),
    "contrastive": lambda: contrastive_loss,
}
# What an interrupted run has to bring back besides weights.
REMEMBERING = {"contrastive": {"memory": 20}}


@pytest.mark.parametrize("name", LEARNED)
def test_an_interrupted_run_goes_on_to_the_same_weights(quick, unseen, tmp_path, name):
    options = {"valid": unseen, "epochs": 4, **REMEMBERING.get(name, {})}
    whole, objective = small(dropout=0.3), LEARNED[name]()
    expected = quick(whole, objective, **options)
    with pytest.raises(TrainingInterrupted, match="saved in"):
        quick(small(dropout=0.3), LEARNED[name](), out=tmp_path, callbacks=[Interrupt(9)], **options)
    again, resumed = small(dropout=0.3), LEARNED[name]()
    history = quick(again, resumed, out=tmp_path, resume=True, **options)
    assert same(whole, again)
    assert [(r.loss, r.valid, r.facts) for r in history.epochs] == [(r.loss, r.valid, r.facts) for r in expected.epochs]
    assert history.best_epoch == expected.best_epoch
    if isinstance(objective, Objective):
        assert same(objective, resumed)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == [record.to_dict() for record in history.epochs]


def test_a_run_of_another_distance_is_not_resumed(quick, tmp_path):
    quick(small(), out=tmp_path, epochs=1)
    with pytest.raises(TrainingError, match=r"differs in encoder.distance \(checkpoint 'cosine', now 'l1'\)"):
        quick(small(distance="l1"), out=tmp_path, epochs=1, resume=True)


def test_the_best_validation_epoch_is_kept(quick, unseen):
    encoder = small()
    history = quick(encoder, valid=unseen, epochs=6, learning_rate=0.05)
    best = max(record.valid for record in history.epochs)
    assert history.best_value == best
    assert map_at_r(encoder, unseen) == pytest.approx(best, abs=1e-6)


def test_history_tells_the_active_share_and_the_spread(quick):
    still = {"learning_rate": 1e-12, "epochs": 1}
    wide = quick(small(distance="squared_euclidean"), Objective(triplet_loss, margin=100.0), mining="all", **still)
    none = quick(small(distance="squared_euclidean"), Objective(triplet_loss, margin=1e-9), mining="semi_hard", **still)
    assert wide.epochs[0].facts["active"] == 1.0
    assert none.epochs[0].facts["active"] == 0.0
    assert 0 < wide.epochs[0].facts["spread"] <= 2**0.5  # of unit vectors
    assert {"active", "spread"} <= set(wide.to_pandas().columns)
    assert "active" not in quick(small(), epochs=1).epochs[0].facts


def test_collapse_is_told(quick):
    def attract(x, y, *, same):
        return (x - y).square().sum(1).mean()

    attract.takes = "pairs"
    with pytest.warns(CollapseWarning, match="expected embeddings that tell examples apart"):
        quick(small("euclidean", output="linear"), attract, epochs=60, learning_rate=0.01, schedule="constant")


@pytest.mark.parametrize("objective", [supcon_loss, contrastive_loss])
def test_chunks_change_memory_and_not_weights(quick, objective):
    whole, chunked = small(), small()
    quick(whole, objective)
    quick(chunked, objective, chunk_size=5)
    for name, weight in whole.state_dict().items():
        assert torch.allclose(weight, chunked.state_dict()[name], atol=1e-6), name


def test_augmented_views_look_at_no_label(quick, seen):
    mixed = seen.take(np.random.default_rng(0).permutation(len(seen)))
    relabelled = type(seen)(mixed.inputs, np.arange(len(mixed)), tuple(map(str, range(len(mixed)))))
    named = type(seen)(mixed.inputs, mixed.labels, mixed.class_names)
    encoders = []
    for data in (named, relabelled):
        encoder = small()
        quick(encoder, nt_xent_loss, data=data, views="augmented", augment=RandomAffine(), batch_classes=16)
        encoders.append(encoder)
    assert same(*encoders)


def test_a_module_of_ones_own_trains_in_a_wrapper(quick, seen):
    encoder = WrappedEncoder(nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), 4, distance="cosine")
    before = map_at_r(encoder, seen)
    quick(encoder, epochs=20, learning_rate=0.01)
    assert map_at_r(encoder, seen) > before


def test_a_weight_that_a_distance_learns_moves(quick):
    encoder = small(distance="weighted_l1")
    before = {name: value.clone() for name, value in encoder.distance.named_parameters()}
    assert before
    quick(encoder, contrastive_loss)
    assert all(not torch.equal(value, before[name]) for name, value in encoder.distance.named_parameters())


def without_default(anchor, positive, negative, *, margin):
    return triplet_loss(anchor, positive, negative, margin=margin)


without_default.takes = "triplets"


@pytest.mark.parametrize("distance", ["weighted_l1", "verification"])
def test_a_distance_that_the_objective_cannot_train_is_refused(quick, distance):
    for objective, own in ((lossless_triplet_loss, "squared_euclidean"), (arcface_loss, "cosine")):
        with pytest.raises(ConfigError, match=rf"which it never sees\. Build the encoder with distance='{own}'"):
            quick(small(distance=distance, output="sigmoid"), objective)


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
        ({"memory": 10}, "expected an objective of pairs or rankings, or info_nce, with memory; got supcon_loss"),
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
def test_options_that_cannot_work_are_refused(quick, options, message):
    with pytest.raises(ConfigError, match=message):
        quick(small(), **options)


def test_a_network_without_a_distance_is_no_encoder(quick):
    with pytest.raises(ConfigError, match="expected an encoder, which has a distance; got Linear"):
        quick(nn.Linear(3, 3))


@pytest.mark.parametrize("objective", ["triplet", ordinal_loss, DualLearning(n_positions=3)])
def test_what_reads_no_score_of_a_pair_is_no_objective_for_encoders(quick, objective):
    with pytest.raises(ConfigError, match="fit_encoder: expected an objective"):
        quick(small(), objective)


def test_chunks_and_batch_norm_do_not_go_together(quick):
    with pytest.raises(ConfigError, match="chunk_size: expected an encoder that embeds each input by"):
        quick(ConvEncoder((1, 8, 8), n_dims=4, channels=(2,), distance=Euclidean()), chunk_size=4)


def test_inputs_of_another_shape_are_refused(quick):
    with pytest.raises(DataError, match=r"expected inputs of shape \(64,\) in train; got \(1, 8, 8\)"):
        quick(MLPEncoder(64, distance="cosine"))


def test_one_class_teaches_nothing(quick, seen, unseen):
    with pytest.raises(DataError, match="expected at least 2 classes with two examples in train; got 1"):
        quick(small(), data=seen.of_classes([0]))
    with pytest.raises(DataError, match="expected at least 1 classes with two examples in valid; got 0"):
        quick(small(), valid=unseen.take([0, 30]))


@pytest.mark.parametrize("objective", [contrastive_loss, triplet_loss, supcon_loss])
def test_weights_that_overflow_are_named_with_the_classes(quick, objective):
    encoder = small(output="linear", distance="euclidean")
    with torch.no_grad():
        encoder.projection.weight[0, 0] = math.inf
    with pytest.raises(
        TrainingError, match=r"batch 1 \(classes 0, 1, 2, 3\)\. The weights are not finite\. Lower learn"
    ):
        quick(encoder, objective)


def partial_of_partial():
    return functools.partial(functools.partial(triplet_loss, margin=0.7), margin=0.5)


@pytest.mark.parametrize(
    "bound",
    [partial_of_partial, lambda: Objective(functools.partial(triplet_loss, margin=0.5))],
    ids=["bare", "in one"],
)
def test_a_partial_is_the_objective_with_its_options(quick, bound):
    expected, found = small(), small()
    quick(expected, Objective(triplet_loss, margin=0.5), epochs=1)
    history = quick(found, bound(), epochs=1)
    assert same(expected, found)
    assert "active" in history.epochs[0].facts


def test_a_temperature_in_a_partial_is_trained_along(quick):
    temperature = LearnedTemperature(0.1)
    quick(small(), functools.partial(supcon_loss, temperature=temperature), epochs=1)
    assert temperature().item() != pytest.approx(0.1, abs=1e-6)


def test_a_function_around_an_objective_is_not_trained_on_scores_labels_and_mask(quick):
    # What fit_encoder calls a function with that does not say what it takes: three tensors of one shape.
    with pytest.raises(DataError, match=r"triplet_loss: expected embeddings of numbers; got negative as torch\.bool"):
        quick(small(), lambda a, p, n: a.sum() * len(check_rows("triplet_loss", anchor=a, positive=p, negative=n)))


def shaken(inputs):
    return inputs + 0.01 * torch.randn_like(inputs)


def test_runs_of_ones_own_modules_and_functions_are_kept_and_resumed(quick, tmp_path):
    def parts():
        encoder = WrappedEncoder(
            nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), 4, distance=lambda x, y: (x - y).norm(dim=1)
        )
        return encoder, {"augment": lambda inputs: shaken(inputs), "out": tmp_path, "epochs": 2}

    encoder, options = parts()
    quick(encoder, **options)
    again, options = parts()
    quick(again, resume=True, **options)
    assert same(encoder, again)
    with pytest.raises(TrainingError, match=r"differs in augment"):
        quick(again, resume=True, **{**options, "augment": shaken})


def test_a_learned_temperature_does_not_keep_its_own_run_from_going_on(quick, tmp_path):
    encoder, objective = small(), Objective(supcon_loss, temperature=LearnedTemperature(0.1))
    with pytest.raises(TrainingInterrupted):
        quick(encoder, objective, out=tmp_path, epochs=4, callbacks=[Interrupt(9)])
    quick(encoder, objective, out=tmp_path, epochs=4, resume=True)
    whole = small()
    quick(whole, Objective(supcon_loss, temperature=LearnedTemperature(0.1)), epochs=4)
    assert same(whole, encoder)


@pytest.mark.parametrize("batch_classes", [3, 16])
def test_an_epoch_is_as_long_as_the_progress_bar_takes_it_to_be(quick, monkeypatch, batch_classes):
    lengths, seen_by = [], []

    class Count(Callback):
        def on_step(self, record):
            seen_by.append(record.n_docs)

    def spy(work, *args, **options):
        lengths.append(work.n_docs)
        return run_work(work, *args, **options)

    monkeypatch.setattr("rankkit.training.encoding.run_work", spy)
    quick(small(), epochs=1, batch_classes=batch_classes, callbacks=[Count()])
    assert lengths == [sum(seen_by)]


@pytest.mark.parametrize("n", [17, 23, 24, 32, 33])
def test_batches_of_two_views_hold_no_more_than_they_are_told(n):
    plan = ExampleBatches(16, 2, two_views=True).plan(np.arange(n), np.random.default_rng(0))
    assert max(map(len, plan)) <= 16
    assert sorted(np.concatenate(plan)) == list(range(n))


def test_a_learned_temperature_by_name(quick):
    objective = build_objective("supcon", {"temperature": "learned"}, kind="embedding objective")
    before = objective.options["temperature"]().item()
    quick(small(), objective)
    assert objective.options["temperature"]().item() != before


def test_ranking_objectives_see_the_other_examples_as_documents(quick):
    calls = []

    def spy(scores, labels, mask):
        calls.append((scores.shape, labels.sum(1), mask.sum(1)))
        return softmax_loss(scores, labels, mask)

    quick(small(), spy, epochs=1, batch_classes=3)
    shape, relevant, documents = calls[0]
    assert shape == (12, 12)
    assert (relevant == 4).all()  # itself among them, which the mask leaves out
    assert (documents == 11).all()


def test_an_epoch_is_about_one_pass_over_the_data_however_few_the_classes(quick, seen):
    rows = []
    steps = Counter(lambda record: rows.append(record.n_docs))
    quick(small(), batch_classes=16, epochs=1, callbacks=[steps])
    assert sum(rows) == len(seen)
    assert set(rows) == {4 * seen.n_classes}


class Counter(Callback):
    """Calls a function with each step."""

    def __init__(self, see):
        self.see = see

    def on_step(self, record):
        self.see(record)


def test_pairs_reach_into_the_memory_and_none_lies_inside_it(quick, seen):
    sizes = []

    def spy(x, y, *, same):
        assert x.grad_fn is not None
        sizes.append(len(x))
        return contrastive_loss(x, y, same=same, distance="cosine")

    spy.takes = "pairs"
    quick(small(), spy, epochs=1, mining="all", memory=10)
    batch = 4 * seen.n_classes
    assert sizes[0] == batch * (batch - 1) // 2
    assert set(sizes[1:]) == {batch * (batch - 1) // 2 + batch * 10}


def test_rankings_reach_into_the_memory(quick, seen):
    shapes = []

    def spy(scores, labels, mask):
        shapes.append((tuple(scores.shape), int(mask[0].sum())))
        return softmax_loss(scores, labels, mask)

    quick(small(), spy, epochs=1, memory=10)
    batch = 4 * seen.n_classes
    assert shapes[:2] == [((batch, batch), batch - 1), ((batch, batch + 10), batch + 9)]


@pytest.mark.parametrize("views", ["classes", "augmented"])
def test_keys_of_earlier_batches_are_negatives_unless_of_a_class_of_the_batch(quick, seen, views):
    found = []

    def spy(query, positive, *, negatives=None):
        found.append(negatives)
        return info_nce_loss(query, positive, negatives=negatives)

    spy.takes = "views"
    options = {"views": "augmented", "augment": RandomAffine()} if views == "augmented" else {}
    quick(small(), spy, epochs=2, batch_classes=2, memory=6, **options)
    assert found[0] is None
    given = [negatives for negatives in found[1:] if negatives is not None]
    assert given
    assert not any(negatives.requires_grad for negatives in given)
    sizes = {len(negatives) for negatives in given}
    assert sizes <= set(range(1, 7))
    if views == "augmented":
        assert sizes == {2, 4, 6}  # none is left out
