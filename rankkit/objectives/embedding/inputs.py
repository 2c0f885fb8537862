"""What an embedding objective is given, checked, and what the cores of ranking objectives take: nearness as score."""

from collections.abc import Callable

import torch
from torch import Tensor

from rankkit.distances import Distance, find_distance, nearness
from rankkit.errors import DataError, ShapeError
from rankkit.objectives.single_derivative import refuse_transforms
from rankkit.ranking import check_tensors


def check_rows(where: str, **named: Tensor) -> tuple[Tensor, ...]:
    """Embeddings of one shape ``[n, n_dims]``, in one type of at least single precision.

    Raises:
        DataError: If one is no tensor, or boolean: a mask, as an objective on rankings gets.
        ConfigError: Inside of a transform of ``torch.func``: derivatives forward would be wrong without a word.
    """
    refuse_transforms(where)
    check_tensors(where, **named)
    rows = tuple(named.values())
    if any(row.dim() != 2 or row.shape[1] == 0 or row.shape != rows[0].shape for row in rows):
        shapes = ", ".join(f"{name} {list(row.shape)}" for name, row in named.items())
        raise ShapeError(
            f"{where}: expected embeddings [n, n_dims]{' of one shape' if len(rows) > 1 else ''}; got {shapes}. "
            "Pass one row an example."
        )
    if any(row.dtype == torch.bool for row in rows):
        name = next(name for name, row in named.items() if row.dtype == torch.bool)
        raise DataError(
            f"{where}: expected embeddings of numbers; got {name} as torch.bool. "
            "A function around this objective needs its attribute takes, or pass Objective(function, option=...)."
        )
    dtype = torch.float64 if any(row.dtype == torch.float64 for row in rows) else torch.float32
    return tuple(row.to(dtype) for row in rows)


def check_reference(where: str, reference: Tensor, embeddings: Tensor) -> Tensor:
    """Rows to compare with beside those of the batch, of its type and without a gradient.

    Raises:
        ShapeError: If they have another number of dimensions.
    """
    if reference.dim() != 2 or reference.shape[1] != embeddings.shape[1]:
        raise ShapeError(
            f"{where}: expected reference [m, {embeddings.shape[1]}]; got {list(reference.shape)}. "
            "Embed it with the same encoder."
        )
    return reference.detach().to(embeddings.dtype)


def check_same(where: str, same: Tensor, n_pairs: int) -> None:
    """Raise ShapeError unless ``same`` is a boolean for every pair; 0 and 1 mean opposite things in the literature."""
    if same.dtype != torch.bool or same.shape != (n_pairs,):
        raise ShapeError(
            f"{where}: expected same [{n_pairs}] boolean, True where both are of one class; "
            f"got {same.dtype} {list(same.shape)}. Compare the classes: first == second."
        )


def check_classes(where: str, classes: Tensor, n_rows: int, *, n_classes: int | None = None) -> None:
    """Check whole numbers, one a row; with prototypes each the number of one of them (this waits for the device)."""
    if classes.shape != (n_rows,):
        raise ShapeError(
            f"{where}: expected classes [{n_rows}], one an embedding; got {list(classes.shape)}. "
            "Pass the labels of the batch."
        )
    if classes.dtype.is_floating_point or classes.dtype.is_complex:
        raise DataError(f"{where}: expected classes as whole numbers; got {classes.dtype}. Number the classes.")
    if n_classes is not None and bool(((classes < 0) | (classes >= n_classes)).any()):
        found = classes.tolist()
        worst = next(value for value in found if not 0 <= value < n_classes)
        raise DataError(
            f"{where}: expected classes from 0 to {n_classes - 1}, one a prototype; got {worst}. "
            "Build Prototypes with as many classes as there are, numbered from 0."
        )


AnyDistance = str | Distance | Callable[[Tensor, Tensor], Tensor]


def scores_of_pairs(distance: AnyDistance, x: Tensor, y: Tensor) -> Tensor:
    """How near row i of x is to row i of y, ``[n]``."""
    measure = find_distance(distance)
    return nearness(measure, measure.pairwise(x, y))


def scores_of_sets(distance: AnyDistance, x: Tensor, y: Tensor) -> Tensor:
    """How near each row of x is to each row of y, ``[n, m]``."""
    measure = find_distance(distance)
    return nearness(measure, measure.matrix(x, y))


def others_by_class(classes: Tensor) -> tuple[Tensor, Tensor]:
    """For each row as anchor: which rows are of its class ``[n, n]``, and which count at all: all but itself."""
    alike = classes[:, None] == classes[None, :]
    others = ~torch.eye(classes.shape[0], dtype=torch.bool, device=classes.device)
    return alike & others, others


def log_one_plus_sum(exponents: Tensor, chosen: Tensor) -> Tensor:
    """``log(1 + sum of exp)`` over the chosen entries of each row, ``[n]``; 0 with a zero gradient where none is."""
    if exponents.shape[1] == 0:
        return exponents.sum(dim=1)
    kept = exponents.masked_fill(~chosen, torch.finfo(exponents.dtype).min / 4).logsumexp(dim=1)
    return -torch.nn.functional.logsigmoid(-kept)  # torch's softplus is linear above 20
