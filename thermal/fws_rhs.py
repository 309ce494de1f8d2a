"""The facility water loop as differential equations: one right-hand side for every integrator.

Loop, in the direction of flow: pumps, supply pipe, CDU branches in parallel, return pipe, heat-rejection banks in
parallel (with a bypass around them), trim chillers, pumps. Specific heat is constant, so that energy is linear in the
temperatures and every exchange appears once with each sign.
"""

from __future__ import annotations

from math import exp

import numpy as np
from numba import njit
from numpy.typing import NDArray

from thermal import chiller as _chiller
from thermal import cooling_tower as _tower
from thermal import dry_cooler as _dry
from thermal import psychrometrics as _air
from thermal.fws_hydraulics import solve_flows
from thermal.fws_layout import (
    B_AIR,
    B_CAP,
    B_CYCLES,
    B_DRIFT,
    B_FAN,
    B_LAG,
    B_NAT,
    B_NTU,
    B_RATIO,
    B_RESTART,
    B_RHO,
    B_SPRAY,
    B_UA,
    B_WATER,
    B_WET,
    C_CAP,
    E_AMBIENT,
    E_CHILLER,
    E_CTL,
    E_DRY,
    E_TOWER,
    E_WATER,
    G_CE,
    G_CP,
    G_CR,
    G_CS,
    G_CTLW,
    G_RHOAIR,
    G_STROKE,
    G_UR,
    G_US,
    H_AIR,
    H_AMB,
    H_AUX,
    H_CAP,
    H_DTC,
    H_DTE,
    H_ETA,
    H_IDLE,
    H_LAG,
    H_LVG,
    H_MIN,
    L_ON,
    LB_GUARD,
    LB_READY,
    P_COAST,
    P_MOTOR,
    P_RAMP,
    P_RATED,
    P_SHAFT,
    P_SHARE,
    S_LOAD,
    S_SPEED,
    S_U,
    UB_FAN,
    UB_POWER,
    UB_RECIRC,
    UB_UA,
    UC_HEAT,
    UH_CAP,
    UH_POWER,
    UH_TRIP,
    UP_POWER,
    UP_TRIP,
    US_DB,
    US_P,
    US_POWER,
    US_STUCK,
    US_WB,
)

Floats = NDArray[np.float64]
AIR_STATE = ("drybulb_c", "wetbulb_c", "pressure_pa", "humidity_ratio", "density_kg_m3", "enthalpy_j_kg")
A_DB, A_WB, A_P, A_W, A_RHO, A_H = range(len(AIR_STATE))
PUMP_LAG_S = 1.0  # speed loop of the drive, inside its ramp
BYPASS_LAG_S = 4.0
STILL = 4e-3  # dry friction of a turning pump over its full-speed load, so that it comes to rest

_density = njit(cache=True)(_air.moist_air_density_kg_m3)
_enthalpy = njit(cache=True)(_air.moist_air_enthalpy_j_kg)


@njit(cache=True)
def _p_sat(t: float) -> float:
    return 611.2 * exp(17.62 * t / (243.12 + t))


@njit(cache=True)
def _w_sat(t: float, p: float) -> float:
    e = _p_sat(t)
    return 0.621945 * e / (p - e)


@njit(cache=True)
def _w_in(t: float, wb: float, p: float) -> float:
    """As thermal.psychrometrics.humidity_ratio_from_wet_bulb."""
    liquid = 4186.0 * wb
    top = _w_sat(wb, p) * (2.501e6 + 1860.0 * wb - liquid) - 1006.0 * (t - wb)
    return max(top / (2.501e6 + 1860.0 * t - liquid), 0.0)


_effectiveness = njit(cache=True)(_dry.crossflow_effectiveness)
_coil = njit(cache=True)(_dry.coil_conductance_w_k)
_fan = njit(cache=True)(_dry.fan_power_w)
_ntu = njit(cache=True)(_tower.tower_ntu)
_makeup = njit(cache=True)(_tower.makeup_water_kg_s)
_capacity = njit(cache=True)(_chiller.chiller_capacity_w)
_cop = njit(cache=True)(_chiller.chiller_cop)


