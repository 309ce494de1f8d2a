"""The worker process: the Celery application with its task, wired to the run store."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
from pathlib import Path
from typing import Any

from celery import signals
from celery.worker import state as worker_state

from twin.store import RunStore, Settings
from worker import life
from worker.app import QUEUE, TASK, make_app
from worker.doorbell import Doorbell
from worker.execution import execute, load_executor
from worker.reaper import Reaper

log = logging.getLogger(__name__)


def run_worker(concurrency: int, loglevel: str = "info", settings: Settings | None = None,
               ready_file: Path | None = None) -> int:
    """Work until told to stop (SIGTERM or SIGINT: running runs go back to the queue, then the process ends).

    Parameters
    ----------
    concurrency : int
        Runs computed at once, each in a process of its own.
    loglevel : str
        debug, info, warning, error or critical.
    settings : Settings, optional
        Default: from the ``TWIN_*`` variables.
    ready_file : Path, optional
        Written once the worker listens.

    Returns
    -------
    int
        Exit status, 0 after a stop in good order.
    """
    settings = settings or Settings.from_environment()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    logging.basicConfig(level=loglevel.upper(), format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
    store = RunStore.open(settings)
    executor = load_executor(settings.execute)  # before the fork, so that the children share the imported code
    app = make_app(settings)
    doorbell = Doorbell(settings, app)

    @app.task(name=TASK, ignore_result=True)
    def execute_run(run_id: str) -> None:
        outcome = execute(store, executor, str(run_id), stall_s=settings.stall_s)
        log.info("run %s: %s", run_id, outcome)

    reaper = Reaper(store, doorbell.ring, period_s=settings.reaper_s, queued_stale_s=settings.queued_stale_s,
                    idle_slots=lambda: concurrency - len(worker_state.reserved_requests))
    _connect(store, doorbell, reaper, ready_file)
    node = f"{secrets.token_hex(4)}@{socket.gethostname()}"
    try:
        app.worker_main(["worker", "--pool", "prefork", "--concurrency", str(concurrency), "--loglevel", loglevel,
                         "--queues", QUEUE, "--hostname", node, "--without-gossip", "--without-mingle",
                         "--without-heartbeat"])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _connect(store: RunStore, doorbell: Doorbell, reaper: Reaper, ready_file: Path | None) -> None:
    """Hang the store's threads on the moments of the worker's life."""
    parent = os.getpid()

    def child_begins(**kwargs: Any) -> None:
        store.engine.dispose(close=False)
        life.watch_parent(parent, signal.SIGKILL)

    def ready(**kwargs: Any) -> None:
        reaper.start()
        if ready_file is not None:
            ready_file.write_text(f"{parent}\n", encoding="utf-8")

    def stopping(**kwargs: Any) -> None:
        life.begin_shutdown()
        reaper.stop()

    def stopped(**kwargs: Any) -> None:
        for run_id in store.unrung():  # for the other workers, and for whoever comes next
            doorbell.ring(run_id)

    signals.worker_process_init.connect(child_begins, weak=False)
    signals.worker_ready.connect(ready, weak=False)
    signals.worker_shutting_down.connect(stopping, weak=False)
    signals.worker_shutdown.connect(stopped, weak=False)
