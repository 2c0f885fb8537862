"""The exceptions that rankkit raises for what a user can mend.

::

    RankkitError
     +-- DataError      a file, a row or an array is not what was expected (also a ValueError)
     +-- ShapeError     tensors that belong together differ in shape (also a ValueError)
     +-- ConfigError    an option, a name or a combination of them (also a ValueError)
     +-- TrainingError  a run that cannot go on: loss not finite, checkpoint of another run
     +-- BundleError    a saved scorer or encoder that is missing, damaged or of another version
     +-- ExportError    a ranker that a target cannot express, or an artefact that does not score as it did

Every message reads ``where: expected ...; got ... . One action.``

What rankkit decides about data without being asked, and a user would want to know, is said as a ``DataWarning``. That
compiled loops cannot be kept on disk, which costs time only, is said as a ``CompilationWarning``.
"""

import difflib
import sys
import warnings
from collections.abc import Iterable


class RankkitError(Exception):
    """Parent of every error that rankkit raises on purpose."""


class DataError(RankkitError, ValueError):
    """A file, a row or an array is not what was expected."""


class DataWarning(UserWarning):
    """What rankkit decided about a column, an id, a weight or a missing value, in one line."""


class CompilationWarning(UserWarning):
    """Loops are compiled anew in each process, with the reason and what to set, in one line."""


class ShapeError(RankkitError, ValueError):
    """Tensors that belong together differ in shape."""


class ConfigError(RankkitError, ValueError):
    """An option has a value that cannot work, or a name is unknown."""


class TrainingError(RankkitError):
    """Training cannot go on: the loss is not finite, or the checkpoint belongs to another run."""


class BundleError(RankkitError):
    """A saved scorer is missing, damaged or of a version that this rankkit cannot read."""


class ExportError(RankkitError):
    """A ranker cannot be expressed where it is to go, or an exported artefact is damaged or scores otherwise."""


def tell(line: str) -> None:
    """Give a :class:`DataWarning` at the line that called rankkit."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "rankkit":
        level, frame = level + 1, frame.f_back
    warnings.warn(line, DataWarning, stacklevel=level)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The action that ends a message about an unknown name: the nearest known name, or all of them.

    >>> did_you_mean("ranknett", ["ranknet", "listnet"])
    "Did you mean 'ranknet'?"
    >>> did_you_mean("boost", ["ranknet", "listnet"])
    'Known: listnet, ranknet.'
    """
    known = sorted(known)
    near = difflib.get_close_matches(name.lower(), known, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}."
