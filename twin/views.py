"""Static views of a facility and of foreign files, as plain data: what `twin fabric|power|cool|usd|fmu` print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twin.errors import FmuError, Problem, SpecError
from twin.plant import build_plant
from twin.results import open_results
from twin.spec.clock import duration_us
from twin.spec.load import load_facility, load_scenario
from twin.wiring import build_components, plant_axes


def scene_of(source: str, out_dir: Path) -> tuple[Path, list[str]]:
    """Write the scene of a run folder (with results) or of a facility (static); returns its path and the findings."""
    from usd_export import check_scene, write_scene

    folder = Path(source)
    is_run = (folder / "results.zarr").exists()
    facility = load_facility(folder / "facility.yaml" if is_run else source)
    plant = build_plant(facility)
    if is_run:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        named = {"run_id": folder.resolve().name, **run}
        path = write_scene(facility, plant.catalogue, open_results(folder), out_dir, run=named)
    else:
        plant_axes(plant, build_components(plant, load_scenario(None, facility=facility)))
        path = write_scene(facility, plant.catalogue, None, out_dir, axes=plant.axes)
    return path, check_scene(path)


def fabric_summary(facility: str, sets: Sequence[str]) -> Any:
    """Counts, bill of materials, bisection and N-1 of the fabric."""
    from twin.components.network import summarise_fabric

    plant = build_plant(load_facility(facility, sets))
    return summarise_fabric(plant.facility, plant.catalogue)


def power_summary(facility: str, sets: Sequence[str]) -> Any:
    """Design-point loading, single points of failure, N-1 and availability of the power path."""
    from twin.components.electrical import summarise_power

    plant = build_plant(load_facility(facility, sets))
    return summarise_power(plant.facility, plant.catalogue)


def cooling_summary(facility: str, sets: Sequence[str]) -> Any:
    """The cooling at its design point, simulated to rest at nameplate heat on the design day."""
    from twin.design_point import cooling_design_point

    return cooling_design_point(load_facility(facility, sets))


def inspect_data(file: Path) -> Any:
    """What an FMU is and offers."""
    from dataclasses import asdict

    from twin.fmu.description import inspect_fmu

    if not file.is_file():
        raise SpecError([Problem(str(file), 1, "(file)", "no such file", "an .fmu file")])
    info = asdict(inspect_fmu(file))
    info["units"] = sorted(info["units"])
    info["variables"] = [v for _, v in sorted(info["variables"].items())]
    return info


def run_fmu_alone(file: Path, duration: str, step: str, sets: Sequence[str]) -> Any:
    """Step an FMU with constant inputs and return its outputs over time."""
    from dataclasses import asdict

    from twin.fmu.run import run_fmu

    values: dict[str, float] = {}
    problems = []
    for text in sets:
        name, _, value = text.partition("=")
        try:
            values[name] = float(value)
        except ValueError:
            problems.append(Problem("(command line)", 1, name, repr(value), "VARIABLE=NUMBER"))
    if problems:
        raise SpecError(problems)
    if not file.is_file():
        raise FmuError(f"{file}: no such file")
    done = asdict(run_fmu(file, duration_s=duration_us(duration) / 1e6, step_s=duration_us(step) / 1e6, inputs=values))
    times, series = done.pop("time_s"), done.pop("values")
    rows = [{"time_s": t, **{n: v[i] for n, v in series.items()}} for i, t in enumerate(times)]
    return {**done, "outputs": rows}
