"""Clocks of the switching logic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from electrical.compiled import S_GRID_SHARE, Compiled
from electrical.modes import NEVER, SECOND
from electrical.path import Path


class Clocks(Path):
    """A power path with what it must remember between its modes: since when a condition has stood, starts, walk-ins.

    Parameters
    ----------
    compiled : Compiled
    deviate : (element, count) -> standard normal deviate, for the start times of generators
    stagger_s : delay between the units when several UPS take up load again
    """

    def __init__(self, compiled: Compiled, deviate: Callable[[str, int], float], stagger_s: float = 2.0):
        super().__init__(compiled)
        self.deviate = deviate
        self.stagger_s = stagger_s
        self.since: dict[str, int] = {}
        self.due = NEVER
        sets, blocks = len(self.generators), len(self.batteries)
        self.counts = np.zeros(blocks + 2 * sets, dtype=np.int64)  # all integers that step
        self.walk_from = self.counts[:blocks]  # start of the walk-in of each UPS
        self.starts = self.counts[blocks : blocks + sets]  # starts so far of each generator
        self.ready_at = self.counts[blocks + sets :]  # end of its cranking
        self.walk_from[:], self.ready_at[:] = -NEVER, NEVER

    def held(self, key: str, condition: bool, delay_s: float, t: int) -> bool:
        """Whether a condition has stood for a delay; else notes when it will have."""
        if not condition:
            self.since.pop(key, None)
            return False
        due = self.since.setdefault(key, t) + round(delay_s * SECOND)
        if t >= due:
            return True
        self.due = min(self.due, due)
        return False

    def walk_in(self, t: int, t_end: int) -> None:
        """Grid share of every UPS between t and t_end: the mean of its walk-in ramp."""
        for k, i in enumerate(self.members["ups"]):
            share = 1.0
            if t < self.walk_from[k] + self.batteries[k].walk_in_s * SECOND:
                share = ((t + t_end) / 2 - self.walk_from[k]) / (self.batteries[k].walk_in_s * SECOND)
            self.state[S_GRID_SHARE, i] = min(max(share, 0.0), 1.0)

    def in_walk_in(self, t: int) -> bool:
        """Whether a UPS is taking up load; if none is, all are fed by the grid alone."""
        ramps = [
            t < int(start) + round(b.walk_in_s * SECOND)
            for start, b in zip(self.walk_from, self.batteries, strict=True)
        ]
        if not any(ramps):
            self.state[S_GRID_SHARE] = 1.0
        return any(ramps)
