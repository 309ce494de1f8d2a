"""The words in which components talk to each other (numpy only).

Time is an integer number of microseconds. A component takes inputs by port name, gives outputs by port
name, and changes a *mode* only through an event, so that every mode element knows the event that set it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Us = int
Array = NDArray[np.float64]
State = dict[str, Any]  # arrays, numbers, strings, lists and dicts of them: no pickle

SECOND: Us = 1_000_000
NEVER: Us = 1 << 62


@dataclass(frozen=True)
class Port:
    """One quantity that crosses a wall.

    kind: "mean" over the step just advanced, "end" value at its end, "mode" set by events only, "joules" an
    amount handed over in a step and received whole by the consumer in its next one (a link that must lag).
    needs: inputs of the *same* step this output waits for. neutral: the value of a mode when nothing is wrong,
    and the value of any other port before the first step. record: "full" at every level, "minute" only as sums
    of 60 s, "none" not at all.
    """

    name: str  # with unit: "rack_power_w"
    axis: str  # "rack", "cdu", "pump", "site"
    kind: Literal["mean", "end", "mode", "joules"]
    needs: tuple[str, ...] = ()
    neutral: float = 0.0
    record: Literal["full", "minute", "none"] = "full"


@dataclass(frozen=True)
class Event:
    """Something that happened at an instant.

    causes: ids of the events that triggered it, then of the standing conditions without which it would not be.
    via: continuous signals that led to it, as (port, index); the coupling finds the events behind them.
    sets: (mode port, index, value). value/limit: the quantity that crossed and the limit it crossed.
    A component leaves `id` empty: the coupling gives it ("time.round/element/kind", equal in every fork).
    """

    t: Us
    element: str
    kind: str
    causes: tuple[str, ...] = ()
    via: tuple[tuple[str, int], ...] = ()
    sets: tuple[tuple[str, int, float], ...] = ()
    value: float = nan
    limit: float = nan
    message: str = ""
    id: str = ""


@dataclass(frozen=True)
class Inputs:
    """value: port -> array (read only). cause: mode port -> per element the id of the event that set it, or ""."""

    value: Mapping[str, Array]
    cause: Mapping[str, list[str]]


@dataclass(frozen=True)
class Advanced:
    """What a component did in one step.

    t: the end asked for, or the component's own first splitting event. joules: ledger terms of this step (name ->
    energy, signed as the ledger's definition says). counts: everything else that accumulates (tokens, litres,
    GPU-seconds). events: those inside the step; only a splitting event may set modes of others.
    """

    t: Us
    outputs: Mapping[str, Array]
    joules: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)
    events: tuple[Event, ...] = ()


@runtime_checkable
class Component(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def inputs(self) -> tuple[Port, ...]: ...

    @property
    def outputs(self) -> tuple[Port, ...]: ...

    @property
    def grid(self) -> Us:
        """0: any step; an FMU has its own."""
        ...

    @property
    def can_rewind(self) -> bool: ...

    def start(self, t: Us, inputs: Inputs) -> None: ...

    def next_due(self) -> Us:
        """Next instant it must stop at (absolute), or NEVER."""
        ...

    def settle(self, t: Us, round: int, inputs: Inputs) -> tuple[Event, ...]:
        """Zero-time reactions at t. Must become quiet: return () when there is nothing new to say."""
        ...

    def may_split(self, t: Us, t_end: Us) -> bool:
        """Whether advance() might stop before t_end; if nobody might, the coupling marks nobody."""
        ...

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced: ...

    def stored_j(self) -> Mapping[str, float]:
        """Energy stored now, by store name, from the states themselves (not from the flows)."""
        ...

    def drivers(self, port: str, index: int) -> Iterable[tuple[str, int]]:
        """The inputs (port, index) on which an output element depends structurally, for the graph of causes."""
        ...

    def mark(self) -> object: ...

    def rewind(self, mark: object) -> None: ...

    def save(self) -> State: ...

    def load(self, state: State) -> None: ...
