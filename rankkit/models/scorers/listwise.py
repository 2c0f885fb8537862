"""Which scorers look at the whole list of a query."""

from typing import Any, cast

from torch import nn

from rankkit.models.scorers.calling import takes_offsets
from rankkit.models.scorers.scorer import Scorer
from rankkit.registry import OWN
from rankkit.transforms.positions import QueryGap, QueryRank
from rankkit.transforms.queries import QueryMinMax, QueryShare, QueryStandardize

_OVER_QUERIES = (QueryStandardize, QueryMinMax, QueryRank, QueryShare, QueryGap)


def is_listwise(scorer: Scorer) -> bool:
    """Whether a document's score may depend on the other documents of its query.

    One of the user's own that takes ``offsets`` is taken to look at them, unless its attribute ``listwise`` is False;
    one of rankkit looks at them where its transform does, or its attribute is True.

    >>> from rankkit.models.scorers.linear import LinearScorer
    >>> is_listwise(LinearScorer(2)), is_listwise(LinearScorer(2, transform="query_minmax"))
    (False, True)
    """
    if not takes_offsets(scorer):
        return False
    if any(isinstance(module, _OVER_QUERIES) for module in cast(nn.Module, scorer).modules()):
        return True
    return bool(getattr(scorer, "listwise", not is_own(scorer)))


def over_queries(scorer: Scorer) -> str:
    """What of a listwise scorer compares the documents of a query, for messages."""
    transform = getattr(scorer, "transform", None)
    context = getattr(scorer if transform is None else transform, "context", None)
    if context is not None and is_own(scorer):
        return f"context={context!r}, which compares the documents of a query"
    if is_own(scorer) and getattr(scorer, "listwise", False):
        return f"{type(scorer).__name__}, whose documents of a query look at each other"
    if transform is None or not is_own(scorer):
        return f"{type(scorer).__name__}, which takes offsets and does not say listwise = False"
    return f"the transform {transform.spec!r}, which compares the documents of a query"


def is_own(scorer: object) -> bool:
    """Whether what scores is rankkit's: also of a subclass that changes something else."""
    kind: Any = type(scorer)
    return str(getattr(kind.forward, "__module__", "")).partition(".")[0] == OWN
