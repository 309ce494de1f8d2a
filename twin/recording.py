"""Recording a run: 1 s rows into chunks, minute and quarter-hour aggregates, counters, windows around events."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from twin.contract import SECOND, Array, Event, Port, State, Us
from twin.coupling import Coupling, StepRecord
from twin.errors import WiringError
from twin.results import Results, Sink

BLOCK_S = 900
MINUTE_S = 60
RING_BEFORE_S = 60
WINDOW_AFTER_S = 120
MAX_WINDOW_ROWS = 200_000


@dataclass
class Window:
    """Full-rate record around events that changed a mode."""

    end: Us
    times: list[Us] = field(default_factory=list)
    rows: list[Array] = field(default_factory=list)


class Recorder:
    """Receives every step of a coupling and hands blocks of rows to a sink.

    Parameters
    ----------
    coupling : whose ports and axes are recorded
    sink : where 1 s rows go (memory or a Zarr store)
    """

    def __init__(self, coupling: Coupling, sink: Sink):
        self.coupling, self.sink = coupling, sink
        ports = [p for p in coupling.ports.values() if p.record != "none" and p.kind != "joules"]
        self.continuous = [p for p in ports if p.kind != "mode"]
        self.modes = [p for p in ports if p.kind == "mode"]
        self.names = [p.name for p in self.continuous]
        sizes = [len(coupling.axes[p.axis]) for p in self.continuous]
        edges = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
        self.slices = {
            p.name: slice(int(a), int(b)) for p, a, b in zip(self.continuous, edges, edges[1:], strict=False)
        }
        self.width = int(edges[-1])
        self.is_mean = np.concatenate(
            [np.full(n, p.kind == "mean") for p, n in zip(self.continuous, sizes, strict=True)] or [np.zeros(0, bool)]
        ).astype(bool)
        self.row = np.zeros(self.width)
        self.partial = np.zeros(self.width)
        self.block = np.full((BLOCK_S, self.width), np.nan)
        self.mode_rows: dict[str, Array] = {}
        self.filled = 0  # rows of the block that hold values
        self.first = 0  # first row of the block that belongs to this run
        self.events: list[Event] = []
        self.counter_rows: list[tuple[float, dict[str, float]]] = []
        self.ring: deque[tuple[Us, Array]] = deque()
        self.windows: list[Window] = []
        self.window_rows = 0

    def begin(self, t: Us) -> None:
        """Start recording at t (a whole second)."""
        if t % SECOND:
            raise ValueError("a recording begins at a whole second")
        self.first = self.filled = (t // SECOND) % BLOCK_S
        self.mode_rows = self._mode_block()
        self._count(t)

    def __call__(self, step: StepRecord) -> None:
        try:
            np.concatenate([step.outputs[n] for n in self.names], out=self.row)
        except KeyError as missing:
            raise WiringError(f"no component gave {missing} in the step at {step.t / SECOND} s") from None
        dt = step.t_end - step.t
        second_ends = step.t_end % SECOND == 0
        if dt == SECOND:
            self.block[self.filled] = self.row
        else:
            self.partial += self.row * (dt / SECOND)
            if second_ends:
                self.block[self.filled] = np.where(self.is_mean, self.partial, self.row)
                self.partial = np.zeros(self.width)
        if step.events:
            self._take_events(step)
        self._ring(step)
        if second_ends:
            self.filled += 1
            if step.t_end % (MINUTE_S * SECOND) == 0:
                self._count(step.t_end)
            if self.filled == BLOCK_S:
                self._flush(step.t_end)

    def end(self, t: Us) -> None:
        """Flush what the last, perhaps unfinished, block holds."""
        if self.filled > self.first:
            self._flush(t)
        if not self.counter_rows or self.counter_rows[-1][0] != t / SECOND:
            self._count(t)

    # ------------------------------------------------------------------------------------------------ parts

    def _take_events(self, step: StepRecord) -> None:
        self.events += step.events
        if any(e.sets for e in step.events):
            for port in {name for e in step.events for name, _, _ in e.sets} & self.mode_rows.keys():
                self.mode_rows[port][self.filled :] = self.coupling.values[port]
            end = step.t + WINDOW_AFTER_S * SECOND
            if self.windows and self.windows[-1].end >= step.t:
                self.windows[-1].end = end
            elif self.window_rows < MAX_WINDOW_ROWS:
                self.windows.append(Window(end, [t for t, _ in self.ring], [r for _, r in self.ring]))
                self.window_rows += len(self.ring)

    def _ring(self, step: StepRecord) -> None:
        row = self.row.copy()
        if self.windows and self.windows[-1].end >= step.t_end and self.window_rows < MAX_WINDOW_ROWS:
            self.windows[-1].times.append(step.t_end)
            self.windows[-1].rows.append(row)
            self.window_rows += 1
        self.ring.append((step.t_end, row))
        while self.ring[0][0] < step.t_end - RING_BEFORE_S * SECOND:
            self.ring.popleft()

    def _count(self, t: Us) -> None:
        self.counter_rows.append((t / SECOND, {**self.coupling.counters, **self.coupling.stored_j()}))

    def _mode_block(self) -> dict[str, Array]:
        return {p.name: np.tile(self.coupling.values[p.name], (BLOCK_S, 1)) for p in self.modes}

    def _flush(self, t_end: Us) -> None:
        start_s = t_end // SECOND - self.filled
        self.sink.block(start_s, self.first, self.filled, self.block, self.slices, self.mode_rows)
        self.block[:] = np.nan
        self.mode_rows = self._mode_block()
        self.filled = self.first = 0

    # ------------------------------------------------------------------------------------------------ snapshots

    def save(self) -> State:
        """The unfinished block and the ring, so that a fork's aggregates and windows equal the whole run's."""
        return {
            "block": self.block[: self.filled].copy(),
            "modes": {k: v[: self.filled].copy() for k, v in self.mode_rows.items()},
            "partial": self.partial.copy(),
            "ring_t": [t for t, _ in self.ring],
            "ring": np.array([r for _, r in self.ring]).reshape(len(self.ring), self.width),
        }

    def load(self, state: State, t: Us) -> None:
        self.begin(t)
        rows = len(state["block"])
        self.block[:rows] = state["block"]
        for name, held in state["modes"].items():
            if name in self.mode_rows:
                self.mode_rows[name][: len(held)] = held
        self.partial = np.array(state["partial"])
        self.ring = deque(zip([int(x) for x in state["ring_t"]], np.array(state["ring"]), strict=True))


def unit_of(name: str) -> str:
    """Unit of a quantity from the suffix of its name."""
    for suffix, unit in UNITS:
        if name.endswith(suffix):
            return unit
    return "1"


UNITS: Sequence[tuple[str, str]] = (
    ("_per_s", "1/s"),
    ("_kg_s", "kg/s"),
    ("_l_s", "L/s"),
    ("_bit_s", "bit/s"),
    ("_fraction", "1"),
    ("_w", "W"),
    ("_kw", "kW"),
    ("_mw", "MW"),
    ("_c", "°C"),
    ("_k", "K"),
    ("_pa", "Pa"),
    ("_j", "J"),
    ("_hz", "Hz"),
    ("_s", "s"),
)


def describe(ports: Mapping[str, Port]) -> dict[str, dict[str, str]]:
    """Quantity -> axis, kind and unit, as results keep it."""
    return {
        p.name: {"axis": p.axis, "kind": p.kind, "unit": unit_of(p.name)}
        for p in ports.values()
        if p.record != "none" and p.kind != "joules"
    }


def results_of(recorder: Recorder, meta: Mapping[str, object]) -> Results:
    """Close a recording into results."""
    return recorder.sink.close(
        recorder.events,
        recorder.counter_rows,
        [(np.array(w.times) / SECOND, np.array(w.rows)) for w in recorder.windows if w.rows],
        recorder.slices,
        meta,
    )
