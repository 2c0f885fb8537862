"""weighted_sum(): several objectives as one."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from rankkit.errors import ConfigError
from rankkit.objectives.documents.torch_losses import from_torch
from rankkit.objectives.module import Objective
from rankkit.objectives.options import check_number
from rankkit.ranking import Reduction


def weighted_sum(parts: Mapping[Callable[..., Tensor], float]) -> "WeightedSum":
    """Several objectives as one: the sum of their losses, each times its weight.

    Each part is reduced by itself first, over the lists that can teach *it*; weights of data and the reduction go to
    all.

    Args:
        parts: Weight of each objective, above 0. An objective is a function such as :func:`rankkit.ranknet_loss`, or an
            :class:`rankkit.Objective` where it has options. All must read a scorer's outputs alike.

    Example:
        >>> from rankkit.objectives import bce_loss, ranknet_loss
        >>> objective = weighted_sum({ranknet_loss: 1.0, bce_loss: 0.5})
        >>> objective(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]))  # log 2, and half of log 2
        tensor(1.0397)
    """
    return WeightedSum(parts)


class WeightedSum(nn.Module):
    """The objective that :func:`rankkit.weighted_sum` makes, called as ``(scores, labels, mask)``."""

    def __init__(self, parts: Mapping[Callable[..., Tensor], float]) -> None:
        super().__init__()
        if not parts:
            raise ConfigError("weighted_sum: expected at least one objective; got none. Pass {objective: weight}.")
        for part, weight in parts.items():
            check_number("weighted_sum", f"the weight of {_told(part)}", weight, above=0.0)
        readouts = {_told(part): _readout(part) for part in parts}
        if len(set(readouts.values())) > 1:
            told = ", ".join(f"{name} {readout!r}" for name, readout in readouts.items())
            raise ConfigError(
                f"weighted_sum: expected parts that read a scorer's outputs alike; got {told}. "
                "Combine objectives of one output, or of the same readout."
            )
        self.name = "weighted_sum"
        parts = {from_torch(part): weight for part, weight in parts.items()}
        self.parts = nn.ModuleList(part if isinstance(part, nn.Module) else Objective(part) for part in parts)
        self.weights = tuple(float(weight) for weight in parts.values())
        self.options = {_told(part): weight for part, weight in zip(parts, self.weights, strict=True)}
        readout = next(iter(readouts.values()))
        if readout is not None:
            self.readout: str = readout

    def forward(
        self,
        scores: Tensor,
        labels: Tensor,
        mask: Tensor | None = None,
        *,
        weights: Tensor | None = None,
        reduction: Reduction = "mean",
    ) -> Tensor:
        """The weighted sum of what the parts compute."""
        # A part of one's own need not take what is not asked for.
        asked: dict[str, Any] = {} if weights is None else {"weights": weights}
        if reduction != "mean":
            asked["reduction"] = reduction
        losses = [
            weight * part(scores, labels, mask, **asked) for part, weight in zip(self.parts, self.weights, strict=True)
        ]
        total: Tensor = losses[0]
        for loss in losses[1:]:
            total = total + loss
        return total

    def __repr__(self) -> str:
        return f"weighted_sum({{{', '.join(f'{name}: {weight}' for name, weight in self.options.items())}}})"


def _readout(part: Callable[..., Tensor]) -> str | None:
    while isinstance(part, partial):
        part = part.func
    readout: str | None = getattr(part, "readout", None)
    return readout


def _told(part: Callable[..., Tensor]) -> str:
    """An objective in words: the name of a function, a module with its options."""
    return repr(part) if isinstance(part, nn.Module | partial) else getattr(part, "__name__", repr(part))
