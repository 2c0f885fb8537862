"""How a scorer is called: those of rankkit with features and offsets, a plain network of torch with features alone."""

import inspect
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from torch import Tensor, nn

from rankkit.errors import ConfigError

_SIGNATURE = "forward(features [doc, feature], offsets [query + 1]) -> scores [doc]"


def outputs_of(scorer: Any, features: Tensor, offsets: Tensor) -> Tensor:
    """What a scorer gives for documents: ``[doc]``, or ``[doc, K]`` of one with a readout.

    A module whose ``forward`` takes features alone, such as ``nn.Linear(n_features, 1)`` or an ``nn.Sequential``, looks
    at each document by itself. One output a document, ``[doc, 1]``, is its score.

    Raises:
        ConfigError: If it gives something else.

    >>> import torch
    >>> outputs_of(nn.Linear(3, 1), torch.zeros(5, 3), torch.tensor([0, 2, 5])).shape
    torch.Size([5])
    """
    outputs = scorer(features, offsets) if takes_offsets(scorer) else scorer(features)
    if not isinstance(outputs, Tensor):
        raise ConfigError(
            f"scorer: expected {_SIGNATURE}; got {type(outputs).__name__} from {type(scorer).__name__}. "
            "Return the scores alone."
        )
    n_docs = features.shape[0]
    if outputs.shape == (n_docs, 1):
        return outputs[:, 0]
    several = outputs.dim() == 2 and getattr(scorer, "readout", None) is not None
    if outputs.shape[:1] != (n_docs,) or not (outputs.dim() == 1 or several):
        raise ConfigError(
            f"scorer: expected one score a document, [{n_docs}] or [{n_docs}, 1]; got {list(outputs.shape)} from "
            f"{type(scorer).__name__}. End it with one output, as nn.Linear(..., 1)."
        )
    return outputs


def members_of(scorer: Any, features: Tensor, offsets: Tensor) -> Sequence[Tensor]:
    """What training takes the loss of: as :func:`outputs_of`, or that of each member of an ensemble.

    A scorer whose parts are each to learn by a loss of their own, though their mean is the score, has the method
    ``members(features, offsets)``, ``[member, doc]`` or ``[member, doc, K]``.

    Raises:
        ConfigError: If it gives something else.
    """
    if not inspect.isroutine(getattr(scorer, "members", None)):  # a list of modules may be called so too
        return [outputs_of(scorer, features, offsets)]
    outputs = scorer.members(features, offsets)
    wanted = (features.shape[0],) if getattr(scorer, "readout", None) is None else (features.shape[0], scorer.n_outputs)
    if not isinstance(outputs, Tensor) or not len(outputs) or outputs.shape[1:] != wanted:
        got = list(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ConfigError(
            f"scorer: expected members(features, offsets) to give [member, {', '.join(map(str, wanted))}]; got {got} "
            f"from {type(scorer).__name__}. Give the outputs of each member, one below the other."
        )
    return outputs.unbind(dim=0)


def takes_offsets(scorer: object) -> bool:
    """Whether a scorer is called with the offsets of the queries too; else it looks at one document at a time.

    >>> from rankkit.models.scorers.linear import LinearScorer
    >>> takes_offsets(LinearScorer(2)), takes_offsets(nn.Linear(2, 1))
    (True, False)
    """
    kind: Any = type(scorer)
    return _takes_offsets(kind)


@lru_cache
def _takes_offsets(kind: type) -> bool:
    if kind.__module__.partition(".")[0] == "torch":
        return False  # what torch's own layers take besides their input are no offsets
    try:
        parameters = list(inspect.signature(getattr(kind, "forward", kind.__call__)).parameters.values())[1:]
    except (TypeError, ValueError):
        return True
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return True
    by_place = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return len(by_place) > 1 and (by_place[1].default is by_place[1].empty or by_place[1].name == "offsets")


def n_features_of(scorer: object, default: int) -> int:
    """The features that a scorer was built for, or the default where it does not say.

    >>> n_features_of(nn.Sequential(nn.Linear(7, 4), nn.ReLU(), nn.Linear(4, 1)), 3), n_features_of(nn.ReLU(), 3)
    (7, 3)
    """
    if hasattr(scorer, "n_features"):
        return default if scorer.n_features is None else int(scorer.n_features)  # None: it takes what it is trained on
    first = scorer
    while isinstance(first, nn.Sequential) and len(first):
        first = first[0]
    return int(first.in_features) if isinstance(first, nn.Linear) else default
