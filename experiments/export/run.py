"""Every scorer to every target: parity, or the reason for a refusal; then size and time of 100 documents.

    OMP_NUM_THREADS=1 python experiments/export/run.py [--write]

Prints two Markdown tables; with --write they replace those in experiments/export/README.md. Needs the [export] and
[trees] extras. One thread; contestants for time take turns, and the medians are of processor time.
"""

import argparse
import platform
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import torch

import rankkit as rk
from rankkit.errors import ExportError
from rankkit.export import export, find_target
from rankkit.export.onnx_file import OnnxSession
from rankkit.export.quiet import quiet
from rankkit.export.source import read_source, scorer_scores

README = Path(__file__).with_name("README.md")
RUN = ("onnx", "torch", "numpy", "solr", "elasticsearch")
HOLD_ONNX = ("vespa", "triton", "kserve")
TRAIN = rk.make_ranking(60, n_features=12, seed=1)
SMALL: dict[str, Any] = {"hidden": (32, 16), "seed": 0}
PLAIN: dict[str, Any] = {**SMALL, "normalization": "none", "transform": "minmax"}
GRADES = {"n_outputs": 5, "objective": rk.cross_entropy_loss}
ORDINAL = {"n_outputs": 4, "readout": "sum_of_sigmoids", "objective": rk.ordinal_loss}
VARIANTS: dict[str, tuple[type, dict[str, Any]]] = {
    "linear": (rk.LinearScorer, {}),
    "linear, no bias, minmax": (rk.LinearScorer, {"bias": False, "transform": "minmax"}),
    "linear, standardize": (rk.LinearScorer, {"transform": "standardize"}),
    "linear, expected grade": (rk.LinearScorer, GRADES),
    "mlp, default": (rk.MLPScorer, {"seed": 0}),
    **{
        f"mlp, {transform if isinstance(transform, str) else ' and '.join(transform)}": (
            rk.MLPScorer,
            {**SMALL, "transform": transform},
        )
        for transform in (
            *("none", "log1p", "standardize", "minmax", "log1p+standardize", "quantile", "piecewise:8"),
            *("query_standardize", "query_minmax", ["log1p+standardize", "piecewise:4", "piecewise:4+query_minmax"]),
        )
    },
    **{
        f"mlp, {name}": (rk.MLPScorer, {**PLAIN, "activation": name})
        for name in ("relu", "leaky_relu", "elu", "tanh", "sigmoid", "gelu", "silu")
    },
    "mlp, batch norm": (rk.MLPScorer, {**PLAIN, "normalization": "batch"}),
    "mlp, residual": (rk.MLPScorer, {**PLAIN, "hidden": (32, 32), "residual": True}),
    "mlp, expected grade": (rk.MLPScorer, {**PLAIN, **GRADES}),
    "mlp, sum of sigmoids": (rk.MLPScorer, {**PLAIN, **ORDINAL}),
    "mlp, tied outputs": (rk.MLPScorer, {**PLAIN, **ORDINAL, "tied_outputs": True}),
}


def trained(made: type, options: dict[str, Any]) -> Any:
    options = dict(options)
    objective = options.pop("objective", rk.ranknet_loss)
    scorer = made(TRAIN.n_features, **{"seed": 0, **options})
    rk.fit(scorer, objective, TRAIN, seed=0, epochs=2)
    return scorer


def parity(scorer: Any, target: str, folder: Path, reasons: dict[str, int]) -> str:
    """One cell: greatest difference and inversions, or the number of the reason why not."""
    try:
        if target in HOLD_ONNX:
            find_target(target).check(scorer)
            return "as onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # search engines give no features below 0, and these rows have some
            manifest = export(scorer, target, folder / target, data=TRAIN)
    except ExportError as error:
        return f"refused ({reasons.setdefault(str(error), len(reasons) + 1)})"
    found = manifest.parity
    return "no figures" if found is None else f"{found.max_difference:.1e}, {found.inversions}"


