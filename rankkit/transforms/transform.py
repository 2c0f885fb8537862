"""Transform: what a scorer does to its features first, built from a spec such as ``"log1p+standardize"``."""

import inspect
import re
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.phases import phase
from rankkit.registry import TRANSFORMS, find
from rankkit.transforms.context import context_steps
from rankkit.transforms.rows import TrainingRows
from rankkit.transforms.tracing import tracing

Spec = str | Sequence[str]


class Step(Protocol):
    """One step of a transform: an ``nn.Module`` that lets NaN through, or turns it into numbers itself."""

    needs_fit: ClassVar[bool]
    missing: ClassVar[float | None]
    n_outputs: int

    def fit(self, rows: TrainingRows) -> None:
        """Learn from the training rows, as the steps before left them."""
        ...

    def __call__(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, n_inputs]`` to ``[doc, n_outputs]``, never in place."""
        ...

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output, from one name an input."""
        ...


class Transform(nn.Module):
    """Feature transform of a scorer, fitted on training rows only.

    A spec is one chain of steps, ``"log1p+standardize"``, or a list of chains, ``["piecewise", "log1p+standardize"]``,
    whose outputs stand side by side. ``piecewise`` and ``quantile`` take a number of bins: ``"piecewise:48"``.

    ===================== ============================================================== ===========
    step                  output                                                         NaN becomes
    ===================== ============================================================== ===========
    ``none``              the value                                                      0
    ``log1p``             sign(x) log(1 + abs(x))                                        0
    ``standardize``       (x - mean) / std, limited to 10 standard deviations            0, the mean
    ``minmax``            (x - min) / (max - min), limited to 0..1                       0
    ``quantile``          share of training rows below x, 0..1                           0.5
    ``piecewise``         24 numbers a feature, each how far x has come through a bin    0
    ``missing``           1 where a feature that was so in training is missing, or 0     1, or 0
    ``query_standardize`` (x - mean) / std over the documents of the query               0, the mean
    ``query_minmax``      (x - min) / (max - min) over the documents of the query        0
    ``query_rank``        rank in the query, the lowest 0, the highest 1, ties the mean  0.5
    ``query_share``       x / max abs(x) over the documents of the query                 0
    ``query_gap``         next higher value less x, as a share of the query's range      0
    ===================== ============================================================== ===========

    A missing value (NaN) passes through a chain and takes the value of its last step, so no NaN reaches the network.
    To ``piecewise`` it is in no bin, as the smallest value is; ``["piecewise", "missing"]`` gives it one of its own.
    Statistics leave NaN and infinite values out; an infinite value counts as a very large one. A feature that is
    constant in the training rows gives a constant.

    Args:
        spec: A chain, or several.
        n_inputs: Number of features.
        context: Steps within the query, as ``"z+rank"``, whose outputs follow those of the chains
            (:mod:`rankkit.transforms.context`).
        before: What puts more columns beside the features first, of which ``n_inputs`` counts all; None: nothing.

    Raises:
        ConfigError: If the spec names an unknown step.

    Example:
        >>> transform = Transform(["standardize", "minmax"], n_inputs=1)
        >>> transform.fit(torch.tensor([[1.0], [3.0]]), torch.tensor([0, 2]))
        >>> transform(torch.tensor([[1.0], [3.0], [torch.nan]]), torch.tensor([0, 3]))
        tensor([[-1.,  0.],
                [ 1.,  1.],
                [ 0.,  0.]])
    """

    fitted: Tensor

    def __init__(self, spec: Spec, n_inputs: int, context: str | None = None, before: nn.Module | None = None) -> None:
        super().__init__()
        self.before = before
        self.spec: str | list[str] = spec if isinstance(spec, str) else list(spec)
        self.context = context
        self.n_inputs = n_inputs
        chains = [self.spec] if isinstance(self.spec, str) else self.spec
        if not chains:
            raise ConfigError("transform: expected at least one chain of steps; got an empty list. Pass 'none'.")
        self.chains = nn.ModuleList(_parse(chain, n_inputs) for chain in [*chains, *context_steps(context)])
        self.n_outputs = sum(chain[-1].n_outputs for chain in self.steps())
        needs_fit = any(step.needs_fit for chain in self.steps() for step in chain)
        self.register_buffer("fitted", torch.tensor(not needs_fit))
        # Asking a CUDA buffer would wait for the device in every forward, so the answer is kept once it is yes.
        self._known_fitted = not needs_fit
        self.register_load_state_dict_post_hook(_forget_fitted)  # type: ignore[no-untyped-call]

    def steps(self) -> list[list[Step]]:
        """The steps of each chain."""
        return [[cast(Step, step) for step in cast(nn.ModuleList, chain)] for chain in self.chains]

    def fit(self, features: NDArray[np.floating] | Tensor, offsets: NDArray[np.int64] | Tensor) -> None:
        """Learn the statistics of every step from training rows.

        Rows are read in blocks and summed in float64, so ``features`` may be memory-mapped. Quantiles come from at
        most 200,000 rows, drawn with a fixed seed.

        Args:
            features: ``[doc, n_inputs]``.
            offsets: ``[query + 1]``.

        Raises:
            ShapeError: If the number of features is another.
            DataError: If there is no row.
        """
        self._check_width(features.shape)
        device = self.fitted.device
        bounds = (offsets.cpu().numpy() if isinstance(offsets, Tensor) else np.asarray(offsets)).astype(np.int64)
        if not len(features) or bounds[-1] != len(features):
            raise DataError(
                f"Transform.fit: expected training rows and offsets that end at their number; got {len(features)} rows "
                f"and offsets that end at {bounds[-1]}. Pass the features and offsets of one RankingDataset."
            )
        with torch.no_grad():
            for chain in self.steps():
                rows = TrainingRows(features, bounds, device)
                for step in chain:
                    if step.needs_fit:
                        step.fit(rows)
                    rows = rows.after(step)
        self.fitted.fill_(True)
        self._known_fitted = True

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, n_inputs]`` to ``[doc, n_outputs]``, without NaN; ``features`` is left as it is."""
        features = self.given(features)
        if tracing():
            return self._run(features, offsets)
        self.check(features)
        with phase("transform"):
            return self._run(features, offsets)

    def _run(self, features: Tensor, offsets: Tensor) -> Tensor:
        outputs = [run_steps(chain, features, offsets) for chain in self.steps()]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)

    def given(self, features: Tensor) -> Tensor:
        """What the chains take: the features, with what is put beside them."""
        return features if self.before is None else cast(Tensor, self.before(features))

    def check(self, features: Tensor) -> None:
        """Raise ShapeError for another number of features, ConfigError where nothing was learnt yet."""
        self._check_width(features.shape)
        self._check_fitted()

    def _check_width(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 2 or shape[1] != self.n_inputs:
            raise ShapeError(
                f"scorer: expected features [doc, {self.n_inputs}]; got {list(shape)}. "
                "Pass the features that the scorer was built for."
            )

    def _check_fitted(self) -> None:
        if not self._known_fitted:
            self._known_fitted = bool(self.fitted)
        if not self._known_fitted:
            raise ConfigError(
                f"scorer: expected a fitted transform; got {self.spec!r}, which has seen no training rows. "
                "Call rankkit.fit, or scorer.transform.fit(features, offsets)."
            )

    def output_names(self, names: Sequence[str]) -> list[str]:
        """One name an output, from one name a feature.

        >>> Transform(["none", "log1p+standardize"], n_inputs=1).output_names(["bm25"])
        ['bm25', 'standardize(log1p(bm25))']
        """
        outputs: list[str] = []
        for chain in self.steps():
            current = list(names)
            for step in chain:
                current = step.output_names(current)
            outputs += current
        return outputs

    def sources(self) -> list[int]:
        """The feature that each output comes from, read off the names of the outputs.

        Raises:
            ConfigError: If a step of one's own makes an output of several features.

        >>> Transform(["none", "piecewise:2"], n_inputs=2).sources()
        [0, 1, 0, 0, 1, 1]
        """
        found = []
        for name in self.output_names([f"<{feature}>" for feature in range(self.n_inputs)]):
            features = set(re.findall(r"<(\d+)>", name))
            if len(features) != 1:
                raise ConfigError(
                    f"transform: expected outputs that are each of one feature; got {name!r} of {self.spec!r}. "
                    "Choose another transform."
                )
            found.append(int(features.pop()))
        return found

    def extra_repr(self) -> str:
        """What print() shows."""
        beside = "" if self.context is None else f"context={self.context!r}, "
        return f"{self.spec!r}, {beside}n_inputs={self.n_inputs}, n_outputs={self.n_outputs}"


def within_no_query(spec: Spec) -> Spec:
    """The spec for features that are the same for all documents of a query, of which comparing these leaves nothing.

    >>> within_no_query(["log1p+query_standardize", "query_minmax"])
    ['log1p+standardize', 'minmax']
    """
    if isinstance(spec, str):
        return "+".join(_OVER_ALL.get(step.strip(), step) for step in spec.split("+"))
    return [cast(str, within_no_query(chain)) for chain in spec]


_OVER_ALL = {
    "query_standardize": "standardize",
    "query_minmax": "minmax",
    "query_rank": "quantile",
    "query_share": "minmax",
    "query_gap": "minmax",
}


def run_steps(chain: list[Step], features: Tensor, offsets: Tensor) -> Tensor:
    """What the steps of a chain make of features; a missing value takes that of the last step."""
    outputs = features
    for step in chain:
        outputs = step(outputs, offsets)
    missing = chain[-1].missing if chain else None
    return outputs if missing is None else outputs.nan_to_num(nan=missing)


def _forget_fitted(transform: Transform, incompatible_keys: object) -> None:
    transform._known_fitted = False


def _parse(chain: str, n_inputs: int) -> nn.ModuleList:
    steps = nn.ModuleList()
    for part in chain.split("+"):
        name, has_bins, bins = part.strip().partition(":")
        made = find("transform", name)
        if has_bins and (not _takes_bins(made) or not bins.isdecimal() or int(bins) < 1):
            raise ConfigError(
                f"transform: expected a step such as 'standardize' or 'piecewise:24'; got {part.strip()!r}. "
                f"Only {' and '.join(sorted(filter(_takes_bins_of, TRANSFORMS)))} take a number, of at least 1."
            )
        options = {"n_bins": int(bins)} if has_bins else {}
        steps.append(made(n_inputs, **options))
        n_inputs = cast(int, steps[-1].n_outputs)
    return steps


def _takes_bins(made: Callable[..., nn.Module]) -> bool:
    return "n_bins" in inspect.signature(made).parameters


def _takes_bins_of(name: str) -> bool:
    return _takes_bins(TRANSFORMS[name])
