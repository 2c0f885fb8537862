"""What becomes of a column of each type, at rankkit's doors and in other tools: writes TABLES.md beside this file.

    python experiments/bad-input/tables.py

Tools that are not installed are left blank; ``pip install xgboost lightgbm catboost`` gives all of them.
"""

import datetime
import decimal
import importlib.metadata
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

import rankkit as rk

HERE = Path(__file__).parent
N_ROWS = 24
QID = np.repeat(np.arange(7, 13), 4)
LABEL = np.tile([0, 2, 1, 0], 6)
D = decimal.Decimal


def repeated(*values, kind=None):
    return pa.array([values[row % len(values)] for row in range(N_ROWS)], kind)


COLUMNS = {
    "bool": repeated(True, False, None),
    "int8": repeated(1, 2, None, kind="int8"),
    "int64": repeated(1, 2, None, kind="int64"),
    "uint64": repeated(1, 2, None, kind="uint64"),
    "float16": pa.array(np.tile(np.float16([1, 2, 3]), 8)),
    "float32": repeated(1.5, 2.5, None, kind="float"),
    "float64": repeated(1.5, 2.5, None),
    "decimal128": repeated(D("1.50"), D("2.25"), None),
    "decimal256": repeated(D("1.50"), D("2.25"), None, kind=pa.decimal256(50, 2)),
    "null": pa.nulls(N_ROWS),
    "dictionary of int64": repeated(10, 20, None).dictionary_encode(),
    "dictionary of string": repeated("red", "blue", None).dictionary_encode(),
    "run_end_encoded of float64": pa.RunEndEncodedArray.from_arrays([20, N_ROWS], [1.5, 2.5]),
    "string": repeated("red", "blue", None),
    "large_string": repeated("red", "blue", None, kind=pa.large_string()),
    "string_view": repeated("red", "blue", None, kind=pa.string_view()),
    "string of digits": repeated("1", "2", "3"),
    "binary": repeated(b"a", b"b", None),
    "date32": repeated(datetime.date(2024, 5, 1), None),
    "timestamp": repeated(datetime.datetime(2024, 5, 1, 12), None),
    "time64": repeated(datetime.time(12), None),
    "duration": repeated(datetime.timedelta(1), None),
    "list of float64": repeated([1.0, 2.0], [3.0, 4.0]),
    "struct": repeated({"a": 1}, {"a": 2}),
    "map": pa.array([[("a", 1)]] * N_ROWS, pa.map_(pa.string(), pa.int64())),
}
OBJECTS = {
    "objects: numbers and None": [1.0, None, 3.0],
    "objects: Decimal": [D("1.5"), None, D("2.5")],
    "objects: text and numbers": ["a", 1, 2.5],
    "category of int64": pd.Categorical([10, 20, 10]),
    "Sparse[float64]": pd.arrays.SparseArray([0.0, 1.0, 0.0]),
    "float128": np.array([1, 2, 3], np.longdouble),
    "big-endian float64": np.array([1, 2, 3], ">f8"),
    "complex128": np.array([1j, 2, 3]),
    "Int64 with NA": pd.array([1, None, 3], dtype="Int64"),
}
NOISE = np.random.default_rng(0).normal(size=N_ROWS)


def table_of(column):
    return pa.table({"qid": QID, "label": LABEL, "noise": NOISE, "column": column})


def frame_of(values):
    frame = pd.DataFrame({"qid": QID, "label": LABEL, "noise": NOISE})
    dtype = object if isinstance(values, list) else None
    return frame.assign(column=pd.concat([pd.Series(values, dtype=dtype)] * 8, ignore_index=True))


def written(table, suffix, write):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"t{suffix}")
        write(table, path)
        return path.read_bytes()


def write_ipc(table, path):
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table)


def ranker(table):
    return rk.Ranker("ranknet", "linear", epochs=1).fit(table.drop_columns(["label"]), LABEL)


