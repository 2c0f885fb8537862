"""Whether a forward pass is being recorded rather than run."""

import torch


def tracing() -> bool:
    """True under ``torch.export``, ``torch.compile`` and ``torch.jit.trace``, where checks on values cannot stand."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
