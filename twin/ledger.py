"""The two energy ledgers: which counters stand on which side, and what is left over. Pure functions of counters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from twin.contract import Array

CONSUMERS = (
    "load/rack_j",
    "network/switch_j",
    "tcs/cdu_pump_j",
    "tcs/cdu_controller_j",
    "fws/pump_j",
    "fws/controller_j",
    "fws/fan_j",
    "fws/chiller_j",
    "air/ahu_j",
)


@dataclass(frozen=True)
class Ledger:
    """inflow + (late) = outflow + d(stored). Names ending in `*` are prefixes; every term is computed on its own."""

    name: str
    inflow: tuple[str, ...]
    outflow: tuple[str, ...]
    stored: tuple[str, ...] = ()

    def select(self, table: pd.DataFrame, names: Sequence[str]) -> list[str]:
        """Columns of the counter table that the names stand for."""
        return [c for c in table.columns for n in names if c == n or (n.endswith("*") and c.startswith(n[:-1]))]

    def sides(self, table: pd.DataFrame) -> tuple[Array, Array, Array]:
        """Cumulative inflow, cumulative outflow and stored energy [J], each (time,)."""
        return tuple(  # type: ignore[return-value]
            table[self.select(table, names)].to_numpy().sum(axis=1)
            for names in (self.inflow, self.outflow, self.stored)
        )

    def residual_j(self, table: pd.DataFrame) -> Array:
        """What is left over since the first row [J], (time,)."""
        into, out, stored = self.sides(table)
        left = into - out - stored
        return left - left[0]

    def residual_fraction(self, table: pd.DataFrame) -> tuple[float, float]:
        """|residual| / throughput over the whole table, and in its worst interval (60 s)."""
        into, _, _ = self.sides(table)
        left = self.residual_j(table)
        through = into[-1] - into[0]
        whole = abs(left[-1]) / through if through > 0 else float("nan")
        per = np.diff(into)
        floor = max(through / max(len(per), 1), 1.0) * 1e-3  # an interval in which all is dark has no throughput
        worst = float(np.max(np.abs(np.diff(left)) / np.maximum(per, floor))) if len(per) else float("nan")
        return float(whole), worst


ELECTRICAL = Ledger(
    "electrical",
    inflow=(
        "electrical/utility_j",
        "electrical/generator_j",
        "electrical/battery_discharge_j",
        "electrical/holdup_discharge_j",
    ),
    outflow=(
        *CONSUMERS,
        "electrical/loss_*",
        "electrical/battery_charge_j",
        "electrical/holdup_charge_j",
        "coupling/late_*",
    ),
)
THERMAL = Ledger(
    "thermal",
    inflow=("load/heat_j", *CONSUMERS[1:], "electrical/conversion_heat_j"),
    outflow=(
        "fws/dry_cooler_rejected_j",
        "fws/chiller_rejected_j",
        "fws/tower_rejected_j",
        "fws/ambient_j",
        "fws/reused_j",
        "air/ahu_rejected_j",
        "air/ambient_j",
        "electrical/ambient_j",
    ),
    stored=("tcs/stored*", "fws/stored*", "air/stored*", "coupling/transit_j"),
)
LEDGERS = (ELECTRICAL, THERMAL)
