"""The macro step: settle, find the end, mark and advance (rewind at a splitting event), book.

Everything that happens between components happens here: who goes first, which value of a signal a component
sees, which event set a mode, how many joules crossed. No physics lives in this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from twin.contract import SECOND, Array, Component, Event, Inputs, Port, State, Us
from twin.errors import SolverError, WiringError

MAX_ROUNDS = 64
MAX_SPLITS = 64
MOVED = 0.05


@dataclass(frozen=True)
class Hold:
    """From `t` on, consumers of `ports` see the values these had at `t` (a counterfactual: what if no feedback)."""

    t: Us
    ports: tuple[str, ...]


@dataclass
class StepRecord:
    """One step as the recorder sees it: what every component produced between t and t_end."""

    t: Us
    t_end: Us
    outputs: Mapping[str, Array]
    events: tuple[Event, ...]


@dataclass
class Coupling:
    """The wired set of components and the state that lies between them.

    Parameters
    ----------
    components : in the order of settling (protection, electrical, hydraulics, control, load); the order of
        advance follows from `needs`
    axes : ids of every axis named by a port
    step : macro step [µs]
    tamper : (consumer, port) -> factor on what this consumer sees; breaks a ledger on purpose (tests)
    hold : counterfactual hold of signals

    Raises
    ------
    WiringError : every missing, doubled or cyclic connection, all at once
    """

    components: Sequence[Component]
    axes: Mapping[str, tuple[str, ...]]
    step: Us = SECOND
    tamper: Mapping[tuple[str, str], float] = field(default_factory=dict)
    hold: Hold | None = None

    def __post_init__(self) -> None:
        self.ports, self.producer = _producers(self.components, self.axes)
        _check_inputs(self.components, self.ports, self.axes)
        self.order = _order(self.components, self.producer)
        self.t: Us = 0
        self.values: dict[str, Array] = {
            name: np.full(len(self.axes[port.axis]), port.neutral) for name, port in self.ports.items()
        }
        self.causes: dict[str, list[str]] = {
            name: [""] * len(self.axes[port.axis]) for name, port in self.ports.items() if port.kind == "mode"
        }
        self.pending: dict[str, Array] = {
            name: np.zeros(len(self.axes[port.axis])) for name, port in self.ports.items() if port.kind == "joules"
        }
        self.counters: dict[str, float] = {}
        self._then: dict[str, Array] = {}  # event that set a mode -> every continuous value at that instant
        self._place: dict[str, int] = {}
        for name, port in self.ports.items():
            if port.kind in ("mean", "end"):
                self._place[name] = sum(len(self.axes[self.ports[n].axis]) for n in self._place)
        self._held: dict[str, Array] = {}
        self._inputs = {c.name: Inputs(self.values, self.causes) for c in self.components}
        self._takes = {c.name: [p.name for p in c.inputs if p.kind == "joules"] for c in self.components}
        self._gives = {c.name: [p.name for p in c.outputs if p.kind == "joules"] for c in self.components}
        self._lagged = _lagged_powers(self.order)
        self._rewindable = [c for c in self.order if c.can_rewind]
        self._grids = [c.grid for c in self.order if c.grid]

    # ------------------------------------------------------------------------------------------------ life

    def start(self, t: Us) -> None:
        """Initialise every component at t with neutral inputs."""
        self.t = t
        for component in self.order:
            component.start(t, self._inputs[component.name])

    def forget_history(self) -> None:
        """End of a warm-up: counters to zero, standing modes become initial conditions without a cause."""
        self.counters.clear()
        for name, causes in self.causes.items():
            self.causes[name] = [""] * len(causes)
        self._then.clear()

    def run(self, until: Us, record: Callable[[StepRecord], None] | None = None) -> None:
        """Step to `until` [µs]."""
        while self.t < until:
            done = self.advance(until)
            if record is not None:
                record(done)

    # ------------------------------------------------------------------------------------------------ one step

    def advance(self, until: Us) -> StepRecord:
        """One macro step from the present instant to at most `until`."""
        if self.hold is not None and not self._held and self.t >= self.hold.t:
            self._held = {name: self.values[name] for name in self.hold.ports}
        t = self.t
        said = self._settle(t)
        end = self._end(t, until)
        rewindable = self._rewindable
        before = {port: self.values[port] for port in self._lagged}
        guarded = any(c.may_split(t, end) for c in rewindable)
        if guarded:
            marks = [c.mark() for c in rewindable]
            values, pending = dict(self.values), dict(self.pending)
        for _ in range(MAX_SPLITS):
            booked, outputs, inside, reached = self._advance_once(rewindable, t, end)
            if reached == end:
                break
            if not guarded:
                raise SolverError("a component splits a step that it said it would not split", t_s=t / SECOND)
            for component, mark in zip(rewindable, marks, strict=True):
                component.rewind(mark)
            self.values.update(values)
            self.pending.update(pending)
            end = reached
        else:
            raise SolverError("a component keeps splitting the same step", t_s=t / SECOND)
        for component in self.order:
            if not component.can_rewind:
                got, made, events, _ = self._advance_once([component], t, end)
                booked += got
                outputs.update(made)
                inside += events
        for terms in booked:
            for name, amount in terms.items():
                self.counters[name] = self.counters.get(name, 0.0) + amount
        self._book_lag(outputs, before, end - t)
        self.t = end
        applied = said + tuple(self._apply(e, c, "s") for c, e in inside)
        return StepRecord(t, end, outputs, applied)

    def _settle(self, t: Us) -> tuple[Event, ...]:
        said: list[Event] = []
        for round in range(MAX_ROUNDS):
            quiet = True
            for component in self.components:
                events = component.settle(t, round, self._view(component))
                if events:
                    quiet = False
                    said += [self._apply(e, component, str(round)) for e in events]
            if quiet:
                return tuple(said)
        last = sorted({f"{e.element}/{e.kind}" for e in said if e.id.split("/")[0].endswith(f".{MAX_ROUNDS - 1}")})
        raise SolverError(f"no quiet after {MAX_ROUNDS} rounds of settling; still talking: {', '.join(last)}",
                          t_s=t / SECOND)

    def _end(self, t: Us, until: Us) -> Us:
        end = min((t // self.step + 1) * self.step, (t // SECOND + 1) * SECOND, until)
        for component in self.order:
            due = component.next_due()
            if t < due < end:
                end = due
        for grid in self._grids:
            end = min(end, (t // grid + 1) * grid)
        return end

    def _advance_once(
        self, components: Iterable[Component], t: Us, end: Us
    ) -> tuple[list[Mapping[str, float]], dict[str, Array], list[tuple[Component, Event]], Us]:
        booked: list[Mapping[str, float]] = []
        outputs: dict[str, Array] = {}
        inside: list[tuple[Component, Event]] = []
        for component in components:
            name = component.name
            for port in self._takes[name]:
                self.values[port] = self.pending[port]
                self.pending[port] = np.zeros_like(self.pending[port])
            done = component.advance(t, end, self._view(component))
            if done.t < end:
                if done.t <= t:
                    raise SolverError(f"{name} splits a step at its own start", t_s=t / SECOND)
                return booked, outputs, inside, done.t
            for port in self._gives[name]:
                self.pending[port] = self.pending[port] + done.outputs[port]
            outputs.update(done.outputs)
            self.values.update(done.outputs)
            if self._held:
                self.values.update(self._held)
            booked += (done.joules, done.counts)
            inside += [(component, e) for e in done.events]
        return booked, outputs, inside, end

    def _view(self, component: Component) -> Inputs:
        inputs = self._inputs[component.name]
        if not self.tamper:
            return inputs
        factors = {port: f for (name, port), f in self.tamper.items() if name == component.name}
        if not factors:
            return inputs
        return Inputs({**self.values, **{p: self.values[p] * f for p, f in factors.items()}}, self.causes)

    def _book_lag(self, outputs: Mapping[str, Array], before: Mapping[str, Array], dt: Us) -> None:
        """Joules between a power that a component could only see one step late and the power that flowed."""
        for port in self._lagged:
            late = float(np.sum(before[port] - outputs[port])) * dt / SECOND
            name = f"coupling/late_{port.removesuffix('_w')}_j"
            self.counters[name] = self.counters.get(name, 0.0) + late

    # ------------------------------------------------------------------------------------------------ events

    def _apply(self, event: Event, by: Component, round: str) -> Event:
        id = f"{event.t / SECOND:.6f}.{round}/{event.element}/{event.kind}"
        # the trigger, then the standing conditions: what the component names, then what lies behind its signals
        causes = dict.fromkeys(sorted((c for c in event.causes if c), key=lambda c: -_time_of(c)[0]))
        causes.update(dict.fromkeys(self.events_behind(event.via)))
        causes.pop(id, None)
        done = replace(event, id=id, causes=tuple(causes))
        for port, index, value in event.sets:
            owner = self.producer.get(port)
            if owner is not by:
                raise WiringError(f"{by.name} sets {port}, which belongs to {owner.name if owner else 'nobody'}")
            if self.ports[port].kind != "mode":
                raise WiringError(f"{by.name} sets {port}, which is no mode")
            array = self.values[port].copy()
            array[index] = value
            self.values[port] = array
            setters = list(self.causes[port])
            setters[index] = id
            self.causes[port] = setters
        if event.sets:
            self._remember(id)
        return done

    def events_behind(self, via: Iterable[tuple[str, int]]) -> list[str]:
        """Ids of the events that set the modes on which these signals depend, through any chain of components.

        An event counts if every signal between it and these has moved since it happened (by `MOVED` of its size);
        if none is left, all that could have had an influence count. The nearest in the chain first, the latest first
        among equally near ones.
        """
        start = list(dict.fromkeys(via))
        possible = list(self._walk(start, None))
        moved = [event for event in possible if event in self._walk(start, self._then.get(event))]
        return moved or possible

    def _walk(self, level: list[tuple[str, int]], then: Array | None) -> dict[str, None]:
        """Setters of the modes that can be reached, through signals that differ from `then` (None: through all)."""
        now = self._flat() if then is not None else None
        found: dict[str, None] = {}
        seen = set(level)
        while level:
            setters = {self.causes[port][index] for port, index in level if port in self.causes} - {""}
            found.update(dict.fromkeys(sorted(setters, key=lambda c: (-_time_of(c)[0], c))))
            further: dict[tuple[str, int], None] = {}
            for port, index in level:
                owner = None if port in self.causes else self.producer.get(port)
                for driver in owner.drivers(port, index) if owner else ():
                    if driver in seen:
                        continue
                    seen.add(driver)
                    if now is not None and then is not None and driver[0] in self._place:
                        k = self._place[driver[0]] + driver[1]
                        if abs(now[k] - then[k]) <= MOVED * max(abs(now[k]), abs(then[k])):
                            continue
                    further[driver] = None
            level = list(further)
        return found

    def _flat(self) -> Array:
        """Every continuous value, in the order of the ports."""
        return np.concatenate([self.values[name] for name in self._place]) if self._place else np.zeros(0)

    def _remember(self, event_id: str) -> None:
        """Keep the values at a mode's setting as long as some mode stands as it set it."""
        self._then[event_id] = self._flat()
        standing = {setter for causes in self.causes.values() for setter in causes}
        self._then = {id: then for id, then in self._then.items() if id in standing}

    # ------------------------------------------------------------------------------------------------ snapshots

    def stored_j(self) -> dict[str, float]:
        """Energy stored in every component and in transit between them [J]."""
        stored = {
            f"{c.name}/stored_{name.removesuffix('_j')}_j": v for c in self.order for name, v in c.stored_j().items()
        }
        if self.pending:
            stored["coupling/transit_j"] = float(sum(np.sum(p) for p in self.pending.values()))
        return stored

    def save(self) -> State:
        """Everything that steps: a run loaded from it continues bit for bit."""
        return {
            "t": self.t,
            "values": dict(self.values),
            "causes": {k: list(v) for k, v in self.causes.items()},
            "pending": dict(self.pending),
            "counters": dict(self.counters),
            "then": dict(self._then),
            "components": {c.name: c.save() for c in self.order},
        }

    def load(self, state: State) -> None:
        self.t = int(state["t"])
        self.values.update({k: np.array(v) for k, v in state["values"].items() if k in self.values})
        self.causes.update({k: list(v) for k, v in state["causes"].items()})
        self.pending.update({k: np.array(v) for k, v in state["pending"].items()})
        self.counters = dict(state["counters"])
        self._then = {k: np.array(v) for k, v in state["then"].items()}
        for component in self.order:
            component.load(state["components"][component.name])


