"""export(): write a ranker for a target, prove that it scores the same there, and only then put it in place.

Encoders go the same way in :mod:`rankkit.export.encoder_exporting`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.matching import matched
from rankkit.export.encoder_exporting import export_encoder
from rankkit.export.encoder_manifest import EncoderManifest
from rankkit.export.encoder_source import EncoderSource, find_source
from rankkit.export.install import digests, folder_beside, move, name_file, place, versions_in_use
from rankkit.export.manifest import Manifest, Samples, named_features
from rankkit.export.parity import gate, measure
from rankkit.export.runtimes.int8 import MAX_DROP, gate_drop, metric_drop
from rankkit.export.samples import Rows, join, random_rows, sample_rows
from rankkit.export.source import Source
from rankkit.export.target import Target
from rankkit.export.targets import find_target
from rankkit.files.places import check_place
from rankkit.models.encoders import Encoder
from rankkit.models.scorers import Scorer

DATA_DOCS = 10_000

Data: TypeAlias = RankingDataset | LabelledExamples | NDArray[Any]


def export(
    source: str | Path | Scorer | Encoder,
    to: str,
    out: str | Path,
    *,
    data: Data | Callable[[], Data] | None = None,
    metric: str | None = None,
    max_drop: float = MAX_DROP,
    **options: Any,
) -> Manifest | EncoderManifest:
    """Write a ranker or an encoder for a target, with a manifest, if it gives there what it gives here.

    The artefact is written beside ``out``, replayed on sample rows, on some hundred random ones and on ``data``, and
    moved into place only when every score is within ``1e-5 * max(1, |score|)`` and no pair of documents further apart
    than that is ordered otherwise; of an encoder, when every embedding is within ``1e-5 * max(1, its largest
    |number|)``.

    Args:
        source: Folder of a saved ranker or encoder, file of a tree model, a trained scorer or encoder.
        to: A name in :data:`rankkit.export.targets.TARGETS`; encoders go to ``onnx`` and ``torch``.
        out: File or folder to write. Where the target is one file and ``out`` has no suffix, a folder to write it in.
            An artefact that is there is replaced; a folder that holds anything besides is not touched.
        data: Rows to compare scores on as well, up to 10,000; with labels, what ``int8`` is judged on. For an encoder
            inputs ``[n, *input_shape]`` or labelled examples, of which up to 1,000 are compared. A function that gives
            them is called when all else is known to work.
        metric: With ``int8``: the metric that may not drop; the ranker's first one, or ``ndcg@10``.
        max_drop: With ``int8``: how much it may drop.
        **options: Of the target, such as ``opset=18`` or ``int8=True`` (rankers only) of ``onnx``.

    Returns:
        The manifest, as written: a :class:`Manifest`, or an :class:`EncoderManifest` of an encoder.

    Raises:
        ConfigError: If an option is unknown, a library is missing, or ``out`` is something else.
        DataError: If ``data`` is not for such a model.
        BundleError: If the model cannot be read.
        ExportError: If the target cannot express the model, or the results differ. Nothing is written then.
        DiskError: If ``out`` cannot be written; what was there is unchanged.
    """
    target = find_target(to)
    check_place(out, "folder" if target.suffix is None else "either")
    if not isinstance(max_drop, int | float) or not np.isfinite(max_drop):
        raise ConfigError(f"max_drop: expected a finite number; got {max_drop!r}. Leave it out for {MAX_DROP:g}.")
    found = find_source(source)
    if isinstance(found, EncoderSource):
        return export_encoder(found, to, Path(out), data=data, metric=metric, options=options)
    target.check(found.model)
    _check_int8(to, options, metric, data)
    return _export_ranker(target, found, Path(out), data, metric, max_drop, options)


def export_onnx(
    model: Scorer | Encoder | str | Path,
    path: str | Path,
    *,
    opset: int = 18,
    int8: bool = False,
    data: RankingDataset | LabelledExamples | NDArray[Any] | None = None,
) -> Manifest | EncoderManifest:
    """Write a trained scorer or encoder as one ONNX file, if ONNX Runtime gives the same with it.

    The transform of a scorer, and the output of an encoder, are inside.

    Args:
        model: A trained scorer or encoder, or the folder of a saved one.
        path: The file; ``<path>.manifest.json`` is written beside it.
        opset: ONNX operator set, 18 to 23.
        int8: Keep the weights of a scorer in int8, if the metric on ``data`` allows it.
        data: Rows, or for an encoder inputs or labelled examples, to compare on as well.

    Returns:
        The manifest: inputs in order, parity figures, samples with their results.

    Raises:
        ConfigError, DataError, BundleError, ExportError: As :func:`export`.
    """
    return export(model, "onnx", path, data=data, opset=opset, int8=int8)


def _export_ranker(
    target: Target,
    ranker: Source,
    out: Path,
    data: Data | Callable[[], Data] | None,
    metric: str | None,
    max_drop: float,
    options: Mapping[str, Any],
) -> Manifest:
    rows = None if data is None or callable(data) else _checked_rows(ranker, data)
    single = target.suffix is not None
    out = place(out, suffix=target.suffix, name="ranker")
    manifest = _describe(target, ranker, options)
    with folder_beside(out) as folder:
        score_map = target.write(ranker.model, manifest, folder, options)
        if single:
            name_file(folder, out)
        versions = versions_in_use(ranker.versions)
        manifest = replace(manifest, score_map=score_map, files=digests(folder), versions=versions)
        if callable(data):
            rows = _checked_rows(ranker, data())
        manifest = _proven(target, ranker, manifest, folder, str(out), rows)
        if options.get("int8") and rows is not None:
            manifest = _judged(target, ranker, manifest, folder, rows, metric, max_drop)
        move(folder, out, manifest, single=single)
    return manifest


def _check_int8(to: str, options: Mapping[str, Any], metric: str | None, data: object) -> None:
    if options.get("int8") and to != "onnx":
        raise ConfigError(f"int8: expected the target onnx, which alone has it; got {to!r}. Leave one of them out.")
    if metric is not None and not options.get("int8"):
        raise ConfigError(f"metric: expected int8 with it, which it judges; got {metric!r} alone. Leave it out.")
    if options.get("int8") and data is None:
        raise ConfigError("int8: expected labelled data to judge the ranking on; got none. Pass data=.")


def _checked_rows(ranker: Source, data: Any) -> RankingDataset:
    if not isinstance(data, RankingDataset):
        raise DataError(
            f"export: expected documents of queries for a ranker; got {type(data).__name__}. Pass a RankingDataset."
        )
    return matched("export", ranker.model, data)


def _describe(target: Target, ranker: Source, options: Mapping[str, Any]) -> Manifest:
    features, offsets = sample_rows(ranker, missing=target.missing_default is None)
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
        samples=Samples(features, offsets, ranker.scores(features, offsets)),
        options=dict(options),
    )


def _proven(
    target: Target, ranker: Source, manifest: Manifest, folder: Path, where: str, data: RankingDataset | None
) -> Manifest:
    """The manifest with parity figures, if the files score as the ranker does."""
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


def _judged(
    target: Target,
    ranker: Source,
    manifest: Manifest,
    folder: Path,
    data: RankingDataset,
    metric: str | None,
    max_drop: float,
) -> Manifest:
    """The manifest with the metric's drop, if that is within the limit."""
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
