"""split_interactions(): what is learnt from, and what is held out to be found, in the order of time."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.joining import on_shared_ids
from rankkit.data.interactions.log import Interactions
from rankkit.errors import ConfigError, DataError, check_given
from rankkit.numbers import is_finite

By = Literal["time", "leave_last", "ratio", "given"]
Order = Literal["time", "random"]


@dataclass(frozen=True, repr=False, eq=False)
class Split:
    """One part that is held out: what each user did before, and what is to be found.

    Both logs have the users and items of the whole log, in its order, so positions mean the same everywhere.

    Args:
        name: ``"valid"`` or ``"test"``.
        history: Every event before the part: what may be learnt from, and what scores are computed from.
        targets: The events of the part; a user without any is not asked about.
        rule: How the log was split, in one line.
    """

    name: str
    history: Interactions
    targets: Interactions
    rule: str

    @cached_property
    def users(self) -> NDArray[np.int64]:
        """int64 ``[asked user]``: the positions of users with a target."""
        return np.flatnonzero(self.targets.sizes)

    @cached_property
    def is_cold_user(self) -> NDArray[np.bool_]:
        """``[user]``: True without an event in the history."""
        return np.asarray(self.history.sizes == 0)

    @cached_property
    def is_cold_item(self) -> NDArray[np.bool_]:
        """``[item]``: True without an event in the history, so that nothing was learnt of it."""
        return np.asarray(self.history.item_counts == 0)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal digest of history, targets and rule: equal for equal splits of equal logs."""
        parts = f"{self.history.fingerprint} {self.targets.fingerprint} {self.rule}"
        return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()

    def __repr__(self) -> str:
        return (
            f"Split({self.name}: {self.targets.n_events:,} events of {len(self.users):,} users to be found, "
            f"{self.history.n_events:,} before; {self.rule})"
        )


@dataclass(frozen=True, repr=False, eq=False)
class Splits:
    """What :func:`rankkit.split_interactions` returns: ``train, valid, test = splits``.

    Args:
        train: What to learn from while options are chosen on ``valid``; ``test.history`` holds ``valid`` too.
        valid: To choose by, or None.
        test: To report.
        rule: How the log was split, in one line.
        remarks: What was decided, a line each.
        parts: int8 ``[event of the whole log]``: 0 in train, 1 in valid, 2 in test, -1 in none.
    """

    train: Interactions
    valid: Split | None
    test: Split
    rule: str
    remarks: tuple[str, ...] = ()
    parts: NDArray[np.int8] | None = None

    def __iter__(self) -> Iterator[Interactions | Split | None]:
        return iter((self.train, self.valid, self.test))

    def __repr__(self) -> str:
        valid = "no validation" if self.valid is None else f"{self.valid.targets.n_events:,} valid"
        parts = f"{self.train.n_events:,} train, {valid}, {self.test.targets.n_events:,} test events"
        return f"Splits({parts}; {self.rule})"


