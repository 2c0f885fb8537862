"""The dual learning algorithm: a ranker and the position bias of its clicks, learnt from each other."""

import math
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives.options import check_labels, check_number
from rankkit.objectives.reductions import reduce_weighted
from rankkit.ranking import Reduction, list_sizes, masked_log_softmax, prepare_lists, split_weights


class DualLearning(nn.Module):
    r"""Dual learning algorithm (DLA): learns from clicks, and how likely each position is looked at along with it.

    .. math::
        -\sum_{i : c_i = 1} \left(\frac{e^{g_1}}{e^{g_i}} \log \frac{e^{s_i}}{\sum_j e^{s_j}}
        + \frac{e^{s_1}}{e^{s_i}} \log \frac{e^{g_i}}{\sum_j e^{g_j}}\right)

    Documents stand in shown order, numbered from the first real one; :math:`g_i` is the logit of position i, a
    parameter. The first term trains the scores, clicks weighing the inverse propensity of their position, the second
    the logits, clicks weighing the inverse relevance of their document; both weights are relative to the first position
    and carry no gradient. At the optimum :math:`e^{g_i}` is proportional to the propensity where clicks follow a
    position-based model. A list without a click, or with fewer than two documents, stays out of the mean.

    :func:`rankkit.fit` trains the parameters at their own ``learning_rate`` and keeps them in checkpoints; in a loop of
    one's own, give ``parameters()`` to an optimizer.

    Args:
        n_positions: The longest list that can be costed.
        max_weight: Limit of both weights, above 0: larger ones come from scores that are too far apart, which they
            would drive further. The paper has none: ``math.inf``.

    Example:
        >>> objective = DualLearning(n_positions=3)
        >>> scores, clicks = torch.tensor([[2.0, 2.0, 9.0]]), torch.tensor([[0.0, 1.0, 1.0]])
        >>> objective(scores, clicks, torch.tensor([[True, True, False]])).item() / 2  # ties: log 2 for each term
        0.693147...

    References:
        Ai, Bi, Luo, Guo, Croft, "Unbiased Learning to Rank with Unbiased Propensity Estimation", SIGIR 2018.
    """

    learns_from: ClassVar[str] = "clicks"
    learning_rate: ClassVar[float] = 0.05  # of the logits in fit(), whose own is made for networks

    def __init__(self, *, n_positions: int = 10, max_weight: float = 10.0) -> None:
        super().__init__()
        if n_positions < 1:
            raise ConfigError(f"DualLearning: expected n_positions of at least 1; got {n_positions!r}. Pass a count.")
        if max_weight != math.inf:
            check_number("DualLearning", "max_weight", max_weight, above=0.0)
        self.n_positions = n_positions
        self.max_weight = max_weight
        self.options: dict[str, Any] = {"n_positions": n_positions, "max_weight": max_weight}
        self.position_logits = nn.Parameter(torch.zeros(n_positions))

    def forward(
        self,
        scores: Float[Tensor, "query list"],
        labels: Float[Tensor, "query list"],
        mask: Bool[Tensor, "query list"] | None = None,
        *,
        weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
        reduction: Reduction = "mean",
    ) -> Float[Tensor, ""] | Float[Tensor, " query"]:
        """The loss of padded lists in shown order.

        Args:
            scores: ``[query, list]``, one a document, any real number.
            labels: ``[query, list]``, clicks, 0 or 1, or the share of sessions with a click.
            mask: ``[query, list]``, True where a document is real; None: everywhere.
            weights: ``[query]`` or ``[query, list]``, importance of terms, beside the propensities that are learnt.
            reduction: ``"mean"`` over lists with a click, or ``"none"``: ``[query]``.

        Returns:
            At least 0; a scalar, or ``[query]``.

        Raises:
            ShapeError: If the shapes differ, or a list is longer than ``n_positions``.
        """
        scores, labels, mask = prepare_lists("DualLearning", scores, labels, mask)
        check_labels("DualLearning", labels, labels >= 0, "clicks of at least 0", "Train on a click log.")
        query_weights, doc_weights = split_weights("DualLearning", weights, scores, mask)
        logits = self._logits_of_documents(mask).to(scores.dtype)
        first = mask.long().argmax(dim=1, keepdim=True) if mask.shape[1] else mask.long()
        clicks = labels if doc_weights is None else labels * doc_weights
        terms = self._relative_to(first, logits) * masked_log_softmax(scores, mask)
        terms = terms + self._relative_to(first, scores) * masked_log_softmax(logits, mask)
        per_list = -(clicks * terms).sum(dim=1)
        return reduce_weighted(per_list, query_weights, (labels > 0).any(dim=1) & (list_sizes(mask) >= 2), reduction)

    def propensities(self) -> Float[Tensor, " position"]:
        """How likely each position is looked at, relative to the first, as learnt so far; on the CPU."""
        logits = self.position_logits.detach().cpu()
        return (logits - logits[0]).exp()

    def extra_repr(self) -> str:
        """The options."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())

    def _logits_of_documents(self, mask: Tensor) -> Tensor:
        if mask.shape[1] > self.n_positions:
            longest = int(list_sizes(mask).max()) if mask.shape[0] else 0
            if longest > self.n_positions:
                raise ShapeError(
                    f"DualLearning: expected lists of at most {self.n_positions} documents; got one of {longest}. "
                    "Build it with n_positions= the longest list, or cut the lists with rankkit.shown_lists()."
                )
        place = (mask.cumsum(dim=1) - 1).clamp(min=0)
        return torch.where(mask, self.position_logits[place], 0)

    def _relative_to(self, first: Tensor, logits: Tensor) -> Tensor:
        """``e^(first) / e^(each)`` without gradient, limited before it can overflow."""
        logits = logits.detach()
        differences = logits.gather(1, first) - logits
        if self.max_weight != math.inf:
            differences = differences.clamp(max=math.log(self.max_weight))
        return differences.exp()
