"""TopK: what was recommended, a list a user, with the ids of the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rankkit.data.interactions.attributes import Attributes
from rankkit.data.text_ids import Ids, to_arrow
from rankkit.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_OWN = ("user", "item", "score", "rank")


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
        item_columns: What is known of the items, or None.
        recall: Share of the items of the exact lists that lists by an index hold, as measured on some users; None: the
            lists are exact, or it was not measured.
    """

    user_ids: Ids
    items: NDArray[np.int32]
    scores: NDArray[np.float32]
    item_ids: Ids
    remarks: tuple[str, ...] = ()
    n_cold: int = 0
    item_columns: Attributes | None = None
    recall: float | None = None

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

    def share_of(self, exact: "TopK") -> float:
        """Share of the items of other lists of the same users, of which there are some, that are in these."""
        is_wanted = exact.items >= 0
        is_found = is_wanted & (exact.items[:, :, None] == self.items[:, None, :]).any(axis=2)
        return float(is_found.sum() / is_wanted.sum())

    def columns(self) -> dict[str, Any]:
        """User, item, score and rank, one row an item: ids, float32, int32."""
        rows, ranks = np.nonzero(self.items >= 0)
        return {
            "user": self.user_ids[rows],
            "item": self.item_ids[self.items[rows, ranks].astype(np.int64)],
            "score": self.scores[rows, ranks],
            "rank": (ranks + 1).astype(np.int32),
        }

    def to_arrow(self, shown: Sequence[str] = ()) -> pa.Table:
        """:meth:`columns` as an Arrow table, with columns of the items behind them.

        Args:
            shown: Names of columns of the items, such as a title.

        Raises:
            DataError: If there is no such column.
        """
        held = self.columns()
        ids = {name: to_arrow(held[name]) for name in ("user", "item")}
        table = pa.table({**ids, "score": pa.array(held["score"]), "rank": pa.array(held["rank"])})
        if not shown:
            return table
        known = check_shown("TopK", self.item_columns, shown).take(pa.array(self.items[self.items >= 0]))
        for name in known.column_names:
            table = table.append_column(name, known[name])
        return table

    def to_pandas(self, shown: Sequence[str] = ()) -> "pd.DataFrame":
        """:meth:`columns` as a data frame; ``shown`` as :meth:`to_arrow` has it."""
        import pandas as pd

        if shown:
            return pd.DataFrame(self.to_arrow(shown).to_pandas())
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


def check_shown(where: str, known: Attributes | None, names: Sequence[str]) -> pa.Table:
    """The columns of items of those names, which can stand beside those of lists.

    Raises:
        DataError: If there is none of a name, or a list has one of that name itself.
    """
    if known is None:
        raise DataError(
            f"{where}: expected columns of items, to show {', '.join(names)}; got a log without any. Read it with "
            "items=, or rankkit interactions --items."
        )
    for name in names:
        if name in _OWN:
            raise DataError(f"{where}: expected a column of items beside {', '.join(_OWN)}; got {name!r}. Rename it.")
    return known.shown(where, names)
