"""KeyTable: the numbers of one key, found by the values of its columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.data.columns.kinds import Category
from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError
from rankkit.models.priors.statistics import FORMS
from rankkit.transforms.tracing import tracing


class KeyTable(nn.Module):
    """The rows of one key, found by the values of its columns.

    Values of a column are numbered in their order; of several columns, pairs of a number so far and the next one are
    numbered in turn. What is found nowhere, is missing, or is of no vocabulary, has the last row.

    Attributes:
        key: The columns of the matrix.
        n_codes: Of each how many codes its vocabulary has; None of numbers.
    """

    rows: Tensor

    def __init__(self, key: Sequence[int], columns: Schema, sizes: Sequence[int] | None) -> None:
        super().__init__()
        self.key = list(key)
        owners = [column for column in columns.columns for _ in column.names]
        self.n_codes = [column.n_codes if isinstance(column := owners[place], Category) else None for place in self.key]
        n_of = dict(zip(self.arrays, [0] * len(self.arrays) if sizes is None else sizes, strict=True))
        for name, n in n_of.items():
            self.register_buffer(name, torch.zeros(n, dtype=torch.int64 if name.startswith("pairs") else torch.float32))
        self.register_buffer("rows", torch.zeros((0 if sizes is None else self.n_keys + 1), len(FORMS)))

    @property
    def arrays(self) -> list[str]:
        """The buffers in which is searched: the values of the first column, of the second one, their pairs, ..."""
        more = (name for level in range(1, len(self.key)) for name in (f"values_{level}", f"pairs_{level}"))
        return ["values_0", *more]

    @property
    def sizes(self) -> list[int]:
        """How long these are."""
        return [int(getattr(self, name).shape[0]) for name in self.arrays]

    @property
    def n_keys(self) -> int:
        """How many keys are remembered."""
        return self.sizes[-1]

    def learn(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """The keys of training documents, numbered: int64 ``[doc]``, -1 for none."""
        places = np.zeros(len(features), np.int64)
        for level, column in enumerate(self.key):
            values = np.asarray(features[:, column])
            known = self._is_value(level, torch.from_numpy(np.array(values))).numpy() & (places >= 0)
            distinct, numbers = np.unique(values[known], return_inverse=True)
            self._set(f"values_{level}", distinct)
            places[~known] = -1
            if level:
                codes = places[known] * len(distinct) + numbers
                pairs, numbers = np.unique(codes, return_inverse=True)
                self._set(f"pairs_{level}", pairs)
            places[known] = numbers
        return places

    def set_rows(self, rows: NDArray[np.float32]) -> None:
        """Take what is remembered: ``[key + 1, form]``."""
        self._set("rows", rows)

    def _set(self, name: str, values: NDArray[Any]) -> None:
        setattr(self, name, torch.from_numpy(values).to(self.rows.device))

    def forward(self, features: Tensor) -> Tensor:
        """``[doc, feature]`` to ``[doc, form]``."""
        if not self.rows.shape[0]:
            raise ConfigError("scorer: expected a prior that was learnt; got one without training. Call rankkit.fit.")
        places = torch.zeros(features.shape[0], dtype=torch.int64, device=features.device)
        known = torch.ones_like(places, dtype=torch.bool)
        for level, column in enumerate(self.key):
            values = features[:, column]
            numbers, found = _find(values, getattr(self, f"values_{level}"))
            known = known & found & self._is_value(level, values)
            if level:
                codes = places * getattr(self, f"values_{level}").shape[0] + numbers
                numbers, found = _find(codes, getattr(self, f"pairs_{level}"))
                known = known & found
            places = numbers
        return self.rows[torch.where(known, places, self.rows.shape[0] - 1)]

    def _is_value(self, level: int, values: Tensor) -> Tensor:
        """Whether each is there, and of the vocabulary."""
        n_codes = self.n_codes[level]
        return ~values.isnan() if n_codes is None else values < n_codes


def _find(values: Tensor, ordered: Tensor) -> tuple[Tensor, Tensor]:
    """Where values stand among others in order, and whether they do; compared one by one where a graph is traced."""
    if tracing():  # no target has a search
        same = values.unsqueeze(1) == ordered
        return same.int().argmax(dim=1), same.any(dim=1)
    places = torch.searchsorted(ordered, values.contiguous()).clamp(max=ordered.shape[0] - 1)
    return places, ordered[places] == values
