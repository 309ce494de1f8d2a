"""Clock control of the GPUs of a rack at a 1 s scan: incremental, so that it finds its level and stays there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray


@dataclass(frozen=True)
class ThrottleSettings:
    """Limits and gains. The temperatures are driver margins turned into °C (maximum operating + 2 K and + 8 K)."""

    slowdown_c: float
    shutdown_c: float
    release_k: float  # below the slow-down temperature the throttle ends, once the clock is back
    lowest_clock: float
    gain_per_k: float  # clock per K of temperature change between scans
    gain_per_k_s: float  # clock per K of excess and second
    fall_limit: float  # largest clock decrease per scan
    rise_limit: float
    restart_below_c: float
    gpu_restart_s: float
    boot_s: float


def next_clock(clock: float, temperature_c: float, before_c: float, s: ThrottleSettings, scan_s: float = 1.0) -> float:
    """Clock after one scan of the incremental proportional-integral law.

    Parameters
    ----------
    clock : core clock over nominal [1]
    temperature_c, before_c : hottest die now and one scan ago [°C]

    Returns
    -------
    clock over nominal [1]

    Notes
    -----
    Δclock = -(k_p·(T - T_before) + k_i·(T - T_slow)·Δt), limited per scan and to [lowest, 1]. The velocity form has
    no wind-up. With k_p/k_i near the lag of the die and plate the loop answers as a first order.

    Examples
    --------
    One kelvin over and not moving: the clock falls by the integral gain.

    >>> s = ThrottleSettings(89.0, 95.0, 2.0, 0.2, 0.012, 0.003, 0.1, 0.02, 60.0, 120.0, 300.0)
    >>> round(next_clock(1.0, 90.0, 90.0, s), 4)
    0.997
    """
    change = -(s.gain_per_k * (temperature_c - before_c) + s.gain_per_k_s * (temperature_c - s.slowdown_c) * scan_s)
    change = min(s.rise_limit, max(-s.fall_limit, change))
    return min(1.0, max(s.lowest_clock, clock + change))


NOTHING, THROTTLE_START, THROTTLE_END, TRIP, RESTART = 0, 1, 2, 3, 4


@njit(cache=True)
def scan_racks(t_s, hottest_c, before_c, clock, engaged, tripped, tripped_at_s, powered, v, code):
    """One scan of all racks: moves clock, engaged and tripped in place and says in `code` what happened to each.

    v: slow-down, shut-down, release, lowest clock, gains, fall and rise limit, restart temperature, restart time.
    Returns the number of racks to which something happened.
    """
    found = 0
    for r in range(clock.size):
        code[r] = NOTHING
        here = hottest_c[r]
        if tripped[r] > 0.0:
            if here < v[8] and t_s >= tripped_at_s[r] + v[9] - 1e-9 and powered[r] > 0.0:
                tripped[r], clock[r], code[r] = 0.0, 1.0, RESTART
        elif powered[r] <= 0.0:
            if engaged[r] > 0.0:
                engaged[r], code[r] = 0.0, THROTTLE_END
            clock[r] = 1.0
        elif here >= v[1]:
            tripped[r], tripped_at_s[r], engaged[r], clock[r], code[r] = 1.0, t_s, 0.0, v[3], TRIP
        else:
            if engaged[r] <= 0.0 and here >= v[0]:
                engaged[r], code[r] = 1.0, THROTTLE_START
            if engaged[r] > 0.0:
                change = -(v[4] * (here - before_c[r]) + v[5] * (here - v[0]))
                change = min(v[7], max(-v[6], change))
                clock[r] = min(1.0, max(v[3], clock[r] + change))
                if clock[r] >= 1.0 and here <= v[0] - v[2]:
                    engaged[r], code[r] = 0.0, THROTTLE_END
        before_c[r] = here
        if code[r] != NOTHING:
            found += 1
    return found


def scan_vector(s: ThrottleSettings) -> NDArray[np.float64]:
    return np.array([
        s.slowdown_c, s.shutdown_c, s.release_k, s.lowest_clock, s.gain_per_k, s.gain_per_k_s, s.fall_limit,
        s.rise_limit, s.restart_below_c, s.gpu_restart_s,
    ])  # fmt: skip
