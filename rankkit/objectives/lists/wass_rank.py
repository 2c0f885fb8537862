"""WassRank: how far the softmax of the scores is to be carried to become the softmax of the labels.

Costs, targets and defaults are those of the code of its authors (wildltr/ptranking, cost type ``eg``, mode
``EOTLossSta``), but for the unit of ε, and for iterations that end early there.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.options import check_labels, check_number
from rankkit.objectives.reductions import sum_over_docs
from rankkit.ranking import Reduction, has_two_grades, masked_log_softmax, prepare_lists


def wass_rank_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    gap: float = 100.0,
    same_grade: float = 2.718281828459045,
    gain_base: float = 4.0,
    epsilon: float = 0.1,
    n_iterations: int = 20,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""WassRank: the cost of carrying mass between documents until the softmax of the scores is that of the labels.

    .. math::
        \sum_{ij} P_{ij} C_{ij}, \quad
        C_{ij} = \begin{cases} 0 & i = j \\ v & y_i = y_j \\
        |b^{y_i} - b^{y_j}| + \gamma [y_i = 0 \text{ or } y_j = 0] & \text{else} \end{cases}

    with P of the least :math:`\langle P, C \rangle + \epsilon \max C \langle P, \log P \rangle` whose rows sum to the
    softmax of s, and columns to that of y. Sinkhorn's iterations, a stated number, find it and are differentiated; they
    end with the columns. Time and memory are those times the list. The authors take ε in units of the cost, where a γ
    of 100 keeps 20 iterations from carrying anything that far.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0; their differences are log odds.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        gap: The cost γ of being taken for relevant, or not, at least 0.
        same_grade: The cost v between documents of equal label, at least 0 (e): it evens out their scores.
        gain_base: What b to the power of a label is a label's worth, above 1.
        epsilon: How much the plan P is spread, as a share of the greatest cost of the list, above 0.
        n_iterations: Of Sinkhorn, at least 1; a smaller ε needs more.
        weights: ``[query]`` or ``[query, list]``, importance of what a document sends away; P is made without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[9.0, -9.0, 9.0]]), torch.tensor([[0.0, 1.0, 2.0]])
        >>> wass_rank_loss(scores, labels, torch.tensor([[True, True, False]]))  # softmax(y) of .73 goes the gap and 3
        tensor(75.2990)

    References:
        Yu et al., "WassRank: Listwise Document Ranking Using Optimal Transport Theory", WSDM 2019.
    """
    where = "wass_rank_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    for name, value, bounds in (
        ("gap", gap, {"least": 0.0}),
        ("same_grade", same_grade, {"least": 0.0}),
        ("gain_base", gain_base, {"above": 1.0}),
        ("epsilon", epsilon, {"above": 0.0}),
    ):
        check_number(where, name, value, **bounds)
    if n_iterations < 1:
        raise ConfigError(f"{where}: expected n_iterations of at least 1; got {n_iterations!r}. Iterate at least once.")
    worth = gain_base**labels
    good = (labels >= 0) & worth.isfinite()
    check_labels(where, labels, good, "labels of at least 0 whose gain is a number", "Shift the labels.")
    informative = has_two_grades(labels, mask)
    if not scores.shape[1]:
        return sum_over_docs(where, scores, informative, mask, weights, reduction)
    # In float64, for the slopes: see choice_costs.
    line = _Line(labels, torch.where(labels == 0, 0, worth - 1 + gap).double(), mask, same_grade, epsilon)
    # Converted before the softmax: between scores of float32 there may be more than float32 holds.
    log_from, log_to = (masked_log_softmax(values.double(), mask) for values in (scores, labels))
    terms = line.costs(log_from, log_to, n_iterations)
    return sum_over_docs(where, terms.to(scores.dtype), informative, mask, weights, reduction)


