"""Two integrators of one right-hand side: a compiled fixed-step Runge-Kutta and SciPy's solve_ivp."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numba import njit
from scipy.integrate import solve_ivp
from scipy.sparse import csr_matrix, lil_matrix

from thermal.tcs_layout import CduRow, Floats, LoopRow, PumpRow, RackRow, TcsHeld, TcsModel
from thermal.tcs_rhs import flows, rhs

STEADY_PER_S = 1e-6  # pump speeds that change slower leave the flows of a step as they are


@njit(cache=True)
def _at_rest(dy, racks, loops, cdus, pumps):
    """Whether pump speeds and vessel levels stand still, so that the flows do too."""
    at = 8 * racks + 2 * loops
    for n in range(loops):
        if dy[at + n] != 0.0:
            return False
    at = 8 * racks + 4 * loops + 3 * cdus
    for j in range(pumps):
        if abs(dy[at + j]) > STEADY_PER_S:
            return False
    return True


@njit(cache=True)
def _runge_kutta(y, t_us, end_us, step_us, rack_loop, pump_cdu, rack_p, loop_p, cdu_p, pump_p, loop_cdu, rack_h, loop_h,
                 cdu_h, pump_h, rack_kg_s, loop_kg_s, loop_dp_pa, pump_kg_s, film):  # fmt: skip
    """Classical fourth-order steps from t to the end, cut at whole multiples of the step in absolute time."""
    size = y.size
    k1, k2, k3, k4, mid = np.empty(size), np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    racks, loops, cdus, pumps = rack_p.shape[1], loop_p.shape[1], cdu_p.shape[1], pump_p.shape[1]
    t = t_us
    move = True
    while t < end_us:
        stop = min((t // step_us + 1) * step_us, end_us)
        h, at = (stop - t) * 1e-6, (t - t_us) * 1e-6
        rhs(at, y, rack_loop, pump_cdu, rack_p, loop_p, cdu_p, pump_p, loop_cdu, rack_h, loop_h, cdu_h, pump_h,
            rack_kg_s, loop_kg_s, loop_dp_pa, pump_kg_s, film, move, k1)  # fmt: skip
        move = move and not _at_rest(k1, racks, loops, cdus, pumps)
        for i in range(size):
            mid[i] = y[i] + 0.5 * h * k1[i]
        rhs(at + 0.5 * h, mid, rack_loop, pump_cdu, rack_p, loop_p, cdu_p, pump_p, loop_cdu, rack_h, loop_h,
            cdu_h, pump_h, rack_kg_s, loop_kg_s, loop_dp_pa, pump_kg_s, film, move, k2)  # fmt: skip
        for i in range(size):
            mid[i] = y[i] + 0.5 * h * k2[i]
        rhs(at + 0.5 * h, mid, rack_loop, pump_cdu, rack_p, loop_p, cdu_p, pump_p, loop_cdu, rack_h, loop_h,
            cdu_h, pump_h, rack_kg_s, loop_kg_s, loop_dp_pa, pump_kg_s, film, move, k3)  # fmt: skip
        for i in range(size):
            mid[i] = y[i] + h * k3[i]
        rhs(at + h, mid, rack_loop, pump_cdu, rack_p, loop_p, cdu_p, pump_p, loop_cdu, rack_h, loop_h,
            cdu_h, pump_h, rack_kg_s, loop_kg_s, loop_dp_pa, pump_kg_s, film, move, k4)  # fmt: skip
        for i in range(size):
            y[i] += h / 6.0 * (k1[i] + 2.0 * (k2[i] + k3[i]) + k4[i])
        t = stop
    if move:
        flows(y, rack_loop, pump_cdu, rack_p, loop_p, cdu_p, pump_p, loop_cdu, rack_h, loop_h, cdu_h, pump_h,
              rack_kg_s, loop_kg_s, loop_dp_pa, pump_kg_s)  # fmt: skip


# The type stubs of compiled functions know no star arguments.
_steps: Any = _runge_kutta
_slope: Any = rhs
_flows: Any = flows


class Flows:
    """Flows and pressures that belong to the latest state."""

    def __init__(self, model: TcsModel):
        self.rack_kg_s = np.zeros(model.rack.shape[1])
        self.loop_kg_s = np.zeros(model.loop.shape[1])
        self.loop_dp_pa = np.zeros(model.loop.shape[1])
        self.pump_kg_s = np.zeros(model.pump.shape[1])
        self.film = np.zeros((4, model.rack.shape[1]))  # working space: conductances that follow from the flows


def _tables(model: TcsModel, held: TcsHeld, out: Flows) -> tuple[np.ndarray, ...]:
    return (model.rack_loop, model.pump_cdu, model.rack, model.loop, model.cdu, model.pump, held.loop_cdu, held.rack,
            held.loop, held.cdu, held.pump, out.rack_kg_s, out.loop_kg_s, out.loop_dp_pa, out.pump_kg_s,
            out.film)  # fmt: skip


def derivative(model: TcsModel, held: TcsHeld, t_s: float, y: Floats) -> Floats:
    """Time derivative of the state vector; t_s counts from the start of the held step."""
    dy = np.empty_like(y)
    _slope(t_s, y, *_tables(model, held, Flows(model)), True, dy)
    return dy


def observe(model: TcsModel, held: TcsHeld, y: Floats, out: Flows) -> None:
    """Fill the flows that belong to a state."""
    _flows(y, *_tables(model, held, out)[:-1])


def step_fast(model: TcsModel, held: TcsHeld, y: Floats, t_us: int, end_us: int, step_us: int, out: Flows) -> None:
    """Advance the state in place with compiled fixed steps of at most step_us, and observe the flows at the end."""
    _steps(y, t_us, end_us, step_us, *_tables(model, held, out))


STEPS_US = (250_000, 200_000, 125_000, 100_000, 50_000, 40_000, 25_000, 20_000, 10_000, 5_000, 2_000, 1_000)


def stable_step_us(model: TcsModel) -> int:
    """Longest step, a whole part of a second, at which the fixed-step integrator is stable and accurate.

    Parameters
    ----------
    model : parameters

    Returns
    -------
    step [us], at most 250 ms

    Raises
    ------
    ValueError : a capacity so small against its conductance that not even 1 ms would do

    Notes
    -----
    Gershgorin: no rate exceeds twice the largest conductance over capacity, flows taken at 1.5 times nominal. The
    step keeps the product with that rate below 2.0 (the stability limit of the classical Runge-Kutta method is 2.78).
    """
    rack, loop, cdu, pump = model.rack, model.loop, model.cdu, model.pump
    at = model.rack_loop
    mc = 1.5 * rack[RackRow.FLOW_KG_S] * loop[LoopRow.CP_J_KG_K, at]
    plate_w_k = rack[RackRow.PLATES] / np.maximum(rack[RackRow.R_INFINITE_K_W] * 0.8, 1e-6)
    others = rack[RackRow.CPU_W_K] + rack[RackRow.SWITCH_W_K] + rack[RackRow.AIR_TRAY_W_K]
    loop_mc = np.bincount(at, mc, loop.shape[1])
    cdu_mc = 1.5 * cdu[CduRow.SECONDARY_KG_S] * loop[LoopRow.CP_J_KG_K].max()
    rates = (
        rack[RackRow.CHIP_PLATE_W_K] / rack[RackRow.CHIP_J_K],
        (rack[RackRow.CHIP_PLATE_W_K] + plate_w_k) / rack[RackRow.PLATE_J_K],
        rack[RackRow.CPU_W_K] / rack[RackRow.CPU_J_K],
        rack[RackRow.SWITCH_W_K] / rack[RackRow.SWITCH_J_K],
        (mc + plate_w_k + others) / rack[RackRow.TRAY_J_K],
        mc / rack[RackRow.RETURN_J_K],
        mc / rack[RackRow.SUPPLY_J_K],
        (rack[RackRow.AIR_ROOM_W_K] + rack[RackRow.AIR_TRAY_W_K]) / rack[RackRow.AIR_J_K],
        loop_mc / loop[LoopRow.SUPPLY_J_K],
        loop_mc / loop[LoopRow.RETURN_J_K],
        cdu_mc / cdu[CduRow.SECONDARY_J_K],
        3.0 * cdu[CduRow.PRIMARY_KG_S] * cdu[CduRow.PRIMARY_CP_J_KG_K] / cdu[CduRow.PRIMARY_J_K],
        0.5 / pump[PumpRow.DRIVE_LAG_S],
        0.5 / cdu[CduRow.VALVE_LAG_S],
    )
    fastest = 2.0 * max(float(r.max()) for r in rates if r.size)
    for step_us in STEPS_US:
        if step_us * 1e-6 * fastest <= 2.0:
            return step_us
    raise ValueError(f"the technology side holds a rate of {fastest:.0f} per second; check its capacities")


def sparsity(model: TcsModel) -> csr_matrix:
    """Structure of the Jacobian for whichever CDU may serve a loop : (state, state), one where it may be non-zero."""
    v = model.layout.slices
    racks, loops, cdus, pumps = (model.rack.shape[1], model.loop.shape[1], model.cdu.shape[1], model.pump.shape[1])
    s = lil_matrix((model.layout.size, model.layout.size))

    def link(to: str, i: int, *sources: tuple[str, int]) -> None:
        for block, j in sources:
            s[v[to].start + i, v[block].start + j] = 1.0

    speeds = [("pump_speed_fraction", j) for j in range(pumps)]
    for i in range(racks):
        loop = int(model.rack_loop[i])
        flow = [*speeds, ("vessel_kg", loop)]
        link("chip_c", i, ("chip_c", i), ("plate_c", i))
        link("plate_c", i, ("chip_c", i), ("plate_c", i), ("tray_fluid_c", i), ("supply_c", i), *flow)
        for part in ("cpu_c", "switch_c"):
            link(part, i, (part, i), ("tray_fluid_c", i), *flow)
        tray = ("plate_c", "cpu_c", "switch_c", "tray_fluid_c", "supply_c", "air_c")
        link("tray_fluid_c", i, *((block, i) for block in tray), *flow)
        link("return_c", i, ("tray_fluid_c", i), ("return_c", i), *flow)
        link("supply_c", i, ("supply_c", i), ("tcs_supply_c", loop), *flow)
        link("air_c", i, ("air_c", i), ("tray_fluid_c", i))
        link("tcs_return_c", loop, ("return_c", i))
        link("rack_room_j", i, ("air_c", i), ("tray_fluid_c", i), *flow)
    for loop in range(loops):
        flow = [*speeds, ("vessel_kg", loop)]
        serving = [("cdu_secondary_c", k) for k in range(cdus)]
        link("tcs_supply_c", loop, ("tcs_supply_c", loop), *serving, *flow)
        link("tcs_return_c", loop, ("tcs_return_c", loop), *flow)
        for block in ("vessel_kg", "drip_tray_j"):
            link(block, loop, *flow)
    for k in range(cdus):
        returns = [("tcs_return_c", loop) for loop in range(loops)]
        flow = [*speeds, *(("vessel_kg", loop) for loop in range(loops))]
        link("cdu_secondary_c", k, ("cdu_secondary_c", k), *returns, *flow)
        link("cdu_primary_out_c", k, ("cdu_primary_out_c", k), *returns, *flow)
        link("valve_fraction", k, ("valve_fraction", k))
        link("primary_j", k, ("cdu_primary_out_c", k))
    for j in range(pumps):
        flow = [*speeds, *(("vessel_kg", loop) for loop in range(loops))]
        for block in ("pump_speed_fraction", "pump_rotor_j", "pump_j"):
            link(block, j, *flow)
    return csr_matrix(s)


def step_reference(
    model: TcsModel,
    held: TcsHeld,
    y: Floats,
    t_us: int,
    end_us: int,
    out: Flows,
    *,
    method: Literal["Radau", "BDF", "RK45", "DOP853"] = "RK45",
    rtol: float = 1e-7,
    structure: csr_matrix | None = None,
) -> None:
    """Advance the state in place with scipy.integrate.solve_ivp on the same right-hand side.

    Parameters
    ----------
    model, held : what is integrated
    y : state vector, changed in place
    t_us, end_us : from, to [us]
    out : flows, filled for the end
    method : of solve_ivp; the implicit ones take the sparsity of the Jacobian
    rtol : relative tolerance of every state [1]; temperatures are held to 1e-7 K, meters to 1e-2 J
    structure : Jacobian structure from :func:`sparsity`, for the implicit methods

    Raises
    ------
    ArithmeticError : the solver gave up; the message names the state that moves fastest
    """
    atol = np.full(y.size, 1e-7)
    slices = model.layout.slices
    for block in ("drip_tray_j", "pump_rotor_j", "primary_j", "pump_j", "rack_room_j"):
        atol[slices[block]] = 1e-2
    tables = _tables(model, held, out)

    def slope(t_s: float, state: Floats) -> Floats:
        dy = np.empty_like(state)
        _slope(t_s, state, *tables, True, dy)
        return dy

    options: dict[str, Any] = {}
    if method in ("Radau", "BDF"):
        options["jac_sparsity"] = sparsity(model) if structure is None else structure
    span = (end_us - t_us) * 1e-6
    result = solve_ivp(slope, (0.0, span), y.copy(), method=method, rtol=rtol, atol=atol, t_eval=(span,), **options)
    if not result.success or not np.all(np.isfinite(result.y[:, -1])):
        worst = int(np.argmax(np.abs(slope(0.0, y.copy()))))
        raise ArithmeticError(f"{result.message}; fastest state {model.layout.name(worst)}")
    y[:] = result.y[:, -1]
    observe(model, held, y, out)
