"""audit_split(): what the numbers of a split can mean, before any is taken."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.log import Interactions
from rankkit.data.interactions.splits import Split, Splits
from rankkit.errors import DataError


@dataclass(frozen=True, repr=False)
class SplitAudit:
    """What :func:`rankkit.audit_split` returns; printing it gives a line a finding.

    Args:
        rule: How the log was split.
        n_train: Events before the validation part.
        n_valid: Events to choose by.
        n_test: Events to report.
        n_users: Users with a test event.
        later_share: The mean over these users of the share of the events before the part (of everyone) that are later
            than the user's first test event; None without times.
        n_leaking_users: Users of whom an event of their own history is later than their first test event; None without
            times.
        n_cold_users: Tested users without an event before.
        n_cold_events: Test events whose item has no event before.
        n_tied_users: Users whose last event before and first test event have one time, so that the order of the input
            decides what is tested; None without times.
        n_known: Test events whose item the user has before: no list that leaves out what was seen can hold it.
        n_items: Items in the log.
        n_cold_items: Items without an event before.
    """

    rule: str
    n_train: int
    n_valid: int
    n_test: int
    n_users: int
    later_share: float | None
    n_leaking_users: int | None
    n_cold_users: int
    n_cold_events: int
    n_tied_users: int | None
    n_known: int
    n_items: int
    n_cold_items: int

    def to_dict(self) -> dict[str, Any]:
        """The fields, of plain types."""
        return asdict(self)

    def __repr__(self) -> str:
        later = "no times" if self.later_share is None else f"{self.later_share:.1%} later"
        return f"SplitAudit({self.n_test:,} test events of {self.n_users:,} users, {later})"

    def __str__(self) -> str:
        lines = [
            f"rule: {self.rule}",
            f"events: {self.n_train:,} train, {self.n_valid:,} valid, {self.n_test:,} test of {self.n_users:,} users",
        ]
        if self.later_share is None:
            lines.append("later events: not known, the log has no times; ties: the order of the input")
        else:
            lines += [
                f"later events: for a tested user {self.later_share:.1%} of what is learnt from, on average, is later "
                "than the first test event" + ("" if self.later_share else ": nothing is learnt from the future"),
                f"own later events: {self.n_leaking_users:,} of {self.n_users:,} users have events after their first "
                "test event in their history",
                f"ties in time: for {self.n_tied_users:,} of {self.n_users:,} users the order of the input decides "
                "which event is tested",
            ]
        lines += [
            f"cold: {self.n_cold_users:,} of {self.n_users:,} users have no event before, {self.n_cold_events:,} of "
            f"{self.n_test:,} test events are of items without one",
            f"candidates: all {self.n_items:,} items of the log, {self.n_cold_items:,} of them without an event before",
            f"seen filter: {self.n_known:,} of {self.n_test:,} test events repeat an item of the user's history, which "
            "no list holds",
        ]
        return "\n".join(lines)


def audit_split(splits: Splits) -> SplitAudit:
    """Say what a split means: how much of the future is learnt from, what is cold, what ties decide.

    Args:
        splits: Of :func:`rankkit.split_interactions`.

    Raises:
        DataError: If these are no splits.

    Example:
        >>> from rankkit.data.interactions.splits import split_interactions
        >>> log = Interactions.from_events(list("aaabbb"), list("uvwwvu"), times=range(6))
        >>> print(audit_split(split_interactions(log, "leave_last")))
        rule: the last event of each user is test, the one before valid
        events: 2 train, 2 valid, 2 test of 2 users
        later events: for a tested user 25.0% of what is learnt from, on average, is later than the first test event
        own later events: 0 of 2 users have events after their first test event in their history
        ties in time: for 0 of 2 users the order of the input decides which event is tested
        cold: 0 of 2 users have no event before, 0 of 2 test events are of items without one
        candidates: all 3 items of the log, 0 of them without an event before
        seen filter: 0 of 2 test events repeat an item of the user's history, which no list holds
    """
    if not isinstance(splits, Splits):
        raise DataError(
            f"audit_split: expected Splits; got {type(splits).__name__}. Pass what rankkit.split_interactions gives."
        )
    test = splits.test
    history, targets = test.history, test.targets
    later_share, n_leaking, n_tied = _in_time(test)
    return SplitAudit(
        rule=splits.rule,
        n_train=splits.train.n_events,
        n_valid=0 if splits.valid is None else splits.valid.targets.n_events,
        n_test=targets.n_events,
        n_users=len(test.users),
        later_share=later_share,
        n_leaking_users=n_leaking,
        n_cold_users=int(test.is_cold_user[test.users].sum()),
        n_cold_events=int(test.is_cold_item[targets.items].sum()),
        n_tied_users=n_tied,
        n_known=int(known_targets(history, targets).sum()),
        n_items=history.n_items,
        n_cold_items=int(test.is_cold_item.sum()),
    )


def known_targets(history: Interactions, targets: Interactions) -> NDArray[np.bool_]:
    """``[target event]``: True where the user has the item in the history."""
    before = np.unique(history.users.astype(np.int64) * history.n_items + history.items)
    asked = targets.users.astype(np.int64) * history.n_items + targets.items
    if not len(before):
        return np.zeros(len(asked), np.bool_)
    places = np.minimum(np.searchsorted(before, asked), len(before) - 1)
    return np.asarray(before[places] == asked)


def _in_time(test: Split) -> tuple[float | None, int | None, int | None]:
    history, targets = test.history, test.targets
    if history.times is None or targets.times is None:
        return None, None, None
    first_tested = targets.times[targets.offsets[test.users]]
    all_times = np.sort(history.times)
    n_later = len(all_times) - np.searchsorted(all_times, first_tested, side="right")
    warm = ~test.is_cold_user[test.users]
    last_before = history.times[history.offsets[test.users + 1][warm] - 1]
    return (
        float(n_later.mean() / max(len(all_times), 1)),
        int((last_before > first_tested[warm]).sum()),
        int((last_before == first_tested[warm]).sum()),
    )
