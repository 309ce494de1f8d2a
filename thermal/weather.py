"""Hourly weather of a typical year: reading, choosing a day, interpolating within it.

Convention: row hour ``n`` of a TMY3 or EPW file is the value at n:00 local standard time. Hour 24 of a day is 0:00 of
the next, so a year is a ring of 8760 instants and index 0 of `WeatherYear` is January 1st, 0:00 (= December 31st,
24:00).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thermal.psychrometrics import wet_bulb_c

GREENSBORO = "greensboro-tmy3"  # shipped with pvlib, NREL TMY3 station 723170
HOURS = 8760
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class WeatherError(ValueError):
    """A weather file that cannot be used; `problems` lists everything missing or wrong as (place, found)."""

    def __init__(self, source: str, problems: Iterable[tuple[str, str]]):
        self.source = source
        self.problems = tuple(problems)
        shown = "; ".join(f"{place}: {found}" for place, found in self.problems[:20])
        more = f"; and {len(self.problems) - 20} more" if len(self.problems) > 20 else ""
        super().__init__(f"{source}: {shown}{more}")


@dataclass(frozen=True)
class WeatherYear:
    """One year of 8760 hourly values; index i is the instant i hours after January 1st, 0:00 local standard time."""

    name: str
    altitude_m: float
    drybulb_c: NDArray[np.float64]
    relative_humidity: NDArray[np.float64]
    pressure_pa: NDArray[np.float64]


@dataclass(frozen=True)
class WeatherTable:
    """Hourly values from the start of a day on, `time_s` counted from that day's 0:00."""

    name: str
    date: str
    time_s: NDArray[np.float64]
    drybulb_c: NDArray[np.float64]
    wetbulb_c: NDArray[np.float64]
    pressure_pa: NDArray[np.float64]


def read_weather(source: str | Path) -> WeatherYear:
    """Read a year of weather.

    Parameters
    ----------
    source : ``greensboro-tmy3`` or the path of an EPW file (``.epw``) or a TMY3 file (``.csv``)

    Returns
    -------
    WeatherYear, complete and finite

    Raises
    ------
    WeatherError : hours missing, doubled or not finite, or values outside the range of weather
    """
    from pvlib import iotools

    if str(source) == GREENSBORO:
        import pvlib

        path = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
    else:
        path = Path(source)
    if not path.is_file():
        raise WeatherError(str(source), [("file", "does not exist")])
    try:
        if path.suffix.lower() == ".epw":
            frame, meta = iotools.read_epw(str(path))
            names, shift_h, scale = (
                ("temp_air", "relative_humidity", "atmospheric_pressure"),
                1,
                1.0,
            )  # pvlib labels EPW row hour n as n - 1; pressure is in Pa
        elif path.suffix.lower() == ".csv":
            frame, meta = iotools.read_tmy3(str(path), map_variables=True)
            names, shift_h, scale = (
                ("temp_air", "relative_humidity", "pressure"),
                0,
                100.0,
            )  # labels are n; pressure is in mbar
        else:
            raise WeatherError(str(source), [("file", f"ending {path.suffix!r}, wanted .epw or .csv (TMY3)")])
        index = frame.index
        day_of_year = np.cumsum((0, *_MONTH_DAYS[:-1]))[index.month.to_numpy() - 1] + index.day.to_numpy() - 1
        hour = day_of_year * 24 + index.hour.to_numpy() + shift_h
        columns = [frame[c].to_numpy(dtype=np.float64) for c in names]
    except WeatherError:
        raise
    except Exception as error:  # pvlib raises whatever its parser met
        raise WeatherError(str(source), [("file", f"cannot be read: {error}")]) from error
    name = str(meta.get("city", meta.get("Name", path.stem))).strip().strip('"')
    return _year(str(source), name, float(meta["altitude"]), hour, columns, scale)


