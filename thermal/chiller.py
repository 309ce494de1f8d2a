"""Air-cooled trim chiller: capacity and coefficient of performance away from the rating point."""

from __future__ import annotations

import numpy as np


def chiller_capacity_w(rated_w, leaving_c, rated_leaving_c, outdoor_c, rated_outdoor_c):  # type: ignore[no-untyped-def]
    """Cooling capacity at full load.

    Parameters
    ----------
    rated_w : capacity at the rating point [W]
    leaving_c, rated_leaving_c : temperature of the fluid leaving the evaporator [degC]
    outdoor_c, rated_outdoor_c : air temperature at the condenser [degC]

    Returns
    -------
    capacity [W]

    Notes
    -----
    2.5 % more per kelvin warmer fluid, 1 % less per kelvin warmer air, held within 0.3 to 1.3 of the rating.

    Examples
    --------
    >>> float(chiller_capacity_w(500e3, 36.0, 36.0, 45.0, 35.0))
    450000.0
    """
    factor = 1.0 + 0.025 * (leaving_c - rated_leaving_c) - 0.01 * (outdoor_c - rated_outdoor_c)
    return rated_w * np.minimum(np.maximum(factor, 0.3), 1.3)


def chiller_cop(carnot_fraction, leaving_c, outdoor_c, evaporator_k, condenser_k, load_fraction):  # type: ignore[no-untyped-def]
    """Coefficient of performance of the compressors.

    Parameters
    ----------
    carnot_fraction : share of the ideal cycle's COP reached at full load [-]
    leaving_c : fluid leaving the evaporator [degC]
    outdoor_c : air at the condenser [degC]
    evaporator_k, condenser_k : fluid to evaporation and condensation to air, differences at full load [K]
    load_fraction : cooling over capacity [-]

    Returns
    -------
    cooling per compressor power [-]

    Notes
    -----
    ``eta T_e / (T_c - T_e)``; the differences shrink with load, the share of Carnot falls by up to 15 % at low load;
    the lift is held at 10 K or more (head pressure control).

    Examples
    --------
    Lift 20 K at full load: 0.38 x 303.15 / 20.

    >>> round(float(chiller_cop(0.38, 36.0, 35.0, 6.0, 15.0, 1.0)), 3)
    5.76
    """
    part = 0.3 + 0.7 * load_fraction
    evaporation_k = leaving_c - evaporator_k * part + 273.15
    lift_k = np.maximum(outdoor_c + condenser_k * part + 273.15 - evaporation_k, 10.0)
    return carnot_fraction * (1.0 - 0.15 * (1.0 - load_fraction) ** 2) * evaporation_k / lift_k
