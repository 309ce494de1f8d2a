"""What the service tests share: short leases, a data folder per test, and waiting on the store."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from twin.store import Run, RunStore, Settings
from worker.doorbell import Doorbell, Submitter
from worker.embedded import EmbeddedWorker

HERE = Path(__file__).parent


def wait_for(condition: Callable[[], bool], timeout_s: float = 30.0, what: str = "") -> None:
    give_up = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > give_up:
            raise AssertionError(f"not within {timeout_s} s: {what or condition}")
        time.sleep(0.04)


class Service:
    """Settings, store and doorbell over one data folder."""

    def __init__(self, folder: Path):
        self.settings = dataclasses.replace(
            Settings.from_environment(folder, {}), execute="cooling_computation:execute",
            lease_s=2.5, reaper_s=0.2, queued_stale_s=1.0)
        self.store = RunStore.open(self.settings)
        self.doorbell = Doorbell(self.settings)
        self.submit = Submitter(self.store, self.doorbell)

    def worker(self, concurrency: int = 2) -> EmbeddedWorker:
        return EmbeddedWorker(self.settings.data_dir, concurrency, settings=self.settings)

    def run(self, name: str, *sets: str, duration_s: float = 8.0) -> str:
        return self.submit(name, request(*sets, duration_s=duration_s))

    def wait_final(self, *run_ids: str, timeout_s: float = 30.0) -> list[Run]:
        wait_for(lambda: all(self.store.get(i).state in ("done", "failed", "cancelled") for i in run_ids), timeout_s,
                 "runs to end")
        return [self.store.get(i) for i in run_ids]

    def wait_running(self, *run_ids: str) -> None:
        wait_for(lambda: all(r.state == "running" and r.progress > 0.0
                             for r in (self.store.get(i) for i in run_ids)), what="runs to make progress")


def request(*sets: str, duration_s: float = 8.0) -> dict[str, object]:
    return {"facility": "one-chip", "scenario": None, "duration_s": duration_s, "step_s": 0.01, "seed": 1,
            "sets": list(sets), "usd": False}
