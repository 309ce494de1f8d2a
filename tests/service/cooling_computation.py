"""A small real computation for the service's tests: a chip cools a heat load through one resistance.

C dT/dt = Q - (T - T_coolant) / R, by explicit steps; the closed form is T = T_coolant + Q R (1 - exp(-t / (R C))).
``sets`` carries what a test wants to vary, as ``name=value``.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twin.errors import SolverError

COOLANT_C, RESISTANCE_K_W, CAPACITY_J_K = 35.0, 0.02, 400.0


@dataclass(frozen=True)
class RunRequest:
    facility: str
    scenario: str | None = None
    duration_s: float | None = None
    step_s: float | None = None
    seed: int | None = None
    sets: list[str] = field(default_factory=list)
    usd: bool = False


def execute(request: RunRequest, out_dir: Path, *, progress: Callable[[float], None],
            should_stop: Callable[[], str | None]) -> dict[str, Any]:
    sets = dict(text.split("=", 1) for text in request.sets)
    heat_w = float(sets.get("heat_w", "1000"))
    duration_s, step_s = request.duration_s or 8.0, request.step_s or 0.01
    pace_s = float(sets.get("pace_s", "0"))  # wall time per step: makes a run long enough to be met while running
    diary = sets.get("diary")
    if diary:
        with open(diary, "a", encoding="utf-8") as lines:
            lines.write(f"{os.getpid()}\n")
    if sets.get("diverge") == "1":
        raise SolverError("the step is unstable", t_s=1.0, state="chip_c[0]")
    if sets.get("hang") == "1":
        time.sleep(3600.0)
    chip_c, steps = COOLANT_C, round(duration_s / step_s)
    for step in range(steps):
        reason = should_stop()
        if reason is not None:
            break
        if step == 3 and sets.get("poison") == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        chip_c += step_s * (heat_w - (chip_c - COOLANT_C) / RESISTANCE_K_W) / CAPACITY_J_K
        if pace_s:
            time.sleep(pace_s)
        progress((step + 1) / steps)
    kpis = {"chip_end_c": {"value": chip_c, "unit": "°C", "definition": "chip temperature at the end"},
            "nothing": {"value": None, "unit": "s", "definition": "a value that does not exist"}}
    (out_dir / "kpis.json").write_text(json.dumps(kpis), encoding="utf-8")
    return kpis
