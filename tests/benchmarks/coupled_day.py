"""The whole coupled day of the reference factory, and the same day through solve_ivp, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ONE = """
import json, sys, time
from pathlib import Path
from twin.run import RunRequest, resolve
from twin.simulate import SavePolicy, peak_memory_mb, simulate
folder, *sets = sys.argv[1:]
scenario = resolve(RunRequest("gb300-su", None, None, None, None, sets, False))
simulate(scenario, until=60_000_000)  # compiled code is loaded before the clock starts
run = simulate(scenario, save=SavePolicy(Path(folder)))
print(json.dumps({"wall_s": run.wall_s, "cpu_s": run.cpu_s, "steps": run.steps, "peak_mb": peak_memory_mb()}))
"""
COMPARED = (("chip_c", 0.05), ("tcs_supply_c", 0.02), ("fws_supply_c", 0.02), ("rack_return_c", 0.05))


def _run(folder: Path, *sets: str) -> dict[str, Any]:
    folder.mkdir(parents=True)
    done = subprocess.run([sys.executable, "-c", ONE, str(folder), *sets], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def measure() -> dict[str, Any]:
    """The day at 1 s steps with recording; it counts only if it equals the day through solve_ivp."""
    from twin.results import open_results

    with tempfile.TemporaryDirectory() as place:
        fast_day = _run(Path(place) / "fast")
        slow_day = _run(Path(place) / "slow", "solver=reference")
        fast, slow = (open_results(Path(place) / n) for n in ("fast", "slow"))
        for name, limit_k in COMPARED:
            off = float(np.max(np.abs(fast.series(name, "1s")[1] - slow.series(name, "1s")[1])))
            if off > limit_k:
                raise SystemExit(f"{name} is {off:.4f} K off the reference, {limit_k} K allowed: no time")
            print(f"{name}: at most {off:.5f} K off solve_ivp in the day (limit {limit_k} K)")
    per_step = [1e3 * day["cpu_s"] / day["steps"] for day in (fast_day, slow_day)]
    print(
        f"day: {fast_day['wall_s']:.1f} s wall, {per_step[0]:.3f} ms CPU a step, {fast_day['peak_mb']:.0f} MB; through "
        f"solve_ivp {slow_day['wall_s']:.1f} s wall, {per_step[1]:.3f} ms CPU a step"
    )
    return {
        "value": fast_day["wall_s"],
        "unit": "s",
        "baseline": f"solve_ivp {slow_day['wall_s']:.0f} s",
        "ratio": slow_day["cpu_s"] / fast_day["cpu_s"],
        "cpu_s": fast_day["cpu_s"],
        "peak_mb": fast_day["peak_mb"],
        "cpu_ms_per_step": per_step[0],
    }
