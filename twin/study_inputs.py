"""A resolved member as files that any worker can read, and the request that names them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from twin.spec.resolved import resolved_scenario, resolved_yaml, to_yaml
from twin.spec.scenario import Scenario


def scenario_request(scenario: Scenario, inputs: Path) -> dict[str, Any]:
    """Write ``facility-<digest>.yaml`` (shared by equal members) and ``<name>.yaml`` into `inputs`.

    The files hold everything: what the study's own files become later does not matter to the run.
    """
    facility = resolved_yaml(scenario.facility)
    facility_file = inputs / f"facility-{hashlib.sha256(facility.encode()).hexdigest()[:12]}.yaml"
    scenario_file = inputs / f"{scenario.name}.yaml"
    _write(facility_file, facility)
    _write(scenario_file, to_yaml(resolved_scenario(scenario, facility_file.name)))
    return {"facility": str(facility_file), "scenario": str(scenario_file), "duration_s": None, "step_s": None,
            "seed": None, "sets": [], "usd": False}


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
