"""Holds when, 3: the coupling acts both ways, and every added event descends from its root fault."""

from __future__ import annotations

import numpy as np
import pytest

from tests.whole.factory import fork, run, tokens, warm
from twin.compare import ancestors, event_difference, orphans
from twin.contract import SECOND
from twin.coupling import Hold
from twin.simulate import Experiment

FAULT_S = 300.0
STANDBY_FAILS = "cdu-pump-trip-standby-fails"
SCENARIOS = [
    "cdu-pump-trip",
    STANDBY_FAILS,
    "cdu-loss",
    "cdu-loss-no-reserve",
    "utility-loss",
    "utility-loss-generator-fails",
]
THERMAL_OUT = ("chip_c", "chip_hottest_c")
POWER_OUT = ("gpu_heat_w", "cpu_heat_w", "nvswitch_heat_w", "rack_air_heat_w", "rack_power_w")


def reserve(name):
    """What a scenario changes in the plant before anything fails, so that the undisturbed run has it too."""
    return ("tcs.cdus.H1_CDU3=null", "basis_of_design.systems.cdu.redundancy=N") if name.endswith("no-reserve") else ()


def test_held_thermal_outputs_make_the_token_dip_vanish():
    start = warm("window", at_s=240.0)
    calm = fork(start, "window", until_s=600.0)
    faulted = fork(start, STANDBY_FAILS, until_s=600.0)
    held = fork(
        start, STANDBY_FAILS, until_s=600.0, experiment=Experiment(hold=Hold(int(FAULT_S * SECOND), THERMAL_OUT))
    )
    assert tokens(faulted) < 0.99 * tokens(calm)
    assert tokens(held) == pytest.approx(tokens(calm), rel=1e-6)


def test_held_rack_power_raises_the_peak_chip_temperature():
    start = warm("window", at_s=240.0)
    faulted = fork(start, STANDBY_FAILS, until_s=420.0)
    held = fork(start, STANDBY_FAILS, until_s=420.0, experiment=Experiment(hold=Hold(int(FAULT_S * SECOND), POWER_OUT)))
    peak = [r.results.series("chip_hottest_c", "1s")[1].max() for r in (faulted, held)]
    assert peak[1] > peak[0] + 5.0


@pytest.mark.parametrize("name", SCENARIOS)
def test_without_its_fault_the_run_is_identical_up_to_the_fault(name):
    calm, faulted = run("window", *reserve(name)), run(name)
    for quantity in calm.results.quantities:
        if quantity not in calm.results.arrays["1s"]:
            continue
        a, b = (r.results.series(quantity, "1s")[1][: int(FAULT_S)] for r in (calm, faulted))
        assert np.array_equal(a, b), quantity
    before = [e for e in faulted.results.events if e["t_s"] < FAULT_S]
    assert before == [e for e in calm.results.events if e["t_s"] < FAULT_S]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_added_event_descends_from_the_root(name):
    calm, faulted = run("window", *reserve(name)), run(name)
    difference = event_difference(calm.results.events, faulted.results.events)
    roots = [
        e["id"]
        for e in faulted.results.events
        if e["t_s"] == FAULT_S and not e["causes"] and e["kind"] in {"trip", "failed", "outage", "fail-to-start"}
    ]
    assert roots and len(difference.added) > len(roots)
    assert [f"{e['id']}" for e in orphans(difference, faulted.results.events, roots)] == []


@pytest.mark.parametrize("name", [*SCENARIOS, "busway-loss"])
def test_no_cause_is_later_than_its_effect_and_every_cause_exists(name):
    events = run(name).results.events
    place = {e["id"]: i for i, e in enumerate(events)}
    assert len(place) == len(events)  # ids are unique
    for i, event in enumerate(events):
        for cause in event["causes"]:
            assert cause in place, (event["id"], cause)
            assert events[place[cause]]["t_s"] <= event["t_s"] and place[cause] != i


def test_an_effect_blames_the_event_that_set_the_mode():
    """Two busways lost ten minutes apart: the overload names both, each by the event that opened it."""
    events = run("busway-loss").results.events
    overload = next(e for e in events if e["kind"] == "overload")
    by_id = {e["id"]: e for e in events}
    blamed = {(by_id[c]["element"], by_id[c]["t_s"]) for c in overload["causes"]}
    assert {("BW_A", 300.0), ("BW_B", 900.0)} <= blamed


def test_a_continuous_link_is_named():
    throttles = [e for e in run(STANDBY_FAILS).results.events if e["kind"] == "throttle-start"]
    assert throttles and all(any(v.startswith("chip_hottest_c/") for v in e["via"]) for e in throttles)


def test_averted_and_moved_events_are_listed():
    calm, faulted = run("cdu-pump-trip"), run(STANDBY_FAILS)
    difference = event_difference(calm.results.events, faulted.results.events)
    assert {e["kind"] for e in difference.averted} >= {"standby-start"}
    assert any(b["kind"] == "flow-restored" and a["t_s"] != b["t_s"] for a, b in difference.moved)


def test_a_fault_elsewhere_is_not_blamed():
    """Negative control: a valve that hangs in the other loop could reach these racks through the water, but did not."""
    faults = (
        "[{at: 120s, element: H1_R02_RK04, mode: liquid-valve-stuck, value: 0.8}, "
        "{at: 300s, element: H1_CDU1_P2, mode: fail-to-start}, {at: 300s, element: H1_CDU1_P1, mode: trip}]"
    )
    done = run("window", f"faults={faults}", "clock.duration=6min")
    events = done.results.events
    by_id = {e["id"]: e for e in events}
    valve, pump = ({e["id"] for e in events if e["element"] == element and not e["causes"]}
                   for element in ("H1_R02_RK04", "H1_CDU1_P1"))
    assert len(valve) == len(pump) == 1
    effects = [e for e in events if e["kind"] in {"throttle-start", "gpu-trip", "low-flow"}]
    assert len(effects) >= 9
    for event in effects:
        assert ancestors(event, by_id) & pump and not ancestors(event, by_id) & valve, event["id"]
