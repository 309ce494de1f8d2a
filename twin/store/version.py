"""The version of the code a result came from: the release and a digest of the sources that compute it."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

_ROOMS = ("twin", "thermal", "electrical", "network_topology", "usd_export", "worker")


@cache
def code_version() -> str:
    """Release and source digest, such as ``0.1.0+3f2a9c01d4e5``; read once per process."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        spec = find_spec(room)
        for folder in sorted(spec.submodule_search_locations or ()) if spec else ():
            root = Path(folder)
            for path in sorted(root.rglob("*")):
                if path.suffix in (".py", ".yaml") and path.is_file():
                    digest.update(f"{room}/{path.relative_to(root).as_posix()}\0".encode())
                    digest.update(path.read_bytes() + b"\0")
    try:
        release = version("aifactory-twin")
    except PackageNotFoundError:
        release = "0"
    return f"{release}+{digest.hexdigest()[:12]}"
