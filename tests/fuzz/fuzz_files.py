"""Coverage-guided fuzzing of files that rankkit opens: one part of a sound file or folder is replaced by any bytes.

Needs atheris, which is in no extra: ``pip install atheris``. From the root of the repository::

    python -m tests.fuzz.fuzz_files bundle -max_total_time=600 -timeout=20

in place of ``bundle`` also ``cache``, ``qrels``, ``run``, ``lightgbm``, ``xgboost``, and ``bodies`` of requests to the
service. No input may crash or hang, and nothing but a RankkitError may come out, of a body nothing but a refusal. An
input that breaks this is written to ``crash-*``, ``timeout-*`` or ``oom-*``; run the command with that file to see it
again.
"""

import gzip
import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import atheris
import numpy as np
import pyarrow as pa

# Before the others, since what is compiled cannot be instrumented.
import rankkit.loaders.letor.kernels
import rankkit.metrics.kernels
import rankkit.models.trees.kernels

with atheris.instrument_imports(include=["rankkit"]):
    import rankkit as rk
    from rankkit import bundle
    from rankkit.errors import RankkitError
    from rankkit.evaluation.trec import read_run
    from rankkit.loaders.cache.reading import read_cache
    from rankkit.loaders.files import write
    from rankkit.loaders.trec import read_qrels
    from rankkit.models.trees import TreeScorer, read_tree_model
    from rankkit.serving.bodies.form import Form
    from rankkit.serving.bodies.reading import JSON, How, read
    from rankkit.serving.bodies.tables import ARROW, NPY
    from rankkit.serving.refusal import RefusedError
from tests.models.trees.tree_files import training_rows, xgboost_model


def bundle_parts(folder):
    """A saved ranker."""
    scorer = rk.MLPScorer(3, hidden=(4,), transform="standardize", seed=0)
    scorer.transform.fit(np.eye(3, dtype=np.float32), np.array([0, 3]))
    bundle.save(scorer, folder, feature_names=["a", "b", "c"], objective="ranknet")


def open_bundle(folder):
    """Load it and score two documents."""
    scorer = bundle.load(folder)
    assert len(rk.predict(scorer, np.ones((2, scorer.n_features)))) == 2


def cache_parts(folder):
    """A cache with every array."""
    data = rk.make_ranking(4, n_features=3, seed=0)
    doc_ids = [f"d{row}" for row in range(data.n_docs)]
    qids = [f"q{qid}" for qid in np.repeat(data.qids, data.list_sizes)]
    named = rk.from_arrays(data.features, data.labels, qids, doc_ids=doc_ids, feature_names=list("abc"))
    shutil.rmtree(folder)
    write(named, folder)


def open_cache(folder):
    """Open it and look at all of it."""
    data = read_cache(folder)
    assert data.features.shape == (data.n_docs, data.n_features)
    assert [list(ids) for ids in (data.qids, data.doc_ids or [])]
    assert data.fingerprint


def texts(name, text):
    """One text file in a folder."""

    def parts(folder):
        (folder / name).write_text(text)

    return parts


def small_trees():
    """Text of two small trees of LightGBM, so that a change of any byte is likely to matter."""
    import lightgbm

    rows, labels = training_rows(True)
    options = {"objective": "l2", "num_leaves": 4, "num_threads": 1, "verbosity": -1}
    data = lightgbm.Dataset(rows, labels, params={"verbosity": -1})
    return lightgbm.train(options, data, num_boost_round=2).model_to_string()


def scored(path):
    """Read trees and score two documents."""
    model = read_tree_model(path)
    rk.predict(TreeScorer(model).eval(), np.ones((2, model.n_features)))


BODIES = {
    "rank.json": How("rank", Form(("a", "b"), True, 4, 6), JSON),
    "score.json": How("score", Form(("a", "b"), False, 4, 6), JSON),
    "packed.json": How("rank", Form(("a", "b"), True, 4, 6), JSON, is_packed=True, max_bytes=2**20),
    "table.arrow": How("score", Form(("a", "b"), True, 4, 6), ARROW),
    "array.npy": How("rank", Form(("a", "b"), True, 4, 6), NPY),
}


def bodies(folder):
    """One body of each form."""
    rank = {"documents": [{"id": "x", "features": [1, 2.5]}, {"id": 7, "features": {"a": 1, "b": None}}], "k": 1}
    (folder / "rank.json").write_text(json.dumps(rank))
    (folder / "score.json").write_text(json.dumps({"queries": [{"query_id": "q", "features": [[1, 2], [3, 4]]}]}))
    (folder / "packed.json").write_bytes(gzip.compress(json.dumps(rank).encode(), mtime=0))
    np.save(folder / "array.npy", np.ones((2, 2), np.float32))
    table = pa.table({"a": [1.0, 2.0], "b": [0.5, 0.25], "query_id": ["q", "q"]})
    with pa.ipc.new_stream(folder / "table.arrow", table.schema) as stream:
        stream.write_table(table)


def read_bodies(folder):
    """Read each as the service would."""
    for name, how in BODIES.items():
        try:
            asked = read((folder / name).read_bytes(), how)
        except RefusedError:
            continue
        assert asked.features.shape[1] == 2


TARGETS = {
    "bodies": (bodies, read_bodies),
    "bundle": (bundle_parts, open_bundle),
    "cache": (cache_parts, open_cache),
    "qrels": (texts("x.qrels", "1 0 a 2\n1 0 b 0\n2 0 a 1\n"), lambda folder: read_qrels(folder / "x.qrels")),
    "run": (texts("x.run", "1 Q0 a 1 2.5 me\n1 Q0 b 2 1.5 me\n"), lambda folder: read_run(folder / "x.run")),
    "lightgbm": (
        lambda folder: (folder / "x.txt").write_text(small_trees()),
        lambda folder: scored(folder / "x.txt"),
    ),
    "xgboost": (
        lambda folder: (folder / "x.json").write_text(json.dumps(xgboost_model())),
        lambda folder: scored(folder / "x.json"),
    ),
}


def main():
    make, look = TARGETS[sys.argv.pop(1)]
    with tempfile.TemporaryDirectory() as name:
        sound, broken, corpus = (Path(name, part) for part in ("sound.rkcache", "broken.rkcache", "corpus"))
        for folder in (sound, corpus):
            folder.mkdir()
        make(sound)
        files = sorted(path for path in sound.iterdir() if path.is_file())
        for number, path in enumerate(files):
            (corpus / str(number)).write_bytes(bytes([number]) + path.read_bytes())

        def fuzz(data):
            shutil.rmtree(broken, ignore_errors=True)
            shutil.copytree(sound, broken)
            chosen = files[data[0] % len(files)] if data else files[0]
            (broken / chosen.name).write_bytes(data[1:])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    look(broken)
                except RankkitError:
                    return

        look(sound)  # compiles
        atheris.Setup([*sys.argv, str(corpus)], fuzz)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
