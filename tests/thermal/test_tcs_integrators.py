"""One right-hand side, two integrators: agreement through a pump trip, order of convergence, exact books."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.thermal.tcs_rig import Rig, plant
from thermal.hydraulics import coast_down_speed_fraction
from thermal.tcs_integrate import Flows, derivative, observe, sparsity, stable_step_us, step_fast, step_reference
from thermal.tcs_layout import HeldCdu, HeldPump, HeldRack, PumpRow, RackRow, StateLayout, TcsHeld, TcsModel, stored_j
from twin.components.tcs import tcs_params

CHIP_TOLERANCE_K = 0.05
FLUID_TOLERANCE_K = 0.01
SECOND = 1_000_000


def _working() -> tuple[TcsModel, TcsHeld, np.ndarray]:
    """Two loops at work, brought to rest by the component, as bare model, held inputs and state."""
    rig = Rig()
    rig.run(300.0)
    return rig.tcs.model, rig.tcs.held, rig.tcs.y.copy()


def _temperatures(model: TcsModel, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    v = model.layout.views(y)
    return v.chip_c, np.concatenate([v.tray_fluid_c, v.return_c, v.supply_c, v.tcs_supply_c, v.tcs_return_c,
                                     v.cdu_secondary_c, v.cdu_primary_out_c])  # fmt: skip


def test_layout_names_its_states() -> None:
    layout = StateLayout({"chip_c": 2, "plate_c": 3})
    y = np.arange(5.0)
    layout.views(y).plate_c[1] = 9.0
    assert y[3] == 9.0 and layout.name(3) == "plate_c[1]" and layout.size == 5
    with pytest.raises(ValueError, match="outside"):
        layout.name(5)


@pytest.mark.parametrize("method", ["RK45", "Radau"])
def test_fast_steps_follow_the_reference_through_a_pump_trip(method: Any) -> None:
    """Pump of loop 1 coasts for 12 s while heat jumps, then runs up again; compared each second."""
    model, held, y = _working()
    fast, reference, flows = y.copy(), y.copy(), Flows(model)
    structure = sparsity(model)
    worst_chip = worst_fluid = 0.0
    for t in range(20):
        held.pump[HeldPump.DRIVEN, 0] = 0.0 if 2 <= t < 14 else 1.0
        held.rack[HeldRack.GPU_W] = 70e3 + 20e3 * (t % 3)
        held.cdu[HeldCdu.PRIMARY_KG_S2, 0] = 0.5 if t % 2 else -0.5
        held.cdu[HeldCdu.VALVE_COMMAND, 0] = 0.5 + 0.02 * t
        step = 50_000 if 2 <= t else 250_000
        step_fast(model, held, fast, t * SECOND, (t + 1) * SECOND, step, flows)
        step_reference(model, held, reference, t * SECOND, (t + 1) * SECOND, flows, method=method,
                       structure=structure)  # fmt: skip
        (chip, fluid), (chip_ref, fluid_ref) = _temperatures(model, fast), _temperatures(model, reference)
        worst_chip = max(worst_chip, float(np.abs(chip - chip_ref).max()))
        worst_fluid = max(worst_fluid, float(np.abs(fluid - fluid_ref).max()))
    chip = model.layout.views(reference).chip_c
    assert chip[:4].max() > chip[4:].max() + 3.0
    assert worst_chip <= CHIP_TOLERANCE_K and worst_fluid <= FLUID_TOLERANCE_K


def test_longest_steps_alone_keep_the_tolerance_at_work() -> None:
    """Steps of 250 ms at changing heat, without a transient's shorter steps."""
    model, held, y = _working()
    fast, reference, flows = y.copy(), y.copy(), Flows(model)
    for t in range(12):
        held.rack[HeldRack.GPU_W] = 60e3 + 40e3 * (t % 2)
        step_fast(model, held, fast, t * SECOND, (t + 1) * SECOND, 250_000, flows)
        step_reference(model, held, reference, t * SECOND, (t + 1) * SECOND, flows, method="DOP853", rtol=1e-9)
        (chip, fluid), (chip_ref, fluid_ref) = _temperatures(model, fast), _temperatures(model, reference)
        assert np.abs(chip - chip_ref).max() <= CHIP_TOLERANCE_K
        assert np.abs(fluid - fluid_ref).max() <= FLUID_TOLERANCE_K


def test_error_falls_with_the_fourth_power_of_the_step() -> None:
    model, held, y = _working()
    held.pump[HeldPump.DRIVEN, 0] = 0.0
    held.rack[HeldRack.GPU_W] += 20e3
    flows, errors = Flows(model), []
    exact = y.copy()
    step_reference(model, held, exact, 0, 2 * SECOND, flows, method="DOP853", rtol=1e-12)
    for step_us in (200_000, 100_000, 50_000):
        run = y.copy()
        step_fast(model, held, run, 0, 2 * SECOND, step_us, flows)
        errors.append(float(np.abs(_temperatures(model, run)[0] - _temperatures(model, exact)[0]).max()))
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.all(orders > 3.5) and np.all(orders < 5.5)


