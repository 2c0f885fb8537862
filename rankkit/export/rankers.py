"""Rankers on their way out: what their manifest says, and whether an artefact scores as they do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError, ExportError
from rankkit.evaluation.matching import matched
from rankkit.export.artefacts.install import versions_in_use
from rankkit.export.artefacts.manifest import Manifest, Samples, named_features
from rankkit.export.artefacts.parity import TOLERANCE, Parity, gate, measure
from rankkit.export.runtimes.int8 import gate_drop, metric_drop
from rankkit.export.samples import Rows, join, random_rows, sample_rows
from rankkit.export.source import Source, from_scorer
from rankkit.export.strings.inputs import column_inputs
from rankkit.export.strings.samples import sample_table, with_rows
from rankkit.export.target import Target
from rankkit.export.targets import TARGETS, find_target
from rankkit.models.trees import TreeModel

DATA_DOCS = 10_000
INT8_TOLERANCE = 1e-3  # processors multiply int8 with and without saturation


@dataclass(frozen=True)
class RankerExport:
    """The export of one ranker; :class:`rankkit.export.exportable.Exportable` describes the methods."""

    source: Source
    called = "ranker"
    manifests = Manifest
    targets = TARGETS

    @classmethod
    def of(cls, model: Any, about: Mapping[str, Any]) -> "RankerExport":
        """The export of a ranker."""
        return cls(from_scorer(model, about))

    @staticmethod
    def find_target(name: str) -> Target:
        """The target of that name."""
        return find_target(name)

    @staticmethod
    def replayed(target: Target, folder: Path, manifest: Manifest, where: str) -> Parity:
        """How the scores of an artefact's samples differ from those of its manifest, within the limit."""
        samples = manifest.samples
        scores = target.replay(folder, manifest, samples.features, samples.offsets)
        expected, tolerance = samples.scores, TOLERANCE
        if manifest.options.get("int8") and samples.artefact_scores is not None:
            expected, tolerance = samples.artefact_scores, INT8_TOLERANCE
        parity = measure(
            expected.astype(np.asarray(scores).dtype),  # the manifest holds the digits of a float32, read as more
            scores,
            score_map=manifest.score_map,
            tolerance=tolerance,
        )
        gate(where, parity, tolerance=tolerance, action="Do not serve it: export the ranker again.")
        return parity

    def check(self, target: Target, options: Mapping[str, Any], metric: str | None, data: object) -> None:
        """Refuse what cannot be, before anything is read or written."""
        target.check(self.source.model)
        if options.get("int8") and target.name != "onnx":
            raise ConfigError(
                f"int8: expected the target onnx, which alone has it; got {target.name!r}. Leave one of them out."
            )
        if options.get("int8") and isinstance(self.source.model, TreeModel):
            raise ConfigError(
                "int8: expected a scorer with weights, which it rounds; got trees, which have none. Leave it out."
            )
        if options.get("strings"):
            self._check_strings(target, options)
        if metric is not None and not options.get("int8"):
            raise ConfigError(f"metric: expected int8 with it, which it judges; got {metric!r} alone. Leave it out.")
        if options.get("int8") and data is None:
            raise ConfigError("int8: expected labelled data to judge the ranking on; got none. Pass data=.")

    def _check_strings(self, target: Target, options: Mapping[str, Any]) -> None:
        schema = self.source.schema
        if target.name != "onnx" or options.get("int8"):
            got = "int8 besides" if target.name == "onnx" else f"{target.name!r}"
            raise ConfigError(
                f"strings: expected the target onnx, which alone has it, without int8; got {got}. "
                "Leave one of them out."
            )
        if schema is None:
            raise ExportError(
                "strings: expected a ranker of columns that are no numbers; got one of numbers alone, whose file takes "
                "them as they are. Leave strings out."
            )
        if self.source.listwise:
            raise ExportError(
                "strings: expected a ranker that looks at one document at a time; got one that compares the documents "
                "of a query. Leave strings out, or train with another transform."
            )
        column_inputs(schema)

    def rows(self, data: Any) -> RankingDataset:
        """Documents of queries, their features in the ranker's order."""
        if not isinstance(data, RankingDataset):
            raise DataError(
                f"export: expected documents of queries for a ranker; got {type(data).__name__}. Pass a RankingDataset."
            )
        return matched("export", self.source, data)

    def describe(self, target: Target, options: Mapping[str, Any]) -> Manifest:
        """The manifest with sample rows and the ranker's scores of them, before there are files and figures."""
        ranker = self.source
        features, offsets = sample_rows(ranker, missing=target.missing_default is None)
        rows: tuple[Mapping[str, Any], ...] = ()
        inputs: tuple[Mapping[str, Any], ...] = ()
        if options.get("strings") and ranker.schema is not None:
            rows = tuple(sample_table(ranker.schema, ranker.low, ranker.high))
            features, offsets = with_rows(ranker.schema, rows, features, offsets)
            inputs = tuple(one.to_json() for one in column_inputs(ranker.schema).values())
        return Manifest(
            target=target.name,
            scorer=ranker.scorer,
            features=named_features(
                ranker.feature_names,
                ranker.n_features,
                missing_default=target.missing_default,
                prefix=target.feature_prefix,
            ),
            transform=ranker.transform,
            objective=ranker.objective,
            protocol=ranker.protocol,
            data_fingerprint=ranker.data_fingerprint,
            versions=versions_in_use(ranker.versions),
            weights_sha256=ranker.weights_sha256,
            listwise=ranker.listwise,
            samples=Samples(features, offsets, ranker.scores(features, offsets), rows=rows),
            options=dict(options),
            inputs=inputs,
        )

    def proven(
        self, target: Target, manifest: Manifest, folder: Path, where: str, data: RankingDataset | None
    ) -> Manifest:
        """The manifest with parity figures, if the files score as the ranker does."""
        ranker = self.source
        samples = manifest.samples
        missing = target.missing_default is None
        parts: list[Rows] = [(samples.features, samples.offsets), random_rows(ranker, missing=missing)]
        if data is not None:
            parts.append(_first_rows(data, target.missing_default))
        features, offsets = join(*parts)
        expected = ranker.scores(features, offsets)
        scores = target.replay(folder, manifest, features, offsets)
        parity = measure(expected, scores, score_map=manifest.score_map)
        if not manifest.options.get("int8"):
            action = f"Nothing was written: {manifest.target} computes otherwise on such values; choose another target."
            gate(where, parity, action=action)
        artefact_scores = None
        if manifest.score_map is not None or manifest.options.get("int8"):
            # Not cut from the above: scores with int8 depend on which documents are scored together.
            artefact_scores = np.asarray(target.replay(folder, manifest, samples.features, samples.offsets))
        return replace(manifest, parity=parity, samples=replace(samples, artefact_scores=artefact_scores))

    def judged(
        self,
        target: Target,
        manifest: Manifest,
        folder: Path,
        data: RankingDataset | None,
        metric: str | None,
        max_drop: float,
    ) -> Manifest:
        """The manifest of int8 with the metric's drop, if that is within the limit; any other as it is."""
        if data is None or not manifest.options.get("int8"):
            return manifest
        ranker = self.source
        known = (manifest.protocol or {}).get("metrics") or ["ndcg@10"]
        features, offsets = np.asarray(data.features, np.float32), np.asarray(data.offsets)
        before = ranker.scores(features, offsets)
        after = target.replay(folder, manifest, features, offsets)
        drop = metric_drop(before, after, data, metric or known[0], max_drop)
        gate_drop(drop)
        return replace(manifest, metric_drop=drop)


def _first_rows(data: RankingDataset, missing_default: float | None) -> Rows:
    """Whole queries from the beginning, of about 10,000 documents."""
    n_queries = max(1, int(np.searchsorted(data.offsets, DATA_DOCS, side="right")) - 1)
    offsets: NDArray[np.int64] = np.asarray(data.offsets[: n_queries + 1])
    features = np.array(data.features[: offsets[-1]], np.float32)
    if missing_default is not None:
        features[np.isnan(features)] = missing_default
    return features, offsets