class _Line:
    """Documents on a line by what their grades are worth, so that costs are distances, save within a grade.

    The gap stands between grade 0 and the others. Sums over all documents, weighed by exp(-cost / epsilon), are then
    sums over those on the left and on the right, in order of the labels, and no matrix of pairs is needed.

    Args:
        labels: ``[query, list]``.
        places: float64 ``[query, list]``, where documents stand: the higher the label, the further right.
        mask: ``[query, list]``.
        same_grade: The cost between two documents of the same label.
        epsilon: As a share of the greatest cost of a list.
    """

    def __init__(self, labels: Tensor, places: Tensor, mask: Tensor, same_grade: float, epsilon: float) -> None:
        keys, self.order = labels.masked_fill(~mask, torch.inf).sort(dim=1, stable=True)
        self.mask = mask.gather(1, self.order)
        places = places.gather(1, self.order)
        self.places = torch.where(self.mask, places - places[:, :1], 0)
        self.n_left = torch.searchsorted(keys, keys)
        self.n_to_here = torch.searchsorted(keys, keys, right=True)
        self.lowest = torch.finfo(places.dtype).min / 4
        self.same_grade = same_grade
        has_same = (self.mask & (self.n_to_here - self.n_left > 1)).any(dim=1, keepdim=True)
        greatest = self.places.amax(dim=1, keepdim=True).maximum(same_grade * has_same.to(places.dtype))
        self.spread = epsilon * greatest.where(greatest > 0, 1)

    def costs(
        self, log_from: Float[Tensor, "query list"], log_to: Float[Tensor, "query list"], n_iterations: int
    ) -> Float[Tensor, "query list"]:
        """What each document pays for the mass that it sends, by Sinkhorn's iterations."""
        log_from, log_to = (values.gather(1, self.order) for values in (log_from, log_to))
        to = torch.zeros_like(log_to).masked_fill(~self.mask, self.lowest)
        for _ in range(n_iterations):
            out = self._masked(log_from - self._summed(to))
            to = self._masked(log_to - self._summed(out))
        (left, right), same = self._around(to), self._of_the_same(to)
        # Of a document at x to those at x_j on its left: x times their mass, less the sum of x_j times it.
        far = torch.where(self.places > 0, self.places, 1).log().where(self.places > 0, self.lowest)
        left_far, right_far = self._around(to + far)
        moved = self.places * (out + left).exp() - (out + left_far).exp()
        moved = moved + (out + right_far).exp() - self.places * (out + right).exp()
        alike = (out + same).exp() - (out + to - self.same_grade / self.spread).exp()
        paid = torch.where(self.mask, moved + self.same_grade * alike, 0)
        return torch.empty_like(paid).scatter(1, self.order, paid)

    def _masked(self, values: Tensor) -> Tensor:
        return values.masked_fill(~self.mask, self.lowest)

    def _summed(self, masses: Tensor) -> Tensor:
        """For each document the logarithm of the sum over all of exp(mass - cost / epsilon)."""
        parts = [*self._around(masses), self._of_the_same(masses)]
        if self.same_grade > 0:  # of which the document itself is one, whose own mass costs nothing
            parts.append(masses + torch.log1p(-torch.exp(-self.same_grade / self.spread)))
        return torch.stack(parts).logsumexp(dim=0)

    def _around(self, masses: Tensor) -> tuple[Tensor, Tensor]:
        """That sum over the documents on the left, and over those on the right."""
        steps, size = self.places / self.spread, masses.shape[1]
        running = (masses + steps).logcumsumexp(dim=1)
        left = running.gather(1, (self.n_left - 1).clamp(min=0)) - steps
        running = (masses - steps).flip(1).logcumsumexp(dim=1).flip(1)
        right = running.gather(1, self.n_to_here.clamp(max=size - 1)) + steps
        return left.masked_fill(self.n_left == 0, self.lowest), right.masked_fill(self.n_to_here >= size, self.lowest)

    def _of_the_same(self, masses: Tensor) -> Tensor:
        """That sum over the documents of the same grade, as if each cost as much as another."""
        with torch.no_grad():
            tops = torch.full_like(masses, self.lowest).scatter_reduce(1, self.n_left, masses, "amax")
            tops = tops.gather(1, self.n_left)
        sums = torch.zeros_like(masses).scatter_add(1, self.n_left, (masses - tops).exp()).gather(1, self.n_left)
        return sums.log() + tops - self.same_grade / self.spread