@njit(cache=True)
def outdoor_air(u_site: Floats, site: Floats, air: Floats) -> None:
    """Write the state of the outdoor air, constant within a step."""
    air[A_DB], air[A_WB], air[A_P] = u_site[US_DB], u_site[US_WB], u_site[US_P]
    air[A_W] = _w_in(air[A_DB], air[A_WB], air[A_P])
    air[A_RHO] = site[G_RHOAIR] if site[G_RHOAIR] > 0.0 else _density(air[A_DB], air[A_P], air[A_W])
    air[A_H] = _enthalpy(air[A_DB], air[A_W])


@njit(cache=True)
def dry_bank(
    inlet_c: float,
    water_kg_s: float,
    cp: float,
    air_share: float,
    ua_fraction: float,
    recirculation_k: float,
    b: Floats,
    air: Floats,
) -> tuple[float, float, float]:
    """Heat from the water [W], air capacity flow [W/K], temperature of the air behind the coil [degC]."""
    air_w_k = air[A_RHO] / (1.0 + air[A_W]) * b[B_AIR] * air_share * (1006.0 + 1860.0 * air[A_W])
    water_w_k = water_kg_s * cp
    entering_c = air[A_DB] + recirculation_k
    if water_w_k <= 1e-6 or air_w_k <= 1e-6:
        return 0.0, air_w_k, entering_c
    air_fraction = air[A_RHO] * air_share / b[B_RHO]
    ua = ua_fraction * _coil(b[B_UA], b[B_RATIO], max(water_kg_s / b[B_WATER], 1e-3), max(air_fraction, 1e-4))
    smaller, larger = min(water_w_k, air_w_k), max(water_w_k, air_w_k)
    effective_w_k = _effectiveness(ua / smaller, smaller / larger) * smaller
    leaving_c = entering_c + effective_w_k * (inlet_c - entering_c) / air_w_k
    return effective_w_k * (inlet_c - entering_c), air_w_k, leaving_c


@njit(cache=True)
def wet_bank(
    inlet_c: float,
    water_kg_s: float,
    cp: float,
    air_share: float,
    ua_fraction: float,
    recirculation_k: float,
    b: Floats,
    air: Floats,
) -> tuple[float, float, float, float]:
    """Heat from the water [W], dry air [kg/s], enthalpy of the air behind the surface [J/kg], evaporation [kg/s]."""
    wb = air[A_WB] + recirculation_k
    entering = air[A_H] if recirculation_k == 0.0 else _enthalpy(wb, _w_sat(wb, air[A_P]))
    air_kg_s = air[A_RHO] / (1.0 + air[A_W]) * b[B_AIR] * air_share
    if water_kg_s <= 1e-9 or air_kg_s <= 1e-9:
        return 0.0, air_kg_s, entering, 0.0
    span = inlet_c - wb
    if abs(span) < 0.01:
        span = 0.01
    upper = _enthalpy(inlet_c, _w_sat(inlet_c, air[A_P]))
    slope = (_enthalpy(wb + span, _w_sat(wb + span, air[A_P])) - _enthalpy(wb, _w_sat(wb, air[A_P]))) / span
    flowing = max(water_kg_s, 0.02 * b[B_WATER])
    nominal = b[B_WATER] / (b[B_RHO] * b[B_AIR])
    ntu = ua_fraction * _ntu(b[B_NTU], flowing / air_kg_s, nominal)
    c = air_kg_s * slope / (flowing * cp)
    gap = 1.0 - c
    if abs(gap) < 1e-9:
        eps = ntu / (1.0 + ntu)
    else:
        decay = exp(min(-ntu * gap, 300.0))
        eps = (1.0 - decay) / (1.0 - c * decay)
    heat = eps * air_kg_s * (upper - entering)
    most = water_kg_s * cp * (inlet_c - wb)
    heat = min(heat, max(most, 0.0)) if heat > 0.0 else max(heat, min(most, 0.0))
    leaving = entering + heat / air_kg_s
    surface = entering + (leaving - entering) / (1.0 - exp(-ntu))
    t = inlet_c if heat > 0.0 else wb
    for _ in range(8):  # temperature of saturated air of that enthalpy
        h = _enthalpy(t, _w_sat(t, air[A_P])) - surface
        dh = (_enthalpy(t + 0.01, _w_sat(t + 0.01, air[A_P])) - surface - h) / 0.01
        t -= h / dh
    w_surface = _w_sat(t, air[A_P])
    w_out = w_surface + (air[A_W] - w_surface) * exp(-ntu)
    return heat, air_kg_s, leaving, max(air_kg_s * (w_out - air[A_W]), 0.0)


