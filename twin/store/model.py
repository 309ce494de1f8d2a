"""The rows of the run store."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, Float, Index, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

QUEUED, RUNNING, DONE, FAILED, CANCELLED = STATES = ("queued", "running", "done", "failed", "cancelled")
FINAL = (DONE, FAILED, CANCELLED)


class Base(DeclarativeBase):
    type_annotation_map = {float: Float(53), dict[str, Any]: JSON}


class Run(Base):
    """One run: what was asked, who computes it and what came of it.

    Times are seconds since 1970 by the clock of the database, so that leases never compare two machines' clocks.
    ``attempt`` counts every execution begun and names the result folder; ``given_back`` counts those that a worker
    returned in good order, which do not use up the allowance.
    """

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    study_id: Mapped[str | None] = mapped_column(String(36))
    name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(10))
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    given_back: Mapped[int] = mapped_column(Integer, default=0)
    owner: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[float | None]
    rung_at: Mapped[float | None]
    progress: Mapped[float] = mapped_column(default=0.0)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    request: Mapped[dict[str, Any]]
    result_key: Mapped[str | None] = mapped_column(String(100))
    message: Mapped[str] = mapped_column(Text, default="")
    process_id: Mapped[int | None] = mapped_column(Integer)
    host: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    code_version: Mapped[str] = mapped_column(String(100))

    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="ck_runs_state"),
        Index("ix_runs_state_created_at", "state", "created_at"),
        Index("ix_runs_study_id", "study_id"),
    )
