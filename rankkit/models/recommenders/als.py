"""ALS: implicit matrix factorisation by alternating least squares."""

from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rankkit.data.interactions.log import Interactions
from rankkit.errors import ConfigError, DataError
from rankkit.models.recommenders.arrays import State, array_in
from rankkit.models.recommenders.checks import check_count, check_from_zero, check_positive
from rankkit.models.recommenders.choosing import Grid
from rankkit.models.recommenders.recommender import Recommender

_N_STEPS = 3  # of conjugate gradients a row and iteration, as the paper on them finds enough
_N_STEPS_EXACT = 10  # a factor: conjugate gradients end after one each but for rounding
_EXACT = 1e-24  # of the square of the residual


class ALS(Recommender):
    r"""Factorises who met what: every pair counts, those with an event with more confidence.

    .. math::

        \min_{x, y} \sum_{u, i} c_{ui} (p_{ui} - x_u^T y_i)^2
        + \lambda \left( \sum_u \left(\frac{n_u}{\bar n}\right)^\nu \|x_u\|^2
        + \sum_i \left(\frac{n_i}{\bar n}\right)^\nu \|y_i\|^2 \right), \qquad c_{ui} = 1 + \alpha r_{ui}

    with n_u the items of a user and n_i the users of an item, each over its mean, p = 1 where the user met the item and
    else 0, and r = 1 there, or the value of the event. Rows are improved by three conjugate gradient steps an
    iteration. A history, known or new, is scored by solving for its x exactly; cold items score 0.

    Args:
        n_factors: Of each user and item.
        l2: lambda. None: of 10, 1 and 100 what is best on the validation data; without any 10.
        alpha: Of the confidence. What the package implicit calls alpha is 1 more, for events without values. None: of 1
            and 10 likewise; 1.
        n_iterations: How often users and items are solved for.
        l2_power: nu: 0 is the paper on implicit feedback, 1 weighs the ridge by the number of events, as ALS-WR does.
            None: of 0 and 1 what is best on the validation data; without any 0.
        weighted: Whether r is the value of the event (of repeats the last), which has to be 0 or more.

    References:
        Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008, equation 3; Takacs,
        Pilaszy, Tikk: Applications of the Conjugate Gradient Method for Implicit Feedback Collaborative Filtering,
        RecSys 2011; Zhou et al.: Large-scale Parallel Collaborative Filtering for the Netflix Prize, AAIM 2008.

    Example:
        >>> log = Interactions.from_events(list("aabbccd"), list("xyxyzwz"))
        >>> ALS(n_factors=2, l2=0.1).learn(log).recommend([["x"]], 1).items_of(0)
        ['y']
    """

    reads_values: ClassVar[bool] = True
    is_seeded: ClassVar[bool] = True

    def __init__(
        self,
        n_factors: int = 64,
        l2: float | None = None,
        alpha: float | None = None,
        n_iterations: int = 15,
        weighted: bool = False,
        l2_power: float | None = None,
    ) -> None:
        check_count("ALS", n_factors=n_factors, n_iterations=n_iterations)
        check_positive("ALS", or_none=True, l2=l2, alpha=alpha)
        check_from_zero("ALS", or_none=True, l2_power=l2_power)
        if not isinstance(weighted, bool):
            raise ConfigError(f"ALS: expected weighted as True or False; got {weighted!r}. Pass one of them.")
        self.n_factors, self.n_iterations, self.weighted = n_factors, n_iterations, weighted
        self.l2, self.alpha, self.l2_power = (cast("float", option) for option in (l2, alpha, l2_power))  # once learnt

    @property
    def grid(self) -> Grid:
        """Three by two by two."""
        return {"l2": (10.0, 1.0, 100.0), "alpha": (1.0, 10.0), "l2_power": (0.0, 1.0)}

    def _learn(self, train: Interactions, seed: int) -> None:
        from rankkit.models.recommenders import factor_kernels as kernels

        by_user = self._confidence(train)
        by_item = by_user.T.tocsr()
        random = np.random.default_rng(seed)
        counts = [np.diff(matrix.indptr) for matrix in (by_user, by_item)]
        self._mean = float(counts[0][counts[0] > 0].mean())
        ridges = [self._ridges(counts[0], self._mean), self._ridges(counts[1], float(counts[1][counts[1] > 0].mean()))]
        sides = [random.random((n, self.n_factors), np.float32) * 0.01 for n in by_user.shape]
        for _ in range(self.n_iterations):
            for matrix, ridge, solved, others in (
                (by_user, ridges[0], *sides),
                (by_item, ridges[1], *reversed(sides)),
            ):
                given = (matrix.indptr, matrix.indices, matrix.data, solved, others, others.T @ others)
                kernels.solve_rows(*given, ridge.astype(np.float32), _N_STEPS, 0.0, np.float32(1))
        self._factors = sides[1]

    def _confidence(self, log: Interactions) -> csr_array:
        """Alpha r ``[user, item]``."""
        matrix = log.matrix("values" if self.weighted else "binary")
        if self.weighted and matrix.nnz and matrix.data.min() < 0:
            raise DataError(
                f"ALS: expected values of 0 or more, as confidence (weighted=True); got {matrix.data.min():g}. Leave "
                "such events out with min_value=0, or pass weighted=False."
            )
        matrix.data *= np.float32(self.alpha)
        return matrix

    def _ridges(self, counts: NDArray[Any], mean: float) -> NDArray[np.float64]:
        """The ridge, lambda (n / mean)^nu; rows without events are not solved for."""
        return np.asarray(self.l2 * (np.maximum(counts, 1) / mean) ** self.l2_power, np.float64)

    @property
    def item_factors(self) -> NDArray[np.float32]:
        """Y ``[item, factor]``."""
        return self._factors

    def fold_in(self, histories: Interactions) -> NDArray[np.float32]:
        """X ``[user, factor]`` of histories on the items of the log, solved exactly."""
        from rankkit.models.recommenders import factor_kernels as kernels

        matrix = self._confidence(histories)
        factors = self._factors.astype(np.float64)
        gram, ridges = factors.T @ factors, self._ridges(np.diff(matrix.indptr), self._mean)
        solved = np.zeros((len(histories), self.n_factors))
        given = (matrix.indptr, matrix.indices, matrix.data.astype(np.float64), solved, factors, gram)
        kernels.solve_rows(*given, ridges, _N_STEPS_EXACT * self.n_factors, _EXACT, 1.0)
        return solved.astype(np.float32)

    def _score(self, histories: Interactions) -> NDArray[np.float32]:
        return np.asarray(self.fold_in(histories) @ self._factors.T)

    def _vectors_of_items(self) -> NDArray[np.float32]:
        return self._factors

    def _vectors_of(self, histories: Interactions) -> NDArray[np.float32]:
        return self.fold_in(histories)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"item_factors": self._factors, "mean_count": np.array([self._mean])}

    def _take(self, arrays: State) -> None:
        self._factors = array_in("ALS", arrays, "item_factors", (self.log.n_items, self.n_factors))
        self._mean = float(array_in("ALS", arrays, "mean_count", (1,), np.float64)[0])
