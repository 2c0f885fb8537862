"""Who is asked about, which items are to be found, and which are candidates, by the rules of a protocol."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.log import Interactions
from rankkit.data.interactions.splits import Split
from rankkit.errors import DataError
from rankkit.evaluation.protocol import Protocol
from rankkit.models.recommenders.blocks import mask_block
from rankkit.models.recommenders.histories import item_choice

_SEEN = {
    "left_out": "items of a user's history are no candidates.",
    "missed": "items of a user's history are no candidates, and are missed where they are held out.",
    "candidates": "items of a user's history are no candidates unless they are held out.",
}


@dataclass(frozen=True)
class ToFind:
    """What is asked of a recommender: rows are the users of the split who have a held-out event.

    Args:
        history: Of each user.
        targets: The different items that are to be found for each.
        masked: Items of each user that are no candidates, or None.
        without: ``[item]``, True for those that are candidates for nobody.
        remarks: What was decided, a line each.
    """

    history: Interactions
    targets: Interactions
    masked: Interactions | None
    without: NDArray[np.bool_]
    remarks: tuple[str, ...]

    def mask(self, block: NDArray[np.float32], rows: slice) -> NDArray[np.float32]:
        """Write -inf into a block of scores of these rows where items are no candidates; in place."""
        return mask_block(
            block, None if self.masked is None else self.masked[rows], self.without if self.without.any() else None
        )


def to_find(where: str, split: Split, rules: Protocol, *, exclude_seen: bool, within: Any | None) -> ToFind:
    """What a split asks by these rules.

    Raises:
        DataError: If no user has anything to be found.
    """
    remarks = []
    history, targets = split.history, split.targets
    again = targets.repeats()
    if again.any():
        remarks.append(f"{int(again.sum()):,} held-out events repeat another of their user: each item counts once.")
        targets = targets.keep(~again)
    known = held_in(history, targets)
    masked = history if exclude_seen else None
    if exclude_seen and known.any():
        fate = {
            "left_out": "whose items are no candidates: they are not counted.",
            "missed": "whose items are no candidates: they are missed.",
            "candidates": "and are candidates all the same.",
        }[rules.seen_targets]
        remarks.append(
            f"{int(known.sum()):,} of {targets.n_events:,} held-out items are in the history of their user, {fate}"
        )
        if rules.seen_targets == "left_out":
            targets = targets.keep(~known)
        elif rules.seen_targets == "candidates":
            masked = history.keep(~held_in(targets, history))
    without = np.ones(history.n_items, np.bool_)
    if within is not None:
        without[item_choice(where, history, within)] = False
        remarks_of_items = f"candidates: {int((~without).sum()):,} of {len(without):,} items (within=)."
    else:
        without[:] = False
        remarks_of_items = f"candidates: all {len(without):,} items of the log."
    if rules.known_only:
        targets, remark = _known_only(split, targets)
        without |= split.is_cold_item
        remarks += remark
        remarks_of_items = f"candidates: the {int((~without).sum()):,} items with an event before."
    if exclude_seen:
        remarks.append(f"seen filter: {_SEEN[rules.seen_targets]}")
    if not targets.n_events:
        raise DataError(
            f"{where}: expected users with items to be found; got none ({split.rule}). Take another split, or pass "
            "exclude_seen=False."
        )
    n_cold = int(split.is_cold_user[split.users].sum())
    if n_cold and not rules.known_only:
        remarks.append(f"{n_cold:,} of {len(split.users):,} users have no history: they get the most popular items.")
    return ToFind(
        history.select(split.users),
        targets.select(split.users),
        None if masked is None else masked.select(split.users),
        without,
        (*remarks, remarks_of_items),
    )


def held_in(log: Interactions, asked: Interactions) -> NDArray[np.bool_]:
    """``[event asked about]``: True where the log has the item for the same user."""
    from rankkit.retrieval import kernels

    found = np.empty(asked.n_events, np.bool_)
    kernels.held_in(log.offsets, log.items, asked.offsets, asked.items, log.n_items, found)
    return found


def _known_only(split: Split, targets: Interactions) -> tuple[Interactions, list[str]]:
    of_known = ~split.is_cold_user[targets.users] & ~split.is_cold_item[targets.items]
    n_users, n_left_out = int(split.is_cold_user[split.users].sum()), int((~of_known).sum())
    if not n_left_out:
        return targets, []
    remark = (
        f"{n_left_out:,} of {targets.n_events:,} held-out items are left out: {n_users:,} users, or the item, have no "
        "event before."
    )
    return targets.keep(of_known), [remark]