def test_structure_covers_the_jacobian() -> None:
    model, held, y = _working()
    held.rack[HeldRack.LEAK_KG_S, 1] = 0.1
    model.layout.views(y).vessel_kg[:] = 10.0  # gas: flow depends on the level
    allowed = sparsity(model).toarray() > 0.0
    for j in range(model.layout.size):
        up, down, e = y.copy(), y.copy(), 1e-5 * max(1.0, abs(y[j]))
        up[j], down[j] = y[j] + e, y[j] - e
        column = np.abs(derivative(model, held, 0.0, up) - derivative(model, held, 0.0, down)) / (2.0 * e)
        scale = np.maximum(1.0, np.abs(derivative(model, held, 0.0, y)))
        reached = np.flatnonzero(column > 1e-7 * scale)
        assert all(allowed[i, j] for i in reached), model.layout.name(j)


def test_heat_balance_of_the_derivative_closes() -> None:
    """d(stored)/dt = heat in + shaft - primary - rooms, at any state: here in the middle of a transient with a leak."""
    model, held, y = _working()
    held.pump[HeldPump.DRIVEN, 0] = 0.0
    held.rack[HeldRack.LEAK_KG_S, 2] = 0.3
    flows = Flows(model)
    before = sum(stored_j(model, y).values())
    y[model.layout.slices["primary_j"].start:] = 0.0
    step_fast(model, held, y, 0, 5 * SECOND, 100_000, flows)
    v = model.layout.views(y)
    heat = float(held.rack[:4].sum()) * 5.0
    shaft = float((v.pump_j * model.pump[PumpRow.DRIVE_EFFICIENCY]).sum())
    gone = float(v.primary_j.sum() + v.rack_room_j.sum())
    residual = heat + shaft - gone - (sum(stored_j(model, y).values()) - before)
    assert abs(residual) <= 1e-9 * heat


def test_coasting_pump_follows_the_closed_form() -> None:
    """With shaft power in proportion to n^3 alone (no dependence on flow), n = n0 / (1 + n0 t / tau)."""
    base = tcs_params(plant()).model
    pump = base.pump.copy()
    pump[PumpRow.SHUT_OFF_POWER_FRACTION] = 1.0
    model = TcsModel(base.rack_loop, base.pump_cdu, base.rack, base.loop, base.cdu, pump)
    held, flows = TcsHeld.neutral(model), Flows(model)
    held.loop_cdu[:] = [0, 1]
    y = np.full(model.layout.size, 40.0)
    v = model.layout.views(y)
    v.vessel_kg[:], v.pump_speed_fraction[:] = 60.0, 0.9
    for t in range(10):
        step_fast(model, held, y, t * SECOND, (t + 1) * SECOND, 50_000, flows)
        wanted = coast_down_speed_fraction(t + 1.0, float(pump[PumpRow.COAST_DOWN_S, 0]), 0.9)
        assert v.pump_speed_fraction[0] == pytest.approx(float(wanted), rel=1e-7)


def test_flow_in_the_loop_obeys_affinity_while_it_coasts() -> None:
    model, held, y = _working()
    flows = Flows(model)
    v = model.layout.views(y)
    found = []
    for speed in (0.9, 0.6, 0.3):
        v.pump_speed_fraction[0] = speed
        observe(model, held, y, flows)
        found.append(flows.loop_kg_s[0] / speed)
    assert found[0] > found[1] > found[2] > 0.8 * found[0]  # proportional but for the laminar part of the branches


def test_step_shrinks_with_a_stiffer_model() -> None:
    """A tenth of the chip's capacity: the longest step would blow up, the chosen one agrees with the reference."""
    base = tcs_params(plant()).model
    rack = base.rack.copy()
    rack[RackRow.CHIP_J_K] *= 0.1
    model = TcsModel(base.rack_loop, base.pump_cdu, rack, base.loop, base.cdu, base.pump)
    assert stable_step_us(base) == 250_000 and stable_step_us(model) <= 50_000
    _, held, y = _working()
    held.rack[HeldRack.GPU_W] += 30e3
    ends = {}
    for step_us in (250_000, stable_step_us(model)):
        run, flows = y.copy(), Flows(model)
        for t in range(20):
            step_fast(model, held, run, t * SECOND, (t + 1) * SECOND, step_us, flows)
        ends[step_us] = float(model.layout.views(run).chip_c[0])
    exact = y.copy()
    step_reference(model, held, exact, 0, 20 * SECOND, Flows(model), method="Radau", rtol=1e-8)
    assert ends[stable_step_us(model)] == pytest.approx(float(model.layout.views(exact).chip_c[0]), abs=0.01)
    assert not abs(ends[250_000] - float(model.layout.views(exact).chip_c[0])) < 1.0
    rack[RackRow.CHIP_J_K] *= 1e-6
    with pytest.raises(ValueError, match="rate"):
        stable_step_us(TcsModel(base.rack_loop, base.pump_cdu, rack, base.loop, base.cdu, base.pump))


def test_non_finite_state_is_named() -> None:
    model, held, y = _working()
    y[model.layout.slices["plate_c"].start + 2] = np.nan
    with pytest.raises((ArithmeticError, ValueError)):
        step_reference(model, held, y, 0, SECOND, Flows(model))
