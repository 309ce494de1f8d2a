"""Flows of the facility loop against closed forms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fws_case import plant

from thermal.fws_hydraulics import pump_head_pa, solve_flows, valve_opening_fraction
from thermal.fws_layout import C_BRANCH, C_VALVE, G_LEAK, G_LOOP, G_RANGE, P_A, P_H0

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "thermal_plant.json").read_text())


def flows(p, speed, valves=(0.8, 0.8)):
    p.u_cdu[:, 0] = valves
    branch, through = np.zeros(2), np.zeros(3)
    total, dp = solve_flows(np.array(speed, dtype=float), p.site, p.cdu, p.pump, p.u_cdu, p.u_pump, branch, through)
    return total, dp, branch, through


def resistance(p, valves):
    g = 0.0
    for i, x in enumerate(valves):
        opening = valve_opening_fraction(x, p.site[G_RANGE], p.site[G_LEAK])
        g += 1.0 / np.sqrt(p.cdu[i, C_BRANCH] + p.cdu[i, C_VALVE] / opening**2)
    return p.site[G_LOOP] + 1.0 / g**2


def test_equal_pumps_closed_form():
    p = plant()
    total, dp, branch, through = flows(p, (0.9, 0.9, 0.0), (0.8, 0.3))
    k = resistance(p, (0.8, 0.3))
    assert total == pytest.approx(0.9 * np.sqrt(p.pump[0, P_H0] / (k + p.pump[0, P_A] / 4.0)), rel=1e-12)
    assert branch.sum() == pytest.approx(total, rel=1e-12) and through.sum() == pytest.approx(total, rel=1e-12)
    for i, x in enumerate((0.8, 0.3)):
        opening = valve_opening_fraction(x, p.site[G_RANGE], p.site[G_LEAK])
        assert (p.cdu[i, C_BRANCH] + p.cdu[i, C_VALVE] / opening**2) * branch[i] ** 2 == pytest.approx(dp, rel=1e-10)


def test_unequal_speeds_meet_at_one_pressure_and_a_weak_pump_is_shut_off():
    p = plant()
    total, dp, _, through = flows(p, (1.0, 0.9, 0.2))
    k = resistance(p, (0.8, 0.8))
    for s, q in zip((1.0, 0.9), through[:2], strict=True):
        assert pump_head_pa(p.pump[0, P_H0], p.pump[0, P_A], s, q) == pytest.approx(k * total**2, rel=1e-9)
    assert through[2] == 0.0 and through.sum() == pytest.approx(total, rel=1e-10)
    assert flows(p, (0.0, 0.0, 0.0))[0] == 0.0


def test_affinity():
    p = plant()
    full, half = flows(p, (1.0, 1.0, 0.0)), flows(p, (0.5, 0.5, 0.0))
    assert half[0] == pytest.approx(0.5 * full[0], rel=1e-12) and half[1] == pytest.approx(0.25 * full[1], rel=1e-12)


@pytest.mark.parametrize(("head_ratio", "left"), TRUTH["one_of_two_pumps_left_fraction"]["points"])
def test_losing_one_of_two_pumps(head_ratio, left):
    p = plant()
    k_valves = resistance(p, (1.0, 1.0)) - p.site[G_LOOP]
    wanted = p.pump[0, P_A] / 4.0 * head_ratio / (1.0 - head_ratio)  # k m^2 = h H0 at m^2 = H0 / (k + a/4)
    p.site[G_LOOP] = wanted - k_valves
    both, one = (flows(p, s, (1.0, 1.0))[0] for s in ((1.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
    assert one / both == pytest.approx(left, abs=TRUTH["one_of_two_pumps_left_fraction"]["tolerance"])


def test_flow_grows_with_valve_and_speed():
    p = plant()
    by_valve = [flows(p, (0.9, 0.9, 0.0), (x, 0.5))[2][0] for x in np.linspace(0.0, 1.0, 11)]
    assert np.all(np.diff(by_valve) > 0) and by_valve[0] < 0.01 * by_valve[-1]
