"""say(): what rankkit tells of data, as a warning at the line that called it."""

import sys
import warnings
from collections.abc import Iterable

from rankkit.errors import DataWarning

CHOOSE = "Choose with features=[...], or drop with drop=[...]."


def say(line: str, category: type[Warning] = DataWarning) -> None:
    """Warn once for each message, at the line outside rankkit that led here."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "rankkit":
        level, frame = level + 1, frame.f_back
    warnings.warn(line, category, stacklevel=level)


def say_of_columns(where: str, remarks: Iterable[str], action: str = CHOOSE) -> None:
    """Warn of what became of the columns of a table, with what to do about it; a remark in sentences stands alone."""
    for remark in remarks:
        say(f"{where}: {remark}" if remark.endswith(".") else f"{where}: {remark}. {action}")
