"""Corruption: documents of which a share of the columns stands in for what those of others hold."""

import numpy as np
import torch
from torch import Tensor

from rankkit.data.ranking_dataset import RankingDataset, shared_tensor
from rankkit.errors import ConfigError
from rankkit.numbers import is_finite
from rankkit.randomness import generator_of

_MOST_ROWS = 100_000  # kept to draw from


class Corruption:
    """Replaces columns of documents by values that the same column has in rows of the training data, drawn at random.

    Each column of each document is replaced by itself, with the probability ``share``. The numbers of a column that
    takes several, as a vector or a bag, come from one row. Of large data the rows are a sample.

    Args:
        data: The training data.
        share: Above 0 and below 1.
        device: Where the documents will be.
        seed: Of the sample.

    Raises:
        ConfigError: If the share is out of range.

    References:
        Bahri, Jiang, Tay, Metzler, *SCARF*, ICLR 2022, section 3; each column by itself as in Yoon et al., *VIME*,
        NeurIPS 2020, section 4.1.
    """

    def __init__(self, data: RankingDataset, share: float, device: torch.device, *, seed: int) -> None:
        check_share(share)
        rows = data.features
        if len(rows) > _MOST_ROWS:
            rows = rows[np.sort(np.random.default_rng(seed).choice(len(rows), _MOST_ROWS, replace=False))]
        self.share = share
        self._rows = shared_tensor(rows).to(device)
        spans = [] if data.schema is None else list(data.schema.spans.values())
        widths = [span.stop - span.start for span in spans] or [1] * data.n_features
        self._columns = torch.arange(len(widths)).repeat_interleave(torch.tensor(widths)).to(device)
        self._n_columns = len(widths)

    def __call__(self, features: Tensor) -> Tensor:
        """``[doc, feature]`` to the same, with the random numbers of the run."""
        shape, device = (len(features), self._n_columns), features.device
        drawn = generator_of(device)
        replaced = torch.rand(shape, generator=drawn, device=device) < self.share
        sources = torch.randint(len(self._rows), shape, generator=drawn, device=device)
        others = self._rows.gather(0, sources[:, self._columns])
        return torch.where(replaced[:, self._columns], others, features)


def check_share(share: float) -> None:
    """Raise ConfigError unless it is a share of columns that can be replaced."""
    if not (is_finite(share) and 0 < share < 1):
        raise ConfigError(f"corruption: expected a number above 0 and below 1; got {share!r}. Choose such a number.")
