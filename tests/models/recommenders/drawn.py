"""Logs to learn from, and every recommender at options that learn something of small ones."""

import numpy as np

from rankkit.data.interactions import Interactions
from rankkit.models.recommenders import ALS, BPRMF, EASE, ItemKNN, Markov, Popularity

MODELS = {
    "popularity": lambda: Popularity(),
    "recent popularity": lambda: Popularity("recent"),
    "decayed popularity": lambda: Popularity("decayed", span=20),
    "cosine": lambda: ItemKNN("cosine", n_neighbours=8, shrinkage=1.0),
    "tf-idf": lambda: ItemKNN("tf_idf", n_neighbours=8),
    "bm25": lambda: ItemKNN("bm25", n_neighbours=8),
    "ease": lambda: EASE(l2=5.0),
    "ease in float64": lambda: EASE(l2=5.0, precision="float64"),
    "als": lambda: ALS(n_factors=5, l2=0.5),
    "weighted als": lambda: ALS(n_factors=5, l2=0.5, weighted=True),
    "als by events": lambda: ALS(n_factors=5, l2=0.5, l2_power=1.0),
    "bpr": lambda: BPRMF(n_factors=5, n_epochs=20),
    "bpr by popularity": lambda: BPRMF(n_factors=5, n_epochs=20, negatives="popularity"),
    "markov": lambda: Markov(n_lags=3, smoothing=2.0),
    "markov less popular": lambda: Markov(n_lags=2, decay=0.5, popularity=0.5),
}


def drawn_log(n_users=40, n_items=25, n_events=400, seed=0, text=False):
    """Events in two crowds of users and items, so that there is something to learn."""
    random = np.random.default_rng(seed)
    users = random.integers(0, n_users, n_events)
    crowd = users % 2
    items = np.minimum(random.geometric(0.15, n_events) - 1, n_items // 2 - 1) + crowd * (n_items // 2)
    columns = ([f"u{user}" for user in users], [f"i{item}" for item in items]) if text else (users, items)
    return Interactions.from_events(
        *columns, times=random.integers(0, 200, n_events), values=random.integers(1, 6, n_events)
    )
