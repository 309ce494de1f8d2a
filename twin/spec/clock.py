"""Time in specs: durations and instants as text, kept as integer microseconds; the clock of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator

from twin.spec.model import Spec

_UNIT_US = {"us": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(us|ms|s|min|h|d)")
_DURATION = re.compile(rf"(?:{_PART.pattern} ?)+")
_TIME_OF_DAY = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9](?:\.[0-9]{1,6})?))?")
MAX_US = 40 * 366 * _UNIT_US["d"]


def duration_us(value: str | float) -> int:
    """Microseconds of a duration; a bare number is seconds.

    Examples
    --------
    >>> duration_us("24h"), duration_us("1h 30min"), duration_us("500ms"), duration_us(0.25)
    (86400000000, 5400000000, 500000, 250000)
    """
    if isinstance(value, str):
        text = value.strip()
        if not _DURATION.fullmatch(text):
            raise ValueError("a duration such as 24h, 10min, 1s, 500ms or a number of seconds")
        exact = sum(Decimal(number) * _UNIT_US[unit] for number, unit in _PART.findall(text))
    else:
        exact = Decimal(repr(value)) * 1_000_000
    if not 0 <= exact <= MAX_US:
        raise ValueError("a duration from 0 to 40 years")
    if exact != int(exact):
        raise ValueError("a duration of whole microseconds")
    return int(exact)


def duration_text(us: int) -> str:
    """Shortest text of a duration that reads back to the same microseconds.

    Examples
    --------
    >>> duration_text(86_400_000_000), duration_text(90_000_000), duration_text(1_500)
    ('1d', '90s', '1500us')
    """
    for unit in ("d", "h", "min", "s", "ms"):
        if us and us % _UNIT_US[unit] == 0:
            return f"{us // _UNIT_US[unit]}{unit}"
    return f"{us}us" if us else "0s"


def instant_us(value: str | float, start: datetime) -> int:
    """Microseconds from the start of a run to an instant: a duration since the start, or a time of day.

    A time of day before the start's own means the next day.
    """
    if isinstance(value, str):
        match = _TIME_OF_DAY.fullmatch(value.strip())
        if match:
            hour, minute, second = match.groups()
            of_day = (int(hour) * 60 + int(minute)) * 60_000_000 + int(Decimal(second or "0") * 1_000_000)
            begun = ((start.hour * 60 + start.minute) * 60 + start.second) * 1_000_000 + start.microsecond
            return (of_day - begun) % _UNIT_US["d"]
        if "." in value.strip() or ":" in value:
            try:
                return duration_us(value)
            except ValueError:
                raise ValueError("a time of day such as 12:00 or a time since the start such as 2h") from None
    return duration_us(value)


def _is_duration(value: str | float) -> str | float:
    duration_us(value)
    return value


def _is_instant(value: str | float) -> str | float:
    instant_us(value, datetime(2000, 1, 1))
    return value


def _is_start(value: str) -> str:
    if not _TIME_OF_DAY.fullmatch(value.strip()):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("a time of day such as 14:30 or a moment such as 2024-07-01T14:30") from None
        if moment.tzinfo is not None:
            raise ValueError("the site's standard time, without an offset") from None
    return value


DurationText = Annotated[str | float, AfterValidator(_is_duration)]
InstantText = Annotated[str | float, AfterValidator(_is_instant)]
StartText = Annotated[str, AfterValidator(_is_start)]


class ClockSpec(Spec):
    """As written. start: a time of day on the run's date, or a moment; local standard time of the site."""

    start: StartText = "00:00"
    duration: DurationText = "24h"
    step: DurationText = "1s"
    warmup: DurationText = "2h"


@dataclass(frozen=True)
class Clock:
    """Resolved: the moment of t = 0, and integer microseconds."""

    start: datetime
    duration_us: int
    step_us: int
    warmup_us: int

    @property
    def duration_s(self) -> float:
        return self.duration_us / 1e6

    @property
    def step_s(self) -> float:
        return self.step_us / 1e6

    @property
    def warmup_s(self) -> float:
        return self.warmup_us / 1e6
