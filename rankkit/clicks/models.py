"""Click models: with what probability a person who sees a list clicks which of its documents.

All take the attraction of each document, the probability that it is clicked once it is looked at, as an array
``[..., position]`` in shown order; places behind the end of a list have the attraction 0, so that they are never
clicked. Any number of lists and sessions is drawn at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rankkit.errors import ConfigError, DataError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class ClickModel(Protocol):
    """What :func:`rankkit.simulate_clicks` needs of a model of clicks."""

    def click_probabilities(self, attraction: ArrayLike) -> Floats:
        """The probability of a click on each document ``[..., position]``, whatever else is clicked."""

    def sample(self, attraction: ArrayLike, rng: np.random.Generator) -> Bools:
        """The clicks of one session for each list ``[..., position]``."""


@dataclass(frozen=True)
class PositionBasedModel:
    r"""Position-based model (PBM): a document is clicked if its position is looked at and the document attracts.

    .. math::
        P(C_r = 1) = \theta_r \, \gamma_r, \qquad \theta_r = \rho_r^{\eta}, \qquad \rho_r = 1 / r
        \text{ unless given}

    Whether a position is looked at depends on nothing but the position, and is drawn for each by itself.

    Args:
        eta: Strength of the position bias, at least 0: 0 is none, 1 the usual choice.
        examination: The curve :math:`\rho` from the first position on, each above 0 and at most 1, for instance of
            eye tracking; None: 1 / r for lists of any size.

    Raises:
        ConfigError: If an option cannot work.

    Example:
        The third position is looked at in a third of the sessions.

        >>> model = PositionBasedModel(eta=1.0)
        >>> model.click_probabilities([0.5, 0.5, 0.9]).round(4)
        array([0.5 , 0.25, 0.3 ])

    References:
        Richardson, Dominowska, Ragno, "Predicting Clicks: Estimating the Click-Through Rate for New Ads", WWW 2007
        (examination hypothesis); Joachims, Swaminathan, Schnabel, "Unbiased Learning-to-Rank with Biased Feedback",
        WSDM 2017 (the position-based propensity model and :math:`(1/r)^\eta`); Ai, Bi, Luo, Guo, Croft, "Unbiased
        Learning to Rank with Unbiased Propensity Estimation", SIGIR 2018 (:math:`\rho_r^\eta` with measured
        :math:`\rho`).
    """

    eta: float = 1.0
    examination: Sequence[float] | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.eta) and self.eta >= 0):
            raise ConfigError(
                f"PositionBasedModel: expected eta of at least 0; got {self.eta!r}. Pass a finite number of at least 0."
            )
        curve = None if self.examination is None else np.asarray(self.examination, np.float64)
        if curve is not None and not (curve.ndim == 1 and len(curve) and ((curve > 0) & (curve <= 1)).all()):
            raise ConfigError(
                "PositionBasedModel: expected examination as probabilities above 0 and at most 1, one a position; "
                f"got {self.examination!r}. Leave out positions that nobody looks at."
            )

    def propensities(self, n_positions: int) -> Floats:
        """The probability that each position, from the first on, is looked at: ``[position]``.

        Raises:
            ConfigError: If the curve given as ``examination`` is shorter.
        """
        if self.examination is None:
            curve = 1 / np.arange(1, n_positions + 1)
        elif len(self.examination) >= n_positions:
            curve = np.asarray(self.examination, np.float64)[:n_positions]
        else:
            raise ConfigError(
                f"PositionBasedModel: expected lists of at most {len(self.examination)} documents, the positions of "
                f"examination; got {n_positions}. Cut the lists with shown_lists(..., top_k=), or pass a longer curve."
            )
        return np.asarray(curve**self.eta, np.float64)

    def click_probabilities(self, attraction: ArrayLike) -> Floats:
        """The probability of a click on each document ``[..., position]``."""
        attraction = _probabilities("PositionBasedModel", attraction)
        return attraction * self.propensities(attraction.shape[-1])

    def sample(self, attraction: ArrayLike, rng: np.random.Generator) -> Bools:
        """The clicks of one session for each list ``[..., position]``."""
        chances = self.click_probabilities(attraction)
        return rng.random(chances.shape) < chances


@dataclass(frozen=True)
class CascadeModel:
    r"""Cascade model: documents are looked at from the first on, up to the first click.

    .. math::
        P(C_r = 1) = \gamma_r \prod_{i < r} (1 - \gamma_i)

    A session has one click at most. Whether a position is looked at depends on the documents above it, so there are no
    propensities by position.

    Example:
        >>> CascadeModel().click_probabilities([0.5, 0.5, 0.9])
        array([0.5  , 0.25 , 0.225])

    References:
        Craswell, Zoeter, Taylor, Ramsey, "An Experimental Comparison of Click Position-Bias Models", WSDM 2008
        (cascade model).
    """

    def click_probabilities(self, attraction: ArrayLike) -> Floats:
        """The probability of a click on each document ``[..., position]``."""
        return _scan_probabilities(_probabilities("CascadeModel", attraction), 0.0)

    def sample(self, attraction: ArrayLike, rng: np.random.Generator) -> Bools:
        """The clicks of one session for each list ``[..., position]``."""
        return _scan(_probabilities("CascadeModel", attraction), 0.0, rng)


@dataclass(frozen=True)
class DependentClickModel:
    r"""Dependent click model (DCM): a cascade that a click at position r ends with probability 1 - lambda_r.

    .. math::
        P(C_r = 1) = \gamma_r \prod_{i < r} \left(1 - \gamma_i (1 - \lambda_i)\right)

    Without a click the next document is always looked at.

    Args:
        continuation: :math:`\lambda`, the probability of going on after a click, from 0 (the cascade model) to 1 (all
            documents are looked at): one number, or one a position.

    Raises:
        ConfigError: If it is no probability.

    Example:
        The second document is reached unless the first is clicked (.5) and the search ends there (.5).

        >>> DependentClickModel(continuation=0.5).click_probabilities([0.5, 0.5, 0.9])
        array([0.5    , 0.375  , 0.50625])

    References:
        Guo, Liu, Wang, "Efficient Multiple-Click Models in Web Search", WSDM 2009 (the dependent click model).
    """

    continuation: float | Sequence[float] = 0.5

    def __post_init__(self) -> None:
        values = np.asarray(self.continuation, np.float64)
        if values.ndim > 1 or not ((values >= 0) & (values <= 1)).all():
            raise ConfigError(
                "DependentClickModel: expected continuation as a probability from 0 to 1, or one a position; "
                f"got {self.continuation!r}. Pass numbers from 0 to 1."
            )

    def click_probabilities(self, attraction: ArrayLike) -> Floats:
        """The probability of a click on each document ``[..., position]``."""
        attraction = _probabilities("DependentClickModel", attraction)
        return _scan_probabilities(attraction, self._continuation(attraction.shape[-1]))

    def sample(self, attraction: ArrayLike, rng: np.random.Generator) -> Bools:
        """The clicks of one session for each list ``[..., position]``."""
        attraction = _probabilities("DependentClickModel", attraction)
        return _scan(attraction, self._continuation(attraction.shape[-1]), rng)

    def _continuation(self, n_positions: int) -> Floats:
        values = np.asarray(self.continuation, np.float64)
        if values.ndim == 0:
            return np.full(n_positions, values)
        if len(values) < n_positions:
            raise ConfigError(
                f"DependentClickModel: expected lists of at most {len(values)} documents, the positions of "
                f"continuation; got {n_positions}. Cut the lists with shown_lists(..., top_k=), or pass more numbers."
            )
        return values[:n_positions]


def _scan_probabilities(attraction: Floats, continuation: Floats | float) -> Floats:
    going_on = np.cumprod(1 - attraction * (1 - continuation), axis=-1)
    reached = np.concatenate([np.ones_like(attraction[..., :1]), going_on[..., :-1]], axis=-1)
    return np.asarray(attraction * reached[..., : attraction.shape[-1]])


def _scan(attraction: Floats, continuation: Floats | float, rng: np.random.Generator) -> Bools:
    """Draw for every position as if it were looked at, then drop what comes after the end of the session."""
    clicks = rng.random(attraction.shape) < attraction
    ends = clicks & (rng.random(attraction.shape) >= continuation)
    ended_before = ends.cumsum(axis=-1) - ends > 0
    return np.asarray(clicks & ~ended_before)


def _probabilities(where: str, attraction: ArrayLike) -> Floats:
    values = np.asarray(attraction, np.float64)
    if values.ndim == 0 or not ((values >= 0) & (values <= 1)).all():
        raise DataError(
            f"{where}: expected the attraction of documents as probabilities [..., position]; got "
            f"{values.dtype} {list(values.shape)} with values outside 0 to 1, or no axis. "
            "rankkit.relevance_probability makes them from labels."
        )
    return values
