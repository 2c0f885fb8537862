"""What rankkit and other readers do with bad LETOR text: writes README.md beside this file.

    python experiments/bad-input/run.py

Each reader runs in its own process, with a time limit, once for each input, since some end in a crash. Readers that are
not installed are left blank; ``pip install xgboost lightgbm catboost`` gives all of them.
"""

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import warnings
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from inputs import INPUTS

HERE = Path(__file__).parent
SECONDS = 60
PEERS = {"rankkit": "rankkit-torch", "scikit-learn": "scikit-learn"}
PEERS |= {"XGBoost": ("xgboost", "xgboost-cpu"), "LightGBM": "lightgbm", "CatBoost": "catboost"}


def rankkit(path):
    import rankkit as rk

    group_file = path.with_name("x.txt.query")
    data = rk.read_letor(path, group_file=group_file if group_file.exists() else None)
    return observed(data.labels, data.list_sizes, data.features)


def scikit_learn(path):
    from sklearn.datasets import load_svmlight_file

    features, labels, qids = load_svmlight_file(str(path), query_id=True)
    return observed(labels, run_lengths(qids), features)


def xgboost(path):
    import xgboost as xgb

    data = xgb.DMatrix(f"{path}?format=libsvm&indexing_mode=1", nthread=1, silent=True)
    bounds = data.get_uint_info("group_ptr").tolist()
    return observed(data.get_label(), [b - a for a, b in pairwise(bounds)], data.get_data())


def lightgbm(path):
    import lightgbm as lgb

    options = {
        "min_data_in_bin": 1,
        "min_data_in_leaf": 1,
        "feature_pre_filter": False,
        "verbose": -1,
        "num_threads": 1,
    }
    data = lgb.Dataset(str(path), params=options).construct()
    groups = data.get_group()
    n_features = data.num_feature() - 1  # its column 0 is for an index 0, which a file that begins with 1 does not have
    return observed(data.get_label(), [] if groups is None else groups, None, (data.num_data(), n_features))


def catboost(path):
    import catboost as cb

    data = cb.Pool(f"libsvm://{path}", thread_count=1)
    ids = data.get_group_id_hash()
    return observed(data.get_label(), [] if ids is None else run_lengths(ids), data.get_features(), data.shape)


READERS = {
    "rankkit": rankkit, "scikit-learn": scikit_learn, "XGBoost": xgboost, "LightGBM": lightgbm, "CatBoost": catboost
}  # fmt: skip


def run_lengths(ids):
    return [len(list(same)) for _, same in groupby(np.asarray(ids).tolist())]


def observed(labels, queries, matrix, shape=None):
    """What a reader gave, as JSON; the values only where they are few."""
    shape = matrix.shape if shape is None else shape
    values = None
    if matrix is not None and shape[1] < 100:
        dense = matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)
        values = [[None if np.isnan(v) else float(v) for v in row] for row in dense.astype(np.float64)]
    labels = [None if np.isnan(v) else float(v) for v in np.asarray(labels, np.float64)]
    return {"labels": labels, "queries": [int(n) for n in queries], "matrix": values, "shape": [int(n) for n in shape]}


def read_all(peer, folder):
    """Child process: read every input, each in a fork of its own; prints one JSON object a line."""
    try:
        importlib.import_module({"rankkit": "rankkit.loaders.letor.assembly", "scikit-learn": "sklearn.datasets"}.get(
            peer, peer.lower()
        ))  # fmt: skip
    except ImportError:
        return
    for number, (_, (content, _)) in enumerate(INPUTS.items()):
        name = next(iter(content)) if isinstance(content, dict) else "x.txt"
        print(json.dumps(in_a_fork(READERS[peer], folder / str(number) / name)), flush=True)


def in_a_fork(reader, path):
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        signal.alarm(SECONDS)
        with os.fdopen(theirs, "w") as pipe, warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                answer = {"data": reader(path)}
            except Exception as error:
                answer = {"error": str(error) or type(error).__name__}
            ignored = (DeprecationWarning, PendingDeprecationWarning, ResourceWarning)
            texts = [str(warning.message) for warning in said if not issubclass(warning.category, ignored)]
            answer["warnings"] = [text for text in texts if "deprecated" not in text]
            json.dump(answer, pipe)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        text = pipe.read()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return {"crash": signal.Signals(os.WTERMSIG(status)).name}
    return json.loads(text)


