"""Metrics that are what a user gains who reads downwards and stops: expected reciprocal rank, rank-biased precision."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Real
from numpy.typing import NDArray
from torch import Tensor

from rankkit.errors import ConfigError, DataError
from rankkit.metrics.engine import Ranking, Ties, check_choice, count_from, cutoff, measured_by, on_lists
from rankkit.metrics.graded import check_finite, value_table
from rankkit.metrics.padded import on_padded_lists

Satisfaction = Literal["exp", "label"]


def err_of(
    ranking: Ranking,
    *,
    k: int | None = None,
    max_label: float | int | None = None,
    satisfaction: str | Mapping[int, float | int] = "exp",
) -> NDArray[np.float64]:
    """:func:`err` of a ranking."""
    from rankkit.metrics import user_kernels

    n_ranks, table, scale = cutoff("err", k), np.empty(0), 0.0
    if satisfaction == "exp":
        scale = _greatest_label(ranking, max_label)
    elif max_label is not None:
        raise ConfigError("err: expected max_label with satisfaction='exp' alone; got both. Leave one of them out.")
    elif isinstance(satisfaction, Mapping):
        table = value_table("err", "satisfaction", satisfaction, ranking.judged.labels)
    else:
        check_choice("err", "satisfaction", satisfaction, Satisfaction)
    greatest = np.nanmax(table) if len(table) else ranking.max_label
    if satisfaction != "exp" and greatest > 1:
        raise DataError(
            f"err: expected chances of satisfaction up to 1; got {greatest:g}. Divide them by the greatest that can be."
        )
    out = np.empty(ranking.n_queries)
    on_lists(user_kernels.err_lists, ranking.offsets, ranking.labels, ranking.tied, n_ranks, scale, table, out)
    return ranking.zero_if_missed("err", out, np.nextafter(0.0, 1.0))


def _greatest_label(ranking: Ranking, max_label: float | int | None) -> float:
    if max_label is None:
        max_label = ranking.max_label
    elif not max_label > 0:
        raise ConfigError(f"err: expected max_label above 0; got {max_label!r}. Pass the greatest grade of the scale.")
    elif ranking.max_label > max_label:
        raise DataError(
            f"err: expected labels up to max_label = {max_label:g}; got {ranking.max_label:g}. "
            "Pass the greatest grade of the scale as max_label."
        )
    check_finite("err", float(max_label), "Map the labels to grades, such as 0 to 4.")
    return float(max_label)


def rbp_of(
    ranking: Ranking, *, p: float = 0.8, k: int | None = None, relevant_from: float | int = 1
) -> NDArray[np.float64]:
    """:func:`rbp` of a ranking."""
    from rankkit.metrics import kernels

    check_persistence(p)
    n_ranks = cutoff("rbp", k)
    worth = (1 - p) * p ** np.arange(min(n_ranks, int(np.diff(ranking.offsets).max(initial=0))))
    hits, out = (ranking.labels >= relevant_from).astype(np.float64), np.empty(ranking.n_queries)
    read = (hits, ranking.tied, n_ranks, False, np.empty(0), worth)
    on_lists(kernels.dcg_lists, ranking.offsets, *read, out)
    in_list = count_from(ranking.labels, ranking.offsets, relevant_from)
    return ranking.zero_if_missed("rbp", np.where(in_list > 0, out, np.nan), relevant_from)


def check_persistence(p: float) -> None:
    """Raise ConfigError unless p is a number between 0 and 1."""
    if isinstance(p, bool) or not isinstance(p, int | float) or not 0 < p < 1:
        raise ConfigError(f"rbp: expected p between 0 and 1; got {p!r}. Pass a persistence such as 0.8.")


@measured_by(err_of)
def err(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    max_label: float | int | None = None,
    satisfaction: Satisfaction | Mapping[int, float | int] = "exp",
    n_relevant: Real[Tensor, " query"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Expected reciprocal rank at which a user who reads downwards is satisfied.

    .. math:: \mathrm{ERR@k} = \sum_{r=1}^{k} \frac{R_r}{r} \prod_{t<r} (1 - R_t),
        \qquad R = \frac{2^{y} - 1}{2^{y_\max}}

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        k: How many ranks count.
        max_label: The greatest grade of the scale, :math:`y_\max`; None: that of this call. Pass it (4 for MSLR and
            Yahoo) to compare values of several data sets.
        satisfaction: R: ``"exp"`` as above, ``"label"`` the label itself, in [0, 1], or a table as ``{0: 0, 1: 0.4}``.
        n_relevant: How many documents have labels above 0, in the list or not; None: those in the list.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1]; NaN without a relevant document.

    Example:
        Grades 0, then 2 of 2: the user goes past the first and stops at rank 2 with chance 3/4. The third is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[2.0, 1.0, 9.0]]), torch.tensor([[0.0, 2.0, 2.0]])
        >>> err(scores, labels, torch.tensor([[True, True, False]]), max_label=2)
        tensor([0.3750], dtype=torch.float64)

    References:
        Chapelle, Metzler, Zhang, Grinspan: Expected reciprocal rank for graded relevance. CIKM 2009.
    """
    options: dict[str, Any] = {"k": k, "max_label": max_label, "satisfaction": satisfaction}
    return on_padded_lists("err", err_of, scores, labels, mask, ties, n_relevant=n_relevant, **options)


@measured_by(rbp_of, in_name={"p": check_persistence})
def rbp(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    p: float = 0.8,
    k: int | None = None,
    relevant_from: float | int = 1,
    n_relevant: Real[Tensor, " query"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Rank-biased precision: what a user gains who looks at the next document with probability p each time.

    .. math:: \mathrm{RBP@k} = (1 - p) \sum_{i: y_i \ge \tau,\, r_i \le k} p^{\, r_i - 1}

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        p: The persistence, between 0 and 1; by name as ``"rbp(p=0.8)"``.
        k: How many ranks count.
        relevant_from: The least label of a relevant document.
        n_relevant: How many documents are relevant, in the list or not; None: those in the list.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1), the sum without what lies below the list; NaN without a relevant document.

    Example:
        Relevant at ranks 1 and 3: (1 - 0.5) * (1 + 0.25). The last place is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 2.0, 1.0, 9.0]]), torch.tensor([[1.0, 0.0, 1.0, 1.0]])
        >>> rbp(scores, labels, torch.tensor([[True, True, True, False]]), p=0.5)
        tensor([0.6250], dtype=torch.float64)

    References:
        Moffat, Zobel: Rank-biased precision for measurement of retrieval effectiveness. ACM TOIS 27(1), 2008.
    """
    options: dict[str, Any] = {"p": p, "k": k, "relevant_from": relevant_from}
    return on_padded_lists("rbp", rbp_of, scores, labels, mask, ties, n_relevant=n_relevant, **options)
