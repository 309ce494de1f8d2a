"""A real worker on the folder broker and SQLite: what it computes, and what survives a kill."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from math import exp
from pathlib import Path

import pytest
from cooling_computation import CAPACITY_J_K, COOLANT_C, RESISTANCE_K_W, RunRequest
from tests_service import HERE, Service, request, wait_for

from twin.errors import TwinError
from twin.store import RunStore
from worker import execution, heartbeat
from worker.app import make_app


def kpi_c(service: Service, run_id: str) -> float:
    folder = service.store.result_folder(service.store.get(run_id))
    return float(json.loads((folder / "kpis.json").read_text())["chip_end_c"]["value"])


def closed_form_c(heat_w: float, t_s: float) -> float:
    return COOLANT_C + heat_w * RESISTANCE_K_W * (1.0 - exp(-t_s / (RESISTANCE_K_W * CAPACITY_J_K)))


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def group_members(group: int) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] not in ("Z", "X"):
                found.add(int(entry.name))
    return found


def test_runs_are_computed_elsewhere_at_the_same_time_and_once(service: Service, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    with service.worker(2) as worker:
        ids = [service.run(f"run-{heat}", f"heat_w={heat}", "pace_s=0.001", f"diary={diary}") for heat in (800, 1200)]
        rung_often = service.run("rung-often", f"diary={diary}")
        for _ in range(4):
            service.doorbell.ring(rung_often)
        runs = service.wait_final(*ids, rung_often)
        diverging = service.run("diverging", "diverge=1")
        failed = service.wait_final(diverging)[0]
        cpu = worker.process_id
    assert [r.state for r in runs] == ["done"] * 3 and [r.attempt for r in runs] == [1] * 3
    assert len(diary.read_text().splitlines()) == 3  # five messages, one execution
    first, second = runs[0], runs[1]
    assert {first.process_id, second.process_id}.isdisjoint({os.getpid(), cpu, None})
    assert first.process_id != second.process_id
    assert None not in (first.started_at, first.ended_at, second.started_at, second.ended_at)
    assert max(first.started_at or 0, second.started_at or 0) < min(first.ended_at or 0, second.ended_at or 0)
    for run_id, heat_w in zip(ids, (800.0, 1200.0), strict=True):  # explicit steps of 10 ms: within 0.1 % of the rise
        assert kpi_c(service, run_id) == pytest.approx(closed_form_c(heat_w, 8.0), abs=1e-3 * heat_w * RESISTANCE_K_W)
    assert failed.state == "failed" and failed.result_key is None
    assert failed.message == "the step is unstable in state chip_c[0] at t = 1.000000 s"
    assert not list((service.settings.results_dir / diverging).iterdir())
    assert not group_members(cpu or 0)


def test_killed_processes_lose_no_run_and_poison_ends(service: Service, tmp_path: Path) -> None:
    diaries = {name: tmp_path / name for name in ("child", "group", "poison")}
    with service.worker(2) as worker:
        child = service.run("child", f"diary={diaries['child']}", "pace_s=0.002")
        service.wait_running(child)
        poison = service.run("poison", f"diary={diaries['poison']}", "poison=1")
        os.kill(service.store.get(child).process_id or 0, signal.SIGKILL)
        assert service.wait_final(child, poison)[0].state == "done"

        group = service.run("group", f"diary={diaries['group']}", "pace_s=0.002")
        service.wait_running(group)
        first_worker = worker.process_id or 0
        os.killpg(first_worker, signal.SIGKILL)
        runs = service.wait_final(child, group, poison)
        assert worker.process_id not in (first_worker, None)
        other = service.wait_final(service.run("other"))[0]
    states = {r.name: (r.state, r.attempt, r.message) for r in [*runs, other]}
    assert states == {"child": ("done", 2, ""), "group": ("done", 2, ""), "other": ("done", 1, ""),
                      "poison": ("failed", 3, "worker lost 3 times")}
    assert {n: len(d.read_text().splitlines()) for n, d in diaries.items()} == {"child": 2, "group": 2, "poison": 3}
    undisturbed = kpi_c(service, other.id)
    assert kpi_c(service, child) == kpi_c(service, group) == undisturbed
    assert sorted(p.name for p in (service.settings.results_dir / child).iterdir()) == ["2"]


def test_cancel_waits_for_nobody(service: Service) -> None:
    with service.worker(1) as worker:
        running = service.run("running", "pace_s=0.01", duration_s=600.0)
        queued = service.run("queued")
        service.wait_running(running)
        assert service.store.request_cancel(queued) == "cancelled"
        asked = time.monotonic()
        service.store.request_cancel(running)
        run = service.wait_final(running)[0]
        assert time.monotonic() - asked < 1.0
        assert (run.state, run.message, run.result_key) == ("cancelled", "cancelled while running", None)
        after = service.wait_final(service.run("after"))[0]
        assert (after.state, service.store.get(queued).attempt) == ("done", 0)

        given_back = service.run("given back", "pace_s=0.01", duration_s=600.0)
        service.wait_running(given_back)
        group = worker.process_id or 0
    run = service.store.get(given_back)  # the worker was stopped in good order
    assert (run.state, run.attempt, run.given_back, run.progress) == ("queued", 1, 1, 0.0)
    messages = list((service.settings.data_dir / "messages" / "queue").glob("*.msg"))
    assert len(messages) == 1 and given_back in messages[0].read_text()
    assert not group_members(group)


def test_lost_message_is_rung_again_and_stalled_run_fails(service: Service) -> None:
    service.settings = dataclasses.replace(service.settings, stall_s=1.0)
    lost = service.store.add("lost", request())  # committed, never rung
    with service.worker(2):
        hanging = service.run("hanging", "hang=1")
        runs = service.wait_final(lost, hanging)
    assert [(r.state, r.attempt) for r in runs] == [("done", 1), ("failed", 1)]
    assert runs[1].message == "no progress for 1 s"


def test_worker_paused_past_its_lease_publishes_nothing(service: Service, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    with service.worker(2):
        run_id = service.run("paused", f"diary={diary}", "pace_s=0.002")
        service.wait_running(run_id)
        first = service.store.get(run_id).process_id or 0
        os.kill(first, signal.SIGSTOP)
        try:
            wait_for(lambda: service.store.get(run_id).process_id != first, what="another process to take over")
        finally:
            os.kill(first, signal.SIGCONT)
        run = service.wait_final(run_id)[0]
    assert (run.state, run.attempt, run.result_key) == ("done", 2, f"{run_id}/2")
    assert run.process_id != first and len(diary.read_text().splitlines()) == 2
    assert not (service.settings.results_dir / run_id / "1").exists()


def test_late_owner_stops_and_publishes_nothing(service: Service) -> None:
    """In this process: while one owner computes, another takes the run over and publishes."""
    store = RunStore(service.store.engine, service.store.results_dir, lease_s=0.3)
    run_id = store.add("contested", request("pace_s=0.01", duration_s=600.0))
    outcome: list[str] = []
    executor = execution.load_executor(service.settings.execute)
    thread = threading.Thread(target=lambda: outcome.append(
        execution.execute(store, executor, run_id, stall_s=60.0)))
    thread.start()
    service.wait_running(run_id)
    owner = store.get(run_id).owner or ""
    assert store.give_back(run_id, owner)  # as if its lease had been lost
    claim = store.claim(run_id, "rival", 7, "elsewhere")
    assert claim is not None and store.finish(run_id, "rival", "done", result_key=f"{run_id}/2")
    thread.join(10.0)
    assert outcome == ["lost"]
    run = store.get(run_id)
    assert (run.owner, run.state, run.result_key) == ("rival", "done", f"{run_id}/2")
    assert not (store.results_dir / run_id / "1").exists()


def test_results_folder_that_cannot_be_written_fails_the_run(service: Service) -> None:
    service.settings.results_dir.parent.mkdir(exist_ok=True)
    service.settings.results_dir.write_text("a file where the folder should be")
    run_id = service.store.add("blocked", request())
    executor = execution.load_executor(service.settings.execute)
    assert execution.execute(service.store, executor, run_id, stall_s=60.0) == "failed"
    run = service.store.get(run_id)
    assert (run.state, run.attempt, run.result_key) == ("failed", 1, None)
    assert "Error" in run.message and str(service.settings.results_dir) in run.message


def test_beats_keep_a_lease_alive_and_end_it_when_the_store_is_away(service: Service, tmp_path: Path) -> None:
    store = RunStore(service.store.engine, service.store.results_dir, lease_s=0.5)
    claim = store.claim(store.add("beating", request()), "owner", 1, "host")
    assert claim is not None
    with heartbeat.Heartbeat(store, claim, stall_s=60.0, shutting_down=lambda: False, on_stall=lambda: None) as beat:
        time.sleep(1.2)
        assert store.claim(claim.run_id, "rival", 2, "host") is None and beat.should_stop() is None
        (tmp_path / "data" / "runs.sqlite").rename(tmp_path / "away")
        for suffix in ("-wal", "-shm"):
            (tmp_path / "data" / f"runs.sqlite{suffix}").unlink(missing_ok=True)
        wait_for(lambda: beat.should_stop() is not None, 10.0, "the lease to be given up")
        assert beat.told == heartbeat.LEASE_LOST


def test_worker_ends_with_its_parent(service: Service, tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import dataclasses, sys, time
        from pathlib import Path
        from tests_service import Service
        service = Service(Path(sys.argv[1]))
        with service.worker(2) as worker:
            run_id = service.run("long", "pace_s=0.01", duration_s=600.0)
            service.wait_running(run_id)
            print(worker.process_id, flush=True)
            time.sleep(600)
    """)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])}
    parent = subprocess.Popen([sys.executable, "-c", script, str(service.settings.data_dir)], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert parent.stdout is not None and parent.stderr is not None
    group = int(parent.stdout.readline())
    members = group_members(group)
    assert len(members) >= 3  # the worker and its pool
    parent.kill()
    _, debris = parent.communicate()
    wait_for(lambda: not group_members(group), 10.0, "the worker to end")
    assert debris == ""
    assert service.store.count()["queued"] == 1  # given back in good order


def test_killed_worker_leaves_no_orphan_children(service: Service) -> None:
    with service.worker(2) as worker:
        service.wait_running(service.run("long", "pace_s=0.01", duration_s=600.0))
        group = worker.process_id or 0
        children = group_members(group) - {group}
        os.kill(group, signal.SIGKILL)  # the worker alone
        wait_for(lambda: not any(alive(pid) for pid in children), 5.0, "the pool processes to end")


def test_worker_that_cannot_start_says_why(service: Service) -> None:
    service.settings = dataclasses.replace(service.settings, execute="no_such_module:execute")
    with service.worker(1) as worker, pytest.raises(TwinError, match="TWIN_EXECUTE: found 'no_such_module:execute'"):
        worker.wait_ready(30.0)


def test_requests_and_messages_are_plain_json(service: Service) -> None:
    run_id = service.run("message")
    folder = service.settings.data_dir / "messages" / "queue"
    message = json.loads(next(folder.glob("*.msg")).read_text())
    assert message["content-type"] == "application/json" and run_id in message["headers"]["argsrepr"]
    app = make_app(service.settings)
    assert app.conf.accept_content == ["json"] and app.conf.task_serializer == "json" and app.conf.task_acks_late
    assert dataclasses.asdict(RunRequest(**service.store.get(run_id).request)) == service.store.get(run_id).request


def test_redis_settings_outlast_the_longest_run(service: Service) -> None:
    conf = make_app(dataclasses.replace(service.settings, broker_url="redis://localhost:6379/0")).conf
    assert conf.broker_transport_options["visibility_timeout"] == conf.visibility_timeout == 12 * 3600
    assert conf.worker_prefetch_multiplier == 1 and conf.task_reject_on_worker_lost and conf.task_ignore_result
    with pytest.raises(TwinError, match="TWIN_BROKER_URL: found 'sqla.sqlite'"):
        make_app(dataclasses.replace(service.settings, broker_url="sqla+sqlite:///x"))
