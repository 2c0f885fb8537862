"""BPRMF: matrix factorisation that orders items a user met before those not met."""

from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.log import Interactions
from rankkit.errors import ConfigError, TrainingError
from rankkit.models.recommenders.arrays import State, array_in
from rankkit.models.recommenders.blocks import is_own_history
from rankkit.models.recommenders.checks import check_count, check_from_zero, check_positive
from rankkit.models.recommenders.recommender import Recommender

Negatives = Literal["uniform", "popularity"]

_FOLD_IN_EPOCHS = 50


class BPRMF(Recommender):
    r"""Learns by steps on triples of a user, an item it met and one it did not.

    .. math::

        \max \sum_{(u, i, j)} \ln \sigma(\hat x_{ui} - \hat x_{uj})
        - \frac{\lambda}{2} \|\Theta\|^2, \qquad \hat x_{ui} = b_i + x_u^T y_i

    An epoch has as many steps as events; triples whose j was met are passed over. A history that is not that of a user
    of the log is scored by the same steps on its x alone, with random numbers that depend on nothing but the seed; cold
    items score about 0.

    Args:
        n_factors: Of each user and item.
        rate: Of learning.
        l2: lambda, for users, items and biases.
        n_epochs: How many.
        negatives: j is any item with the same chance, as in the paper, or as often as it has events.

    References:
        Rendle et al.: BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009, figure 4.

    Example:
        >>> log = Interactions.from_events(list("aabbccddeef"), list("xyxyxyzwzwz"))
        >>> BPRMF(n_factors=4, n_epochs=200).learn(log).recommend(["f"], 1).items_of(0)
        ['w']
    """

    is_seeded: ClassVar[bool] = True

    def __init__(
        self,
        n_factors: int = 64,
        rate: float = 0.05,
        l2: float = 0.01,
        n_epochs: int = 50,
        negatives: Negatives = "uniform",
    ) -> None:
        check_count("BPRMF", n_factors=n_factors, n_epochs=n_epochs)
        check_positive("BPRMF", rate=rate)
        check_from_zero("BPRMF", l2=l2)
        if negatives not in get_args(Negatives):
            known = ", ".join(map(repr, get_args(Negatives)))
            raise ConfigError(f"BPRMF: expected negatives to be one of {known}; got {negatives!r}. Pass one of them.")
        self.n_factors, self.rate, self.l2, self.n_epochs, self.negatives = n_factors, rate, l2, n_epochs, negatives

    def _learn(self, train: Interactions, seed: int) -> None:
        from rankkit.models.recommenders import factor_kernels as kernels

        matrix = train.matrix()
        matrix.sort_indices()
        users = np.repeat(np.arange(train.n_users, dtype=np.int32), np.diff(matrix.indptr))
        random = np.random.default_rng(seed)
        scale = 1 / self.n_factors
        factors = ((random.random((train.n_users, self.n_factors), np.float32) - 0.5) * scale).astype(np.float32)
        items = ((random.random((train.n_items, self.n_factors), np.float32) - 0.5) * scale).astype(np.float32)
        # What was never met is drawn for no one.
        items[train.item_counts == 0] = 0.0
        biases = np.zeros(train.n_items, np.float32)
        state = random.integers(0, 2**63, 1).astype(np.uint64)
        step = (np.float32(self.rate), np.float32(self.l2), state)
        for _ in range(self.n_epochs):
            kernels.pair_epoch(
                matrix.indptr, users, matrix.indices, self._drawn_from(train), factors, items, biases, *step
            )
        if not (np.isfinite(factors).all() and np.isfinite(items).all()):
            raise TrainingError(f"BPRMF: expected finite factors; got others with rate={self.rate:g}. Lower the rate.")
        self._users, self._items, self._biases, self._seed = factors, items, biases, seed

    def _drawn_from(self, log: Interactions) -> NDArray[np.int32]:
        return log.items if self.negatives == "popularity" else np.flatnonzero(log.item_counts).astype(np.int32)

    def _score(self, histories: Interactions) -> NDArray[np.float32]:
        return np.asarray(self._factors_of(histories) @ self._items.T + self._biases)

    def _vectors_of_items(self) -> NDArray[np.float32]:
        return np.column_stack([self._items, self._biases])

    def _vectors_of(self, histories: Interactions) -> NDArray[np.float32]:
        return np.column_stack([self._factors_of(histories), np.ones(len(histories), np.float32)])

    def _factors_of(self, histories: Interactions) -> NDArray[np.float32]:
        """X ``[user, factor]``: as learnt for histories of the log, by steps for others."""
        from rankkit.models.recommenders import factor_kernels as kernels

        own = is_own_history(self.log, histories)
        factors = np.zeros((len(histories), self.n_factors), np.float32)
        factors[own >= 0] = self._users[own[own >= 0]]
        if (own < 0).any():
            matrix = histories.select(own < 0).matrix()
            matrix.sort_indices()
            folded = np.zeros((matrix.shape[0], self.n_factors), np.float32)
            given = (self._drawn_from(self.log), folded, self._items, self._biases)
            step = (np.float32(self.rate), np.float32(self.l2), _FOLD_IN_EPOCHS, self._seed)
            kernels.pair_fold_in(matrix.indptr, matrix.indices, *given, *step)
            factors[own < 0] = folded
        return factors

    def _arrays(self) -> dict[str, NDArray[Any]]:
        held = {"user_factors": self._users, "item_factors": self._items, "biases": self._biases}
        return {**held, "seed": np.array([self._seed], np.int64)}

    def _take(self, arrays: State) -> None:
        n_users, n_items = self.log.n_users, self.log.n_items
        self._users, self._items, self._biases = (
            array_in("BPRMF", arrays, name, shape)
            for name, shape in (
                ("user_factors", (n_users, self.n_factors)),
                ("item_factors", (n_items, self.n_factors)),
                ("biases", (n_items,)),
            )
        )
        self._seed = int(array_in("BPRMF", arrays, "seed", (1,), np.int64)[0])
