"""Begin a second of a serving pool so that it can be taken back exactly (compiled)."""

from __future__ import annotations

from numba import njit

from twin.load.serving_tick import D_HEAD, D_TAIL, Q_HEAD, Q_TAIL, TRANSIT


@njit(cache=True)
def undo(calendar, journal, used):
    """Take back every change of the calendar since the journal was empty."""
    for j in range(used[0] - 1, -1, -1):
        row = journal[j]
        for c in range(5):
            calendar[row[0], row[1], c] -= row[2 + c]
    used[0] = 0


@njit(cache=True)
def compact(state, source, target, head, tail):
    """Copy what waits to the start of the other buffer, so that queues stay in a few cache lines; the source stays."""
    for r in range(state.shape[0]):
        n = state[r, tail] - state[r, head]
        first = state[r, head]
        for j in range(n):
            for c in range(5):
                target[r, j, c] = source[r, first + j, c]
        state[r, head], state[r, tail] = 0, n


@njit(cache=True)
def turn_over(state, real, free, transit, old_state, old_real, old_free, old_transit, queue, wait, side):
    """Begin a second: remember the small state, and move what waits from buffer `side` to the other one."""
    old_state[:] = state
    old_real[:] = real
    old_free[:] = free
    most = state[:, TRANSIT].max()
    old_transit[:, :most] = transit[:, :most]
    compact(state, queue[side], queue[1 - side], Q_HEAD, Q_TAIL)
    compact(state, wait[side], wait[1 - side], D_HEAD, D_TAIL)


@njit(cache=True)
def go_back(state, real, free, transit, old_state, old_real, old_free, old_transit, calendar, journal, used):
    """Return to what `turn_over` remembered."""
    undo(calendar, journal, used)
    state[:] = old_state
    real[:] = old_real
    free[:] = old_free
    most = state[:, TRANSIT].max()
    transit[:, :most] = old_transit[:, :most]
