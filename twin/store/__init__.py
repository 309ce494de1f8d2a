"""The run store: which runs there are, who computes them, and where their results lie."""

from twin.store.model import CANCELLED, DONE, FAILED, FINAL, QUEUED, RUNNING, Run
from twin.store.runs import ATTEMPTS, Claim, Pulse, RunStore
from twin.store.settings import Settings
from twin.store.version import code_version

__all__ = ["ATTEMPTS", "CANCELLED", "Claim", "DONE", "FAILED", "FINAL", "Pulse", "QUEUED", "RUNNING", "Run", "RunStore",
           "Settings", "code_version"]
