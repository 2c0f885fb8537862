"""What every ranking objective promises: padding, order, neighbours and extreme scores change what they may."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rankkit.testing.promises import Promise, check_all, expect, expect_near, expect_same

N_GRADES = 5
_OUTPUTS = {
    "expected_grade": (N_GRADES,),
    "sum_of_sigmoids": (N_GRADES - 1,),
    "first_output": (N_GRADES,),
    None: (),
}
_JUNK = (torch.nan, 1e6, -torch.inf)
# Powers of ten up to which sums of scores, a ranking's worth, are numbers of the type.
_LARGEST = {
    torch.float16: [6e4],
    torch.bfloat16: [6e4, 1e30],
    torch.float32: [1e10, 1e20, 1e30],
    torch.float64: [1e300],
}


@dataclass(frozen=True)
class ListObjective:
    """An objective over lists, and what is not to be expected of it; :func:`check_objective` describes each."""

    objective: Callable[..., Tensor]
    teaches_from_one_grade: bool = False
    draws: bool = False
    documents_are_apart: bool = True
    slopes_are_exact: bool = True

    def takes(self, option: str) -> bool:
        """Whether it has an optional argument, such as weights."""
        parameters = inspect.signature(self.objective).parameters
        return option in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())

    def shape(self, *shape: int) -> tuple[int, ...]:
        """The shape of scores for that of labels."""
        return (*shape, *_OUTPUTS[getattr(self.objective, "readout", None)])

    def lists(
        self, n_queries: int = 5, list_size: int = 8, dtype: torch.dtype = torch.float64
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Scores as the objective takes them, grades 0..4 (at least two a list) and a ragged mask."""
        drawn = torch.Generator().manual_seed(0)
        scores = torch.randn(self.shape(n_queries, list_size), generator=drawn, dtype=torch.float64).to(dtype)
        labels = torch.randint(0, N_GRADES, (n_queries, list_size), generator=drawn).to(dtype)
        labels[:, 0], labels[:, 1] = 0, 2
        sizes = torch.randint(2, list_size + 1, (n_queries, 1), generator=drawn)
        return scores, labels, torch.arange(list_size) < sizes

    def loss(self, *given: Any, **options: Any) -> Tensor:
        """The loss with torch's generator seeded, so that an objective that draws does so alike in every call.

        Without a mask every document is real.
        """
        if len(given) == 2:
            given = (*given, torch.ones(given[1].shape, dtype=torch.bool))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self.objective(*given, **options)

    def gradient(self, scores: Tensor, labels: Tensor, mask: Tensor | None = None, **options: Any) -> list[Tensor]:
        """The loss and its gradient."""
        scores = scores.detach().clone().requires_grad_()
        loss = self.loss(scores, labels, *(() if mask is None else (mask,)), **options)
        loss.sum().backward()
        slopes = torch.zeros_like(scores) if scores.grad is None else scores.grad
        return [loss.detach(), slopes]


def _spread(mask: Tensor, scores: Tensor) -> Tensor:
    """The mask with the axes of the scores."""
    return mask if scores.dim() == 2 else mask[..., None].expand_as(scores)


def _finite(found: list[Tensor], what: str) -> None:
    expect(found[0].isfinite().all() and found[1].isfinite().all(), f"expected a finite loss and gradient for {what}")


def padding_changes_neither_loss_nor_gradient(case: ListObjective) -> None:
    """Whatever stands in the padding of scores and labels."""
    scores, labels, mask = case.lists()
    expected, padded = case.gradient(scores, labels, mask), _spread(mask, scores)
    weights = {"weights": torch.ones_like(labels)} if case.takes("weights") else {}
    for junk in _JUNK:
        found = case.gradient(scores.masked_fill(~padded, junk), labels.masked_fill(~mask, junk), mask, **weights)
        expect_same(found, expected, f"expected the same loss and gradient with {junk} in the padding")
        expect((found[1][~padded] == 0).all(), "expected no gradient in the padding")


def junk_in_the_weights_of_padding_changes_nothing(case: ListObjective) -> None:
    """Whatever stands in the padding of weights."""
    if not case.takes("weights"):
        return
    scores, labels, mask = case.lists()
    weights = torch.rand(labels.shape, generator=torch.Generator().manual_seed(1), dtype=labels.dtype)
    expected = case.gradient(scores, labels, mask, weights=weights)
    found = case.gradient(scores, labels, mask, weights=weights.masked_fill(~mask, torch.nan))
    expect_same(found, expected, "expected the same with NaN in the weights of padding")


def longer_padding_changes_nothing(case: ListObjective) -> None:
    """Three more columns of it."""
    scores, labels, mask = case.lists()
    loss, slopes = case.gradient(scores, labels, mask)
    more = torch.cat([mask, torch.zeros_like(mask[:, :3])], dim=1)
    found = case.gradient(torch.cat([scores, scores[:, :3]], dim=1), torch.cat([labels, labels[:, :3]], dim=1), more)
    expect_near(found[0], loss, "expected the same loss with longer padding")
    expect_near(found[1][:, :-3], slopes, "expected the same gradient with longer padding", atol=1e-15)


