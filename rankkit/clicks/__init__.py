"""Clicks: models of how people click, logs of clicks made with them from labelled data, and their propensities.

A click log is a :class:`rankkit.RankingDataset` whose documents stand in the order in which they were shown and whose
labels are clicks, so that it trains, scores, slices and saves as any other data.
"""

from rankkit.clicks.expectation import propensities_by_em
from rankkit.clicks.log import relevance_probability, shown_lists, simulate_clicks
from rankkit.clicks.models import CascadeModel, ClickModel, DependentClickModel, PositionBasedModel
from rankkit.clicks.propensity import estimate_propensities, positions, propensity_weighted
from rankkit.clicks.swaps import Swaps, propensities_by_swaps, swap_first

__all__ = [
    "CascadeModel",
    "ClickModel",
    "DependentClickModel",
    "PositionBasedModel",
    "Swaps",
    "estimate_propensities",
    "positions",
    "propensities_by_em",
    "propensities_by_swaps",
    "propensity_weighted",
    "relevance_probability",
    "shown_lists",
    "simulate_clicks",
    "swap_first",
]
