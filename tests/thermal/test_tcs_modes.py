"""Every failure mode declared for the technology side changes a temperature or a flow, and keeps the books."""

from __future__ import annotations

import numpy as np
import pytest

from tests.thermal.tcs_rig import Rig
from twin.catalogue.modes import ModeSpec, load_modes
from twin.components.tcs_ports import FAULTS
from twin.contract import SECOND

PHYSICAL = ("chip_c", "rack_return_c", "rack_flow_kg_s", "loop_flow_kg_s", "tcs_supply_c", "loop_coolant_kg")
_PORTS = {name: axis for name, axis, _ in FAULTS}
_DECLARED = [(cls, name, spec) for cls in ("cdu_pump", "cdu", "loop", "rack")
             for name, spec in load_modes().get(cls, {}).items() if spec.port in _PORTS]  # fmt: skip


def _inject(rig: Rig, spec: ModeSpec, index: int) -> None:
    rig.set(spec.port, index, spec.written())


def test_every_port_has_a_mode_and_every_mode_its_neutral_value() -> None:
    assert {spec.port for _, _, spec in _DECLARED} == set(_PORTS)
    neutral = {name: value for name, _, value in FAULTS}
    for cls, name, spec in _DECLARED:
        assert _PORTS[spec.port] == cls and spec.neutral == neutral[spec.port], name


@pytest.mark.parametrize("cls, name, spec", _DECLARED, ids=[f"{c}-{n}" for c, n, _ in _DECLARED])
def test_mode_changes_physics(cls: str, name: str, spec: ModeSpec) -> None:
    plain, faulted = Rig(), Rig()
    begun = plain.stored()
    seen: dict[bool, list[np.ndarray]] = {False: [], True: []}
    for rig in (plain, faulted):
        rig.run(20.0)
        if spec.demand is not None:
            demanded = load_modes()[spec.demand.mode.split("/")[0]][spec.demand.example.mode]
            _inject(rig, demanded, rig.axes[_PORTS[demanded.port]].index(spec.demand.example.element))
    _inject(faulted, spec, 1 if name == "fail-to-start" else 0)
    for rig in (plain, faulted):
        rig.run(60.0, lambda r: _keep(r, seen[r is faulted]))
    change = max(float(np.abs(a - b).max()) for a, b in zip(seen[True], seen[False], strict=True))
    assert change > 0.3
    for rig in (plain, faulted):
        assert abs(rig.into_j - rig.out_j - (rig.stored() - begun)) <= 1e-9 * rig.into_j


def _keep(rig: Rig, into: list[np.ndarray]) -> None:
    """Temperatures and flows at whole seconds (a fault makes steps of its own between them)."""
    if rig.t % SECOND == 0:
        into.append(np.concatenate([rig.values[p] for p in PHYSICAL]))
