"""Further events for a recommender that has learnt: the options stay as they were chosen."""

from typing import Any

import numpy as np

from rankkit.data.interactions import Interactions
from rankkit.data.interactions.joining import on_shared_ids
from rankkit.errors import DataError
from rankkit.models.recommenders import EASE


def update(model: Any, new: Interactions, *, seed: int = 0) -> str:
    """Let a recommender learn the events of its log and new ones, in place.

    EASE takes new events on items that it knows without solving again; else all events are learnt from at once, with
    the options as they stand. What is in both logs counts twice.

    Args:
        model: A recommender that has learnt.
        new: Events that came since.
        seed: Of what is drawn at random.

    Returns:
        How it was done, in words.

    Raises:
        DataError: If there are no new events, or only one of the logs has times or values.
    """
    if not new.n_events:
        raise DataError("update: expected new events; got none. Check the log.")
    knows_all = not (model.log.item_positions(new.item_ids[np.flatnonzero(new.item_counts)]) < 0).any()
    if isinstance(model, EASE) and knows_all:
        model.update(new)
        return "without solving again"
    whole, _ = on_shared_ids([model.log, new])
    model.learn_again(whole, seed=seed)
    return "from all events at once"
