"""What switches by itself in the power path: protection, UPS, transfer switches, generators, loads losing voltage.

The state lies in *modes* (arrays by name) that the caller keeps; :meth:`Sequence.react` reads them, and answers with
changes that the caller applies. It holds only clocks: since when a condition has stood.
"""

from __future__ import annotations

from typing import Any

from electrical.clocks import Clocks
from electrical.compiled import X_FUEL, X_LIVE
from electrical.ends import load_changes, trip_changes, voltage_changes
from electrical.gensets import generator_changes
from electrical.modes import NEVER, Change, Modes
from electrical.transfer import transfer_changes
from electrical.ups import ups_changes


class Sequence(Clocks):
    """Switching logic of one compiled power path."""

    def react(
        self, t: int, modes: Modes, before: Modes | None, reached: Any, expired: Any, x: Any, mult: Any, node_w: Any
    ) -> list[Change]:
        """Changes that follow at t from the modes, the limits reached and the clocks; one layer of causes a call.

        before: the modes at the last call, to know what changed. reached, expired: per element and load, from the
        step. x: integrated states. mult: current over the trip setting; node_w: load of every element [W].
        """
        self.refresh(modes)
        self.due = NEVER
        out = voltage_changes(self, modes, before)
        if out:
            return out
        out = trip_changes(self, modes, reached, mult, node_w)
        out += ups_changes(self, t, modes, reached, x[X_LIVE], mult, node_w)
        out += generator_changes(self, t, modes, reached, x[X_FUEL])
        out += transfer_changes(self, t, modes)
        out += load_changes(self, modes, expired)
        return out
