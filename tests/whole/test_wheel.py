"""Holds when, 9: the built wheel alone, in a fresh environment, runs the first command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def call(*command, cwd, **more):
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=900, **more)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


def installer():
    """uv where the set-up put it, else pip of a new environment."""
    local = ROOT / ".venv" / "tools" / "bin" / "uv"
    return shutil.which("uv") or (str(local) if local.exists() else None)


def test_the_wheel_alone_runs_the_reference_factory(tmp_path):
    clean = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    wheel = next(tmp_path.glob("*.whl"))
    env = tmp_path / "env"
    python = env / "bin" / "python"
    uv = installer()
    if uv:
        call(uv, "venv", "--quiet", "--python", sys.executable, env, cwd=tmp_path, env=clean)
        call(
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            python,
            "-c",
            ROOT / "requirements.lock",
            wheel,
            cwd=tmp_path,
            env=clean,
        )
    else:
        call(sys.executable, "-m", "venv", env, cwd=tmp_path, env=clean)
        call(
            python, "-m", "pip", "install", "--quiet", "-c", ROOT / "requirements.lock", wheel, cwd=tmp_path, env=clean
        )
    said = call(env / "bin" / "twin", "run", "gb300-su", "--duration", "10min", "--json", cwd=tmp_path, env=clean)
    found = json.loads(said)
    assert found["run"]["simulated_s"] == 600.0 and found["kpis"]["tokens_per_second"]["value"] > 0
    folder = tmp_path / found["folder"]
    assert (folder / "report.html").exists() and (folder / "scene" / "datahall.usda").exists()
    assert "gb300-su" in call(env / "bin" / "twin", "init", cwd=tmp_path, env=clean)
