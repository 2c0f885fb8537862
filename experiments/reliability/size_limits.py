"""Every command that writes, with a limit on the size of files that it runs into, then without."""

from kills import made


def attack():
    """An attack on each command."""
    return made("limit", 1)
