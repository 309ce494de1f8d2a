"""Busway meters of a real liquid-cooled pod (DSX Exchange sample, Apache-2.0, NVIDIA) against the power room's laws.

Series are joined by last value: points are published on change at different rates. Every figure has its limit here.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from electrical.balance import balance
from electrical.compiled import O_P, OUT_ROWS, S_ON, compile_model, neutral_state
from electrical.losses import line_current_a
from electrical.one_line import Element, LoadGroup, PowerModel, explain, one_line
from electrical.studies import single_points

FILE = "telemetry/dsx_exchange_pod_sample.csv"
BUSES = ("C-E-BUS-E1", "C-E-BUS-E2")
POWER_FACTOR_CV_RMSE = 0.002  # P against one power factor times S, over the file
POWER_FACTOR = (0.984, 0.002)  # published median of P/S, tolerance
CURRENT_NMBE = 0.05  # S/(sqrt(3) U) against the mean of the phase currents; the meters differ by 4 % among themselves
CURRENT_CV_RMSE = 0.05
SPLIT_NMBE = 0.05  # equal split over two live busways against each meter
LIMIT_W = 500e3  # of a busway of this class (DSX blueprint)
SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}


def seconds(text: str) -> float:
    """A Go duration such as 1m38.8s."""
    return sum(float(n) * SECONDS[u] for n, u in re.findall(r"([\d.]+)(ms|µs|us|ns|h|m|s)", text))


class Pod:
    """Metadata by tag path, values by tag path as (seconds, value)."""

    def __init__(self, path: Path):
        self.metadata: dict[str, dict[str, Any]] = {}
        self.values: dict[str, list[tuple[float, float]]] = {}
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                parts = row["topic"].split("/")
                tag = "/".join(parts[6:])
                payload = json.loads(row["payload"].replace("{{timestamp_ms}}", "0"))
                if parts[3] == "Metadata":
                    self.metadata[tag] = payload
                elif payload["value"] is not None and payload["quality"] == 1:
                    self.values.setdefault(tag, []).append((seconds(row["offset"]), float(payload["value"])))

    def points(self, object_id: str, point_type: str) -> Iterator[str]:
        for tag, meta in self.metadata.items():
            if meta.get("objectId") == object_id and meta["pointType"] == point_type and tag in self.values:
                yield tag

    def at(self, tag: str, times: np.ndarray) -> np.ndarray:
        """Last value known at each time."""
        t, v = (np.array(x) for x in zip(*sorted(self.values[tag]), strict=True))
        return v[np.clip(np.searchsorted(t, times, side="right") - 1, 0, None)]


@pytest.fixture(scope="module")
def pod(data: Path) -> Pod:
    return Pod(data / FILE)


TIMES = np.arange(10.0, 99.0, 1.0)  # every point has been published once by then


def one(pod: Pod, bus: str, point: str) -> np.ndarray:
    (tag,) = pod.points(bus, point)
    return pod.at(tag, TIMES)


def cv_rmse(predicted: np.ndarray, measured: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predicted - measured) ** 2)) / np.mean(measured))


def nmbe(predicted: np.ndarray, measured: np.ndarray) -> float:
    return float(np.mean(predicted - measured) / np.mean(measured))


def test_the_file_is_the_one_described(pod):
    assert len(pod.metadata) == 166
    assert len(pod.values) == 83


@pytest.mark.parametrize("bus", BUSES)
def test_active_power_is_power_factor_times_apparent(pod, bus):
    p, s = one(pod, bus, "ActivePower"), one(pod, bus, "ApparentPower")
    ratio = p / s
    print(f"{bus} power: CV-RMSE {cv_rmse(np.median(ratio) * s, p):.5f} (limit {POWER_FACTOR_CV_RMSE})")
    assert np.median(ratio) == pytest.approx(POWER_FACTOR[0], abs=POWER_FACTOR[1])
    assert cv_rmse(np.median(ratio) * s, p) < POWER_FACTOR_CV_RMSE


@pytest.mark.parametrize("bus", BUSES)
def test_current_from_apparent_power_and_voltage(pod, bus):
    s_va, volts = one(pod, bus, "ApparentPower") * 1e3, one(pod, bus, "Voltage")
    phases = np.array([pod.at(tag, TIMES) for tag in pod.points(bus, "PhaseCurrent")])
    assert phases.shape[0] == 3
    predicted = line_current_a(s_va, volts)
    print(
        f"{bus} current: NMBE {nmbe(predicted, phases.mean(axis=0)):+.4f} (limit {CURRENT_NMBE}), "
        f"CV-RMSE {cv_rmse(predicted, phases.mean(axis=0)):.4f} (limit {CURRENT_CV_RMSE})"
    )
    assert abs(nmbe(predicted, phases.mean(axis=0))) < CURRENT_NMBE
    assert cv_rmse(predicted, phases.mean(axis=0)) < CURRENT_CV_RMSE
    # the bus "Current" is the largest phase, not the mean
    for tag in pod.points(bus, "Current"):
        assert pod.at(tag, TIMES) == pytest.approx(phases.max(axis=0), rel=2e-3)


def graph_of(pod: Pod) -> PowerModel:
    """The one-line that the metadata states: bus -> tap -> rack."""
    serves: dict[str, list[str]] = {}
    for meta in pod.metadata.values():
        if meta["objectType"] == "PowerMeter":
            known = serves.setdefault(meta["objectId"], [])
            known += [s for s in meta["servesId"] if s not in known]
    taps = {tap: bus for bus in BUSES for tap in serves[bus]}
    racks: dict[str, list[str]] = {}
    for tap in taps:
        rack = serves[tap][0] if tap in serves else "Pod1C-" + tap.split("-")[1]
        racks.setdefault(rack, []).append(tap)
    elements = [Element("GRID", "utility", voltage_v=415.0)]
    elements += [Element(bus, "busway", ("GRID",), voltage_v=415.0, limit_w=LIMIT_W) for bus in BUSES]
    elements += [Element(tap, "whip", (bus,), voltage_v=415.0) for tap, bus in taps.items()]
    return PowerModel(
        tuple(elements), (LoadGroup("rack", tuple(racks), tuple(tuple(t) for t in racks.values()), 0.18, 0.7),)
    )


def test_metadata_gives_the_one_line(pod):
    model = graph_of(pod)
    graph = one_line(model)
    racks = model.groups[0].ids
    assert len(racks) == 6
    for rack in racks:
        paths = explain(graph, rack)
        assert {path[1] for path in paths} == set(BUSES)  # one tap from each busway
        assert single_points(graph, [rack])[rack] == ("GRID",)


def test_racks_load_both_busways_alike(pod):
    model = graph_of(pod)
    c = compile_model(model)
    p_w = np.array([one(pod, bus, "ActivePower").mean() for bus in BUSES]) * 1e3
    known = {}
    for rack in ("rack03", "rack04"):
        (tag,) = [t for t in pod.values if f"/{rack}/" in f"/{t}" and t.endswith("power/power/value")]
        known[f"Pod1C-E{rack[-2:]}"] = pod.at(tag, TIMES).mean() * 1e3
    others = (p_w.sum() - sum(known.values())) / (len(c.load_ids) - len(known))
    assert 0.0 < others < 60e3
    load_w = np.array([known.get(rack, others) for rack in c.load_ids])
    out, served = np.zeros((OUT_ROWS, len(c.ids))), np.zeros(len(c.load_ids))
    state = neutral_state(c)
    fixed = (c.kind, c.ptr, c.src, c.const, c.lptr, c.lsrc, c.load_const)
    balance(*fixed, load_w, state, out, served)
    modelled = out[O_P, [c.index[b] for b in BUSES]]
    assert modelled.sum() == pytest.approx(p_w.sum(), rel=1e-9)
    for mine, measured in zip(modelled, p_w, strict=True):
        print(f"busway split: NMBE {(mine - measured) / measured:+.4f} (limit {SPLIT_NMBE})")
        assert abs(mine - measured) / measured < SPLIT_NMBE
    assert np.all(p_w < LIMIT_W)
    # one busway lost: the other carries all and stays below its limit
    state[S_ON, c.index[BUSES[0]]] = 0.0
    balance(*fixed, load_w, state, out, served)
    assert out[O_P, c.index[BUSES[1]]] == pytest.approx(p_w.sum(), rel=1e-9)
    assert out[O_P, c.index[BUSES[1]]] < LIMIT_W


def test_the_current_limit_is_no_limit_in_amperes(pod):
    """It says 100 A while phases carry 147 to 177 A on a meter in service: an importer must not alarm on it."""
    for bus in BUSES:
        (tag,) = pod.points(bus, "CurrentLimit")
        assert pod.metadata[tag]["engUnit"] == "A"
        limit = pod.at(tag, TIMES)
        phases = np.array([pod.at(t, TIMES) for t in pod.points(bus, "PhaseCurrent")])
        assert np.all(limit == 100.0) and np.all(phases > 1.4 * limit)