# How the table comes to be what the door takes, and the door.
DOORS = {
    "`from_pandas`": (lambda table: table.to_pandas(), rk.from_pandas),
    "`from_pandas`, Arrow dtypes": (lambda table: table.to_pandas(types_mapper=pd.ArrowDtype), rk.from_pandas),
    "`from_arrow`, polars": (pl.from_arrow, rk.from_arrow),
    "`from_arrow`": (lambda table: table, rk.from_arrow),
    "Parquet": (lambda table: written(table, ".parquet", pq.write_table), rk.read_parquet),
    "Arrow file": (lambda table: written(table, ".arrow", write_ipc), rk.read_arrow),
    "`Ranker`": (lambda table: table, ranker),
}


def of_lightgbm(frame):
    import lightgbm as lgb

    data = lgb.Dataset(frame, label=LABEL, group=[4] * 6, params={"verbose": -1, "min_data_in_bin": 1})
    return f"{data.construct().num_feature() - 1} feature"


def of_xgboost(frame):
    import xgboost as xgb

    return f"{xgb.DMatrix(frame, label=LABEL, qid=QID).num_col() - 1} feature"


def of_catboost(frame):
    import catboost as cb

    return f"{cb.Pool(frame, label=LABEL, group_id=QID).num_col() - 1} feature"


def of_scikit_learn(frame):
    from sklearn.ensemble import HistGradientBoostingRegressor

    return f"{HistGradientBoostingRegressor(max_iter=1).fit(frame, LABEL).n_features_in_ - 1} feature"


def of_rankkit(frame):
    return said_of(rk.from_pandas(frame.assign(qid=QID, label=LABEL)))


TOOLS = {"rankkit": of_rankkit, "LightGBM": of_lightgbm, "XGBoost": of_xgboost, "CatBoost": of_catboost}
TOOLS |= {"scikit-learn": of_scikit_learn}
PACKAGES = {"rankkit": ["rankkit-torch"], "XGBoost": ["xgboost", "xgboost-cpu"], "LightGBM": ["lightgbm"]}
PACKAGES |= {"CatBoost": ["catboost"], "scikit-learn": ["scikit-learn"]}


def said_of(data):
    names = data.feature_names_in_.tolist() if isinstance(data, rk.Ranker) else data.feature_names
    return "feature" if "column" in names else "left out"


def told(work, argument):
    """What a tool does: its answer with what it warns of, or its error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = work(argument)
        except ImportError:
            return "not installed"
        except Exception as error:
            return f"error: {type(error).__name__}: {shortened(str(error))}"
    answer = answer if isinstance(answer, str) else said_of(answer)
    lines = [str(found.message) for found in caught if "eprecat" not in str(found.message)]
    return answer + (f"; says: {shortened(lines[0])}" if lines else "")


def shortened(text, length=110):
    text = " ".join(text.replace("|", "/").replace("<", "&lt;").replace("*", "").replace("`", "'").split())
    for action in (". Choose with", ". Change them", ". Leave them"):
        text = text.partition(action)[0]
    for place in ("suspicious: ", "left out: "):
        text = place + text.partition(place)[2] if place in text else text
    return text if len(text) <= length else text[: length - 3] + "..."


def doors_row(column):
    cells = []
    for convert, door in DOORS.values():
        try:
            table = convert(table_of(column))
        except (Exception, pl.exceptions.PanicException) as error:
            cells.append(f"no such type there ({type(error).__name__})")
            continue
        cell = told(door, table)
        reason = cell.partition("left out: column ")[2]
        cells.append(f"left out, said: {reason}" if cell.startswith("left out") and reason else cell)
    return cells


def tools_row(frame):
    return [told(tool, frame[["noise", "column"]]) for tool in TOOLS.values()]


def markdown(head, rows):
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)])


def version(tool):
    for package in PACKAGES[tool]:
        try:
            return f"{tool} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return tool


def main():
    doors = [(name, doors_row(column)) for name, column in COLUMNS.items()]
    frames = {}
    for name, column in COLUMNS.items():
        frame = table_of(column).to_pandas()
        frames.setdefault(str(frame["column"].dtype) + f" (from {name})", frame)
    frames |= {name: frame_of(values) for name, values in OBJECTS.items()}
    tools = [(name, tools_row(frame)) for name, frame in frames.items()]
    parts = [
        (HERE / "tables_intro.md").read_text() + markdown(["type of the column", *DOORS], doors),
        (HERE / "tables_tools.md").read_text() + markdown(["type of the column", *map(version, TOOLS)], tools),
    ]
    (HERE / "TABLES.md").write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
