"""The step of the power path: voltages down, loads up with losses, limits and stores forward (compiled)."""

from __future__ import annotations

import numpy as np
from numba import njit

from electrical.compiled import (
    C_BYP0,
    C_BYP1,
    C_CAP,
    C_CHARGE,
    C_ETAC,
    C_ETAD,
    C_FUEL0,
    C_FUEL1,
    C_LIMIT,
    C_LIN,
    C_NOLOAD,
    C_QUAD,
    C_R,
    C_RC,
    C_SET,
    C_SHARE,
    C_TAN,
    C_VA,
    C_VOLT,
    C_X,
    C_XC,
    K_GENERATOR,
    K_SELECT,
    K_UPS,
    K_UTILITY,
    L_DROPOUT,
    L_HOLD_J,
    L_HOLD_S,
    L_TAN,
    O_AMP,
    O_BATT,
    O_CABLE,
    O_CHARGE,
    O_LOADING,
    O_LOSS,
    O_MULT,
    O_P,
    O_PIN,
    O_Q,
    O_QE,
    O_U,
    O_UIN,
    O_VA,
    O_VOLT,
    S_CHARGE,
    S_ENGINE,
    S_GRID_SHARE,
    S_LIMITFACTOR,
    S_LIVECAP,
    S_ON,
    S_OVERLOADED,
    S_RFACTOR,
    S_SELECT,
    S_SOURCE_U,
    S_STUCK,
    S_TRIPFACTOR,
    S_UPS,
    UPS_BATTERY,
    UPS_BYPASS,
    UPS_NORMAL,
    UPS_OFF,
    X_FUEL,
    X_LIVE,
    Y_DEAD_S,
    Y_DEFICIT,
    Y_REFILL,
)
from electrical.trips import travel

OVERLOAD_ON, OVERLOAD_OFF = 1.0, 0.97  # of the limit: hysteresis of an overload
LIVE_U = 0.1  # below this fraction of nominal voltage an element is dead
SWEEPS, SETTLED_U = 12, 1e-7  # voltage iterations at most; a sweep gains about two digits at drops of 1 %
NEAR_S = 1e-6  # a limit nearer than this is reached: time is counted in microseconds
LONGEST_S, LEAP, LEAP_FROM = 1.0, 2.0, 0.5  # a current may grow from one step to the next to twice the larger of both
REFILL_S = 1.0  # hold-up energy is put back over this time


@njit(cache=True)
def energise(kind, ptr, src, const, state, out):  # type: ignore[no-untyped-def]
    """Voltage of every element from its sources at the last flows (O_PIN, O_Q, ...); returns the largest change."""
    moved = 0.0
    for i in range(kind.size):
        up = 0.0
        if kind[i] == K_UTILITY or kind[i] == K_GENERATOR:
            up = state[S_SOURCE_U, i]
        elif kind[i] == K_SELECT:
            pick = int(state[S_SELECT, i])
            if pick >= 0:
                up = out[O_U, src[ptr[i] + pick]]
        else:
            for e in range(ptr[i], ptr[i + 1]):
                up = max(up, out[O_U, src[e]])
        u_in = up
        if up > LIVE_U and (const[C_RC, i] > 0.0 or const[C_XC, i] > 0.0):
            p, q, r, x = out[O_PIN, i], out[O_Q, i], const[C_RC, i], const[C_XC, i]
            square = up * up - 2.0 * (r * p + x * q) + (r * r + x * x) * (p * p + q * q) / (up * up)
            u_in = np.sqrt(square) if square > 0.0 else 0.0
        out[O_UIN, i] = u_in
        if kind[i] == K_UPS:
            mode = int(state[S_UPS, i])
            u = u_in if mode == UPS_BYPASS else 0.0 if mode == UPS_OFF else 1.0
        else:
            u = u_in
            if u > LIVE_U and const[C_R, i] > 0.0:
                r, x = const[C_R, i] * state[S_RFACTOR, i], const[C_X, i]
                p, q = out[O_PIN, i] - out[O_CABLE, i], out[O_QE, i]
                square = u * u - 2.0 * (r * p + x * q) + (r * r + x * x) * (p * p + q * q) / (u * u)
                u = np.sqrt(square) if square > 0.0 else 0.0
        u *= state[S_ON, i]
        moved = max(moved, abs(u - out[O_U, i]))
        out[O_U, i] = u
    return moved


