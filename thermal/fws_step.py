"""Stepping the facility loop: scans and interlocks at their instants, classical Runge-Kutta between them."""

from __future__ import annotations

from math import ceil

import numpy as np
from numba import njit
from numpy.typing import NDArray

from thermal.fws_control import interlock, scan
from thermal.fws_hydraulics import solve_flows
from thermal.fws_layout import (
    G_SCAN,
    G_SUB,
    L_READY,
    LB_READY,
    O_BYP,
    O_DP,
    O_FLOW,
    O_LVG,
    O_MIX,
    O_RET,
    O_SUP,
    S_READY,
)
from thermal.fws_rhs import outdoor_air, rhs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True)
def observe(
    y: Floats,
    n: Ints,
    site: Floats,
    cdu: Floats,
    pump: Floats,
    u_cdu: Floats,
    u_pump: Floats,
    branch: Floats,
    through: Floats,
    out: Floats,
) -> None:
    """Write what the plant's sensors see now: flows, header difference, temperatures (columns SITE_OUTPUTS)."""
    nc, npump, nb, nh, cells = n[0], n[1], n[2], n[3], n[4]
    bypass_0 = npump + nb
    cdu_0 = bypass_0 + 1 + nh + cells
    bank_0 = cdu_0 + nc + cells
    out[O_FLOW], out[O_DP] = solve_flows(y[:npump], site, cdu, pump, u_cdu, u_pump, branch, through)
    b = min(max(y[bypass_0], 0.0), 1.0)
    mixed = b * y[bank_0 - 1]
    for i in range(nb):
        mixed += (1.0 - b) / nb * y[bank_0 + i]
    out[O_MIX], out[O_LVG], out[O_BYP] = mixed, y[bank_0 + nb], b
    out[O_SUP], out[O_RET] = y[cdu_0 - 1], y[bank_0 - 1]


@njit(cache=True)
def split_logic(d: Floats, n: Ints) -> tuple[Floats, Floats, Floats, Floats]:
    """Views of the controller vector: pumps, chillers, banks, site."""
    a = 3 * n[1]
    b = a + 3 * n[3]
    c = b + 3 * n[2]
    return d[:a].reshape(-1, 3), d[a:b].reshape(-1, 3), d[b:c].reshape(-1, 3), d[c:]


