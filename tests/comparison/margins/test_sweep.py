"""The margin sweep: rankkit.comparison.margins.sweep, margin_results, margin_checks and margin_plot."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from rankkit.comparison.margins.plot import draw_margins
from rankkit.comparison.margins.results import VALUES, MarginRun, MarginSweep
from rankkit.comparison.margins.sweep import margin_grid, sweep_margins
from rankkit.errors import ConfigError, DataError
from rankkit.loaders.examples.files import read_labelled
from rankkit.models.encoders import MLPEncoder, embed
from rankkit.objectives import Objective
from rankkit.objectives.embedding import contrastive_loss, soft_margin_triplet_loss, suggest_margin, triplet_loss
from rankkit.similarity import choose_threshold, evaluate_retrieval, verify
from rankkit.training import fit_encoder

SHORT = {"epochs": 2, "device": "cpu"}


@pytest.fixture(scope="module")
def parts():
    digits = read_labelled("digits")
    digits = digits.take(np.arange(600))
    return (
        digits.of_classes(["0", "1", "2", "3"]),
        digits.of_classes(["4", "5", "6"]),
        digits.of_classes(["7", "8", "9"]),
    )


def encoder(seed, distance="squared_euclidean"):
    return MLPEncoder((1, 8, 8), n_dims=8, hidden=(16,), distance=distance, seed=seed)


def a_sweep(**changes):
    """Two margins, two seeds, with numbers made up."""
    made_up = {0.1: [(0.3, 0.2), (0.1, 0.4)], 0.2: [(0.1, 0.35), (0.2, 0.25)]}
    rows = [
        MarginRun(margin, seed, valid_eer, eer, area=0.9, far=0.1, frr=0.2, map_at_r=0.5, active=margin)
        for margin, seeds in made_up.items()
        for seed, (valid_eer, eer) in enumerate(seeds)
    ]
    whole = MarginSweep("triplet", "triplets", "squared_euclidean", 0.19, tuple(rows), raw_eer=0.5, n_classes=(4, 3, 3))
    return replace(whole, **changes)


def test_a_row_holds_what_the_encoder_of_that_margin_and_seed_measures(parts):
    train, valid, test = parts
    sweep = sweep_margins(triplet_loss, encoder, *parts, margins=[0.3, 0.1], seeds=[5], training=SHORT, progress=False)
    assert [(row.margin, row.seed) for row in sweep.rows] == [(0.1, 5), (0.3, 5)]
    trained = encoder(5)
    fit_encoder(trained, Objective(triplet_loss, margin=0.3), train, valid, seed=5, progress=False, **SHORT)
    of_train, of_valid, of_test = (embed(trained, part.inputs) for part in parts)
    by = {"distance": "squared_euclidean"}
    report = verify(of_test, test.labels, threshold=choose_threshold(of_valid, valid.labels, **by), **by)
    row = sweep.rows[1]
    assert row.valid_eer == verify(of_valid, valid.labels, **by).eer
    assert (row.eer, row.area, row.far, row.frr) == (report.eer, report.area, report.far, report.frr)
    assert row.map_at_r == evaluate_retrieval(of_test, test.labels, ["map_at_r"], **by).means["map_at_r"]
    assert sweep.raw_eer == verify(test.inputs.reshape(len(test), -1), test.labels, distance="euclidean").eer
    untrained = torch.from_numpy(embed(encoder(5), train.inputs))
    suggested = suggest_margin("squared_euclidean", untrained, objective="triplet")
    assert sweep.suggested == pytest.approx(suggested, rel=0.005)  # three digits

    # Every triplet of the training examples, against the share of those that were drawn.
    far_apart = ((of_train[:, None].astype(float) - of_train) ** 2).sum(2)
    alike = train.labels[:, None] == train.labels
    lost = total = 0
    for anchor in range(len(train)):
        positives = np.flatnonzero(alike[anchor] & (np.arange(len(train)) != anchor))
        margins = far_apart[anchor, positives][:, None] - far_apart[anchor, ~alike[anchor]] + 0.3
        lost, total = lost + (margins > 0).sum(), total + margins.size
    assert row.active == pytest.approx(lost / total, abs=4 * math.sqrt(0.25 / 20_000))


def test_contrastive_counts_pairs_of_two_classes_as_active(parts):
    def build(seed):
        return encoder(seed, "euclidean")

    sweep = sweep_margins(
        *(contrastive_loss, build, *parts), margins=[0.001, 3.0], seeds=[0], training=SHORT, progress=False
    )
    low, high = sweep.rows  # embeddings of length 1 are at most 2 apart
    assert low.active < 0.01
    assert high.active == 1.0
    assert "share of training pairs of two classes that have a loss" in " ".join(str(sweep).split())


def test_margins_are_taken_around_the_suggested_one(parts, tmp_path):
    assert margin_grid(1.414, "pairs") == (0.0875, 0.175, 0.35, 0.7, 1.4, 2.8)
    short = {**SHORT, "epochs": 1}
    sweep = sweep_margins(triplet_loss, encoder, *parts, seeds=[0], training=short, progress=False)
    assert sweep.margins == margin_grid(sweep.suggested, "triplets")


def test_it_goes_on_with_what_is_there(parts, tmp_path, capsys, monkeypatch):
    options = {"training": SHORT, "out": tmp_path}
    first = sweep_margins(triplet_loss, encoder, *parts, margins=[0.1], seeds=[0], **options)
    assert "[1/1] margin 0.1, seed 0: valid EER" in capsys.readouterr().err
    more = sweep_margins(triplet_loss, encoder, *parts, margins=[0.2, 0.1], seeds=[0], resume=True, **options)
    assert more.rows[0] == first.rows[0]
    assert "[1/1] margin 0.2" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="expected a folder without a sweep; it holds one"):
        sweep_margins(triplet_loss, encoder, *parts, margins=[0.1], **options)
    with pytest.raises(ConfigError, match="expected a sweep of the same training to go on with"):
        sweep_margins(
            *(triplet_loss, encoder, *parts), margins=[0.1], training={**SHORT, "epochs": 3}, out=tmp_path, resume=True
        )

    def train_again(*arguments, **options):
        raise AssertionError("it trains")

    monkeypatch.setattr("rankkit.comparison.margins.sweep.fit_encoder", train_again)
    assert sweep_margins(triplet_loss, encoder, *parts, margins=[0.1, 0.2], seeds=[0], resume=True, **options) == more


def test_the_best_margin_is_chosen_on_validation_examples():
    sweep = a_sweep()
    assert sweep.means[0.1]["valid_eer"] == (0.3 + 0.1) / 2
    assert sweep.means[0.2]["valid_eer"] == pytest.approx((0.1 + 0.2) / 2)
    assert sweep.best_margin == 0.2
    assert sweep.best_eer == pytest.approx((0.35 + 0.25) / 2)
    assert list(sweep.to_pandas().columns) == ["margin", "seed", *VALUES]
    text = str(sweep)
    assert text.splitlines()[2].split()[:5] == ["0.2", "*", "0.1500", "±", "0.0500"]
    assert "raw inputs" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    assert "best_margin=0.2" in repr(sweep)
    equal = tuple(replace(row, valid_eer=0.2) for row in sweep.rows)
    assert a_sweep(rows=equal).best_margin == 0.1


def test_the_picture_tells_both_curves_and_the_suggested_margin():
    pictures = draw_margins(a_sweep())
    assert pictures["png"].startswith(b"\x89PNG")
    assert pictures["svg"].count(b"<svg") == 1
    assert draw_margins(a_sweep())["svg"] == pictures["svg"]
    assert draw_margins(a_sweep(suggested=0.15))["svg"] != pictures["svg"]
    alone = a_sweep(rows=a_sweep().rows[:1])
    assert draw_margins(alone)["png"].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": soft_margin_triplet_loss}, "objective of pairs or triplets with a margin; got soft_margin_trip"),
        ({"margins": [0.1, -1.0]}, "expected margins above 0"),
        ({"margins": []}, "expected margins above 0"),
        ({"margins": [math.nan]}, "expected margins above 0"),
        ({"seeds": [1, 1]}, "expected seeds that differ"),
        ({"training": {"valid": None}}, "expected options of fit_encoder in training; got 'valid'"),
        ({"resume": True}, "expected out, the folder to go on in"),
        ({"encoder": lambda seed: encoder(seed, "dot")}, "a distance whose smaller values are nearer"),
    ],
)
def test_what_cannot_work_is_refused(parts, changes, message):
    with pytest.raises(ConfigError, match=message):
        sweep_margins(
            **{"objective": triplet_loss, "encoder": encoder, **changes}, **dict(zip(NAMES, parts, strict=True))
        )


NAMES = ("train", "valid", "test")


def test_a_class_in_two_parts_is_refused(parts):
    train, valid, _ = parts
    with pytest.raises(DataError, match="expected each class in one part; got '4' in valid and test"):
        sweep_margins(triplet_loss, encoder, train, valid, valid.take(np.arange(20)))
