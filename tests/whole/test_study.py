"""Holds when, 5: a study on the embedded worker: other processes, in parallel, the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from twin.results import open_results
from twin.simulate import simulate
from twin.spec.load import load_scenario

ROOT = Path(__file__).parents[2]
STUDY = """name: two
question: do two members run side by side?
members:
  - {name: calm, base: window, clock: {duration: 4min, warmup: 2min}}
  - {name: trip, base: cdu-pump-trip, clock: {start: "15:00", duration: 6min, warmup: 2min}}
"""


def test_members_run_in_other_processes_at_the_same_time_with_the_bits_of_this_one(tmp_path):
    made = subprocess.run(
        [sys.executable, "-m", "twin.cli", "init", "gb300-su", "site"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert made.returncode == 0, made.stderr
    file = tmp_path / "site" / "studies" / "two.yaml"
    file.write_text(STUDY)
    done = subprocess.run(
        [sys.executable, "-m", "twin.cli", "study", str(file), "--out", "out", "--workers", "2", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    members = {m["name"]: m for m in json.loads(done.stdout)["members"]}
    assert {m["state"] for m in members.values()} == {"done"}
    processes = {m["process_id"] for m in members.values()}
    assert len(processes) == 2 and os.getpid() not in processes
    assert max(m["started_at"] for m in members.values()) < min(m["ended_at"] for m in members.values())

    here = simulate(
        load_scenario(
            "cdu-pump-trip",
            facility=tmp_path / "site" / "facility.yaml",
            overrides=("clock.duration=6min", "clock.warmup=2min"),
        )
    )
    there = open_results(tmp_path / "out" / "members" / "trip")
    for name in here.results.arrays["1s"]:
        assert np.array_equal(here.results.arrays["1s"][name], np.asarray(there.arrays["1s"][name])), name
    assert here.results.counters.equals(there.counters)
    again = subprocess.run(
        [sys.executable, "-m", "twin.cli", "study", str(file), "--out", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert again.returncode == 1 and "--resume" in again.stderr
    assert (tmp_path / "out" / "kpis.csv").read_text().count("\n") > 60
