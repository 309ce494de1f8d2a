"""Running one FMU alone, with constant inputs: what `twin fmu run` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from twin.errors import FmuError
from twin.fmu.description import FmuInfo, inspect_fmu
from twin.fmu.host import FmuHost


@dataclass(frozen=True)
class FmuRun:
    """time_s : instants from the start on; values : variable -> value at each of them, in the unit's own units."""

    info: FmuInfo
    time_s: tuple[float, ...]
    values: Mapping[str, tuple[float, ...]]
    slowest_step_s: float


def run_fmu(path: str | Path, *, duration_s: float, step_s: float = 1.0, start_s: float = 0.0,
            inputs: Mapping[str, float] | None = None, start: Mapping[str, float] | None = None,
            outputs: Sequence[str] | None = None, step_limit_s: float = 30.0) -> FmuRun:
    """Run an FMU with held inputs.

    Parameters
    ----------
    path : .fmu file
    duration_s, step_s, start_s : the last step is shorter where the step does not divide the duration
    inputs : input name -> value held; the others keep the unit's start values
    start : start values of parameters and states
    outputs : variables to record; default every real output, or every real local variable where there is no output
    step_limit_s : longest time for one step

    Returns
    -------
    FmuRun

    Raises
    ------
    FmuError : the unit cannot be loaded, crashes, hangs or gives numbers that are not finite
    """
    if not (step_s > 0 and duration_s > 0):
        raise FmuError(f"duration {duration_s:g} s and step {step_s:g} s, wanted both above zero")
    info = inspect_fmu(path)
    held = dict(inputs or {})
    if outputs is None:
        real = [v for v in info.variables.values() if v.kind == "Real"]
        outputs = [v.name for v in real if v.causality == "output"] or [v.name for v in real if v.causality == "local"]
    times, rows = [start_s], []
    with FmuHost(path, list(held), outputs, start, step_limit_s=step_limit_s) as host:
        rows.append(host.open(start_s))
        steps = 0
        while times[-1] < start_s + duration_s:
            begin = times[-1]
            steps += 1
            end = min(start_s + steps * step_s, start_s + duration_s)
            rows.append(host.step(begin, end - begin, list(held.values())))
            times.append(end)
        slowest_s = host.slowest_s
    values = {name: tuple(row[k] for row in rows) for k, name in enumerate(outputs)}
    return FmuRun(info, tuple(times), values, slowest_s)


__all__ = ["FmuRun", "inspect_fmu", "run_fmu"]
