"""NDCG of a soft sort: NeuralNDCG, PiRank, and the cross entropy of NeuralSort's matrix."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.options import check_number
from rankkit.objectives.ranks.metric_terms import check_cutoff, ndcg_shares, rank_discounts
from rankkit.objectives.ranks.sorting import check_matrix_size, neural_sort, sinkhorn
from rankkit.objectives.reductions import sum_over_docs
from rankkit.ranking import Gain, Reduction, has_two_grades, list_sizes, prepare_lists


def neural_ndcg_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    temperature: float = 1.0,
    transposed: bool = False,
    n_iterations: int = 50,
    gain: Gain = "exp",
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""NeuralNDCG: minus the NDCG of gains sorted by NeuralSort's matrix, made doubly stochastic by Sinkhorn scaling.

    .. math::
        -\frac{1}{Z} \sum_{r=1}^{k} \frac{[\operatorname{scale}(\hat P)\, g]_r}{\log_2(1 + r)},
        \quad \hat P_{r, j} = \operatorname{softmax}_j \frac{(n + 1 - 2r) s_j - \sum_l |s_j - s_l|}{T}

    The transposed form sums over documents, by :math:`\operatorname{scale}(\hat P^\top)`: documents are scaled last,
    not ranks. g are the gains, Z the ideal DCG. Equal scores share ranks evenly. Time and memory grow with the square
    of the list: at most 2,000 documents. Scores many T apart saturate.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: Ranks that count; None: all.
        temperature: What score differences are divided by, T, above 0.
        transposed: True scales and sums by documents.
        n_iterations: How often rows and columns are scaled, at least 1: always this often, in every batch.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        weights: ``[query]`` or ``[query, list]``, importance of terms; Z and the ranks are computed without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        From -1 to 0, up to the rest that the scaling leaves; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> neural_ndcg_loss(scores, labels, torch.tensor([[True, True, False]]))  # tied: (1 + 1 / log2(3)) / 2
        tensor(-0.8155)

    References:
        Pobrotyn, Bialobrzeski, "NeuralNDCG: Direct Optimisation of a Ranking Metric via Differentiable Relaxation of
        Sorting", 2021, arXiv:2102.07831.
    """
    where = "neural_ndcg_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    check_cutoff(where, k)
    check_number(where, "temperature", temperature, above=0.0)
    if n_iterations < 1:
        raise ConfigError(f"{where}: expected n_iterations of at least 1; got {n_iterations!r}. The default is 50.")
    list_size = scores.shape[1]
    check_matrix_size(where, list_size, list_size)
    shares = ndcg_shares(where, labels, mask, gain, k)
    real = _real_ranks(mask, list_size)[:, :, None] & mask[:, None]
    matrix = torch.where(real, neural_sort(scores, mask, temperature), -torch.inf).exp()
    if transposed:
        by_doc, by_rank = sinkhorn(matrix.mT, n_iterations)
    else:
        by_rank, by_doc = sinkhorn(matrix, n_iterations)
    factors = by_rank * rank_discounts(list_size, k, scores)
    held = (factors[:, :, None] * matrix).sum(dim=1) * by_doc
    return sum_over_docs(where, -shares * held, has_two_grades(labels, mask), mask, weights, reduction)


def pirank_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    temperature: float = 1.0,
    gain: Gain = "exp",
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""PiRank: minus the NDCG at k of gains sorted by NeuralSort's matrix.

    .. math::
        -\frac{1}{Z_k} \sum_{r=1}^{k} \frac{[\hat P g]_r}{\log_2(1 + r)},
        \quad \hat P_{r, j} = \operatorname{softmax}_j \frac{(n + 1 - 2r) s_j - \sum_l |s_j - s_l|}{T}

    The paper writes one minus the metric and lowers the temperature during training; its merge tree is not needed, as
    only k rows of the matrix are computed: time and memory grow with k times the list, at most 4,000,000. g are the
    gains, Z_k the ideal DCG at k. Equal scores share their ranks evenly. Scores many temperatures apart saturate: the
    gradient vanishes.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: Ranks that count; None: all.
        temperature: What score differences are divided by, T, above 0.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        weights: ``[query]`` or ``[query, list]``, importance of terms; Z and the ranks are computed without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At most 0, and below -1 where one rank is held twice; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> pirank_loss(scores, labels, torch.tensor([[True, True, False]]), k=1)  # tied: half of the first rank
        tensor(-0.5000)

    References:
        Swezey, Grover, Charron, Ermon, "PiRank: Scalable Learning To Rank via Differentiable Sorting", NeurIPS 2021.
    """
    where = "pirank_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    check_cutoff(where, k)
    check_number(where, "temperature", temperature, above=0.0)
    n_rows = scores.shape[1] if k is None else min(k, scores.shape[1])
    check_matrix_size(where, n_rows, scores.shape[1])
    shares = ndcg_shares(where, labels, mask, gain, k)
    matrix = neural_sort(scores, mask, temperature, n_rows).exp()
    factors = _real_ranks(mask, n_rows) * rank_discounts(n_rows, k, scores)
    held = (factors[:, :, None] * matrix).sum(dim=1)
    return sum_over_docs(where, -shares * held, has_two_grades(labels, mask), mask, weights, reduction)


def neural_sort_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    temperature: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""NeuralSort cross entropy: the rows of the soft permutation matrix against those of the labels' own sort.

    .. math::
        -\frac{1}{n} \sum_r \sum_j P_{r, j} \log \hat P_{r, j},
        \quad \hat P_{r, j} = \operatorname{softmax}_j \frac{(n + 1 - 2r) s_j - \sum_l |s_j - s_l|}{T}

    P sorts by falling label; equal labels share its ranks evenly, the mean over every order of them, and equal scores
    those of the prediction. Time and memory grow with the square of the list: at most 2,000 documents. The logarithms
    are those of the softmax itself, so gradients survive scores far apart.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades; only their order within a list matters.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        temperature: What score differences are divided by, T, above 0.
        weights: ``[query]`` or ``[query, list]``, importance; multiplies the term of its list or the column of its
            document.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> neural_sort_loss(scores, labels, torch.tensor([[True, True, False]]))  # tied: half of either rank, log 2
        tensor(0.6931)

    References:
        Grover et al., "Stochastic Optimization of Sorting Networks via Continuous Relaxations", ICLR 2019.
    """
    where = "neural_sort_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    check_number(where, "temperature", temperature, above=0.0)
    list_size = scores.shape[1]
    check_matrix_size(where, list_size, list_size)
    ranks = torch.arange(1, list_size + 1, device=scores.device)[:, None]
    falling = torch.where(mask, -labels, torch.inf)
    rising = falling.sort(dim=1).values
    ahead = torch.searchsorted(rising, falling)
    to_here = torch.searchsorted(rising, falling, right=True)
    holds = mask[:, None] & (ahead[:, None] < ranks) & (ranks <= to_here[:, None])
    costs = torch.where(holds, -neural_sort(scores, mask, temperature), 0).sum(dim=1)
    terms = costs / (to_here - ahead).clamp(min=1) / list_sizes(mask).clamp(min=1)[:, None]
    return sum_over_docs(where, terms, has_two_grades(labels, mask), mask, weights, reduction)


def _real_ranks(mask: Tensor, n_rows: int) -> Tensor:
    """True for the ranks ``[query, rank]`` that a list is long enough to have."""
    return torch.arange(n_rows, device=mask.device) < list_sizes(mask)[:, None]
