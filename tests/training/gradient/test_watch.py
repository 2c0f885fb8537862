import numpy as np
import pytest
import torch

from rankkit import RankingDataset
from rankkit.errors import DataError, TrainingError
from rankkit.objectives import softmax_loss
from rankkit.placement import as_on_device
from rankkit.training.gradient.watch import LossWatch
from rankkit.training.run import Run


def test_features_that_are_not_finite_are_named(quick, new_scorer, train):
    class PassThrough(torch.nn.Module):
        fitted = torch.tensor(True)

        def forward(self, features, offsets):
            return features

    features = train.features.copy()
    features[train.offsets[7] + 1, 4] = np.nan
    scorer = new_scorer(transform="none")
    scorer.transform = PassThrough()
    with pytest.raises(TrainingError, match="The features 5 hold NaN") as caught:
        quick(scorer, data=RankingDataset(features, train.labels, train.offsets, train.qids), batch_queries=4)
    message = str(caught.value)
    assert "expected a finite loss; got nan in epoch 1, batch " in message
    qids = message.split("(qids ")[1].split(")")[0].split(", ")
    assert str(train.qids[7]) in qids
    assert len(qids) == 4
    assert all(bool(weight.isfinite().all()) for weight in scorer.parameters())


def test_an_objective_that_gives_nan_for_finite_scores_is_named(quick, new_scorer):
    with pytest.raises(TrainingError, match="the objective is not finite for them") as caught:
        quick(new_scorer(), lambda scores, labels, mask: (scores.sum() * 0).log() * 0)
    assert "and 8 more" in str(caught.value)


def test_a_finite_loss_with_a_gradient_that_is_not_stops_before_the_weights_change(quick, new_scorer):
    scorer = new_scorer()
    before = [weight.clone() for weight in scorer.parameters()]
    with pytest.raises(TrainingError, match="expected a finite gradient; got nan in epoch 1, batch 1"):
        quick(scorer, lambda scores, labels, mask: (scores * 0).abs().sqrt().sum())
    assert all(torch.equal(a, b) for a, b in zip(before, scorer.parameters(), strict=True))


def test_a_learning_rate_that_overflows_the_weights_is_named(quick, new_scorer):
    def growing(scores, labels, mask):
        return -(scores**2).mean()

    with pytest.raises(TrainingError, match="learning_rate=1e\\+30"):
        quick(new_scorer(), growing, optimizer="sgd", learning_rate=1e30, schedule="constant", warmup=0.0, epochs=20)


def test_scores_that_overflow_are_named(quick, new_scorer):
    scorer = new_scorer()
    with torch.no_grad():
        scorer.output.weight.fill_(3e38)
    with pytest.raises(TrainingError, match="they overflow inside the scorer"):
        quick(scorer, softmax_loss)


def test_labels_on_a_device_are_read_with_the_losses():
    run, device = Run(), torch.device("cuda", 0)
    watch, rows = LossWatch(run, str, device), np.arange(2)
    scores, mask = torch.zeros(2, 2, requires_grad=True), torch.ones(2, 2, dtype=torch.bool)
    good, bad = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, -2.0]])
    with as_on_device():
        for labels in (good, bad, good):
            with watch.checking():
                loss = softmax_loss(scores, labels, mask)
            watch.see(rows, loss, torch.ones(()))
    assert run.n_queries == 0
    with pytest.raises(DataError, match=r"got -2 \(list 1, document 1\)"):
        watch.read()
    assert run.n_queries == 2  # the step before counts
