"""The thread beside a running run: it keeps the lease, and brings cancel and lease loss into memory."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from twin.store import Claim, RunStore

log = logging.getLogger(__name__)

CANCELLED, LEASE_LOST, SHUTDOWN, STALLED = "cancelled", "lease lost", "worker shutting down", "stalled"
_READ_EVERY_S = 0.4
_PROGRESS_EVERY_S = 1.0


class Heartbeat:
    """Context manager around one execution.

    The simulation calls `progress` and `should_stop` as often as it likes: both touch memory only.
    """

    def __init__(self, store: RunStore, claim: Claim, *, stall_s: float, shutting_down: Callable[[], bool],
                 on_stall: Callable[[], None]):
        self._store, self._claim, self._stall_s = store, claim, stall_s
        self._shutting_down, self._on_stall = shutting_down, on_stall
        self._fraction = 0.0
        self._reason: str | None = None
        self.told: str | None = None  # the reason that the simulation has been given
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{claim.run_id}", daemon=True)

    def progress(self, fraction: float) -> None:
        self._fraction = float(fraction)

    def should_stop(self) -> str | None:
        """Why to stop at this step, or None."""
        reason = self._reason or (SHUTDOWN if self._shutting_down() else None)
        if reason is not None:
            self.told = reason
        return reason

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        lease_s, run_id, owner = self._store.lease_s, self._claim.run_id, self._claim.owner
        read_every_s = min(_READ_EVERY_S, lease_s / 6.0)
        began = beaten = moved = time.monotonic()
        written = moved_at = 0.0
        while not self._over.wait(read_every_s):
            began, fraction = time.monotonic(), self._fraction
            if fraction != moved_at:
                moved, moved_at = began, fraction
            try:
                pulse = self._store.pulse(run_id, owner)
                if not pulse.owned:
                    self._reason = LEASE_LOST
                    return
                if pulse.cancel_requested:
                    self._reason = CANCELLED
                age = began - beaten
                if age >= lease_s / 3.0 or (fraction != written and age >= _PROGRESS_EVERY_S):
                    if not self._store.beat(run_id, owner, fraction):
                        self._reason = LEASE_LOST
                        return
                    beaten, written = began, fraction
            except SQLAlchemyError as error:
                log.warning("run %s: run store not reached (%s)", run_id, error)
                if time.monotonic() - beaten > lease_s:
                    self._reason = LEASE_LOST
                    return
            if began - moved > self._stall_s and self._reason is None:
                self._reason = STALLED
                self._on_stall()
