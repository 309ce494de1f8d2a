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
REFERENCE_SHARE_S = 3600.0


def _run(folder: Path, *sets: str) -> dict[str, Any]:
    folder.mkdir(parents=True)
    done = subprocess.run([sys.executable, "-c", ONE, str(folder), *sets], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def measure() -> dict[str, Any]:
    """The day at 1 s steps with recording; the reference solver runs its hottest hour and the day is its 24-fold."""
    from twin.results import open_results

    with tempfile.TemporaryDirectory() as place:
        hour = ("clock.start=14:00", "clock.duration=1h", "clock.warmup=10min")
        fast_hour = _run(Path(place) / "fast", *hour)
        slow_hour = _run(Path(place) / "slow", *hour, "solver=reference")
        fast, slow = (open_results(Path(place) / n) for n in ("fast", "slow"))
        for name, limit_k in COMPARED:
            off = float(np.max(np.abs(fast.series(name, "1s")[1] - slow.series(name, "1s")[1])))
            if off > limit_k:
                raise SystemExit(
                    f"gb300_su_day_s: {name} is {off:.4f} K off the reference, {limit_k} K allowed: no time"
                )
            print(f"{name}: {off:.5f} K off solve_ivp in the hottest hour (limit {limit_k} K)")
        day = _run(Path(place) / "day")
    ratio = slow_hour["cpu_s"] / fast_hour["cpu_s"]
    per_day = slow_hour["cpu_s"] * 86_400.0 / REFERENCE_SHARE_S
    print(
        f"day: {day['wall_s']:.1f} s wall, {day['cpu_s']:.1f} s CPU, "
        f"{1e3 * day['cpu_s'] / day['steps']:.3f} ms CPU a step ({day['steps']} steps), {day['peak_mb']:.0f} MB; "
        f"through solve_ivp {per_day:.0f} s CPU (24 x its hottest hour)"
    )
    return {
        "value": day["wall_s"],
        "unit": "s",
        "baseline": f"solve_ivp: {per_day:.0f} s CPU a day",
        "ratio": ratio,
        "cpu_s": day["cpu_s"],
        "peak_mb": day["peak_mb"],
        "cpu_ms_per_step": 1e3 * day["cpu_s"] / day["steps"],
    }
