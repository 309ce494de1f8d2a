"""State of overload trips: how far each has travelled, and when it opens (compiled)."""

from __future__ import annotations

import numpy as np
from numba import njit

from electrical.compiled import (
    C_DELAY,
    C_IMULT,
    C_ISEC,
    C_LEVEL,
    C_PICK,
    C_RESET,
    C_TRIP,
    TABLE,
    TRIP_ELECTRONIC,
    TRIP_NONE,
    TRIP_THERMAL,
    X_INSTANT,
    X_TRAVEL,
)


@njit(cache=True)
def overload_s(multiple, table):  # type: ignore[no-untyped-def]
    """Time carried at a multiple: geometric between the points of a table (2, TABLE)."""
    if multiple < table[0, 0]:
        return np.inf
    for k in range(1, TABLE):
        if not np.isfinite(table[0, k]):
            return table[1, k - 1]
        if multiple < table[0, k]:
            part = (multiple - table[0, k - 1]) / (table[0, k] - table[0, k - 1])
            return np.exp(np.log(table[1, k - 1]) * (1.0 - part) + np.log(table[1, k]) * part)
    return table[1, TABLE - 1]


@njit(cache=True)
def travel(i, multiple, dt, x, const, table, stuck, write):  # type: ignore[no-untyped-def]
    """Time to the trip of one element at a constant multiple; with write, its trip state after dt."""
    trip = int(const[C_TRIP, i])
    if trip == TRIP_NONE:
        return np.inf
    left = np.inf
    if multiple >= const[C_IMULT, i]:
        left = (1.0 - x[X_INSTANT, i]) * const[C_ISEC, i]
        if write:
            x[X_INSTANT, i] = min(1.0, x[X_INSTANT, i] + dt / const[C_ISEC, i])
    elif write:
        x[X_INSTANT, i] = 0.0
    state = x[X_TRAVEL, i]
    if trip == TRIP_THERMAL:
        final = multiple * multiple
        if final > const[C_LEVEL, i]:
            if state >= const[C_LEVEL, i]:
                left = 0.0
            else:
                left = min(left, const[C_DELAY, i] * np.log((final - state) / (final - const[C_LEVEL, i])))
        if write:
            x[X_TRAVEL, i] = final + (state - final) * np.exp(-dt / const[C_DELAY, i])
    else:
        if trip == TRIP_ELECTRONIC:
            full = const[C_DELAY, i] * 36.0 / (multiple * multiple) if multiple >= const[C_PICK, i] else np.inf
        else:
            full = overload_s(multiple, table[i])
        if np.isfinite(full):
            left = min(left, (1.0 - state) * full)
            if write:
                x[X_TRAVEL, i] = min(1.0, state + dt / full)
        elif write:
            x[X_TRAVEL, i] = max(0.0, state - dt / const[C_RESET, i])
    return np.inf if stuck > 0.0 else left
