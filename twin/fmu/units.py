"""Units of FMU variables and of our ports: value_base = factor * value + offset, in SI base units."""

from __future__ import annotations

from dataclasses import dataclass

Dimension = tuple[int, int, int, int, int]  # exponents of kg, m, s, K, A

NONE: Dimension = (0, 0, 0, 0, 0)
POWER: Dimension = (1, 2, -3, 0, 0)
ENERGY: Dimension = (1, 2, -2, 0, 0)
PRESSURE: Dimension = (1, -1, -2, 0, 0)
TEMPERATURE: Dimension = (0, 0, 0, 1, 0)
MASS_FLOW: Dimension = (1, 0, -1, 0, 0)
VOLUME_FLOW: Dimension = (0, 3, -1, 0, 0)
TIME: Dimension = (0, 0, 1, 0, 0)
EXTENSIVE = (POWER, ENERGY, MASS_FLOW, VOLUME_FLOW)


@dataclass(frozen=True)
class Unit:
    """One unit; an offset counts only for absolute values, never for differences."""

    name: str
    dimension: Dimension
    factor: float = 1.0
    offset: float = 0.0

    def to_base(self, value: float, difference: bool = False) -> float:
        """Value in base units.

        Examples
        --------
        >>> KNOWN["degC"].to_base(25.0), KNOWN["degC"].to_base(25.0, difference=True), KNOWN["kW"].to_base(2.0)
        (298.15, 25.0, 2000.0)
        """
        return self.factor * value + (0.0 if difference else self.offset)

    def from_base(self, value: float, difference: bool = False) -> float:
        """Value in this unit of one in base units.

        Examples
        --------
        >>> KNOWN["psi"].from_base(6894.757293168361)
        1.0
        """
        return (value - (0.0 if difference else self.offset)) / self.factor


KNOWN = {
    u.name: u
    for u in (
        Unit("1", NONE),
        Unit("%", NONE, 0.01),
        Unit("W", POWER),
        Unit("kW", POWER, 1e3),
        Unit("MW", POWER, 1e6),
        Unit("J", ENERGY),
        Unit("kJ", ENERGY, 1e3),
        Unit("MJ", ENERGY, 1e6),
        Unit("kWh", ENERGY, 3.6e6),
        Unit("K", TEMPERATURE),
        Unit("degC", TEMPERATURE, 1.0, 273.15),
        Unit("degF", TEMPERATURE, 5.0 / 9.0, 273.15 - 32.0 * 5.0 / 9.0),
        Unit("Pa", PRESSURE),
        Unit("kPa", PRESSURE, 1e3),
        Unit("bar", PRESSURE, 1e5),
        Unit("psi", PRESSURE, 6894.757293168361),
        Unit("kg/s", MASS_FLOW),
        Unit("g/s", MASS_FLOW, 1e-3),
        Unit("m3/s", VOLUME_FLOW),
        Unit("L/s", VOLUME_FLOW, 1e-3),
        Unit("l/s", VOLUME_FLOW, 1e-3),
        Unit("s", TIME),
    )
}


@dataclass(frozen=True)
class PortUnit:
    """Unit of one of our ports; difference: a temperature difference, so that offsets do not count."""

    unit: Unit
    difference: bool = False


_SUFFIXES = (
    ("_kg_s", "kg/s", False),
    ("_l_s", "L/s", False),
    ("_w", "W", False),
    ("_j", "J", False),
    ("_pa", "Pa", False),
    ("_c", "degC", False),
    ("_k", "K", True),
    ("_fraction", "1", False),
    ("_s", "s", False),
)


def port_unit(name: str) -> PortUnit:
    """Unit that a port's name states; without a unit in its name it is a pure number (modes).

    Examples
    --------
    >>> port_unit("fws_supply_c").unit.name, port_unit("fws_supply_sensor_bias_k").difference
    ('degC', True)
    >>> port_unit("fan_powered").unit.name
    '1'
    """
    for suffix, unit, difference in _SUFFIXES:
        if name.endswith(suffix):
            return PortUnit(KNOWN[unit], difference)
    return PortUnit(KNOWN["1"])
