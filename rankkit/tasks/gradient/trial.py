"""An objective of rankkit called on a few numbers, so that options that cannot work are refused at once."""

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any

import torch
from torch import Tensor

from rankkit.objectives.module import taken_apart
from rankkit.registry import EMBEDDING_OBJECTIVES, OBJECTIVES


def try_objective(objective: Callable[..., Any]) -> None:
    """Call an objective of rankkit on a few numbers, so that options that it cannot work with are refused.

    One of the user's own, and one with weights of its own, are left alone: a call may change them.

    Args:
        objective: With its options, as it is trained with.

    Raises:
        ConfigError: As the objective says.
    """
    function, options = taken_apart(objective)
    if not any(function is known for known in _KNOWN):  # one of the user's own need not be hashable
        return
    parameters = signature(function).parameters
    if "margin" in parameters and parameters["margin"].default is Parameter.empty:
        options = {"margin": 1.0, **options}
    if "generator" in parameters:
        options = {**options, "generator": torch.Generator().manual_seed(0)}
    takes = str(getattr(function, "takes", "lists"))
    inputs, of_the_call = _SAMPLES[takes]
    if hasattr(function, "readout"):  # several outputs a document
        inputs = (torch.tensor([[[0.5, 0.1], [0.2, -0.3]]]), *inputs[1:])
    with torch.no_grad():
        function(*inputs, **of_the_call, **options)


_KNOWN = [entries[name] for entries in (OBJECTIVES, EMBEDDING_OBJECTIVES) for name in entries.built_in]
# Embeddings of length 1 between 0 and 1, as every output gives some; two of each of two classes.
_ROWS = torch.tensor([[0.6, 0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.6, 0.8], [0.0, 0.8, 0.6]])
_CLASSES = {"classes": torch.tensor([0, 0, 1, 1])}
_SAME = {"same": torch.tensor([True, False])}
_SAMPLES: Mapping[str, tuple[tuple[Tensor, ...], Mapping[str, Tensor]]] = {
    "lists": ((torch.tensor([[0.5, 0.2]]), torch.tensor([[1.0, 0.0]]), torch.tensor([[True, True]])), {}),
    "pairs": ((_ROWS[::3], _ROWS[1:3]), _SAME),
    "logits": ((torch.tensor([0.5, -0.5]),), _SAME),
    "triplets": ((_ROWS[:1], _ROWS[1:2], _ROWS[2:3]), {}),
    "views": ((_ROWS[::2], _ROWS[1::2]), {}),
    "classes": ((_ROWS,), _CLASSES),
    "prototypes": ((_ROWS,), {**_CLASSES, "prototypes": _ROWS[::2]}),
}
