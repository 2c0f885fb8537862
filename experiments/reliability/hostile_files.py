"""Hostile files: whole files of each kind, damaged by a seed, read as a user would.

    python experiments/reliability/hostile_files.py [trials] [seed]

What may come of one is what rankkit makes of a sound file, or one of its own errors; never another exception, more
memory than ``ROOM`` beyond what the process began with, or no end: a kind has ``PATIENCE`` seconds and one a file.
``attack()`` gives how many files were tried, and how many were held off. Each kind is read in a process of its own.
"""

import io
import json
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import rankkit as rk
from rankkit.errors import RankkitError
from rankkit.loaders.cache.reading import read_cache, write_cache
from rankkit.loaders.trec import read_qrels

ROOM = 2 * 2**30
PATIENCE = 20

_TOKENS = (
    *(
        b"\xff",
        b"\x00",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\r",
        b"\n\n",
        b'"',
        b"'",
        b",",
        b"\t",
        b" ",
        b":",
        b"#",
        b"=",
    ),
    *(b"nan", b"inf", b"-inf", b"1e20", b"1e400", b"-1", b"0", b"2147483648", b"-2147483649", b"9223372036854775808"),
    *(
        b"9" * 400,
        b"0x1p3",
        b"1_000",
        b"null",
        b"NULL",
        b"true",
        b"qid:",
        b"[" * 3000,
        b'{"a":' * 3000,
        b"]",
        b"}",
        b"\\ud800",
    ),
)
_VALUES = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x" * 300,
    "\ud800",
    [],
    {},
    [[]],
    "1e20",
    [1, 2],
)
_NUMBER = re.compile(rb"-?\d+(\.\d+)?(e[-+]?\d+)?")


@dataclass(frozen=True)
class Kind:
    """How a sound file or folder is made, and what is done with it."""

    name: str
    make: Callable[[Path], None]
    use: Callable[[Path], object]


def mutants(kind: Kind, sound: Path, place: Path, n: int, seed: int) -> Iterator[Path]:
    """Damaged copies of a file or folder, one after another at the same place; equal seeds give equal ones."""
    for number in range(n):
        rng = random.Random(f"{seed} {kind.name} {number}")
        shutil.rmtree(place, ignore_errors=True)
        place.unlink(missing_ok=True)
        if sound.is_dir():
            shutil.copytree(sound, place)
            damaged = rng.choice(sorted(path for path in place.rglob("*") if path.is_file()))
        else:
            shutil.copy(sound, place)
            damaged = place
        damaged.write_bytes(_damaged(damaged.read_bytes(), rng))
        if kind.name == "bundle" and rng.random() < 0.7:
            _sign(place)
        yield place


def _damaged(content: bytes, rng: random.Random) -> bytes:
    if content.lstrip()[:1] in b"{[" and rng.random() < 0.6:
        try:
            return _damaged_json(content, rng)
        except (ValueError, UnicodeError):
            pass
    for _ in range(rng.randint(1, 4)):
        content = rng.choice((_flip, _cut, _insert, _repeat, _renumber))(content, rng)
    return content


def _flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content or b"x")
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _cut(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] if rng.random() < 0.5 else content[:at] + content[at + rng.randint(1, 40) :]


