"""Batches of labelled examples: how many, how large, of which classes."""

import numpy as np
import pytest

from rankkit.tasks.similarity.batches import ExampleBatches
from rankkit.training import Callback
from rankkit.training.gradient.loop import run_work
from tests.training.small_encoders import small


@pytest.mark.parametrize("batch_classes", [3, 16])
def test_an_epoch_is_as_long_as_the_progress_bar_takes_it_to_be(quick_encoder, monkeypatch, batch_classes):
    lengths, seen_by = [], []

    class Count(Callback):
        def on_step(self, record):
            seen_by.append(record.n_docs)

    def spy(work, *args, **options):
        lengths.append(work.n_docs)
        return run_work(work, *args, **options)

    monkeypatch.setattr("rankkit.training.running.run_work", spy)
    quick_encoder(small(), epochs=1, batch_classes=batch_classes, callbacks=[Count()])
    assert lengths == [sum(seen_by)]


@pytest.mark.parametrize("n", [17, 23, 24, 32, 33])
def test_batches_of_two_views_hold_no_more_than_they_are_told(n):
    plan = ExampleBatches(16, 2, two_views=True).plan(np.arange(n), np.random.default_rng(0))
    assert max(map(len, plan)) <= 16
    assert sorted(np.concatenate(plan)) == list(range(n))


def test_an_epoch_is_about_one_pass_over_the_data_however_few_the_classes(quick_encoder, seen):
    rows = []
    steps = Counter(lambda record: rows.append(record.n_docs))
    quick_encoder(small(), batch_classes=16, epochs=1, callbacks=[steps])
    assert sum(rows) == len(seen)
    assert set(rows) == {4 * seen.n_classes}


class Counter(Callback):
    """Calls a function with each step."""

    def __init__(self, see):
        self.see = see

    def on_step(self, record):
        self.see(record)
