"""CollapseWatch: says when an encoder maps everything to one point."""

import math
import warnings

import torch
from torch import Tensor

from rankkit.errors import ConfigError

_AT_MARGIN = 0.01  # of the margin
_CLOSE = 0.1  # of the length of the embeddings, or of the margin
_ACTION = "Lower the learning rate, mine how='semi_hard', or give the encoder output='unit'."


class CollapseWarning(UserWarning):
    """All embeddings have come to lie in one point: the encoder tells nothing apart any more."""


class CollapseWatch:
    """Looks at every step of training for the two signs of collapse, and warns once.

    - The loss stays within 1% of the margin, as a triplet loss does where all distances are 0, and the embeddings lie
      close together: by a tenth of their length, or of the margin. (In large batches, semi-hard negatives are hardly
      farther than the positives, so that the loss alone says nothing.)
    - The spread of the embeddings, the root mean squared Euclidean distance between two of them, falls below a share of
      the largest that was seen.

    Either has to hold for ``patience`` steps in a row, since a network with fresh weights embeds everything near one
    point too and then gets away from there.

    Args:
        margin: Of the objective; None where it has none, and the first sign is not looked for.
        patience: Steps in a row.
        share: Of the largest spread, between 0 and 1.
        action: What the warning says is to be done.

    Attributes:
        collapsed: Whether it has warned.
        spread: At the last step, in the unit of the embeddings; NaN before the first.

    Raises:
        ConfigError: If an option cannot work.

    Example:
        >>> watch = CollapseWatch(margin=0.2, patience=2)
        >>> watch.see(0.15, torch.eye(4)), round(watch.spread, 4)
        (False, 1.4142)
    """

    def __init__(
        self, *, margin: float | None = None, patience: int = 50, share: float = 0.01, action: str = _ACTION
    ) -> None:
        if margin is not None and not 0 < margin < math.inf:
            raise ConfigError(f"CollapseWatch: expected margin above 0; got {margin!r}. Pass None where there is none.")
        if not isinstance(patience, int) or isinstance(patience, bool) or patience < 1:
            raise ConfigError(f"CollapseWatch: expected patience of at least 1; got {patience!r}. Pass a whole number.")
        if not 0 < share < 1:
            raise ConfigError(f"CollapseWatch: expected share between 0 and 1; got {share!r}. Pass for example 0.01.")
        self.margin, self.patience, self.share, self._action = margin, patience, share, action
        self.collapsed = False
        self.spread = math.nan
        self._largest = 0.0
        self._at_margin = 0
        self._shrunk = 0

    def see(self, loss: Tensor | float, embeddings: Tensor) -> bool:
        """Look at one step.

        Args:
            loss: The mean loss of the batch, in the unit of the margin.
            embeddings: ``[n, n_dims]`` of the batch. Time and memory are linear in it.

        Returns:
            Whether the encoder has collapsed, now or before.

        Warns:
            CollapseWarning: Once.
        """
        self.spread, length = _spread_and_length(embeddings.detach())
        self._largest = max(self._largest, self.spread)
        value = float(loss.detach()) if isinstance(loss, Tensor) else float(loss)
        at_margin = self.margin is not None and (
            abs(value - self.margin) <= _AT_MARGIN * self.margin
            and (self.spread <= _CLOSE * length or min(self.spread, self.spread**2) <= _CLOSE * self.margin)
        )
        self._at_margin = self._at_margin + 1 if at_margin else 0
        self._shrunk = self._shrunk + 1 if self.spread <= self.share * self._largest else 0
        if not self.collapsed and max(self._at_margin, self._shrunk) >= self.patience:
            self.collapsed = True
            warnings.warn(self._why(value), CollapseWarning, stacklevel=2)
        return self.collapsed

    def _why(self, loss: float) -> str:
        if self._at_margin >= self.patience:
            got = f"a loss of {loss:.4g}, the margin, for {self.patience} steps"
        else:
            got = f"embeddings {self.spread:.3g} apart, where they were {self._largest:.3g} apart before"
        return f"CollapseWatch: expected embeddings that tell examples apart; got {got}. {self._action}"


def _spread_and_length(embeddings: Tensor) -> tuple[float, float]:
    """Root mean squares of the Euclidean distance between two different rows, and of the norm; 0 for fewer than two."""
    if len(embeddings) < 2:
        return 0.0, 0.0
    values = embeddings.double()
    squares = torch.stack([2 * values.var(dim=0).sum(), values.square().sum(dim=1).mean()])
    spread, length = squares.sqrt().tolist()
    return spread, length
