"""check(): whether an artefact is whole and gives what it gave when it was exported."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np

from rankkit.errors import ExportError
from rankkit.export.embedding_parity import EmbeddingParity, gate_embeddings, measure_embeddings
from rankkit.export.encoder_manifest import EncoderManifest, read_either
from rankkit.export.encoder_targets import ENCODER_TARGETS, find_encoder_target
from rankkit.export.install import digest
from rankkit.export.manifest import MANIFEST_FILE, Manifest, manifest_path
from rankkit.export.parity import TOLERANCE, Parity, gate, measure
from rankkit.export.targets import TARGETS, find_target

INT8_TOLERANCE = 1e-3  # processors multiply int8 with and without saturation

AnyManifest = TypeVar("AnyManifest", Manifest, EncoderManifest)


def check(path: str | Path) -> Parity | EmbeddingParity:
    """Verify an artefact's files against its manifest and replay the sample rows, or the sample inputs of an encoder.

    Every file that the manifest lists is compared with its digest before the target opens any.

    Args:
        path: The file or folder that :func:`rankkit.export.exporting.export` wrote; its manifest lies inside or beside.

    Returns:
        How the artefact's scores, or embeddings, differ from those of the manifest.

    Raises:
        ExportError: If a file is missing or another, or a sample gives something else.
        ConfigError: If a library that the target needs is missing.
    """
    artefact = find_artefact(Path(path))
    manifest = read_either(manifest_path(artefact))
    if manifest.target not in (ENCODER_TARGETS if isinstance(manifest, EncoderManifest) else TARGETS):
        raise ExportError(
            f"{manifest_path(artefact)}: expected a target that this rankkit has; got {manifest.target!r}. "
            "Install a newer rankkit."
        )
    if isinstance(manifest, EncoderManifest):
        return _check_encoder(str(path), artefact, manifest)
    target = find_target(manifest.target)
    folder, manifest = _whole(artefact, manifest, single=target.suffix is not None)
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
    gate(str(path), parity, tolerance=tolerance, action="Do not serve it: export the ranker again.")
    return parity


def find_artefact(path: Path) -> Path:
    """The artefact at a path: itself, or the only one in a folder that holds a single-file artefact.

    Raises:
        ExportError: If there is none, or several.
    """
    if path.name == MANIFEST_FILE and path.is_file():
        return path.parent
    if path.name.endswith(f".{MANIFEST_FILE}"):
        path = path.with_name(path.name.removesuffix(f".{MANIFEST_FILE}"))
    if not path.exists():
        raise ExportError(f"{path}: expected an exported model; got nothing there. Check the path.")
    if path.is_file() or (path / MANIFEST_FILE).is_file():
        return path
    found = sorted(path.glob(f"*.{MANIFEST_FILE}"))
    if len(found) != 1:
        raise ExportError(
            f"{path}: expected an exported model with its manifest; got {len(found) or 'none'} in that folder. "
            "Pass the artefact itself."
        )
    return find_artefact(found[0])


def _check_encoder(where: str, artefact: Path, manifest: EncoderManifest) -> EmbeddingParity:
    folder, manifest = _whole(artefact, manifest, single=True)
    samples = manifest.samples
    embeddings = find_encoder_target(manifest.target).replay(folder, manifest, samples.inputs)
    parity = measure_embeddings(samples.embeddings, embeddings)
    gate_embeddings(where, parity, action="Do not serve it: export the encoder again.")
    return parity


def _whole(artefact: Path, manifest: AnyManifest, *, single: bool) -> tuple[Path, AnyManifest]:
    """The folder of the artefact's files and the manifest with their names there, once every digest is right."""
    folder = artefact
    if single:
        folder = artefact.parent
        if len(manifest.files) != 1:
            raise ExportError(
                f"{manifest_path(artefact)}: expected one file for {manifest.target}; got {len(manifest.files)}. "
                "Export the model again."
            )
        manifest = replace(manifest, files={artefact.name: next(iter(manifest.files.values()))})
    _check_files(folder, manifest.files)
    return folder, manifest


def _check_files(folder: Path, files: Mapping[str, str]) -> None:
    for name, wanted in files.items():
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or PurePosixPath(name).is_absolute() or "\\" in name or ":" in name:
            raise ExportError(
                f"{folder}: expected names of files inside the artefact; got {name!r}. Export the model again."
            )
        path = folder / name
        if path.is_symlink() or not path.is_file():
            raise ExportError(
                f"{path}: expected the file that the manifest lists; got none. Copy the artefact whole, or export the "
                "model again."
            )
        if digest(path) != wanted:
            raise ExportError(
                f"{path}: expected the file that was exported, sha256 {wanted[:12]}...; got another: it is damaged or "
                "was changed. Copy it again, or export the model again."
            )
