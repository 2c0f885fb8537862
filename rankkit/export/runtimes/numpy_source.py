"""source_text(): the Python module that an exported numpy ranker is."""

import inspect
import re
from collections.abc import Sequence
from types import FunctionType
from typing import Any, cast

from torch import nn

from rankkit.export.runtimes import numpy_functions
from rankkit.export.runtimes.numpy_layers import LAYERS, refusal
from rankkit.models.priors import Priors
from rankkit.models.scorers import LinearScorer, Scorer
from rankkit.models.scorers.columns import CodeTable, ColumnInputs
from rankkit.models.scorers.listwise import is_listwise
from rankkit.transforms import Transform
from rankkit.transforms.elementwise import Identity, Log1p, MinMax, Missing, Standardize
from rankkit.transforms.positions import QueryGap, QueryRank
from rankkit.transforms.quantiles import Piecewise, Quantile
from rankkit.transforms.queries import QueryMinMax, QueryShare, QueryStandardize

# Each layer or step as a call: the function, which weights it takes, and numbers of its own.
STEPS: dict[type[nn.Module], tuple[str, tuple[str, ...]]] = {
    Log1p: ("log1p", ()),
    Standardize: ("standardize", ("mean", "inverse_std")),
    MinMax: ("minmax", ("low", "inverse_width")),
    Missing: ("missing", ("was_missing",)),
    Quantile: ("quantile", ("knots", "heights", "slopes", "high")),
    Piecewise: ("piecewise", ("low", "inverse_width", "high")),
    QueryStandardize: ("query_standardize", ()),
    QueryMinMax: ("query_minmax", ()),
    QueryRank: ("query_rank", ()),
    QueryShare: ("query_share", ()),
    QueryGap: ("query_gap", ()),
}
_HEAD = '''"""A ranker, exported by rankkit: scores documents with numpy alone.

    from ranker import score

{usage}

Features are float32 [document, feature] in the order of FEATURES; NaN is a missing value. The feature transform is
inside. Sample rows with the scores they have to get lie in manifest.json.
"""

import hashlib
import io
{imports}from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEATURES = ({features})
WEIGHTS_SHA256 = "{digest}"

Rows = NDArray[np.float32]
{constants}

def read_weights() -> dict[str, NDArray[Any]]:
    """The arrays of ranker.npz, which has to be the file that this code was written for."""
    content = Path(__file__).with_name("ranker.npz").read_bytes()
    if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
        raise ValueError("ranker.npz: expected the weights that were exported with ranker.py; got others.")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {{name: file[name] for name in file.files}}


def read_features(features: Any) -> Rows:
    """Features as float32 [document, feature], checked."""
    x = np.asarray(features, dtype=np.float32)
    if x.ndim != 2 or x.shape[1] != len(FEATURES):
        raise ValueError(f"score: expected features [document, {{len(FEATURES)}}]; got {{list(x.shape)}}.")
    return x
'''

_USAGE = {
    False: "    scores = score(features)  # one a document",
    True: "    scores = score(features, offsets)  # query i owns the rows offsets[i]:offsets[i + 1]",
}


def source_text(scorer: nn.Module, feature_names: Sequence[str], digest: str) -> str:
    """The text of ``ranker.py``: follows from the structure of the scorer, the names and the digest, nothing else.

    Args:
        scorer: A scorer; its weights are not looked at.
        feature_names: In order.
        digest: sha256 of ``ranker.npz``.

    Raises:
        ExportError: If a layer has no numpy form; the message names it.
    """
    listwise = is_listwise(cast(Scorer, scorer))
    body = _body(scorer)
    names = "".join(f"\n    {name!a}," for name in feature_names)
    functions = _functions("\n".join(body))
    used = set(re.findall(r"\w+", "\n".join(functions)))
    head = _HEAD.format(
        usage=_USAGE[listwise],
        imports="".join(f"import {name}\n" for name in ("itertools", "math") if name in used),
        features=f"{names}\n" if names else "",
        digest=digest,
        constants="".join(f"{line}\n" for line in _constants() if line.split()[0] in used),
    )
    parts = [head, *functions, "WEIGHTS = read_weights()\n"]
    arguments = "features: Any, offsets: NDArray[np.int64]" if listwise else "features: Any"
    lines = [
        f"def score({arguments}) -> Rows:",
        '    """The score of each document; higher ranks first."""',
        "    w = WEIGHTS",
        "    x = features = read_features(features)"
        if re.search(r"\bfeatures\b", "\n".join(body))
        else "    x = read_features(features)",
        *(["    offsets = np.asarray(offsets)"] if listwise else []),
        *(f"    {line}" for line in body),
        "    return x",
    ]
    return "\n\n".join(parts) + "\n\n" + "\n".join(lines) + "\n"


