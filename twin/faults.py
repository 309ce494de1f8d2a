"""The script: faults, conditions, repairs and operator actions of a scenario, as one component with saved state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from twin.contract import NEVER, SECOND, Advanced, Array, Event, Inputs, Port, State, Us


@dataclass(frozen=True)
class Action:
    """One line of the script: at `t`, set mode ports of one element; `ends` marks the end of an earlier action."""

    t: Us
    element: str
    kind: str
    sets: tuple[tuple[str, int, float], ...]
    ends: bool = False
    message: str = ""


class Script:
    """Writes every fault-mode port of the catalogue and the conditions; acts at its times, in order.

    Parameters
    ----------
    actions : the lines of the script, any order
    ports : the mode ports it owns, with their neutral values
    """

    name = "script"
    inputs: tuple[Port, ...] = ()
    grid: Us = 0
    can_rewind = True

    def __init__(self, actions: Iterable[Action], ports: Iterable[Port]):
        self.outputs = tuple(ports)
        self.actions = tuple(sorted(actions, key=lambda a: (a.t, a.element, a.kind)))
        self.done = 0

    def start(self, t: Us, inputs: Inputs) -> None:
        self.done = sum(1 for a in self.actions if a.t < t)

    def next_due(self) -> Us:
        return self.actions[self.done].t if self.done < len(self.actions) else NEVER

    def settle(self, t: Us, round: int, inputs: Inputs) -> tuple[Event, ...]:
        events = []
        while self.done < len(self.actions) and self.actions[self.done].t <= t:
            action = self.actions[self.done]
            self.done += 1
            causes = tuple(inputs.cause[port][i] for port, i, _ in action.sets) if action.ends else ()
            value = action.sets[0][2] if action.sets else float("nan")
            events.append(Event(t, action.element, action.kind, causes=causes, sets=action.sets, value=value,
                                message=action.message))
        return tuple(events)

    def may_split(self, t: Us, t_end: Us) -> bool:
        return False

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        return Advanced(t_end, NOTHING)

    def stored_j(self) -> Mapping[str, float]:
        return {}

    def drivers(self, port: str, index: int) -> Iterable[tuple[str, int]]:
        return ()

    def mark(self) -> object:
        return self.done

    def rewind(self, mark: object) -> None:
        assert isinstance(mark, int)
        self.done = mark

    def save(self) -> State:
        return {"done": self.done}

    def load(self, state: State) -> None:
        # A fork may carry another script: what lies before the snapshot's instant has happened in the parent.
        self.done = int(state["done"])


NOTHING: Mapping[str, Array] = {}


def microseconds(seconds: float) -> Us:
    """Seconds to the integer time of the contract."""
    return int(np.round(seconds * SECOND))
