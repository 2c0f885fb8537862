"""check(): whether an artefact is whole and gives what it gave when it was exported."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from rankkit.errors import ExportError
from rankkit.export.artefacts.install import digest
from rankkit.export.artefacts.manifest import MANIFEST_FILE, Manifest, manifest_path
from rankkit.export.artefacts.parity import Parity
from rankkit.export.encoders.manifest import EncoderManifest, read_either
from rankkit.export.encoders.parity import EmbeddingParity
from rankkit.export.exportable import exports


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
    kind = next(kind for kind in exports() if isinstance(manifest, kind.manifests))
    if manifest.target not in kind.targets:
        raise ExportError(
            f"{manifest_path(artefact)}: expected a target that this rankkit has; got {manifest.target!r}. "
            "Install a newer rankkit."
        )
    target = kind.find_target(manifest.target)
    folder, whole = _whole(artefact, manifest, single=target.suffix is not None)
    parity: Parity | EmbeddingParity = kind.replayed(target, folder, whole, str(path))
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


def _whole(
    artefact: Path, manifest: Manifest | EncoderManifest, *, single: bool
) -> tuple[Path, Manifest | EncoderManifest]:
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
