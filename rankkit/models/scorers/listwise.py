"""Which scorers look at the whole list of a query."""

from typing import cast

from torch import nn

from rankkit.models.scorers.scorer import Scorer
from rankkit.transforms.queries import QueryMinMax, QueryStandardize


def is_listwise(scorer: Scorer) -> bool:
    """Whether a document's score depends on the other documents of its query.

    >>> from rankkit.models.scorers.linear import LinearScorer
    >>> is_listwise(LinearScorer(2)), is_listwise(LinearScorer(2, transform="query_minmax"))
    (False, True)
    """
    return any(isinstance(module, QueryStandardize | QueryMinMax) for module in cast(nn.Module, scorer).modules())
