"""A small run made up for view tests: eight racks for two hours, a pump trip at 3600 s, numbers that hang together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

ROWS = ("R01", "R02")
AXES: dict[str, list[str]] = {
    "rack": [f"H1_{row}_RK{k:02d}" for row in ROWS for k in range(1, 5)],
    "loop": ["H1_TCS1", "H1_TCS2"],
    "cdu": ["H1_CDU1", "H1_CDU2", "H1_CDU3"],
    "cdu_pump": [f"H1_CDU{c}_P{p}" for c in (1, 2, 3) for p in (1, 2)],
    "room": ["H1", "ER1"],
    "fws_pump": ["FWS_P1", "FWS_P2", "FWS_P3"],
    "fws_controller": ["FWS_CTL"],
    "dry_cooler": ["DC1", "DC2", "DC3"],
    "chiller": ["CH1"],
    "ahu": ["H1_AHU1", "H1_AHU2", "H1_AHU3"],
    "power_node": [
        "UTIL", "TX1", "TX2", "GEN1", "GEN2", "MSB1",
        "UPS_A", "UPS_B", "UPS_C", "UPS_D", "BW_A", "BW_B", "BW_C", "BW_D",
    ],
    "ups": ["UPS_A", "UPS_B", "UPS_C", "UPS_D"],
    "switch": [f"H1_LF{k:02d}" for k in range(1, 9)] + [f"H1_SP{k:02d}" for k in range(1, 5)],
    "pool": ["SERVE1"],
    "job": ["TRAIN1"],
    "site": ["SITE"],
}  # fmt: skip

FACILITY: dict[str, Any] = {
    "name": "small",
    "label": "Eight racks for view tests",
    "racks": {i: {"type": "gb300-nvl72", "loop": f"H1_TCS{1 + ('R02' in i)}"} for i in AXES["rack"]},
    "tcs": {"cdus": {i: {"type": "cdu-1400"} for i in AXES["cdu"]}},
    "power": {
        "nodes": {
            "UTIL": {"type": "utility-feed"},
            "TX1": {"type": "tx-2500", "fed_by": ["UTIL"]},
            "TX2": {"type": "tx-2500", "fed_by": ["UTIL"]},
            "MSB1": {"type": "msb", "fed_by": ["TX1", "TX2", "GEN1", "GEN2"]},
            **{f"UPS_{x}": {"type": "ups-1000", "fed_by": ["MSB1"]} for x in "ABCD"},
            **{f"BW_{x}": {"type": "busway-800", "fed_by": [f"UPS_{x}"]} for x in "ABCD"},
        }
    },
}

_CLASS = {
    "gb300-nvl72": "rack", "cdu-1400": "cdu", "utility-feed": "utility", "tx-2500": "transformer", "msb": "switchgear",
    "ups-1000": "ups", "busway-800": "busway",
    "whip-63a": "whip",
}  # fmt: skip


class Item(dict[str, Any]):
    def __init__(self, name: str) -> None:
        super().__init__(
            {"width_m": 0.6, "depth_m": 1.068, "height_m": 2.236} if name == "gb300-nvl72" else {"rating_w": 1.0e6}
        )
        self.cls, self.label = _CLASS[name], f"Item {name}"


CATALOGUE = SimpleNamespace(item=Item)
TRIP_S = 3600.0


class _Seconds:
    def __init__(self, minutes: np.ndarray) -> None:
        self.minutes = minutes

    def __getitem__(self, k: int) -> np.ndarray:
        return self.minutes[k // 60]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.repeat(self.minutes, 60, axis=0).astype(dtype)


class SyntheticResults:
    """The protocol of a run's results over made-up series at 60 s."""

    def __init__(self, minutes: int = 120) -> None:
        self.axes = AXES
        self.time_s = 60.0 * np.arange(1, minutes + 1)
        t = self.time_s[:, None]
        phase = np.arange(8)[None, :]
        dip = np.where((t > TRIP_S) & (t < TRIP_S + 600), 0.25, 0.0)
        power = (118e3 + 9e3 * np.sin(2 * np.pi * t / 5400 + phase)) * (1 - dip * (phase < 4))
        dry = 31.0 + 4.0 * np.sin(2 * np.pi * (t - 1800) / 14400)
        supply = np.repeat(dry + 6.0, 3, axis=1)
        loop = np.repeat(dry + 9.0, 2, axis=1)
        flow = np.where((t > TRIP_S) & (t < TRIP_S + 120), 0.9, 1.7) * np.ones((1, 8))
        rack_supply = np.repeat(dry + 9.0, 8, axis=1)
        rise = power / (flow * 3800.0)
        chip = rack_supply + 0.6 * rise + 22.0
        total = power.sum(axis=1, keepdims=True)
        ones = np.ones_like(t)
        nodes = np.concatenate(
            [total * f for f in (1.12, 0.56, 0.56, 0.0, 0.0, 1.1, 0.27, 0.27, 0.27, 0.27, 0.25, 0.25, 0.25, 0.25)],
            axis=1,
        )
        rating = np.array([3e6, 2.5e6, 2.5e6, 2e6, 2e6, 3e6, *[4e5] * 4, *[3.6e5] * 4])[None, :]
        self._data: dict[str, tuple[str, str, str, np.ndarray]] = {
            "rack_power_w": ("rack", "mean", "W", power),
            "rack_supply_c": ("rack", "end", "degC", rack_supply),
            "rack_return_c": ("rack", "end", "degC", rack_supply + rise),
            "rack_flow_kg_s": ("rack", "end", "kg/s", flow),
            "chip_c": ("rack", "end", "degC", chip - 2.0),
            "chip_hottest_c": ("rack", "end", "degC", chip),
            "tcs_supply_c": ("loop", "end", "degC", loop),
            "tcs_return_c": ("loop", "end", "degC", loop + 10.0),
            "loop_flow_kg_s": ("loop", "end", "kg/s", flow[:, :2] * 4),
            "cdu_valve_position_fraction": ("cdu", "end", "fraction", np.array([0.55, 0.6, 0.05])[None, :] * ones),
            "fws_supply_c": ("cdu", "end", "degC", supply),
            "cdu_primary_heat_w": ("cdu", "mean", "W", np.array([0.5, 0.5, 0.0])[None, :] * total),
            "cdu_primary_flow_kg_s": ("cdu", "end", "kg/s", np.array([12.0, 12.0, 0.5])[None, :] * ones),
            "cdu_pump_power_w": ("cdu_pump", "mean", "W", np.array([4e3, 0, 4e3, 0, 0, 0])[None, :] * ones),
            "fws_pump_power_w": ("fws_pump", "mean", "W", np.array([9e3, 9e3, 0])[None, :] * ones),
            "fan_power_w": ("dry_cooler", "mean", "W", np.full((1, 3), 7e3) * ones),
            "fan_speed_fraction": ("dry_cooler", "end", "fraction", np.full((1, 3), 0.8) * ones),
            "chiller_power_w": ("chiller", "mean", "W", 20e3 * ones),
            "chiller_load_fraction": ("chiller", "end", "fraction", 0.2 * ones),
            "ahu_power_w": ("ahu", "mean", "W", np.array([5e3, 5e3, 0])[None, :] * ones),
            "room_c": ("room", "end", "degC", np.array([25.0, 28.0])[None, :] * ones),
            "power_node_w": ("power_node", "mean", "W", nodes),
            "power_node_loading_fraction": ("power_node", "mean", "fraction", nodes / rating),
            "battery_soc_fraction": ("ups", "end", "fraction", np.ones((1, 4)) * ones),
            "switch_power_w": ("switch", "mean", "W", np.full((1, 12), 1.7e3) * ones),
            "utility_w": ("site", "mean", "W", total * 1.12),
            "generator_w": ("site", "mean", "W", 0.0 * ones),
            "fws_return_c": ("site", "end", "degC", dry + 15.0),
            "dry_cooler_out_c": ("site", "end", "degC", dry + 5.5),
            "outdoor_drybulb_c": ("site", "mean", "degC", dry),
            "tokens_per_s": ("pool", "mean", "1/s", power[:, :4].sum(axis=1, keepdims=True) * 0.2),
            "training_tokens_per_s": ("job", "mean", "1/s", power[:, 4:].sum(axis=1, keepdims=True) * 0.3),
            "throttled": ("rack", "mode", "1", (dip * (phase < 4) > 0).astype(float)),
        }
        self.quantities = {n: {"axis": a, "kind": k, "unit": u} for n, (a, k, u, _) in self._data.items()}
        self.events = list(EVENTS)
        self.kpis: dict[str, dict[str, Any]] = dict(KPIS)
        self.counters = self._counters(total[:, 0])

    def series(self, name: str, level: str = "60s", *, stat: str = "mean") -> tuple[np.ndarray, np.ndarray]:
        assert level in ("60s", "900s")
        values = self._data[name][3]
        if level == "900s":
            count = len(self.time_s) // 15
            return self.time_s[14::15][:count], getattr(values[: 15 * count].reshape(count, 15, -1), stat)(axis=1)
        return self.time_s, values.copy()

    @property
    def arrays(self) -> dict[str, Any]:
        """Seconds: every minute's value sixty times."""
        seconds = np.arange(1.0, 60.0 * len(self.time_s) + 1.0)
        return {"time": {"1s": seconds}, "1s": {n: _Seconds(d[3]) for n, d in self._data.items()}}

    def _counters(self, rack_w: np.ndarray) -> pd.DataFrame:
        it = np.cumsum(rack_w * 60.0)
        table = {
            "load/rack_j": it,
            "network/switch_j": 0.017 * it,
            "electrical/loss_transformer_j": 0.011 * it,
            "electrical/loss_ups_j": 0.035 * it,
            "electrical/loss_busway_j": 0.004 * it,
            "tcs/cdu_pump_j": 0.008 * it,
            "tcs/cdu_controller_j": 0.0005 * it,
            "fws/pump_j": 0.018 * it,
            "fws/controller_j": 0.0002 * it,
            "fws/fan_j": 0.02 * it,
            "fws/chiller_j": 0.02 * it,
            "air/ahu_j": 0.01 * it,
        }
        table["electrical/utility_j"] = np.sum(list(table.values()), axis=0)
        zero = {k: 0.0 for k in table}
        return pd.DataFrame([zero, *pd.DataFrame(table).to_dict("records")], index=[0.0, *self.time_s])


