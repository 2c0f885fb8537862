"""What every metric promises: padding, order of rows and monotone changes of scores change nothing."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rankkit.metrics.engine import measure_of, rank_documents
from rankkit.testing.promises import Promise, check_all, expect, expect_near, expect_same


@dataclass(frozen=True)
class ListMetric:
    """A metric over padded lists."""

    metric: Callable[..., Tensor]

    def values(self, scores: Tensor, labels: Tensor, mask: Tensor | None = None, k: int | None = None) -> Tensor:
        """One a list, under the rule of ties that does not depend on the order of rows."""
        mask = torch.ones(labels.shape, dtype=torch.bool) if mask is None else mask
        return self.metric(scores, labels, mask, **({"k": k} if self.has_cutoff else {}))

    @property
    def has_cutoff(self) -> bool:
        """Whether it takes k."""
        return "k" in inspect.signature(self.metric).parameters

    def lists(self, n_queries: int = 20, list_size: int = 30) -> tuple[Tensor, Tensor]:
        """Scores without ties, and grades 0..4."""
        drawn = torch.Generator().manual_seed(0)
        scores = torch.stack([torch.randperm(list_size, generator=drawn) for _ in range(n_queries)]).double()
        return scores, torch.randint(0, 5, (n_queries, list_size), generator=drawn).double()


def padding_is_never_read(case: ListMetric) -> None:
    """Whatever stands in it."""
    scores, labels = case.lists()
    mask = torch.rand(scores.shape, generator=torch.Generator().manual_seed(1)) < 0.6
    clean = case.values(scores.masked_fill(~mask, 0), labels.masked_fill(~mask, 0), mask, 5)
    for junk in (torch.nan, 1e6, -1e6):
        found = case.values(scores.masked_fill(~mask, junk), labels.masked_fill(~mask, junk), mask, 5)
        expect_same([found.nan_to_num(-1)], [clean.nan_to_num(-1)], f"expected the same with {junk} in the padding")


def the_order_of_rows_does_not_matter(case: ListMetric) -> None:
    """Where no scores are tied."""
    scores, labels = case.lists()
    order = torch.randperm(scores.shape[1], generator=torch.Generator().manual_seed(1))
    found = case.values(scores[:, order], labels[:, order], None, 9)
    expect_same([found.nan_to_num(-1)], [case.values(scores, labels, None, 9).nan_to_num(-1)], "expected the same")


def a_monotone_change_of_scores_changes_nothing(case: ListMetric) -> None:
    """Scores matter by their order alone."""
    scores, labels = case.lists()
    before = case.values(scores, labels, None, 7)
    for changed in ((scores / 10).exp(), 1e4 * scores - 3, scores.pow(3)):
        found = case.values(changed, labels, None, 7)
        expect_same([found.nan_to_num(-1)], [before.nan_to_num(-1)], "expected the same for scores in the same order")


def one_value_a_list(case: ListMetric) -> None:
    """None of them is infinite; a list without a relevant document may be NaN."""
    values = case.values(*case.lists(), None, 5)
    expect(values.shape == (20,), f"expected one value a list, got the shape {tuple(values.shape)}")
    expect(not values.isinf().any(), "expected values that are finite or NaN")


def no_queries_give_no_values(case: ListMetric) -> None:
    """And no error."""
    found = case.values(torch.zeros(0, 4), torch.zeros(0, 4))
    expect(found.shape == (0,), f"expected no values of no lists, got the shape {tuple(found.shape)}")


def a_cutoff_beyond_the_list_is_allowed(case: ListMetric) -> None:
    """And no error."""
    if case.has_cutoff:
        values = case.values(*case.lists(list_size=6), None, 50)
        expect(values.shape == (20,) and not values.isinf().any(), "expected a value for k above the size of the list")


def lists_are_measured_apart(case: ListMetric) -> None:
    """What a list is worth does not depend on the others of the batch."""
    scores, labels = case.lists(n_queries=3)
    labels[:, 0] = 4  # the greatest grade of each
    together = case.values(scores, labels, None, 5)
    alone = torch.cat([case.values(scores[i : i + 1], labels[i : i + 1], None, 5) for i in range(3)])
    expect_near(together, alone, "expected the value of each list alone")


def inputs_stay_as_they_are(case: ListMetric) -> None:
    """Scores and labels."""
    given = case.lists()
    before = [part.clone() for part in given]
    case.values(*given)
    expect_same(given, before, "expected inputs that are left as they are")


def evaluation_reads_the_same(case: ListMetric) -> None:
    """Ragged lists in rank order, as :func:`rankkit.evaluate` has them."""
    scores, labels = case.lists(n_queries=4)
    offsets = np.arange(5, dtype=np.int64) * scores.shape[1]
    ranking = rank_documents("check_metric", scores.flatten().numpy(), labels.flatten().numpy(), offsets)
    options: dict[str, Any] = {"k": 5} if case.has_cutoff else {}
    found = torch.from_numpy(measure_of(case.metric)(ranking, **options))
    expect_near(found.nan_to_num(-1), case.values(scores, labels, None, 5).nan_to_num(-1), "expected the same values")


PROMISES: dict[str, Promise[ListMetric]] = {
    check.__name__: check
    for check in (
        padding_is_never_read,
        the_order_of_rows_does_not_matter,
        a_monotone_change_of_scores_changes_nothing,
        one_value_a_list,
        no_queries_give_no_values,
        a_cutoff_beyond_the_list_is_allowed,
        lists_are_measured_apart,
        inputs_stay_as_they_are,
        evaluation_reads_the_same,
    )
}


def check_metric(metric: Callable[..., Tensor]) -> None:
    """Check that a metric keeps what :func:`rankkit.evaluate` and whoever reads its results rely on.

    Args:
        metric: ``(scores, labels, mask, *, k) -> [query]``; k is not needed.

    Raises:
        AssertionError: If it breaks a promise; the message lists all that it breaks.
    """
    check_all(getattr(metric, "__name__", type(metric).__name__), PROMISES, ListMetric(metric))
