"""Clicks: models of how people click, logs of clicks made with them from labelled data, and their propensities.

A click log is a :class:`rankkit.RankingDataset` whose documents stand in the order in which they were shown and whose
labels are clicks, so that it trains, scores, slices and saves as any other data.
"""

from rankkit.clicks.log import relevance_probability, shown_lists, simulate_clicks
from rankkit.clicks.models import CascadeModel, ClickModel, DependentClickModel, PositionBasedModel
from rankkit.clicks.propensity import estimate_propensities, positions, propensity_weighted

__all__ = [
    "CascadeModel",
    "ClickModel",
    "DependentClickModel",
    "PositionBasedModel",
    "estimate_propensities",
    "positions",
    "propensity_weighted",
    "relevance_probability",
    "shown_lists",
    "simulate_clicks",
]