# ---------------------------------------------------------------------------------------------------- wiring


def _producers(
    components: Sequence[Component], axes: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, Port], dict[str, Component]]:
    ports: dict[str, Port] = {}
    producer: dict[str, Component] = {}
    problems = []
    for component in components:
        for port in component.outputs:
            if port.name in producer:
                problems.append(f"{port.name} is produced by both {producer[port.name].name} and {component.name}")
            if port.axis not in axes:
                problems.append(f"{component.name} gives {port.name} on the unknown axis {port.axis}")
            ports[port.name], producer[port.name] = port, component
    if problems:
        raise WiringError("; ".join(problems))
    return ports, producer


def _check_inputs(
    components: Sequence[Component], ports: Mapping[str, Port], axes: Mapping[str, tuple[str, ...]]
) -> None:
    problems: list[str] = []
    takers: dict[str, str] = {}
    for component in components:
        for port in component.inputs:
            made = ports.get(port.name)
            if made is None:
                problems.append(f"nobody produces {port.name}, which {component.name} needs")
            elif made.axis != port.axis:
                problems.append(f"{component.name} reads {port.name} on axis {port.axis}, it is on {made.axis}")
            elif (made.kind == "mode") != (port.kind == "mode"):
                problems.append(f"{component.name} reads {port.name} as {port.kind}, it is {made.kind}")
            elif made.kind == "joules" and takers.setdefault(port.name, component.name) != component.name:
                problems.append(f"{port.name} hands its joules to both {takers[port.name]} and {component.name}")
        known = {p.name for p in component.inputs}
        for port in component.outputs:
            problems += [f"{component.name}: {port.name} needs {n}, which is not among its inputs"
                         for n in port.needs if n not in known]
    if problems:
        raise WiringError("; ".join(problems))


