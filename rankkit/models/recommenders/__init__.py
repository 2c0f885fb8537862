"""Recommenders: each learns from a log, scores every item for a history, and lists the best."""

from rankkit.models.recommenders.ease import EASE as EASE
from rankkit.models.recommenders.markov import Markov as Markov
from rankkit.models.recommenders.popularity import Popularity as Popularity
from rankkit.models.recommenders.recommender import Recommender as Recommender
