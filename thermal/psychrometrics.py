"""Moist air: saturation pressure, humidity ratio, enthalpy, density, wet bulb.

The closed forms are written so that they work on floats and arrays and can also be compiled into a plant model.
"""

from __future__ import annotations

import math
import sys
from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

R_DRY_AIR_J_KG_K = 287.042
R_RATIO = 0.621945  # molar mass of water over that of dry air
CP_DRY_AIR_J_KG_K = 1006.0
CP_VAPOUR_J_KG_K = 1860.0
H_VAPORISATION_J_KG = 2.501e6


def saturation_pressure_pa(temperature_c):  # type: ignore[no-untyped-def]
    """Saturation pressure of water vapour over liquid water.

    Parameters
    ----------
    temperature_c : temperature [degC]

    Returns
    -------
    pressure [Pa]

    Notes
    -----
    Magnus form ``611.2 exp(17.62 t / (243.12 + t))``; within 0.3 % of the reference formulation for 0 to 60 degC and
    used below 0 degC for the supercooled surface.

    References
    ----------
    WMO-No. 8, Guide to Meteorological Instruments and Methods of Observation, annex 4.B.

    Examples
    --------
    >>> round(float(saturation_pressure_pa(0.0)), 1)
    611.2
    """
    return 611.2 * np.exp(17.62 * temperature_c / (243.12 + temperature_c))


def saturation_humidity_ratio(temperature_c, pressure_pa):  # type: ignore[no-untyped-def]
    """Humidity ratio of saturated air.

    Parameters
    ----------
    temperature_c : temperature [degC]
    pressure_pa : station pressure [Pa]

    Returns
    -------
    water per dry air [kg/kg]

    Notes
    -----
    ``0.621945 p_s / (p - p_s)``; valid while p_s is well below p.
    """
    vapour_pa = saturation_pressure_pa(temperature_c)
    return R_RATIO * vapour_pa / (pressure_pa - vapour_pa)


def humidity_ratio_from_wet_bulb(drybulb_c, wetbulb_c, pressure_pa):  # type: ignore[no-untyped-def]
    """Humidity ratio from dry and wet bulb temperature.

    Parameters
    ----------
    drybulb_c, wetbulb_c : temperatures [degC]
    pressure_pa : station pressure [Pa]

    Returns
    -------
    water per dry air [kg/kg], never negative

    Notes
    -----
    Enthalpy balance of adiabatic saturation with liquid water at the wet bulb temperature:
    ``w (h_g(t) - c_w t_wb) = w_s(t_wb) (h_g(t_wb) - c_w t_wb) - c_pa (t - t_wb)``.
    """
    saturated = saturation_humidity_ratio(wetbulb_c, pressure_pa)
    liquid_j_kg = 4186.0 * wetbulb_c
    numerator = saturated * (H_VAPORISATION_J_KG + CP_VAPOUR_J_KG_K * wetbulb_c - liquid_j_kg) - CP_DRY_AIR_J_KG_K * (
        drybulb_c - wetbulb_c
    )
    return np.maximum(numerator / (H_VAPORISATION_J_KG + CP_VAPOUR_J_KG_K * drybulb_c - liquid_j_kg), 0.0)


def moist_air_density_kg_m3(temperature_c, pressure_pa, humidity_ratio):  # type: ignore[no-untyped-def]
    """Mass of moist air per volume.

    Parameters
    ----------
    temperature_c : dry bulb [degC]
    pressure_pa : station pressure [Pa]
    humidity_ratio : water per dry air [kg/kg]

    Returns
    -------
    density [kg/m3]

    Notes
    -----
    Ideal gas mixture, ``p (1 + w) / (R T (1 + w / 0.621945))``.

    Examples
    --------
    Dry air at 101325 Pa and 20 degC: 101325 / (287.042 x 293.15).

    >>> round(float(moist_air_density_kg_m3(20.0, 101325.0, 0.0)), 4)
    1.2042
    """
    dry = R_DRY_AIR_J_KG_K * (temperature_c + 273.15) * (1.0 + humidity_ratio / R_RATIO)
    return pressure_pa * (1.0 + humidity_ratio) / dry


