"""What every objective on embeddings promises, each called through the same batch of rows and classes."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rankkit.distances import VerificationHead
from rankkit.objectives.embedding import Prototypes
from rankkit.testing.promises import Promise, check_all, expect, expect_near, expect_same

N, N_DIMS, N_CLASSES = 12, 3, 4
HEAD_WEIGHTS, HEAD_BIAS = [-1.5, 0.5, -0.25], 0.75
_LARGEST = [(torch.float16, 6e4), (torch.float32, 1e20), (torch.float32, 1e30), (torch.float64, 1e300)]


@dataclass(frozen=True)
class EmbeddingObjective:
    """An objective on embeddings, and what is not to be expected of it; :func:`check_objective` describes each."""

    objective: Callable[..., Tensor]
    slopes_are_exact: bool = True

    @property
    def takes(self) -> str:
        """What it is called with."""
        return str(getattr(self.objective, "takes", "lists"))

    @property
    def is_in_cube(self) -> bool:
        """Whether the numbers of an embedding lie between 0 and 1."""
        return getattr(self.objective, "output", None) == "sigmoid"

    def batch(self, n: int = N, dtype: torch.dtype = torch.float64, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Rows that the objective can take, and classes of which each has several rows."""
        drawn = torch.Generator().manual_seed(seed)
        rows = torch.randn(n, N_DIMS, generator=drawn, dtype=torch.float64)
        rows = rows.sigmoid() if self.is_in_cube else rows
        return rows.to(dtype), torch.randint(0, N_CLASSES, (n,), generator=drawn)

    def n_parts(self) -> int:
        """Pairs and views are two parts of the rows, triplets three."""
        return {"triplets": 3, "classes": 1, "prototypes": 1}.get(self.takes, 2)

    def cut(self, rows: Any) -> list[Any]:
        """The rows in these parts."""
        size = len(rows) // self.n_parts()
        return [rows[part * size : (part + 1) * size] for part in range(self.n_parts())]

    def loss(self, rows: Tensor, classes: Tensor, **options: Any) -> Tensor:
        """The loss of a batch; classes matter where the objective asks for them."""
        parts = self.cut(rows)
        parameter = inspect.signature(self.objective).parameters.get("margin")
        if parameter is not None and parameter.default is parameter.empty:
            options = {"margin": 1.0, **options}
        if self.takes in ("pairs", "logits"):
            first, second = self.cut(classes)
            options = {"same": first == second, **options}
            return self.objective(*(parts if self.takes == "pairs" else [head().pairwise(*parts)]), **options)
        if self.takes == "prototypes" and "prototypes" not in options:
            options = {"prototypes": prototypes(), **options}
        if self.takes in ("classes", "prototypes"):
            options = {"classes": classes, **options}
        return self.objective(*parts, **options)

    def gradient(self, rows: Tensor, classes: Tensor, **options: Any) -> list[Tensor]:
        """The loss and its gradient."""
        rows = rows.detach().clone().requires_grad_()
        loss = self.loss(rows, classes, **options)
        loss.sum().backward()
        return [loss.detach(), torch.zeros_like(rows) if rows.grad is None else rows.grad]


def prototypes() -> Prototypes:
    """A prototype a class, the same ones each time."""
    return Prototypes(N_CLASSES, N_DIMS, seed=5)


def head() -> VerificationHead:
    """Koch's head with weights of two signs."""
    found = VerificationHead(N_DIMS)
    found.set_weights(HEAD_WEIGHTS, bias=HEAD_BIAS)
    return found


def _finite(found: list[Tensor], what: str) -> None:
    expect(found[0].isfinite().all() and found[1].isfinite().all(), f"expected a finite loss and gradient for {what}")


def the_gradient_is_that_of_the_loss(case: EmbeddingObjective) -> None:
    """By differences, in float64."""
    if case.slopes_are_exact:
        rows, classes = case.batch(seed=3)
        torch.autograd.gradcheck(lambda x: case.loss(x, classes), (rows.requires_grad_(),))


def half_precision_is_computed_in_single(case: EmbeddingObjective) -> None:
    """And the gradient has the type of the rows."""
    for dtype in (torch.float16, torch.bfloat16):
        rows, classes = case.batch(dtype=dtype)
        loss, slopes = case.gradient(rows, classes)
        single, exact = case.gradient(rows.float(), classes)
        expect(loss.dtype == torch.float32 and slopes.dtype == dtype, f"expected a float32 loss of {dtype} rows")
        expect_near(loss, single, f"expected {dtype} computed in float32", rtol=1e-6, atol=1e-12)
        expect_near(slopes, exact.to(dtype), f"expected the gradient of {dtype} in float32", rtol=2e-2, atol=1e-5)