def _body(scorer: nn.Module) -> list[str]:
    if type(scorer) not in LAYERS:
        raise refusal(f"scorer {type(scorer).__name__}")
    known = cast(Any, scorer)
    lines = [] if known.transform.before is None else _priors(known.transform.before)
    if isinstance(known.transform, ColumnInputs):
        lines += _columns(known.transform)
    else:
        lines += _transform(cast(Transform, known.transform), "transform", "features")
    lines += LAYERS[type(scorer)](scorer)
    if isinstance(scorer, LinearScorer) and scorer.schema is not None:
        lines += [f"x = x + {_code_rows(table, f'codes.{n}')}" for n, table in enumerate(scorer.codes)]
    lines.append(f"x = {known.readout}(x)" if known.readout is not None else "x = x[:, 0]")
    return lines


def _priors(priors: Priors) -> list[str]:
    tables = []
    for number, table in enumerate(priors.tables):
        found = ", ".join(f'w["transform.before.tables.{number}.{name}"]' for name in table.arrays)
        rows = f'w["transform.before.tables.{number}.rows"]'
        tables.append(f"key_rows(features, {table.key!r}, {table.n_codes!r}, [{found}], {rows})")
    return [f"x = features = with_priors(features, {priors.hidden!r}, [{', '.join(tables)}])"]


def _columns(inputs: ColumnInputs) -> list[str]:
    """The inputs of columns of every kind, in the order of :class:`ColumnInputs`."""
    lines: list[str] = []
    parts: list[str] = []
    for name, transform in inputs.transforms():
        lines.append(f"x = {name} = taken(features, {inputs.runs(name)!r})")
        lines += _transform(transform, f"transform.{name}", name)
        lines.append(f"{name}_in = x")
        parts.append(f"{name}_in")
        if inputs.missing_indicators and name != "vectors":
            flags = "was_missing" if name == "numbers" else "was_missing_queries"
            parts.append(f'missing_ones({name}, w["transform.{flags}"])')
    if inputs.runs("texts"):
        parts.append(f"fill_missing(taken(features, {inputs.runs('texts')!r}), 0.0)")
    parts += [_code_rows(table, f"transform.codes.{n}") for n, table in enumerate(inputs.codes)]
    if not parts:  # codes alone, which are read behind the output
        return ["x = np.zeros((len(features), 1), np.float32)"]
    return [*lines, f"x = np.concatenate([{', '.join(parts)}], axis=1)"]


def _code_rows(table: nn.Module, name: str) -> str:
    codes = cast(CodeTable, table)
    return f'code_rows(features, {codes.first}, {codes.last}, w["{name}.weight"])'


def _transform(transform: Transform, prefix: str, inputs: str) -> list[str]:
    lines = []
    for n, chain in enumerate(transform.chains):
        if n > 0:
            lines.append(f"x = {inputs}")
        steps = list(cast(nn.ModuleList, chain))
        for m, step in enumerate(steps):
            if isinstance(step, Identity):
                continue
            if type(step) not in STEPS:
                raise refusal(f"transform step {type(step).__name__}")
            function, weights = STEPS[type(step)]
            arguments = [f'w["{prefix}.chains.{n}.{m}.{name}"]' for name in weights]
            if function.startswith("query_"):
                arguments.append("offsets")
            lines.append(f"x = {function}({', '.join(['x', *arguments])})")
        missing = cast(Any, steps[-1]).missing
        if missing is not None:
            lines.append(f"x = fill_missing(x, {missing!r})")
        if len(transform.chains) > 1:
            lines.append(f"chain_{n} = x")
    if len(transform.chains) > 1:
        chains = ", ".join(f"chain_{n}" for n in range(len(transform.chains)))
        lines.append(f"x = np.concatenate([{chains}], axis=1)")
    return lines


def _functions(body: str) -> list[str]:
    """The functions that the body calls, and those that they call, in the order of their file."""
    known = {
        name: function
        for name, function in vars(numpy_functions).items()
        if isinstance(function, FunctionType) and function.__module__ == numpy_functions.__name__
    }
    wanted = set(re.findall(r"\b([a-z]\w*)\(", body)) & set(known)
    while True:
        more = {called for name in wanted for called in known[name].__code__.co_names if called in known} - wanted
        if not more:
            return [inspect.getsource(function) for name, function in known.items() if name in wanted]
        wanted |= more


def _constants() -> list[str]:
    return re.findall(r"^[A-Z_]+ = .*$", inspect.getsource(numpy_functions), re.MULTILINE)
