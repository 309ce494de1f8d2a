"""The compute fabric in the coupling: switch states, exchange bandwidth of jobs and pools, switch power."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import is_

import numpy as np
from numba import njit

from network_topology.power import switch_power_w
from network_topology.rack_fabric import (
    RackFabric,
    RackFaults,
    crossing_fraction,
    light_power_w,
    live_nics,
    members_kappa,
    utilization_per_bit_s,
)
from network_topology.slowdown import exchange_factor
from twin.contract import NEVER, SECOND, Advanced, Array, Event, Inputs, Port, State, Us

# Everything the fabric reacts to: (port, axis, neutral). The first two act through switch_up.
SWITCH_PORTS = (("switch_powered", "switch", 1.0), ("switch_failed", "switch", 0.0))
FAULT_PORTS = (
    ("switch_up", "switch", 1.0),
    ("leaf_link_cables_lost_count", "leaf_link", 0.0),
    ("leaf_link_rate_lost_fraction", "leaf_link", 0.0),
    ("leaf_link_flap_down_fraction", "leaf_link", 0.0),
    ("trunk_cut_fraction", "trunk", 0.0),
    ("rail_nics_lost_count", "rail_link", 0.0),
    ("rail_cables_lost_count", "rail_link", 0.0),
)
LIGHT_PORTS = (*SWITCH_PORTS, ("rack_powered", "rack", 1.0))
_NEUTRAL = {name: neutral for name, _, neutral in FAULT_PORTS}
_CHANGED = 1e-12
_LOOKED_AT = (*(name for name, _, _ in FAULT_PORTS), *(name for name, _, _ in LIGHT_PORTS))
_power_w = njit(cache=True)(switch_power_w)


@dataclass(frozen=True)
class FabricUser:
    """A job or a pool on some racks, and how it uses the fabric (see twin/spec/fabric.py: Traffic)."""

    name: str
    port: str  # "job_network_factor" or "pool_network_factor"
    index: int
    members: tuple[int, ...]
    pattern: str
    usage_fraction: float
    fabric_share_fraction: float
    on_loss: str  # when a NIC it uses goes: "restart", "reroute" or "abort"

    @cached_property
    def racks(self) -> np.ndarray:
        return np.array(self.members, dtype=np.int64)


@dataclass(frozen=True)
class NetworkParams:
    """What the component needs to know; switches are leaves then spines, arrays are per switch."""

    fabric: RackFabric
    axes: Mapping[str, tuple[str, ...]]
    users: tuple[FabricUser, ...]
    base_w: Array
    maximum_w: Array
    nic_end_w: Array  # (rack, rail) one lit end at the leaf
    uplink_end_w: Array  # (leaf, spine) one lit end
    boot_us: tuple[Us, ...]
    restart_us: Us


@njit(cache=True)
def _loaded(per_bit_s, demand_bit_s, fixed_w, span_w):
    """Use and power of every switch, with the sums of power and demand."""
    used, power = np.empty(fixed_w.size), np.empty(fixed_w.size)
    for i in range(fixed_w.size):
        share = 0.0
        for r in range(demand_bit_s.size):
            share += per_bit_s[i, r] * demand_bit_s[r]
        used[i] = min(share, 1.0)
        power[i] = _power_w(fixed_w[i], span_w[i], used[i])
    return used, power, power.sum(), demand_bit_s.sum()


class Network:
    """Fabric of the racks.

    A switch forwards while it is powered and whole, and again `boot_us` after both return. Losing a NIC's path
    (NIC, its cable, or the single leaf it hangs on) breaks the connections of a job that uses it: by `on_loss` the
    job stops until its communicator is rebuilt without these NICs ("restart"), goes on over the others at once
    ("reroute"), or stops until the path is repaired ("abort"). Lost leaf-spine capacity slows without a stop.
    """

    name = "network"
    grid: Us = 0
    can_rewind = True

    def __init__(self, params: NetworkParams):
        self.p = params
        self.axes = params.axes
        self.outputs: tuple[Port, ...] = (
            Port("switch_power_w", "switch", "mean", needs=("fabric_demand_bit_s",)),
            Port("switch_utilization_fraction", "switch", "mean", needs=("fabric_demand_bit_s",), record="minute"),
            Port("network_utilization_fraction", "site", "mean", needs=("fabric_demand_bit_s",)),
            Port("switch_up", "switch", "mode", neutral=1.0),
            Port("job_network_factor", "job", "mode", neutral=1.0),
            Port("pool_network_factor", "pool", "mode", neutral=1.0),
        )
        self.inputs: tuple[Port, ...] = (
            Port("fabric_demand_bit_s", "rack", "mean"),
            *(Port(n, axis, "mode", neutral=v) for n, axis, v in LIGHT_PORTS + FAULT_PORTS),
            Port("job_network_factor", "job", "mode", neutral=1.0),
            Port("pool_network_factor", "pool", "mode", neutral=1.0),
        )
        f = params.fabric
        self._shapes = {
            "leaf_link": (f.leaves, f.spines),
            "trunk": (f.leaves // f.rails, f.spines),
            "rail_link": (len(f.rack_group), f.rails),
            "switch": (f.leaves + f.spines,),
        }
        self._axis = {n: axis for n, axis, _ in FAULT_PORTS}
        crossing = np.zeros(len(f.rack_group))
        for user in params.users:
            share = crossing_fraction(f, user.racks, user.pattern)
            crossing[user.racks] = np.maximum(crossing[user.racks], share)
        self._crossing = crossing
        self._looked: list[Array] = []  # modes found the same as at the last look
        self._capacity_bit_s = len(f.rack_group) * f.rails * f.nics_per_rail * f.fabric.link_bit_s

    # ------------------------------------------------------------------------------------------------ life

    def start(self, t: Us, inputs: Inputs) -> None:
        switches = self._shapes["switch"][0]
        self.up = np.ones(switches, dtype=bool)
        self.boot_at = [NEVER] * switches
        self.down_by = [""] * switches  # port that took it down
        self.factor = np.ones(len(self.p.users))
        self.restart_at = [NEVER] * len(self.p.users)
        self.nics = np.full(self._shapes["rail_link"], float(self.p.fabric.nics_per_rail))
        self.seen = {n: np.full(len(inputs.value[n]), v) for n, _, v in FAULT_PORTS}
        self.lit = {n: np.full(len(inputs.value[n]), v) for n, _, v in LIGHT_PORTS}
        self._derive()
        self._find_due()

    def _find_due(self) -> None:
        self._due: Us = min(min(self.boot_at, default=NEVER), min(self.restart_at, default=NEVER))

    def next_due(self) -> Us:
        return self._due

    def _derive(self) -> None:
        """Everything that follows from the modes seen: powers, utilisation map."""
        p, faults = self.p, self._faults(self.seen)
        on = (self.lit["switch_powered"] > 0.5) & (self.lit["switch_failed"] < 0.5)
        up = self.seen["switch_up"] > 0.5
        light = light_power_w(p.fabric, faults, self.lit["rack_powered"], p.nic_end_w, p.uplink_end_w)
        self._per_bit_s = utilization_per_bit_s(p.fabric, faults, self._crossing)
        base = np.where(on, p.base_w, 0.0)
        self._span_w = np.where(up & on, p.maximum_w - p.base_w, 0.0)
        self._fixed_w = base + np.where(up & on, light, 0.0)
        self._key = self._bytes(self.seen), self._bytes(self.lit)

    @staticmethod
    def _bytes(values: Mapping[str, Array]) -> tuple[bytes, ...]:
        return tuple(v.tobytes() for v in values.values())

    def _faults(self, value: Mapping[str, Array]) -> RackFaults:
        def shaped(name: str) -> Array:
            return value[name].reshape(self._shapes[self._axis[name]])

        return RackFaults(
            switch_up=value["switch_up"],
            cables_lost=shaped("leaf_link_cables_lost_count"),
            rate_lost=shaped("leaf_link_rate_lost_fraction"),
            flap_down=shaped("leaf_link_flap_down_fraction"),
            trunk_cut=shaped("trunk_cut_fraction"),
            nics_lost=shaped("rail_nics_lost_count"),
            nic_cables_lost=shaped("rail_cables_lost_count"),
        )

    # ------------------------------------------------------------------------------------------------ settle

    def settle(self, t: Us, round: int, inputs: Inputs) -> tuple[Event, ...]:
        value = inputs.value
        modes = [value[n] for n in _LOOKED_AT]
        if t < self._due and self._looked and all(map(is_, modes, self._looked)):
            return ()  # a mode that changes comes as a new array
        key = (
            tuple(value[n].tobytes() for n in self.seen),
            tuple(value[n].tobytes() for n in self.lit),
        )
        if key == self._key and t < self._due:
            self._looked = modes
            return ()
        switched = self._switches(t, inputs)
        self._find_due()
        if switched:
            return switched  # the users react in the next round, when switch_up knows its event
        before = self.seen
        self.seen = {n: value[n].copy() for n in self.seen}
        self.lit = {n: value[n].copy() for n in self.lit}
        self._derive()
        events = self._users(t, inputs, before)
        self._find_due()
        return events

    def _switches(self, t: Us, inputs: Inputs) -> tuple[Event, ...]:
        powered, failed = inputs.value["switch_powered"], inputs.value["switch_failed"]
        events = []
        for i in np.flatnonzero((powered > 0.5) & (failed < 0.5)):
            if not self.up[i] and self.boot_at[i] == NEVER:
                self.boot_at[i] = t + self.p.boot_us[i]
            if not self.up[i] and t >= self.boot_at[i]:
                self.up[i], self.boot_at[i] = True, NEVER
                cause = inputs.cause[self.down_by[i]][i] if self.down_by[i] else ""
                events.append(self._switch_event(t, int(i), "switch-up", cause, 1.0, "forwards again"))
                self.down_by[i] = ""
        for i in np.flatnonzero((powered < 0.5) | (failed > 0.5)):
            self.boot_at[i] = NEVER
            port = "switch_failed" if failed[i] > 0.5 else "switch_powered"
            self.down_by[i] = port
            if self.up[i]:
                self.up[i] = False
                why = "has failed" if port == "switch_failed" else "has no power"
                events.append(self._switch_event(t, int(i), "switch-down", inputs.cause[port][i], 0.0, why))
        return tuple(events)

    def _switch_event(self, t: Us, i: int, kind: str, cause: str, up: float, why: str) -> Event:
        element = self.p.axes["switch"][i]
        return Event(t, element, kind, causes=(cause,) if cause else (), sets=(("switch_up", i, up),),
                     message=f"{element} {why}")

    def _users(self, t: Us, inputs: Inputs, before: Mapping[str, Array]) -> tuple[Event, ...]:
        now = live_nics(self.p.fabric, self._faults(self.seen))
        was, self.nics = self.nics, now
        events = []
        for n, user in enumerate(self.p.users):
            speed, broken = self._outcome(user, self.seen, was)
            factor, own = self.factor[n], ""
            if factor == 0.0 and self.restart_at[n] != NEVER:  # stopped, waiting for its communicator
                if t < self.restart_at[n] and (speed < 1.0 or broken):
                    continue
                self.restart_at[n] = NEVER
                own = inputs.cause[user.port][user.index]
            elif broken and user.on_loss != "reroute" and factor > 0.0:
                speed = 0.0
                self.restart_at[n] = t + self.p.restart_us if user.on_loss == "restart" else NEVER
            elif factor == 0.0 and user.on_loss == "abort" and speed < 1.0:
                continue
            if abs(speed - factor) <= _CHANGED:
                continue
            self.factor[n] = speed
            causes = ((own,) if own else ()) + self._causes(user, inputs, before, was)
            kind = ("cut-off" if speed == 0.0 else "restored" if speed >= 1.0
                    else "eased" if 0.0 < factor < speed else "slowed")
            events.append(Event(t, user.name, f"{user.port.split('_')[0]}-{kind}", causes=causes,
                                sets=((user.port, user.index, float(speed)),), value=float(speed),
                                message=f"{user.name} has {speed:.1%} of its nominal exchange bandwidth"))
        return tuple(events)

    def _outcome(self, user: FabricUser, value: Mapping[str, Array], nics_before: Array) -> tuple[float, bool]:
        """Bandwidth factor of a user under these modes, and whether it has lost a NIC that it had."""
        faults = self._faults(value)
        kappa = members_kappa(self.p.fabric, faults, user.racks, user.pattern, user.usage_fraction)
        live = live_nics(self.p.fabric, faults)[user.racks]
        broken = len(user.members) > 1 and bool(np.any(live < nics_before[user.racks]))
        return exchange_factor(kappa, user.fabric_share_fraction), broken

    def _causes(self, user: FabricUser, inputs: Inputs, before: Mapping[str, Array], was: Array) -> tuple[str, ...]:
        """Events without which the outcome would differ: of modes that changed now first, then of standing ones."""
        outcome = self._outcome(user, self.seen, was)
        changed: list[str] = []
        standing: list[str] = []
        touched: list[str] = []
        for port, values in self.seen.items():
            for i in np.flatnonzero((values != before[port]) | (values != _NEUTRAL[port])):
                new = values[i] != before[port][i]
                other = values.copy()
                other[i] = before[port][i] if new else _NEUTRAL[port]
                differs = self._outcome(user, {**self.seen, port: other}, was) != outcome
                if differs:
                    (changed if new else standing).append(inputs.cause[port][i])
                elif new:
                    touched.append(inputs.cause[port][i])
        # Where each of several losses alone would do, none is decisive: then all that changed are named.
        return tuple(c for c in (changed or touched) + standing if c)

    # ------------------------------------------------------------------------------------------------ advance

    def may_split(self, t: Us, t_end: Us) -> bool:
        return False

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        used, power, total_w, demand_bit_s = _loaded(
            self._per_bit_s, inputs.value["fabric_demand_bit_s"], self._fixed_w, self._span_w
        )
        outputs = {
            "switch_power_w": power,
            "switch_utilization_fraction": used,
            "network_utilization_fraction": np.array([demand_bit_s / self._capacity_bit_s]),
        }
        return Advanced(t_end, outputs, {"network/switch_j": total_w * ((t_end - t) / SECOND)})

    def stored_j(self) -> Mapping[str, float]:
        return {}

    def drivers(self, port: str, index: int) -> Iterable[tuple[str, int]]:
        racks = range(len(self.p.fabric.rack_group))
        if port == "network_utilization_fraction":
            return [("fabric_demand_bit_s", r) for r in racks]
        if port not in ("switch_power_w", "switch_utilization_fraction"):
            return ()
        f = self.p.fabric
        if index < f.leaves:
            links = [index * f.spines + s for s in range(f.spines)]
            group, rail = divmod(index, f.rails)
            racks_of = [r for r in racks if f.rack_group[r] == group]
            trunks = [group * f.spines + s for s in range(f.spines)]
        else:
            spine = index - f.leaves
            links = [leaf * f.spines + spine for leaf in range(f.leaves)]
            racks_of, rail = list(racks), None
            trunks = [g * f.spines + spine for g in range(f.leaves // f.rails)]
        rails = [r * f.rails + k for r in racks_of for k in (range(f.rails) if rail is None else (rail,))]
        found = [("fabric_demand_bit_s", r) for r in racks_of] + [("rack_powered", r) for r in racks_of]
        found += [(n, index) for n in ("switch_powered", "switch_failed", "switch_up")]
        found += [(n, i) for n, axis in self._axis.items() if axis == "leaf_link" for i in links]
        found += [("trunk_cut_fraction", i) for i in trunks]
        return found + [(n, i) for n, axis in self._axis.items() if axis == "rail_link" for i in rails]

    # ------------------------------------------------------------------------------------------------ state

    def mark(self) -> object:
        return (self.up.copy(), list(self.boot_at), list(self.down_by), self.factor.copy(), list(self.restart_at),
                self.nics, self.seen, self.lit)

    def rewind(self, mark: object) -> None:
        assert isinstance(mark, tuple)
        up, boot_at, down_by, factor, restart_at, nics, seen, lit = mark
        self.up, self.boot_at, self.down_by = up.copy(), list(boot_at), list(down_by)
        self.factor, self.restart_at, self.nics = factor.copy(), list(restart_at), nics
        self._looked = []
        if seen is not self.seen or lit is not self.lit:
            self.seen, self.lit = seen, lit
            self._derive()
        self._find_due()

    def save(self) -> State:
        return {
            "up": self.up.astype(np.float64), "boot_at": list(self.boot_at), "down_by": list(self.down_by),
            "factor": self.factor.copy(), "restart_at": list(self.restart_at), "nics": self.nics.copy(),
            "seen": {n: v.copy() for n, v in self.seen.items()}, "lit": {n: v.copy() for n, v in self.lit.items()},
        }

    def load(self, state: State) -> None:
        self.up = np.asarray(state["up"]) > 0.5
        self.boot_at = [int(t) for t in state["boot_at"]]
        self.down_by = [str(p) for p in state["down_by"]]
        self.factor = np.array(state["factor"], dtype=np.float64)
        self.restart_at = [int(t) for t in state["restart_at"]]
        self.nics = np.array(state["nics"], dtype=np.float64)
        self._looked = []
        self._find_due()
        self.seen = {n: np.array(state["seen"][n], dtype=np.float64) for n, _, _ in FAULT_PORTS}
        self.lit = {n: np.array(state["lit"][n], dtype=np.float64) for n, _, _ in LIGHT_PORTS}
        self._derive()
