"""Heat rejection equations: limits, fan law, altitude, water."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fws_case import DRY, WET, parameters

from thermal.chiller import chiller_capacity_w, chiller_cop
from thermal.cooling_tower import evaporation_limit_l_per_kwh, makeup_water_kg_s, tower_effectiveness
from thermal.dry_cooler import coil_conductance_w_k, crossflow_effectiveness, fan_power_w
from thermal.fws_layout import BANK_PARAMETERS, SITE_INPUTS
from thermal.fws_rhs import A_RHO, AIR_STATE, dry_bank, outdoor_air, wet_bank
from thermal.pipe import buffer_tank_m3

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "thermal_plant.json").read_text())
SITE = parameters().arrays()[0]


def outdoors(drybulb_c: float, wetbulb_c: float, pressure_pa: float) -> np.ndarray:
    air, u = np.zeros(len(AIR_STATE)), np.zeros(len(SITE_INPUTS))
    u[:3] = drybulb_c, wetbulb_c, pressure_pa
    outdoor_air(u, SITE, air)
    return air


def row(values: dict[str, float]) -> np.ndarray:
    return np.array([values[c] for c in BANK_PARAMETERS])


def test_effectiveness_limits():
    for ntu in (0.1, 1.0, 3.0):
        assert float(crossflow_effectiveness(ntu, 1e-9)) == pytest.approx(
            1.0 - np.exp(-ntu), rel=0.02 * ntu**0.5 + 1e-3
        )
    ntu = np.linspace(0.01, 8.0, 200)
    eps = crossflow_effectiveness(ntu, 0.8)
    assert np.all(np.diff(eps) > 0) and np.all((eps > 0) & (eps < 1))
    assert float(tower_effectiveness(2.0, 1.0)) == pytest.approx(2.0 / 3.0, abs=1e-12)
    assert float(tower_effectiveness(2.0, 1.0 + 1e-7)) == pytest.approx(2.0 / 3.0, abs=1e-6)
    assert float(tower_effectiveness(1.0, 1e-12)) == pytest.approx(1.0 - np.exp(-1.0), abs=1e-9)


def test_crossflow_against_a_marched_exchanger():
    """The correlation against an explicit march of both unmixed streams over a 400 x 400 grid."""
    ntu, ratio, cells = 1.4, 0.8, 400
    a = 1.0 / (1.0 + 1.0)  # hot and cold inlet 1 and 0; stream 1 is C_min
    d1, d2 = ntu / cells, ntu * ratio / cells
    hot = np.ones(cells)
    outlet = np.zeros(cells)
    for k in range(cells):
        cold = 0.0
        for j in range(cells):
            mean = (hot[j] - cold) / (1.0 + 0.5 * d1 + 0.5 * d2)
            hot[j] -= d1 * mean
            cold += d2 * mean
        outlet[k] = cold
    eps = 1.0 - hot.mean()
    assert a == 0.5 and outlet.mean() == pytest.approx(ratio * eps, rel=1e-9)
    assert float(crossflow_effectiveness(ntu, ratio)) == pytest.approx(eps, rel=0.02)


def test_air_side_takes_what_the_liquid_gives():
    air, bank = outdoors(35.6, 25.0, 98600.0), row(DRY)
    heat, air_w_k, leaving = dry_bank(48.0, 6.6, 3950.0, 1.0, 1.0, 0.0, bank, air)
    assert heat == pytest.approx(air_w_k * (leaving - 35.6), rel=1e-12) and heat > 0
    assert dry_bank(48.0, 0.0, 3950.0, 1.0, 1.0, 0.0, bank, air)[0] == 0.0


def test_altitude_takes_air_capacity_and_fan_power():
    sea, denver = outdoors(20.0, 12.0, 101325.0), outdoors(20.0, 12.0, 83000.0)
    truth = TRUTH["denver_air_capacity_fraction"]
    assert denver[A_RHO] / sea[A_RHO] == pytest.approx(truth["value"], abs=truth["tolerance"])
    assert fan_power_w(1.0, 1.0, 1.0, denver[A_RHO] / sea[A_RHO]) == pytest.approx(
        truth["value"], abs=truth["tolerance"]
    )
    bank = row(DRY)
    assert (
        dry_bank(45.0, 6.6, 3950.0, 1.0, 1.0, 0.0, bank, denver)[0]
        < 0.95 * dry_bank(45.0, 6.6, 3950.0, 1.0, 1.0, 0.0, bank, sea)[0]
    )


def test_fan_law_and_films():
    assert fan_power_w(1000.0, 1.0, 0.8, 1.0) == pytest.approx(512.0)
    assert coil_conductance_w_k(100.0, 4.0, 1.0, 1.0) == pytest.approx(100.0)
    assert coil_conductance_w_k(100.0, 4.0, 1.0, 0.5) < coil_conductance_w_k(100.0, 4.0, 0.5, 1.0) < 100.0


def test_wet_surface_beats_the_dry_bulb_and_evaporates_less_than_the_limit():
    air, bank = outdoors(35.6, 25.0, 98600.0), row(WET)
    heat, air_kg_s, leaving, evaporated = wet_bank(40.0, 6.6, 3950.0, 1.0, 1.0, 0.0, bank, air)
    assert 40.0 - heat / (6.6 * 3950.0) < 35.6  # colder than the dry bulb allows a dry cooler
    assert 40.0 - heat / (6.6 * 3950.0) > 25.0
    litres_per_kwh = evaporated * 3.6e6 / heat
    assert evaporation_limit_l_per_kwh() == pytest.approx(
        TRUTH["evaporation_limit_l_per_kwh"]["value"], abs=TRUTH["evaporation_limit_l_per_kwh"]["tolerance"]
    )
    # entering air warmer than the surface gives sensible heat to it, which evaporates too: up to 15 % above the limit
    assert 0.7 < litres_per_kwh / evaporation_limit_l_per_kwh() < 1.15
    cold = outdoors(10.0, 8.0, 98600.0)
    heat, _, _, evaporated = wet_bank(40.0, 6.6, 3950.0, 1.0, 1.0, 0.0, bank, cold)
    assert 0.5 < evaporated * 3.6e6 / heat / evaporation_limit_l_per_kwh() < 1.0


def test_makeup_by_cycles():
    assert makeup_water_kg_s(1.0, 2.0, 0.0, 0.0) == pytest.approx(2.0)
    assert makeup_water_kg_s(0.0, 4.0, 1e-3, 10.0) == pytest.approx(0.01)


def test_chiller_gains_with_warmer_supply_and_cooler_air():
    cop = [float(chiller_cop(0.38, t, 35.0, 6.0, 15.0, 1.0)) for t in (30.0, 31.0)]
    assert 1.02 < cop[1] / cop[0] < 1.08
    assert float(chiller_cop(0.38, 36.0, 30.0, 6.0, 15.0, 1.0)) > float(chiller_cop(0.38, 36.0, 35.0, 6.0, 15.0, 1.0))
    assert float(chiller_capacity_w(1.0, 36.0, 36.0, 40.0, 35.0)) < 1.0


def test_buffer_tank_per_megawatt_minute():
    truth = TRUTH["buffer_tank_m3_per_mw_minute"]
    for rise_k, volume_m3 in truth["points"]:
        assert buffer_tank_m3(1e6, 60.0, 997.0, 4180.0, rise_k) == pytest.approx(volume_m3, abs=truth["tolerance"] * 2)
