"""What a second of load adds to the counters, and small sums over racks (compiled)."""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.load.fleet import CPU_USE, GPU_USE, MEMORY_USE


@njit(cache=True)
def lowest(values, own=None):
    """Smallest of the values, or of those that `own` points at."""
    least = np.inf
    if own is None:
        for value in values:
            least = min(least, value)
    else:
        for i in own:
            least = min(least, values[i])
    return least


@njit(cache=True)
def work_and_clock(up, tripped, clock, cap_clock):
    """Per rack: 1 where its GPUs can work, and the lower of its own clock and the capped one."""
    on, least = np.empty(up.size), np.empty(up.size)
    for i in range(up.size):
        on[i] = up[i] * (1.0 - tripped[i])
        least[i] = min(clock[i], cap_clock[i])
    return on, least


@njit(cache=True)
def rates(heat, use, flow, on, clock, serves, trains, gpus):
    """What accumulates, per second, in the order of RATES."""
    out = np.zeros(20)
    for p in range(flow.shape[0]):
        for c in range(7):
            out[c] += flow[p, c]
    for r in range(on.size):
        taken = serves[r] or trains[r]
        out[7] += gpus if taken else 0.0
        out[8] += gpus * on[r] if taken else 0.0
        out[9] += gpus * use[GPU_USE, r]
        out[10] += use[CPU_USE, r]
        out[11] += use[MEMORY_USE, r]
        out[12] += 1.0
        if serves[r]:
            out[13] += gpus
            out[14] += gpus * use[GPU_USE, r]
        out[15] += gpus * on[r] if clock[r] < 0.999 else 0.0
        out[16 if serves[r] else (17 if trains[r] else 18)] += heat[4, r]
        out[19] += heat[0, r] + heat[1, r] + heat[2, r] + heat[3, r]
    return out
