"""Celery: the doorbell of the run store, the task that computes one run, and the worker process that hears it."""

from __future__ import annotations


def run_worker(concurrency: int, loglevel: str = "info") -> int:
    """Work with the settings of the ``TWIN_*`` variables until told to stop; returns the exit status."""
    from worker.service import run_worker as run  # Celery takes a while to import

    return run(concurrency, loglevel)