@njit(cache=True)
def bypass_target(d_site: Floats, u_site: Floats) -> float:
    """Where the three-way valve is told to go, or holds when stuck (a stuck valve reports its place)."""
    return u_site[US_STUCK] if u_site[US_STUCK] >= 0.0 else max(-d_site[S_U], 0.0)


@njit(cache=True)
def rhs(
    y: Floats,
    dy: Floats,
    n: NDArray[np.int64],
    site: Floats,
    cdu: Floats,
    pump: Floats,
    bank: Floats,
    chiller: Floats,
    d_pump: Floats,
    d_chiller: Floats,
    d_bank: Floats,
    d_site: Floats,
    u_cdu: Floats,
    u_pump: Floats,
    u_bank: Floats,
    u_chiller: Floats,
    u_site: Floats,
    air: Floats,
    branch: Floats,
    through: Floats,
) -> None:
    """Write dy/dt of the loop: n = (CDUs, pumps, banks, chillers, cells); branch and through are work space."""
    nc, npump, nb, nh, cells = n[0], n[1], n[2], n[3], n[4]
    speed = y[:npump]
    fan_0, bypass_0 = npump, npump + nb
    load_0 = bypass_0 + 1
    sup_0 = load_0 + nh
    cdu_0 = sup_0 + cells
    ret_0 = cdu_0 + nc
    bank_0 = ret_0 + cells
    eva_0 = bank_0 + nb
    pump_j = eva_0 + 1
    fan_j = pump_j + npump
    chl_j = fan_j + nb
    term = chl_j + nh
    for k in range(pump_j, term + 6):
        dy[k] = 0.0
    cp = site[G_CP]
    total, _ = solve_flows(speed, site, cdu, pump, u_cdu, u_pump, branch, through)
    advected = total * cp
    ambient_w = 0.0

    shaft_w = 0.0
    for i in range(npump):
        s = max(speed[i], 0.0)
        if d_pump[i, L_ON] * u_pump[i, UP_POWER] * (1.0 - u_pump[i, UP_TRIP]) > 0.5:
            rate = 1.0 / pump[i, P_RAMP]
            dy[i] = min(max((d_site[S_SPEED] - s) / PUMP_LAG_S, -rate), rate)
            phi = through[i] / (s * pump[i, P_RATED]) if s > 1e-3 else 0.0
            shaft = pump[i, P_SHAFT] * s**3 * (pump[i, P_SHARE] + (1.0 - pump[i, P_SHARE]) * phi)
            electric = shaft / pump[i, P_MOTOR]
            shaft_w += shaft
            ambient_w += electric * (1.0 - pump[i, P_MOTOR])
            dy[pump_j + i] = electric
        else:
            dy[i] = -(s * s + STILL) / pump[i, P_COAST] if s > 0.0 else 0.0

    supply_end, return_end = y[cdu_0 - 1], y[bank_0 - 1]
    before, loss = y[eva_0], 0.0
    for k in range(cells):
        loss = site[G_US] * (y[sup_0 + k] - air[A_DB])
        dy[sup_0 + k] = (advected * (before - y[sup_0 + k]) - loss + (shaft_w if k == 0 else 0.0)) / site[G_CS]
        ambient_w += loss
        before = y[sup_0 + k]
    mixed = 0.0
    for i in range(nc):
        dy[cdu_0 + i] = (branch[i] * cp * (supply_end - y[cdu_0 + i]) + u_cdu[i, UC_HEAT]) / cdu[i, C_CAP]
        mixed += branch[i] * cp * y[cdu_0 + i]
    for k in range(cells):
        loss = site[G_UR] * (y[ret_0 + k] - air[A_DB])
        entering = mixed if k == 0 else advected * y[ret_0 + k - 1]
        dy[ret_0 + k] = (entering - advected * y[ret_0 + k] - loss) / site[G_CR]
        ambient_w += loss

    b = min(max(y[bypass_0], 0.0), 1.0)
    dy[bypass_0] = min(
        max((bypass_target(d_site, u_site) - y[bypass_0]) / BYPASS_LAG_S, -1.0 / site[G_STROKE]), 1.0 / site[G_STROKE]
    )
    share = total * (1.0 - b) / nb
    mixture = b * return_end
    for i in range(nb):
        s = max(y[fan_0 + i], 0.0)
        wanted = max(d_site[S_U], 0.0) * u_bank[i, UB_POWER] * (1.0 - d_bank[i, LB_GUARD])
        if d_bank[i, LB_READY] < bank[i, B_RESTART]:
            wanted = 0.0
        dy[fan_0 + i] = (wanted - y[fan_0 + i]) / bank[i, B_LAG]
        driven = u_bank[i, UB_FAN] * s
        air_share = driven + bank[i, B_NAT] * (1.0 - driven)
        fan_w = u_bank[i, UB_POWER] * _fan(bank[i, B_FAN], u_bank[i, UB_FAN], s, air[A_RHO] / bank[i, B_RHO])
        if bank[i, B_WET] > 0.5:
            heat, air_kg_s, h_out, evaporated = wet_bank(
                return_end, share, cp, air_share, u_bank[i, UB_UA], u_bank[i, UB_RECIRC], bank[i], air
            )
            h_in = air[A_H]
            if u_bank[i, UB_RECIRC] != 0.0:
                wb = air[A_WB] + u_bank[i, UB_RECIRC]
                h_in = _enthalpy(wb, _w_sat(wb, air[A_P]))
            dy[term + E_TOWER] += air_kg_s * (h_out - h_in) + fan_w
            spray = bank[i, B_SPRAY] if share > 0.0 else 0.0
            dy[term + E_WATER] += _makeup(evaporated, bank[i, B_CYCLES], bank[i, B_DRIFT], spray)
        else:
            heat, air_w_k, out_c = dry_bank(
                return_end, share, cp, air_share, u_bank[i, UB_UA], u_bank[i, UB_RECIRC], bank[i], air
            )
            entering_c = air[A_DB] + u_bank[i, UB_RECIRC]
            dy[term + E_DRY] += air_w_k * (out_c - entering_c) + fan_w
        dy[fan_j + i] = fan_w
        dy[bank_0 + i] = (share * cp * (return_end - y[bank_0 + i]) - heat) / bank[i, B_CAP]
        mixture += (1.0 - b) / nb * y[bank_0 + i]

    cooled_w = 0.0
    for i in range(nh):
        running = d_chiller[i, L_ON] * u_chiller[i, UH_POWER] * (1.0 - u_chiller[i, UH_TRIP]) > 0.5
        plr = max(y[load_0 + i], 0.0)
        wanted = min(max(d_site[S_LOAD], chiller[i, H_MIN]), 1.0) if running else 0.0
        dy[load_0 + i] = (wanted - y[load_0 + i]) / chiller[i, H_LAG]
        electric, evaporator_w = u_chiller[i, UH_POWER] * chiller[i, H_IDLE], 0.0
        if running:
            evaporator_w = (
                plr
                * u_chiller[i, UH_CAP]
                * _capacity(chiller[i, H_CAP], y[eva_0], chiller[i, H_LVG], air[A_DB], chiller[i, H_AMB])
            )
            cop = _cop(chiller[i, H_ETA], y[eva_0], air[A_DB], chiller[i, H_DTE], chiller[i, H_DTC], plr)
            electric += evaporator_w / cop + chiller[i, H_AUX]
        cooled_w += evaporator_w
        dy[chl_j + i] = electric
        condenser_w_k = chiller[i, H_AIR] * 1006.0
        discharge_c = air[A_DB] + (evaporator_w + electric) / condenser_w_k
        dy[term + E_CHILLER] += condenser_w_k * (discharge_c - air[A_DB])
    dy[eva_0] = (advected * (mixture - y[eva_0]) - cooled_w) / site[G_CE]

    dy[term + E_CTL] = site[G_CTLW] * u_site[US_POWER]
    dy[term + E_AMBIENT] = ambient_w + dy[term + E_CTL]
