"""TopK: what was recommended, a list a user, with the ids of the log."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rankkit.data.text_ids import Ids, to_arrow

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False, eq=False)
class TopK:
    """Lists of items, best first: ``to_pandas()`` has the columns user, item, score, rank.

    Args:
        user_ids: ``[user]``.
        items: int32 ``[user, k]``: positions in ``item_ids``, -1 where fewer than k items were left.
        scores: float32 ``[user, k]``, -inf there.
        item_ids: ``[item]``.
        remarks: What was decided, a line each.
        n_cold: Users without a history.
    """

    user_ids: Ids
    items: NDArray[np.int32]
    scores: NDArray[np.float32]
    item_ids: Ids
    remarks: tuple[str, ...] = ()
    n_cold: int = 0

    @property
    def n_users(self) -> int:
        """How many users."""
        return len(self.items)

    @property
    def k(self) -> int:
        """How many items a list has room for."""
        return int(self.items.shape[1])

    def __len__(self) -> int:
        return self.n_users

    def items_of(self, row: int) -> list[Any]:
        """The ids of one list, best first."""
        held = self.items[row]
        ids: list[Any] = self.item_ids[held[held >= 0]].tolist()
        return ids

    def columns(self) -> dict[str, Any]:
        """User, item, score and rank, one row an item: ids, float32, int32."""
        rows, ranks = np.nonzero(self.items >= 0)
        return {
            "user": self.user_ids[rows],
            "item": self.item_ids[self.items[rows, ranks].astype(np.int64)],
            "score": self.scores[rows, ranks],
            "rank": (ranks + 1).astype(np.int32),
        }

    def to_arrow(self) -> pa.Table:
        """:meth:`columns` as an Arrow table."""
        held = self.columns()
        ids = {name: to_arrow(held[name]) for name in ("user", "item")}
        return pa.table({**ids, "score": pa.array(held["score"]), "rank": pa.array(held["rank"])})

    def to_pandas(self) -> "pd.DataFrame":
        """:meth:`columns` as a data frame."""
        import pandas as pd

        held = self.columns()
        return pd.DataFrame({name: np.asarray(column) for name, column in held.items()})

    def __repr__(self) -> str:
        return f"TopK({self.n_users:,} users, {self.k} items each at most)"

    def __str__(self) -> str:
        lines = [
            f"{self.user_ids[row]}: {', '.join(map(str, self.items_of(row)))}" for row in range(min(len(self), 10))
        ]
        more = [f"... {len(self) - 10:,} users more"] if len(self) > 10 else []
        return "\n".join([*lines, *more])
