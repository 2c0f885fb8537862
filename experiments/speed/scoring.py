"""Scoring.

`experiments/speed/scoring.py`: many documents at once, and 100 documents of one query. The plain network is
136-512-256-128-1 behind log1p and standardize; trees are 500, of 31 leaves (LightGBM) or 6 levels (XGBoost), trained on
data of the same shape. LightGBM's ONNX form is onnxmltools', rankkit's are those of `rk.export_onnx`, all run by ONNX
Runtime. The limit are the matrix products of the plain network alone, into memory that is there already. Medians of 5
runs of the batch and of 15 of one query, in turns.
"""

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from measuring import begin, print_table, take_turns
from peers import installed

import rankkit as rk
from rankkit.data.synthetic import make_mslr_like

HIDDEN = (512, 256, 128)
N_TREES = 500


def by_products(n_docs):
    """The matrix products of the plain network."""
    widths = (136, *HIDDEN, 1)
    values = [torch.randn(n_docs, width) for width in widths]
    weights = [torch.randn(n_in, n_out) for n_in, n_out in pairwise(widths)]

    def run():
        for layer, weight in enumerate(weights):
            torch.mm(values[layer], weight, out=values[layer + 1])

    return run


def scorers(train):
    """``{name: scorer}``; untrained weights cost the same time."""
    plain = {"dropout": 0.0, "normalization": "none", "transform": "log1p+standardize"}
    found = {"plain network": rk.MLPScorer(136, HIDDEN, seed=0, **plain), "default scorer": rk.MLPScorer(136, seed=0)}
    for scorer in found.values():
        scorer.transform.fit(train.features, train.offsets)
    return found


def session(content):
    """Runs an ONNX graph, as bytes, on one thread: from features to a function without arguments."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    graph = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = graph.get_inputs()[0].name
    return lambda features: lambda: graph.run(None, {name: features})


def rivals(train, found):
    """``{name: from a data set to a function that scores it}``."""
    ways = {}
    for name, scorer in scorers(train).items():
        ways[f"rankkit, {name}"] = lambda data, scorer=scorer: lambda: rk.predict(scorer, data)
        if "ONNX Runtime" in found:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "ranker.onnx"
                rk.export_onnx(scorer, path)
                run = session(path.read_bytes())
            ways[f"rankkit, {name}, ONNX"] = lambda data, run=run: run(data.features)
    if title := found.get("LightGBM"):
        import lightgbm

        trees = lightgbm.LGBMRanker(n_estimators=N_TREES, num_leaves=31, n_jobs=1, verbosity=-1)
        trees.fit(train.features, train.labels, group=train.list_sizes)
        booster = trees.booster_
        ways[title] = lambda data: lambda: booster.predict(data.features, num_threads=1)
        if "onnxmltools" in found and "ONNX Runtime" in found:
            run = session(as_onnx(booster))
            ways[f"{title}, ONNX"] = lambda data: run(data.features)
    if title := found.get("XGBoost"):
        import xgboost

        rows = xgboost.DMatrix(
            train.features, train.labels, qid=np.repeat(np.arange(train.n_queries), train.list_sizes)
        )
        options = {"objective": "rank:ndcg", "max_depth": 6, "nthread": 1, "tree_method": "hist"}
        forest = xgboost.train(options, rows, N_TREES)
        ways[title] = lambda data: lambda: forest.inplace_predict(data.features)
    ways["the products alone"] = lambda data: by_products(data.n_docs)
    return ways


def as_onnx(booster):
    """LightGBM's trees as onnxmltools converts them."""
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    return convert_lightgbm(booster, initial_types=[("features", FloatTensorType([None, 136]))]).SerializeToString()


def main():
    options = begin(__doc__, queries=150, batch=150)
    found = installed("LightGBM", "onnxmltools", "XGBoost", "ONNX Runtime")
    ways = rivals(make_mslr_like(options.queries, seed=0), found)
    batch = make_mslr_like(options.batch, seed=1)
    one = rk.from_arrays(batch.features[:100], None, np.zeros(100, np.int64))
    spent = [
        take_turns({name: way(data) for name, way in ways.items()}, n_turns)
        for data, n_turns in ((batch, 5), (one, 15))
    ]
    table = []
    for name in ways:
        many, few = (each[name] for each in spent)
        limits = [each["the products alone"] for each in spent]
        table.append(
            (
                name,
                f"{batch.n_docs / many.seconds:,.0f}",
                f"{batch.n_docs / many.user_seconds:,.0f}",
                f"{many.over(limits[0]):.1f}",
                f"{1000 * few.seconds:.2f}",
                f"{1000 * few.user_seconds:.2f}",
                f"{few.over(limits[1]):.1f}",
            )
        )
    names = [f"{batch.n_docs:,} at once: docs/s", "docs/user s", "times the products"]
    print_table(["by", *names, "one query: ms", "user ms", "times the products"], table)


if __name__ == "__main__":
    main()
