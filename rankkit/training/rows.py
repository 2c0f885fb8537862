"""RowAdam: Adam for tables of which a batch touches few rows, so that a step does not pay for all of them."""

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

OPTIONS = frozenset({"betas", "eps"})
"""Of ``optimizer_options``, those that it takes."""


class Stepping(Protocol):
    """What the training loop and checkpoints need of an optimizer."""

    param_groups: list[dict[str, Any]]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients."""
        ...

    def step(self) -> Any:
        """Change the weights."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        ...


def tables_of(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """The modules, by name, with sparse gradients of their ``weight``: large tables, ``nn.Embedding(sparse=True)``."""
    for name, module in model.named_modules():
        if getattr(module, "sparse", False) is True and isinstance(getattr(module, "weight", None), nn.Parameter):
            yield name, module


class RowAdam(Optimizer):
    r"""Adam or AdamW that changes the rows of a batch alone, as TensorFlow's LazyAdam and torch's SparseAdam do.

    A row that a batch lacks stays as it is, and so do its moments: it is neither decayed nor carried on. Of the rows
    that it has, the step is that of Adam, with the bias corrected by the number of all steps.

    Args:
        groups: As torch has them, each with its ``weight_decay``.
        lr: Learning rate.
        betas: Of the moments.
        eps: Added to the root of the second moment.
        decoupled: As AdamW: weights decay beside the gradient, not through it.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        lr: float,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        decoupled: bool,
    ) -> None:
        super().__init__(groups, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": 0.0})
        self.decoupled = decoupled

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change the rows that have a gradient."""
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is not None:
                    self._step(table, group)

    def _step(self, table: Tensor, group: dict[str, Any]) -> None:
        slopes: Any = table.grad
        gradient = (slopes if slopes.is_sparse else slopes.to_sparse(1)).coalesce()
        rows, slope = gradient.indices()[0], gradient.values().to(table.dtype)
        state = self.state[table]
        if not state:
            state["step"] = 0
            # Memory of rows that are never touched is never taken.
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(table), torch.zeros_like(table)
        state["step"] += 1
        rate, decay, (first, second) = group["lr"], group["weight_decay"], group["betas"]
        values = table[rows]
        if decay and self.decoupled:
            values.mul_(1 - rate * decay)
        elif decay:
            slope = slope + decay * values
        mean = state["exp_avg"][rows].lerp_(slope, 1 - first)
        square = state["exp_avg_sq"][rows].mul_(second).addcmul_(slope, slope, value=1 - second)
        state["exp_avg"][rows] = mean
        state["exp_avg_sq"][rows] = square
        root = (square / (1 - second ** state["step"])).sqrt_().add_(group["eps"])
        table[rows] = values.addcdiv_(mean, root, value=-rate / (1 - first ** state["step"]))


class Together:
    """One optimizer for dense weights and one for tables, stepping as one.

    Args:
        dense: Of all other weights.
        rows: Of the tables.
    """

    def __init__(self, dense: Optimizer, rows: Optimizer) -> None:
        self._parts = {"dense": dense, "rows": rows}

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Those of both; setting a value in one of them sets it there."""
        return [group for part in self._parts.values() for group in part.param_groups]

    @param_groups.setter
    def param_groups(self, groups: list[dict[str, Any]]) -> None:
        raise AttributeError("param_groups: expected groups to be changed in place; got a new list.")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients."""
        for part in self._parts.values():
            part.zero_grad(set_to_none=set_to_none)

    def step(self) -> None:
        """Change the weights."""
        for part in self._parts.values():
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        for name, part in self._parts.items():
            part.load_state_dict(state_dict[name])