@njit(cache=True)
def balance(kind, ptr, src, const, lptr, lsrc, load_const, load_w, state, out, served):  # type: ignore[no-untyped-def]
    """Solve the radial network: voltages down and powers up until the voltages rest.

    Radial branch equations (Baran and Wu 1989) with constant-power loads; a load shares equally over its feeds with
    voltage; an element with several live sources draws equal shares. served: 1 where a load has a live feed. The
    sweeps start from the flows of the last solution.
    """
    n = kind.size
    q_out = np.zeros(n)
    for _ in range(SWEEPS):
        moved = energise(kind, ptr, src, const, state, out)
        for i in range(n):
            out[O_P, i] = 0.0
            q_out[i] = 0.0
        for j in range(served.size):
            live = 0
            for e in range(lptr[j], lptr[j + 1]):
                if out[O_U, lsrc[e]] >= load_const[L_DROPOUT, j]:
                    live += 1
            served[j] = 1.0 if live > 0 else 0.0
            if live:
                share = load_w[j] / live
                for e in range(lptr[j], lptr[j + 1]):
                    if out[O_U, lsrc[e]] >= load_const[L_DROPOUT, j]:
                        out[O_P, lsrc[e]] += share
                        q_out[lsrc[e]] += share * load_const[L_TAN, j]
        for i in range(n - 1, -1, -1):
            p, q, u, u_in = out[O_P, i], q_out[i], out[O_U, i], out[O_UIN, i]
            out[O_VA, i] = np.sqrt(p * p + q * q) / u if u > LIVE_U else 0.0  # the current as VA at nominal voltage
            loss, batt, charge = 0.0, 0.0, 0.0
            p_in, q_in = 0.0, 0.0
            if kind[i] == K_UPS:
                mode = int(state[S_UPS, i])
                law = const[C_NOLOAD, i] + const[C_LIN, i] * p + const[C_QUAD, i] * p * p
                if mode == UPS_BATTERY or (mode == UPS_NORMAL and u_in < LIVE_U):
                    loss = const[C_SHARE, i] * law
                    batt = p + loss
                elif mode == UPS_NORMAL:
                    grid = state[S_GRID_SHARE, i]
                    loss = law
                    batt = (1.0 - grid) * (p + loss)
                    charge = state[S_CHARGE, i] if grid >= 1.0 else 0.0
                    p_in = grid * (p + loss) + charge
                    q_in = p_in * const[C_TAN, i]
                elif mode == UPS_BYPASS and u_in > LIVE_U:
                    loss = const[C_BYP0, i] + const[C_BYP1, i] * p
                    p_in = p + loss
                    q_in = q
            elif u_in > LIVE_U and state[S_ON, i] > 0.0:
                loss = const[C_NOLOAD, i] + const[C_LIN, i] * p + const[C_QUAD, i] * p * p
                q_in = q
                if const[C_R, i] > 0.0 and u > LIVE_U:
                    square = (p * p + q * q) / (u * u)
                    loss += const[C_R, i] * state[S_RFACTOR, i] * square
                    q_in += const[C_X, i] * square
                p_in = p + loss
            cable = 0.0
            out[O_QE, i] = q_in
            if const[C_RC, i] > 0.0 and u_in > LIVE_U:
                square = (p_in * p_in + q_in * q_in) / (u_in * u_in)
                cable = const[C_RC, i] * square
                q_in += const[C_XC, i] * square
            out[O_LOSS, i] = loss
            out[O_CABLE, i] = cable
            out[O_BATT, i] = batt
            out[O_CHARGE, i] = charge
            out[O_PIN, i] = p_in + cable
            out[O_Q, i] = q_in
            if kind[i] == K_SELECT:
                pick = int(state[S_SELECT, i])
                if pick >= 0:
                    out[O_P, src[ptr[i] + pick]] += p_in + cable
                    q_out[src[ptr[i] + pick]] += q_in
            elif kind[i] != K_UTILITY and kind[i] != K_GENERATOR:
                live = 0
                for e in range(ptr[i], ptr[i + 1]):
                    if out[O_U, src[e]] > LIVE_U:
                        live += 1
                if live:
                    for e in range(ptr[i], ptr[i + 1]):
                        if out[O_U, src[e]] > LIVE_U:
                            out[O_P, src[e]] += (p_in + cable) / live
                            q_out[src[e]] += q_in / live
        if moved < SETTLED_U:
            break
    for i in range(n):
        limit = const[C_LIMIT, i] * state[S_LIMITFACTOR, i]
        demand = np.sqrt(out[O_P, i] ** 2 + q_out[i] ** 2) if const[C_VA, i] > 0.0 else out[O_P, i]
        out[O_LOADING, i] = demand / limit if limit > 0.0 else 0.0
        set_va = const[C_SET, i] * state[S_TRIPFACTOR, i]
        out[O_MULT, i] = out[O_VA, i] / set_va if set_va > 0.0 else 0.0


