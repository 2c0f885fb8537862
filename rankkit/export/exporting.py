"""export(): write a ranker for a target, prove that it scores the same there, and only then put it in place."""

import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError, ExportError
from rankkit.evaluation.scoring import check_features
from rankkit.export.int8 import MAX_DROP, gate_drop, metric_drop
from rankkit.export.manifest import (
    MANIFEST_FILE,
    Manifest,
    Samples,
    manifest_path,
    named_features,
    read_manifest,
    write_manifest,
)
from rankkit.export.parity import gate, measure
from rankkit.export.samples import Rows, join, random_rows, sample_rows
from rankkit.export.source import Source, read_source
from rankkit.export.target import Target
from rankkit.export.targets import find_target
from rankkit.loaders.dataset import RankingDataset
from rankkit.scorers import Scorer

DATA_DOCS = 10_000
LIBRARIES = ("numpy", "torch", "onnx", "onnxscript", "onnxruntime", "lightgbm", "xgboost")


def export(
    source: str | Path | Scorer,
    to: str,
    out: str | Path,
    *,
    data: RankingDataset | None = None,
    metric: str | None = None,
    max_drop: float = MAX_DROP,
    **options: Any,
) -> Manifest:
    """Write a ranker for a target, with a manifest, if it scores there as it does here.

    The artefact is written beside ``out``, replayed on sample rows, on some hundred random ones and on ``data``, and
    moved into place only when every score is within ``1e-5 * max(1, |score|)`` and no pair of documents further apart
    than that is ordered otherwise.

    Args:
        source: Folder of a saved ranker, file of a tree model, or a trained scorer.
        to: A name in :data:`rankkit.export.targets.TARGETS`.
        out: File or folder to write. Where the target is one file and ``out`` has no suffix, a folder to write it in.
            An artefact that is there is replaced; a folder that holds anything besides is not touched.
        data: Rows to compare scores on as well, up to 10,000; with labels, what ``int8`` is judged on.
        metric: With ``int8``: the metric that may not drop; the ranker's first one, or ``ndcg@10``.
        max_drop: With ``int8``: how much it may drop.
        **options: Of the target, such as ``opset=18`` or ``int8=True`` of ``onnx``.

    Returns:
        The manifest, as written.

    Raises:
        ConfigError: If an option is unknown, a library is missing, or ``out`` is something else.
        BundleError: If the ranker cannot be read.
        ExportError: If the target cannot express the ranker, or the scores differ. Nothing is written then.
    """
    target = find_target(to)
    if not isinstance(max_drop, int | float) or not np.isfinite(max_drop):
        raise ConfigError(f"max_drop: expected a finite number; got {max_drop!r}. Leave it out for {MAX_DROP:g}.")
    ranker = read_source(source)
    target.check(ranker.model)
    if options.get("int8") and to != "onnx":
        raise ConfigError(f"int8: expected the target onnx, which alone has it; got {to!r}. Leave one of them out.")
    if metric is not None and not options.get("int8"):
        raise ConfigError(f"metric: expected int8 with it, which it judges; got {metric!r} alone. Leave it out.")
    if options.get("int8") and data is None:
        raise ConfigError(
            "int8: expected labelled data to judge the ranking on; got none. Pass data=, or --data on the command line."
        )
    if data is not None:
        check_features("export", ranker.model, data)
    out = _place(target, Path(out))
    manifest = _describe(target, ranker, options)
    folder = _new_folder(out)
    try:
        score_map = target.write(ranker.model, manifest, folder, options)
        if target.suffix is not None:
            (written,) = folder.iterdir()
            written.rename(folder / out.name)
        manifest = replace(manifest, score_map=score_map, files=digests(folder), versions=_versions(ranker.versions))
        manifest = _proven(target, ranker, manifest, folder, str(out), data)
        if options.get("int8") and data is not None:
            manifest = _judged(target, ranker, manifest, folder, data, metric, max_drop)
        _move(folder, out, manifest, single=target.suffix is not None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return manifest


def export_onnx(
    scorer: Scorer | str | Path,
    path: str | Path,
    *,
    opset: int = 18,
    int8: bool = False,
    data: RankingDataset | None = None,
) -> Manifest:
    """Write a trained scorer as one ONNX file with its transform inside, if ONNX Runtime scores the same with it.

    Args:
        scorer: A trained scorer, or the folder of a saved one.
        path: The file; ``<path>.manifest.json`` is written beside it.
        opset: ONNX operator set, 18 to 23.
        int8: Keep weights in int8, if the metric on ``data`` allows it.
        data: Rows to compare scores on as well.

    Returns:
        The manifest: features in order, parity figures, sample rows with their scores.

    Raises:
        ConfigError, BundleError, ExportError: As :func:`export`.
    """
    return export(scorer, "onnx", path, data=data, opset=opset, int8=int8)


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file below a folder, by name relative to it, manifest excepted.

    Raises:
        ExportError: If there is a link or anything else that is not a plain file.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ExportError(f"{path}: expected plain files in an artefact; got something else. Take it out.")
        if path.is_file() and name != MANIFEST_FILE:
            found[name] = digest(path)
    return found


def digest(path: Path) -> str:
    """sha256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _place(target: Target, out: Path) -> Path:
    """Where the artefact goes, which has to be free or hold one already."""
    if target.suffix is not None and (out.is_dir() or not out.suffix):
        out = out / f"ranker{target.suffix}"
    elif target.suffix is None and out.is_symlink():
        out = out.resolve()
    if out.name in ("", ".."):
        raise ConfigError(f"--out: expected a folder with a name, put in place whole; got {str(out)!r}. Name it.")
    if out.exists() and not _may_replace(out, single=target.suffix is not None):
        raise ConfigError(
            f"--out: expected a new {'folder' if target.suffix is None else 'file'}, or an exported ranker and nothing "
            f"else to replace; got {str(out)!r}, which is or holds something else. Choose another name."
        )
    return out


def _new_folder(out: Path) -> Path:
    """A folder beside ``out`` to write in; one that a killed process left there is taken away first."""
    folder = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    except OSError as error:
        raise ConfigError(
            f"--out: expected a place to write in; got {str(out)!r}: {error.strerror}. Choose another."
        ) from error
    return folder


def _may_replace(out: Path, *, single: bool) -> bool:
    """Whether what is there is an artefact, or an empty folder: whatever else lies in a folder would be lost."""
    if out.is_dir() == single:
        return False
    if out.is_dir() and not any(out.iterdir()):
        return True
    try:
        manifest = read_manifest(manifest_path(out))
    except ExportError:
        return False
    if single:
        return True
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}
    return all(name in manifest.files or name == MANIFEST_FILE or "__pycache__/" in name for name in found)


def _describe(target: Target, ranker: Source, options: Mapping[str, Any]) -> Manifest:
    features, offsets = sample_rows(ranker, missing=target.missing_default is None)
    return Manifest(
        target=target.name,
        scorer=ranker.scorer,
        features=named_features(ranker.feature_names, ranker.n_features, missing_default=target.missing_default),
        transform=ranker.transform,
        objective=ranker.objective,
        protocol=ranker.protocol,
        data_fingerprint=ranker.data_fingerprint,
        versions=_versions(ranker.versions),
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


def _versions(saved: Mapping[str, str]) -> dict[str, str]:
    """Of rankkit, Python and the libraries in use, and of those that saved the ranker."""
    found = {"rankkit": version("rankkit-torch"), "python": platform.python_version()}
    for name in LIBRARIES:
        if name in sys.modules:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
    return {**found, **{f"saved_with_{name}": str(value) for name, value in saved.items()}}


def _move(folder: Path, out: Path, manifest: Manifest, *, single: bool) -> None:
    if single:
        written = folder / out.name
        write_manifest(manifest, manifest_path(written))
        written.replace(out)
        manifest_path(written).replace(manifest_path(out))
        return
    write_manifest(manifest, folder / MANIFEST_FILE)
    if not out.exists():
        folder.rename(out)
        return
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    out.rename(old)
    folder.rename(out)
    shutil.rmtree(old)
