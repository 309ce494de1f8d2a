"""4-to-make-3: one busway lost is carried, a second is not."""

from __future__ import annotations

import numpy as np
import pytest

from electrical.protection import i2t_trip_s
from tests.electrical.plant import RACKS, Run
from twin.contract import SECOND

RACK_W = 1.10e6 / 8
FAULTS = [(10.0, "BW_A", "busway_lost", 1.0), (60.0, "BW_B", "busway_lost", 1.0)]


@pytest.fixture(scope="module")
def cascade():
    return Run(FAULTS, rack_w=RACK_W).until(400.0)


def test_one_loss_is_carried(cascade):
    before = [e for e in cascade.events if e.t < 60 * SECOND]
    assert not [e for e in before if "overload" in e.kind]
    watts = next(r for r in cascade.records if r.t == 30 * SECOND).outputs["power_node_w"]
    for id in ("BW_B", "BW_C", "BW_D"):
        node = cascade.axes["power_node"].index(id)
        assert watts[node] == pytest.approx(1.10e6 / 3, rel=3e-3)  # whip losses come on top


def test_second_loss_overloads_both_and_names_both_losses(cascade):
    over = {e.element: e for e in cascade.find("overload") if e.element.startswith("BW")}
    assert set(over) == {"BW_C", "BW_D"}
    for e in over.values():
        assert e.t == 60 * SECOND
        assert e.value == pytest.approx(1.10, abs=0.005) and e.limit == 1.0
        causes = " ".join(e.causes)
        assert "BW_A/power-lost" in causes and "BW_B/power-lost" in causes
        assert any(port == "power_node_w" for port, _ in e.via)


def test_trips_at_the_time_of_the_curve_and_cascades(cascade):
    trips = [e for e in cascade.find("overload-trip") if e.element.startswith("BW")]
    assert len(trips) == 2
    first, second = trips
    c = cascade.electrical.compiled
    trip = {e.id: e.trip for e in c.model.elements}[first.element]
    record = next(r for r in cascade.records if r.t == 70 * SECOND)
    amps = record.outputs["power_node_current_a"][c.index[first.element]]
    multiple = amps * np.sqrt(3) * 415.0 / trip.setting_va
    assert first.t / SECOND - 60.0 == pytest.approx(i2t_trip_s(multiple, trip.pickup, trip.delay_s), rel=1e-4)
    assert first.value == pytest.approx(1.10e6 / 2, rel=5e-3) and first.limit == trip.setting_va
    # the survivor carries everything, with the travel it already has
    other = {e.id: e.trip for e in c.model.elements}[second.element]
    travelled = (first.t / SECOND - 60.0) / i2t_trip_s(multiple, other.pickup, other.delay_s)
    rest_s = (1.0 - travelled) * i2t_trip_s(2.0 * multiple, other.pickup, other.delay_s)
    assert (second.t - first.t) / SECOND == pytest.approx(rest_s, rel=0.08)  # voltage is lower at twice the current
    assert any("overload-trip" in c or "BW_" in c for c in second.causes)
    dark = [e for e in cascade.events if e.element in RACKS and e.kind == "power-lost"]
    assert len(dark) == 8 and all(e.t > second.t for e in dark)
    assert max(cascade.residuals) < 1e-9


def test_ups_goes_to_bypass_on_its_way(cascade):
    """Twice its rating is more than the UPS carries on its inverter: 0.2 s, less what it has travelled at 110 %."""
    event = cascade.find("ups-overload-to-bypass")[0]
    first = [e for e in cascade.find("overload-trip") if e.element.startswith("BW")][0]
    assert (event.t - first.t) / SECOND == pytest.approx(0.2, abs=0.03)


def test_no_cascade_below_the_pickup():
    run = Run(FAULTS, rack_w=1.0e6 / 8).until(400.0)
    assert not run.find("overload-trip")
    assert not [e for e in run.events if e.element in RACKS]


def test_wrong_setting_trips_and_a_blocked_breaker_does_not():
    low = (5.0, "BW_A", "busway_trip_fraction", 0.4)
    tripped = Run([low], rack_w=RACK_W).until(200.0)
    assert [e.element for e in tripped.find("overload-trip")] == ["BW_A"]
    assert any("busway-trip-fraction" in c for c in tripped.find("overload-trip")[0].causes)
    stuck = Run([low, (5.0, "BW_A", "busway_trip_blocked", 1.0)], rack_w=RACK_W).until(200.0)
    assert not stuck.find("overload-trip")


def test_whip_breaker_open_moves_its_load():
    run = Run([(5.0, "H1_R01_RK01_WA", "whip_opened", 1.0)], rack_w=120e3).until(10.0)
    watts = run.records[-1].outputs["power_node_w"]
    index = run.axes["power_node"].index
    assert watts[index("H1_R01_RK01_WB")] == pytest.approx(40e3)
    assert watts[index("H1_R01_RK02_WB")] == pytest.approx(30e3)
    assert not [e for e in run.events if e.element in RACKS]
