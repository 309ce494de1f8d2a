"""Life and death of worker processes: nothing outlives its parent, and a shutdown reaches every child."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_flag = mmap.mmap(-1, 1)  # anonymous shared memory: children forked after this import see the same byte


def begin_shutdown() -> None:
    """Ask every run of this worker to stop at its next step; safe inside a signal handler."""
    _flag[0] = 1


def shutting_down() -> bool:
    return _flag[0] != 0


def die_with_parent(parent: int) -> None:
    """Receive SIGTERM when process `parent` ends (Linux), and watch for it as well (everywhere)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    watch_parent(parent, signal.SIGTERM)


def watch_parent(parent: int, signum: signal.Signals, every_s: float = 0.5) -> None:
    """End this process by `signum`, then by SIGKILL after 10 s, once its parent is no longer `parent`."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(every_s)
        os.kill(os.getpid(), signum)
        time.sleep(10.0)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
