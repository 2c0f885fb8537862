"""Every scorer to every target: parity, or the reason for a refusal; then size and time of 100 documents.

    OMP_NUM_THREADS=1 python experiments/export/run.py [--write]

Prints two Markdown tables; with --write they replace those in experiments/export/README.md. Needs the [export] and
[compare] extras. One thread; contestants for time take turns, and the medians are of processor time. Some minutes.
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
import xgboost

import rankkit as rk
from rankkit.errors import ExportError
from rankkit.export import export
from rankkit.export.quiet import quiet
from rankkit.export.runtimes.onnx_file import OnnxSession
from rankkit.export.source import read_source, scorer_scores

README = Path(__file__).with_name("README.md")
TARGETS = ("onnx", "torch", "numpy", "solr", "elasticsearch", "vespa", "triton", "kserve")
TIMED = ("onnx", "torch", "numpy")
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


def tree_files(folder: Path) -> dict[str, Path]:
    """Files of tree models that learnt the same rows, some values missing."""
    features = np.where(np.random.default_rng(0).random(TRAIN.features.shape) < 0.05, np.nan, TRAIN.features)
    sizes = np.diff(TRAIN.offsets)
    options = {"objective": "lambdarank", "num_leaves": 31, "min_data_in_leaf": 5, "num_threads": 1, "verbose": -1}
    light = lightgbm.train(options, lightgbm.Dataset(features, label=TRAIN.labels, group=sizes), num_boost_round=100)
    light.save_model(folder / "lightgbm.txt")
    matrix = xgboost.DMatrix(features, TRAIN.labels)
    matrix.set_group(sizes)
    xgboost.train({"objective": "rank:ndcg", "nthread": 1}, matrix, 100).save_model(folder / "xgboost.json")
    return {"LightGBM, 100 trees": folder / "lightgbm.txt", "XGBoost, 100 trees": folder / "xgboost.json"}


def parity(model: Any, target: str, out: Path, reasons: dict[str, int]) -> str:
    """One cell: greatest difference, inversions, size, time; or the number of the reason why not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # search engines give no features below 0, and these rows have some
            manifest = export(model, target, out, data=TRAIN)
    except ExportError as error:
        reason = str(error).replace(f"{model}: ", "") if isinstance(model, Path) else str(error)
        return f"refused ({reasons.setdefault(reason, len(reasons) + 1)})"
    found = manifest.parity
    if found is None:
        raise ValueError(f"{target}: expected figures of parity; got none. Mend export().")
    cell = f"{found.max_difference:.1e}, {found.inversions}, {kilobytes(out)}"
    if target not in TIMED:
        return cell
    features, offsets = np.ascontiguousarray(TRAIN.features[:100]), np.array([0, 100])
    return f"{cell}, {1e3 * median_seconds(loaded(target, out, features, offsets, manifest.listwise)):.2f} ms"


def kilobytes(out: Path) -> str:
    files = [path for path in out.rglob("*") if path.is_file() and not path.name.endswith("manifest.json")]
    return f"{sum(path.stat().st_size for path in files) / 1e3:,.0f} kB"


def median_seconds(call: Callable[[], Any], n_rounds: int = 100) -> float:
    seconds = []
    for n in range(n_rounds + 5):
        start = time.process_time()
        call()
        if n >= 5:
            seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def parity_table() -> list[str]:
    rows = [f"| model | {' | '.join(TARGETS)} |", "| --- |" + " --- |" * len(TARGETS)]
    reasons: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = {label: lambda made=made: trained(*made) for label, made in VARIANTS.items()}
        models |= {label: lambda path=path: path for label, path in tree_files(folder).items()}
        for number, (label, make) in enumerate(models.items()):
            model = make()
            cells = [parity(model, target, folder / f"{number}-{target}", reasons) for target in TARGETS]
            rows.append(f"| {label} | {' | '.join(cells)} |")
            print(rows[-1], flush=True)
    listed = [f"{number}. {reason}" for reason, number in reasons.items()]
    print("\n".join(listed), flush=True)
    return [*rows, "", *listed]


def contestants(folder: Path) -> tuple[dict[str, Callable[[], Any]], dict[str, str]]:
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
        for target in TIMED:
            out = folder / name.replace(" ", "-") / target
            export(scorer, target, out)
            key = f"{name}: {target}"
            sizes[key] = kilobytes(out)
            calls[key] = loaded(target, out, features, offsets)
    booster = lightgbm.train(
        {"objective": "lambdarank", "num_leaves": 31, "min_data_in_leaf": 5, "num_threads": 1, "verbose": -1},
        lightgbm.Dataset(data.features, label=data.labels, group=np.diff(data.offsets)),
        num_boost_round=500,
    )
    leaves = [tree["num_leaves"] for tree in booster.dump_model()["tree_info"]]
    key = f"LightGBM, {len(leaves)} trees of {statistics.mean(leaves):.0f} leaves"
    booster.save_model(folder / "trees.txt")
    sizes[key] = f"{(folder / 'trees.txt').stat().st_size / 1e3:,.0f} kB"
    calls[key] = lambda: booster.predict(features, num_threads=1)
    return calls, sizes


def loaded(target: str, out: Path, features: Any, offsets: Any, listwise: bool = False) -> Callable[[], Any]:
    """The artefact, loaded once, as a call without arguments: one query."""
    lists, mask = features[None], np.ones((1, len(features)), bool)
    if target == "onnx":
        session = OnnxSession(out / "ranker.onnx").session
        inputs = {"features": lists, "mask": mask} if listwise else {"features": features}
        return lambda: session.run(["score"], inputs)
    if target == "torch":
        with quiet():
            program = torch.export.load(out / "ranker.pt2").module()
        tensors = [torch.from_numpy(array) for array in ((lists, mask) if listwise else (features,))]

        def scored() -> Any:
            with torch.inference_mode():
                return program(*tensors).numpy()

        return scored
    scope: dict[str, Any] = {"__file__": str(out / "ranker.py"), "__name__": "ranker"}
    exec((out / "ranker.py").read_text(), scope)  # noqa: S102 - written a moment ago by export()
    return lambda: scope["score"](features, offsets) if listwise else scope["score"](features)


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
        rows.append(f"| {name} | {p50:.2f} | {p90:.2f} | {sizes.get(name, '')} |")
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
