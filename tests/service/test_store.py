"""The verbs of the run store by themselves, and who is let in."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect
from tests_service import Service, request, wait_for

from twin.errors import RunConflict, TwinError
from twin.store import RunStore, Settings
from twin.store.database import open_engine
from twin.store.model import Base
from twin.store.schema import HEAD, alembic_config


def test_only_one_of_many_claims_holds(service: Service) -> None:
    run_id = service.store.add("one", request())
    claims = []
    barrier = threading.Barrier(8)

    def claim(number: int) -> None:
        barrier.wait()
        claims.append(service.store.claim(run_id, f"owner-{number}", number, "host"))

    threads = [threading.Thread(target=claim, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = [c for c in claims if c is not None]
    assert len(claims) == 8 and len(held) == 1
    assert held[0].attempt == 1 and held[0].request == request()
    assert service.store.get(run_id).owner == held[0].owner


def test_late_owner_can_neither_beat_nor_publish(service: Service) -> None:
    store = RunStore(service.store.engine, service.store.results_dir, lease_s=0.05)
    run_id = store.add("late", request())
    assert store.claim(run_id, "first", 1, "host") is not None
    wait_for(lambda: store.claim(run_id, "second", 2, "host") is not None, 5.0)  # the first lease has run out
    assert not store.beat(run_id, "first", 0.5)
    assert not store.finish(run_id, "first", "done", result_key=f"{run_id}/1")
    assert not store.give_back(run_id, "first")
    assert not store.pulse(run_id, "first").owned and store.pulse(run_id, "second").owned
    assert store.finish(run_id, "second", "done", result_key=f"{run_id}/2")
    assert not store.finish(run_id, "second", "failed", message="twice")
    run = store.get(run_id)
    assert (run.state, run.result_key, run.attempt) == ("done", f"{run_id}/2", 2)


def test_reaper_requeues_then_fails_after_three_attempts(service: Service) -> None:
    store = RunStore(service.store.engine, service.store.results_dir, lease_s=1e-3)
    run_id = store.add("poison", request())
    for attempt in (1, 2, 3):
        claim = store.claim(run_id, f"owner-{attempt}", attempt, "host")
        assert claim is not None and claim.attempt == attempt
        time.sleep(0.02)  # the lease runs out
        assert store.reap(idle_slots=0, queued_stale_s=60.0) == ([run_id] if attempt < 3 else [])
    run = store.get(run_id)
    assert (run.state, run.message, run.result_key) == ("failed", "worker lost 3 times", None)
    assert store.claim(run_id, "fourth", 4, "host") is None


def test_run_given_back_does_not_use_up_attempts(service: Service) -> None:
    run_id = service.store.add("patient", request())
    for attempt in range(1, 6):
        claim = service.store.claim(run_id, "owner", 1, "host")
        assert claim is not None and claim.attempt == attempt
        assert service.store.give_back(run_id, "owner")
    assert service.store.get(run_id).state == "queued"


def test_cancel_wins_over_give_back_and_over_the_reaper(service: Service) -> None:
    store = RunStore(service.store.engine, service.store.results_dir, lease_s=1e-3)
    returned, lost, queued = (store.add(name, request()) for name in ("returned", "lost", "queued"))
    for run_id in (returned, lost):
        assert store.claim(run_id, "owner", 1, "host")
        assert store.request_cancel(run_id) == "running"
    assert store.give_back(returned, "owner")
    wait_for(lambda: store.reap(idle_slots=0, queued_stale_s=60.0) == [] and store.get(lost).state != "running", 5.0)
    assert store.request_cancel(queued) == "cancelled"
    assert {store.get(i).state for i in (returned, lost, queued)} == {"cancelled"}
    assert all(store.claim(i, "other", 2, "host") is None for i in (returned, lost, queued))


def test_only_an_idle_worker_rings_again_and_only_for_old_runs(service: Service) -> None:
    ids = [service.store.add(f"waiting-{n}", request()) for n in range(5)]
    reap = service.store.reap
    assert reap(idle_slots=5, queued_stale_s=60.0) == []
    assert reap(idle_slots=0, queued_stale_s=1e-6) == []
    first = reap(idle_slots=2, queued_stale_s=1e-6)
    assert sorted(first) == sorted(ids[:2])  # the oldest
    assert len(reap(idle_slots=9, queued_stale_s=1e-6)) == 5


def test_result_of_a_run_that_is_not_done_is_not_served(service: Service) -> None:
    run_id = service.store.add("early", request())
    with pytest.raises(RunConflict, match="found state queued, wanted done"):
        service.store.result_folder(service.store.get(run_id))
    with pytest.raises(RunConflict, match="leads outside"):
        service.store.folder_of("../elsewhere")
    with pytest.raises(TwinError, match="not in the run store"):
        service.store.get("no-such-run")


def test_store_with_another_schema_is_refused(tmp_path: Path) -> None:
    settings = Settings.from_environment(tmp_path, {})
    RunStore.open(settings)
    file = tmp_path / "runs.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(TwinError, match="found schema 9999, wanted 0001"):
        RunStore.open(settings)
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE ledger (id INTEGER)")
    with pytest.raises(TwinError, match=r"without a version \(tables ledger\)"):
        RunStore.open(dataclasses.replace(settings, database_url=f"sqlite:///{foreign}"))
    with sqlite3.connect(foreign) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("ledger",)]


def test_migrations_give_the_tables_of_the_model(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'migrated.sqlite'}")
    RunStore(engine, tmp_path)
    fresh = create_engine("sqlite://")
    Base.metadata.create_all(fresh)
    found, wanted = inspect(engine), inspect(fresh)
    describe = [{c["name"]: (str(c["type"]), c["nullable"]) for c in i.get_columns("runs")} for i in (found, wanted)]
    assert describe[0] == describe[1]
    assert found.get_pk_constraint("runs")["constrained_columns"] == ["id"]
    assert {i["name"] for i in found.get_indexes("runs")} == {i["name"] for i in wanted.get_indexes("runs")}
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == HEAD


def test_many_processes_may_create_the_store_at_once(tmp_path: Path) -> None:
    settings = Settings.from_environment(tmp_path, {})
    stores: list[RunStore] = []
    threads = [threading.Thread(target=lambda: stores.append(RunStore.open(settings))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores) == 4 and stores[0].count() == {}


@pytest.mark.parametrize(("variable", "value", "message"), [
    ("TWIN_DATABASE_URL", "mysql://host/name", "wanted sqlite"),
    ("TWIN_DATABASE_URL", "nonsense", "wanted a database URL"),
    ("TWIN_LEASE_S", "soon", "TWIN_LEASE_S: found 'soon'"),
    ("TWIN_LEASE_S", "-1", "TWIN_LEASE_S: found '-1'"),
    ("TWIN_DATA_URL", "s3://bucket/runs", "wanted a folder or a file"),
])
def test_bad_settings_say_what_was_wanted(tmp_path: Path, variable: str, value: str, message: str) -> None:
    with pytest.raises(TwinError, match=message):
        RunStore.open(Settings.from_environment(tmp_path, {variable: value}))


def test_settings_travel_through_the_environment(service: Service) -> None:
    assert Settings.from_environment(environment=service.settings.environment()) == service.settings
