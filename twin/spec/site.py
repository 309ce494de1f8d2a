"""Where the factory stands: coordinates, altitude, weather."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from twin.spec.model import Spec
from twin.spec.shape import FileName

WEATHER_YEARS = ("greensboro-tmy3",)  # years that come with an installed package
WeatherName = Annotated[str, FileName(suffixes=(".epw", ".csv"), names=WEATHER_YEARS)]


def month_day(value: str) -> str:
    """MM-DD of a date with or without a year.

    Examples
    --------
    >>> month_day("07-10"), month_day("2024-07-10")
    ('07-10', '07-10')
    """
    text = value if len(value) > 5 else f"2023-{value}"
    return date.fromisoformat(text).strftime("%m-%d")


def _is_date(value: str) -> str:
    if value != "hottest":
        try:
            month_day(value)
        except ValueError:
            raise ValueError("'hottest' or a date such as 07-10 or 2025-07-10") from None
    return value


DateText = Annotated[str, AfterValidator(_is_date)]


class Site(Spec):
    """Coordinates in degrees (north and east positive), hours of standard time ahead of UTC, and the weather year."""

    name: str
    latitude_deg: Annotated[float, Field(ge=-90.0, le=90.0)]
    longitude_deg: Annotated[float, Field(ge=-180.0, le=180.0)]
    altitude_m: Annotated[float, Field(ge=-430.0, le=5000.0)]
    utc_offset_h: Annotated[float, Field(ge=-12.0, le=14.0)]
    weather: WeatherName = "greensboro-tmy3"
    date: DateText = "hottest"
    note: str = ""
