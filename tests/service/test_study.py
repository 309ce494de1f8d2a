"""Studies on the embedded worker: members in parallel, tables, failure, resumption, interruption."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests_service import Service, request

from twin.errors import RunConflict, TwinError
from twin.store import CANCELLED, DONE, FAILED, code_version
from twin.study import StudyProgress, StudyResult, run_study
from twin.study_tables import summary
from worker import execution


@dataclass(frozen=True)
class Chip:
    name: str
    sets: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChipStudy:
    members: tuple[Chip, ...]
    name: str = "chips"
    label: str = ""
    question: str = "how warm?"
    kind: str = "list"


def request_of(member: Chip, inputs: Path) -> dict[str, object]:
    return request(*member.sets)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "kpis.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run(service: Service, study: ChipStudy, folder: Path, **options: Any) -> StudyResult:
    return run_study(study, service.submit, service.store, folder, request_of=request_of, **options)


def test_study_runs_in_parallel_records_failures_and_resumes(service: Service, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    study = ChipStudy((Chip("cool", ("heat_w=500", "pace_s=0.002", f"diary={diary}")),
                       Chip("warm", ("heat_w=1500", "pace_s=0.002", f"diary={diary}")),
                       Chip("diverging", ("diverge=1", f"diary={diary}"))))
    seen: list[StudyProgress] = []
    folder = tmp_path / "study"
    with service.worker(2) as worker:
        result = run(service, study, folder, on_progress=seen.append, check=worker.check)
        assert [(m.name, m.state) for m in result.members] == [("cool", DONE), ("warm", DONE), ("diverging", FAILED)]
        cool, warm, diverging = result.members
        assert cool.process_id not in (None, warm.process_id, worker.process_id)
        assert max(cool.started_at or 0, warm.started_at or 0) < min(cool.ended_at or 0, warm.ended_at or 0)
        assert result.failed == (diverging,) and diverging.message.startswith("the step is unstable")
        rows = table(folder)
        assert [(r["member"], r["kpi"], r["state"]) for r in rows] == [
            ("cool", "chip_end_c", "done"), ("cool", "nothing", "done"), ("warm", "chip_end_c", "done"),
            ("warm", "nothing", "done"), ("diverging", "", "failed")]
        assert float(rows[0]["value"]) == cool.kpis["chip_end_c"]["value"] and rows[1]["value"] == ""
        assert rows[4]["message"] == diverging.message
        assert json.loads((folder / "members" / "cool" / "kpis.json").read_text()) == cool.kpis
        assert not (folder / "members" / "diverging").exists()
        assert seen[-1].fraction == 1.0 and seen[-1].number(DONE) == 2
        assert any(0.0 < p.fraction < 1.0 and p.number("running") == 2 for p in seen)
        assert all(a.fraction <= b.fraction for a, b in zip(seen, seen[1:], strict=False))

        assert len(diary.read_text().splitlines()) == 3
        with pytest.raises(RunConflict, match="holds a study already; use --resume"):
            run(service, study, folder)
        changed = ChipStudy((study.members[0], Chip("warm", ("heat_w=1600",)), Chip("diverging", ("heat_w=700",)),
                             Chip("new")))
        again = run(service, changed, folder, resume=True, check=worker.check)
    assert again.study_id == result.study_id and again.reused == ("cool",)
    assert again.members[0] == cool and len(diary.read_text().splitlines()) == 3
    assert [m.state for m in again.members] == [DONE] * 4
    rise_k = {m.name: m.kpis["chip_end_c"]["value"] - 35.0 for m in again.members}
    assert rise_k["warm"] / rise_k["cool"] == pytest.approx(1600 / 500)  # the model is linear in heat
    wide = summary(again.members)
    assert wide["columns"][0] == {"kpi": "chip_end_c", "unit": "°C"} and len(wide["rows"]) == 4


def test_this_process_and_two_others_give_the_same_table(service: Service, tmp_path: Path) -> None:
    study = ChipStudy(tuple(Chip(f"m{n}", (f"heat_w={900 + n}",)) for n in range(6)))
    executor = execution.load_executor(service.settings.execute)

    def compute_here() -> None:
        for waiting in service.store.select():
            execution.execute(service.store, executor, waiting.id, stall_s=60.0)

    here = run_study(study, service.store.add, service.store, tmp_path / "here", request_of=request_of,
                     check=compute_here)
    with service.worker(2):
        there = run(service, study, tmp_path / "there")
    assert {m.process_id for m in here.members} == {os.getpid()}
    assert not {m.process_id for m in there.members} & {os.getpid(), None}
    assert (tmp_path / "here" / "kpis.csv").read_bytes() == (tmp_path / "there" / "kpis.csv").read_bytes()


def test_interrupted_study_keeps_what_is_done_and_goes_on(service: Service, tmp_path: Path) -> None:
    study = ChipStudy((Chip("quick"), Chip("slow", ("pace_s=0.002",)), Chip("last")))

    def interrupt(progress: StudyProgress) -> None:
        if progress.number(DONE) == 1:
            raise KeyboardInterrupt

    folder = tmp_path / "study"
    with service.worker(1):
        with pytest.raises(KeyboardInterrupt):
            run(service, study, folder, on_progress=interrupt)
        kept = json.loads((folder / "study.json").read_text())
        assert [m["name"] for m in kept["members"]] == ["quick"] and table(folder)[0]["state"] == "done"
        result = run(service, study, folder, resume=True)
    assert result.reused == ("quick",) and [m.state for m in result.members] == [DONE] * 3
    rows = {r.name: r for r in service.store.select(study_id=result.study_id)}
    assert len(service.store.select(study_id=result.study_id)) == 5  # quick once, the other two cancelled and run
    assert service.store.count(result.study_id) == {DONE: 3, CANCELLED: 2} and rows["last"].state == DONE


def test_study_whose_caller_was_killed_finds_its_runs_again(service: Service, tmp_path: Path) -> None:
    """The rows outlive the caller: what is done or under way is collected, not repeated."""
    study = ChipStudy((Chip("a"), Chip("b")))
    folder = tmp_path / "study"
    script = textwrap.dedent("""
        import os, sys
        from pathlib import Path
        import twin.store.runs, twin.study
        from test_study import Chip, ChipStudy, Service, run
        twin.study.code_version = twin.store.runs.code_version = lambda: sys.argv[3]
        run(Service(Path(sys.argv[1])), ChipStudy((Chip("a"), Chip("b"))), Path(sys.argv[2]),
            on_progress=lambda progress: os._exit(9))
    """)
    paths = [str(Path(__file__).parent), *filter(None, sys.path)]
    done = subprocess.run([sys.executable, "-c", script, str(service.settings.data_dir), str(folder),
                           code_version()],
                          env={"PYTHONPATH": ":".join(paths), "PATH": ""}, timeout=30.0)
    assert done.returncode == 9 and service.store.count() == {"queued": 2}
    with service.worker(2):
        result = run(service, study, folder, resume=True)
    assert [m.state for m in result.members] == [DONE, DONE] and service.store.count() == {DONE: 2}


def test_study_is_refused_before_anything_is_handed_in(service: Service, tmp_path: Path) -> None:
    with pytest.raises(TwinError, match="two members are named 'a'"):
        run(service, ChipStudy((Chip("A"), Chip("a"))), tmp_path / "twice")
    with pytest.raises(TwinError, match="wanted a folder name"):
        run(service, ChipStudy((Chip("../up"),)), tmp_path / "up")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").touch()
    with pytest.raises(RunConflict, match="folder with other content"):
        run(service, ChipStudy((Chip("a"),)), tmp_path / "full")
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "study.json").write_text(json.dumps({"format": 1, "name": "chips", "code_version": "0+old"}))
    with pytest.raises(RunConflict, match="found code_version '0\\+old'"):
        run(service, ChipStudy((Chip("a"),)), begun, resume=True)
    assert service.store.count() == {}
    assert not (tmp_path / "twice").exists() and not (tmp_path / "up").exists()


def test_study_ends_when_nobody_can_compute(service: Service, tmp_path: Path) -> None:
    def gone() -> None:
        raise TwinError("the local worker does not start")

    with pytest.raises(TwinError, match="does not start"):
        run(service, ChipStudy((Chip("a"),)), tmp_path / "study", check=gone)
    assert service.store.count() == {CANCELLED: 1}