def autocast_changes_nothing(case: EmbeddingObjective) -> None:
    """The loss stays in float32."""
    rows, classes = case.batch(dtype=torch.float32)
    loss, slopes = case.gradient(rows, classes)
    rows.requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        again = case.loss(rows, classes)
    again.backward()  # outside, as torch asks for
    expect(again.dtype == torch.float32, f"expected a float32 loss under autocast, got {again.dtype}")
    expect_same([again.detach(), rows.grad], [loss, slopes], "expected the same under autocast")


def rows_that_are_all_the_same_or_zero_stay_finite(case: EmbeddingObjective) -> None:
    """Whatever their classes."""
    _, classes = case.batch()
    for value in (0.0, 0.5, 1.0):
        for found in (classes, torch.zeros_like(classes), torch.arange(N) % N_CLASSES):
            _finite(case.gradient(torch.full((N, N_DIMS), value), found), f"rows of {value}")


def one_class_and_all_different_classes_stay_finite(case: EmbeddingObjective) -> None:
    """Of which there is nothing to tell apart, or nothing to bring together."""
    rows, _ = case.batch(dtype=torch.float32)
    # Prototypes have four classes only.
    different = torch.arange(N) if case.takes != "prototypes" else torch.arange(N) % N_CLASSES
    for classes in (torch.zeros(N, dtype=torch.int64), different):
        _finite(case.gradient(rows, classes), "one class, or all different ones")


def an_empty_batch_costs_nothing(case: EmbeddingObjective) -> None:
    """And is no error."""
    rows, none = torch.zeros(0, N_DIMS, requires_grad=True), torch.zeros(0, dtype=torch.int64)
    loss = case.loss(rows, none)
    loss.backward()
    expect(loss.shape == () and loss == 0, f"expected loss 0 for an empty batch, got {loss}")
    expect(rows.grad is not None and rows.grad.shape == rows.shape, "expected a gradient for an empty batch")
    if "reduction" in inspect.signature(case.objective).parameters:
        count = case.loss(rows, none, reduction="none").numel()
        expect(count in (0, N_CLASSES), f"expected no values for an empty batch, got {count}")


def one_example_has_no_negative(case: EmbeddingObjective) -> None:
    """So it costs nothing."""
    if case.takes in ("views", "classes"):
        loss, slopes = case.gradient(*case.batch(n=1 if case.takes == "classes" else 2))
        expect(loss == 0 and not slopes.any(), f"expected loss and gradient 0 for one example, got {loss}")


def rows_of_any_size_stay_finite(case: EmbeddingObjective) -> None:
    """In every type."""
    rows, classes = case.batch()
    for dtype, size in ((torch.float32, 1e4), *_LARGEST):
        large = rows > 0.5 if case.is_in_cube else rows.clamp(-1, 1) * size
        _finite(case.gradient(large.to(dtype), classes), f"{dtype} rows of {size:g}")


def what_comes_in_is_not_changed(case: EmbeddingObjective) -> None:
    """Rows and classes."""
    given = case.batch()
    before = [part.clone() for part in given]
    case.loss(*given)
    expect_same(given, before, "expected inputs that are left as they are")


def the_order_of_examples_does_not_matter(case: EmbeddingObjective) -> None:
    """Pairs, triplets and views stay together."""
    for seed in range(4):
        rows, classes = case.batch(seed=seed)
        size = N // case.n_parts()
        order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
        order = torch.cat([order + part * size for part in range(case.n_parts())])
        found = case.loss(rows[order], classes[order])
        expect_near(found, case.loss(rows, classes), "expected the same in another order", rtol=1e-7, atol=1e-7)


PROMISES: dict[str, Promise[EmbeddingObjective]] = {
    check.__name__: check
    for check in (
        the_gradient_is_that_of_the_loss,
        half_precision_is_computed_in_single,
        autocast_changes_nothing,
        rows_that_are_all_the_same_or_zero_stay_finite,
        one_class_and_all_different_classes_stay_finite,
        an_empty_batch_costs_nothing,
        one_example_has_no_negative,
        rows_of_any_size_stay_finite,
        what_comes_in_is_not_changed,
        the_order_of_examples_does_not_matter,
    )
}


def check_embedding_objective(objective: Callable[..., Tensor], *, slopes_are_exact: bool = True) -> None:
    """As :func:`rankkit.testing.check_objective`, of an objective on embeddings."""
    name = getattr(objective, "__name__", type(objective).__name__)
    check_all(name, PROMISES, EmbeddingObjective(objective, slopes_are_exact))
