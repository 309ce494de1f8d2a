"""Real weather files: Denver and Chicago TMY3 as EPW, against the limits stated in each test."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "thermal"))

from plant_rig import Rig, make  # noqa: E402

from thermal.psychrometrics import humidity_ratio_from_wet_bulb, moist_air_density_kg_m3, wet_bulb_c  # noqa: E402
from thermal.weather import WeatherYear, day_table, hottest_day, read_weather  # noqa: E402

FILES = {"denver": "USA_CO_Denver.Intl.AP.725650_TMY3.epw", "chicago": "USA_IL_Chicago-OHare.Intl.AP.725300_TMY3.epw"}


@pytest.fixture(scope="module")
def years(data) -> dict[str, WeatherYear]:
    return {name: read_weather(data / "weather" / file) for name, file in FILES.items()}


def test_every_hour_is_where_the_file_says(data, years):
    """Row hour n is the value at n:00: all 8760 rows of each file, exactly."""
    days = np.cumsum((0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30))
    for name, file in FILES.items():
        with (data / "weather" / file).open(newline="") as handle:
            rows = list(csv.reader(handle))[8:]
        assert len(rows) == 8760
        for row in rows:
            hour = (days[int(row[1]) - 1] + int(row[2]) - 1) * 24 + int(row[3])
            assert years[name].drybulb_c[hour % 8760] == float(row[6])
            assert years[name].pressure_pa[hour % 8760] == float(row[9])


def test_wet_bulb_never_above_dry_bulb(years):
    """All year, limit 1e-3 K (the wet bulb iteration's own tolerance), and above the dew point of dry air."""
    for year in years.values():
        wet = wet_bulb_c(year.drybulb_c, year.relative_humidity, year.pressure_pa)
        assert np.all(wet <= year.drybulb_c + 1e-3)
        ratio = humidity_ratio_from_wet_bulb(year.drybulb_c, np.minimum(wet, year.drybulb_c), year.pressure_pa)
        assert np.all((ratio >= 0.0) & (ratio < 0.03))


def test_altitude_takes_air_from_denver(years):
    """Station pressure of Denver (1,650 m): 18 +- 1.5 % less air per volume at 20 degC than at sea level."""
    density = [
        float(moist_air_density_kg_m3(20.0, p, 0.005)) for p in (float(years["denver"].pressure_pa.mean()), 101325.0)
    ]
    assert 1.0 - density[0] / density[1] == pytest.approx(0.18, abs=0.015)
    assert years["denver"].altitude_m == 1650.0 and years["chicago"].altitude_m == 201.0


def cooling_j(data: Path, site: str, date: str) -> tuple[float, float, float]:
    """Fan and chiller energy of one afternoon hour, its dry bulb, and the water taken."""
    rig = Rig(*make(weather=str(data / "weather" / FILES[site]), date=date, hours=16), t=14 * 3600 * 1_000_000)
    rig.run(14 * 3600, 15 * 3600, 1.0)
    rig.joules.clear()
    rig.run(15 * 3600, 15.5 * 3600, 1.0)
    energy = rig.joules["fws/fan_j"] + rig.joules["fws/chiller_j"]
    return energy, float(rig.values["outdoor_drybulb_c"][0]), float(rig.values["water_l_s"][0])


@pytest.mark.parametrize("site", sorted(FILES))
def test_cooling_energy_orders_with_dry_bulb_and_takes_no_water(data, years, site):
    """Five days from the coldest to the hottest afternoon; no catalogue change; strictly increasing above 5 degC."""
    year = years[site]
    afternoon = year.drybulb_c[np.arange(365) * 24 + 15]
    order = np.argsort(afternoon, kind="stable")
    order = order[afternoon[order] > 5.0]
    chosen = [int(order[k]) for k in np.linspace(0, len(order) - 1, 5).astype(int)]
    found = []
    for day in chosen:
        month = int(np.searchsorted(np.cumsum((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)), day, side="right"))
        date = f"{month + 1:02d}-{day - int(np.cumsum((0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30))[month]) + 1:02d}"
        found.append(cooling_j(data, site, date))
    energies, drybulbs, water = zip(*found, strict=True)
    assert list(drybulbs) == sorted(drybulbs)
    assert np.all(np.diff(energies) > 0), found
    assert set(water) == {0.0}


def test_hottest_days(years):
    """The chosen day holds the year's highest hourly dry bulb."""
    for year in years.values():
        table = day_table(year, hottest_day(year), 24)
        assert table.drybulb_c[1:].max() == year.drybulb_c.max()