def split_interactions(
    log: Interactions,
    by: By,
    *,
    valid: "float | Interactions | None" = None,
    test: "float | Interactions | None" = None,
    n: int = 1,
    order: Order = "time",
    seed: int = 0,
) -> Splits:
    """Split a log into what is learnt from, a part to choose by and a part to report.

    Only ``"time"`` keeps every training event before every test event; :func:`rankkit.audit_split` says what each split
    means.

    Args:
        log: All events; for ``"given"`` those to learn from.
        by: ``"time"``: the latest share of all events is the test part, the share before it the validation part; events
            of one time stay together, on the later side. ``"leave_last"``: of each user the last ``n`` events are the
            test part, the ``n`` before them the validation part; a user who would have nothing left to learn from
            stays whole in training. ``"ratio"``: of each user the last shares, rounded down. ``"given"``: ``test=`` and
            ``valid=`` are logs.
        valid: Share of the events; 0 or None: no validation part, except that ``"leave_last"`` leaves it out for 0
            alone.
        test: Share of the events; None: 0.2.
        n: Events a user, for ``"leave_last"``.
        order: For ``"ratio"``: ``"time"``, or ``"random"`` for what is known from papers, which learns from the future.
        seed: Of the random order.

    Raises:
        DataError: If a part would be empty, or there are no times for ``"time"``.
        ConfigError: If an option is out of range, or does not go with ``by``.

    Example:
        >>> log = Interactions.from_events(list("aaabbb"), list("uvwwvu"), times=range(6))
        >>> train, valid, test = split_interactions(log, "leave_last")
        >>> test.rule
        'the last event of each user is test, the one before valid'
        >>> log.item_ids[test.targets.items].tolist()
        ['w', 'u']
    """
    where = "split_interactions"
    check_given(where, "log", log, Interactions)
    for name, value, choices in (("by", by, By), ("order", order, Order)):
        if value not in get_args(choices):
            known = ", ".join(map(repr, get_args(choices)))
            raise ConfigError(f"{where}: expected {name} to be one of {known}; got {value!r}. Pass one of them.")
    if by == "given":
        return _given(where, log, valid, test)
    if isinstance(valid, Interactions) or isinstance(test, Interactions):
        raise ConfigError(f"{where}: expected shares with by={by!r}; got a log. Pass by='given'.")
    if order != "time" and by != "ratio":
        raise ConfigError(f"{where}: expected order='time' with by={by!r}; got {order!r}. Leave it out.")
    if by == "leave_last":
        return _leave_last(where, log, valid, test, n)
    test = 0.2 if test is None else test
    valid = 0.0 if valid is None else valid
    if not (is_finite(valid) and is_finite(test)) or not (0 < test < 1 and 0 <= valid < 1 and valid + test < 1):
        raise ConfigError(
            f"{where}: expected shares valid and test with 0 < test, 0 <= valid and a sum below 1; got "
            f"valid={valid!r}, test={test!r}. Pass such shares."
        )
    return _by_time(where, log, valid, test) if by == "time" else _ratio(where, log, valid, test, order, seed)


def rolling_splits(log: Interactions, n_windows: int, *, share: float = 0.1) -> list[Splits]:
    """Windows of time one after the other: each is the test part of all that came before it.

    Args:
        log: Events with times.
        n_windows: How many; the last one ends with the log.
        share: Of all events in one window.

    Raises:
        DataError: If there are no times, or a window would be empty.
        ConfigError: If the windows leave nothing to learn from.

    Example:
        >>> log = Interactions.from_events(list("ab" * 5), range(10), times=range(10))
        >>> [(split.train.n_events, split.test.targets.n_events) for split in rolling_splits(log, 3, share=0.2)]
        [(4, 2), (6, 2), (8, 2)]
    """
    where = "rolling_splits"
    check_given(where, "log", log, Interactions)
    if n_windows < 1 or not 0 < share * n_windows < 1:
        raise ConfigError(
            f"{where}: expected windows of together less than all events; got {n_windows} of {share}. Take fewer."
        )
    times = _times(where, log)
    bounds = [_cut(times, 1 - share * (n_windows - window)) for window in range(n_windows)]
    splits = []
    for window, first in enumerate(bounds):
        last = bounds[window + 1] if window + 1 < n_windows else None
        tested = (times >= first) if last is None else (times >= first) & (times < last)
        rule = f"window {window + 1} of {n_windows} by time, {share:g} of the events each"
        splits.append(_of_masks(where, log, times < first, None, tested, rule))
    return splits


def splits_of_parts(log: Interactions, parts: NDArray[np.int8], rule: str, remarks: tuple[str, ...] = ()) -> Splits:
    """The split of a log by the part of each event, as :attr:`Splits.parts` has it.

    Raises:
        DataError: If a part would be empty.
    """
    valid = parts == 1 if (parts == 1).any() else None
    return _of_masks("split", log, parts == 0, valid, parts == 2, rule, remarks)


def _leave_last(where: str, log: Interactions, valid: float | None, test: float | None, n: int) -> Splits:
    if test is not None or valid not in (None, 0) or n < 1:
        raise ConfigError(
            f"{where}: expected n of 1 or more with by='leave_last', no shares, and valid=0 for no valid part; got "
            f"n={n}, valid={valid}, test={test}. Pass n alone."
        )
    parts = 1 if valid == 0 else 2
    fits = log.sizes > parts * n
    from_the_end = np.repeat(log.offsets[1:], log.sizes) - np.arange(log.n_events)
    in_fitting = np.repeat(fits, log.sizes)
    tested = in_fitting & (from_the_end <= n)
    validated = in_fitting & (from_the_end > n) & (from_the_end <= parts * n) if parts == 2 else None
    last, before = ("last event", "the one before") if n == 1 else (f"last {n} events", f"the {n} before")
    rule = f"the {last} of each user {'is' if n == 1 else 'are'} test" + (f", {before} valid" if parts == 2 else "")
    n_whole = int(((log.sizes > 0) & ~fits).sum())
    remarks = (f"{n_whole:,} of {log.n_users:,} users have at most {parts * n} events: all are training.",)
    train = ~tested if validated is None else ~(tested | validated)
    return _of_masks(where, log, train, validated, tested, rule, remarks if n_whole else ())


