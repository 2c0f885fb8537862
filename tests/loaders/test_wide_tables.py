"""Thousands of columns: the work that a table takes rises with their number, not with its square."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from rankkit import (
    DataWarning,
    LinearScorer,
    drop_features,
    evaluate,
    from_arrays,
    from_arrow,
    from_pandas,
    predict,
    read,
    read_arrow,
    read_csv,
    read_parquet,
    select_features,
    summarize,
)
from rankkit.evaluation.matching import read_documents
from rankkit.loaders.tables import arrow_files, csv_batches, tabular
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.kinds import Column
from rankkit.loaders.tables.columns.suspicions import Suspicions
from rankkit.loaders.tables.writers import write_arrow, write_csv, write_parquet

pytestmark = pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")


class _Counted(str):
    """A name that counts how often it is compared or looked up, which is what grows where a list is searched."""

    __slots__ = ()
    n_uses = 0

    def __eq__(self, other: object) -> bool:
        _Counted.n_uses += 1
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        _Counted.n_uses += 1
        return str.__hash__(self)

    def __str__(self) -> str:
        return self


def _names(n: int) -> list[str]:
    return [_Counted(f"f{place}") for place in range(n)]


def _frame(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.random((4, n)), columns=[f"f{place}" for place in range(n)])
    return frame.assign(qid=[1, 1, 2, 2], label=[0, 1, 1, 0])


def _table(n: int) -> pa.Table:
    columns = np.random.default_rng(0).random((n, 4))
    names = ["qid", "label", *(f"f{place}" for place in range(n))]
    return pa.table([pa.array([1, 1, 2, 2]), pa.array([0, 1, 1, 0]), *map(pa.array, columns)], names=names)


def _dataset(n: int):
    return from_arrays(np.random.default_rng(0).random((4, n)), [0, 1, 1, 0], [1, 1, 2, 2], feature_names=_names(n))


def _scorer(n: int) -> LinearScorer:
    scorer = LinearScorer(n, transform="none")
    scorer.feature_names = tuple(_names(n)[::-1])
    return scorer


def _written(folder: Path, n: int, suffix: str) -> Path:
    path = folder / f"{n}.{suffix}"
    if suffix == "csv":
        csv.write_csv(_table(n), path)
    elif suffix == "parquet":
        pq.write_table(_table(n), path)
    else:
        table = _table(n)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    return path


_DOORS: dict[str, Callable[[Path, int], object]] = {
    "from_pandas": lambda folder, n: from_pandas(_frame(n)),
    "from_pandas, features": lambda folder, n: from_pandas(_frame(n), features=_names(n)[::-1]),
    "from_arrow": lambda folder, n: from_arrow(_table(n)),
    "from_arrow, drop": lambda folder, n: from_arrow(_table(n), drop=_names(n)[::2]),
    "from_arrow, label in features": lambda folder, n: from_arrow(_table(n), features=_names(n), label="label"),
    "from_arrays": lambda folder, n: _dataset(n),
    "features of a frame": lambda folder, n: tabular.features_of(_frame(n), Source("x")),
    "features of a table": lambda folder, n: tabular.features_of(_table(n), Source("x")),
    "Parquet": lambda folder, n: read_parquet(_written(folder, n, "parquet")),
    "Arrow": lambda folder, n: read_arrow(_written(folder, n, "arrow")),
    "CSV": lambda folder, n: read_csv(_written(folder, n, "csv"), drop=_names(n)[::2]),
    "CSV, cached": lambda folder, n: read(_written(folder, n, "csv"), cache=folder / f"{n}.rkcache"),
    "write Parquet": lambda folder, n: write_parquet(_dataset(n), folder / "w.parquet"),
    "write Arrow": lambda folder, n: write_arrow(_dataset(n), folder / "w.arrow"),
    "write CSV": lambda folder, n: write_csv(_dataset(n), folder / "w.csv"),
    "summarize": lambda folder, n: str(summarize(_dataset(n))),
    "select": lambda folder, n: select_features(_dataset(n), _names(n)[::-1]),
    "drop": lambda folder, n: drop_features(_dataset(n), _names(n)[::2]),
    "predict a frame": lambda folder, n: predict(_scorer(n), _frame(n)),
    "predict a table": lambda folder, n: predict(_scorer(n), _table(n)),
    "evaluate": lambda folder, n: evaluate(_scorer(n), _dataset(n)),
    "read for a scorer": lambda folder, n: read_documents(_written(folder, n, "parquet"), _scorer(n)),
    "read for a scorer, drop": lambda folder, n: read_documents(
        _written(folder, 2 * n, "parquet"), _scorer(n), drop=[_Counted(f"f{place}") for place in range(n, 2 * n)]
    ),
}


@pytest.mark.parametrize("door", _DOORS)
def test_names_of_columns_are_looked_up_so_often_a_column(
    door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``name in names`` for each of many names would ask a name as often as there are names."""

    def counted(of: Callable[..., list[Column]]) -> Callable[..., list[Column]]:
        return lambda table: [Column(_Counted(c.name), c.kind, c.shown, c.is_row_index) for c in of(table)]

    for module, name in ((tabular, "columns_of"), (tabular, "columns_of_frame"), (arrow_files, "columns_of")):
        monkeypatch.setattr(module, name, counted(getattr(module, name)))
    monkeypatch.setattr(csv_batches, "columns_of", counted(csv_batches.columns_of))
    uses = {}
    for n in (50, 100, 200):
        _Counted.n_uses = 0
        _DOORS[door](tmp_path, n)
        uses[n] = _Counted.n_uses
    assert uses[200] - uses[100] <= 2.2 * (uses[100] - uses[50])


def test_a_line_about_columns_names_a_few_of_many() -> None:
    suspicions = Suspicions([f"rank_{place}" for place in range(10_000)])
    suspicions.look(from_arrays(np.zeros((20, 10_000)), np.arange(20) % 3, np.arange(20) // 10))
    (line,) = suspicions.remarks()
    assert line.endswith("... (10000 in all)")
    assert len(line) < 1_000


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv"])
def test_a_hundred_thousand_columns(suffix: str, tmp_path: Path) -> None:
    data = read(_written(tmp_path, 100_000, suffix))
    assert data.n_features == 100_000
    scorer = LinearScorer(100_000, transform="none")
    scorer.feature_names = data.feature_names[::-1]
    with pytest.warns(DataWarning, match="left out"):
        scores = predict(scorer, from_arrow(_table(100_000).append_column("more", [np.ones(4)])))
    assert len(scores) == 4
