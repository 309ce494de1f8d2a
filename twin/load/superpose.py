"""Superposition: shifted copies of one trace, as many as a stated utilization needs, drawn by position.

Copy c plays the trace from its own seeded offset and repeats it for ever; a curve over the day says how many
copies are active. The requests of a second follow from its position alone, so nothing need be saved, and the
copies of one pool do not depend on any other element.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.load.traces import Trace
from twin.streams import stream

BUCKETS = 1000  # order inside a second is kept to 1 ms


@njit(cache=True)
def _mix(x: np.uint64) -> np.uint64:
    """SplitMix64 finaliser: a well spread 64 bit value of a position."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True)
def arrivals_in_second(second, active, key, offset_s, length_s, time_s, first_at, at_s, which, draw, order_tmp):
    """Requests of [second, second + 1) in order of arrival, to the millisecond.

    Fills at_s (time inside the second), which (row of the trace) and draw (uniform of the request); returns their
    number, or -1 when the buffers are too small. `active` copies play; the last, partial one keeps a share.
    """
    whole = int(np.floor(active))
    share = active - whole
    copies = min(offset_s.size, whole + (1 if share > 0.0 else 0))
    room = at_s.size
    n = 0
    for c in range(copies):
        position = second + offset_s[c]
        lap = np.floor(position / length_s)
        start = position - lap * length_s
        for part in range(2):
            if part == 0:
                low, high, shift = start, min(start + 1.0, length_s), -start
            else:
                if start + 1.0 <= length_s:
                    break
                low, high, shift = 0.0, start + 1.0 - length_s, length_s - start
                lap += 1.0
            i = first_at[int(low)]
            while i < time_s.size and time_s[i] < low:
                i += 1
            while i < time_s.size and time_s[i] < high:
                bits = _mix(np.uint64(key) ^ _mix(np.uint64(c) * np.uint64(0x1000003) ^ _mix(
                    np.uint64(i) + np.uint64(np.int64(lap) + 1048576) * np.uint64(0x100000000))))
                if c < whole or (bits >> np.uint64(40)) * (1.0 / 16777216.0) < share:
                    if n >= room:
                        return -1
                    order_tmp[0, n] = time_s[i] + shift
                    order_tmp[1, n] = i
                    order_tmp[2, n] = (bits & np.uint64(0xFFFFFF)) * (1.0 / 16777216.0)
                    n += 1
                i += 1
    count = np.zeros(BUCKETS + 1, np.int64)
    for k in range(n):
        count[min(BUCKETS - 1, max(0, int(order_tmp[0, k] * BUCKETS))) + 1] += 1
    for k in range(BUCKETS):
        count[k + 1] += count[k]
    for k in range(n):
        b = min(BUCKETS - 1, max(0, int(order_tmp[0, k] * BUCKETS)))
        to = count[b]
        count[b] += 1
        at_s[to] = order_tmp[0, k]
        which[to] = int(order_tmp[1, k])
        draw[to] = order_tmp[2, k]
    return n


@dataclass(frozen=True)
class Superposition:
    """Copies of a trace with their offsets; `key` separates the thinning and routing draws of pools.

    copies: number at full load; the last, partial one keeps a share of its requests.
    """

    trace: Trace
    copies: float
    offset_s: NDArray[np.float64]
    key: np.uint64
    first_at: NDArray[np.int64]

    @staticmethod
    def build(trace: Trace, copies: float, seed: int, element: str) -> Superposition:
        offsets = np.array(
            [stream(seed, element, "copy-offset", at=c).random() * trace.length_s for c in range(int(np.ceil(copies)))]
        )
        key = stream(seed, element, "request-draw").integers(0, 2**63, dtype=np.uint64)
        seconds = np.arange(int(np.ceil(trace.length_s)) + 2, dtype=np.float64)
        first_at = np.searchsorted(trace.time_s, seconds).astype(np.int64)
        return Superposition(trace, copies, offsets, np.uint64(key), first_at)


def diurnal_fraction(hour: float, low_fraction: float, peak_hour: float) -> float:
    """Load over its daily peak: a raised cosine between `low_fraction` at night and 1 at `peak_hour`.

    Examples
    --------
    >>> diurnal_fraction(15.0, 0.4, 15.0)
    1.0
    >>> round(diurnal_fraction(3.0, 0.4, 15.0), 6)
    0.4
    """
    swing = 0.5 * (1.0 - low_fraction)
    return float(low_fraction + swing * (1.0 + np.cos(2.0 * np.pi * (hour - peak_hour) / 24.0)))
