"""The thread in each worker that re-queues runs whose owner is gone and rings again for lost messages."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from twin.store import RunStore

log = logging.getLogger(__name__)


class Reaper:
    """Looks at the store once per period until stopped."""

    def __init__(self, store: RunStore, ring: Callable[[str], None], *, period_s: float, queued_stale_s: float,
                 idle_slots: Callable[[], int]):
        self._store, self._ring, self._idle_slots = store, ring, idle_slots
        self._period_s, self._queued_stale_s = period_s, queued_stale_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reaper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def once(self) -> list[str]:
        rung = self._store.reap(idle_slots=self._idle_slots(), queued_stale_s=self._queued_stale_s)
        for run_id in rung:
            self._ring(run_id)
        return rung

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                rung = self.once()
                if rung:
                    log.info("rang again for %d runs", len(rung))
            except (SQLAlchemyError, OSError) as error:
                log.warning("reaper: %s", error)
            except Exception:
                log.exception("reaper")
            self._over.wait(self._period_s)
