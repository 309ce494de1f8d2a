"""The study: scenarios that belong together, run in parallel and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from twin.spec.facility import Name
from twin.spec.model import Spec
from twin.spec.scenario import Scenario

MemberFile = Annotated[str, StringConstraints(min_length=1, max_length=400)]


class StudySpec(Spec):
    """Top level of a study file. members: names or files of scenarios, or maps of their own (laid over `base`)."""

    name: Name
    label: str = ""
    question: str = ""
    kind: Literal["list"] = "list"
    base: MemberFile | None = None
    members: Annotated[list[MemberFile | dict[str, Any]], Field(min_length=1, max_length=100_000)]
    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    note: str = ""


@dataclass(frozen=True)
class Study:
    """Resolved: every member is a scenario ready to run."""

    name: str
    label: str
    question: str
    kind: str
    members: tuple[Scenario, ...]
    workers: int | None
    spec: StudySpec
