"""Utility loss, generators, batteries, transfer switches and hold-up: when things happen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from electrical.generator import start_after_failed_cranks_s
from electrical.losses import converter_loss_w
from electrical.storage import holdup_s
from tests.electrical.plant import RACKS, Run, catalogue
from twin.contract import SECOND
from twin.streams import stream

MICROSECOND = 1e-6
OUTAGE = (10.0, "UTIL", "utility_voltage_fraction", 0.0)
RESIDUAL = 1e-9


def at_s(event):
    return event.t / SECOND


def start_time_s(seed, id):
    item = catalogue().item("diesel-2mw")
    z = float(stream(seed, id, "start", 0).standard_normal())
    return item["start_median_s"] * np.exp(item["start_log_sigma_ratio"] * z)


@pytest.fixture(scope="module")
def outage():
    return Run([(*OUTAGE, 400.0)], ripple=0.05).until(1010.0)


def test_utility_loss_sequence(outage):
    ats, ups = catalogue().item("ats-3200a"), catalogue().item("double-conversion-500kw")
    first = min(start_time_s(1, g) for g in ("GEN1", "GEN2"))
    cranking = 10.0 + ats["start_delay_s"]
    on_bus = cranking + first
    assert [at_s(e) for e in outage.find("ups-on-battery")] == [10.0] * 4
    assert [at_s(e) for e in outage.find("generator-cranking")] == [cranking] * 2
    buses = [at_s(e) for e in outage.find("generator-on-bus")]
    assert buses[0] == pytest.approx(on_bus, abs=MICROSECOND)
    second = cranking + max(start_time_s(1, g) for g in ("GEN1", "GEN2")) + catalogue().item("diesel-2mw")["sync_s"]
    assert buses[1] == pytest.approx(second, abs=MICROSECOND)
    transfers = {e.element: at_s(e) for e in outage.find("transfer-to-alternate")}
    move = ats["sense_s"] + ats["transfer_s"]
    assert transfers["ATS1"] == pytest.approx(on_bus + move, abs=2 * MICROSECOND)
    assert transfers["ATS2"] == pytest.approx(on_bus + move + 3.0, abs=2 * MICROSECOND)  # second block of load
    walks = {e.element: at_s(e) for e in outage.find("ups-walk-in")}
    for k, (id, switch) in enumerate((("UPS_A", "ATS1"), ("UPS_B", "ATS2"), ("UPS_C", "ATS1"), ("UPS_D", "ATS2"))):
        assert walks[id] == pytest.approx(transfers[switch] + ups["requalify_s"] + 2.0 * k, abs=2 * MICROSECOND)
    assert {at_s(e) for e in outage.find("retransfer")} == {400.0 + ats["retransfer_s"]}
    assert {at_s(e) for e in outage.find("generator-stopped")} == {700.0 + catalogue().item("diesel-2mw")["cooldown_s"]}


def test_racks_never_notice_and_mechanical_loads_do(outage):
    assert not outage.find("power-lost", "H1_R01_RK01")
    assert all(np.all(r.outputs["rack_power_w"] > 0) for r in outage.records)
    dead = [e for e in outage.events if e.kind.endswith("-power-lost") and e.element in ("MDB1", "MDB2")]
    assert {e.kind for e in dead} == {
        "fws-pump-power-lost",
        "dry-cooler-power-lost",
        "chiller-power-lost",
        "ahu-power-lost",
    }
    holdup = {k: catalogue().item(k)["holdup_s"] for k in ("drive", "compressor")}
    for e in dead:
        assert at_s(e) == pytest.approx(
            10.0 + holdup["compressor" if e.kind.startswith("chiller") else "drive"], abs=2e-6
        )
    back = {e.element: at_s(e) for e in outage.events if e.kind == "fws-pump-power-returned"}
    transfers = {e.element: at_s(e) for e in outage.find("transfer-to-alternate")}
    assert back == {"MDB1": transfers["ATS1"], "MDB2": transfers["ATS2"]}


def test_every_step_closes(outage):
    assert max(outage.residuals) < RESIDUAL
    counters = outage.coupling.counters
    for term in (
        "utility",
        "generator",
        "battery_discharge",
        "battery_charge",
        "holdup_discharge",
        "holdup_charge",
        "loss_ups",
        "loss_transformer",
        "loss_busway",
        "loss_switchgear",
        "loss_cable",
        "loss_battery",
        "ambient",
    ):
        assert counters[f"electrical/{term}_j"] > 0.0, term


def test_walk_in_is_a_ramp(outage):
    soc = outage.series("battery_soc_fraction")
    t = np.array([r.t_end for r in outage.records]) / SECOND
    generator = outage.series("generator_w")[:, 0]
    assert soc[t < 10].min() == 1.0
    low = soc.min(axis=0)
    assert np.all(low < 0.97) and np.all(low > 0.8)
    assert np.all(soc[-1] > low)  # recharged
    carried = np.array([r.outputs["power_node_w"][outage.axes["power_node"].index("MSB1")] for r in outage.records])
    walk = [at_s(e) for e in outage.find("ups-walk-in", "UPS_A")][0]
    inside = (t > walk + 1) & (t < walk + 3.9)
    assert np.all(np.diff(carried[inside]) > 0)  # UPS_A takes up load second by second
    assert generator.max() > 1.1e6


def test_fuel_follows_the_willans_line():
    run = Run([OUTAGE]).until(60.0)
    item = catalogue().item("diesel-2mw")
    g = run.axes["power_node"].index("GEN1"), run.axes["power_node"].index("GEN2")
    energy_j = sum(r.outputs["power_node_w"][list(g)].sum() * (r.t_end - r.t) / SECOND for r in run.records)
    running_s = 2 * 60.0 - sum(11.0 + start_time_s(1, id) for id in ("GEN1", "GEN2"))
    litres = (item["fuel_idle_l_kwh"] * item["rated_w"] * running_s + item["fuel_slope_l_kwh"] * energy_j) / 3.6e6
    assert run.coupling.counters["generator_fuel_l"] == pytest.approx(litres, rel=1e-6)


def blocked(battery_j, **kw):
    """Utility lost and no generator starts; batteries of a given size."""
    probe = Run()
    batteries = tuple(replace(b, energy_j=battery_j) for b in probe.model.batteries)
    model = replace(probe.model, batteries=batteries)
    return Run(
        [OUTAGE, (0.0, "GEN1", "generator_start_blocked", 1.0), (0.0, "GEN2", "generator_start_blocked", 1.0)],
        model=model,
        **kw,
    )


def test_battery_is_exhausted_at_the_exact_instant():
    energy_j = 20e6
    run = blocked(energy_j).until(120.0)
    item = catalogue().item("double-conversion-500kw")
    first = run.find("battery-exhausted")[0]
    assert first.element == "UPS_A"
    node = run.axes["power_node"].index("UPS_A")
    load_w = next(r for r in run.records if r.t >= 12 * SECOND).outputs["power_node_w"][node]
    loss_w = item["battery_mode_loss_fraction"] * converter_loss_w(
        load_w,
        item["rated_w"],
        item["loss_no_load_fraction"],
        item["loss_linear_fraction"],
        item["loss_quadratic_fraction"],
    )
    expected_s = 10.0 + energy_j * item["discharge_fraction"] / (load_w + loss_w)
    assert at_s(first) == pytest.approx(expected_s, abs=1e-4)  # mechanical loads change cable drops in the first 20 ms
    last = run.find("battery-exhausted")[-1]
    dark = [e for e in run.events if e.element in RACKS and e.kind == "power-lost"]
    shelf = catalogue().item("shelf-8x33kw")
    hold = holdup_s(shelf["rated_w"] * shelf["holdup_load_fraction"] * shelf["holdup_s"], 125e3)
    assert len(dark) == 8
    for e in dark:
        assert at_s(e) == pytest.approx(at_s(last) + hold, abs=3e-6)
    assert max(run.residuals) < RESIDUAL
    assert run.coupling.stored_j()["electrical/stored_battery_j"] == pytest.approx(0.0, abs=5.0)  # 1 us at 1 MW


def test_generators_lock_out_when_they_do_not_start():
    run = blocked(150e6).until(100.0)
    item = catalogue().item("diesel-2mw")
    after = start_after_failed_cranks_s(int(item["crank_attempts_count"]), item["crank_s"], item["crank_rest_s"])
    assert [at_s(e) for e in run.find("generator-start-failed")] == [pytest.approx(11.0 + after)] * 2
    blame = run.find("generator-start-failed", "GEN1")[0].causes
    assert any("GEN1/generator-start-blocked" in c for c in blame) and any("generator-cranking" in c for c in blame)


def test_one_generator_fails_and_the_other_takes_all():
    run = Run([OUTAGE, (0.0, "GEN1", "generator_start_blocked", 1.0)]).until(120.0)
    assert [e.element for e in run.find("generator-on-bus")] == ["GEN2"]
    assert not [e for e in run.events if e.element in RACKS]
    loading = run.series("power_node_loading_fraction")[:, run.axes["power_node"].index("GEN2")]
    assert 0.5 < loading.max() < 1.0


def test_static_switch_moves_in_milliseconds_and_nobody_drops():
    run = Run([(10.0, "UPS_A", "ups_failed", 1.0)]).until(15.0)
    sts = catalogue().item("sts-400a")
    assert [at_s(e) for e in run.find("transfer-to-alternate", "STS1")] == [
        pytest.approx(10.0 + sts["sense_s"] + sts["transfer_s"], abs=1e-6)
    ]
    assert {e.kind for e in run.events if e.kind.endswith("-power-lost")} == {"switch-power-lost"}  # fed by UPS_A alone
    gap_j = run.coupling.counters["electrical/holdup_discharge_j"]
    fed_w = 3 * 4000.0 + 2 * 400.0 + 300.0  # what hangs on UP1
    switches_j = 3 * 3000.0 * catalogue().item("electronics")["holdup_s"]  # what hangs on UPS_A, until it drops
    gap_fed_j = fed_w * (sts["sense_s"] + sts["transfer_s"])
    assert gap_j == pytest.approx(gap_fed_j + switches_j, rel=1e-6)
    assert run.coupling.counters["electrical/holdup_charge_j"] == pytest.approx(gap_fed_j, rel=1e-9)
    assert max(run.residuals) < RESIDUAL


def test_a_gap_longer_than_the_hold_up_drops_the_load():
    model = Run().model
    slow = replace(model, switches=tuple(replace(s, transfer_s=0.05) if s.id == "STS1" else s for s in model.switches))
    run = Run([(10.0, "UPS_A", "ups_failed", 1.0)], model=slow).until(12.0)
    lost = run.find("cdu-pump-power-lost", "UP1")
    assert [at_s(e) for e in lost] == [pytest.approx(10.02, abs=1e-6)]
    assert [at_s(e) for e in run.find("cdu-pump-power-returned", "UP1")] == [pytest.approx(10.052, abs=1e-6)]
    assert max(run.residuals) < RESIDUAL


def test_sag_takes_the_ups_to_battery_and_leaves_the_drives():
    run = Run([(10.0, "UTIL", "utility_voltage_fraction", 0.70, 10.2)]).until(40.0)
    assert len(run.find("ups-on-battery")) == 4
    assert not [e for e in run.events if "power-lost" in e.kind]
    assert not run.find("generator-cranking")
    assert {round(at_s(e), 6) for e in run.find("ups-walk-in")} == {20.2, 22.2, 24.2, 26.2}
    amps = {r.t: r.outputs["power_node_current_a"][run.axes["power_node"].index("MDB1")] for r in run.records}
    assert amps[10 * SECOND] > 1.4 * amps[9 * SECOND]  # constant power at 70 % voltage


def test_bypass_when_the_inverter_fails():
    run = Run([(10.0, "UPS_A", "ups_inverter_failed", 1.0)]).until(20.0)
    assert [e.element for e in run.find("ups-to-bypass")] == ["UPS_A"]
    watts = run.series("power_node_w")
    node = run.axes["power_node"].index("BW_A")
    assert watts[5, node] == pytest.approx(watts[-1, node], rel=2e-3)
    both = Run([(10.0, "UPS_A", "ups_inverter_failed", 1.0), (5.0, "UPS_A", "ups_bypass_blocked", 1.0)]).until(20.0)
    assert [e.element for e in both.find("ups-off")] == ["UPS_A"]
    assert both.series("power_node_w")[-1, node] == 0.0


def test_isolation_request_cuts_a_rack():
    run = Run()
    port = run.coupling.ports["rack_isolation_request"]
    assert port.axis == "rack"
    run.until(5.0)
    run.coupling.values["rack_isolation_request"] = np.eye(8)[2]
    run.coupling.causes["rack_isolation_request"][2] = "0.000000.0/RK/leak"
    run.until(6.0)
    event = run.find("isolated")[0]
    assert event.element == RACKS[2] and event.causes == ("0.000000.0/RK/leak",)
    assert run.records[-1].outputs["rack_power_w"][2] == 0.0
