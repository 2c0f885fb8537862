"""Every way in which a command of rankkit writes: what attacks on processes and disks are made on.

``{m}`` in the words stands for the folder of :func:`make_material`, ``{out}`` for an empty folder.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """One of them.

    Args:
        name: Of the attack in a report.
        words: As typed.
        place: What it was told to write to, as one of the words.
        kind: What that is: ``"file"`` or ``"folder"``.
        again: What is added to go on with what was cut off.
        is_quick: Whether it is cheap enough for every test run.
    """

    name: str
    words: str
    place: str
    kind: str = "file"
    again: str = ""
    is_quick: bool = False


_TRAINING = (
    "--set scorer.hidden=[8] --set training.epochs=3 --set training.checkpoint_every=0 --set training.batch_queries=8"
)


def _convert(ending, *, is_quick=False):
    place = f"{{out}}/data{ending}"
    kind = "folder" if ending == ".rkcache" else "file"
    return Command(f"convert to {ending}", f"convert {{m}}/train.parquet {place}", place, kind, is_quick=is_quick)


def _score(ending, *, is_quick=False):
    place = f"{{out}}/scores{ending}"
    return Command(f"score to {ending}", f"score {{m}}/run {{m}}/test.parquet --out {place}", place, is_quick=is_quick)


def _embed(ending):
    place = f"{{out}}/embeddings{ending}"
    return Command(f"embed to {ending}", f"embed {{m}}/encoder digits --out {place}", place)


def _export(to, run, suffix="", *, is_quick=False):
    place = f"{{out}}/{to}{suffix}"
    words = f"export {{m}}/{run} --to {to} --out {place}"
    return Command(f"export of {run} to {to}", words, place, "file" if suffix else "folder", is_quick=is_quick)


def _recommend(ending):
    place = f"{{out}}/lists{ending}"
    return Command(f"recommend to {ending}", f"recommend {{m}}/recommender --k 3 --out {place}", place)


COMMANDS = (
    Command(
        "train",
        f"train --train {{m}}/train.parquet --valid {{m}}/vali.parquet --out {{out}}/run {_TRAINING}",
        "{out}/run",
        "folder",
        "--resume",
        is_quick=True,
    ),
    Command(
        "train with a cache",
        f"train --train {{m}}/train.txt --out {{out}}/run --set data.cache={{out}}/caches {_TRAINING}",
        "{out}/run",
        "folder",
        "--resume",
    ),
    Command(
        "train --folds", f"train --folds {{m}}/folds --out {{out}}/run {_TRAINING}", "{out}/run", "folder", "--resume"
    ),
    Command(
        "train --encoder",
        "train --encoder mlp --train digits --out {out}/run --set training.epochs=2 --set training.checkpoint_every=0",
        "{out}/run",
        "folder",
        "--resume",
    ),
    Command(
        "train --track tensorboard",
        f"train --train {{m}}/train.parquet --out {{out}}/run --track tensorboard {_TRAINING}",
        "{out}/run",
        "folder",
        "--resume",
    ),
    Command(
        "pretrain",
        "pretrain --train {m}/train.parquet --scorer mlp --out {out}/run --set scorer.hidden=[8] "
        "--set pretraining.epochs=2 --set pretraining.checkpoint_every=0",
        "{out}/run",
        "folder",
        "--resume",
    ),
    Command(
        "distill",
        "distill {m}/taught --out {out}/small --folds 2 --set scorer.hidden=[8] --set training.epochs=1",
        "{out}/small",
        "folder",
        "--resume",
    ),
    Command("compare", "compare {m}/compare.toml --out {out}/runs --jobs 1", "{out}/runs", "folder", "--resume"),
    Command(
        "margin-sweep",
        "margin-sweep --train digits --encoder mlp --out {out}/sweep --margins 0.1,0.4 --seeds 1 "
        "--set training.epochs=1",
        "{out}/sweep",
        "folder",
        "--resume",
    ),
    Command("split", "split {m}/train.parquet --out {out}/parts", "{out}/parts", "folder", is_quick=True),
    Command("split to caches", "split {m}/train.parquet --out {out}/parts --suffix .rkcache", "{out}/parts", "folder"),
    *(
        _convert(ending, is_quick=ending == ".rkcache")
        for ending in (".txt", ".txt.zst", ".csv", ".csv.gz", ".parquet", ".arrow", ".rkcache")
    ),
    Command("convert text to .rkcache", "convert {m}/apart.txt {out}/d.rkcache --regroup", "{out}/d.rkcache", "folder"),
    Command("qrels", "qrels {m}/train.parquet --out {out}/a.qrels", "{out}/a.qrels"),
    *(_score(ending, is_quick=ending == ".parquet") for ending in (".parquet", ".csv", ".txt", ".run")),
    *(_embed(ending) for ending in (".npz", ".parquet", ".npy")),
    Command("neighbours", "neighbours {m}/encoder {m}/few.npz --out {out}/a.csv", "{out}/a.csv"),
    Command(
        "explain",
        "explain {m}/run {m}/test.parquet --repeats 1 --max-docs 100 --out {out}/why",
        "{out}/why",
        "folder",
    ),
    Command("evaluate --per-query", "evaluate {m}/run {m}/test.parquet --per-query {out}/q.parquet", "{out}/q.parquet"),
    Command("inspect --html", "inspect {m}/train.parquet --html {out}/a.html", "{out}/a.html"),
    Command(
        "interactions",
        "interactions {m}/ratings.csv --user user --item item --time time --out {out}/log",
        "{out}/log",
        "folder",
    ),
    Command(
        "split of a log", "split {m}/log --by time --test .2 --valid .1 --out {out}/parts", "{out}/parts", "folder"
    ),
    Command("train --log", "train --log {m}/log --recommender markov --out {out}/run", "{out}/run", "folder"),
    *(
        Command(
            f"recommend to {ending}", f"recommend {{m}}/recommender --k 3 --out {{out}}/a{ending}", f"{{out}}/a{ending}"
        )
        for ending in (".parquet", ".csv")
    ),
    _export("numpy", "run", is_quick=True),
    _export("torch", "run", ".pt2"),
    _export("onnx", "run", ".onnx"),
    _export("onnx", "encoder", ".onnx"),
    *(_export(to, "linear") for to in ("solr", "elasticsearch", "opensearch", "vespa", "triton", "kserve")),
)

_TAUGHT = """
out = "DATA/taught"
scorer = "linear"
objective = "ranknet"
[data]
train = "DATA/train.parquet"
valid = "DATA/vali.parquet"
[training]
epochs = 1
"""
COSTLY = {"compare"}  # whose workers are processes of their own


def make_material(folder: Path) -> None:
    """Data, saved models and an experiment file for the commands."""
    from rankkit import LinearScorer, MLPScorer, bundle
    from rankkit.data.synthetic import make_ranking
    from rankkit.loaders.examples.files import read_labelled, write_labelled
    from rankkit.loaders.files import write
    from rankkit.loaders.tables.given_arrays import from_arrays
    from rankkit.models.encoders import MLPEncoder

    for seed, name in enumerate(("train", "vali", "test")):
        made = make_ranking(40, n_features=6, seed=seed)
        ids = [f"{name}-{row}" for row in range(made.n_docs)]
        qids = [f"q{seed}-{query}" for query in range(made.n_queries) for _ in range(made.list_sizes[query])]
        data = from_arrays(made.features, made.labels, qids, doc_ids=ids)
        for ending in (".parquet", ".txt"):
            write(data, folder / f"{name}{ending}")
        for fold in ("Fold1", "Fold2"):
            write(
                make_ranking(20, n_features=6, seed=seed + 5 * int(fold[-1])), folder / "folds" / fold / f"{name}.txt"
            )
    lines = (folder / "train.txt").read_text().splitlines(keepends=True)
    (folder / "apart.txt").write_text("".join(lines[::2] + lines[1::2]))
    train = read_labelled("digits")
    write_labelled(train.of_classes(train.class_names[:3]), folder / "few.npz")
    data = make_ranking(40, n_features=6, seed=0)
    for name, scorer in (
        ("run", MLPScorer(6, hidden=(8,), seed=0)),
        ("linear", LinearScorer(6, transform="none", seed=0)),
    ):
        scorer.transform.fit(data.features, data.offsets)
        bundle.save(scorer.eval(), folder / name)
        if name == "linear":
            bundle.save(scorer, folder / "taught")
            (folder / "taught" / "experiment.toml").write_text(_TAUGHT.replace("DATA", str(folder)))
    bundle.save(MLPEncoder(train.input_shape, n_dims=8, hidden=(), seed=0), folder / "encoder")
    _make_log(folder)
    (folder / "compare.toml").write_text(_COMPARISON.replace("DATA", str(folder)))


def _make_log(folder: Path) -> None:
    """Events of a hundred users, as text and as a log, and a recommender that has learnt from them."""
    import numpy as np
    import pandas as pd

    import rankkit as rk

    random = np.random.default_rng(0)
    events = {"user": random.integers(0, 100, 2000), "item": random.integers(0, 40, 2000), "time": np.arange(2000)}
    frame = pd.DataFrame(events)
    frame.to_csv(folder / "ratings.csv", index=False)
    log = rk.read_interactions(frame, user="user", item="item", time="time", duplicates="first")
    rk.write_log(log, folder / "log")
    rk.save(rk.Markov().learn(log), folder / "recommender")


_COMPARISON = """
seeds = 2
scorers = ["linear"]
objectives = ["softmax"]
external = ["best-feature", "random"]

[data]
train = "DATA/train.txt"
valid = "DATA/vali.txt"
test = "DATA/test.txt"

[training]
epochs = 2

[significance]
n_resamples = 200
"""
