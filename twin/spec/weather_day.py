"""The day of a run: which day of the weather year, checked to be complete."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from thermal.weather import WeatherError, WeatherYear, day_of_date, day_table, hottest_day, read_weather
from twin.spec.site import month_day

TYPICAL_YEAR = 2026  # a typical year has no calendar year of its own; no leap year


@lru_cache(maxsize=8)
def _year(source: str, stamp: int) -> WeatherYear:
    return read_weather(source)


def weather_year(source: str) -> WeatherYear:
    """The year of a name or file, read once per content; WeatherError lists every missing hour."""
    path = Path(source)
    return _year(source, path.stat().st_mtime_ns if path.is_file() else 0)


def run_day(source: str, chosen: str) -> tuple[int, str]:
    """(calendar year, MM-DD) of "hottest", of MM-DD or of a full date; the weather must hold that day."""
    year = weather_year(source)
    if chosen == "hottest":
        return TYPICAL_YEAR, hottest_day(year)
    day = month_day(chosen)
    day_of_date(day)  # February 29th is not part of a typical year: a ValueError
    return (int(chosen[:4]) if len(chosen) > 5 else TYPICAL_YEAR), day


def day_peak(source: str, day: str) -> tuple[float, float]:
    """Highest dry bulb and highest wet bulb of a day MM-DD [degC]."""
    table = day_table(weather_year(source), day)
    return float(table.drybulb_c.max()), float(table.wetbulb_c.max())


__all__ = ["TYPICAL_YEAR", "WeatherError", "day_peak", "run_day", "weather_year"]
