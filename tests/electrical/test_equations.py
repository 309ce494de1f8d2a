"""Pure equations against hand-computed and published values."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

import numpy as np
import pytest

from electrical import availability, generator, hotspot, losses, one_line, protection, split, storage

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "electrical.json").read_text())
# the availability truths are printed with 13 digits
AVAILABILITY_DIGITS = 5e-14


@pytest.mark.parametrize("module", [availability, generator, hotspot, losses, one_line, protection, split, storage])
def test_docstring_numbers(module):
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("curve", ["SI", "VI", "EI", "LTI"])
def test_iec_relay(curve):
    truth = TRUTH["relay_iec"]
    times = [protection.iec_trip_s(m, 1.0, curve) for m in truth["multiples"]]
    assert times == pytest.approx(truth[curve], abs=truth["tolerance_s"])
    assert protection.iec_trip_s(40.0, 1.0, curve) == protection.iec_trip_s(20.0, 1.0, curve)
    assert protection.iec_trip_s(1.0, 1.0, curve) == np.inf


@pytest.mark.parametrize("curve", ["MI", "VI", "EI"])
def test_ieee_relay(curve):
    truth = TRUTH["relay_ieee"]
    times = [protection.ieee_trip_s(m, 1.0, curve) for m in truth["multiples"]]
    assert times == pytest.approx(truth[curve], abs=truth["tolerance_s"])


def test_relays_remember():
    truth = TRUTH["relay_memory"]
    assert protection.relay_trip_after_s([(3, 5.0), (8, 1e9)], "EI") == pytest.approx(
        truth["ei_3x_5s_then_8x_s"], abs=truth["tolerance_s"]
    )
    at = protection.relay_trip_after_s([(2, 3.0), (0.5, 10.0), (5, 1e9)], "IEEE-VI")
    assert at - 13.0 == pytest.approx(truth["ieee_vi_2x_3s_half_10s_then_5x_more_s"], abs=truth["tolerance_s"])


def test_mccb_holds_and_trips_as_the_standard_asks():
    assert protection.mccb_trip_s(1.05, 300.0) == np.inf
    assert protection.mccb_trip_s(1.30, 300.0) < 7200.0
    assert protection.mccb_trip_s(2.0, 1.0) == pytest.approx(np.log(4.0 / 2.56))
    warm = protection.mccb_trip_s(2.0, 1.0, start=1.0)
    assert protection.mccb_state(2.0, 1.0, warm, 1.0) == pytest.approx(1.44)


@pytest.mark.parametrize("edp", ["edp_1_2", "edp_1_5"])
@pytest.mark.parametrize("failed", [0, 1, 2])
def test_reference_pod(edp, failed):
    pod, truth = TRUTH["pod"], TRUTH["pod"][edp]
    row = split.pod_loading(
        truth["pod_kw"] * 1e3,
        truth["rack_kw"] * 1e3,
        failed,
        busways=pod["busways"],
        busway_limit_w=pod["busway_limit_kw"] * 1e3,
        whips=pod["whips"],
        whip_limit_w=pod["whip_limit_kw"] * 1e3,
        line_voltage_v=pod["line_voltage_v"],
    )
    assert row.busway_w / 1e3 == pytest.approx(truth["busway_kw"][failed], abs=pod["tolerance_kw"])
    assert row.busway_overloaded is truth["overloaded"][failed]
    assert row.busway_current_a == pytest.approx(row.busway_w / (np.sqrt(3) * 415.0))
    assert not row.whip_overloaded
    if "whip_kw" in truth:
        assert row.whip_w / 1e3 == pytest.approx(truth["whip_kw"][failed], abs=pod["whip_tolerance_kw"])


def test_pod_at_three_and_four_lost_busways():
    row = split.pod_loading(
        1316e3, 146e3, 3, busways=4, busway_limit_w=500e3, whips=8, whip_limit_w=57.5e3, line_voltage_v=415.0
    )
    assert (row.busway_w, row.busway_overloaded, row.whip_w, row.whip_overloaded) == (1316e3, True, 73e3, True)
    dark = split.pod_loading(
        1316e3, 146e3, 4, busways=4, busway_limit_w=500e3, whips=8, whip_limit_w=57.5e3, line_voltage_v=415.0
    )
    assert dark.busway_w == 0.0 and dark.whip_w == 0.0
    with pytest.raises(ValueError, match="5"):
        split.busway_load_w(1.0, 4, 5)


def test_losses():
    truth = TRUTH["converter"]
    chain = (truth["node_out_w"] + 13.0) / 0.98
    per_rectifier = (chain * 4 + 17.0) / 0.96
    assert per_rectifier / 4 == pytest.approx(truth["node_in_w"], abs=truth["tolerance_w"])
    # the same affine law in the catalogue's form: a0 = c/eta/P, a1 = 1/eta - 1, a2 = 0
    loss = losses.converter_loss_w(
        truth["node_out_w"], truth["node_out_w"], 13.0 / 0.98 / truth["node_out_w"], 1 / 0.98 - 1, 0.0
    )
    assert truth["node_out_w"] + loss == pytest.approx(chain)
    assert losses.transformer_loss_w(2.5e6, 2.5e6, 1575.0, 18500.0) == 20075.0
    x = np.array([0.25, 0.5, 0.75, 1.0])
    efficiency = losses.converter_efficiency_fraction(x * 500e3, 500e3, 0.005, 0.013, 0.012)
    assert efficiency == pytest.approx([0.965, 0.972, 0.972, 0.971], abs=5e-4)
    assert losses.conductor_loss_w(losses.line_current_a(415e3 * np.sqrt(3), 415.0), 1e-3) == pytest.approx(
        3 * 1000.0**2 * 1e-3
    )


def test_transformer_temperature():
    truth = TRUTH["transformer"]
    assert hotspot.steady_hotspot_c(20.0, 1.0) == truth["rated_hotspot_c"]
    assert hotspot.steady_hotspot_c(20.0, 1.5) == pytest.approx(truth["at_1_5_c"], abs=truth["tolerance_c"])
    assert hotspot.ageing_rate(98.0) == 1.0
    assert hotspot.ageing_rate(hotspot.steady_hotspot_c(20.0, 1.5)) == pytest.approx(
        truth["ageing_at_1_5"], abs=truth["ageing_tolerance"]
    )
    for minutes, key in ((15.0, "after_15_min_c"), (60.0, "after_60_min_c")):
        assert hotspot.hotspot_after_step_c(minutes, 20.0, 1.0, 1.5) == pytest.approx(
            truth[key], abs=truth["tolerance_c"]
        )


def test_availability_closed_forms():
    truth, a = TRUTH["availability"], 0.9995
    assert availability.parallel_availability([a, a]) == pytest.approx(truth["two_n"], abs=truth["tolerance"])
    assert availability.k_of_n_availability(2, 3, a) == pytest.approx(truth["two_of_three"], abs=truth["tolerance"])
    with_bus = availability.series_availability([availability.k_of_n_availability(4, 5, a), truth["bus"]])
    assert with_bus == pytest.approx(truth["four_of_five_with_bus"], abs=AVAILABILITY_DIGITS)
    assert availability.k_of_n_availability(10, 12, a) == pytest.approx(truth["ten_of_twelve"], abs=AVAILABILITY_DIGITS)
    u, mttf_h, w, down_h = availability.repairable_pair(1 / 50000, 1 / 8)
    assert u == pytest.approx(truth["pair_unavailability"], rel=5e-7)
    assert mttf_h == pytest.approx(truth["pair_mttf_h"], rel=1e-9)
    assert w == pytest.approx(truth["pair_frequency_per_h"], rel=5e-7)
    assert down_h == truth["pair_down_h"]


def test_ordering_of_redundancy():
    a, path = 0.999, 0.999
    bare = availability.series_availability([a, path])
    parallel = availability.series_availability([availability.k_of_n_availability(2, 3, a), path])
    both = availability.parallel_availability([bare, bare])
    assert bare < parallel < both