@njit(cache=True)
def split_inputs(u: Floats, n: Ints) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Views of the input vector: CDUs, pumps, banks, chillers, site."""
    a = 2 * n[0]
    b = a + 4 * n[1]
    c = b + 4 * n[2]
    e = c + 4 * n[3]
    return (u[:a].reshape(-1, 2), u[a:b].reshape(-1, 4), u[b:c].reshape(-1, 4), u[c:e].reshape(-1, 4), u[e:])


@njit(cache=True)
def control_at(
    t_us: int,
    y: Floats,
    d: Floats,
    u: Floats,
    n: Ints,
    site: Floats,
    cdu: Floats,
    pump: Floats,
    chiller: Floats,
    branch: Floats,
    through: Floats,
    out: Floats,
) -> None:
    """What happens at the instant t: interlocks, and the controller when t is a multiple of its scan."""
    d_pump, d_chiller, d_bank, d_site = split_logic(d, n)
    u_cdu, u_pump, u_bank, u_chiller, u_site = split_inputs(u, n)
    observe(y, n, site, cdu, pump, u_cdu, u_pump, branch, through, out)
    interlock(t_us, out[O_FLOW], site, d_pump, d_chiller, d_bank, d_site, u_pump, u_chiller, u_bank, u_site)
    if t_us % round(site[G_SCAN] * 1e6) == 0:
        bank_0 = n[1] + n[2] + 1 + n[3] + 2 * n[4] + n[0]
        scan(
            t_us,
            out,
            y[bank_0 : bank_0 + n[2]],
            site,
            pump,
            chiller,
            d_pump,
            d_chiller,
            d_bank,
            d_site,
            u_pump,
            u_chiller,
            u_site,
        )


@njit(cache=True)
def after_segment(seconds: float, y: Floats, d: Floats, n: Ints) -> None:
    """Timers run, speeds stay at or above zero, a stopped chiller unloads at once."""
    d_pump, d_chiller, d_bank, d_site = split_logic(d, n)
    for i in range(n[1]):
        d_pump[i, L_READY] += seconds
        y[i] = max(y[i], 0.0)
    for i in range(n[2]):
        d_bank[i, LB_READY] += seconds
    d_site[S_READY] += seconds
    load_0 = n[1] + n[2] + 1
    for i in range(n[3]):
        d_chiller[i, L_READY] += seconds
        if d_chiller[i, 0] < 0.5:
            y[load_0 + i] = 0.0


@njit(cache=True)
def advance(
    t_us: int,
    t_end_us: int,
    y: Floats,
    d: Floats,
    u: Floats,
    n: Ints,
    site: Floats,
    cdu: Floats,
    pump: Floats,
    bank: Floats,
    chiller: Floats,
    work: Floats,
    air: Floats,
    branch: Floats,
    through: Floats,
    out: Floats,
) -> None:
    """Step y and d from t to t_end with the inputs u held; energy states count from zero at t."""
    d_pump, d_chiller, d_bank, d_site = split_logic(d, n)
    u_cdu, u_pump, u_bank, u_chiller, u_site = split_inputs(u, n)
    outdoor_air(u_site, site, air)
    scan_us = round(site[G_SCAN] * 1e6)
    k1, k2, k3, k4, trial = work[0], work[1], work[2], work[3], work[4]
    size = y.shape[0]
    for k in range(size - 6 - n[3] - n[2] - n[1], size):
        y[k] = 0.0
    t = t_us
    while t < t_end_us:
        control_at(t, y, d, u, n, site, cdu, pump, chiller, branch, through, out)
        until = min(t_end_us, (t // scan_us + 1) * scan_us)
        seconds = (until - t) * 1e-6
        steps = max(int(ceil(seconds / site[G_SUB] - 1e-9)), 1)
        h = seconds / steps
        for _ in range(steps):
            rhs(
                y,
                k1,
                n,
                site,
                cdu,
                pump,
                bank,
                chiller,
                d_pump,
                d_chiller,
                d_bank,
                d_site,
                u_cdu,
                u_pump,
                u_bank,
                u_chiller,
                u_site,
                air,
                branch,
                through,
            )
            for k in range(size):
                trial[k] = y[k] + 0.5 * h * k1[k]
            rhs(
                trial,
                k2,
                n,
                site,
                cdu,
                pump,
                bank,
                chiller,
                d_pump,
                d_chiller,
                d_bank,
                d_site,
                u_cdu,
                u_pump,
                u_bank,
                u_chiller,
                u_site,
                air,
                branch,
                through,
            )
            for k in range(size):
                trial[k] = y[k] + 0.5 * h * k2[k]
            rhs(
                trial,
                k3,
                n,
                site,
                cdu,
                pump,
                bank,
                chiller,
                d_pump,
                d_chiller,
                d_bank,
                d_site,
                u_cdu,
                u_pump,
                u_bank,
                u_chiller,
                u_site,
                air,
                branch,
                through,
            )
            for k in range(size):
                trial[k] = y[k] + h * k3[k]
            rhs(
                trial,
                k4,
                n,
                site,
                cdu,
                pump,
                bank,
                chiller,
                d_pump,
                d_chiller,
                d_bank,
                d_site,
                u_cdu,
                u_pump,
                u_bank,
                u_chiller,
                u_site,
                air,
                branch,
                through,
            )
            for k in range(size):
                y[k] += h / 6.0 * (k1[k] + 2.0 * k2[k] + 2.0 * k3[k] + k4[k])
        after_segment(seconds, y, d, n)
        t = until
    observe(y, n, site, cdu, pump, u_cdu, u_pump, branch, through, out)


@njit(cache=True)
def report(seconds: float, y: Floats, d: Floats, n: Ints, out: Floats, branch: Floats, flat: Floats) -> None:
    """Write one row of results: end values, mean powers, joules of the step, whether finite, whether a pump is moving.

    Order: supply and flow of each CDU; SITE_OUTPUTS; pump, fan, chiller, controller power and water flow; pump speed,
    fan speed, chiller load; joules of pumps, fans, chillers and the terms of ENERGY_TERMS; finite; moving.
    """
    nc, npump, nb, nh, cells = n[0], n[1], n[2], n[3], n[4]
    load_0 = npump + nb + 1
    pump_j = load_0 + nh + 2 * cells + nc + nb + 1
    k = 0
    for i in range(nc):
        flat[k + i], flat[k + nc + i] = out[O_SUP], branch[i]
    k += 2 * nc
    for i in range(out.shape[0]):
        flat[k + i] = out[i]
    k += out.shape[0]
    term = pump_j + npump + nb + nh
    for i in range(npump + nb + nh):
        flat[k + i] = y[pump_j + i] / seconds
    k += npump + nb + nh
    flat[k], flat[k + 1] = y[term + 4] / seconds, y[term + 5] / seconds
    k += 2
    for i in range(npump + nb):
        flat[k + i] = y[i]
    for i in range(nh):
        flat[k + npump + nb + i] = y[load_0 + i]
    k += npump + nb + nh
    a, b, c = 0.0, 0.0, 0.0
    for i in range(npump):
        a += y[pump_j + i]
    for i in range(nb):
        b += y[pump_j + npump + i]
    for i in range(nh):
        c += y[pump_j + npump + nb + i]
    flat[k], flat[k + 1], flat[k + 2] = a, b, c
    for i in range(6):
        flat[k + 3 + i] = y[term + i]
    k += 9
    total = 0.0
    for i in range(y.shape[0]):
        total += abs(y[i])
    flat[k] = 1.0 if total < 1e300 else 0.0
    speed_set = d[3 * (npump + nh + nb) + 3]
    flat[k + 1] = 0.0
    for i in range(npump):
        wanted = speed_set if d[3 * i] > 0.5 else 0.0
        if abs(y[i] - wanted) > 0.05:
            flat[k + 1] = 1.0
