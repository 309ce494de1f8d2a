"""One message, one look at the row: claim the run, compute it, publish its end."""

from __future__ import annotations

import importlib
import logging
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from twin.errors import TwinError
from twin.store import CANCELLED, DONE, FAILED, Claim, RunStore
from worker import heartbeat
from worker.life import shutting_down

log = logging.getLogger(__name__)

Compute = Callable[..., dict[str, Any]]
T = TypeVar("T")


@dataclass(frozen=True)
class Executor:
    """The function that computes a run and the type of its request, from the same module."""

    compute: Compute
    request: Callable[..., Any]


def load_executor(name: str) -> Executor:
    """Import ``module:function``; the module also holds ``RunRequest``."""
    module_name, _, function = name.partition(":")
    try:
        module = importlib.import_module(module_name)
        return Executor(getattr(module, function), module.RunRequest)
    except (ImportError, AttributeError, ValueError) as error:
        raise TwinError(f"TWIN_EXECUTE: found {name!r}, wanted module:function beside RunRequest ({error})") from error


def execute(store: RunStore, executor: Executor, run_id: str, *, stall_s: float) -> str:
    """Compute the run if it is to be had. Never raises for a reason that lies in the run.

    Returns
    -------
    str
        What became of it: ``refused``, ``done``, ``failed``, ``cancelled``, ``given back`` or ``lost``.
    """
    if shutting_down():
        store.unring(run_id)  # the worker rings for it, and for the runs given back, once it has stopped listening
        return "given back"
    host, process_id = socket.gethostname(), os.getpid()
    owner = f"{host}:{process_id}:{secrets.token_hex(8)}"
    claim = _patiently(lambda: store.claim(run_id, owner, process_id, host), store.lease_s)
    if claim is None:
        return "refused"
    result_key = f"{claim.run_id}/{claim.attempt}"
    folder = store.folder_of(result_key)
    stopper = heartbeat.Heartbeat(store, claim, stall_s=stall_s, shutting_down=shutting_down,
                                  on_stall=lambda: _end_stalled(store, claim, folder, stall_s))
    state, message = DONE, ""
    try:
        with stopper:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            executor.compute(executor.request(**claim.request), folder,
                             progress=stopper.progress, should_stop=stopper.should_stop)
    except TwinError as error:
        state, message = FAILED, str(error)
    except Exception as error:
        log.exception("run %s failed", run_id)
        state, message = FAILED, f"{type(error).__name__}: {error}"
    return _publish(store, claim, stopper.told, state, message, result_key, folder)


def _publish(store: RunStore, claim: Claim, told: str | None, state: str, message: str, result_key: str,
             folder: Path) -> str:
    """Write the end of the run, if it is still ours; drop the folder of anything but a result."""
    if told == heartbeat.SHUTDOWN:
        kept = _patiently(lambda: store.give_back(claim.run_id, claim.owner), store.lease_s)
        outcome = "given back"
    elif told == heartbeat.LEASE_LOST:
        kept, outcome = False, "lost"
    else:
        if told == heartbeat.CANCELLED:
            state, message = CANCELLED, "cancelled while running"
        key = result_key if state == DONE else None
        kept = _patiently(lambda: store.finish(claim.run_id, claim.owner, state, result_key=key, message=message),
                          store.lease_s)
        outcome = state
    if not (kept and outcome == DONE):
        shutil.rmtree(folder, ignore_errors=True)
    if not kept:
        log.warning("run %s attempt %d: no longer ours, nothing published", claim.run_id, claim.attempt)
        return "lost"
    if outcome == DONE:
        for attempt in range(1, claim.attempt):
            shutil.rmtree(folder.parent / str(attempt), ignore_errors=True)
    return outcome


def _end_stalled(store: RunStore, claim: Claim, folder: Path, stall_s: float) -> None:
    """Fail a run that makes no progress, and end this process: nothing else stops a loop that never looks up."""
    store.finish(claim.run_id, claim.owner, FAILED, message=f"no progress for {stall_s:g} s")
    shutil.rmtree(folder, ignore_errors=True)
    log.error("run %s: no progress for %g s; process %d ends", claim.run_id, stall_s, os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)


def _patiently(call: Callable[[], T], patience_s: float) -> T:
    """Repeat a statement while the database is away, no longer than a lease lives."""
    give_up, pause_s = time.monotonic() + patience_s, 0.1
    while True:
        try:
            return call()
        except SQLAlchemyError as error:
            if time.monotonic() + pause_s > give_up:
                raise
            log.warning("run store not reached, trying again: %s", error)
            time.sleep(pause_s)
            pause_s = min(2.0 * pause_s, 2.0)
