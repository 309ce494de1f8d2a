"""A worker that belongs to the calling process: started with it, restarted by it, gone with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

from twin.errors import TwinError
from twin.store import Settings

_START_WITHIN_S = 120.0
_STOP_WITHIN_S = 15.0
_FAILED_STARTS = 3


class EmbeddedWorker:
    """Context manager; inside it runs submitted to the data folder are computed by `concurrency` processes.

    Output goes to ``<data_dir>/worker.log``. Leaving the context stops the worker (running runs go back to the queue).
    If the caller is killed the worker ends by itself.
    """

    def __init__(self, data_dir: Path | str, concurrency: int = 2, *, settings: Settings | None = None,
                 loglevel: str = "info"):
        self.settings = settings or Settings.from_environment(data_dir)
        self.concurrency, self.loglevel = concurrency, loglevel
        self.log_file = self.settings.data_dir / "worker.log"
        self._ready_file = self.settings.data_dir / f"worker-{os.getpid()}-{id(self):x}.ready"
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._broken = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="embedded-worker", daemon=True)

    @property
    def process_id(self) -> int | None:
        """Process id of the worker, which is also its process group; None while it is down."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def __enter__(self) -> EmbeddedWorker:
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join()
        self._ready_file.unlink(missing_ok=True)

    def check(self) -> None:
        """Raise `TwinError` if the worker cannot be started; otherwise it runs or is being started again."""
        if self._broken.is_set():
            tail = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
            raise TwinError(f"the local worker does not start; the end of {self.log_file}:\n" + "\n".join(tail))

    def wait_ready(self, timeout_s: float = _START_WITHIN_S) -> None:
        """Return once the worker listens. Runs may be submitted before that."""
        give_up = time.monotonic() + timeout_s
        while not self._ready.wait(0.02):
            self.check()
            if time.monotonic() > give_up:
                raise TwinError(f"the local worker was not ready after {timeout_s:g} s; see {self.log_file}")

    def _keep(self) -> None:
        """Start the worker and start it again whenever it ends; the thread lives as long as its child.

        The kernel ties a child's life to the thread that started it, so all starts happen here.
        """
        failed_starts = 0
        while not self._stopping.is_set():
            self._ready.clear()
            self._ready_file.unlink(missing_ok=True)
            self._process = self._start()
            while self._process.poll() is None and not self._stopping.wait(0.02):
                if not self._ready.is_set() and self._ready_file.exists():
                    self._ready.set()
            if self._stopping.is_set():
                break
            _kill_group(self._process.pid)
            failed_starts = 0 if self._ready.is_set() else failed_starts + 1
            if failed_starts >= _FAILED_STARTS:
                self._broken.set()
                return
            self._stopping.wait(0.2)
        if self._process is not None:
            _stop(self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "worker", "--concurrency", str(self.concurrency),
                   "--loglevel", self.loglevel, "--parent", str(os.getpid()), "--ready-file", str(self._ready_file)]
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)  # the child imports what its parent can
        environment = os.environ | self.settings.environment() | {"PYTHONPATH": paths}
        with self.log_file.open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                                    cwd=self.settings.data_dir, start_new_session=True)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask, wait, then insist; no process of the group is left."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            pass
    _kill_group(process.pid)
    process.wait()


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
