import json

import numpy as np
import pytest
import torch
from torch import nn

from rankkit import registry
from rankkit.errors import TrainingError
from rankkit.models.encoders import WrappedEncoder
from rankkit.objectives import Objective, lambdarank_loss
from rankkit.objectives.embedding import (
    LearnedTemperature,
    arcface_loss,
    contrastive_loss,
    supcon_loss,
    triplet_loss,
)
from rankkit.sampling import CollapseWarning
from rankkit.tasks.gradient.objectives import build_objective
from rankkit.tasks.similarity.build import build_encoder, own_distance
from rankkit.training import TrainingInterrupted
from tests.training.small_encoders import map_at_r, small
from tests.training.test_resume import Interrupt, same


@pytest.mark.parametrize("name", [*registry.EMBEDDING_OBJECTIVES, "ranknet", "lambdarank", "softmax", "listnet"])
def test_every_objective_brings_classes_together(quick_encoder, seen, name):
    encoder = build_encoder("mlp", {"n_dims": 8, "hidden": (16,)}, name, seen, seed=0)
    before = map_at_r(encoder, seen)
    history = quick_encoder(
        encoder, build_objective(name, {}, kind="embedding objective"), epochs=12, learning_rate=0.02
    )
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


def test_the_objective_measures_by_the_distance_of_the_encoder(quick_encoder):
    seen_by = []

    def spy(x, y, *, same, distance="cosine"):
        seen_by.append(distance.name)
        return contrastive_loss(x, y, same=same, distance=distance)

    spy.takes = "pairs"
    quick_encoder(small(distance="l1"), spy, epochs=1)
    assert set(seen_by) == {"l1"}


def test_equal_seeds_give_equal_weights_and_leave_the_global_generator_alone(quick_encoder):
    encoders = [small(dropout=0.2) for _ in range(2)]
    before = torch.get_rng_state()
    for encoder in encoders:
        quick_encoder(encoder, contrastive_loss)
    assert torch.equal(torch.get_rng_state(), before)
    assert same(*encoders)
    other = small(dropout=0.2)
    quick_encoder(other, contrastive_loss, seed=1)
    assert not same(encoders[0], other)


LEARNED = {
    "supcon": lambda: Objective(supcon_loss, temperature=LearnedTemperature(0.1)),
    "arcface": lambda: Objective(arcface_loss, scale=16.0),
    "contrastive": lambda: contrastive_loss,
}
# What an interrupted run has to bring back besides weights.
REMEMBERING = {"contrastive": {"memory": 20}}


@pytest.mark.parametrize("name", LEARNED)
def test_an_interrupted_run_goes_on_to_the_same_weights(quick_encoder, unseen, tmp_path, name):
    options = {"valid": unseen, "epochs": 4, **REMEMBERING.get(name, {})}
    whole, objective = small(dropout=0.3), LEARNED[name]()
    expected = quick_encoder(whole, objective, **options)
    with pytest.raises(TrainingInterrupted, match="saved in"):
        quick_encoder(small(dropout=0.3), LEARNED[name](), out=tmp_path, callbacks=[Interrupt(9)], **options)
    again, resumed = small(dropout=0.3), LEARNED[name]()
    history = quick_encoder(again, resumed, out=tmp_path, resume=True, **options)
    assert same(whole, again)
    assert [(r.loss, r.valid, r.facts) for r in history.epochs] == [(r.loss, r.valid, r.facts) for r in expected.epochs]
    assert history.best_epoch == expected.best_epoch
    if isinstance(objective, Objective):
        assert same(objective, resumed)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == [record.to_dict() for record in history.epochs]


def test_a_run_of_another_distance_is_not_resumed(quick_encoder, tmp_path):
    quick_encoder(small(), out=tmp_path, epochs=1)
    with pytest.raises(TrainingError, match=r"differs in encoder.distance \(checkpoint 'cosine', now 'l1'\)"):
        quick_encoder(small(distance="l1"), out=tmp_path, epochs=1, resume=True)