EVENTS: tuple[dict[str, Any], ...] = (
    {"id": "3600.0/H1_CDU1_P1/pump-trip", "t_s": 3600.0, "element": "H1_CDU1_P1", "kind": "pump-trip", "causes": [],
     "via": [], "value": None, "limit": None, "message": "injected"},
    {"id": "3602.0/H1_CDU1_P2/start-failed", "t_s": 3602.0, "element": "H1_CDU1_P2", "kind": "start-failed",
     "causes": ["3600.0/H1_CDU1_P1/pump-trip", "0.0/H1_CDU1_P2/fail-to-start"], "via": [], "value": None,
     "limit": None, "message": ""},
    {"id": "0.0/H1_CDU1_P2/fail-to-start", "t_s": 0.0, "element": "H1_CDU1_P2", "kind": "fail-to-start", "causes": [],
     "via": [], "value": None, "limit": None, "message": "latent"},
    {"id": "3618.0/H1_R01_RK02/throttle", "t_s": 3618.0, "element": "H1_R01_RK02", "kind": "throttle",
     "causes": ["3602.0/H1_CDU1_P2/start-failed"], "via": ["chip_c/H1_R01_RK02"], "value": 87.2, "limit": 87.0,
     "message": "chip <87 °C & rising>"},
    {"id": "3660.0/H1_CDU1/changeover", "t_s": 3660.0, "element": "H1_CDU1", "kind": "changeover",
     "causes": ["3602.0/H1_CDU1_P2/start-failed"], "via": ["loop_flow_kg_s/H1_TCS1"], "value": 0.9, "limit": 2.0,
     "message": ""},
)  # fmt: skip


