"""Context: how a feature compares with those of the other documents of its query, beside the feature itself."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from rankkit.errors import ConfigError, did_you_mean
from rankkit.registry import find

CONTEXT = {"z": "query_standardize", "rank": "query_rank", "share": "query_share", "gap": "query_gap"}
"""What may stand in ``context="z+rank"``, and the step that it is."""


def context_steps(context: str | None) -> list[str]:
    """The steps that the words of a context stand for.

    Raises:
        ConfigError: If a word is none of :data:`CONTEXT`, or stands there twice.

    >>> context_steps("z+rank")
    ['query_standardize', 'query_rank']
    >>> context_steps(None)
    []
    """
    if context is None:
        return []
    if not isinstance(context, str):
        raise ConfigError(
            f"context: expected words of {', '.join(CONTEXT)}, joined by +; got {context!r}. Pass 'z+rank'."
        )
    words = [word.strip() for word in context.split("+")]
    for word in words:
        if word not in CONTEXT:
            raise ConfigError(
                f"context: expected words of {', '.join(CONTEXT)}, joined by +; got {word!r}. "
                f"{did_you_mean(word, CONTEXT)}"
            )
    if len(set(words)) < len(words):
        raise ConfigError(f"context: expected each word once; got {context!r}. Leave the second one out.")
    return [CONTEXT[word] for word in words]


class WithContext(nn.Module):
    """Features as they are, and beside them their context; a missing value is missing there too.

    For scorers that take missing values as they are, such as trees; the others have a
    :class:`rankkit.transforms.Transform`.

    Args:
        context: As ``"z+rank"``.
        places: The columns that get a context: numbers of documents.

    Example:
        >>> beside = WithContext("rank", [1])
        >>> beside(torch.tensor([[7.0, 5.0], [7.0, 9.0]]), torch.tensor([0, 2]))
        tensor([[7., 5., 0.],
                [7., 9., 1.]])
    """

    def __init__(self, context: str, places: list[int]) -> None:
        super().__init__()
        self.context, self.places = context, places
        self.steps = nn.ModuleList(find("transform", name)(len(places)) for name in context_steps(context))

    @property
    def n_more(self) -> int:
        """Columns that are added."""
        return len(self.places) * len(self.steps)

    def names_of(self, names: Sequence[str]) -> list[str]:
        """One name a column that is added, from one name a feature."""
        words = context_steps(self.context)
        return [f"{word}({names[place]})" for word in words for place in self.places]

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, feature]`` to ``[doc, feature + n_more]``: the first step of all places, the second, ..."""
        taken = features[:, self.places]
        return torch.cat((features, *(cast(Tensor, step(taken, offsets)) for step in self.steps)), dim=1)
