"""Packaged air handler with direct expansion: capacity and compressor power away from the rating point."""

from __future__ import annotations

import numpy as np


def coil_capacity_w(rated_w, return_c, rated_return_c, outdoor_c, rated_outdoor_c, fan_fraction):  # type: ignore[no-untyped-def]
    """Sensible capacity of the coil at full compressor speed.

    Parameters
    ----------
    rated_w : capacity at the rating point [W]
    return_c, rated_return_c : air entering the coil [degC]
    outdoor_c, rated_outdoor_c : air at the condenser [degC]
    fan_fraction : air flow over rated [-]

    Returns
    -------
    capacity [W]

    Notes
    -----
    2 % more per kelvin warmer return air, 1 % less per kelvin warmer outdoors (held within 0.3 to 1.3), and the 0.6th
    power of the air flow.

    Examples
    --------
    >>> float(coil_capacity_w(100e3, 27.0, 32.0, 35.0, 35.0, 1.0))
    90000.0
    """
    factor = 1.0 + 0.02 * (return_c - rated_return_c) - 0.01 * (outdoor_c - rated_outdoor_c)
    return rated_w * np.minimum(np.maximum(factor, 0.3), 1.3) * fan_fraction**0.6


def supply_air_c(return_c: float, coil_w: float, fan_w: float, air_flow_kg_s: float) -> float:
    """Temperature of the air that a unit blows.

    Parameters
    ----------
    return_c : air entering [degC]
    coil_w : heat taken by the coil [W]
    fan_w : fan power, which ends in the air [W]
    air_flow_kg_s : [kg/s], above zero

    Returns
    -------
    supply temperature [degC]

    Examples
    --------
    >>> round(supply_air_c(30.0, 80480.0, 0.0, 8.0), 2)
    20.0
    """
    return return_c - (coil_w - fan_w) / (air_flow_kg_s * 1006.0)
