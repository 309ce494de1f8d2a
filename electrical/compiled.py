"""The one-line as arrays: elements in topological order, sources and feeds in compressed rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from electrical.one_line import PowerModel, one_line, topological_ids

F = NDArray[np.float64]
I = NDArray[np.int64]  # noqa: E741

# rows of `const` (per element)
(
    C_NOLOAD,
    C_LIN,
    C_QUAD,
    C_R,
    C_X,
    C_RC,
    C_XC,
    C_TAN,
    C_BYP0,
    C_BYP1,
    C_SHARE,
    C_WINDOW,
    C_LIMIT,
    C_VA,
    C_TRIP,
    C_SET,
    C_PICK,
    C_DELAY,
    C_LEVEL,
    C_RESET,
    C_IMULT,
    C_ISEC,
    C_VOLT,
    C_CAP,
    C_ETAD,
    C_ETAC,
    C_CHARGE,
    C_FUEL0,
    C_FUEL1,
    C_TANK,
) = range(30)
# rows of `state` (per element; what the modes and the sequence decide)
(
    S_ON,
    S_SOURCE_U,
    S_SELECT,
    S_UPS,
    S_GRID_SHARE,
    S_CHARGE,
    S_RFACTOR,
    S_TRIPFACTOR,
    S_STUCK,
    S_LIMITFACTOR,
    S_LIVECAP,
    S_ENGINE,
    S_OVERLOADED,
) = range(13)
# rows of `x` (per element; integrated)
X_TRAVEL, X_INSTANT, X_LIVE, X_DEAD, X_FUEL = range(5)
# rows of `out` (per element); O_PIN, O_Q at the start of its feeder cable, O_QE at its own input
O_U, O_UIN, O_P, O_Q, O_LOSS, O_CABLE, O_PIN, O_BATT, O_CHARGE, O_LOADING, O_MULT, O_VA, O_VOLT, O_AMP, O_QE = range(15)
OUT_ROWS = 15
# rows of `load_const` and `load_x` (per load)
L_TAN, L_DROPOUT, L_HOLD_S, L_HOLD_J = range(4)
Y_DEFICIT, Y_DEAD_S, Y_REFILL = range(3)
# element kinds in the kernel
K_PLAIN, K_UTILITY, K_GENERATOR, K_SELECT, K_UPS = range(5)
UPS_NORMAL, UPS_BATTERY, UPS_BYPASS, UPS_OFF = range(4)
TRIP_NONE, TRIP_ELECTRONIC, TRIP_THERMAL, TRIP_TABLE = range(4)
TABLE = 8  # points of an overload table
TRIPS = {"electronic": TRIP_ELECTRONIC, "thermal": TRIP_THERMAL, "table": TRIP_TABLE}


@dataclass(frozen=True)
class Compiled:
    """Arrays of a power model; element axis in topological order."""

    model: PowerModel
    ids: tuple[str, ...]
    index: dict[str, int]
    kind: I
    ptr: I
    src: I
    const: F
    table: F  # (element, 2, TABLE): multiples, seconds; unused points infinite
    loss_class: I  # of the element itself
    classes: tuple[str, ...]  # loss classes; "cable" for feeder cables, "battery" for batteries
    room: I  # index into rooms, -1 outdoors
    lptr: I
    lsrc: I
    load_const: F
    load_ids: tuple[str, ...]
    group_slices: dict[str, slice]

    def of_class(self, cls: str) -> I:
        """Indices of the elements of a class, in order."""
        by_id = {e.id: e for e in self.model.elements}
        return np.array([k for k, id in enumerate(self.ids) if by_id[id].cls == cls], dtype=np.int64)


def compile_model(model: PowerModel) -> Compiled:
    """Compile a power model to arrays.

    Parameters
    ----------
    model : PowerModel

    Returns
    -------
    Compiled

    Raises
    ------
    ValueError
        As :func:`electrical.one_line.one_line`.
    """
    one_line(model)
    by_id = {e.id: e for e in model.elements}
    ids = topological_ids((e.id, e.sources) for e in model.elements)
    index = {id: k for k, id in enumerate(ids)}
    n = len(ids)
    kind = np.zeros(n, dtype=np.int64)
    ptr = np.zeros(n + 1, dtype=np.int64)
    src: list[int] = []
    const = np.zeros((30, n))
    table = np.full((n, 2, TABLE), np.inf)
    ends = ("cable", "battery")  # the kernel books feeder cables and batteries in the last two
    classes = tuple(sorted({e.loss_class for e in model.elements} - {"utility", "generator", *ends})) + ends
    loss_class = np.zeros(n, dtype=np.int64)
    room = np.full(n, -1, dtype=np.int64)
    for k, id in enumerate(ids):
        e = by_id[id]
        kind[k] = (
            K_UTILITY
            if e.cls == "utility"
            else K_GENERATOR
            if e.cls == "generator"
            else K_SELECT
            if e.select
            else K_UPS
            if e.cls == "ups"
            else K_PLAIN
        )
        src += [index[s] for s in e.sources]
        ptr[k + 1] = len(src)
        u2 = e.voltage_v * e.voltage_v
        const[[C_NOLOAD, C_LIN, C_QUAD], k] = e.no_load_w, e.linear, e.quadratic_per_w
        const[[C_R, C_X, C_RC, C_XC], k] = (
            e.resistance_ohm / u2,
            e.reactance_ohm / u2,
            e.cable_resistance_ohm / u2,
            e.cable_reactance_ohm / u2,
        )
        const[[C_TAN, C_BYP0, C_BYP1], k] = e.tan_phi_in or 0.0, e.bypass_no_load_w, e.bypass_linear
        const[[C_SHARE, C_WINDOW, C_LIMIT, C_VA], k] = e.battery_loss_share, e.window_low, e.limit_w, e.limit_is_va
        const[C_VOLT, k] = e.voltage_v
        const[C_ISEC, k] = 1.0
        const[C_IMULT, k] = np.inf
        if e.trip is not None:
            trip = e.trip
            const[C_TRIP, k] = TRIPS[trip.kind]
            const[[C_SET, C_PICK, C_DELAY], k] = trip.setting_va, trip.pickup, trip.delay_s
            const[[C_LEVEL, C_RESET, C_IMULT, C_ISEC], k] = (
                trip.level,
                trip.reset_s,
                trip.instant_multiple,
                trip.instant_s,
            )
            if len(trip.multiples) != len(trip.seconds) or len(trip.multiples) > TABLE:
                raise ValueError(
                    f"{id}: overload table of {len(trip.multiples)} multiples and {len(trip.seconds)} times"
                )
            table[k, 0, : len(trip.multiples)] = trip.multiples
            table[k, 1, : len(trip.seconds)] = trip.seconds
        loss_class[k] = classes.index(e.loss_class) if e.loss_class in classes else 0  # sources have no loss
        room[k] = model.rooms.index(e.room) if e.room else -1
    for b in model.batteries:
        k = index[b.ups]
        const[[C_CAP, C_ETAD, C_ETAC, C_CHARGE], k] = (
            b.energy_j,
            b.discharge_efficiency,
            b.charge_efficiency,
            b.charge_w,
        )
    for g in model.generators:
        k = index[g.id]
        const[[C_FUEL0, C_FUEL1, C_TANK], k] = g.fuel_idle_l_s_w * g.rated_w, g.fuel_l_j, g.tank_l
    lptr, slices, rows = [0], {}, []
    lsrc: list[int] = []
    load_ids: list[str] = []
    for group in model.groups:
        first = len(load_ids)
        for id, feeds in zip(group.ids, group.feeds, strict=True):
            lsrc += [index[f] for f in feeds]
            lptr.append(len(lsrc))
            load_ids.append(id)
            rows.append((group.tan_phi, group.dropout, group.holdup_s, group.holdup_j))
        slices[group.name] = slice(first, len(load_ids))
    return Compiled(
        model=model,
        ids=ids,
        index=index,
        kind=kind,
        ptr=ptr,
        src=np.array(src, dtype=np.int64),
        const=const,
        table=table,
        loss_class=loss_class,
        classes=classes,
        room=room,
        lptr=np.array(lptr, dtype=np.int64),
        lsrc=np.array(lsrc, dtype=np.int64),
        load_const=np.array(rows, dtype=np.float64).reshape(-1, 4).T.copy(),
        load_ids=tuple(load_ids),
        group_slices=slices,
    )


def neutral_state(c: Compiled) -> F:
    """State rows with everything in service, utility present, generators at rest, preferred sources selected."""
    state = np.zeros((13, len(c.ids)))
    state[[S_ON, S_GRID_SHARE, S_RFACTOR, S_TRIPFACTOR, S_LIMITFACTOR, S_LIVECAP]] = 1.0
    state[S_SOURCE_U, c.kind == K_UTILITY] = 1.0
    return state


def initial_x(c: Compiled) -> F:
    """Integrated state at the start: batteries and tanks full, trip units cold."""
    x = np.zeros((5, len(c.ids)))
    x[X_LIVE] = c.const[C_CAP]
    x[X_FUEL] = c.const[C_TANK]
    return x
