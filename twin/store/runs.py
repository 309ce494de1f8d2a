"""The verbs of the run store. Each is one conditional statement; the row count says whether it held."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, case, func, insert, or_, select, update
from sqlalchemy.orm import Session

from twin.errors import RunConflict, TwinError
from twin.store.database import database_now_s, open_engine
from twin.store.model import CANCELLED, DONE, FAILED, FINAL, QUEUED, RUNNING, Run
from twin.store.schema import ensure_schema
from twin.store.settings import Settings
from twin.store.version import code_version

ATTEMPTS = 3


@dataclass(frozen=True)
class Claim:
    """What the owner of a fresh lease needs."""

    run_id: str
    owner: str
    attempt: int
    request: dict[str, Any]


@dataclass(frozen=True)
class Pulse:
    """What the owner of a running run reads from its row."""

    owned: bool
    cancel_requested: bool


class RunStore:
    """The truth about runs. A message about a run means only "look at this row"."""

    def __init__(self, engine: Engine, results_dir: Path, lease_s: float = Settings.lease_s):
        self.engine, self.results_dir, self.lease_s = engine, results_dir, lease_s
        ensure_schema(engine)

    @classmethod
    def open(cls, settings: Settings) -> RunStore:
        return cls(open_engine(settings.database_url), settings.results_dir, settings.lease_s)

    # -- what a submitter does ------------------------------------------------------------------------------------

    def add(self, name: str, request: Mapping[str, Any], study_id: str | None = None) -> str:
        """Commit a queued row and return its id; ring afterwards."""
        run_id = str(uuid.uuid4())
        now = database_now_s()
        with self.engine.begin() as connection:
            connection.execute(insert(Run).values(
                id=run_id, study_id=study_id, name=name, state=QUEUED, attempt=0, given_back=0, rung_at=now,
                progress=0.0, cancel_requested=False, request=dict(request), message="", created_at=now,
                code_version=code_version()))
        return run_id

    def request_cancel(self, run_id: str) -> str:
        """Cancel at once what waits, flag what runs; returns the state afterwards."""
        with self.engine.begin() as connection:
            waits = Run.state == QUEUED
            connection.execute(update(Run).where(Run.id == run_id, Run.state.in_((QUEUED, RUNNING))).values(
                cancel_requested=True, state=case((waits, CANCELLED), else_=Run.state),
                ended_at=case((waits, database_now_s()), else_=Run.ended_at),
                message=case((waits, "cancelled while queued"), else_=Run.message)))
        return self.get(run_id).state

    def get(self, run_id: str) -> Run:
        with Session(self.engine) as session:
            run = session.get(Run, run_id)
            if run is None:
                raise TwinError(f"run {run_id}: not in the run store {self.engine.url.render_as_string()}")
            session.expunge(run)
            return run

    def select(self, *, study_id: str | None = None, run_ids: Iterable[str] | None = None) -> list[Run]:
        """Rows of a study or of a set of ids, oldest first."""
        statement = select(Run).order_by(Run.created_at, Run.id)
        if study_id is not None:
            statement = statement.where(Run.study_id == study_id)
        wanted = None if run_ids is None else list(run_ids)
        with Session(self.engine) as session:
            if wanted is None:
                runs = list(session.scalars(statement))
            else:
                runs = [run for first in range(0, len(wanted), 500)
                        for run in session.scalars(statement.where(Run.id.in_(wanted[first:first + 500])))]
            session.expunge_all()
        return runs

    def count(self, study_id: str | None = None) -> dict[str, int]:
        """Number of runs in each state."""
        statement = select(Run.state, func.count()).group_by(Run.state)
        if study_id is not None:
            statement = statement.where(Run.study_id == study_id)
        with self.engine.connect() as connection:
            return {state: number for state, number in connection.execute(statement)}

    def result_folder(self, run: Run) -> Path:
        """The published folder of a run that is done."""
        if run.state != DONE or run.result_key is None:
            raise RunConflict(f"run {run.id} ({run.name}): found state {run.state}, wanted done; it has no result")
        return self.folder_of(run.result_key)

    def folder_of(self, result_key: str) -> Path:
        folder = (self.results_dir / result_key).resolve()
        if not folder.is_relative_to(self.results_dir.resolve()):
            raise RunConflict(f"result key {result_key!r}: leads outside {self.results_dir}")
        return folder

    # -- what an owner does ---------------------------------------------------------------------------------------

    def claim(self, run_id: str, owner: str, process_id: int, host: str) -> Claim | None:
        """Become the owner of a run that waits or whose lease has expired; None if it is not to be had."""
        now = database_now_s()
        free = or_(Run.state == QUEUED, and_(Run.state == RUNNING, Run.lease_until < now))
        with self.engine.begin() as connection:
            row = connection.execute(
                update(Run)
                .where(Run.id == run_id, free, Run.attempt - Run.given_back < ATTEMPTS, Run.cancel_requested.is_(False))
                .values(state=RUNNING, owner=owner, attempt=Run.attempt + 1, lease_until=now + self.lease_s,
                        process_id=process_id, host=host, started_at=now, progress=0.0, message="")
                .returning(Run.attempt, Run.request)).first()
        return None if row is None else Claim(run_id, owner, row.attempt, row.request)

    def beat(self, run_id: str, owner: str, progress: float) -> bool:
        """Extend the lease; False means it is lost."""
        return self._mine(run_id, owner, lease_until=database_now_s() + self.lease_s, progress=progress)

    def pulse(self, run_id: str, owner: str) -> Pulse:
        """Read, without writing, whether the run is still owned and whether somebody wants it cancelled."""
        with self.engine.connect() as connection:
            row = connection.execute(select(Run.owner, Run.state, Run.cancel_requested).where(Run.id == run_id)).first()
        owned = row is not None and row.owner == owner and row.state == RUNNING
        return Pulse(owned, bool(row.cancel_requested) if row is not None else False)

    def finish(self, run_id: str, owner: str, state: str, *, result_key: str | None = None, message: str = "") -> bool:
        """Publish the end of a run, once, by its owner only."""
        if state not in FINAL or (state == DONE) != (result_key is not None):
            raise ValueError(f"finish: state {state!r} with result key {result_key!r}")
        end: dict[str, Any] = {"progress": 1.0} if state == DONE else {}
        return self._mine(run_id, owner, state=state, result_key=result_key, message=message, lease_until=None,
                          ended_at=database_now_s(), **end)

    def give_back(self, run_id: str, owner: str) -> bool:
        """Return a run to the queue in good order; the attempt does not count. One to be cancelled is cancelled."""
        unwanted, now = Run.cancel_requested.is_(True), database_now_s()
        return self._mine(run_id, owner, state=case((unwanted, CANCELLED), else_=QUEUED), lease_until=None,
                          rung_at=None, ended_at=case((unwanted, now), else_=None),
                          given_back=Run.given_back + 1, progress=0.0,
                          message=case((unwanted, "cancelled while running"), else_=""))

    def unring(self, run_id: str) -> None:
        """Note that the message of a waiting run has been taken by a worker that does not compute it."""
        with self.engine.begin() as connection:
            connection.execute(update(Run).where(Run.id == run_id, Run.state == QUEUED).values(rung_at=None))

    def _mine(self, run_id: str, owner: str, **values: Any) -> bool:
        with self.engine.begin() as connection:
            changed = connection.execute(
                update(Run).where(Run.id == run_id, Run.owner == owner, Run.state == RUNNING).values(**values)).rowcount
        return changed == 1

    # -- what a reaper does ---------------------------------------------------------------------------------------

    def reap(self, *, idle_slots: int, queued_stale_s: float) -> list[str]:
        """End or re-queue runs whose owner is gone, and find waiting runs whose message was lost.

        Parameters
        ----------
        idle_slots : int
            Free places of the worker that asks. Only an idle worker can tell that a message was lost, so at most this
            many waiting runs are announced again, and a long queue never fills with repeated messages.
        queued_stale_s : float
            A run that was last announced less than this ago is left alone [s].

        Returns
        -------
        list of str
            Ids to ring, after the commit.
        """
        now = database_now_s()
        expired = and_(Run.state == RUNNING, Run.lease_until < now)
        unwanted = Run.cancel_requested.is_(True)
        spent = Run.attempt - Run.given_back >= ATTEMPTS
        with self.engine.begin() as connection:
            connection.execute(update(Run).where(expired, unwanted).values(
                state=CANCELLED, ended_at=now, lease_until=None, message="cancelled; its worker was lost"))
            connection.execute(update(Run).where(expired, spent, ~unwanted).values(
                state=FAILED, ended_at=now, lease_until=None, message=f"worker lost {ATTEMPTS} times"))
        rung = self._ring(and_(expired, ~spent, ~unwanted), state=QUEUED, owner=None, lease_until=None, progress=0.0)
        if idle_slots > 0:
            stale = and_(Run.state == QUEUED, or_(Run.rung_at.is_(None), Run.rung_at < now - queued_stale_s))
            oldest = select(Run.id).where(stale).order_by(Run.created_at, Run.id).limit(idle_slots).scalar_subquery()
            rung += self._ring(and_(stale, Run.id.in_(oldest)))
        return rung

    def unrung(self) -> list[str]:
        """Waiting runs for which no message is under way, such as those given back; to be rung after the commit."""
        return self._ring(and_(Run.state == QUEUED, Run.rung_at.is_(None)))

    def _ring(self, condition: ColumnElement[bool], **values: Any) -> list[str]:
        with self.engine.begin() as connection:
            found = connection.execute(
                update(Run).where(condition).values(rung_at=database_now_s(), **values)
                .returning(Run.id), execution_options={"synchronize_session": False})
            return sorted(found.scalars())
