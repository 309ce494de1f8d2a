"""Controls of the facility loop: local interlocks at any instant, the plant controller at its scan, never inside rhs.

The plant controller holds the header difference pressure with the pump speed and the temperature behind the heat
rejection with one signal in -1..1 (fans above zero, bypass below), and stages the trim chillers on the rest.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from thermal.fws_layout import (
    G_CTLRESTART,
    G_DETECT,
    G_DPGAIN,
    G_DPSET,
    G_DPTI,
    G_DUTY,
    G_FGAIN,
    G_FREEZE,
    G_FTI,
    G_HFLOW,
    G_HGAIN,
    G_HOFF,
    G_HOFFS,
    G_HON,
    G_HONS,
    G_HTI,
    G_SCAN,
    G_SMIN,
    G_TSET,
    H_MIN,
    H_RESTART,
    L_CHANGED,
    L_ON,
    L_READY,
    LB_CHANGED,
    LB_GUARD,
    LB_READY,
    O_DP,
    O_FLOW,
    O_LVG,
    O_MIX,
    P_RESTART,
    S_COOL,
    S_DI,
    S_FI,
    S_HI,
    S_LOAD,
    S_MISSING,
    S_READY,
    S_SPEED,
    S_U,
    S_WARM,
    UB_POWER,
    UH_BLOCK,
    UH_POWER,
    UH_TRIP,
    UP_BLOCK,
    UP_POWER,
    UP_TRIP,
    US_BIAS,
    US_FAIL,
    US_POWER,
)

Floats = NDArray[np.float64]
GUARD_RELEASE_K = 3.0


@njit(cache=True)
def interlock(t_us: int, flow_kg_s: float, site: Floats, d_pump: Floats, d_chiller: Floats, d_bank: Floats,
              d_site: Floats, u_pump: Floats, u_chiller: Floats, u_bank: Floats, u_site: Floats) -> bool:
    """Contactors that drop out by themselves: no power, tripped, chiller without flow. Returns whether any did."""
    dropped = False
    for i in range(d_pump.shape[0]):
        if u_pump[i, UP_POWER] < 0.5 or u_pump[i, UP_TRIP] > 0.5:
            d_pump[i, L_READY] = 0.0
            if d_pump[i, L_ON] > 0.5:
                d_pump[i, L_ON] = 0.0
                d_pump[i, L_CHANGED] = t_us
                dropped = True
    for i in range(d_chiller.shape[0]):
        lost = u_chiller[i, UH_POWER] < 0.5 or u_chiller[i, UH_TRIP] > 0.5
        if lost:
            d_chiller[i, L_READY] = 0.0
        if d_chiller[i, L_ON] > 0.5 and (lost or flow_kg_s < site[G_HFLOW]):
            d_chiller[i, L_ON] = 0.0
            d_chiller[i, L_READY] = 0.0
            d_chiller[i, L_CHANGED] = t_us
            dropped = True
    for i in range(d_bank.shape[0]):
        if u_bank[i, UB_POWER] < 0.5:
            d_bank[i, LB_READY] = 0.0
    if u_site[US_POWER] < 0.5:
        d_site[S_READY] = 0.0
    return dropped


@njit(cache=True)
def _integral(integral: float, gain_error: float, step: float, low: float, high: float) -> float:
    """Conditional integration: no winding up while the output is held at a limit in the error's direction."""
    output = integral + gain_error
    if (output >= high and step > 0.0) or (output <= low and step < 0.0):
        return integral
    return integral + step


