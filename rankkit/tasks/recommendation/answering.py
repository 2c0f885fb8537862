"""What the service answers of a recommender: POST /recommend."""

from typing import Any

import numpy as np

from rankkit.data.interactions import Interactions
from rankkit.errors import DataError
from rankkit.models.recommenders.recommender import Recommender

_MOST = 1000  # items of a list
_KEYS = ("user", "history", "k", "exclude", "within", "exclude_seen")


def recommend_body(model: Recommender, body: Any) -> dict[str, Any]:
    """``{"user": id}`` or ``{"history": [id, ...]}`` to ``{"items": [{"item": ..., "score": ..., "rank": ...}, ...]}``.

    Besides ``k`` (10), ``exclude`` and ``within``, lists of ids of items, and ``exclude_seen`` (true). ``answered_by``
    is ``"history"``, or ``"popularity"`` where the user is not known or no item of the history is; ``n_unknown_items``
    counts those of the history that were not learnt from.

    Raises:
        DataError: If the body is anything else.
    """
    if not isinstance(body, dict) or ("user" in body) == ("history" in body):
        raise DataError('body: expected {"user": id} or {"history": [ids]}; got something else. See /docs.')
    unknown = next((name for name in body if name not in _KEYS), None)
    if unknown is not None:
        raise DataError(f"body: expected keys of {', '.join(_KEYS)}; got another. Leave it out.")
    k, exclude_seen = body.get("k", 10), body.get("exclude_seen", True)
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= _MOST:
        raise DataError(f"body.k: expected a whole number from 1 to {_MOST}; got something else. Send one.")
    if not isinstance(exclude_seen, bool):
        raise DataError("body.exclude_seen: expected true or false; got something else. Send one of them.")
    choice: dict[str, Any] = {
        name: _ids(name, body[name]) for name in ("exclude", "within") if body.get(name) is not None
    }
    if "within" in choice and not choice["within"]:
        raise DataError("body.within: expected ids of items; got none. Leave it out for all items.")
    log, n_unknown = model.log, 0
    if "user" in body:
        place = int(log.user_positions(_ids("user", [body["user"]]))[0])
        history = log[place] if place >= 0 else _history(log, np.empty(0, np.int32))
    else:
        asked = _ids("history", body["history"])
        places = log.item_positions(asked) if asked else np.empty(0, np.int64)
        n_unknown = int((places < 0).sum())
        history = _history(log, places[places >= 0].astype(np.int32))
    found = model.lists_of(history, k, exclude_seen=exclude_seen, **choice)
    scores = found.scores[0][found.items[0] >= 0].tolist()
    items = [
        {"item": item, "score": score, "rank": rank}
        for rank, (item, score) in enumerate(zip(found.items_of(0), scores, strict=True), start=1)
    ]
    return {
        "items": items,
        "answered_by": "history" if history.n_events else "popularity",
        "n_unknown_items": n_unknown,
    }


def example_body(model: Recommender) -> dict[str, Any]:
    """A history of the first item."""
    return {"history": model.log.item_ids[:1].tolist(), "k": 5}


def _history(log: Interactions, items: Any) -> Interactions:
    """One user without a name, who met items in this order."""
    return Interactions(np.array([0, len(items)]), items, np.array([0]), log.item_ids)


def _ids(name: str, given: Any) -> list[Any]:
    """Ids, all whole numbers or all text.

    Raises:
        DataError: If they are anything else.
    """
    numbers = isinstance(given, list) and all(
        isinstance(one, int) and not isinstance(one, bool) and abs(one) < 2**63 for one in given
    )
    if not numbers and not (isinstance(given, list) and all(isinstance(one, str) for one in given)):
        raise DataError(f"body.{name}: expected ids, whole numbers or text; got something else. Send ids of the log.")
    return list(given)
