"""The optimizer of a run, in its fused form where torch has one for the device, and the norm of its gradient."""

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer

from rankkit.training.settings import Settings


def build_optimizer(scorer: nn.Module, settings: Settings, device: torch.device) -> Optimizer:
    """The optimizer that the settings name; weight decay acts on matrices, not on biases and norms."""
    trained = [parameter for parameter in scorer.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    rate = settings.learning_rate
    fused = device.type in ("cpu", "cuda") or None
    if settings.optimizer == "adamw":
        return AdamW(groups, lr=rate, fused=fused)
    if settings.optimizer == "adam":
        return Adam(groups, lr=rate, fused=fused)
    if settings.optimizer == "adagrad":
        return Adagrad(groups, lr=rate, fused=True if device.type == "cpu" else None)
    return SGD(groups, lr=rate, momentum=settings.momentum, fused=fused)


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Give all parameters this learning rate from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def clip_gradients(optimizer: Optimizer, clip_norm: float | None) -> Tensor:
    """Scale all gradients so that their common norm is at most ``clip_norm``; give the norm before."""
    trained = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    norm = torch.nn.utils.get_total_norm([p.grad for p in trained])
    if clip_norm is not None:
        torch.nn.utils.clip_grads_with_norm_(trained, clip_norm, norm)
    return norm
