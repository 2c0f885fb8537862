"""The optimizer of a run, in its fused form where torch has one for the device, and the norm of its gradient."""

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from rankkit.tasks.gradient.methods import Groups, make_optimizer
from rankkit.tasks.gradient.settings import Settings


def build_optimizer(
    scorer: nn.Module, settings: Settings, device: torch.device, objective: nn.Module | None = None
) -> Optimizer:
    """The optimizer that the settings name; weight decay acts on matrices of the scorer, not on biases and norms.

    Args:
        scorer: Its weights learn at the rate of the settings.
        settings: Of the run.
        device: Where the weights are.
        objective: Its weights, if it has any, learn along the same schedule, at the ``learning_rate`` of the module
            that they belong to where it names one.
    """
    trained = [parameter for parameter in scorer.parameters() if parameter.requires_grad]
    groups: Groups = [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    for module in [] if objective is None else objective.modules():
        own = [parameter for parameter in module.parameters(recurse=False) if parameter.requires_grad]
        if own:
            factor = getattr(module, "learning_rate", settings.learning_rate) / settings.learning_rate
            groups.append({"params": own, "weight_decay": 0.0, "rate_factor": factor})
    return make_optimizer(
        settings.optimizer,
        settings.optimizer_options or {},
        groups,
        rate=settings.learning_rate,
        momentum=settings.momentum,
        device=device,
    )


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Give all parameters this learning rate from the next step on, those with a factor of their own times that."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group.get("rate_factor", 1.0)


def clip_gradients(optimizer: Optimizer, clip_norm: float | None) -> Tensor:
    """Scale all gradients so that their common norm is at most ``clip_norm``; give the norm before."""
    trained = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    norm = torch.nn.utils.get_total_norm([p.grad for p in trained])
    if clip_norm is not None:
        torch.nn.utils.clip_grads_with_norm_(trained, clip_norm, norm)
    return norm