@njit(cache=True)
def near_limits(kind, const, table, powered, served, state, x, out):  # type: ignore[no-untyped-def]
    """Number of stores in use and of trips that a leap of the current would open within the longest step."""
    near = 0
    for j in range(served.size):
        if served[j] == 0.0 and powered[j] > 0.0:
            near += 1
    for i in range(kind.size):
        if out[O_BATT, i] > 0.0 or (kind[i] == K_GENERATOR and state[S_ENGINE, i] > 0.0):
            near += 1
        leap = LEAP * max(out[O_MULT, i], LEAP_FROM)
        if travel(i, leap, LONGEST_S, x, const, table, state[S_STUCK, i], False) <= LONGEST_S:
            near += 1
    return near


@njit(cache=True)
def step(
    dt,
    kind,
    ptr,
    src,
    const,
    table,
    lptr,
    lsrc,
    load_const,
    load_w,
    powered,
    state,
    x,
    y,
    out,
    served,
    energy,
    loss_class,
    room,
    loss_j,
    room_j,
    drawn_w,
    reached,
    expired,
):  # type: ignore[no-untyped-def]
    """One step of dt seconds at held loads. Returns the time to the first limit reached, or dt when none is.

    If it is shorter than dt, no state has been changed. energy: utility, generator, battery discharge, battery
    charge (at the cells), hold-up discharge, hold-up charge [J], fuel [L], outdoor loss [J], limits crossed since
    the last step (rows O_LOADING against S_OVERLOADED), limits reached (elements and loads), limits near (as
    near_limits says). loss_j per class, room_j per room.
    reached: per element 1 empty battery, 2 empty tank, 3 trip; expired: per load 1 where the hold-up is over.
    """
    n, m = kind.size, served.size
    for i in range(n):
        state[S_CHARGE, i] = 0.0
        room_left = const[C_CAP, i] * state[S_LIVECAP, i] - x[X_LIVE, i]
        if kind[i] == K_UPS and room_left > 0.0:
            state[S_CHARGE, i] = min(const[C_CHARGE, i], room_left / (const[C_ETAC, i] * dt))
    for j in range(m):
        drawn_w[j] = load_w[j]
        if y[Y_DEFICIT, j] > 0.0 and y[Y_REFILL, j] == 0.0:
            y[Y_REFILL, j] = y[Y_DEFICIT, j] / REFILL_S
        if y[Y_REFILL, j] > 0.0:
            drawn_w[j] += min(y[Y_REFILL, j], y[Y_DEFICIT, j] / dt)
    balance(kind, ptr, src, const, lptr, lsrc, load_const, drawn_w, state, out, served)
    first = dt
    for j in range(m):  # hold-up of loads whose feeds are dead
        if served[j] == 0.0 and powered[j] > 0.0:
            if load_const[L_HOLD_J, j] > 0.0:
                if load_w[j] > 0.0:
                    first = min(first, (load_const[L_HOLD_J, j] - y[Y_DEFICIT, j]) / load_w[j])
            if load_const[L_HOLD_S, j] > 0.0:
                first = min(first, load_const[L_HOLD_S, j] - y[Y_DEAD_S, j])
    for i in range(n):
        if out[O_BATT, i] > 0.0:
            first = min(first, x[X_LIVE, i] * const[C_ETAD, i] / out[O_BATT, i])
        if kind[i] == K_GENERATOR and state[S_ENGINE, i] > 0.0:
            rate = const[C_FUEL0, i] + const[C_FUEL1, i] * out[O_P, i]
            if rate > 0.0:
                first = min(first, x[X_FUEL, i] / rate)
        first = min(first, travel(i, out[O_MULT, i], dt, x, const, table, state[S_STUCK, i], False))
    if first < dt - NEAR_S:
        return first
    energy[:] = 0.0
    loss_j[:] = 0.0
    room_j[:] = 0.0
    for j in range(m):
        if served[j] > 0.0:
            y[Y_DEAD_S, j] = 0.0
            refilled = (drawn_w[j] - load_w[j]) * dt
            energy[5] += refilled
            y[Y_DEFICIT, j] = max(0.0, y[Y_DEFICIT, j] - refilled)
            if y[Y_DEFICIT, j] <= 1e-9:
                y[Y_DEFICIT, j] = 0.0
                y[Y_REFILL, j] = 0.0
        else:
            y[Y_DEAD_S, j] += dt
            y[Y_DEFICIT, j] += load_w[j] * dt
            energy[4] += load_w[j] * dt
            y[Y_REFILL, j] = 0.0
    cable, battery = loss_j.size - 2, loss_j.size - 1
    for i in range(n):
        if kind[i] == K_UTILITY:
            energy[0] += out[O_PIN, i] * dt
        elif kind[i] == K_GENERATOR:
            energy[1] += out[O_PIN, i] * dt
            if state[S_ENGINE, i] > 0.0:
                burnt = (const[C_FUEL0, i] + const[C_FUEL1, i] * out[O_P, i]) * dt
                x[X_FUEL, i] = max(0.0, x[X_FUEL, i] - burnt)
                energy[6] += burnt
        lost = out[O_LOSS, i] * dt
        loss_j[loss_class[i]] += lost
        loss_j[cable] += out[O_CABLE, i] * dt
        if kind[i] == K_UPS:
            given, taken = out[O_BATT, i] * dt, out[O_CHARGE, i] * dt
            x[X_LIVE, i] += taken * const[C_ETAC, i] - given / const[C_ETAD, i]
            inside = given * (1.0 / const[C_ETAD, i] - 1.0) + taken * (1.0 - const[C_ETAC, i])
            energy[2] += given / const[C_ETAD, i]  # out of and into the cells
            energy[3] += taken * const[C_ETAC, i]
            loss_j[battery] += inside
            lost += inside
        lost += out[O_CABLE, i] * dt
        if room[i] >= 0:
            room_j[room[i]] += lost
        else:
            energy[7] += lost
        travel(i, out[O_MULT, i], dt, x, const, table, state[S_STUCK, i], True)
        over = out[O_LOADING, i] > (OVERLOAD_OFF if state[S_OVERLOADED, i] > 0.0 else OVERLOAD_ON)
        if over != (state[S_OVERLOADED, i] > 0.0):
            energy[8] += 1.0
        out[O_VOLT, i] = out[O_U, i] * const[C_VOLT, i]
        out[O_AMP, i] = out[O_VA, i] / (np.sqrt(3.0) * const[C_VOLT, i])
        reached[i] = 0.0
        if travel(i, out[O_MULT, i], dt, x, const, table, state[S_STUCK, i], False) <= NEAR_S:
            reached[i] = 3.0
        if out[O_BATT, i] > 0.0 and x[X_LIVE, i] * const[C_ETAD, i] <= out[O_BATT, i] * NEAR_S:
            reached[i] = 1.0
        if kind[i] == K_GENERATOR and state[S_ENGINE, i] > 0.0:
            if x[X_FUEL, i] <= (const[C_FUEL0, i] + const[C_FUEL1, i] * out[O_P, i]) * NEAR_S:
                reached[i] = 2.0
        if reached[i] > 0.0:
            energy[9] += 1.0
    for j in range(m):
        expired[j] = 0.0
        if served[j] == 0.0 and powered[j] > 0.0:
            if load_const[L_HOLD_J, j] > 0.0:
                if load_const[L_HOLD_J, j] - y[Y_DEFICIT, j] <= load_w[j] * NEAR_S and load_w[j] > 0.0:
                    expired[j] = 1.0
            if load_const[L_HOLD_S, j] > 0.0 and load_const[L_HOLD_S, j] - y[Y_DEAD_S, j] <= NEAR_S:
                expired[j] = 1.0
            energy[9] += expired[j]
    energy[10] = near_limits(kind, const, table, powered, served, state, x, out)
    return dt
