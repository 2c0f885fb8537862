"""Objectives of pretraining without labels: two views of the documents of queries, told from or drawn to each other."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from rankkit.data.batch import pad
from rankkit.errors import ShapeError
from rankkit.objectives.embedding.inputs import check_rows
from rankkit.objectives.embedding.temperature import Temperature, tempered
from rankkit.ranking import Reduction, reduce_lists

_BLOCK = 2**24  # scores that are computed at a time


def simclr_rank_loss(
    x: Float[Tensor, "doc dim"],
    y: Float[Tensor, "doc dim"],
    offsets: Int[Tensor, " n_offsets"],
    *,
    temperature: Temperature = 0.1,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""SimCLR-Rank: of all other views of documents of the same query, the one of the same document.

    .. math:: \frac{1}{2n} \sum_i -\log \frac{e^{s_{ij} / T}}{\sum_{k \ne i} e^{s_{ik} / T}}, \qquad i, k \in 1..2n

    of a query of n documents, with s the cosine and j the other view of the document of i: :func:`nt_xent_loss` of each
    query by itself. A query of one document has nothing to tell it from and stays out of the mean. Time grows with the
    square of the list; where there are many scores, they are computed in blocks and once more for the gradient, so that
    memory does not.

    Args:
        x: ``[doc, dim]``, embeddings of one view.
        y: ``[doc, dim]``, embeddings of the other view, row by row of the same documents.
        offsets: ``[query + 1]``.
        temperature: Above 0, a number, a tensor or :class:`LearnedTemperature`; scores are divided by it.
        reduction: ``"mean"`` over queries of at least two documents, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Raises:
        ShapeError: If the offsets do not end at the number of documents.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
        >>> simclr_rank_loss(x, x, torch.tensor([0, 2, 3]), temperature=1.0)  # of the first query: log(1 + 2 / e)
        tensor(0.5514)

    References:
        Hou, Thekumparampil, Shavlovsky, Fanti, Dattatreya, Sanghavi, *Pretrained deep models outperform GBDTs in
        Learning-To-Rank under label scarcity*, TMLR 2024.
    """
    where = "simclr_rank_loss"
    x, y = check_rows(where, x=x, y=y)
    _check_offsets(where, offsets, len(x))
    directions = [functional.normalize(view, dim=1) for view in (x, y)]
    lists, mask = zip(*(pad(view, offsets) for view in directions), strict=True)
    views, there = torch.cat(lists, dim=1), torch.cat(mask, dim=1)
    n_queries, n_views = there.shape
    places = torch.arange(n_views, device=x.device)
    partners = places.roll(n_views // 2)
    n_rows = max(1, _BLOCK // max(1, n_queries * n_views))

    def losses(first: int, views: Tensor) -> Tensor:
        """Those of the views of each query from that place on: ``[query, view]``."""
        rows = slice(first, first + n_rows)
        own = places[rows]
        scores = tempered(where, views[:, rows] @ views.transpose(1, 2), temperature)
        left_out = ~there[:, None, :] | (own[:, None] == places)
        # A row without a view may look at anything: what it gives is left out below.
        left_out = left_out & there[:, rows, None]
        near = scores.gather(2, partners[rows].expand(n_queries, -1)[:, :, None]).squeeze(2)
        return scores.masked_fill(left_out, -torch.inf).logsumexp(dim=2) - near

    starts = range(0, n_views, n_rows)
    in_blocks = len(starts) > 1 and torch.is_grad_enabled()
    again: dict[str, Any] = {"use_reentrant": False, "preserve_rng_state": False}  # nothing is drawn
    parts = [checkpoint(losses, first, views, **again) if in_blocks else losses(first, views) for first in starts]
    if not parts:
        parts = [views.sum(dim=2)]
    sizes = offsets.diff()
    sums = torch.cat(parts, dim=1).masked_fill(~there, 0.0).sum(dim=1)
    return reduce_lists(sums / (2 * sizes).clamp(min=1), sizes > 1, reduction)


def simsiam_loss(
    predicted: Float[Tensor, "doc dim"],
    other_predicted: Float[Tensor, "doc dim"],
    projected: Float[Tensor, "doc dim"],
    other_projected: Float[Tensor, "doc dim"],
    *,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " doc"]:
    r"""SimSiam: what is predicted from one view is drawn to the other, without negatives.

    .. math:: -\frac{1}{2} \cos(p, \bar z') - \frac{1}{2} \cos(p', \bar z)

    z and z' are the projections of two views, p and p' what a predictor makes of them; no gradient flows into the
    barred ones, without which all documents would soon be one point.

    Args:
        predicted: ``[doc, dim]``, p.
        other_predicted: ``[doc, dim]``, p'.
        projected: ``[doc, dim]``, z.
        other_projected: ``[doc, dim]``, z'.
        reduction: ``"mean"`` over documents, or ``"none"``: ``[doc]``.

    Returns:
        From -1 to 1; a scalar, or ``[doc]``.

    Example:
        >>> x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]])
        >>> simsiam_loss(x, y, x, y)  # both at 45 degrees
        tensor(-0.7071)

    References:
        Chen, He, *Exploring Simple Siamese Representation Learning*, CVPR 2021, equations 1 to 4.
    """
    p, q, z, w = check_rows(
        "simsiam_loss",
        predicted=predicted,
        other_predicted=other_predicted,
        projected=projected,
        other_projected=other_projected,
    )
    terms = -(functional.cosine_similarity(p, w.detach()) + functional.cosine_similarity(q, z.detach())) / 2
    return reduce_lists(terms, torch.ones_like(terms, dtype=torch.bool), reduction)


def _check_offsets(where: str, offsets: Tensor, n_docs: int) -> None:
    if offsets.dim() != 1 or not len(offsets) or int(offsets[-1]) != n_docs:
        raise ShapeError(
            f"{where}: expected offsets that end at the {n_docs} documents; got {offsets.tolist()[-3:]}. "
            "Pass those of the batch."
        )
