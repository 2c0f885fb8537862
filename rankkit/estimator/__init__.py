"""The scikit-learn face: :class:`Ranker`."""

from rankkit.estimator.ranker import Ranker

__all__ = ["Ranker"]
