"""``python -m worker.ping``: exit status 0 if the worker of this host answers through the broker (a health check)."""

from __future__ import annotations

import socket
import sys

from twin.errors import TwinError
from twin.store import Settings
from worker.app import make_app

_WAIT_S = 5.0


def answers(settings: Settings) -> bool:
    """Whether a worker on this host replies within 5 s."""
    if not settings.broker_url:
        raise TwinError("worker.ping: TWIN_BROKER_URL is not set; the message folder has no way back for an answer")
    replies = make_app(settings).control.ping(timeout=_WAIT_S)
    return any(node.endswith(f"@{socket.gethostname()}") for reply in replies for node in reply)


if __name__ == "__main__":
    try:
        sys.exit(0 if answers(Settings.from_environment()) else 1)
    except TwinError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
