"""Messages as files of one folder: kombu's filesystem transport with whole-file writes and takes.

A message appears under its name only when it is complete, and is taken by a rename inside the same folder tree, so
several processes may write and take at once. The bindings of the one queue are kept in each process.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem, virtual
from kombu.utils.json import dumps, loads

SCHEME = "twinfolder"
_LISTEN_S = 0.2


class Channel(filesystem.Channel):
    supports_fanout = False

    get_table = virtual.Channel.get_table
    _delete = virtual.Channel._delete

    def _queue_bind(self, *binding: Any) -> None:
        """Nothing to write down: `queue_bind` has put the binding into this process's table."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}"
        unfinished = folder / f".{name}.unfinished"
        unfinished.write_text(dumps(payload), encoding="utf-8")
        os.replace(unfinished, folder / f"{name}.{queue}.msg")

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        folder, taken_folder = Path(self.data_folder_in), Path(self.processed_folder)
        for name in sorted(os.listdir(folder)):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = taken_folder / name
            try:
                os.rename(folder / name, taken)
            except FileNotFoundError:
                continue  # another worker was faster
            text = taken.read_text(encoding="utf-8")
            taken.unlink()
            return loads(text)
        raise Empty()


class Transport(filesystem.Transport):
    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None, **kwargs: Any) -> None:
        """Wait for messages, but never so long that a worker is late to notice its own shutdown."""
        super().drain_events(connection, timeout=_LISTEN_S if timeout is None else min(timeout, _LISTEN_S))


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