def _year(
    source: str,
    name: str,
    altitude_m: float,
    hour: NDArray[np.int64],
    columns: list[NDArray[np.float64]],
    pressure_scale: float,
) -> WeatherYear:
    problems: list[tuple[str, str]] = []
    if len(hour) == HOURS + 24:  # a leap year: 29 February shares its slots with 1 March and is refused below
        problems.append(("rows", f"{len(hour)}, wanted {HOURS} (February 29th is not part of a typical year)"))
    count = np.bincount(hour % HOURS, minlength=HOURS)
    problems += [(_label(int(i)), "missing hour") for i in np.flatnonzero(count == 0)]
    problems += [(_label(int(i)), f"{count[i]} rows for one hour") for i in np.flatnonzero(count > 1)]
    drybulb_c, humidity_percent, pressure = (np.full(HOURS, np.nan) for _ in range(3))
    for column, raw in zip((drybulb_c, humidity_percent, pressure), columns, strict=True):
        column[hour % HOURS] = raw
    pressure_pa = pressure * pressure_scale
    limits = (
        ("dry bulb", drybulb_c, -70.0, 60.0, "degC"),
        ("relative humidity", humidity_percent, 0.0, 110.0, "%"),
        ("pressure", pressure_pa, 50e3, 110e3, "Pa"),
    )
    for label, values, low, high, unit in limits:
        bad = (count > 0) & ~((values >= low) & (values <= high))
        problems += [(_label(int(i)), f"{label} {values[i]:g} {unit}") for i in np.flatnonzero(bad)]
    if problems:
        raise WeatherError(source, problems)
    return WeatherYear(name, altitude_m, drybulb_c, np.minimum(humidity_percent / 100.0, 1.0), pressure_pa)


def _label(hour: int) -> str:
    return f"{date_of_day(int(hour) // 24)} {int(hour) % 24:02d}:00"


def date_of_day(day: int) -> str:
    """Date ``MM-DD`` of a day number counted from 0.

    Examples
    --------
    >>> date_of_day(0), date_of_day(59), date_of_day(364)
    ('01-01', '03-01', '12-31')
    """
    for month, days in enumerate(_MONTH_DAYS, start=1):
        if day < days:
            return f"{month:02d}-{day + 1:02d}"
        day -= days
    raise ValueError("day of year above 364")


def day_of_date(date: str) -> int:
    """Day number, from 0, of a date ``MM-DD``.

    Examples
    --------
    >>> day_of_date("07-10")
    190
    """
    month_text, _, day_text = date.partition("-")
    if not (month_text.isdigit() and day_text.isdigit() and 1 <= int(month_text) <= 12):
        raise ValueError(f"date {date!r}, wanted MM-DD")
    month, day = int(month_text), int(day_text)
    if not 1 <= day <= _MONTH_DAYS[month - 1]:
        raise ValueError(f"date {date!r}: that month of a typical year has {_MONTH_DAYS[month - 1]} days")
    return sum(_MONTH_DAYS[: month - 1]) + day - 1


def hottest_day(year: WeatherYear) -> str:
    """The day with the highest hourly dry bulb; among equals, the one with the highest daily mean.

    Parameters
    ----------
    year : weather of a year

    Returns
    -------
    date ``MM-DD``; a day's hours are 1:00 to 24:00, as its rows in the file

    """
    by_day = np.roll(year.drybulb_c, -1).reshape(365, 24)
    peak, mean = by_day.max(axis=1), by_day.mean(axis=1)
    return date_of_day(int(max(range(365), key=lambda d: (peak[d], mean[d], -d))))


def day_table(year: WeatherYear, date: str = "hottest", hours: int = 24) -> WeatherTable:
    """Hourly table from 0:00 of a date on.

    Parameters
    ----------
    year : weather of a year
    date : ``hottest`` or ``MM-DD``
    hours : length [h]; the table has one row more, and runs on through the year and around its end

    Returns
    -------
    WeatherTable with wet bulb at the station pressure
    """
    chosen = hottest_day(year) if date == "hottest" else date
    rows = (day_of_date(chosen) * 24 + np.arange(hours + 1)) % HOURS
    drybulb_c, pressure_pa = year.drybulb_c[rows], year.pressure_pa[rows]
    wetbulb_c = np.minimum(wet_bulb_c(drybulb_c, year.relative_humidity[rows], pressure_pa), drybulb_c)
    return WeatherTable(
        year.name, chosen, np.arange(hours + 1, dtype=np.float64) * 3600.0, drybulb_c, wetbulb_c, pressure_pa
    )
