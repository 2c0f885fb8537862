"""check(): whether an artefact is whole and scores as it did when it was exported."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from rankkit.errors import ExportError
from rankkit.export.exporting import digest
from rankkit.export.manifest import MANIFEST_FILE, Manifest, manifest_path, read_manifest
from rankkit.export.parity import TOLERANCE, Parity, gate, measure
from rankkit.export.targets import TARGETS, find_target

INT8_TOLERANCE = 1e-3  # processors multiply int8 with and without saturation


def check(path: str | Path) -> Parity:
    """Verify an artefact's files against its manifest and replay the sample rows.

    Every file that the manifest lists is compared with its digest before the target opens any.

    Args:
        path: The file or folder that :func:`rankkit.export.exporting.export` wrote; its manifest lies inside or beside.

    Returns:
        How the artefact's scores differ from those of the manifest.

    Raises:
        ExportError: If a file is missing or another, or a sample row scores otherwise.
        ConfigError: If a library that the target needs is missing.
    """
    artefact = find_artefact(Path(path))
    manifest = read_manifest(manifest_path(artefact))
    if manifest.target not in TARGETS:
        raise ExportError(
            f"{manifest_path(artefact)}: expected a target that this rankkit has; got {manifest.target!r}. "
            "Install a newer rankkit."
        )
    target = find_target(manifest.target)
    folder = artefact
    if target.suffix is not None:
        folder = artefact.parent
        if len(manifest.files) != 1:
            raise ExportError(
                f"{manifest_path(artefact)}: expected one file for {manifest.target}; got {len(manifest.files)}. "
                "Export the ranker again."
            )
        manifest = replace(manifest, files={artefact.name: next(iter(manifest.files.values()))})
    _check_files(folder, manifest)
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
        raise ExportError(f"{path}: expected an exported ranker; got nothing there. Check the path.")
    if path.is_file() or (path / MANIFEST_FILE).is_file():
        return path
    found = sorted(path.glob(f"*.{MANIFEST_FILE}"))
    if len(found) != 1:
        raise ExportError(
            f"{path}: expected an exported ranker with its manifest; got {len(found) or 'none'} in that folder. "
            "Pass the artefact itself."
        )
    return find_artefact(found[0])


def _check_files(folder: Path, manifest: Manifest) -> None:
    for name, wanted in manifest.files.items():
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or PurePosixPath(name).is_absolute() or "\\" in name or ":" in name:
            raise ExportError(
                f"{folder}: expected names of files inside the artefact; got {name!r}. Export the ranker again."
            )
        path = folder / name
        if path.is_symlink() or not path.is_file():
            raise ExportError(
                f"{path}: expected the file that the manifest lists; got none. Copy the artefact whole, or export the "
                "ranker again."
            )
        if digest(path) != wanted:
            raise ExportError(
                f"{path}: expected the file that was exported, sha256 {wanted[:12]}...; got another: it is damaged or "
                "was changed. Copy it again, or export the ranker again."
            )