def _insert(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.choice(_TOKENS) + content[at:]


def _repeat(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[at : at + rng.randint(1, 200)] * rng.choice((2, 3, 500)) + content[at:]


def _renumber(content: bytes, rng: random.Random) -> bytes:
    found = list(_NUMBER.finditer(content))
    if not found:
        return _insert(content, rng)
    one = rng.choice(found)
    return content[: one.start()] + rng.choice(_TOKENS) + content[one.end() :]


def _damaged_json(content: bytes, rng: random.Random) -> bytes:
    """Another value, of any type, at one place or two."""
    whole = json.loads(content)
    for _ in range(rng.randint(1, 2)):
        below, key = whole, None
        while isinstance(below, dict | list) and below:
            parent, key = below, rng.choice(list(below) if isinstance(below, dict) else range(len(below)))
            below = parent[key]
            if rng.random() < 0.35:
                break
        if key is not None:
            parent[key] = rng.choice(_VALUES)
    return json.dumps(whole).encode()


def _sign(folder: Path) -> None:
    """Let ``model.json`` have the digest of the weights that are there: whoever forges a bundle can."""
    import hashlib

    try:
        model = json.loads((folder / "model.json").read_bytes())
        model["weights_sha256"] = hashlib.sha256((folder / "scorer.safetensors").read_bytes()).hexdigest()
        (folder / "model.json").write_text(json.dumps(model))
    except (ValueError, TypeError, OSError, RecursionError):
        return


def _data() -> rk.RankingDataset:
    rng = np.random.default_rng(0)
    ids = [f"document {place}" for place in range(12)]
    return rk.from_arrays(rng.random((12, 3)), rng.integers(0, 3, 12), list("aabbccddeeff"), doc_ids=ids)


def _named() -> rk.RankingDataset:
    return rk.with_feature_names(_data(), ["bm25", "age", "clicks"])


def _look(data: rk.RankingDataset) -> None:
    """What one does with data: all of it is touched."""
    str(rk.summarize(data)), data.fingerprint, data.qids.tolist()
    if data.doc_ids is not None:
        data.doc_ids.tolist()
    data.in_row_order(data.features).sum()


def _make_bundle(path: Path) -> None:
    scorer = rk.MLPScorer(3, hidden=(4,), transform="log1p+standardize", seed=0)
    data = _named()
    scorer.transform.fit(data.features, data.offsets)
    rk.save(scorer, path, feature_names=data.feature_names, objective="ranknet", metrics=["ndcg@10"])


def _score(path: Path) -> None:
    scorer = rk.load(path)
    features = np.random.default_rng(1).random((4, scorer.n_features if scorer.n_features < 10_000 else 1))
    rk.predict(scorer, rk.from_arrays(features, None, [1, 1, 2, 2]))


def _trees() -> dict[str, object]:
    tree = {
        "tree_param": {"num_nodes": "3", "size_leaf_vector": "1"},
        "left_children": [1, -1, -1],
        "right_children": [2, -1, -1],
        "split_indices": [1, 0, 0],
        "split_conditions": [0.5, 0.25, -0.25],
        "default_left": [1, 0, 0],
        "split_type": [0, 0, 0],
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
    }
    model = {
        "gbtree_model_param": {"num_trees": "2", "num_parallel_tree": "1"},
        "trees": [tree, tree],
        "tree_info": [0, 0],
    }
    return {
        "learner": {
            "attributes": {},
            "feature_names": ["bm25", "age", "clicks"],
            "gradient_booster": {"name": "gbtree", "model": model},
            "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "3", "num_target": "1"},
            "objective": {"name": "rank:ndcg"},
        },
        "version": [3, 2, 0],
    }


def _ubjson(value: object) -> bytes:
    if isinstance(value, dict):
        return b"{" + b"".join(_ubjson_key(key) + _ubjson(below) for key, below in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b"".join(map(_ubjson, value)) + b"]"
    if isinstance(value, str):
        return b"S" + _ubjson_key(value)
    return b"d" + struct.pack(">f", value) if isinstance(value, float) else b"l" + struct.pack(">i", value)


def _ubjson_key(text: str) -> bytes:
    return b"L" + struct.pack(">q", len(text.encode())) + text.encode()


def _make_lightgbm(path: Path) -> None:
    import lightgbm

    data = _named()
    rows = lightgbm.Dataset(
        data.features, data.labels, group=data.list_sizes, feature_name=list(data.feature_names or ())
    )
    options = {"objective": "lambdarank", "num_leaves": 3, "min_data_in_leaf": 1, "verbosity": -1, "num_threads": 1}
    path.write_text(lightgbm.train(options, rows, num_boost_round=3).model_to_string())


def _make_qrels(path: Path) -> None:
    path.write_text("".join(f"q{place // 3} 0 d{place} {place % 3}\n" for place in range(12)))


def _make_run(path: Path) -> None:
    path.write_text(
        "".join(f"q{place // 3} Q0 d{place} {1 + place % 3} {1 / (1 + place)} tag\n" for place in range(12))
    )


_TOML = """seed = 1
out = "runs/a"
[data]
train = "train.txt"
valid = "valid.txt"
[scorer]
name = "mlp"
hidden = [16, 8]
dropout = 0.1
[objective]
name = "lambdarank"
k = 10
sigma = 1.0
[training]
epochs = 3
learning_rate = 1e-3
patience = 2
[evaluation]
metrics = ["ndcg@10"]
"""


def _experiment(path: Path) -> None:
    from rankkit.cli.kinds.commands import load_experiment

    load_experiment(path, {}, [])


def _judged_run(path: Path) -> None:
    qrels = io.BytesIO("".join(f"q{place // 3} 0 d{place} {place % 3}\n" for place in range(12)).encode())
    qrels.name = "judged.qrels"
    str(rk.evaluate_run(qrels, path))


def _write(data: rk.RankingDataset, path: Path) -> None:
    from rankkit.loaders.files import write

    write(data, path)


def _names(path: Path) -> None:
    rk.with_feature_names(_data(), path)


KINDS = {
    kind.name + kind_suffix: kind
    for kind_suffix, kind in (
        ("", Kind("bundle", _make_bundle, _score)),
        (".rkcache", Kind("cache", lambda path: write_cache(_named(), path), lambda path: _look(read_cache(path)))),
        (".txt", Kind("letor", lambda path: _write(_data(), path), lambda path: _look(rk.read(path)))),
        (".csv", Kind("csv", lambda path: _write(_named(), path), lambda path: _look(rk.read(path)))),
        (".parquet", Kind("parquet", lambda path: _write(_named(), path), lambda path: _look(rk.read(path)))),
        (".arrow", Kind("arrow", lambda path: _write(_named(), path), lambda path: _look(rk.read(path)))),
        (".qrels", Kind("trec qrels", _make_qrels, lambda path: _look(read_qrels(path)))),
        (".run", Kind("trec run", _make_run, _judged_run)),
        (".txt", Kind("lightgbm", _make_lightgbm, _score)),
        (".json", Kind("xgboost", lambda path: path.write_text(json.dumps(_trees())) and None, _score)),
        (".ubj", Kind("xgboost", lambda path: path.write_bytes(_ubjson(_trees())) and None, _score)),
        (".toml", Kind("experiment", lambda path: path.write_text(_TOML) and None, _experiment)),
        (".json", Kind("names", lambda path: path.write_text('{"1": "a", "2": "b", "3": "c"}') and None, _names)),
    )
}
"""By name and ending: ``"letor.txt"``."""


def faults(name: str, n: int, seed: int, folder: Path) -> list[str]:
    """What went wrong with so many damaged files of a kind: the number of the file and the foreign exception."""
    kind = KINDS[name]
    sound, place = folder / f"sound-{name.replace(' ', '-')}", folder / f"damaged-{name.replace(' ', '-')}"
    kind.make(sound)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kind.use(sound)
        found = []
        for number, path in enumerate(mutants(kind, sound, place, n, seed)):
            try:
                kind.use(path)
            except RankkitError:
                continue
            except BaseException as error:
                found.append(f"{name} {number}: {type(error).__name__}: {str(error)[:300]}")
    return found


def _alone(name: str, n: int, seed: int) -> None:
    """One kind in this process, which may not take more memory than it has and ``ROOM``."""
    with tempfile.TemporaryDirectory() as folder:
        faults(name, 0, seed, Path(folder))  # what is compiled or imported is no fault of a file
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, resource.RLIM_INFINITY))
        kind_folder = Path(folder) / "files"
        kind_folder.mkdir()
        signal.alarm(PATIENCE + n)  # a file that never ends ends the process, with all of its files lost
        for line in faults(name, n, seed, kind_folder):
            sys.stdout.write(f"{line}\n")


def attack(trials: int = 500, seed: int = 0) -> tuple[int, int]:
    """How many files were tried, and how many were held off; what was not is printed to stderr."""
    held, tried = 0, 0
    for place, name in enumerate(sorted(KINDS)):
        n = trials // len(KINDS) + (place < trials % len(KINDS))
        began = time.monotonic()
        words = [sys.executable, __file__, "--kind", name, str(n), str(seed)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        lines = done.stdout.splitlines()
        lost = n if done.returncode else len(lines)
        tried, held = tried + n, held + n - lost
        if lost:
            sys.stderr.write("\n".join([*lines, done.stderr[-2000:] if done.returncode else ""]) + "\n")
        sys.stderr.write(f"{name}: {n - lost} of {n} held, {time.monotonic() - began:.0f} s\n")
    return tried, held


if __name__ == "__main__":
    if sys.argv[1:2] == ["--kind"]:
        _alone(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        n_tried, n_held = attack(*map(int, sys.argv[1:]))
        print(f"{n_held} of {n_tried} held")
