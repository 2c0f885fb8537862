"""What the stages share: turns of several ways, processor time and its user part, memory, and tables."""

import argparse
import ctypes
import resource
import statistics
import time
from pathlib import Path
from typing import NamedTuple


class Spent(NamedTuple):
    """Processor time of one way.

    Args:
        turns: Seconds a call, a number for each turn.
        user: Share of it that was not the system's, over all turns: the two clocks tick too rarely for one.
        faults: Pages of memory a call that the system had to give.
    """

    turns: list[float]
    user: float
    faults: float

    @property
    def seconds(self):
        """Median of the turns."""
        return statistics.median(self.turns)

    @property
    def user_seconds(self):
        """Of these, the user's."""
        return self.seconds * self.user

    def over(self, other):
        """How many times the other's time this takes: the median of the turns' ratios."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.turns, other.turns, strict=True))

    def user_over(self, other):
        """The same of user time; NaN where the other's was too short to be seen."""
        return self.over(other) * self.user / other.user if other.user else float("nan")


def take_turns(ways, n_turns, *, least=0.02, warm=1):
    """Processor time of functions that are called in turn.

    Args:
        ways: ``{name: function without arguments}``.
        n_turns: How often each has its turn.
        least: Seconds that a turn lasts at least: it repeats short calls.
        warm: Calls of each before, which compile or load what it needs and are not counted.

    Returns:
        ``{name: Spent}``.
    """
    for _ in range(warm):
        for way in ways.values():
            way()
    turns = {name: [] for name in ways}
    clocks = {name: [0.0, 0.0, 0, 0] for name in ways}
    for _ in range(n_turns):
        for name, way in ways.items():
            before, start, n_calls, seconds = resource.getrusage(resource.RUSAGE_SELF), time.process_time(), 0, 0.0
            while not n_calls or seconds < least:
                way()
                n_calls += 1
                seconds = time.process_time() - start
            after = resource.getrusage(resource.RUSAGE_SELF)
            turns[name].append(seconds / n_calls)
            spent = (
                after.ru_utime - before.ru_utime,
                after.ru_stime - before.ru_stime,
                after.ru_minflt - before.ru_minflt,
                n_calls,
            )
            clocks[name] = [sum(pair) for pair in zip(clocks[name], spent, strict=True)]
    found = {}
    for name, (user, system, faults, n_calls) in clocks.items():
        found[name] = Spent(turns[name], user / (user + system) if user + system else 1.0, faults / n_calls)
    return found


def extra_memory(call):
    """Megabytes that the process held more at the peak of a call than before it (Linux with glibc)."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # gives freed memory back, or the peak would hide in it
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is held now
    held = _status("VmRSS")
    call()
    return (_status("VmHWM") - held) / 1e6


def _status(field):
    """A line of the process status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def begin(doc, **options):
    """Print the title and the text of a stage, which are its docstring; give its options.

    Args:
        doc: The docstring: the first line is the title.
        options: Whole numbers that the command line can change, with their defaults.
    """
    title, _, text = doc.partition("\n")
    parser = argparse.ArgumentParser(description=title)
    for name, default in options.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"by default {default:,}")
    given = parser.parse_args()
    import torch  # not above: processes that only read a file do without

    torch.set_num_threads(1)
    print(f"## {title.rstrip('.')}\n\n{text.strip()}", flush=True)
    return given


def print_table(names, rows):
    """A Markdown table; rows are printed as they come."""
    print(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |", flush=True)
