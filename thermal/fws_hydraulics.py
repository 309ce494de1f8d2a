"""Flows of the facility loop: parallel CDU branches, a common loop resistance, pumps in parallel with check valves."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

from thermal.fws_layout import C_BRANCH, C_VALVE, G_LEAK, G_LOOP, G_RANGE, P_A, P_H0, UC_VALVE, UP_HEAD

Floats = NDArray[np.float64]


def valve_opening_fraction(position_fraction: float, rangeability: float, leak_fraction: float) -> float:
    """Flow coefficient of an equal-percentage valve over its full-open value.

    Parameters
    ----------
    position_fraction : stem position 0..1 [-]
    rangeability : ratio of the largest to the smallest controlled coefficient, above 1 [-]
    leak_fraction : coefficient left when shut [-]

    Returns
    -------
    Kv / Kv_open [-]

    Notes
    -----
    ``(R^x - 1) / (R - 1)``, the equal-percentage law brought to zero at the seat, plus the leak.

    Examples
    --------
    >>> valve_opening_fraction(1.0, 50.0, 0.0)
    1.0
    """
    return (rangeability**position_fraction - 1.0) / (rangeability - 1.0) + leak_fraction


def pump_head_pa(shutoff_pa: float, curve_pa_s2_kg2: float, speed_fraction: float, flow_kg_s: float) -> float:
    """Pressure rise of a centrifugal pump.

    Parameters
    ----------
    shutoff_pa : at full speed without flow [Pa]
    curve_pa_s2_kg2 : fall of the curve [Pa s2/kg2]
    speed_fraction : speed over full speed [-]
    flow_kg_s : [kg/s]

    Returns
    -------
    pressure [Pa]

    Notes
    -----
    ``H0 s^2 - a m^2``: follows the affinity laws, as flow scales with speed the head scales with its square.

    Examples
    --------
    >>> pump_head_pa(330e3, 320.0, 1.0, 15.0)
    258000.0
    """
    return shutoff_pa * speed_fraction**2 - curve_pa_s2_kg2 * flow_kg_s**2


_opening = njit(cache=True)(valve_opening_fraction)


@njit(cache=True)
def solve_flows(speed: Floats, site: Floats, cdu: Floats, pump: Floats, u_cdu: Floats, u_pump: Floats,
                branch_kg_s: Floats, pump_kg_s: Floats) -> tuple[float, float]:
    """Flow of every branch and pump; writes both arrays, returns (total flow [kg/s], CDU header difference [Pa]).

    Branches are ``dp = k m^2`` in parallel, so that they make one resistance in closed form; each pump gives what its
    curve allows at the common pressure and nothing below it (check valve). One equation is left, sum of pump flows =
    total, monotone and solved by Newton within a bracket; with equal pumps the first guess is the solution.
    """
    conductance = 0.0
    for i in range(cdu.shape[0]):
        opening = _opening(u_cdu[i, UC_VALVE], site[G_RANGE], site[G_LEAK])
        branch_kg_s[i] = 1.0 / sqrt(cdu[i, C_BRANCH] + cdu[i, C_VALVE] / (opening * opening))
        conductance += branch_kg_s[i]
    resistance = site[G_LOOP] + 1.0 / (conductance * conductance)
    high, strongest, weight = 0.0, 0.0, 0.0
    for i in range(pump.shape[0]):
        h = pump[i, P_H0] * u_pump[i, UP_HEAD] * speed[i] * speed[i] if speed[i] > 0.0 else 0.0
        if h > 0.0:
            high += sqrt(h / pump[i, P_A])
            strongest = max(strongest, h)
            weight += 1.0 / sqrt(pump[i, P_A])
    total = 0.0
    if high > 1e-9:
        total = min(sqrt(strongest / (resistance + 1.0 / (weight * weight))), high)
        low = 0.0
        for _ in range(80):
            balance, slope = -total, -1.0
            pressure = resistance * total * total
            for i in range(pump.shape[0]):
                h = pump[i, P_H0] * u_pump[i, UP_HEAD] * speed[i] * speed[i] if speed[i] > 0.0 else 0.0
                if h > pressure:
                    q = sqrt((h - pressure) / pump[i, P_A])
                    balance += q
                    slope -= resistance * total / (pump[i, P_A] * q)
            if balance > 0.0:
                low = total
            else:
                high = total
            following = total - balance / slope
            if not (low <= following <= high):
                following = 0.5 * (low + high)
            moved = abs(following - total)
            total = following
            if moved <= 1e-13 * total + 1e-15:
                break
    pressure = resistance * total * total
    for i in range(pump.shape[0]):
        h = pump[i, P_H0] * u_pump[i, UP_HEAD] * speed[i] * speed[i] if speed[i] > 0.0 else 0.0
        pump_kg_s[i] = sqrt((h - pressure) / pump[i, P_A]) if h > pressure else 0.0
    for i in range(cdu.shape[0]):
        branch_kg_s[i] *= total / conductance
    return total, (total / conductance) ** 2
