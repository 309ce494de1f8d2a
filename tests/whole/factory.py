"""The reference factory for the whole-line tests: scenarios by name, runs and snapshots made once a session."""

from __future__ import annotations

from functools import cache
from typing import Any

from twin.contract import SECOND
from twin.simulate import Experiment, Run, SavePolicy, Snapshot, simulate
from twin.spec.load import load_scenario
from twin.spec.scenario import Scenario

SHORT = ("clock.warmup=20min",)


@cache
def scenario(name: str | None = None, *overrides: str) -> Scenario:
    """A resolved scenario of the reference project."""
    return load_scenario(name, facility="gb300-su", overrides=(*SHORT, *overrides))


@cache
def run(name: str | None = None, *overrides: str, until_s: float | None = None) -> Run:
    """A whole run in memory."""
    return simulate(scenario(name, *overrides), until=None if until_s is None else int(until_s * SECOND))


@cache
def warm(name: str | None = None, *overrides: str, at_s: float = 60.0) -> Snapshot:
    """A snapshot `at_s` into a scenario."""
    return simulate(scenario(name, *overrides), until=int(at_s * SECOND)).end


def fork(
    start: Snapshot,
    name: str | None,
    *overrides: str,
    until_s: float,
    experiment: Experiment = Experiment(),
    save: SavePolicy = SavePolicy(),
) -> Run:
    """Go on from a snapshot under another script."""
    return simulate(
        scenario(name, *overrides), start=start, until=int(until_s * SECOND), experiment=experiment, save=save
    )


def kinds(run: Run) -> list[tuple[float, str, str]]:
    """(time, element, kind) of every event."""
    return [(e["t_s"], e["element"], e["kind"]) for e in run.results.events]


def tokens(run: Run) -> float:
    return run.results.total("tokens_delivered") + run.results.total("training_tokens")


def events_of(run: Run, kind: str) -> list[dict[str, Any]]:
    return [dict(e) for e in run.results.events if e["kind"] == kind]
