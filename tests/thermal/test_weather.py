"""Weather: the shipped year, its hottest day, hour stamps, what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from thermal.psychrometrics import saturation_pressure_pa, wet_bulb_c
from thermal.weather import WeatherError, _year, date_of_day, day_of_date, day_table, hottest_day, read_weather

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "thermal_plant.json").read_text())


@pytest.fixture(scope="module")
def greensboro():
    return read_weather("greensboro-tmy3")


def test_hottest_day_of_the_shipped_year(greensboro):
    truth = TRUTH["greensboro_hottest_day"]
    assert hottest_day(greensboro) == truth["value"]
    assert greensboro.drybulb_c.max() == truth["drybulb_c"]
    table = day_table(greensboro, "hottest", 24)
    assert table.date == truth["value"] and table.drybulb_c.max() == truth["drybulb_c"]
    assert len(table.time_s) == 25 and table.time_s[-1] == 86400.0


def test_row_hour_n_is_the_value_at_n_oclock(greensboro):
    import pandas as pd
    import pvlib

    file = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
    raw = pd.read_csv(file, skiprows=1)
    row = raw[(raw["Date (MM/DD/YYYY)"].str.startswith("07/10")) & (raw["Time (HH:MM)"] == "14:00")]
    table = day_table(greensboro, "07-10", 24)
    assert table.drybulb_c[14] == float(row["Dry-bulb (C)"].iloc[0])
    row24 = raw[(raw["Date (MM/DD/YYYY)"].str.startswith("07/10")) & (raw["Time (HH:MM)"] == "24:00")]
    assert table.drybulb_c[24] == float(row24["Dry-bulb (C)"].iloc[0])


def test_wet_bulb_and_saturation_pressure():
    truth = TRUTH["wet_bulb_30c_50pct_sea_level_c"]
    found = wet_bulb_c(np.array([30.0]), np.array([0.5]), np.array([101325.0]))[0]
    assert found == pytest.approx(truth["value"], abs=truth["tolerance"])
    truth = TRUTH["saturation_pressure_pa"]
    for temperature_c, pressure_pa in truth["points"]:
        assert float(saturation_pressure_pa(temperature_c)) == pytest.approx(
            pressure_pa, rel=truth["relative_tolerance"]
        )


def test_wet_bulb_never_above_dry_bulb(greensboro):
    table = day_table(greensboro, "01-01", 24 * 14)
    assert np.all(table.wetbulb_c <= table.drybulb_c)


def test_dates_are_inverse():
    assert [day_of_date(date_of_day(d)) for d in range(365)] == list(range(365))
    for wrong in ("13-01", "02-29", "7/10", "00-10"):
        with pytest.raises(ValueError):
            day_of_date(wrong)


def test_missing_doubled_and_broken_hours_are_all_listed(greensboro):
    hour = np.delete(np.arange(8760), [100, 200])
    hour[300] = hour[299]
    columns = [
        greensboro.drybulb_c[hour].copy(),
        greensboro.relative_humidity[hour] * 100.0,
        greensboro.pressure_pa[hour],
    ]
    columns[0][10] = np.nan
    columns[2][11] = 5.0
    with pytest.raises(WeatherError) as caught:
        _year("x.epw", "x", 0.0, hour, columns, 1.0)
    said = dict(caught.value.problems)
    assert said["01-05 04:00"] == "missing hour" and said["01-09 08:00"] == "missing hour"
    assert sum("rows for one hour" in found for found in said.values()) == 1
    assert any("dry bulb nan" in found for found in said.values())
    assert any("pressure 5 Pa" in found for found in said.values())


def test_files_that_are_no_weather(tmp_path):
    with pytest.raises(WeatherError, match="does not exist"):
        read_weather(tmp_path / "none.epw")
    (tmp_path / "bad.epw").write_text("hello\n")
    with pytest.raises(WeatherError, match="cannot be read"):
        read_weather(tmp_path / "bad.epw")
    (tmp_path / "bad.txt").write_text("hello\n")
    with pytest.raises(WeatherError, match="wanted .epw"):
        read_weather(tmp_path / "bad.txt")
