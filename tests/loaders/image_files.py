"""Small image files and archives made to measure, whole and damaged."""

import io
import struct
import tarfile
import zipfile
import zlib

import numpy as np
from PIL import Image

from rankkit.errors import DataError


def png(value=0, *, size=(4, 3), mode="L", **options):
    """An encoded image of one colour; size is (width, height)."""
    return encoded(Image.new(mode, size, value), **options)


def encoded(image, kind="PNG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(seed, *, size=(8, 8)):
    """An encoded image whose bytes do not repeat."""
    pixels = np.random.default_rng(seed).integers(0, 256, size=size[::-1], dtype=np.uint8)
    return encoded(Image.fromarray(pixels))


def claiming(width, height):
    """A PNG of a few bytes whose header claims any size."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def write_folder(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_bytes(content)
    return folder


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path, files):
    with tarfile.open(path, f"w:{path.suffix[1:]}" if path.suffix != ".tar" else "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name.rstrip("/"))
            member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def outcome_of(read):
    """What a reader gives, or the message of the DataError that it raises; any other error goes on."""
    try:
        return read()
    except DataError as error:
        return str(error)
