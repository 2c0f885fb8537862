"""Average: the mean of the weights along a run, with the latest steps counting most."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Average:
    r"""An exponential moving average of weights, which stands in for them where they are judged or kept.

    .. math:: a_t = d_t a_{t-1} + (1 - d_t) w_t, \quad d_t = \min(d, (1 + t) / (10 + t))

    t counts steps from 1. The decay rises to d, since a short run would else end with the weights that it began with.
    Buffers, such as running statistics of batches, are those of the weights themselves.

    Args:
        trained: Whose parameters are averaged.
        decay: d, above 0 and below 1.
    """

    def __init__(self, trained: nn.Module, decay: float) -> None:
        self._decay = decay
        self._weights = dict(trained.named_parameters())
        self._means = {name: weight.detach().clone() for name, weight in self._weights.items()}

    def add(self, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        decay = min(self._decay, (1 + step) / (10 + step))
        weights = [weight.detach() for weight in self._weights.values()]
        get_ema_multi_avg_fn(decay)([*self._means.values()], weights, step)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the means in place of the weights for a while."""
        kept = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self._put(self._means)
        try:
            yield
        finally:
            self._put(kept)

    def keep(self) -> None:
        """Put the means in place of the weights for good."""
        self._put(self._means)

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint holds of it."""
        return self._means

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from there."""
        for name, mean in self._means.items():
            mean.copy_(state[name])

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, weight in self._weights.items():
            weight.copy_(values[name])


@contextmanager
def averaged(average: Average | None) -> Iterator[None]:
    """:meth:`Average.in_place`, of a run that averages."""
    if average is None:
        yield
        return
    with average.in_place():
        yield