def cell(answer, expected):
    """What a reader did, in a few words; bold where the data is not what the file says and no word was said."""
    if answer is None:
        return "not installed"
    if "crash" in answer:
        return "**hangs**" if answer["crash"] == "SIGALRM" else f"**crash** ({answer['crash']})"
    if "error" in answer:
        return ("**refuses it:** " if expected else "error: ") + shortened(answer["error"])
    data, warned = answer["data"], "; warns: " + shortened(answer["warnings"][0]) if answer["warnings"] else ""
    differences = differing(data, expected) if expected else ""
    if expected and not differences:
        return "ok" + warned
    rows, columns = data["shape"]
    queries = "no queries" if not data["queries"] else "queries of " + ", ".join(map(str, data["queries"]))
    found = f"{rows:,} x {columns:,}, {queries}" + ("" if expected else strange(data))
    silently = "**loads wrong data**" if expected else "**loads it**"
    return f"{silently}{differences}: {found}{warned}"


def differing(data, expected):
    """Which parts are not what the file holds; values that a reader does not give back are not compared."""
    names = [name for name in ("labels", "queries") if data[name] != expected[name]]
    matrix = data["matrix"]
    if matrix is not None and not same_values(matrix, expected["matrix"]):
        names.append("values")
    if matrix is None and data["shape"] != [3, 2]:
        names.append("shape")
    return f" ({', '.join(names)})" if names else ""


def same_values(found, expected):
    return len(found) == len(expected) and all(
        len(a) == len(b) and all(x == y for x, y in zip(a, b, strict=True))
        for a, b in zip(found, expected, strict=True)
    )


def strange(data):
    """What was made of the second row, the one that is at fault."""
    if len(data["labels"]) < 2:
        return ""
    values = "" if data["matrix"] is None else f", values {data['matrix'][1]}".replace("None", "NaN")
    label = "NaN" if data["labels"][1] is None else f"{data['labels'][1]:g}"
    return f"; second row: label {label}{values}"


def shortened(text, length=150):
    text = re.sub(r"(/[\w.\-]+)*/(\d+/)?(x\.txt)", r"\3", text)
    text = re.sub(r"(/[\w.\-]+)+/", "", text)
    text = " ".join(re.sub(r"\[\d\d:\d\d:\d\d\]", "", text.split("Stack trace")[0]).split())
    text = text if len(text) <= length else text[: length - 3] + "..."
    text = "".join(c if c.isprintable() else "." for c in text)
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("`", "'")


def version(names):
    for name in [names] if isinstance(names, str) else names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def shown_input(content):
    """The line that matters, as code."""
    text = next(iter(content.values())) if isinstance(content, dict) else content
    lines = [line for line in text.split(b"\n") if line] or [b""]
    line = lines[1 if len(lines) > 1 and not text.startswith(b"\xef") else 0]
    if line.isascii() and b"\0" not in line:
        return line[:40].decode().replace("\r", "\\r").replace("\t", "\\t")
    return ascii(line[:16])[2:-1]


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, (content, _) in enumerate(INPUTS.values()):
            (folder / str(number)).mkdir()
            for file, data in (content if isinstance(content, dict) else {"x.txt": content}).items():
                (folder / str(number) / file).write_bytes(data)
        answers = {}
        for peer in READERS:
            command = [sys.executable, __file__, peer, name]
            lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
            answers[peer] = [json.loads(line) for line in lines] or [None] * len(INPUTS)
    rows = []
    for number, (title, (content, expected)) in enumerate(INPUTS.items()):
        cells = [cell(answers[peer][number], expected) for peer in READERS]
        rows.append(f"| {title}<br>`{shown_input(content)}` | " + " | ".join(cells) + " |")
    heads = [f"{peer} {version(PEERS[peer]) or ''}".strip() for peer in READERS]
    table = [f"| input | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|", *rows]
    (HERE / "README.md").write_text((HERE / "intro.md").read_text() + "\n".join(table) + "\n")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        read_all(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
