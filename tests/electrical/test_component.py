"""The component in the coupling: step size, snapshots, rewind, modes, causes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.electrical.plant import Run, catalogue
from twin.catalogue.modes import read_modes
from twin.contract import SECOND

EVENT_TOLERANCE_S = 1e-3
CLASSES = ("utility", "transformer", "generator", "ups", "switchgear", "transfer_switch", "busway", "whip")


def failing(step_s, until_s=75.0):
    model = Run().model
    model = replace(model, batteries=tuple(replace(b, energy_j=18e6) for b in model.batteries))
    return Run(
        [
            (10.0, "UTIL", "utility_voltage_fraction", 0.0),
            (0.0, "GEN1", "generator_start_blocked", 1.0),
            (0.0, "GEN2", "generator_start_blocked", 1.0),
        ],
        model=model,
        step_s=step_s,
        ripple=0.08,
    ).until(until_s)


def test_exchange_period_does_not_move_events():
    coarse, fine = failing(1.0), failing(0.01)
    a = [(e.element, e.kind) for e in coarse.events]
    b = [(e.element, e.kind) for e in fine.events]
    assert a == b and len(a) > 25
    assert any(kind == "battery-exhausted" for _, kind in a)
    gap = max(abs(x.t - y.t) for x, y in zip(coarse.events, fine.events, strict=True)) / SECOND
    assert gap < EVENT_TOLERANCE_S
    for name, value in coarse.coupling.counters.items():
        assert fine.coupling.counters[name] == pytest.approx(value, rel=1e-6, abs=1.0), name


FAULTS = [
    (5.0, "UTIL", "utility_voltage_fraction", 0.0, 40.0),
    (8.0, "GEN1", "generator_start_blocked", 1.0),
    (60.0, "BW_A", "busway_lost", 1.0),
]


@pytest.mark.parametrize("fork_s", [3.0, 9.5, 26.0, 33.0, 62.0])
def test_a_fork_continues_bit_for_bit(fork_s):
    whole = Run(FAULTS, ripple=0.1).until(fork_s, keep=False)
    state = whole.coupling.save()
    whole.until(80.0)
    fork = Run(FAULTS, ripple=0.1)
    fork.coupling.load(state)
    fork.until(80.0)
    assert [e.id for e in fork.events] == [e.id for e in whole.events]
    assert [e.causes for e in fork.events] == [e.causes for e in whole.events]
    for a, b in zip(fork.records, whole.records, strict=True):
        for port in ("power_node_w", "power_node_voltage_v", "battery_soc_fraction", "conversion_heat_j"):
            assert np.array_equal(a.outputs[port], b.outputs[port])
    assert fork.coupling.counters == whole.coupling.counters
    assert fork.coupling.stored_j() == whole.coupling.stored_j()


def test_rewind_is_exact():
    run = Run(FAULTS, ripple=0.1).until(27.0)
    electrical, inputs = run.electrical, run.coupling._inputs["electrical"]
    mark, t = electrical.mark(), run.coupling.t
    before = electrical.save()
    first = electrical.advance(t, t + SECOND, inputs)
    electrical.advance(t + SECOND, t + 2 * SECOND, inputs)
    electrical.rewind(mark)
    after = electrical.save()
    for key, value in before.items():
        same = (
            np.array_equal(value, after[key])
            if isinstance(value, np.ndarray)
            else key == "modes" or value == after[key]
        )
        assert same, key
    again = electrical.advance(t, t + SECOND, inputs)
    assert again.joules == first.joules
    for port, value in first.outputs.items():
        assert np.array_equal(value, again.outputs[port])


def test_settle_is_idempotent():
    run = Run(FAULTS).until(30.0)
    inputs = run.coupling._inputs["electrical"]
    assert run.electrical.settle(run.coupling.t, 0, inputs) == ()
    assert run.electrical.settle(run.coupling.t, 1, inputs) == ()


def test_same_seed_same_result_and_another_seed_other_start_times():
    a, b, other = (Run(FAULTS, seed=s).until(30.0) for s in (3, 3, 4))
    assert [e.id for e in a.events] == [e.id for e in b.events]
    assert a.find("generator-on-bus")[0].t != other.find("generator-on-bus")[0].t


def modes():
    found, problems = read_modes()
    assert not [p for p in problems if any(f"/{c}.yaml" in p.file for c in CLASSES)]
    return [(cls, name, found[cls][name]) for cls in CLASSES for name in found[cls]]


ELEMENT = {
    "utility": "UTIL",
    "transformer": "TX1",
    "generator": "GEN1",
    "ups": "UPS_A",
    "switchgear": "MSB1",
    "transfer_switch": "ATS1",
    "busway": "BW_A",
    "whip": "H1_R01_RK01_WA",
}
DECLARED = {(cls, name): mode for cls, name, mode in modes()}
_runs: dict[tuple, Run] = {}


def faulted(*faults):
    if faults not in _runs:
        _runs[faults] = Run(faults, rack_w=140e3).until(110.0)
    return _runs[faults]


@pytest.mark.parametrize(("cls", "name"), list(DECLARED), ids=lambda x: str(x))
def test_every_mode_changes_something_computed(cls, name):
    mode = DECLARED[cls, name]
    fault = (10.0, ELEMENT[cls], mode.port, mode.written())
    demand: tuple[tuple, ...] = ()
    if mode.demand is not None:
        of, _, which = mode.demand.mode.partition("/")
        other = DECLARED[of, which]
        demand = ((10.0, mode.demand.example.element, other.port, other.written()),)
    without, run = faulted(*demand), faulted(fault, *demand)
    assert max(run.residuals) < 1e-9
    changed = False
    at = {r.t: r for r in without.records}
    for a in run.records:
        b = at.get(a.t)
        for port in (
            "power_node_w",
            "power_node_loading_fraction",
            "power_node_voltage_v",
            "battery_soc_fraction",
            "utility_w",
            "generator_w",
        ):
            changed |= b is not None and not np.array_equal(a.outputs[port], b.outputs[port])
    assert changed


def test_every_fault_port_has_a_mode_with_its_neutral():
    run = Run()
    declared = {mode.port: mode for mode in DECLARED.values()}
    made = {p.name for p in run.electrical.outputs} | {"rack_isolation_request"}
    for port in run.electrical.inputs:
        if port.kind == "mode" and port.name not in made:
            assert port.name in declared, port.name
            assert (declared[port.name].neutral or 0.0) == port.neutral, port.name


def test_causes_end_at_the_root_and_never_come_later():
    run = failing(1.0)
    known = {e.id: e for e in run.events}
    roots = {"UTIL/utility-voltage-fraction", "GEN1/generator-start-blocked", "GEN2/generator-start-blocked"}
    for e in run.events:
        if e.id.split("/", 1)[1] in roots:
            continue
        assert e.causes, e.id
        for cause in e.causes:
            assert known[cause].t <= e.t


def test_headroom_and_voltage_are_physical():
    run = Run(rack_w=140e3).until(5.0)
    loading = dict(zip(run.axes["power_node"], run.records[-1].outputs["power_node_loading_fraction"], strict=True))
    volts = dict(zip(run.axes["power_node"], run.records[-1].outputs["power_node_voltage_v"], strict=True))
    assert loading["BW_A"] == pytest.approx(280e3 / 500e3, rel=3e-3)
    assert loading["GEN1"] == 0.0
    assert 0.95 * 415 < volts["BW_A"] < 415.0
    assert volts["MVSG"] == pytest.approx(13800.0, rel=1e-3)
    assert catalogue().item("busway-500kw")["limit_w"] == 500e3


def test_a_step_may_split_only_where_a_store_or_a_trip_is_near():
    run = Run([(10.0, "UTIL", "utility_voltage_fraction", 0.0, 40.0)], ripple=0.1).until(9.0)
    assert not run.electrical.may_split(9 * SECOND, 10 * SECOND)
    run.until(14.0)  # on batteries
    assert run.electrical.may_split(14 * SECOND, 15 * SECOND)
    heavy = Run([(2.0, "UPS_A", "ups_failed", 1.0), (2.0, "UPS_B", "ups_failed", 1.0)], rack_w=140e3).until(4.0)
    assert heavy.electrical.may_split(4 * SECOND, 5 * SECOND)  # the other two carry far more than they can for long
