"""On which inputs and own modes each output of the technology side depends: the graph behind the causes."""

from __future__ import annotations

from collections.abc import Iterator

from twin.components.tcs_control import Memory
from twin.components.tcs_ports import HEATS, TcsParams

_PUMP_FAULTS = ("cdu_pump_running", "cdu_pump_speed_factor", "cdu_pump_check_valve_stuck")
_CDU_THERMAL = ("cdu_controller_alive", "cdu_valve_stuck_at_fraction", "cdu_supply_sensor_bias_k", "cdu_fouling_k_w",
                "tcs_setpoint_offset_k", "fws_supply_c", "cdu_primary_flow_kg_s")  # fmt: skip
_RACK_FLOW = ("rack_valve_opening_fraction", "rack_isolated", "rack_plate_resistance_factor", "rack_leak_kg_s")
_FLOW_ONLY = ("rack_flow_kg_s", "loop_flow_kg_s", "loop_dp_pa", "loop_coolant_kg")


class Drivers:
    """Structure of one plant, with the lines as they stand now (which CDU serves which loop)."""

    def __init__(self, params: TcsParams):
        self.p = params
        self.rack_loop = params.model.rack_loop.tolist()
        self.pump_cdu = params.model.pump_cdu.tolist()
        self.axis_of = {"rack": len(self.rack_loop)}

    def of(self, port: str, index: int, memory: Memory) -> Iterator[tuple[str, int]]:
        """Inputs and own modes (port, index) behind one element of an output."""
        p = self.p
        if port in ("cdu_valve_position_fraction", "cdu_primary_return_c", "cdu_primary_heat_w"):
            yield from self._cdu(index, memory)
        elif port in ("cdu_pump_speed_fraction", "cdu_pump_power_w"):
            k = self.pump_cdu[index]
            yield from ((name, index) for name in _PUMP_FAULTS)
            yield "cdu_controller_alive", k
            for n in self._loops_of(k, memory):
                yield from self._flow(n, memory)
        elif port == "cdu_controller_power_w":
            yield "cdu_controller_powered", index
        elif port == "cdu_room_heat_w":
            yield "cdu_controller_powered", index
            yield from (("cdu_pump_power_w", j) for j, k in enumerate(self.pump_cdu) if k == index)
        elif port in _FLOW_ONLY:
            n = self.rack_loop[index] if port == "rack_flow_kg_s" else index
            yield from self._flow(n, memory)
        elif port in ("tcs_supply_c", "tcs_return_c"):
            yield from self._loop(index, memory)
        else:  # temperatures of a rack and its heat to the room
            n = self.rack_loop[index]
            yield from ((name, index) for name in HEATS)
            if port in ("rack_air_c", "rack_room_heat_w"):
                yield "room_c", int(p.rack_room[index])
            yield from self._loop(n, memory)

    def _loops_of(self, k: int, memory: Memory) -> list[int]:
        return [n for n, serving in enumerate(memory.cdu_of_loop.tolist()) if serving == k]

    def _flow(self, n: int, memory: Memory) -> Iterator[tuple[str, int]]:
        """Everything that moves or hinders the coolant of a loop."""
        yield from (("cdu_of_loop", n), ("loop_head_factor", n), ("loop_viscosity_factor", n))
        k = int(memory.cdu_of_loop[n])
        if k >= 0:
            yield "cdu_strainer_factor", k
            yield "cdu_controller_alive", k
            for j, of in enumerate(self.pump_cdu):
                if of == k:
                    yield from ((name, j) for name in _PUMP_FAULTS)
        for i, of in enumerate(self.rack_loop):
            if of == n:
                yield from ((name, i) for name in _RACK_FLOW)

    def _loop(self, n: int, memory: Memory) -> Iterator[tuple[str, int]]:
        yield from self._flow(n, memory)
        k = int(memory.cdu_of_loop[n])
        if k >= 0:
            yield from ((name, k) for name in _CDU_THERMAL)
        for i, of in enumerate(self.rack_loop):
            if of == n:
                yield from ((name, i) for name in HEATS)

    def _cdu(self, k: int, memory: Memory) -> Iterator[tuple[str, int]]:
        yield from ((name, k) for name in (*_CDU_THERMAL, "cdu_failed"))
        for n in self._loops_of(k, memory):
            yield from self._loop(n, memory)
