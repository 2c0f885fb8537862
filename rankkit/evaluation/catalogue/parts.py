"""Warm and cold apart: metrics of users, and of held-out items, seen in training and not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.log import Interactions
from rankkit.retrieval.ranks import Ranks

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Part:
    """Metrics of a part of the users, or of the held-out items.

    Args:
        name: Such as ``"users seen in training"``.
        n: How many users, or held-out items.
        means: By metric: over these users, or over the users who have such items to be found; NaN where there are none.
    """

    name: str
    n: int
    means: dict[str, float]


def seen_users(learnt: Interactions, users: Interactions) -> NDArray[np.bool_]:
    """``[user]``: True where the log that was learnt from has events of the user."""
    places = learnt.user_positions(users.user_ids)
    return np.asarray((places >= 0) & (learnt.sizes[np.maximum(places, 0)] > 0))


def of_users(is_seen: NDArray[np.bool_], values: dict[str, NDArray[np.float64]]) -> list[Part]:
    """Both parts of the users; ``values`` float64 ``[user]`` are what each counts for in the mean, NaN: not at all."""
    return [
        Part(f"users {name}", int(kept.sum()), {metric: _mean(column[kept]) for metric, column in values.items()})
        for name, kept in (("seen in training", is_seen), ("not seen", ~is_seen))
    ]


def of_items(n_seen: int, n_unseen: int, values: dict[bool, dict[str, NDArray[np.float64]]]) -> list[Part]:
    """Both parts of the held-out items; ``values[seen]`` are float64 ``[user]``, NaN for those without such items."""
    return [
        Part(f"held-out items {name}", n, {metric: _mean(column) for metric, column in values[seen].items()})
        for name, n, seen in (("seen in training", n_seen, True), ("not seen", n_unseen, False))
    ]


def _mean(values: NDArray[np.float64]) -> float:
    counted = values[~np.isnan(values)]
    return float(counted.mean()) if len(counted) else float("nan")


def some_of(ranks: Ranks, kept: NDArray[np.bool_]) -> Ranks:
    """The ranks of some held-out items, among the candidates that are not held out at all."""
    counts = (ranks.greater[kept], ranks.equal[kept], ranks.equal_before[kept])
    return Ranks(ranks.scores[kept], *counts, ranks.n_candidates)


def text_of(parts: Sequence[Part]) -> str:
    """The parts as a table."""
    metrics = [*parts[0].means]
    width, of = max(len(part.name) for part in parts), max(2, *(len(f"{part.n:,}") for part in parts))
    head = "  ".join([f"{'':<{width}}", f"{'of':>{of}}", *metrics])
    rows = [
        "  ".join(
            [f"{part.name:<{width}}", f"{part.n:>{of},}", *(_cell(part.means[name], len(name)) for name in metrics)]
        )
        for part in parts
    ]
    note = "Of held-out items: each kind alone, as if the user's others were neither to be found nor candidates."
    return "\n".join([head, *rows, note])


def _cell(value: float, width: int) -> str:
    return ("-" if np.isnan(value) else f"{value:.4f}").rjust(width)


def table_of(parts: Sequence[Part]) -> "pd.DataFrame":
    """A row for each part and metric: part, n, metric, mean."""
    import pandas as pd

    rows: list[dict[str, Any]] = [
        {"part": part.name, "n": part.n, "metric": metric, "mean": mean}
        for part in parts
        for metric, mean in part.means.items()
    ]
    return pd.DataFrame(rows, columns=["part", "n", "metric", "mean"])
