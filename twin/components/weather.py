"""Weather as a component: the hourly table of the run's day, linear between the hours, shifted by a condition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from thermal.psychrometrics import humidity_ratio_from_wet_bulb, wet_bulb_from_humidity_ratio_c
from thermal.weather import WeatherError, WeatherTable, day_table
from twin.contract import NEVER, SECOND, Advanced, Event, Inputs, Port, State, Us
from twin.errors import Problem, SpecError
from twin.spec.weather_day import weather_year

OFFSET = Port("outdoor_offset_k", "site", "mode")


class Weather:
    """Outdoor air at the site.

    Parameters
    ----------
    table : hourly values from 0:00 of the run's day on; after its end the last holds
    start_s : time of day at which the run starts [s]; before it the values of the start hold

    A standing `outdoor_offset_k` warms the air at unchanged humidity ratio, so the wet bulb follows.
    """

    name = "weather"
    inputs = (OFFSET,)
    outputs = (
        Port("outdoor_drybulb_c", "site", "mean", neutral=20.0),
        Port("outdoor_wetbulb_c", "site", "mean", neutral=15.0),
        Port("outdoor_pressure_pa", "site", "mean", neutral=101325.0),
    )
    grid: Us = 0
    can_rewind = True

    def __init__(self, table: WeatherTable, start_s: float = 0.0):
        self.table = table
        self.start_s = start_s
        self._time_s = table.time_s
        self._columns = (table.drybulb_c, table.wetbulb_c, table.pressure_pa)
        self._shifted: dict[float, tuple[list[float], ...]] = {0.0: tuple(c.tolist() for c in self._columns)}

    def start(self, t: Us, inputs: Inputs) -> None:
        pass

    def next_due(self) -> Us:
        return NEVER

    def settle(self, t: Us, round: int, inputs: Inputs) -> tuple[Event, ...]:
        return ()

    def may_split(self, t: Us, t_end: Us) -> bool:
        return False

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        columns = self._with_offset(float(inputs.value["outdoor_offset_k"][0]))
        middle_s = self.start_s + max(0.5 * (t + t_end) / SECOND, 0.0)  # the mean of a straight line is its middle
        hour = min(int(middle_s // 3600.0), len(self._time_s) - 2)
        x = min(middle_s / 3600.0 - hour, 1.0)
        drybulb, wetbulb, pressure = [np.array([c[hour] + x * (c[hour + 1] - c[hour])]) for c in columns]
        return Advanced(
            t_end, {"outdoor_drybulb_c": drybulb, "outdoor_wetbulb_c": wetbulb, "outdoor_pressure_pa": pressure}
        )

    def _with_offset(self, offset_k: float) -> tuple[list[float], ...]:
        if offset_k not in self._shifted:
            drybulb_c, wetbulb_c, pressure_pa = self._columns
            ratio = humidity_ratio_from_wet_bulb(drybulb_c, wetbulb_c, pressure_pa)
            warmer_c = drybulb_c + offset_k
            wetbulb_c = wet_bulb_from_humidity_ratio_c(warmer_c, ratio, pressure_pa)
            self._shifted[offset_k] = warmer_c.tolist(), np.asarray(wetbulb_c).tolist(), pressure_pa.tolist()
        return self._shifted[offset_k]

    def stored_j(self) -> Mapping[str, float]:
        return {}

    def drivers(self, port: str, index: int) -> Iterable[tuple[str, int]]:
        return () if port == "outdoor_pressure_pa" else (("outdoor_offset_k", 0),)

    def mark(self) -> object:
        return None

    def rewind(self, mark: object) -> None:
        pass

    def save(self) -> State:
        return {}

    def load(self, state: State) -> None:
        pass


def build_weather(plant: Any, scenario: Any) -> Weather:
    """Weather of a plant's site; the scenario's own weather or date win over the site's.

    Raises
    ------
    SpecError : with every missing or broken hour of the file
    """
    site = plant.facility.site
    source = getattr(scenario, "weather", None) or site.weather
    date = getattr(scenario, "date", None) or site.date
    if date != "hottest":
        date = date[-5:]
    begin = scenario.clock.start
    start_s = begin.hour * 3600.0 + begin.minute * 60.0 + begin.second + begin.microsecond * 1e-6
    hours = int((start_s + scenario.clock.duration_s) // 3600.0) + 2
    try:
        return Weather(day_table(weather_year(str(source)), date, hours), start_s)
    except WeatherError as error:
        raise SpecError(
            [
                Problem(str(source), 1, place, found, "8760 complete hours of dry bulb, humidity and pressure")
                for place, found in error.problems
            ]
        ) from error
    except ValueError as error:
        raise SpecError([Problem(str(source), 1, "date", str(error), "'hottest' or MM-DD")]) from error
