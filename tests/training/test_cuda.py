import pytest
import torch

from rankkit.objectives import softmax_loss
from rankkit.tasks.gradient import devices as sharing
from rankkit.tasks.ranking import device_batches as feed

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("share", [0.6, 0.0])
def test_it_learns_with_data_on_the_device_and_with_data_sent_by_batch(
    quick, new_scorer, train, monkeypatch, precision, share
):
    monkeypatch.setattr(sharing, "_RESIDENT_SHARE", share)
    assert feed.Feed(train, torch.device("cuda", 0)).resident == (share > 0)
    scorer = new_scorer(dropout=0.1)
    history = quick(scorer, softmax_loss, device="cuda", precision=precision, epochs=6, learning_rate=1e-2)
    assert history.epochs[-1].loss < history.epochs[0].loss
    assert next(scorer.parameters()).is_cuda


def test_a_loss_that_is_not_finite_is_noticed_by_the_end_of_the_epoch(quick, new_scorer):
    from rankkit.errors import TrainingError

    with pytest.raises(TrainingError, match="expected a finite loss; got nan in epoch 1, batch 1 "):
        quick(new_scorer(), lambda scores, labels, mask: (scores.sum() * 0).log() * 0, device="cuda")