def _by_time(where: str, log: Interactions, valid: float, test: float) -> Splits:
    times = _times(where, log)
    first_tested = _cut(times, 1 - test)
    first_validated = _cut(times, 1 - test - valid) if valid else first_tested
    validated = (times >= first_validated) & (times < first_tested) if valid else None
    shares = f"{test:g} of the events is test" + (f", {valid:g} before it valid" if valid else "")
    rule = f"by time: the latest {shares}; test from {first_tested}" + (f", valid from {first_validated}" * bool(valid))
    return _of_masks(where, log, times < first_validated, validated, times >= first_tested, rule)


def _ratio(where: str, log: Interactions, valid: float, test: float, order: str, seed: int) -> Splits:
    places = np.arange(log.n_events) - np.repeat(log.offsets[:-1], log.sizes)
    if order == "random":
        drawn = np.random.default_rng(seed).random(log.n_events)
        shuffled = np.lexsort((drawn, log.users))
        places = places[np.argsort(shuffled)]
    n_test = np.floor(log.sizes * test + 1e-9).astype(np.int64)
    n_valid = np.floor(log.sizes * valid + 1e-9).astype(np.int64)
    first_tested = np.repeat(log.sizes - n_test, log.sizes)
    first_validated = np.repeat(log.sizes - n_test - n_valid, log.sizes)
    validated = (places >= first_validated) & (places < first_tested) if valid else None
    what = "the last" if order == "time" else f"a random (seed {seed})"
    rule = f"of each user {what} {test:g} is test" + (f", {valid:g} valid" if valid else "")
    return _of_masks(where, log, places < first_validated, validated, places >= first_tested, rule)


def _given(where: str, log: Interactions, valid: object, test: object) -> Splits:
    if not isinstance(test, Interactions) or not (valid is None or isinstance(valid, Interactions)):
        raise ConfigError(f"{where}: expected logs as test and valid with by='given'; got none. Pass test=log.")
    parts = [log, *([valid] if valid is not None else []), test]
    whole, part_of_event = on_shared_ids(parts)
    validated = part_of_event == 1 if valid is not None else None
    rule = "as given"
    return _of_masks(where, whole, part_of_event == 0, validated, part_of_event == len(parts) - 1, rule)


def _of_masks(
    where: str,
    log: Interactions,
    train: NDArray[np.bool_],
    valid: NDArray[np.bool_] | None,
    test: NDArray[np.bool_],
    rule: str,
    remarks: tuple[str, ...] = (),
) -> Splits:
    for name, events in (("train", train), ("valid", valid), ("test", test)):
        if events is not None and not events.any():
            raise DataError(
                f"{where}: expected events in each part ({rule}); got none in {name} of {log.n_events:,} events. "
                "Take other shares, or a longer log."
            )
    whole = replace(log, remarks=())
    learnt = whole.keep(train)
    before = learnt if valid is None else whole.keep(train | valid)
    held_out = None if valid is None else Split("valid", learnt, whole.keep(valid), rule)
    parts = np.select([train, np.zeros_like(train) if valid is None else valid, test], [0, 1, 2], -1).astype(np.int8)
    return Splits(learnt, held_out, Split("test", before, whole.keep(test), rule), rule, remarks, parts)


def _times(where: str, log: Interactions) -> NDArray[np.int64]:
    if log.times is None:
        raise DataError(
            f"{where}: expected events with times, to split by time; got none. Read them with time=, or split by "
            "'leave_last' or 'ratio'."
        )
    if not log.n_events:
        raise DataError(f"{where}: expected events; got none. Check the log.")
    return log.times


def _cut(times: NDArray[np.int64], share: float) -> int:
    """The time at which so great a share of the events is over."""
    place = min(max(round(share * len(times)), 0), len(times) - 1)
    return int(np.partition(times, place)[place])
