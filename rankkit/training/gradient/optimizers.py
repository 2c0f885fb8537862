"""The optimizer of a run, in its fused form where torch has one for the device, and the norm of its gradient."""

import torch
from torch import Tensor, nn

from rankkit.remarks import say
from rankkit.tasks.gradient.methods import Groups, make_optimizer
from rankkit.tasks.gradient.settings import Settings
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
        scorer: Its weights learn at the rate of the settings.
        settings: Of the run.
        device: Where the weights are.
        objective: Its weights, if it has any, learn along the same schedule, at the ``learning_rate`` of the module
            that they belong to where it names one.
    """
    tables = _tables(scorer, settings)
    apart = set(map(id, tables))
    trained = [parameter for parameter in scorer.parameters() if parameter.requires_grad and id(parameter) not in apart]
    kept = {id(getattr(one, name)) for one in scorer.modules() for name in getattr(one, "undecayed", ())}
    groups: Groups = [
        {"params": [p for p in trained if p.dim() >= 2 and id(p) not in kept], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.dim() < 2 or id(p) in kept], "weight_decay": 0.0},
    ]
    for module in [] if objective is None else objective.modules():
        own = [parameter for parameter in module.parameters(recurse=False) if parameter.requires_grad]
        if own:
            factor = getattr(module, "learning_rate", settings.learning_rate) / settings.learning_rate
            groups.append({"params": own, "weight_decay": 0.0, "rate_factor": factor})
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
        [{"params": tables, "weight_decay": settings.weight_decay}],
        settings.learning_rate,
        decoupled=settings.optimizer == "adamw",
        **options,
    )
    return Together(dense, rows)


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
