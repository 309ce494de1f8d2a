"""A run as a user orders it: from a request to a self-contained run folder."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from twin.errors import RunConflict, TwinError
from twin.kpi import compute_kpis, throttle_limits_c
from twin.loading import loadings, write_loadings
from twin.results import open_results
from twin.simulate import Run, SavePolicy, peak_memory_mb, simulate
from twin.spec.load import load_scenario
from twin.spec.resolved import resolved_yaml, spec_hash
from twin.spec.scenario import Scenario

RUN_FORMAT = 1


@dataclass(frozen=True)
class RunRequest:
    """What is to be simulated, as JSON-able values. None: as the files say."""

    facility: str | None = None
    scenario: str | None = None
    duration_s: float | None = None
    step_s: float | None = None
    seed: int | None = None
    sets: list[str] = field(default_factory=list)
    usd: bool = True

    def overrides(self) -> list[str]:
        """The request's own settings as `path=value`, after the user's: the command line wins over the file."""
        out = list(self.sets)
        if self.duration_s is not None:
            out.append(f"clock.duration={self.duration_s!r}")
        if self.step_s is not None:
            out.append(f"clock.step={self.step_s!r}")
        if self.seed is not None:
            out.append(f"seed={self.seed}")
        return out


def resolve(request: RunRequest) -> Scenario:
    """The checked scenario of a request (SpecError lists every problem)."""
    return load_scenario(request.scenario, facility=request.facility, overrides=request.overrides())


def execute(
    request: RunRequest,
    out_dir: Path,
    *,
    progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], str | None] = lambda: None,
) -> dict[str, Any]:
    """Simulate and write the run folder; returns the KPIs.

    Raises
    ------
    SpecError : bad input, before anything is written. TwinError : the run failed or was stopped
    """
    scenario = resolve(request)
    done = run_into(scenario, out_dir, request=request, progress=progress, should_stop=should_stop)
    if done.stopped:
        raise TwinError(f"stopped at t = {done.end.t / 1e6:.0f} s: {done.stopped}")
    kpis: dict[str, Any] = json.loads((out_dir / "kpis.json").read_text(encoding="utf-8"))
    return kpis


def run_into(
    scenario: Scenario,
    out_dir: Path,
    *,
    request: RunRequest = RunRequest(),
    progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], str | None] = lambda: None,
    stage: Callable[[str], None] = lambda text: None,
) -> Run:
    """Simulate a scenario into `out_dir`: results, KPIs, report and scene. An interrupted run keeps what it has."""
    from twin.replay import replay_check
    from twin.report import write_report

    out_dir.mkdir(parents=True, exist_ok=True)
    if (out_dir / "run.json").exists() or (out_dir / "results.zarr").exists():
        raise RunConflict(f"{out_dir}: holds a run already; name another folder")
    (out_dir / "facility.yaml").write_text(resolved_yaml(scenario.facility), encoding="utf-8")
    (out_dir / "scenario.yaml").write_text(resolved_yaml(scenario), encoding="utf-8")
    write_json(out_dir / "run.json", {**_provenance(scenario, request), "state": "running"})
    try:
        run = simulate(scenario, save=SavePolicy(out_dir), progress=progress, should_stop=should_stop)
    except Exception as error:
        write_json(out_dir / "run.json", {**_provenance(scenario, request), "state": "failed", "message": str(error)})
        raise
    stage("KPIs")
    kpis = compute_kpis(run.results, run.plant, scenario)
    write_json(out_dir / "kpis.json", kpis)
    write_loadings(out_dir, list(loadings(run.results, run.plant, throttle_limits_c(run.plant))))
    stage("replay request by request")
    replay = replay_check(scenario, run.plant, run.results)
    write_json(
        out_dir / "run.json",
        {
            **_provenance(scenario, request),
            "state": "stopped" if run.stopped else "done",
            "stopped": run.stopped,
            "simulated_s": run.results.duration_s,
            "wall_s": run.wall_s,
            "cpu_s": run.cpu_s,
            "steps": run.steps,
            "cpu_ms_per_step": 1e3 * run.cpu_s / max(run.steps, 1),
            "peak_memory_mb": peak_memory_mb(),
            "replay": replay,
        },
    )
    if request.usd:
        stage("OpenUSD scene")
        from usd_export import write_scene

        write_scene(
            scenario.facility,
            run.plant.catalogue,
            open_results(out_dir),
            out_dir / "scene",
            run={"run_id": out_dir.name, **_provenance(scenario, request)},
        )
    stage("report")
    write_report(out_dir)
    return run


def free_folder(parent: Path, name: str) -> Path:
    """The first of name, name-2, name-3, … that does not exist below `parent`, made here: no run overwrites another."""
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all, and no NaN."""
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(json.dumps(value, indent=1, allow_nan=False, default=str) + "\n", encoding="utf-8")
    os.replace(part, path)


def _provenance(scenario: Scenario, request: RunRequest) -> dict[str, Any]:
    packages = ("aifactory-twin", "numpy", "scipy", "numba", "networkx", "pvlib", "zarr", "usd-core")
    return {
        "format": RUN_FORMAT,
        "facility": scenario.facility.name,
        "scenario": scenario.name,
        "question": scenario.question,
        "hypothesis": scenario.hypothesis,
        "request": asdict(request),
        "seed": scenario.seed,
        "solver": scenario.solver,
        "weather": str(scenario.weather),
        "date": scenario.date,
        "start": scenario.clock.start.isoformat(),
        "step_s": scenario.clock.step_s,
        "facility_sha256": spec_hash(scenario.facility),
        "scenario_sha256": spec_hash(scenario),
        "versions": {p: version(p) for p in packages},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "process_id": os.getpid(),
    }
