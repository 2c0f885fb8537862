"""Where an artefact goes: written beside its place, then moved there whole; nothing else is ever replaced."""

import hashlib
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rankkit.errors import ConfigError, ExportError
from rankkit.export.artefacts.manifest import MANIFEST_FILE, Described, listed_files, manifest_path, write_manifest
from rankkit.files.atomic import beside, flush_folder, put_folder
from rankkit.files.disk import writing
from rankkit.files.places import check_place

LIBRARIES = ("numpy", "torch", "onnx", "onnxscript", "onnxruntime", "lightgbm", "xgboost", "catboost")


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


def place(out: Path, *, suffix: str | None, name: str) -> Path:
    """Where the artefact goes, which has to be free or hold one already.

    Args:
        out: What the user named.
        suffix: Of a single-file artefact; None: the artefact is a folder.
        name: Of the file, without its suffix, where ``out`` is the folder to write it in.

    Raises:
        ConfigError: If something else is there.
        DiskError: If nothing can be written there.
    """
    check_place(out, "either")
    single = suffix is not None
    if single and (out.is_dir() or not out.suffix):
        out = out / f"{name}{suffix}"
    elif not single and out.is_symlink():
        out = out.resolve()
    if single:
        check_place(manifest_path(out))  # its name is longer
    if out.name in ("", ".."):
        raise ConfigError(f"--out: expected a folder with a name, put in place whole; got {str(out)!r}. Name it.")
    if out.exists() and not _may_replace(out, single=single):
        raise ConfigError(
            f"--out: expected a new {'file' if single else 'folder'}, or an exported model and nothing else to "
            f"replace; got {str(out)!r}, which is or holds something else. Choose another name."
        )
    return out


@contextmanager
def folder_beside(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` to write in, for a while; it is gone afterwards, unless the process is killed.

    So are folders that were made for ``out``, where nothing came to stand in them.

    Raises:
        DiskError: If nothing can be written there.
    """
    made = [parent for parent in out.parents if not parent.exists()]
    try:
        kept = "What was there is unchanged." if out.exists() else ""
        with beside(out) as folder, writing(out, kept, at=folder):
            out.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
            yield folder
    finally:
        for parent in made:  # where nothing was put in place, they go as well
            with suppress(OSError):
                parent.rmdir()


def name_file(folder: Path, out: Path) -> None:
    """Give the one file of a single-file artefact the name that it goes by."""
    (written,) = folder.iterdir()
    written.rename(folder / out.name)


def move(folder: Path, out: Path, manifest: Described, *, single: bool) -> None:
    """Put the files of a folder and their manifest in place of what is there."""
    written = folder / out.name
    write_manifest(manifest, manifest_path(written) if single else folder / MANIFEST_FILE)
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    if single:
        # In this order: a file without its manifest would be taken for one of the user's, which nothing may replace.
        manifest_path(written).replace(manifest_path(out))
        written.replace(out)
        flush_folder(out.parent)
        return
    put_folder(folder, out)
    flush_folder(out.parent)


def versions_in_use(saved: Mapping[str, str]) -> dict[str, str]:
    """Of rankkit, Python and the libraries in use, and of those that saved the model."""
    found = {"rankkit": version("rankkit-torch"), "python": platform.python_version()}
    for name in LIBRARIES:
        if name in sys.modules:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
    return {**found, **{f"saved_with_{name}": str(value) for name, value in saved.items()}}


def _may_replace(out: Path, *, single: bool) -> bool:
    """Whether what is there is an artefact, or an empty folder: whatever else lies in a folder would be lost."""
    if out.is_dir() == single:
        return False
    if out.is_dir() and not any(out.iterdir()):
        return True
    try:
        files = listed_files(manifest_path(out))
    except ExportError:
        return False
    if single:
        return True
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}
    return all(name in files or name == MANIFEST_FILE or "__pycache__/" in name for name in found)
