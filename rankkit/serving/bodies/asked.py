"""Asked: what a body asks, once it is read."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Id = str | int
Kind = Literal["rank", "score"]


@dataclass(frozen=True, eq=False)
class Asked:
    """What a body asks.

    Args:
        features: float32 ``[doc, feature]``; NaN is a missing value.
        list_sizes: Documents of each query.
        query_ids: One a query.
        ids: One a document; None where the scores of queries are asked.
        k: How many documents are to come back; None: all.
        n_left_out: Features that the documents name and the ranker does not know.
    """

    features: NDArray[np.float32]
    list_sizes: list[int]
    query_ids: list[Id | None]
    ids: list[Id] | None = None
    k: int | None = None
    n_left_out: int = 0
