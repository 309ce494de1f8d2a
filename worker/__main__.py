"""``python -m worker``: the worker process that `worker.embedded` starts."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from twin.errors import TwinError
from worker.life import die_with_parent
from worker.service import run_worker


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m worker", description="Compute runs of the run store.")
    parser.add_argument("--concurrency", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--loglevel", default="info")
    parser.add_argument("--parent", type=int, help="end when this process, the parent, ends")
    parser.add_argument("--ready-file", type=Path)
    arguments = parser.parse_args()
    if arguments.parent is not None:
        die_with_parent(arguments.parent)
    try:
        return run_worker(arguments.concurrency, arguments.loglevel, ready_file=arguments.ready_file)
    except TwinError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stderr.flush()
    os._exit(status)  # the pool has been joined; its timer thread would be waited for another second