def _needs(component: Component) -> set[str]:
    return {name for port in component.outputs for name in port.needs}


def _order(components: Sequence[Component], producer: Mapping[str, Component]) -> list[Component]:
    """Order of advance: by `needs`, ties as given; components that cannot rewind last."""
    waits = {
        c.name: {producer[n].name for n in _needs(c) if producer[n] is not c and producer[n].can_rewind}
        for c in components
    }
    left = sorted(components, key=lambda c: not c.can_rewind)
    order: list[Component] = []
    while left:
        ready = next((c for c in left if not waits[c.name] & {o.name for o in left}), None)
        if ready is None:
            ring = ", ".join(f"{c.name} waits for {sorted(waits[c.name])}" for c in left)
            raise WiringError(f"a cycle of same-step needs without a state: {ring}")
        order.append(ready)
        left.remove(ready)
    return order


def _lagged_powers(order: Sequence[Component]) -> list[str]:
    """Mean powers needed in the same step by a component that must be advanced before their producer."""
    fixed = {p.name for c in order if not c.can_rewind for p in c.outputs if p.kind == "mean" and p.name.endswith("_w")}
    return sorted(fixed & {n for c in order if c.can_rewind for n in _needs(c)})


def _time_of(event_id: str) -> tuple[float, str]:
    return float(event_id.split("/", 1)[0].rsplit(".", 1)[0]), event_id

