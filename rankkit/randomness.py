"""Random numbers while something is trained: from the generators of the run, never from the global ones of torch.

A run enters :meth:`Randomness.drawing`; dropout, augmentation, mining and objectives in the same thread then find its
generators by :func:`generator_of`. Runs in several threads draw what each of them would draw alone.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor


class Randomness:
    """The generators of one run: one of the CPU and one of each other device that draws, all seeded alike.

    Args:
        seed: Of all of them.
        device: That trains.

    Example:
        >>> one, other = Randomness(3, torch.device("cpu")), Randomness(3, torch.device("cpu"))
        >>> with one.drawing():
        ...     first = torch.rand(2, generator=generator_of(torch.device("cpu")))
        >>> with other.drawing():
        ...     torch.equal(first, torch.rand(2, generator=generator_of(torch.device("cpu"))))
        True
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._seed = seed
        self.device = device
        self._generators: dict[torch.device, torch.Generator] = {}
        for place in (_CPU, device):
            self.on(place)

    def on(self, device: torch.device) -> torch.Generator:
        """The generator of a device."""
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return self._generators[device]

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """In this thread, what looks for a generator finds these."""
        before = _current.set(self)
        try:
            yield
        finally:
            _current.reset(before)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """The global generators of torch draw the numbers of this run, for code that knows no others.

        They are afterwards as they were before. One run of the process at a time: others wait.
        """
        with _lock, _drawing_globally():
            pairs = [(shared, self.on(shared.device)) for shared in _shared_generators(self.device)]
            before = [shared.get_state() for shared, _ in pairs]
            for shared, own in pairs:
                shared.set_state(own.get_state())
            try:
                yield
            finally:
                for (shared, own), state in zip(pairs, before, strict=True):
                    own.set_state(shared.get_state())
                    shared.set_state(state)

    def computed_twice(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        """See :func:`computed_twice`; both contexts may be entered in any thread."""
        first = [(generator, generator.get_state()) for generator in self._generators.values()]

        @contextmanager
        def again() -> Iterator[None]:
            now = [(generator, generator.get_state()) for generator, _ in first]
            for generator, state in first:
                generator.set_state(state)
            try:
                with self.drawing():
                    yield
            finally:
                for generator, state in now:
                    generator.set_state(state)

        return self.drawing(), again()

    def states(self) -> dict[str, Tensor | None]:
        """Where the generators stand, for a checkpoint."""
        cuda = self.on(self.device).get_state() if self.device.type == "cuda" else None
        return {"cpu": self.on(_CPU).get_state(), "cuda": cuda}

    def restore(self, states: dict[str, Tensor | None]) -> None:
        """Go on from where :meth:`states` says; a generator of which it says nothing begins at its seed."""
        for device, state in ((_CPU, states["cpu"]), (self.device, states["cuda"])):
            if state is not None and (device == _CPU or device.type == "cuda"):
                self.on(device).set_state(state)


def generator_of(device: torch.device, given: torch.Generator | None = None) -> torch.Generator | None:
    """The generator to draw from on a device: the one that was given, else that of the run in this thread.

    None outside any run, which torch takes as its global generator, and in compiled code, which knows no other.
    """
    if given is not None or torch.compiler.is_compiling():
        return given
    run = _current.get()
    return None if run is None else run.on(device)


def computed_twice() -> tuple[AbstractContextManager[None], AbstractContextManager[None]] | None:
    """Contexts for computing something and for computing it again later with the random numbers of the first time.

    After the second the generators stand where they stood before it. None outside any run.
    """
    run = _current.get()
    return None if run is None else run.computed_twice()


_CPU = torch.device("cpu")
_current: ContextVar[Randomness | None] = ContextVar("randomness", default=None)
_lock = threading.RLock()  # whoever lends has the global generators for itself


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()  # the thread that held it is not in the child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _shared_generators(device: torch.device) -> list[torch.Generator]:
    cuda = [torch.cuda.default_generators[device.index]] if device.type == "cuda" else []
    return [torch.default_generator, *cuda]


@contextmanager
def _drawing_globally() -> Iterator[None]:
    before = _current.set(None)
    try:
        yield
    finally:
        _current.reset(before)
