"""The exceptions that rankkit raises for what a user can mend.

::

    RankkitError
     +-- DataError      a file, a row or an array is not what was expected (also a ValueError)
     +-- ShapeError     tensors that belong together differ in shape (also a ValueError)
     +-- ConfigError    an option, a name or a combination of them (also a ValueError)
     +-- TrainingError  a run that cannot go on: loss not finite, checkpoint of another run
     +-- BundleError    a saved scorer that is missing, damaged or of another version

Every message reads ``where: expected ...; got ... . One action.``
"""


class RankkitError(Exception):
    """Parent of every error that rankkit raises on purpose."""


class DataError(RankkitError, ValueError):
    """A file, a row or an array is not what was expected."""


class ShapeError(RankkitError, ValueError):
    """Tensors that belong together differ in shape."""


class ConfigError(RankkitError, ValueError):
    """An option has a value that cannot work, or a name is unknown."""


class TrainingError(RankkitError):
    """Training cannot go on: the loss is not finite, or the checkpoint belongs to another run."""


class BundleError(RankkitError):
    """A saved scorer is missing, damaged or of a version that this rankkit cannot read."""