def a_batch_of_padding_only_costs_nothing(case: ListObjective) -> None:
    """And has a gradient of zero."""
    scores, labels, mask = case.lists()
    loss, slopes = case.gradient(scores, labels, torch.zeros_like(mask))
    expect(loss == 0 and (slopes == 0).all(), f"expected loss and gradient 0 for padding alone, got {loss}")


def no_lists_and_empty_lists_cost_zero(case: ListObjective) -> None:
    """Neither is an error."""
    for shape in ((0, 4), (3, 0)):
        scores, labels = torch.zeros(case.shape(*shape)), torch.zeros(shape)
        expect(case.loss(scores, labels) == 0, f"expected loss 0 for lists of shape {shape}")
        if case.takes("reduction"):
            expect(case.loss(scores, labels, reduction="none").shape == shape[:1], "expected one value a list")


def lists_of_one_grade(case: ListObjective) -> None:
    """Teach nothing, unless the objective looks at one document at a time."""
    scores, labels, mask = case.lists()
    for grade in (0.0, 3.0):
        found = case.gradient(scores, torch.full_like(labels, grade), mask)
        _finite(found, "lists of one grade")
        nothing = found[0] == 0 and (found[1] == 0).all()
        expect(case.teaches_from_one_grade or nothing, "expected loss and gradient 0 for lists of one grade")


def single_documents(case: ListObjective) -> None:
    """Likewise."""
    scores, labels, _ = case.lists()
    found = case.gradient(scores[:, 1:2], labels[:, 1:2])
    _finite(found, "single documents")
    nothing = found[0] == 0 and (found[1] == 0).all()
    expect(case.teaches_from_one_grade or nothing, "expected loss and gradient 0 for single documents")


def a_list_that_cannot_teach_does_not_change_its_neighbour(case: ListObjective) -> None:
    """Means are over lists that teach something."""
    scores, labels, mask = case.lists(n_queries=2)
    alone = case.loss(scores[:1], labels[:1], mask[:1])
    mask = torch.stack([mask[0], torch.zeros_like(mask[1])])
    expect_near(case.loss(scores, labels, mask), alone, "expected the loss of the one list beside padding")
    if not case.teaches_from_one_grade:
        labels = torch.stack([labels[0], torch.zeros_like(labels[1])])
        mask = torch.stack([mask[0], torch.ones_like(mask[1])])
        expect_near(case.loss(scores, labels, mask), alone, "expected the loss of the one list beside one of one grade")


def the_mean_is_the_mean_of_the_lists(case: ListObjective) -> None:
    """``reduction="none"`` gives the value of each."""
    if not case.takes("reduction"):
        return
    given = case.lists()
    values = case.loss(*given, reduction="none")
    expect(values.shape == (5,), f"expected one value a list, got the shape {tuple(values.shape)}")
    expect_near(case.loss(*given), values.mean(), "expected the mean of the lists")


def document_order_does_not_matter(case: ListObjective) -> None:
    """Unless what is drawn goes by the place of a document."""
    if case.draws:
        return
    scores, labels, mask = case.lists()
    order = torch.randperm(labels.shape[1], generator=torch.Generator().manual_seed(1))
    loss, slopes = case.gradient(scores, labels, mask)
    found = case.gradient(scores[:, order], labels[:, order], mask[:, order])
    expect_near(found[0], loss, "expected the same loss in another order")
    expect_near(found[1], slopes[:, order], "expected the same gradient in another order", atol=1e-15)


def scores_of_ten_thousand_stay_finite(case: ListObjective) -> None:
    """In every type."""
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        scores, labels, mask = case.lists(list_size=40)
        found = case.gradient((scores.sign() * 1e4).to(dtype), labels.to(dtype), mask)
        _finite(found, f"{dtype} scores of 1e4")


def scores_of_any_size_stay_finite(case: ListObjective) -> None:
    """Of both signs, of one document alone, or all alike."""
    scores, labels, mask = case.lists(list_size=12)
    for dtype, size in ((dtype, size) for dtype, sizes in _LARGEST.items() for size in sizes):
        one = scores / size
        one[:, 1] = 1
        for kind in (scores.clamp(-1, 1), one, torch.ones_like(scores)):
            _finite(case.gradient((kind * size).to(dtype), labels.to(dtype), mask), f"{dtype} scores of {size:g}")


def labels_of_thirty_stay_finite(case: ListObjective) -> None:
    """Where the gain is 2^30."""
    scores, labels, mask = case.lists(dtype=torch.float32)
    if scores.dim() == 2:  # objectives of several outputs have one for each grade
        labels = labels.masked_fill(labels == 4, 30)
    for gap in (1.0, 1e3):
        _finite(case.gradient(scores * gap, labels, mask), "labels of 30")


def the_gradient_is_that_of_the_loss(case: ListObjective) -> None:
    """By differences, in float64."""
    if not case.slopes_are_exact:
        return
    scores, labels, mask = case.lists(n_queries=2, list_size=4)
    scores.requires_grad_()
    torch.autograd.gradcheck(lambda s: case.loss(s, labels, mask), (scores,))