def _kpi(value: float | None, unit: str, definition: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "definition": definition}


KPIS: dict[str, dict[str, Any]] = {
    "tokens_per_second": _kpi(94400.0, "1/s", "delivered serving output tokens within the SLA per second"),
    "tokens_per_joule": _kpi(0.17, "1/J", "per joule of facility energy allocated to serving"),
    "pue": _kpi(1.1442, "1", "facility energy / IT energy at the rack input and switches"),
    "energy_it_kwh": _kpi(1919.0, "kWh", "energy at the rack inputs and the switches"),
    "energy_facility_kwh": _kpi(2158.0, "kWh", "energy at the point of interconnection"),
    "peak_facility_mw": _kpi(1.09, "MW", "highest 60 s mean of facility power"),
    "ttft_p99_s": _kpi(None, "s", "99th percentile of time to first token; none: no request was served"),
    "throttled_gpu_hours": _kpi(3.2, "h", "GPU-hours below nominal clock"),
    "uptime_fraction": _kpi(0.999, "1", "GPU-seconds able to serve / scheduled"),
    "energy_residual_fraction": _kpi(3.1e-14, "1", "residual of the ledgers over throughput"),
    "headroom_chip_fraction": {
        **_kpi(0.08, "1", "1 - demand/limit at the worst moment"),
        "element": "H1_R01_RK02",
        "time_s": 3618.0,
    },
    "headroom_busway_fraction": {
        **_kpi(0.28, "1", "1 - demand/limit at the worst moment"),
        "element": "BW_A",
        "time_s": 1200.0,
    },
}
