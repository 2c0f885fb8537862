"""Recommenders: each learns from a log, scores every item for a history, and lists the best."""

from rankkit.models.recommenders.als import ALS as ALS
from rankkit.models.recommenders.bpr import BPRMF as BPRMF
from rankkit.models.recommenders.ease import EASE as EASE
from rankkit.models.recommenders.item_knn import ItemKNN as ItemKNN
from rankkit.models.recommenders.markov import Markov as Markov
from rankkit.models.recommenders.popularity import Popularity as Popularity
from rankkit.models.recommenders.recommender import Recommender as Recommender