def weights_of_one_change_nothing(case: ListObjective) -> None:
    """One a query, or one a document."""
    if not case.takes("weights"):
        return
    given = case.lists()
    expected = case.gradient(*given)
    for shape in ((5,), (5, 8)):
        found = case.gradient(*given, weights=torch.ones(shape))
        expect_same(found, expected, f"expected the same with weights of one of shape {shape}")


def query_weights_multiply_their_lists(case: ListObjective) -> None:
    """The mean is over the same lists."""
    if not (case.takes("weights") and case.takes("reduction")):
        return
    given = case.lists()
    weights = torch.tensor([0.0, 0.5, 1.0, 2.0, 7.0], dtype=torch.float64)
    values = case.loss(*given, reduction="none")
    expect_near(case.loss(*given, weights=weights), (weights * values).mean(), "expected weights times the lists")


def a_document_of_weight_zero_gets_no_gradient(case: ListObjective) -> None:
    """Unless it stands in the terms of others."""
    if not (case.takes("weights") and case.documents_are_apart):
        return
    scores, labels, mask = case.lists(n_queries=1)
    weights = torch.ones_like(labels)
    weights[0, 1] = 0
    slopes = case.gradient(scores, labels, mask, weights=weights)[1]
    expect((slopes[0, 1] == 0).all(), "expected no gradient for a document of weight 0")


def half_precision_is_computed_in_float32(case: ListObjective) -> None:
    """And the gradient has the type of the scores."""
    for dtype in (torch.bfloat16, torch.float16):
        scores, labels, mask = case.lists(dtype=dtype)
        loss, slopes = case.gradient(scores, labels, mask)
        expected = case.gradient(scores.float(), labels.float(), mask)
        expect(loss.dtype == torch.float32, f"expected a float32 loss of {dtype} scores, got {loss.dtype}")
        expect_same([loss, slopes], [expected[0], expected[1].to(dtype)], f"expected {dtype} computed in float32")


def autocast_changes_nothing(case: ListObjective) -> None:
    """The loss stays in float32."""
    given = case.lists(dtype=torch.float32)
    expected = case.gradient(*given)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = case.gradient(*given)
    expect_same(found, expected, "expected the same under autocast")


def inputs_stay_as_they_are(case: ListObjective) -> None:
    """Scores, labels, mask and weights."""
    given = (*case.lists(), torch.rand(5, 8, generator=torch.Generator().manual_seed(1)))
    kept = [tensor.clone() for tensor in given]
    case.gradient(*given[:3], **({"weights": given[3]} if case.takes("weights") else {}))
    expect_same(given, kept, "expected inputs that are left as they are")


def the_same_call_gives_the_same_bits(case: ListObjective) -> None:
    """Under the same state of torch's generator."""
    given = case.lists(n_queries=9, list_size=50, dtype=torch.float32)
    expect_same(case.gradient(*given), case.gradient(*given), "expected the same bits of the same call")


def a_step_against_the_gradient_lowers_the_loss(case: ListObjective) -> None:
    """So that it can be trained with."""
    scores, labels, mask = case.lists()
    loss, slopes = case.gradient(scores, labels, mask)
    expect(case.loss(scores - 1e-3 * slopes, labels, mask) < loss, "expected a lower loss after a step")


PROMISES: dict[str, Promise[ListObjective]] = {
    check.__name__: check
    for check in (
        padding_changes_neither_loss_nor_gradient,
        junk_in_the_weights_of_padding_changes_nothing,
        longer_padding_changes_nothing,
        a_batch_of_padding_only_costs_nothing,
        no_lists_and_empty_lists_cost_zero,
        lists_of_one_grade,
        single_documents,
        a_list_that_cannot_teach_does_not_change_its_neighbour,
        the_mean_is_the_mean_of_the_lists,
        document_order_does_not_matter,
        scores_of_ten_thousand_stay_finite,
        scores_of_any_size_stay_finite,
        labels_of_thirty_stay_finite,
        the_gradient_is_that_of_the_loss,
        weights_of_one_change_nothing,
        query_weights_multiply_their_lists,
        a_document_of_weight_zero_gets_no_gradient,
        half_precision_is_computed_in_float32,
        autocast_changes_nothing,
        inputs_stay_as_they_are,
        the_same_call_gives_the_same_bits,
        a_step_against_the_gradient_lowers_the_loss,
    )
}


def check_list_objective(
    objective: Callable[..., Tensor],
    *,
    teaches_from_one_grade: bool = False,
    draws: bool = False,
    documents_are_apart: bool = True,
    slopes_are_exact: bool = True,
) -> None:
    """As :func:`rankkit.testing.check_objective`, of an objective over lists."""
    case = ListObjective(objective, teaches_from_one_grade, draws, documents_are_apart, slopes_are_exact)
    check_all(getattr(objective, "__name__", type(objective).__name__), PROMISES, case)
