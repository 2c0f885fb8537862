"""feature_scaling(): the transform of a scorer as one scaling a feature, for engines with normalizers."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.errors import ExportError
from rankkit.transforms import Transform
from rankkit.transforms.elementwise import LIMIT, Identity, Log1p, MinMax, Standardize


@dataclass(frozen=True, eq=False)
class FeatureScaling:
    """What a transform does to each feature: ``limit((log1p(x) - centre) / width)``, the logarithm where asked for.

    Args:
        log1p: Whether ``sign(x) * log(1 + |x|)`` comes first.
        kind: ``"none"``, ``"standardize"`` or ``"minmax"``.
        centre: float32 ``[feature]``: mean or minimum, after the logarithm.
        width: float32 ``[feature]``: deviation or range; 0 for a constant feature, which then gives 0.
        limits: Between which values the result lies; None: it is not limited.
        missing: float32 ``[feature]``: the value of the raw feature that does what a missing one does.
    """

    log1p: bool
    kind: str
    centre: NDArray[np.float32]
    width: NDArray[np.float32]
    limits: tuple[float, float] | None
    missing: NDArray[np.float32]

    @property
    def constant(self) -> NDArray[np.bool_]:
        """``[feature]``: whether a feature always gives 0."""
        return np.equal(self.width, 0)


def feature_scaling(where: str, transform: Transform, steps: Collection[str]) -> FeatureScaling:
    """What a transform does, as one scaling a feature.

    Args:
        where: The target, for messages.
        transform: It need not be fitted.
        steps: The steps that the target can express, by rankkit's names.

    Raises:
        ExportError: If it does something else; the message names the step.
    """
    spec = transform.spec if isinstance(transform.spec, str) else " and ".join(transform.spec)
    if transform.context is not None:
        raise ExportError(
            f"{where}: expected a ranker that looks at one document at a time; got context={transform.context!r}, "
            f"which compares the documents of a query, and {where} does not. Train without context."
        )
    if len(transform.chains) > 1:
        raise ExportError(
            f"{where}: expected one chain of steps; got {len(transform.chains)}, {spec}, and {where} has one value a "
            f"feature. Train with transform='{_advice(steps)}'."
        )
    names = [part.strip().partition(":")[0] for part in str(transform.spec).split("+")]
    modules = list(cast(nn.ModuleList, transform.chains[0]))
    logarithm, scale = False, None
    for name, module in zip(names, modules, strict=True):
        if name not in steps:
            raise ExportError(
                f"{where}: expected steps among {', '.join(sorted(steps))}; got the step {name} of {spec}, which "
                f"{where} cannot express. Train with transform='{_advice(steps)}'."
            )
        if isinstance(module, Identity):
            continue
        if scale is not None or (isinstance(module, Log1p) and logarithm):
            raise ExportError(
                f"{where}: expected at most log1p and then one scaling; got {spec}. "
                f"Train with transform='{_advice(steps)}'."
            )
        if isinstance(module, Log1p):
            logarithm = True
        else:
            scale = module
    return _scaling(logarithm, scale, transform.n_inputs)


def _advice(steps: Collection[str]) -> str:
    return "log1p+standardize" if "log1p" in steps else "standardize"


def _scaling(logarithm: bool, scale: Any, n_features: int) -> FeatureScaling:
    centre, width = np.zeros(n_features, np.float32), np.ones(n_features, np.float32)
    kind, limits = "none", None
    if isinstance(scale, Standardize):
        kind, limits = "standardize", (-LIMIT, LIMIT)
        centre, width = _array(scale.mean), _width(scale.inverse_std)
    elif isinstance(scale, MinMax):
        kind, limits = "minmax", (0.0, 1.0)
        centre, width = _array(scale.low), _width(scale.inverse_width)
    missing = centre.astype(np.float64)
    if logarithm:
        missing = np.sign(missing) * np.expm1(np.abs(missing))
    largest = float(np.finfo(np.float32).max)
    return FeatureScaling(logarithm, kind, centre, width, limits, missing.clip(-largest, largest).astype(np.float32))


def _width(inverse: Tensor) -> NDArray[np.float32]:
    """Deviations or ranges from their inverses, where 0 stands for no spread."""
    values = _array(inverse).astype(np.float64)
    return np.divide(1, values, out=np.zeros_like(values), where=values > 0).astype(np.float32)


def _array(values: Tensor) -> NDArray[np.float32]:
    return cast(NDArray[np.float32], values.detach().float().cpu().numpy().copy())
