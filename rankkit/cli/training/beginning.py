"""What a run does when its training has begun, and not before: a refused one leaves nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rankkit.training import EpochRecord, StepRecord


class FirstStep:
    """Does something after the first step, which comes before the first checkpoint.

    Args:
        action: What to do.
    """

    def __init__(self, action: Callable[[], object]) -> None:
        self._action: Callable[[], object] | None = action

    def on_step(self, record: "StepRecord") -> None:
        """After each optimizer step."""
        if self._action is not None:
            action, self._action = self._action, None
            action()

    def on_epoch_end(self, record: "EpochRecord") -> None:
        """After each epoch."""
