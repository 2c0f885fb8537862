"""Why a loss or a gradient is not finite, whatever the model."""

import math

from torch import nn

from rankkit.tasks.gradient.work import BadStep


def blame_weights(model: nn.Module, bad: BadStep, learning_rate: float) -> str | None:
    """What to do where weights are not finite; None where they are."""
    if all(bool(weight.isfinite().all()) for weight in model.parameters()):
        return None
    before = f"; the gradient norm before was {bad.last_norm:.3g}" if math.isfinite(bad.last_norm) else ""
    return f"The weights are not finite{before}. Lower learning_rate={learning_rate:g}, or set clip_norm=1."
