"""Sorting that can be differentiated: NeuralSort's soft permutation matrix, and Sinkhorn's scaling of a matrix.

Rows are ranks, columns are documents: entry (r, j) says how much of rank r document j holds.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.single_derivative import refuse_transforms, single_derivative
from rankkit.ranking import list_sizes

LARGEST_LIST = 2_000
"""Longest list of the objectives that hold a matrix of all ranks by all documents: 16 MB in float32."""


def check_matrix_size(where: str, n_rows: int, list_size: int) -> None:
    """Raise ConfigError where a soft permutation matrix would be larger than that of a list of LARGEST_LIST."""
    if n_rows * list_size > LARGEST_LIST**2:
        raise ConfigError(
            f"{where}: expected at most {LARGEST_LIST**2:,} entries of ranks by documents a list (a list of "
            f"{LARGEST_LIST:,}); got {n_rows:,} by {list_size:,}. Use approx_ndcg_loss, whose memory is linear."
        )


def neural_sort(
    scores: Float[Tensor, "query list"], mask: Bool[Tensor, "query list"], temperature: float, n_rows: int | None = None
) -> Float[Tensor, "query rank list"]:
    r"""The logarithm of NeuralSort's soft permutation matrix, or of its first ``n_rows`` rows (None: all).

    .. math:: \hat P_{r, j} = \operatorname{softmax}_j \frac{(n + 1 - 2r) s_j - \sum_k |s_j - s_k|}{T}

    The sums over k take a sort, not a matrix. Rows behind the last document, and columns of padding, are to be
    disregarded: the former hold some softmax, the latter the smallest numbers of the type.

    References:
        Grover et al., "Stochastic Optimization of Sorting Networks via Continuous Relaxations", ICLR 2019.
    """
    # Differences of long sums cancel, so the logits are computed in float64 until the largest of a row is taken off.
    placed = scores.double() / temperature
    ranks = torch.arange(1, (scores.shape[1] if n_rows is None else n_rows) + 1, device=scores.device)
    slopes = (list_sizes(mask)[:, None] + 1 - 2 * ranks).double()
    logits = slopes[:, :, None] * placed[:, None] - _sums_of_gaps(placed, mask)[:, None]
    logits = logits.masked_fill(~mask[:, None], -torch.inf)
    if logits.shape[2]:
        top = logits.detach().amax(dim=2, keepdim=True)
        logits = logits - top.masked_fill(top == -torch.inf, 0)
    return logits.to(scores.dtype).clamp(min=torch.finfo(scores.dtype).min).log_softmax(dim=2)


def _sums_of_gaps(placed: Tensor, mask: Tensor) -> Tensor:
    """sum_k |s_j - s_k| of each document, with slope 0 between equal scores."""
    fixed = placed.detach()
    rising, order = torch.where(mask, fixed, torch.inf).sort(dim=1)
    n_below = torch.searchsorted(rising, fixed)
    n_to_here = torch.searchsorted(rising, fixed, right=True)
    sums = placed.gather(1, order).cumsum(dim=1)  # padding is 0 and stands last
    sums = torch.cat([sums.new_zeros(sums.shape[0], 1), sums], dim=1)
    n_above = list_sizes(mask)[:, None] - n_to_here
    return (n_below - n_above) * placed - sums.gather(1, n_below) + sums[:, -1:] - sums.gather(1, n_to_here)


def sinkhorn(
    matrix: Float[Tensor, "query row column"], n_iterations: int
) -> tuple[Float[Tensor, "query row"], Float[Tensor, "query column"]]:
    """Factors of rows and columns that make a matrix doubly stochastic, by scaling columns, then rows, in turn.

    The scaled matrix ``rows[:, :, None] * matrix * columns[:, None]`` is never formed: an iteration takes two products
    of the matrix with a vector, and the gradient two more, plus one product of two matrices as thin as the iterations
    are many. Rows and columns of zeros (padding) get the factor 0; all others have a positive entry. Rows are scaled
    last.

    References:
        Sinkhorn, Annals of Mathematical Statistics 35, 1964.
    """
    refuse_transforms("neural_ndcg_loss")
    rows, columns = _Sinkhorn.apply(matrix, n_iterations)  # type: ignore[no-untyped-call]
    return rows, columns


class _Sinkhorn(torch.autograd.Function):
    """Scaling by vectors, which are all that is kept of an iteration.

    Vectors stand as rows to the left of the matrix, or of its transpose laid out anew: that product is the fast one.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, n_iterations: int) -> tuple[Tensor, Tensor]:
        matrix = matrix.contiguous()
        turned = matrix.mT.contiguous()
        rows = [(matrix.sum(dim=2) > 0).to(matrix.dtype)[:, None]]
        columns = []
        for _ in range(n_iterations):
            columns.append(_inverse(_product(rows[-1], matrix)))
            rows.append(_inverse(_product(columns[-1], turned)))
        ctx.save_for_backward(matrix, torch.cat(rows, dim=1), torch.cat(columns, dim=1))
        return rows[-1][:, 0].clone(), columns[-1][:, 0].clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        matrix, rows, columns = ctx.saved_tensors
        with torch.no_grad():
            slopes = _sinkhorn_slopes(matrix, rows, columns, *grads)
        return single_derivative("neural_ndcg_loss", slopes, matrix, *grads), None


def _sinkhorn_slopes(
    matrix: Float[Tensor, "query row column"],
    rows: Float[Tensor, "query scaled row"],
    columns: Float[Tensor, "query step column"],
    grad_rows: Float[Tensor, "query row"],
    grad_columns: Float[Tensor, "query column"],
) -> Float[Tensor, "query row column"]:
    """The gradient of the matrix, by the iterations run backwards: every one adds two products of vectors."""
    turned = matrix.mT.contiguous()
    grad_row, grad_column = grad_rows[:, None], grad_columns[:, None]
    row_pulls, column_pulls = [], []
    for step in reversed(range(columns.shape[1])):
        row_pulls.append(-grad_row * rows[:, step + 1, None].square())
        grad_column = grad_column + _product(row_pulls[-1], matrix)
        column_pulls.append(-grad_column * columns[:, step, None].square())
        grad_row, grad_column = _product(column_pulls[-1], turned), torch.zeros_like(grad_column)
    left = torch.cat([*reversed(row_pulls), rows[:, :-1]], dim=1)
    right = torch.cat([columns, *reversed(column_pulls)], dim=1)
    return _product(left.mT, right)


def _product(left: Tensor, right: Tensor) -> Tensor:
    with torch.autocast(left.device.type, enabled=False):  # it would round to bfloat16
        return left @ right


def _inverse(sums: Tensor) -> Tensor:
    return torch.where(sums > 0, 1 / sums.where(sums > 0, 1), 0)