def parity_table() -> list[str]:
    columns = (*RUN, *HOLD_ONNX)
    rows = [f"| scorer | {' | '.join(columns)} |", "| --- |" + " --- |" * len(columns)]
    reasons: dict[str, int] = {}
    for name, (made, options) in VARIANTS.items():
        scorer = trained(made, options)
        with tempfile.TemporaryDirectory() as folder:
            cells = [parity(scorer, target, Path(folder), reasons) for target in columns]
        rows.append(f"| {name} | {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    listed = [f"{number}. {reason}" for reason, number in reasons.items()]
    print("\n".join(listed), flush=True)
    return [*rows, "", *listed]


def contestants(folder: Path) -> tuple[dict[str, Callable[[], Any]], dict[str, int]]:
    """What scores the same 100 documents, and how large it is on disk."""
    data = rk.make_ranking(400, n_features=136, seed=0)
    features, offsets = np.ascontiguousarray(data.features[:100]), np.array([0, 100])
    calls: dict[str, Callable[[], Any]] = {}
    sizes = {}
    scorers = {
        "linear": rk.LinearScorer(136),
        "mlp 64-32, log1p+standardize": rk.MLPScorer(136, (64, 32), transform="log1p+standardize", seed=0),
        "mlp 256-256-128, log1p+standardize": rk.MLPScorer(136, transform="log1p+standardize", seed=0),
        "mlp, default (32 bins a feature)": rk.MLPScorer(136, seed=0),
    }
    for name, scorer in scorers.items():
        scorer.transform.fit(data.features, data.offsets)
        model = read_source(scorer).model
        calls[f"{name}: rankkit"] = lambda model=model: scorer_scores(model, features, offsets)
        for target in ("onnx", "torch", "numpy"):
            out = folder / name.replace(" ", "-") / target
            export(scorer, target, out)
            key = f"{name}: {target}"
            sizes[key] = sum(path.stat().st_size for path in out.iterdir() if not path.name.endswith("manifest.json"))
            calls[key] = loaded(target, out, features, offsets)
    booster = lightgbm.train(
        {"objective": "lambdarank", "num_leaves": 31, "min_data_in_leaf": 5, "num_threads": 1, "verbose": -1},
        lightgbm.Dataset(data.features, label=data.labels, group=np.diff(data.offsets)),
        num_boost_round=500,
    )
    leaves = [tree["num_leaves"] for tree in booster.dump_model()["tree_info"]]
    key = f"LightGBM, {len(leaves)} trees of {statistics.mean(leaves):.0f} leaves"
    booster.save_model(folder / "trees.txt")
    sizes[key] = (folder / "trees.txt").stat().st_size
    calls[key] = lambda: booster.predict(features, num_threads=1)
    return calls, sizes


def loaded(target: str, out: Path, features: Any, offsets: Any) -> Callable[[], Any]:
    """The artefact, loaded once, as a call without arguments."""
    if target == "onnx":
        session = OnnxSession(out / "ranker.onnx").session
        return lambda: session.run(["score"], {"features": features})
    if target == "torch":
        with quiet():
            program, rows = torch.export.load(out / "ranker.pt2").module(), torch.from_numpy(features)

        def scored() -> Any:
            with torch.inference_mode():
                return program(rows).numpy()

        return scored
    scope: dict[str, Any] = {"__file__": str(out / "ranker.py"), "__name__": "ranker"}
    exec((out / "ranker.py").read_text(), scope)  # noqa: S102 - written a moment ago by export()
    return lambda: scope["score"](features)


def time_table(n_rounds: int = 200) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        calls, sizes = contestants(Path(folder))
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for n in range(n_rounds + 10):
            for name, call in calls.items():
                start = time.process_time()
                call()
                if n >= 10:
                    seconds[name].append(time.process_time() - start)
    rows = [
        "| scores 100 documents of 136 features | ms, median | ms, 90th percentile | size |",
        "| --- | --- | --- | --- |",
    ]
    for name, values in seconds.items():
        p50, p90 = 1e3 * statistics.median(values), 1e3 * float(np.quantile(values, 0.9))
        size = f"{sizes[name] / 1e3:,.0f} kB" if name in sizes else ""
        rows.append(f"| {name} | {p50:.2f} | {p90:.2f} | {size} |")
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    write = parser.parse_args().write
    torch.set_num_threads(1)
    tables = {"parity": parity_table(), "time": time_table()}
    if write:
        text = README.read_text()
        for name, rows in tables.items():
            begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
            before, rest = text.split(begin)
            text = before + begin + "\n" + "\n".join(rows) + "\n\n" + end + rest.split(end)[1]
        README.write_text(text)
    print(f"Python {platform.python_version()}, torch {torch.__version__}, lightgbm {lightgbm.__version__}")


if __name__ == "__main__":
    main()
