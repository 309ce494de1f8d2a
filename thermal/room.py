"""Rooms as well-mixed air with contents, cooled by groups of packaged air handlers.

``C_a T_a' = q + P_fan - Q_coil - G_c (T_a - T_c) - (UA + m_o c_p)(T_a - T_out)`` and ``C_c T_c' = G_c (T_a - T_c)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

import numpy as np
from numba import njit
from numpy.typing import NDArray

from thermal import air_handler as _ahu
from thermal import chiller as _chiller

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
REFERENCE_C = 20.0
HOT_K = 3.0  # room above set-point that calls every unit
LOAD_LAG_S = 15.0
SUBSTEP_S = 1.0

ROOM_PARAMETERS = ("air_j_k", "contents_j_k", "contents_w_k", "outdoor_w_k", "set_c", "duty_units", "gain_per_k",
                   "reset_s", "detect_s", "scan_s")
R_AIR, R_CONT, R_EXCH, R_OUT, R_SET, R_DUTY, R_GAIN, R_RESET, R_DETECT, R_SCAN = range(len(ROOM_PARAMETERS))
HANDLER_PARAMETERS = ("room", "capacity_w", "rated_return_c", "rated_outdoor_c", "carnot_fraction", "evaporator_k",
                      "condenser_k", "fan_w", "fan_minimum_fraction", "minimum_load_fraction", "condenser_air_kg_s",
                      "restart_s")
(A_ROOM, A_CAP, A_RET, A_AMB, A_ETA, A_DTE, A_DTC, A_FAN, A_FMIN, A_MIN, A_AIR,
 A_RESTART) = range(len(HANDLER_PARAMETERS))
HANDLER_INPUTS = ("powered", "failed", "fan_fraction", "capacity_fraction")
V_POWER, V_FAIL, V_FAN, V_CAP = range(len(HANDLER_INPUTS))
HANDLER_LOGIC = ("on", "ready_s", "changed_us")
ROOM_LOGIC = ("integral", "signal", "missing_s")

_capacity = njit(cache=True)(_ahu.coil_capacity_w)
_cop = njit(cache=True)(_chiller.chiller_cop)


@njit(cache=True)
def room_rhs(y: Floats, dy: Floats, room: Floats, ahu: Floats, v: Floats, on: Floats, signal: Floats, heat_w: Floats,
             outdoor_c: float) -> None:
    """Write dy/dt: room air, contents, unit loads, then joules of units, rejected, to outdoors."""
    nr, na = room.shape[0], ahu.shape[0]
    load_0, joule_0 = 2 * nr, 2 * nr + na
    rejected, outdoors = joule_0 + na, joule_0 + na + 1
    dy[rejected], dy[outdoors] = 0.0, 0.0
    for r in range(nr):
        exchange = room[r, R_EXCH] * (y[r] - y[nr + r])
        loss = room[r, R_OUT] * (y[r] - outdoor_c)
        dy[r] = heat_w[r] - exchange - loss
        dy[nr + r] = exchange / room[r, R_CONT]
        dy[outdoors] += loss
    for j in range(na):
        r = int(ahu[j, A_ROOM])
        u = min(max(signal[r], 0.0), 1.0)
        dy[joule_0 + j] = 0.0
        if on[j] > 0.5 and v[j, V_POWER] > 0.5 and v[j, V_FAIL] < 0.5:
            speed = ahu[j, A_FMIN] + (1.0 - ahu[j, A_FMIN]) * u
            fan_w = ahu[j, A_FAN] * speed**3 * v[j, V_FAN]
            flow = max(speed * v[j, V_FAN], 1e-6)
            load = max(y[load_0 + j], 0.0)
            coil_w = load * v[j, V_CAP] * _capacity(ahu[j, A_CAP], y[r], ahu[j, A_RET], outdoor_c, ahu[j, A_AMB], flow)
            cop = _cop(ahu[j, A_ETA], y[r], outdoor_c, ahu[j, A_DTE], ahu[j, A_DTC], load)
            wanted = max(u, ahu[j, A_MIN]) if u > 0.0 else 0.0
            dy[load_0 + j] = (wanted - y[load_0 + j]) / LOAD_LAG_S
            dy[r] += fan_w - coil_w
            dy[joule_0 + j] = fan_w + coil_w / cop
            condenser_w_k = ahu[j, A_AIR] * 1006.0
            discharge_c = outdoor_c + (coil_w + coil_w / cop) / condenser_w_k
            dy[rejected] += condenser_w_k * (discharge_c - outdoor_c)
        else:
            dy[load_0 + j] = -y[load_0 + j] / 1.0
    for r in range(nr):
        dy[r] /= room[r, R_AIR]


@njit(cache=True)
def room_control(t_us: int, y: Floats, room: Floats, ahu: Floats, v: Floats, d_ahu: Floats, d_room: Floats) -> None:
    """Units that drop out by themselves, and the group controller at its scan."""
    nr, na = room.shape[0], ahu.shape[0]
    for j in range(na):
        if v[j, V_POWER] < 0.5 or v[j, V_FAIL] > 0.5:
            d_ahu[j, 1] = 0.0
            if d_ahu[j, 0] > 0.5:
                d_ahu[j, 0], d_ahu[j, 2] = 0.0, t_us
    for r in range(nr):
        scan_us = round(room[r, R_SCAN] * 1e6)
        if t_us % scan_us != 0:
            continue
        error = y[r] - room[r, R_SET]
        gained = room[r, R_GAIN] * error
        step = gained * room[r, R_SCAN] / room[r, R_RESET]
        output = d_room[r, 0] + gained
        if not ((output >= 1.0 and step > 0.0) or (output <= 0.0 and step < 0.0)):
            d_room[r, 0] += step
        d_room[r, 1] = min(max(d_room[r, 0] + gained, 0.0), 1.0)
        running, most = 0, 0
        for j in range(na):
            if int(ahu[j, A_ROOM]) == r:
                most += 1
                if d_ahu[j, 0] > 0.5:
                    running += 1
        wanted = most if error > HOT_K else int(room[r, R_DUTY])
        if running < wanted:
            d_room[r, 2] += room[r, R_SCAN]
            if d_room[r, 2] > room[r, R_DETECT]:
                for j in range(na):
                    able = int(ahu[j, A_ROOM]) == r and d_ahu[j, 0] < 0.5 and d_ahu[j, 1] >= ahu[j, A_RESTART]
                    if able and v[j, V_POWER] > 0.5 and v[j, V_FAIL] < 0.5:
                        d_ahu[j, 0], d_ahu[j, 2] = 1.0, t_us
                        break
        else:
            d_room[r, 2] = 0.0
            if running > int(room[r, R_DUTY]) and error < 0.2:
                for k in range(na):
                    j = na - 1 - k
                    if int(ahu[j, A_ROOM]) == r and d_ahu[j, 0] > 0.5:
                        d_ahu[j, 0], d_ahu[j, 2] = 0.0, t_us
                        break


@njit(cache=True)
def room_advance(t_us: int, t_end_us: int, y: Floats, room: Floats, ahu: Floats, v: Floats, d_ahu: Floats,
                 d_room: Floats, heat_w: Floats, outdoor_c: float, work: Floats) -> None:
    """Step to t_end, inputs held; the joules count from zero at t."""
    nr, na, size = room.shape[0], ahu.shape[0], y.shape[0]
    k1, k2, k3, k4, trial = work[0], work[1], work[2], work[3], work[4]
    y[2 * nr + na:] = 0.0
    t = t_us
    while t < t_end_us:
        room_control(t, y, room, ahu, v, d_ahu, d_room)
        until = min(t_end_us, (t // 1_000_000 + 1) * 1_000_000)
        seconds = (until - t) * 1e-6
        steps = max(int(ceil(seconds / SUBSTEP_S - 1e-9)), 1)
        h = seconds / steps
        on, signal = d_ahu[:, 0], d_room[:, 1]
        for _ in range(steps):
            room_rhs(y, k1, room, ahu, v, on, signal, heat_w, outdoor_c)
            for k in range(size):
                trial[k] = y[k] + 0.5 * h * k1[k]
            room_rhs(trial, k2, room, ahu, v, on, signal, heat_w, outdoor_c)
            for k in range(size):
                trial[k] = y[k] + 0.5 * h * k2[k]
            room_rhs(trial, k3, room, ahu, v, on, signal, heat_w, outdoor_c)
            for k in range(size):
                trial[k] = y[k] + h * k3[k]
            room_rhs(trial, k4, room, ahu, v, on, signal, heat_w, outdoor_c)
            for k in range(size):
                y[k] += h / 6.0 * (k1[k] + 2.0 * k2[k] + 2.0 * k3[k] + k4[k])
        for j in range(na):
            d_ahu[j, 1] += seconds
            if d_ahu[j, 0] < 0.5:
                y[2 * nr + j] = 0.0
        t = until


@dataclass
class RoomAir:
    """Rooms with their air handlers and state; `integrator` is "fast" or "reference" (solve_ivp)."""

    rooms: Sequence[Mapping[str, float]]
    handlers: Sequence[Mapping[str, float]]
    integrator: str = "fast"
    y: Floats = field(init=False)

    def __post_init__(self) -> None:
        for rows, columns in ((self.rooms, ROOM_PARAMETERS), (self.handlers, HANDLER_PARAMETERS)):
            for row in rows:
                if set(row) != set(columns):
                    raise ValueError(f"missing or unknown parameters {sorted(set(row) ^ set(columns))}")
        nr, na = len(self.rooms), len(self.handlers)
        self.room = np.array([[row[c] for c in ROOM_PARAMETERS] for row in self.rooms], dtype=np.float64)
        self.ahu = np.array([[row[c] for c in HANDLER_PARAMETERS] for row in self.handlers],
                            dtype=np.float64).reshape(na, len(HANDLER_PARAMETERS))
        self.y, self.d_ahu, self.d_room = np.zeros(2 * nr + 2 * na + 2), np.zeros((na, 3)), np.zeros((nr, 3))
        self.v, self.heat_w = np.zeros((na, 4)), np.zeros(nr)
        self.outdoor_c = 20.0
        self._work = np.zeros((5, len(self.y)))
        self.rest()

    def rest(self) -> None:
        """Rooms at their set-points, duty units on, nothing wrong."""
        nr = len(self.rooms)
        self.y[:nr] = self.y[nr:2 * nr] = self.room[:, R_SET]
        self.v[:] = (1.0, 0.0, 1.0, 1.0)
        self.d_ahu[:] = (0.0, 1e9, 0.0)
        self.d_room[:] = (0.5, 0.5, 0.0)
        for r in range(nr):
            members = [j for j in range(len(self.handlers)) if int(self.ahu[j, A_ROOM]) == r]
            for j in members[: int(self.room[r, R_DUTY])]:
                self.d_ahu[j, 0] = 1.0

    def advance(self, t_us: int, t_end_us: int) -> None:
        """Step to t_end at the present inputs."""
        if self.integrator == "fast":
            room_advance(t_us, t_end_us, self.y, self.room, self.ahu, self.v, self.d_ahu, self.d_room, self.heat_w,
                         self.outdoor_c, self._work)
        else:
            self._advance_reference(t_us, t_end_us)

    def derivative(self, y: Floats) -> Floats:
        """dy/dt at the present inputs (for scipy.integrate.solve_ivp)."""
        dy = np.empty_like(y)
        room_rhs(np.ascontiguousarray(y), dy, self.room, self.ahu, self.v, self.d_ahu[:, 0], self.d_room[:, 1],
                 self.heat_w, self.outdoor_c)
        return dy

    def _advance_reference(self, t_us: int, t_end_us: int) -> None:
        from scipy.integrate import solve_ivp

        nr, na = len(self.rooms), len(self.handlers)
        self.y[2 * nr + na:] = 0.0
        t = t_us
        while t < t_end_us:
            room_control(t, self.y, self.room, self.ahu, self.v, self.d_ahu, self.d_room)
            until = min(t_end_us, (t // 1_000_000 + 1) * 1_000_000)
            found = solve_ivp(lambda _, y: self.derivative(y), (0.0, (until - t) * 1e-6), self.y, method="DOP853",
                              rtol=1e-9, atol=1e-7)
            if not found.success:
                raise ArithmeticError(f"rooms: {found.message} at t = {t * 1e-6:.6f} s")
            self.y[:] = found.y[:, -1]
            self.d_ahu[:, 1] += (until - t) * 1e-6
            self.y[2 * nr:2 * nr + na][self.d_ahu[:, 0] < 0.5] = 0.0
            t = until

    @property
    def air_c(self) -> Floats:
        return self.y[: len(self.rooms)]

    @property
    def handler_j(self) -> Floats:
        """Electric energy of each unit in the last step [J]."""
        nr, na = len(self.rooms), len(self.handlers)
        return self.y[2 * nr + na:2 * nr + 2 * na]

    @property
    def rejected_j(self) -> float:
        """Heat blown off by the condensers in the last step [J]."""
        return float(self.y[-2])

    @property
    def outdoors_j(self) -> float:
        """Heat through walls and outdoor air in the last step [J], positive outwards."""
        return float(self.y[-1])

    def stored_j(self) -> float:
        """Heat in air and contents above 20 degC [J]."""
        nr = len(self.rooms)
        return float(self.room[:, R_AIR] @ (self.y[:nr] - REFERENCE_C)
                     + self.room[:, R_CONT] @ (self.y[nr:2 * nr] - REFERENCE_C))
