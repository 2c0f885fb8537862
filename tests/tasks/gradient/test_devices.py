"""Processes beside each other on CUDA devices, which are stood in for: who takes which, and how much of its memory."""

import numpy as np
import pytest
import torch

from rankkit.errors import ConfigError
from rankkit.tasks.gradient import devices as sharing
from rankkit.tasks.gradient.devices import fits_on, resolve_device, share_devices
from rankkit.tasks.ranking import device_batches as feed
from rankkit.tasks.ranking.device_batches import Feed
from rankkit.tasks.similarity import batches as example_batches
from rankkit.tasks.similarity.batches import ExampleFeed

MEMORY = 1000
CUDA = torch.device("cuda", 0)


@pytest.fixture
def devices(monkeypatch):
    """Says how many devices there are, and keeps which of them is the current one."""
    current = [0]

    def there_are(n, *, free=MEMORY, reserved=0, allocated=0):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: n > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: n)
        monkeypatch.setattr(torch.cuda, "set_device", lambda device: current.__setitem__(0, device))
        monkeypatch.setattr(torch.cuda, "current_device", lambda: current[0])
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, MEMORY))
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: reserved)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: allocated)

    held = sharing._sharers.set(1)
    yield there_are
    sharing._sharers.reset(held)


def largest_that_fits():
    return max(n for n in range(MEMORY + 1) if fits_on(CUDA, n))


@pytest.mark.parametrize(("n_devices", "n_processes"), [(1, 1), (1, 4), (2, 2), (2, 5), (4, 3), (8, 64)])
def test_processes_go_round_the_devices_and_never_take_more_than_one_alone(devices, n_devices, n_processes):
    devices(n_devices)
    taken = dict.fromkeys(range(n_devices), 0)
    chosen = []
    for place in range(n_processes):
        share_devices(place, n_processes)
        assert resolve_device("auto") == resolve_device("cuda")
        chosen.append(resolve_device("auto").index)
        taken[chosen[-1]] += largest_that_fits()
    counts = np.bincount(chosen, minlength=n_devices)
    assert max(counts) - min(counts) <= 1
    assert max(taken.values()) <= 0.6 * MEMORY
    assert all(total > 0.5 * MEMORY for total in taken.values() if total)


def test_a_device_that_is_named_may_be_that_of_all_processes(devices):
    devices(4)
    share_devices(1, 4, "cuda:2")
    assert largest_that_fits() == 0.6 * MEMORY / 4
    assert resolve_device("cuda:2").index == 2


def test_alone_a_process_takes_the_first_device(devices):
    devices(2)
    assert resolve_device("auto").index == 0
    assert largest_that_fits() == 0.6 * MEMORY


def test_without_a_device_nothing_is_shared(devices):
    devices(0)
    share_devices(1, 4)
    assert resolve_device("auto") == torch.device("cpu")
    assert fits_on(torch.device("cpu"), 10**15)


def test_memory_that_torch_keeps_since_an_earlier_run_is_free_to_the_next(devices):
    devices(1, free=100, reserved=800, allocated=100)
    assert largest_that_fits() == 0.6 * 800


@pytest.mark.parametrize("device", ["meta", "hpu", "cuda", "cuda:1"])
def test_a_device_that_cannot_compute_here_is_refused(devices, device):
    devices(0)
    with pytest.raises(ConfigError, match=f"expected a device that is here; got '{device}', but this torch "):
        resolve_device(device)


def test_a_device_behind_the_last_is_refused(devices):
    devices(2)
    assert resolve_device("cuda:1").index == 1
    with pytest.raises(ConfigError, match="got 'cuda:2', but there are 2, from cuda:0 on"):
        resolve_device("cuda:2")


class Sent:
    """Where parts of batches go, in place of a CUDA device."""

    def __init__(self, monkeypatch, *, fits):
        self.asked, self.moves = [], []

        def fits_on(device, n_bytes):
            self.asked.append(n_bytes)
            return fits

        def to(tensor, *args, **options):
            self.moves.extend((tuple(tensor.shape), place) for place in args if place == CUDA)
            return tensor

        for module in (feed, example_batches):
            monkeypatch.setattr(module, "fits_on", fits_on)
        monkeypatch.setattr(torch.Tensor, "to", to)
        monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)


@pytest.mark.parametrize("fits", [True, False])
def test_examples_move_once_where_they_fit_and_batch_by_batch_where_not(monkeypatch, seen, fits):
    sent = Sent(monkeypatch, fits=fits)
    rows = np.array([3, 0, 5])
    batch = ExampleFeed(seen, CUDA).take(rows)
    assert sent.asked == [seen.inputs.nbytes]
    assert ((seen.inputs.shape, CUDA) in sent.moves) == fits
    assert (((3, *seen.input_shape), CUDA) in sent.moves) == (not fits)
    assert np.array_equal(batch.inputs, seen.inputs[rows])
    assert np.array_equal(batch.labels, seen.labels[rows])


@pytest.mark.parametrize("fits", [True, False])
def test_documents_move_once_where_they_fit(monkeypatch, train, fits):
    sent = Sent(monkeypatch, fits=fits)
    held = Feed(train, CUDA)
    assert held.resident == fits
    assert sent.asked == [train.features.nbytes]
    assert ((train.features.shape, CUDA) in sent.moves) == fits
