"""The optimizer of a run, in its fused form where torch has one for the device, and the norm of its gradient."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rankkit.remarks import say
from rankkit.tasks.gradient.methods import Groups, make_optimizer
from rankkit.tasks.gradient.settings import Settings
from rankkit.tasks.gradient.trunk import head_weights
from rankkit.training.rows import OPTIONS, RowAdam, Stepping, Together, tables_of


def build_optimizer(
    scorer: nn.Module, settings: Settings, device: torch.device, objective: nn.Module | None = None
) -> Stepping:
    """The optimizer that the settings name; weight decay acts on matrices of the scorer, not on biases and norms.

    A module whose biases or factors are as many as matrices are, since they are those of several networks, names them
    in its attribute ``undecayed``.

    Tables with sparse gradients are changed row by row where it is Adam or AdamW; where it is another, their gradients
    become dense, and that is said, since each step then pays for every row.

    Args:
        scorer: Its weights learn at the rate of the settings, those before its last layer at ``trunk_rate`` times that.
        settings: Of the run.
        device: Where the weights are.
        objective: Its weights, if it has any, learn along the same schedule, at the ``learning_rate`` of the module
            that they belong to where it names one.
    """
    tables = _tables(scorer, settings)
    apart = set(map(id, tables))
    trained = [parameter for parameter in scorer.parameters() if parameter.requires_grad and id(parameter) not in apart]
    kept = {id(getattr(one, name)) for one in scorer.modules() for name in getattr(one, "undecayed", ())}
    groups: Groups = []
    for factor, part in _by_rate(scorer, trained, settings.trunk_rate).items():
        own: dict[str, Any] = {} if factor == 1 else {"rate_factor": factor}
        decayed = [p for p in part if p.dim() >= 2 and id(p) not in kept]
        others = [p for p in part if p.dim() < 2 or id(p) in kept]
        groups.append({"params": decayed, "weight_decay": settings.weight_decay, **own})
        groups.append({"params": others, "weight_decay": 0.0, **own})
    for module in [] if objective is None else objective.modules():
        weights = [parameter for parameter in module.parameters(recurse=False) if parameter.requires_grad]
        if weights:
            factor = getattr(module, "learning_rate", settings.learning_rate) / settings.learning_rate
            groups.append({"params": weights, "weight_decay": 0.0, "rate_factor": factor})
    options = settings.optimizer_options or {}
    dense = make_optimizer(
        settings.optimizer,
        options,
        groups,
        rate=settings.learning_rate,
        momentum=settings.momentum,
        device=device,
    )
    if not tables:
        return dense
    rows = RowAdam(
        [{"params": tables, "weight_decay": settings.weight_decay, "rate_factor": settings.trunk_rate}],
        settings.learning_rate,
        decoupled=settings.optimizer == "adamw",
        **options,
    )
    return Together(dense, rows)


def _by_rate(
    scorer: nn.Module, trained: Sequence[nn.Parameter], trunk_rate: float
) -> dict[float, Sequence[nn.Parameter]]:
    """Weights by what their learning rate is multiplied by."""
    if trunk_rate == 1:
        return {1.0: trained}
    head = head_weights(scorer)
    return {
        trunk_rate: [weight for weight in trained if id(weight) not in head],
        1.0: [weight for weight in trained if id(weight) in head],
    }


def _tables(scorer: nn.Module, settings: Settings) -> list[nn.Parameter]:
    """The tables that are changed row by row."""
    found = [(name, module) for name, module in tables_of(scorer) if module.weight.requires_grad]
    if settings.optimizer in ("adam", "adamw") and set(settings.optimizer_options or ()) <= OPTIONS:
        return [module.weight for _, module in found]
    for _, module in found:
        module.sparse = False
    if found:
        named = settings.optimizer if isinstance(settings.optimizer, str) else "a function"
        listed = ", ".join(f"{getattr(module, 'name', name)} ({len(module.weight):,} rows)" for name, module in found)
        say(
            f"training: with optimizer {named} and these options each step changes every row of {listed}; adam and "
            f"adamw (options {', '.join(sorted(OPTIONS))} alone) change those of the batch."
        )
    return []


def set_learning_rate(optimizer: Stepping, learning_rate: float) -> None:
    """Give all parameters this learning rate from the next step on, those with a factor of their own times that."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group.get("rate_factor", 1.0)


def clip_gradients(optimizer: Stepping, clip_norm: float | None) -> Tensor:
    """Scale all gradients so that their common norm is at most ``clip_norm``; give the norm before."""
    trained = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    for table in trained:
        if table.grad.is_sparse:
            table.grad = table.grad.coalesce()  # a row that stands there twice counts as their sum
    values = [p.grad.values() if p.grad.is_sparse else p.grad for p in trained]
    norm = torch.nn.utils.get_total_norm(values)
    if clip_norm is not None:
        dense = [p for p in trained if not p.grad.is_sparse]
        torch.nn.utils.clip_grads_with_norm_(dense, clip_norm, norm)
        factor = (clip_norm / (norm + 1e-6)).clamp(max=1.0)  # as torch has it
        for table in trained:
            if table.grad.is_sparse:
                table.grad.values().mul_(factor.to(table.grad.device))
    return norm
