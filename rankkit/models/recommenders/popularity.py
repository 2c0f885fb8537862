"""Popularity: the same list for everyone, which every other recommender has to beat."""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.log import Interactions
from rankkit.errors import ConfigError, DataError
from rankkit.models.recommenders.arrays import State, array_in
from rankkit.models.recommenders.checks import check_positive
from rankkit.models.recommenders.recommender import Recommender

Over = Literal["all", "recent", "decayed"]


class Popularity(Recommender):
    r"""Scores an item by the number of its events, of the whole log or mostly of late.

    .. math:: s_j = \sum_{e: j_e = j} w(T - t_e)

    with T the latest time of the log and w = 1 for ``"all"``, 1 within ``span`` of T and else 0 for ``"recent"``,
    2^{-(T - t) / span} for ``"decayed"``. Cold items score 0; any history is scored, and none of it is read.

    Args:
        over: Which events count.
        span: In the unit of times: the length of the window, or the half-life. None: a tenth of the time of the log.

    Example:
        >>> log = Interactions.from_events(list("aab"), list("xyx"), times=[1, 2, 3])
        >>> Popularity().learn(log).recommend(["a", "b"], 1).to_pandas()
          user item  score  rank
        0    b    y    1.0     1
    """

    def __init__(self, over: Over = "all", span: float | None = None) -> None:
        where = "Popularity"
        if over not in get_args(Over):
            known = ", ".join(map(repr, get_args(Over)))
            raise ConfigError(f"{where}: expected over to be one of {known}; got {over!r}. Pass one of them.")
        if span is not None:
            check_positive(where, span=span)
            if over == "all":
                raise ConfigError(f"{where}: expected no span with over='all'; got {span}. Leave it out.")
        self.over, self.span = over, span

    def _learn(self, train: Interactions, seed: int) -> None:
        if self.over == "all":
            self._popularity = train.item_counts.astype(np.float32)
            return
        if train.times is None:
            raise DataError(
                f"Popularity: expected a log with times for over={self.over!r}; got none. Read them with time=, or "
                "pass over='all'."
            )
        latest = int(train.times.max())
        ages = (latest - train.times).astype(np.float64)
        span = self.span if self.span is not None else max((latest - int(train.times.min())) / 10, 1.0)
        weights = (ages <= span).astype(np.float64) if self.over == "recent" else np.exp2(-ages / span)
        counted = np.bincount(train.items, weights=weights, minlength=train.n_items)
        self._popularity = counted.astype(np.float32)

    def _score(self, histories: Interactions) -> NDArray[np.float32]:
        return np.repeat(self._popularity[None], len(histories), axis=0)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"popularity": self._popularity}

    def _take(self, arrays: State) -> None:
        self._popularity = array_in("Popularity", arrays, "popularity", (self.log.n_items,))