def moist_air_enthalpy_j_kg(temperature_c, humidity_ratio):  # type: ignore[no-untyped-def]
    """Enthalpy of moist air per kg of dry air, zero for dry air and liquid water at 0 degC.

    Parameters
    ----------
    temperature_c : dry bulb [degC]
    humidity_ratio : water per dry air [kg/kg]

    Returns
    -------
    enthalpy [J/kg dry air]

    Examples
    --------
    1006 x 25 + 0.010 x (2501000 + 1860 x 25) = 25150 + 25475.

    >>> round(float(moist_air_enthalpy_j_kg(25.0, 0.010)))
    50625
    """
    return CP_DRY_AIR_J_KG_K * temperature_c + humidity_ratio * (H_VAPORISATION_J_KG + CP_VAPOUR_J_KG_K * temperature_c)


def standard_pressure_pa(altitude_m: float) -> float:
    """Pressure of the standard atmosphere.

    Parameters
    ----------
    altitude_m : height above sea level [m], below 11 000

    Returns
    -------
    pressure [Pa]

    References
    ----------
    ISO 2533:1975, Standard Atmosphere.

    Examples
    --------
    >>> standard_pressure_pa(0.0)
    101325.0
    """
    return 101325.0 * (1.0 - 2.25577e-5 * altitude_m) ** 5.25588


@cache
def _psychrolib() -> ModuleType:
    """The library in SI units, interpreted: with numba at hand it compiles for seconds, for a few dozen values."""
    missing = object()
    numba = sys.modules.get("numba", missing)
    sys.modules["numba"] = None  # type: ignore[assignment]
    try:
        import psychrolib
    finally:
        if numba is missing:
            del sys.modules["numba"]
        else:
            sys.modules["numba"] = numba  # type: ignore[assignment]
    psychrolib.SetUnitSystem(psychrolib.SI)
    return psychrolib


def wet_bulb_c(
    drybulb_c: NDArray[np.float64], relative_humidity: NDArray[np.float64], pressure_pa: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Thermodynamic wet bulb temperature, element by element.

    Parameters
    ----------
    drybulb_c : dry bulb [degC]
    relative_humidity : fraction 0..1
    pressure_pa : station pressure [Pa]

    Returns
    -------
    wet bulb [degC]

    References
    ----------
    PsychroLib (D. Meyer, D. Thevenard, 2019), the ASHRAE Handbook of Fundamentals formulation.
    """
    find = _psychrolib().GetTWetBulbFromRelHum
    rows = zip(drybulb_c.tolist(), relative_humidity.tolist(), pressure_pa.tolist(), strict=True)
    return np.array([find(t, min(max(r, 0.0), 1.0), p) for t, r, p in rows], dtype=np.float64)


def relative_humidity_from_dew_point(drybulb_c: float, dewpoint_c: float) -> float:
    """Relative humidity from dry bulb and dew point.

    Examples
    --------
    >>> relative_humidity_from_dew_point(15.0, 15.0)
    1.0
    """
    return math.exp(17.62 * dewpoint_c / (243.12 + dewpoint_c) - 17.62 * drybulb_c / (243.12 + drybulb_c))


def wet_bulb_from_humidity_ratio_c(
    drybulb_c: NDArray[np.float64], humidity_ratio: NDArray[np.float64], pressure_pa: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Thermodynamic wet bulb temperature from the humidity ratio, element by element.

    Parameters
    ----------
    drybulb_c : dry bulb [degC]
    humidity_ratio : water per dry air [kg/kg], held at saturation
    pressure_pa : station pressure [Pa]

    Returns
    -------
    wet bulb [degC]
    """
    library = _psychrolib()
    found = []
    for t, w, p in zip(drybulb_c.tolist(), humidity_ratio.tolist(), pressure_pa.tolist(), strict=True):
        saturated = library.GetSatHumRatio(t, p)
        found.append(t if w >= saturated else min(library.GetTWetBulbFromHumRatio(t, max(w, 1e-7), p), t))
    return np.array(found, dtype=np.float64)
