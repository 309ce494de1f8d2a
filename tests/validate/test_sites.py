"""Other climates, with no change of the catalogue: Denver and Chicago, from their EPW files."""

from __future__ import annotations

import numpy as np
import pytest

from twin.ledger import LEDGERS
from twin.simulate import simulate
from twin.spec.load import load_scenario

SITES = {"denver": "USA_CO_Denver.Intl.AP.725650_TMY3.epw", "chicago": "USA_IL_Chicago-OHare.Intl.AP.725300_TMY3.epw"}
DAYS = ("01-15", "04-15", "hottest")
COOLING = ("fws/pump_j", "fws/fan_j", "fws/chiller_j", "fws/controller_j", "air/ahu_j")
WET = tuple(f"fws.heat_rejection.DC{i}.type=closed-wet-tower-290" for i in (1, 2, 3, 4))


def hour(data, site, day, *more):
    return simulate(load_scenario("window", facility="gb300-su", overrides=(
        f"weather={data / 'weather' / SITES[site]}", f"date={day}", "clock.duration=20min", "clock.warmup=40min",
        *more)))


@pytest.mark.parametrize("site", SITES)
def test_cooling_energy_orders_with_dry_bulb_and_dry_coolers_take_no_water(data, site):
    runs = [hour(data, site, day) for day in DAYS]
    drybulb_c = [float(np.mean(r.results.series("outdoor_drybulb_c", "60s")[1])) for r in runs]
    cooling_j = [sum(r.results.total(c) for c in COOLING) for r in runs]
    order = np.argsort(drybulb_c)
    print(f"{site}: " + ", ".join(f"{drybulb_c[i]:.1f} degC {cooling_j[i] / 3.6e6:.1f} kWh" for i in order))
    assert np.all(np.diff(np.array(cooling_j)[order]) > 0)
    for done in runs:
        assert done.results.total("fws/water_l") == 0.0
        assert all(max(led.residual_fraction(done.results.counters)) <= 1e-6 for led in LEDGERS)
        assert done.results.total("throttled_gpu_s") == 0.0


@pytest.mark.parametrize("site", SITES)
def test_the_wet_tower_variant_takes_water(data, site):
    done = hour(data, site, "hottest", *WET)
    litres, heat_kwh = done.results.total("fws/water_l"), done.results.total("fws/tower_rejected_j") / 3.6e6
    print(f"{site}: {litres:.0f} L for {heat_kwh:.0f} kWh rejected, {litres / heat_kwh:.2f} L/kWh")
    # evaporation is at most 1.48 L/kWh, makeup at least 2 cycles
    assert heat_kwh > 0 and 0.3 < litres / heat_kwh < 1.48 * 2.0 + 0.1
