"""The exceptions that rankkit raises for what a user can mend.

::

    RankkitError
     +-- DataError      a file, a row or an array is not what was expected (also a ValueError)
     +-- ShapeError     tensors that belong together differ in shape (also a ValueError)
     +-- ConfigError    an option, a name or a combination of them (also a ValueError)
     +-- TrainingError  a run that cannot go on: loss not finite, checkpoint of another run
     +-- BundleError    a saved model that is missing, damaged or of another version
     +-- ExportError    a ranker that a target cannot express, or an artefact that does not score as it did
     +-- DiskError      a file or a folder that cannot be written (also an OSError)

Every message reads ``where: expected ...; got ... . One action.``

What rankkit decides about data without being asked, and a user would want to know, is said as a ``DataWarning``. That
compiled loops cannot be kept on disk, which costs time only, is said as a ``CompilationWarning``.
"""

import difflib
import os
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


class DiskError(RankkitError, OSError):
    """Something cannot be written: a full disk, a folder that can only be read, a name that is too long.

    Args:
        fault: What could not be written, and why.
        kept: What is safe, as a sentence.
        action: How to go on, as a sentence.
        errno: What the system said.
    """

    def __init__(self, fault: str, *, kept: str = "", action: str = "", errno: int | None = None) -> None:
        super().__init__(" ".join(filter(None, (fault, kept, action))))
        self.fault, self.is_told = fault, False
        self.errno = errno

    def tell(self, kept: str, action: str) -> None:
        """Say what is safe and how to go on, unless that has been said already."""
        if not self.is_told:
            self.is_told = True
            self.args = (" ".join((self.fault, kept, action)),)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The action that ends a message about an unknown name: the nearest known name, or all of them.

    >>> did_you_mean("ranknett", ["ranknet", "listnet"])
    "Did you mean 'ranknet'?"
    >>> did_you_mean("boost", ["ranknet", "listnet"])
    'Known: listnet, ranknet.'
    >>> did_you_mean("boost", [])
    'There are none.'
    """
    known = sorted(known)
    if not known:
        return "There are none."
    near = difflib.get_close_matches(name.lower(), known, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}."


def check_given(where: str, name: str, given: object, kind: type) -> None:
    """Raise DataError unless data is of the kind that is read, whose ``made_by`` says how it is read and made."""
    if isinstance(given, kind):
        return
    read, made = kind.made_by  # type: ignore[attr-defined]
    if isinstance(given, str | os.PathLike):
        got, action = repr(os.fspath(given)), f"Read it: {read}."
    else:
        got, action = type(given).__name__, f"Make it one: {made}."
    article = "" if kind.__name__.endswith("s") else "a "
    raise DataError(f"{where}: expected {article}{kind.__name__} as {name}; got {got}. {action}")
