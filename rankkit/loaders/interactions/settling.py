"""What is decided about events once they stand in order: which count, and what is said about it."""

from dataclasses import dataclass, field
from typing import Literal

from rankkit.data.interactions.log import Interactions
from rankkit.errors import DataError

Duplicates = Literal["keep", "last", "first", "error"]


@dataclass
class Settling:
    """Leaves out events that do not count, of some users after the other, and counts what there is to say.

    Args:
        where: For messages.
        duplicates: As :func:`rankkit.read_interactions` has it.
        min_value: Likewise.
    """

    where: str
    duplicates: Duplicates | None = None
    min_value: float | None = None
    n_read: int = field(default=0, init=False)
    n_counted: int = field(default=0, init=False)  # of a value that is high enough
    n_repeats: int = field(default=0, init=False)
    n_kept: int = field(default=0, init=False)
    n_equal: int = field(default=0, init=False)
    n_users: int = field(default=0, init=False)
    n_empty: int = field(default=0, init=False)

    def settled(self, log: Interactions) -> Interactions:
        """The events of some users that count.

        Raises:
            DataError: If one repeats another (``duplicates="error"``), or there are no values for ``min_value``.
        """
        from rankkit.data.interactions import kernels

        self.n_read += log.n_events
        if self.min_value is not None:
            if log.values is None:
                raise DataError(
                    f"{self.where}: expected values, for min_value; got none. Name their column with value=."
                )
            log = log.keep(log.values >= self.min_value)
        self.n_counted += log.n_events
        repeats = log.repeats(from_the_last=self.duplicates == "last")
        n_repeats = int(repeats.sum())
        self.n_repeats += n_repeats
        if n_repeats and self.duplicates == "error":
            event = int(repeats.argmax())
            raise DataError(
                f"{self.where}: expected one event of a user with an item (duplicates='error'); got another of user "
                f"{log.user_ids[int(log.users[event])]} with item {log.item_ids[int(log.items[event])]} "
                f"({n_repeats:,} such events and more). Pass duplicates='keep', 'last' or 'first'."
            )
        if n_repeats and self.duplicates in ("last", "first"):
            log = log.keep(~repeats)
        self.n_kept += log.n_events
        self.n_equal += 0 if log.times is None else int(kernels.n_equal_times(log.offsets, log.times))
        self.n_users += log.n_users
        self.n_empty += int((log.sizes == 0).sum())
        return log

    def remarks(self) -> tuple[list[str], list[str]]:
        """What was decided, a line each; and those of these that no option had asked for."""
        remarks, unasked = [], []
        if self.min_value is not None:
            remarks.append(
                f"{self.n_read - self.n_counted:,} of {self.n_read:,} events have a value below {self.min_value:g}: "
                "left out."
            )
        counted = f"{self.n_repeats:,} of {self.n_counted:,} events repeat an item of their user:"
        if self.n_repeats and self.duplicates in ("last", "first"):
            remarks.append(f"{counted} the {self.duplicates} of each is kept.")
        elif self.n_repeats and self.duplicates is None:
            unasked.append(f"{counted} all are kept (duplicates='last' or 'first' keeps one of each).")
            remarks.append(unasked[-1])
        if self.n_equal:
            unasked.append(
                f"{self.n_equal:,} of {self.n_kept:,} events have the time of another event of their user: they stand "
                "in the order of the input."
            )
            remarks.append(unasked[-1])
        if self.n_empty and self.min_value is not None:
            remarks.append(f"{self.n_empty:,} of {self.n_users:,} users have no event left: they stay, without events.")
        return remarks, unasked
