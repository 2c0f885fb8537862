"""What one long document id among short ones costs, at each door, in memory of the whole process."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

_PEAK = """
import resource, sys
import pandas as pd
import rankkit as rk
path, n_rows = sys.argv[1], int(sys.argv[2])
data = rk.from_pandas(pd.read_parquet(path)) if path.endswith(".pandas.parquet") else rk.read(path)
assert data.doc_ids.shape == (n_rows,)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write(path, n_rows, ids):
    if path.suffix == ".txt":
        with path.open("w") as file:
            file.writelines(f"{row % 3} qid:{row // 10} 1:{row % 7} # {ids[row]}\n" for row in range(n_rows))
        return
    rows = np.arange(n_rows)
    table = pa.table({"label": rows % 3, "qid": rows // 10, "doc_id": ids, "a": (rows % 7).astype(np.float32)})
    if path.suffix == ".csv":
        table.to_pandas().to_csv(path, index=False)
    else:
        pq.write_table(table, path)


def ratio(folder, name, n_rows):
    """Peak memory with one id of 4,000 characters over that without."""
    peaks = []
    for longest in (0, 4000):
        write(folder / name, n_rows, [f"doc{row}" + "z" * (longest * (row == 5)) for row in range(n_rows)])
        words = [sys.executable, "-c", _PEAK, str(folder / name), str(n_rows)]
        peaks.append(int(subprocess.run(words, check=True, capture_output=True).stdout))
    return peaks[1] / peaks[0]


@pytest.mark.skipif(sys.platform == "win32", reason="measures memory as Unix does")
@pytest.mark.parametrize("name", ["d.txt", "d.csv", "d.parquet"])
def test_one_long_id_costs_little(name, tmp_path):
    # With the room of the longest for each, these would be 1 GB.
    assert ratio(tmp_path, name, 60_000) < 1.2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="measures memory as Unix does")
@pytest.mark.parametrize("name", ["d.txt", "d.csv", "d.parquet", "d.pandas.parquet"])
def test_one_long_id_among_a_million_costs_little(name, tmp_path):
    assert ratio(tmp_path, name, 1_000_000) < 1.2
