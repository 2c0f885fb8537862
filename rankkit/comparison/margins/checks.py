"""What a margin sweep asks of its objective, options and data, checked before any work."""

import math
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any, Literal

from torch import Tensor

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.errors import ConfigError, DataError
from rankkit.tasks.gradient.objectives import objective_name
from rankkit.tasks.similarity.checks import margin_of
from rankkit.training import fit_encoder

WHERE = "sweep_margins"
"""What messages begin with."""

RULES: dict[str, Literal["contrastive", "triplet"]] = {"pairs": "contrastive", "triplets": "triplet"}
"""By what an objective takes: the rule of :func:`rankkit.suggest_margin` for it."""


def check_sweepable(objective: Callable[..., Tensor]) -> str:
    """What the objective takes: ``"pairs"`` or ``"triplets"``.

    Raises:
        ConfigError: If it takes neither, or has no margin.
    """
    takes = str(getattr(objective, "takes", "lists"))
    if takes not in RULES or margin_of(objective) is None:
        raise ConfigError(
            f"{WHERE}: expected an objective of pairs or triplets with a margin; got {objective_name(objective)}. "
            "Pass triplet or contrastive."
        )
    return takes


def check_margins(margins: Sequence[float]) -> tuple[float, ...]:
    """The margins, rising and each once; raises ConfigError if one is not above 0."""
    if not len(margins) or not all(math.isfinite(margin) and margin > 0 for margin in margins):
        raise ConfigError(f"{WHERE}: expected margins above 0; got {list(margins)}. Pass for example [0.1, 0.2].")
    return tuple(sorted({float(margin) for margin in margins}))


def check_options(options: Mapping[str, Any], seeds: Sequence[int]) -> None:
    """Raise ConfigError if seeds are not different, or an option is none of those of ``fit_encoder``."""
    if not len(seeds) or len(set(seeds)) < len(seeds):
        raise ConfigError(f"{WHERE}: expected seeds that differ; got {list(seeds)}. Pass for example [0, 1, 2].")
    own = {"encoder", "objective", "train", "valid", "seed", "out", "resume", "progress"}
    wrong = sorted(set(options) - (set(signature(fit_encoder).parameters) - own))
    if wrong:
        raise ConfigError(f"{WHERE}: expected options of fit_encoder in training; got {wrong[0]!r}. Leave it out.")


def check_parts(parts: Mapping[str, LabelledExamples]) -> None:
    """Raise DataError if a class is in two parts."""
    seen: dict[str, str] = {}
    for part, examples in parts.items():
        for name in examples.class_names:
            if name in seen:
                raise DataError(
                    f"{WHERE}: expected each class in one part; got {name!r} in {seen[name]} and {part}. "
                    "Split with LabelledExamples.split_classes, or rename it where it is another class."
                )
            seen[name] = part
