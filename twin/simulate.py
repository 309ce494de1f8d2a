"""One run: spec -> plant -> coupled components -> results. Every way in ends here."""

from __future__ import annotations

import gc
import hashlib
import json
import resource
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from twin.contract import SECOND, Component, Us
from twin.coupling import Coupling, Hold, StepRecord
from twin.errors import RunConflict, TwinError
from twin.plant import Plant, build_plant
from twin.recording import Recorder, describe, results_of
from twin.results import MemorySink, Results, ZarrSink
from twin.snapshot import Snapshot
from twin.spec.scenario import Scenario
from twin.wiring import build_components, plant_axes

Progress = Callable[[float], None]


@dataclass(frozen=True)
class SavePolicy:
    """What a run keeps. folder: results stream there (else memory). snapshots: instants [µs] at which to take one."""

    folder: Path | None = None
    snapshots: tuple[Us, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """Counterfactuals on the coupling itself, for tests and explanations: a held signal, an exchange falsified."""

    hold: Hold | None = None
    tamper: Mapping[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What came out. stopped: why the run ended before its time, or ""."""

    results: Results
    snapshots: Mapping[Us, Snapshot]
    end: Snapshot
    plant: Plant
    stopped: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    steps: int = 0


def ignore(fraction: float) -> None:
    """Progress that nobody watches."""


def simulate(scenario: Scenario, *, start: Snapshot | None = None, until: Us | None = None,
             save: SavePolicy = SavePolicy(), progress: Progress = ignore,
             should_stop: Callable[[], str | None] = lambda: None, experiment: Experiment = Experiment()) -> Run:
    """Simulate a resolved scenario.

    Parameters
    ----------
    scenario : resolved and checked
    start : go on from a snapshot instead of a warm-up; it must stem from the same facility, load, weather and seed
    until : end [µs since clock.start]; default the clock's duration
    progress : called with the fraction done; should_stop : returns a reason to stop early

    Raises
    ------
    WiringError, SolverError, FmuError, RunConflict
    """
    plant = build_plant(scenario.facility, scenario.workload)
    components = build_components(plant, scenario)
    until = scenario.clock.duration_us if until is None else until
    return couple(plant, components, scenario, start, until, save, progress, should_stop, experiment)


def couple(plant: Plant, components: Sequence[Component], scenario: Scenario, start: Snapshot | None, until: Us,
           save: SavePolicy, progress: Progress, should_stop: Callable[[], str | None], experiment: Experiment) -> Run:
    """Wire, warm up or load, step, record."""
    axes = plant_axes(plant, components)
    coupling = Coupling(components, axes, scenario.clock.step_us, experiment.tamper, experiment.hold)
    quantities = describe(coupling.ports)
    minute_only = frozenset(p.name for p in coupling.ports.values() if p.record == "minute")
    digest = plan_hash(scenario)
    if start is None:
        _warm_up(coupling, scenario.clock.warmup_us)
    elif start.plan_hash != digest:
        raise RunConflict("the snapshot stems from another facility, load, weather or seed than this scenario")
    else:
        coupling.load(start.coupling)
    sink = (ZarrSink(save.folder, axes, quantities, minute_only) if save.folder
            else MemorySink(axes, quantities, minute_only))
    recorder = Recorder(coupling, sink)
    begun = coupling.t
    if start is None:
        recorder.begin(begun)
    else:
        recorder.load(start.recorder, begun)
    snapshots: dict[Us, Snapshot] = {}
    wall, cpu = time.monotonic(), time.process_time()
    stopped = ""
    steps = 0

    def keep(step: StepRecord) -> None:
        nonlocal steps
        steps += 1
        recorder(step)

    gc.collect()
    gc.freeze()  # what stands before the loop is not searched for garbage in every few steps
    try:
        with _Interrupt() as interrupt:
            for mark in _milestones(begun, until, save.snapshots):
                coupling.run(mark, keep)
                if mark in save.snapshots:
                    snapshots[mark] = Snapshot(mark, coupling.save(), recorder.save(), digest)
                progress((mark - begun) / max(until - begun, 1))
                stopped = "interrupted" if interrupt.asked else should_stop() or ""
                if stopped:
                    break
            end = Snapshot(coupling.t, coupling.save(), recorder.save(), digest)
            recorder.end(coupling.t)
    finally:
        gc.unfreeze()
        _close(components)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    meta = {"t0_s": begun / SECOND, "t_end_s": coupling.t / SECOND}
    return Run(results_of(recorder, meta), snapshots, end, plant, stopped, wall, cpu, steps)


class _Interrupt:
    """Ctrl-C asks the run to stop at the next simulated minute, never inside a step or a write; twice ends at once."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> _Interrupt:
        self.mine = threading.current_thread() is threading.main_thread()
        if self.mine:
            self.before = signal.signal(signal.SIGINT, self._ask)
        return self

    def _ask(self, *_: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __exit__(self, *_: object) -> None:
        if self.mine:
            signal.signal(signal.SIGINT, self.before)


def _warm_up(coupling: Coupling, warmup: Us) -> None:
    """Step from t < 0 at the held inputs of t = 0 and forget what happened."""
    coupling.start(-warmup)
    coupling.run(0)
    coupling.forget_history()


def _milestones(begun: Us, until: Us, snapshots: Sequence[Us]) -> list[Us]:
    """Instants at which to look up: every simulated minute, the snapshots, the end."""
    minute = 60 * SECOND
    marks = set(range((begun // minute + 1) * minute, until, minute)) | {until}
    return sorted(marks | {t for t in snapshots if begun <= t <= until})


def _close(components: Sequence[Component]) -> None:
    for component in components:
        close = getattr(component, "close", None)
        if close is not None:
            close()


def plan_hash(scenario: Scenario) -> str:
    """Digest of all that a fork must share with its parent: everything but the script and the clock."""
    text = json.dumps([scenario.facility.model_dump(mode="json"), scenario.workload.model_dump(mode="json"),
                       str(scenario.weather), str(scenario.clock.start), scenario.seed, scenario.solver],
                      sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def peak_memory_mb() -> float:
    """Peak resident memory of this process [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


__all__ = ["Experiment", "Run", "SavePolicy", "Snapshot", "TwinError", "plan_hash", "simulate"]
