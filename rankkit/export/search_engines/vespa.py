"""Vespa: an ONNX file and a rank profile that feeds it, for a schema of an application package."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError, ExportError
from rankkit.export.artefacts.manifest import Manifest
from rankkit.export.artefacts.parity import ScoreMap
from rankkit.export.obstacles import refuse_together
from rankkit.export.runtimes.onnx_file import run_onnx, write_onnx
from rankkit.export.search_engines.json_text import read_text
from rankkit.export.search_engines.plain_columns import check_columns
from rankkit.export.target import check_options
from rankkit.models.scorers.listwise import is_listwise, over_queries
from rankkit.models.trees.model import TreeModel

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A rank feature of Vespa's as it stands: bm25(title), nativeRank, fieldMatch(title).queryCompleteness.
_RANK_FEATURE = re.compile(r"[A-Za-z][A-Za-z0-9_]*\([A-Za-z0-9_,. ]*\)(\.[A-Za-z0-9_.]+)?")
_ROWS = re.compile(r"tensor<float>\(d0\[1\],d1\[(\d+)\]\):\[\[\n(.*?)\n *\]\]", re.DOTALL)
_FILE = re.compile(r"^ *file: (\S+)$", re.MULTILINE)


class VespaTarget:
    """An ONNX file and a rank profile that runs it in the second phase, on the best documents of each node.

    ``models/<name>.onnx`` and ``schemas/<schema>/<name>.profile`` belong into the application package. A feature that
    has the name of a rank feature, such as ``bm25(title)``, is that one; any other is read from the attribute of its
    name. An attribute without a value is NaN in Vespa, which the ranker's transform takes for missing.

    Options: ``name`` of the profile (``"ranker"``), ``schema`` (``"doc"``), ``rerank_count`` (100), ``opset`` (18).
    """

    name = "vespa"
    suffix = None
    missing_default = None
    feature_prefix = "feature_"
    numbers_alone = True

    def check(self, model: Any) -> None:
        """Raise ExportError for trees, and for a ranker that compares the documents of a query."""
        if isinstance(model, TreeModel):
            raise ExportError(
                f"vespa: expected a ranker of rankkit; got trees of {model.library}, which Vespa reads itself. "
                f'Put the file into models/ and rank with {model.library}("FILE.json").'
            )
        refuse_together("vespa", partial(check_columns, "vespa", model), partial(_check_documents_alone, model))

    def write(self, model: Any, manifest: Manifest, folder: Path, options: Mapping[str, Any]) -> ScoreMap | None:
        """Write the ONNX file and the rank profile."""
        check_options("vespa", options, ("name", "schema", "rerank_count", "opset"))
        name, schema = (str(options.get(key, default)) for key, default in (("name", "ranker"), ("schema", "doc")))
        for key, value in (("name", name), ("schema", schema)):
            if not _NAME.fullmatch(value):
                raise ConfigError(
                    f"vespa: expected letters, digits and underscores for {key}; got {value!r}. Choose another."
                )
        count = options.get("rerank_count", 100)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ConfigError(f"vespa: expected rerank_count of at least 1; got {count!r}. Pass a whole number.")
        model_path = folder / "models" / f"{name}.onnx"
        model_path.parent.mkdir()
        write_onnx(model, model_path, opset=options.get("opset", 18), listwise=False)
        profile = folder / "schemas" / schema / f"{name}.profile"
        profile.parent.mkdir(parents=True)
        profile.write_text(_profile(name, manifest.feature_names, count), encoding="utf-8")
        return None

    def replay(
        self, folder: Path, manifest: Manifest, features: NDArray[np.float32], offsets: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Score with the ONNX file, its inputs in the order that the rank profile gives them in."""
        profiles = sorted(folder.glob("schemas/*/*.profile"))
        text = read_text(profiles[0]) if len(profiles) == 1 else ""
        rows, file = _ROWS.search(text), _FILE.search(text)
        if rows is None or file is None or f"models/{Path(file[1]).name}" != file[1]:
            raise ExportError(
                f"{folder / 'schemas'}: expected one rank profile as rankkit writes it; got {len(profiles)} files or "
                "another text. Export the ranker again."
            )
        inputs = [line.strip().removesuffix(",") for line in rows[2].splitlines()]
        known = rank_features(manifest.feature_names)
        if len(inputs) != int(rows[1]) or not set(inputs) <= set(known):
            raise ExportError(
                f"{profiles[0]}: expected the features of the manifest; got others. Export the ranker again."
            )
        place_of = {feature: place for place, feature in enumerate(known)}
        columns = [place_of[feature] for feature in inputs]
        return run_onnx(folder / file[1], features[:, columns], offsets, listwise=False)


def _check_documents_alone(model: Any) -> None:
    if is_listwise(model):
        raise ExportError(
            f"vespa: expected a ranker that looks at one document at a time, as Vespa scores them; got "
            f"{over_queries(model)}. Train with another transform, or call an exported onnx file from a container "
            "Searcher."
        )


def rank_features(names: Sequence[str]) -> list[str]:
    """What Vespa reads each feature from.

    >>> rank_features(["bm25(title)", "price", "days since"])
    ['bm25(title)', 'attribute(price)', 'attribute(days_since)']
    """
    found = []
    for name in names:
        if _RANK_FEATURE.fullmatch(name):
            found.append(name)
        else:
            attribute = re.sub(r"[^A-Za-z0-9_]", "_", name)
            found.append(f"attribute({attribute if not attribute[0].isdigit() else '_' + attribute})")
    if len(set(found)) < len(found):
        twice = next(feature for feature, count in Counter(found).items() if count > 1)
        raise ExportError(
            f"vespa: expected feature names that differ in letters, digits and underscores; got {twice} twice. "
            "Save the ranker with other feature names."
        )
    return found


def _profile(name: str, names: Sequence[str], rerank_count: int) -> str:
    features = rank_features(names)
    rows = ",\n".join(f"                {feature}" for feature in features)
    renamed = "".join(
        f"# {feature} is the feature {json.dumps(own)}\n"
        for own, feature in zip(names, features, strict=True)
        if feature not in (own, f"attribute({own})")
    )
    return f"""{renamed}rank-profile {name} {{
    function {name}_features() {{
        expression {{
            tensor<float>(d0[1],d1[{len(features)}]):[[
{rows}
            ]]
        }}
    }}
    onnx-model {name} {{
        file: models/{name}.onnx
        input "features": {name}_features
        output "score": score
    }}
    second-phase {{
        rerank-count: {rerank_count}
        expression: onnx({name}).score{{d0:0}}
    }}
    match-features: {name}_features
}}
"""
