"""The .fmu file as an archive: checked before it is unpacked, unpacked into a folder of its own."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from pathlib import Path, PurePosixPath

from twin.errors import FmuError

MAX_ENTRIES = 20_000
MAX_BYTES = 2 << 30
MAX_RATIO = 500  # unpacked over packed, above 50 MB: a bomb


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def check_archive(path: Path) -> list[str]:
    """Names in the archive; FmuError if it is none, leaves its folder, holds links or unpacks to too much."""
    if not path.is_file():
        raise FmuError(f"{path}: no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise FmuError(f"{path.name}: not a readable FMU archive: {error}") from error
    total = sum(e.file_size for e in entries)
    packed = sum(e.compress_size for e in entries) or 1
    if len(entries) > MAX_ENTRIES or total > MAX_BYTES or (total > 50 << 20 and total / packed > MAX_RATIO):
        raise FmuError(
            f"{path.name}: {len(entries)} entries that unpack to {total} bytes, wanted at most {MAX_ENTRIES} "
            f"entries, {MAX_BYTES} bytes and a ratio of {MAX_RATIO}"
        )
    for entry in entries:
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        mode = entry.external_attr >> 16
        if name.is_absolute() or ".." in name.parts or (name.parts and ":" in name.parts[0]) or stat.S_ISLNK(mode):
            raise FmuError(f"{path.name}: archive entry {entry.filename!r} would leave its folder")
    return [e.filename for e in entries]


def unpack(path: Path, folder: Path) -> None:
    """Unpack a checked archive into an existing empty folder."""
    check_archive(path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)


def read_entry(path: Path, name: str, limit: int = 200 << 20) -> bytes:
    """Bytes of one entry."""
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(name).file_size > limit:
            raise FmuError(f"{path.name}: {name} is larger than {limit} bytes")
        return archive.read(name)