def test_the_best_validation_epoch_is_kept(quick_encoder, unseen):
    encoder = small()
    history = quick_encoder(encoder, valid=unseen, epochs=6, learning_rate=0.05)
    best = max(record.valid for record in history.epochs)
    assert history.best_value == best
    assert map_at_r(encoder, unseen) == pytest.approx(best, abs=1e-6)


def test_history_tells_the_active_share_and_the_spread(quick_encoder):
    still = {"learning_rate": 1e-12, "epochs": 1}
    wide = quick_encoder(
        small(distance="squared_euclidean"), Objective(triplet_loss, margin=100.0), mining="all", **still
    )
    none = quick_encoder(
        small(distance="squared_euclidean"), Objective(triplet_loss, margin=1e-9), mining="semi_hard", **still
    )
    assert wide.epochs[0].facts["active"] == 1.0
    assert none.epochs[0].facts["active"] == 0.0
    assert 0 < wide.epochs[0].facts["spread"] <= 2**0.5  # of unit vectors
    assert {"active", "spread"} <= set(wide.to_pandas().columns)
    assert "active" not in quick_encoder(small(), epochs=1).epochs[0].facts


def test_collapse_is_told(quick_encoder):
    def attract(x, y, *, same):
        return (x - y).square().sum(1).mean()

    attract.takes = "pairs"
    with pytest.warns(CollapseWarning, match="expected embeddings that tell examples apart"):
        quick_encoder(small("euclidean", output="linear"), attract, epochs=60, learning_rate=0.01, schedule="constant")


def test_a_module_of_ones_own_trains_in_a_wrapper(quick_encoder, seen):
    encoder = WrappedEncoder(nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), 4, distance="cosine")
    before = map_at_r(encoder, seen)
    quick_encoder(encoder, epochs=20, learning_rate=0.01)
    assert map_at_r(encoder, seen) > before


def test_a_weight_that_a_distance_learns_moves(quick_encoder):
    encoder = small(distance="weighted_l1")
    before = {name: value.clone() for name, value in encoder.distance.named_parameters()}
    assert before
    quick_encoder(encoder, contrastive_loss)
    assert all(not torch.equal(value, before[name]) for name, value in encoder.distance.named_parameters())


def shaken(inputs):
    return inputs + 0.01 * torch.randn_like(inputs)


def test_runs_of_ones_own_modules_and_functions_are_kept_and_resumed(quick_encoder, tmp_path):
    def parts():
        encoder = WrappedEncoder(
            nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), 4, distance=lambda x, y: (x - y).norm(dim=1)
        )
        return encoder, {"augment": lambda inputs: shaken(inputs), "out": tmp_path, "epochs": 2}

    encoder, options = parts()
    quick_encoder(encoder, **options)
    again, options = parts()
    quick_encoder(again, resume=True, **options)
    assert same(encoder, again)
    with pytest.raises(TrainingError, match=r"differs in augment"):
        quick_encoder(again, resume=True, **{**options, "augment": shaken})


def test_a_learned_temperature_does_not_keep_its_own_run_from_going_on(quick_encoder, tmp_path):
    encoder, objective = small(), Objective(supcon_loss, temperature=LearnedTemperature(0.1))
    with pytest.raises(TrainingInterrupted):
        quick_encoder(encoder, objective, out=tmp_path, epochs=4, callbacks=[Interrupt(9)])
    quick_encoder(encoder, objective, out=tmp_path, epochs=4, resume=True)
    whole = small()
    quick_encoder(whole, Objective(supcon_loss, temperature=LearnedTemperature(0.1)), epochs=4)
    assert same(whole, encoder)


def test_a_learned_temperature_by_name(quick_encoder):
    objective = build_objective("supcon", {"temperature": "learned"}, kind="embedding objective")
    before = objective.options["temperature"]().item()
    quick_encoder(small(), objective)
    assert objective.options["temperature"]().item() != before
