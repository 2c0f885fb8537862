"""Proxy-anchor: the prototypes are the anchors."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from rankkit.objectives.embedding.prototypes import Prototypes, with_prototypes
from rankkit.objectives.embedding.scores import log_one_plus_sum, scores_of_sets
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_number
from rankkit.ranking import Reduction, reduce_lists


@marked(takes="prototypes")
def proxy_anchor_loss(
    embeddings: Float[Tensor, "n dim"],
    *,
    classes: Int[Tensor, " n"],
    prototypes: Float[Tensor, "c dim"] | Prototypes,
    margin: float = 0.1,
    alpha: float = 32.0,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " c"]:
    r"""Proxy-anchor loss: each prototype is an anchor that pulls its class and pushes all the others.

    .. math::
        \frac{1}{|P^+|} \sum_{c \in P^+} \log(1 + \sum_{i: y_i = c} e^{-\alpha (s_{ic} - m)}) + \frac{1}{|P|} \sum_{c
        \in P} \log(1 + \sum_{i: y_i \ne c} e^{\alpha (s_{ic} + m)})

    with s the cosine, P all prototypes and P⁺ those with an example in the batch.

    Args:
        embeddings: ``[n, n_dims]``, one a row, of any length.
        classes: ``[n]``, the number of the prototype of each.
        prototypes: ``[c, n_dims]``, one a class, of any length: :class:`Prototypes` or its weight.
        margin: m, in units of the cosine, at least 0.
        alpha: Steepness, above 0.
        reduction: ``"mean"``, or ``"none"``: ``[c]``, one a prototype, the first sum ``|P| / |P⁺|`` fold for the same
            mean.

    Returns:
        At least 0; a scalar, or ``[c]``.

    Example:
        >>> x, prototypes = torch.tensor([[0.0, 0.0, 1.0]]), torch.eye(3)[:2]  # at right angles: log 2 + log(2) / 2
        >>> proxy_anchor_loss(x, classes=torch.tensor([0]), prototypes=prototypes, margin=0.0)
        tensor(1.0397)

    References:
        Kim, Kim, Cho, Kwak, "Proxy Anchor Loss for Deep Metric Learning", CVPR 2020, equation 4.
    """
    where = "proxy_anchor_loss"
    check_number(where, "margin", margin, least=0.0)
    check_number(where, "alpha", alpha, above=0.0)
    embeddings, weight = with_prototypes(where, embeddings, classes, prototypes)
    n_classes = weight.shape[0]
    scores = scores_of_sets("cosine_similarity", weight, embeddings)
    own = classes[None, :] == torch.arange(n_classes, device=classes.device)[:, None]
    pull = log_one_plus_sum(-alpha * (scores - margin), own)
    push = log_one_plus_sum(alpha * (scores + margin), ~own)
    n_present = own.any(dim=1).sum().clamp(min=1).to(pull.dtype)
    return reduce_lists(pull * (n_classes / n_present) + push, torch.ones_like(pull, dtype=torch.bool), reduction)
