"""Checks for what extends rankkit, as scikit-learn's ``check_estimator`` for estimators.

They are the checks that rankkit's own tests run over every entry of the registry. One goes into a test::

    from rankkit.testing import check_objective, check_scorer

    def test_my_scorer():
        check_scorer(MyScorer, width=16)

    def test_my_objective():
        check_objective(my_loss)
"""

from collections.abc import Callable
from typing import Any

from rankkit.testing.embedding import check_embedding_objective
from rankkit.testing.encoders import check_encoder
from rankkit.testing.metrics import check_metric
from rankkit.testing.objectives import check_list_objective
from rankkit.testing.scorers import check_scorer

__all__ = ["check_encoder", "check_metric", "check_objective", "check_scorer"]


def check_objective(
    objective: Callable[..., Any],
    *,
    teaches_from_one_grade: bool = False,
    draws: bool = False,
    documents_are_apart: bool = True,
    slopes_are_exact: bool = True,
) -> None:
    """Check that an objective keeps what training relies on: padding, order, weights and extreme scores are harmless.

    Args:
        objective: A function ``(scores, labels, mask, ...)``, or one on embeddings with the attribute ``takes``.
        teaches_from_one_grade: It looks at one document at a time, so that a list of one grade teaches it something.
        draws: It draws random numbers in each call.
        documents_are_apart: False where a document stands in the terms of others, as in the denominator of a softmax:
            its weight of 0 does not take it out of them.
        slopes_are_exact: False where the gradient is by definition not the derivative, as with weights that move with
            the scores and carry none.

    Raises:
        AssertionError: If it breaks a promise; the message lists all that it breaks.

    Example:
        >>> from rankkit.objectives import ranknet_loss
        >>> check_objective(ranknet_loss)
        >>> check_objective(lambda scores, labels, mask=None: (scores - labels).square().mean())
        Traceback (most recent call last):
        AssertionError: <lambda>: ... of 22 promises are broken
          padding changes neither loss nor gradient: expected the same loss and gradient with nan in the padding
        ...
    """
    if getattr(objective, "takes", "lists") != "lists":
        check_embedding_objective(objective, slopes_are_exact=slopes_are_exact)
        return
    check_list_objective(
        objective,
        teaches_from_one_grade=teaches_from_one_grade,
        draws=draws,
        documents_are_apart=documents_are_apart,
        slopes_are_exact=slopes_are_exact,
    )