@njit(cache=True)
def scan(t_us: int, observed: Floats, bank_c: Floats, site: Floats, pump: Floats, chiller: Floats, d_pump: Floats,
         d_chiller: Floats, d_bank: Floats, d_site: Floats, u_pump: Floats, u_chiller: Floats, u_site: Floats) -> None:
    """One scan of the plant controller; without power, or failed, its outputs keep their last values."""
    starting = d_site[S_READY] < site[G_CTLRESTART]
    if u_site[US_POWER] < 0.5 or u_site[US_FAIL] > 0.5 or starting:
        return
    period = site[G_SCAN]

    running = 0
    for i in range(d_pump.shape[0]):
        if d_pump[i, L_ON] > 0.5:
            running += 1
    if running < site[G_DUTY]:
        d_site[S_MISSING] += period
        if d_site[S_MISSING] > site[G_DETECT]:
            for i in range(d_pump.shape[0]):
                able = u_pump[i, UP_POWER] > 0.5 and u_pump[i, UP_TRIP] < 0.5 and u_pump[i, UP_BLOCK] < 0.5
                if able and d_pump[i, L_ON] < 0.5 and d_pump[i, L_READY] >= pump[i, P_RESTART]:
                    d_pump[i, L_ON] = 1.0
                    d_pump[i, L_CHANGED] = t_us
                    running += 1
                    break
    else:
        d_site[S_MISSING] = 0.0

    if running > 0:
        error = (site[G_DPSET] - observed[O_DP]) / site[G_DPSET]
        gained = site[G_DPGAIN] * error
        d_site[S_DI] = _integral(d_site[S_DI], gained, gained * period / site[G_DPTI], site[G_SMIN], 1.0)
        d_site[S_SPEED] = min(max(d_site[S_DI] + gained, site[G_SMIN]), 1.0)

    error = observed[O_MIX] + u_site[US_BIAS] - site[G_TSET]
    gained = site[G_FGAIN] * error
    d_site[S_FI] = _integral(d_site[S_FI], gained, gained * period / site[G_FTI], -1.0, 1.0)
    d_site[S_U] = min(max(d_site[S_FI] + gained, -1.0), 1.0)
    for i in range(d_bank.shape[0]):
        guarded = d_bank[i, LB_GUARD] > 0.5
        if not guarded and bank_c[i] < site[G_FREEZE]:
            d_bank[i, LB_GUARD], d_bank[i, LB_CHANGED] = 1.0, t_us
        elif guarded and bank_c[i] > site[G_FREEZE] + GUARD_RELEASE_K:
            d_bank[i, LB_GUARD], d_bank[i, LB_CHANGED] = 0.0, t_us

    on = 0
    for i in range(d_chiller.shape[0]):
        if d_chiller[i, L_ON] > 0.5:
            on += 1
    leaving_k = observed[O_LVG] + u_site[US_BIAS] - site[G_TSET]
    wanting = leaving_k > site[G_HON] and (on == 0 or d_site[S_LOAD] >= 0.999)
    d_site[S_WARM] = d_site[S_WARM] + period if wanting else 0.0
    if d_site[S_WARM] > site[G_HONS] and observed[O_FLOW] >= 1.2 * site[G_HFLOW]:
        for i in range(d_chiller.shape[0]):
            able = u_chiller[i, UH_POWER] > 0.5 and u_chiller[i, UH_TRIP] < 0.5 and u_chiller[i, UH_BLOCK] < 0.5
            if able and d_chiller[i, L_ON] < 0.5 and d_chiller[i, L_READY] >= chiller[i, H_RESTART]:
                d_chiller[i, L_ON], d_chiller[i, L_CHANGED] = 1.0, t_us
                d_site[S_WARM] = 0.0
                on += 1
                break
    if on > 0:
        gained = site[G_HGAIN] * leaving_k
        d_site[S_HI] = _integral(d_site[S_HI], gained, gained * period / site[G_HTI], 0.0, 1.0)
        d_site[S_LOAD] = min(max(d_site[S_HI] + gained, 0.0), 1.0)
        idle = error < site[G_HOFF] and d_site[S_LOAD] <= chiller[0, H_MIN] + 0.05
        d_site[S_COOL] = d_site[S_COOL] + period if idle else 0.0
        if d_site[S_COOL] > site[G_HOFFS]:
            for k in range(d_chiller.shape[0]):
                i = d_chiller.shape[0] - 1 - k
                if d_chiller[i, L_ON] > 0.5:
                    d_chiller[i, L_ON], d_chiller[i, L_READY], d_chiller[i, L_CHANGED] = 0.0, 0.0, t_us
                    d_site[S_COOL] = 0.0
                    break
    else:
        d_site[S_HI] = d_site[S_LOAD] = d_site[S_COOL] = 0.0
