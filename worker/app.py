"""The Celery application: one task, JSON only, no result backend; state lives in the run store."""

from __future__ import annotations

from typing import Any

from celery import Celery

from twin.errors import TwinError
from twin.store import Settings
from worker.folder_broker import SCHEME

TASK = "worker.execute_run"
QUEUE = "runs"
_LONGEST_RUN_S = 12 * 3600


def make_app(settings: Settings) -> Celery:
    """The application for these settings; a producer and a worker build the same one."""
    app = Celery("aifactory_twin", set_as_current=False)
    app.conf.update(
        broker_url=settings.broker_url or f"{SCHEME}://localhost",
        broker_transport_options=_transport_options(settings),
        broker_connection_retry_on_startup=True,
        task_default_queue=QUEUE,
        task_serializer="json", accept_content=["json"], result_accept_content=["json"],
        task_ignore_result=True, result_backend=None, task_store_errors_even_if_ignored=False,
        task_acks_late=True, task_reject_on_worker_lost=True, task_acks_on_failure_or_timeout=True,
        worker_prefetch_multiplier=1, worker_max_tasks_per_child=50, worker_max_memory_per_child=4_194_304,  # KiB
        worker_lost_wait=1.0,  # a dead pool process keeps its place in the queue this long
        worker_send_task_events=False, worker_hijack_root_logger=False, worker_redirect_stdouts=False,
        worker_enable_remote_control=bool(settings.broker_url),
        worker_soft_shutdown_timeout=10.0,
        visibility_timeout=_LONGEST_RUN_S,
    )
    return app


def _transport_options(settings: Settings) -> dict[str, Any]:
    scheme = settings.broker_url.partition("://")[0]
    if scheme in ("redis", "rediss"):
        return {"visibility_timeout": _LONGEST_RUN_S, "unacked_restore_interval": 5, "unacked_restore_throttle": 1,
                "health_check_interval": 25}
    if scheme in ("amqp", "amqps"):
        return {}
    if scheme:
        raise TwinError(f"TWIN_BROKER_URL: found {scheme!r}, wanted redis://, rediss://, amqp:// or amqps://")
    folder = settings.data_dir / "messages"
    options: dict[str, Any] = {"polling_interval": 0.02, "store_processed": True}
    for key, name in (("data_folder_in", "queue"), ("data_folder_out", "queue"), ("processed_folder", "taken"),
                      ("control_folder", "control")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        options[key] = str(folder / name)
    return options
