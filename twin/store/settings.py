"""Where the service keeps its rows, messages and results, and the periods of its lease."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

from twin.errors import TwinError


@dataclass(frozen=True)
class Settings:
    """One place for everything a worker, a study and the command line must agree on.

    Attributes
    ----------
    data_dir : Path
        Folder of the SQLite file, the message folder, the results and the worker's log.
    database_url, broker_url : str
        Empty: SQLite and the message folder inside ``data_dir``.
    results_dir : Path
        Root of all run folders; a run folder is ``<run id>/<attempt>``.
    execute : str
        ``module:function`` that computes a run.
    lease_s, reaper_s, queued_stale_s, stall_s : float
        Life of an unrenewed lease, period of the reaper, age at which a run that only waits is announced again by an
        idle worker, and the time without progress after which a run fails [s].
    """

    data_dir: Path
    database_url: str
    broker_url: str
    results_dir: Path
    execute: str = "twin.run:execute"
    lease_s: float = 60.0
    reaper_s: float = 30.0
    queued_stale_s: float = 120.0
    stall_s: float = 1800.0

    @classmethod
    def from_environment(cls, data_dir: Path | str | None = None,
                         environment: Mapping[str, str] | None = None) -> Settings:
        """Read the ``TWIN_*`` variables; an explicit `data_dir` wins over ``TWIN_DATA_DIR``."""
        env = os.environ if environment is None else environment
        folder = Path(data_dir or env.get("TWIN_DATA_DIR") or Path.home() / ".local" / "share" / "aifactory-twin")
        folder = folder.expanduser().resolve()
        results = _local_folder(env["TWIN_DATA_URL"]) if env.get("TWIN_DATA_URL") else folder / "results"
        return cls(
            data_dir=folder,
            database_url=env.get("TWIN_DATABASE_URL") or f"sqlite:///{folder / 'runs.sqlite'}",
            broker_url=env.get("TWIN_BROKER_URL", ""),
            results_dir=results,
            execute=env.get("TWIN_EXECUTE") or cls.execute,
            lease_s=_seconds(env, "TWIN_LEASE_S", cls.lease_s),
            reaper_s=_seconds(env, "TWIN_REAPER_S", cls.reaper_s),
            queued_stale_s=_seconds(env, "TWIN_QUEUED_STALE_S", cls.queued_stale_s),
            stall_s=_seconds(env, "TWIN_STALL_S", cls.stall_s),
        )

    def environment(self) -> dict[str, str]:
        """The variables that give a child process the same settings."""
        return {
            "TWIN_DATA_DIR": str(self.data_dir), "TWIN_DATABASE_URL": self.database_url,
            "TWIN_BROKER_URL": self.broker_url, "TWIN_DATA_URL": self.results_dir.as_uri(),
            "TWIN_EXECUTE": self.execute, "TWIN_LEASE_S": repr(self.lease_s), "TWIN_REAPER_S": repr(self.reaper_s),
            "TWIN_QUEUED_STALE_S": repr(self.queued_stale_s), "TWIN_STALL_S": repr(self.stall_s),
        }


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0.0 < value < 1e9:
        raise TwinError(f"{name}: found {text!r}, wanted a number of seconds above 0")
    return value


def _local_folder(url: str) -> Path:
    parts = urlparse(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path)).resolve()
    if parts.scheme == "":
        return Path(url).expanduser().resolve()
    raise TwinError(f"TWIN_DATA_URL: found {url!r}, wanted a folder or a file:// URL")
