"""Scorer: what training, evaluation and saving expect of a scorer."""

from typing import Any, Protocol

from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.transforms import Transform


class Scorer(Protocol):
    """A ``torch.nn.Module`` that scores flat documents.

    ``forward`` takes all documents of a batch at once, without padding: query i owns the rows
    ``offsets[i]:offsets[i + 1]``. Scorers that look at one document at a time ignore ``offsets``.

    Attributes:
        n_features: Columns of ``features``.
        n_outputs: 1, or K for objectives over grades.
        readout: How K outputs become the ranking score (a key of ``readout.READOUTS``); None for one output.
        transform: Feature transform inside the scorer, fitted on training rows.
        options: JSON-able keywords that build the same scorer again: ``type(scorer)(**scorer.options)``.
        feature_names: One a column, or None where they are not known.
    """

    n_features: int
    n_outputs: int
    readout: str | None
    transform: Transform
    options: dict[str, Any]
    feature_names: tuple[str, ...] | None

    def __call__(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``features [doc, feature]`` and ``offsets [query + 1]`` to ``[doc]``, or ``[doc, K]`` for K outputs."""
        ...


def check_count(where: str, name: str, value: int) -> None:
    """Check that an option is a whole number of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{where}: expected {name} of at least 1; got {value!r}. Pass a whole number.")


def describe(scorer: object, options: dict[str, Any]) -> str:
    """One line: the class and what it was built with."""
    schema = getattr(scorer, "schema", None)  # its vocabularies would fill a page
    shown = {name: repr(value) for name, value in options.items()}
    if "schema" in options and schema is not None:
        shown["schema"] = f"<{schema.summary}>"
    return f"{type(scorer).__name__}({', '.join(f'{name}={value}' for name, value in shown.items())})"
