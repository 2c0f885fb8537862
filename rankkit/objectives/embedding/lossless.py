"""The lossless triplet loss and its linear form, for embeddings in the unit cube (sigmoid outputs)."""

import torch
from jaxtyping import Float
from torch import Tensor

from rankkit.errors import ConfigError, DataError
from rankkit.objectives.embedding.inputs import check_rows
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_number
from rankkit.ranking import Reduction, reduce_lists


@marked(takes="triplets", distance="squared_euclidean", output="sigmoid")
def lossless_triplet_loss(
    anchor: Float[Tensor, "n dim"],
    positive: Float[Tensor, "n dim"],
    negative: Float[Tensor, "n dim"],
    *,
    beta: float | None = None,
    epsilon: float = 1e-8,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""Lossless triplet loss: logarithms in place of the hinge, so that no triplet is ever done.

    .. math::
        -\log(1 - x_{ap} / \beta + \epsilon) - \log(1 - (N - x_{an}) / \beta + \epsilon),
        \quad x = \textstyle\sum_k (\cdot)_k^2

    with N dimensions and *squared* distances x. At beta = N this is two binary cross entropies, of "same" with
    probability ``1 - x_ap / N`` and of "other" with probability ``x_an / N``: a verification loss on pairs. Only
    opposite corners of the cube are N apart, so that it suits few classes. Where anchor and negative are equal the loss
    is 18.4 and the gradient 0; 1e-4 apart it is 5,000 (N = 3): clip gradients.

    Args:
        anchor: ``[n, n_dims]``, embeddings in [0, 1], as a sigmoid gives them; others are an error.
        positive: ``[n, n_dims]``, in [0, 1], row i of the class of row i of ``anchor``.
        negative: ``[n, n_dims]``, in [0, 1], row i of another class.
        beta: At least N; None: N. Above N the cost of a negative is capped (2N: at most 2 log 2 in all).
        epsilon: What a probability of 0 counts as, above 0: part of the definition.
        reduction: ``"mean"`` over triplets, or ``"none"``: ``[n]``.

    Returns:
        From ``-2 log(1 + epsilon)`` to ``-2 log(epsilon)``, 36.8; a scalar, or ``[n]``.

    Example:
        >>> a, p, n = torch.zeros(1, 3), torch.tensor([[0.5, 0.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0]])
        >>> lossless_triplet_loss(a, p, n)  # -log(1 - .25 / 3) - log(2 / 3), .0870 + .4055
        tensor(0.4925)

    References:
        Arsenault, "Lossless Triplet Loss", 2018 (blog post; equations as in its public code).
    """
    where = "lossless_triplet_loss"
    check_number(where, "epsilon", epsilon, above=0.0)
    anchor, positive, negative = _in_unit_cube(where, anchor, positive, negative)
    n_dims = anchor.shape[1]
    beta = float(n_dims) if beta is None else beta
    if not n_dims <= beta < float("inf"):
        raise ConfigError(
            f"{where}: expected beta of at least {n_dims}, the number of dimensions; got {beta!r}. "
            "Leave beta out, which takes that number: below it the logarithm of a negative number would be asked for."
        )
    near = (anchor - positive).square().sum(dim=1)
    far = (anchor - negative).square().sum(dim=1)
    # Each probability with its complement, neither as 1 minus the other.
    same = _log_probability((beta - near) / beta, near / beta, epsilon)
    other = _log_probability(((beta - n_dims) + far) / beta, (n_dims - far) / beta, epsilon)
    terms = -same - other
    return reduce_lists(terms, torch.ones_like(terms, dtype=torch.bool), reduction)


@marked(takes="triplets", distance="squared_euclidean", output="sigmoid")
def linear_triplet_loss(
    anchor: Float[Tensor, "n dim"],
    positive: Float[Tensor, "n dim"],
    negative: Float[Tensor, "n dim"],
    *,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""The linear form that came before the lossless triplet loss: no hinge, no logarithm.

    .. math:: x_{ap} - x_{an} + N, \quad x = \textstyle\sum_k (\cdot)_k^2

    For comparison only: every triplet pulls with the same strength however good it is, and with three classes two of
    them end at one point.

    Args:
        anchor: ``[n, n_dims]``, embeddings in [0, 1], as a sigmoid gives them; others are an error.
        positive: ``[n, n_dims]``, in [0, 1], row i of the class of row i of ``anchor``.
        negative: ``[n, n_dims]``, in [0, 1], row i of another class.
        reduction: ``"mean"`` over triplets, or ``"none"``: ``[n]``.

    Returns:
        From 0 to 2N; a scalar, or ``[n]``.

    Example:
        >>> a, p, n = torch.zeros(1, 3), torch.tensor([[0.5, 0.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0]])
        >>> linear_triplet_loss(a, p, n)  # .25 - 2 + 3
        tensor(1.2500)

    References:
        Arsenault, "Lossless Triplet Loss", 2018 (blog post; the formula is inferred from its text).
    """
    anchor, positive, negative = _in_unit_cube("linear_triplet_loss", anchor, positive, negative)
    near = (anchor - positive).square().sum(dim=1)
    far = (anchor - negative).square().sum(dim=1)
    terms = near - far + anchor.shape[1]
    return reduce_lists(terms, torch.ones_like(terms, dtype=torch.bool), reduction)


def _log_probability(chance: Tensor, rest: Tensor, epsilon: float) -> Tensor:
    """``log(chance + epsilon)``, from rest = 1 - chance where that is the smaller of the two."""
    likely = rest < 0.5
    # Each branch sees numbers that it can take: the slope of the other one would be NaN.
    from_rest = torch.log1p(epsilon - rest.where(likely, 0))
    from_chance = torch.log(chance.where(~likely, 1) + epsilon)
    return torch.where(likely, from_rest, from_chance)


def _in_unit_cube(where: str, anchor: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, ...]:
    """The rows, checked to lie in [0, 1]; on an accelerator this waits for the device."""
    rows = check_rows(where, anchor=anchor, positive=positive, negative=negative)
    for name, values in zip(("anchor", "positive", "negative"), rows, strict=True):
        good = (values >= 0) & (values <= 1)
        if not bool(good.all()):
            wrong = values.detach()[~good][0].item()
            raise DataError(
                f"{where}: expected {name} embeddings in [0, 1]; got {wrong:g}. "
                "Build the encoder with output='sigmoid'."
            )
    return rows
