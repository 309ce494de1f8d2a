"""Names of everything the technology-side model carries: states, parameters, held inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REFERENCE_C = 25.0  # stored energy is counted from here; coolant in expansion vessels rests at this temperature


class StateLayout:
    """Named blocks of one flat state vector.

    ``layout.views(y)["chip_c"]`` is a view, never a copy; ``layout.name(i)`` says which state number i is.
    """

    def __init__(self, blocks: Mapping[str, int]):
        self.slices: dict[str, slice] = {}
        at = 0
        for block, size in blocks.items():
            self.slices[block] = slice(at, at + size)
            at += size
        self.size = at

    def views(self, y: Floats) -> SimpleNamespace:
        """Views of the blocks of a state vector, as attributes."""
        return SimpleNamespace(**{block: y[s] for block, s in self.slices.items()})

    def name(self, index: int) -> str:
        """Name of one state, for messages: ``chip_c[3]``."""
        for block, s in self.slices.items():
            if s.start <= index < s.stop:
                return f"{block}[{index - s.start}]"
        raise ValueError(f"state {index} lies outside the layout of {self.size}")

    def __iter__(self) -> Iterator[str]:
        return iter(self.slices)


def tcs_layout(racks: int, loops: int, cdus: int, pumps: int) -> StateLayout:
    """Layout of the technology side: eight states a rack, four a loop, three a CDU, two a pump, then the meters.

    The last three blocks are meters (quadratures): energy that crossed a wall since they were last set to zero.
    """
    rack = ("chip_c", "plate_c", "cpu_c", "switch_c", "tray_fluid_c", "return_c", "supply_c", "air_c")
    loop = ("tcs_supply_c", "tcs_return_c", "vessel_kg", "drip_tray_j")
    cdu = ("cdu_secondary_c", "cdu_primary_out_c", "valve_fraction")
    blocks = {name: racks for name in rack} | {name: loops for name in loop} | {name: cdus for name in cdu}
    blocks |= {"pump_speed_fraction": pumps, "pump_rotor_j": pumps}
    blocks |= {"primary_j": cdus, "pump_j": pumps, "rack_room_j": racks}
    return StateLayout(blocks)


class RackRow(IntEnum):
    """Rows of the rack parameters : (row, rack)."""

    CHIP_J_K = 0
    PLATE_J_K = 1
    CPU_J_K = 2
    SWITCH_J_K = 3
    TRAY_J_K = 4
    RETURN_J_K = 5
    SUPPLY_J_K = 6
    AIR_J_K = 7
    CHIP_PLATE_W_K = 8
    PLATES = 9
    PLATE_FLOW_SHARE = 10
    R_INFINITE_K_W = 11
    R_UNIT_K_W = 12
    R_EXPONENT = 13
    CPU_W_K = 14
    SWITCH_W_K = 15
    FLOW_KG_S = 16
    AIR_ROOM_W_K = 17
    AIR_TRAY_W_K = 18
    BRANCH_A_PA_S_KG = 19
    BRANCH_B_PA_S2_KG2 = 20


class LoopRow(IntEnum):
    """Rows of the loop parameters : (row, loop)."""

    CP_J_KG_K = 0
    DENSITY_KG_M3 = 1
    SUPPLY_J_K = 2
    RETURN_J_K = 3
    VESSEL_LOW_KG = 4
    NATURAL_KG_S = 5


class CduRow(IntEnum):
    """Rows of the CDU parameters : (row, cdu)."""

    UA_W_K = 0
    FILM_RATIO = 1
    PRIMARY_KG_S = 2
    SECONDARY_KG_S = 3
    SECONDARY_J_K = 4
    PRIMARY_J_K = 5
    PRIMARY_CP_J_KG_K = 6
    COMMON_A_PA_S_KG = 7
    COMMON_B_PA_S2_KG2 = 8
    VALVE_LAG_S = 9
    VALVE_STROKE_S = 10


class PumpRow(IntEnum):
    """Rows of the pump parameters : (row, pump)."""

    HEAD_PA = 0
    CURVE_PA_S2_KG2 = 1
    SHAFT_W = 2
    RATED_KG_S = 3
    SHUT_OFF_POWER_FRACTION = 4
    COAST_DOWN_S = 5
    RAMP_S = 6
    DRIVE_LAG_S = 7
    DRIVE_EFFICIENCY = 8


class HeldRack(IntEnum):
    """Rows of what is held over a step for each rack."""

    GPU_W = 0
    CPU_W = 1
    SWITCH_W = 2
    AIR_W = 3
    ROOM_C = 4
    OPENING = 5  # liquid valves: 1 open, 0 shut
    PLATE_FACTOR = 6  # cold plate resistance over clean
    LEAK_KG_S = 7


class HeldLoop(IntEnum):
    """Rows of what is held over a step for each loop."""

    HEAD_FACTOR = 0  # pump head left with gas in the loop
    VISCOSITY_FACTOR = 1


class HeldCdu(IntEnum):
    """Rows of what is held over a step for each CDU; the facility side moves on a straight line."""

    VALVE_COMMAND = 0
    FOULING_K_W = 1
    STRAINER_FACTOR = 2
    FWS_SUPPLY_C = 3
    FWS_SUPPLY_K_S = 4
    PRIMARY_KG_S = 5
    PRIMARY_KG_S2 = 6


class HeldPump(IntEnum):
    """Rows of what is held over a step for each pump."""

    DRIVEN = 0
    TARGET_FRACTION = 1
    CHECK_VALVE_STUCK = 2


@dataclass(frozen=True)
class TcsModel:
    """Parameters of a technology side: who is connected to whom, and the numbers : (row, element)."""

    rack_loop: Ints
    pump_cdu: Ints
    rack: Floats
    loop: Floats
    cdu: Floats
    pump: Floats
    layout: StateLayout = field(init=False)

    def __post_init__(self) -> None:
        counts = (self.rack.shape[1], self.loop.shape[1], self.cdu.shape[1], self.pump.shape[1])
        object.__setattr__(self, "layout", tcs_layout(*counts))
        if self.rack_loop.shape != (counts[0],) or self.pump_cdu.shape != (counts[3],):
            raise ValueError("every rack needs a loop and every pump a CDU")
        for name, rows in (("rack", RackRow), ("loop", LoopRow), ("cdu", CduRow), ("pump", PumpRow)):
            table = getattr(self, name)
            if table.shape[0] != len(rows) or not np.all(np.isfinite(table)):
                raise ValueError(f"{name} parameters must be {len(rows)} finite rows, found shape {table.shape}")


@dataclass
class TcsHeld:
    """What is held while the model is integrated over one step."""

    loop_cdu: Ints  # the CDU that serves each loop, -1 for none
    rack: Floats
    loop: Floats
    cdu: Floats
    pump: Floats

    @staticmethod
    def neutral(model: TcsModel) -> TcsHeld:
        """Nothing heats, nothing pumps, nothing is wrong."""
        racks, loops = model.rack.shape[1], model.loop.shape[1]
        cdus, pumps = model.cdu.shape[1], model.pump.shape[1]
        held = TcsHeld(
            np.full(loops, -1, dtype=np.int64),
            np.zeros((len(HeldRack), racks)),
            np.ones((len(HeldLoop), loops)),
            np.zeros((len(HeldCdu), cdus)),
            np.zeros((len(HeldPump), pumps)),
        )
        held.rack[HeldRack.ROOM_C] = REFERENCE_C
        held.rack[HeldRack.OPENING] = 1.0
        held.rack[HeldRack.PLATE_FACTOR] = 1.0
        held.cdu[HeldCdu.STRAINER_FACTOR] = 1.0
        held.cdu[HeldCdu.FWS_SUPPLY_C] = REFERENCE_C
        return held


def stored_j(model: TcsModel, y: Floats) -> dict[str, float]:
    """Energy stored above the reference temperature, from the states : store -> [J].

    Racks, loops and CDUs: sum of C (T - T_ref). Rotors: kinetic energy of the pumps. Drip trays: heat of leaked
    coolant at room temperature. Coolant in expansion vessels rests at the reference temperature and stores nothing.
    """
    of = model.layout.slices
    racks = model.rack[:8].ravel() @ (y[: of["air_c"].stop] - REFERENCE_C)  # the first eight rows are capacities
    loops = model.loop[LoopRow.SUPPLY_J_K] @ (y[of["tcs_supply_c"]] - REFERENCE_C)
    loops += model.loop[LoopRow.RETURN_J_K] @ (y[of["tcs_return_c"]] - REFERENCE_C)
    cdus = model.cdu[CduRow.SECONDARY_J_K] @ (y[of["cdu_secondary_c"]] - REFERENCE_C)
    cdus += model.cdu[CduRow.PRIMARY_J_K] @ (y[of["cdu_primary_out_c"]] - REFERENCE_C)
    rotors, drip = y[of["pump_rotor_j"]].sum(), y[of["drip_tray_j"]].sum()
    return {"racks": float(racks), "loops": float(loops), "cdus": float(cdus), "pump_rotors": float(rotors),
            "drip_trays": float(drip)}  # fmt: skip
