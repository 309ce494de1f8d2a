"""Commit a row, then ring: how a run reaches the workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from celery import Celery

from twin.store import RunStore, Settings
from worker.app import QUEUE, TASK, make_app


class Doorbell:
    """Sends "look at this row" messages; losing or doubling one never changes a result."""

    def __init__(self, settings: Settings, app: Celery | None = None):
        self._app = app or make_app(settings)

    def ring(self, run_id: str) -> None:
        self._app.send_task(TASK, args=[run_id], queue=QUEUE, ignore_result=True)


class Submitter:
    """Callable that a study or a command uses to hand in one run; returns the run's id."""

    def __init__(self, store: RunStore, doorbell: Doorbell):
        self._store, self._doorbell = store, doorbell

    def __call__(self, name: str, request: Mapping[str, Any], study_id: str | None = None) -> str:
        run_id = self._store.add(name, request, study_id)
        self._doorbell.ring(run_id)
        return run_id
