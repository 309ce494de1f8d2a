"""Pipes and tanks: transport delay, fluid stored."""

from __future__ import annotations


def transport_delay_s(volume_m3: float, density_kg_m3: float, mass_flow_kg_s: float) -> float:
    """Time a parcel takes through a pipe.

    Parameters
    ----------
    volume_m3 : inner volume [m3]
    density_kg_m3 : [kg/m3]
    mass_flow_kg_s : [kg/s], above zero

    Returns
    -------
    delay [s]

    Notes
    -----
    ``rho V / m``. A chain of n well-mixed cells has the same mean delay with a spread of ``delay / sqrt(n)``.

    Examples
    --------
    >>> transport_delay_s(1.5, 1000.0, 25.0)
    60.0
    """
    return volume_m3 * density_kg_m3 / mass_flow_kg_s


def buffer_tank_m3(heat_w: float, hold_s: float, density_kg_m3: float, specific_heat_j_kg_k: float,
                   temperature_rise_k: float) -> float:
    """Volume of a plug-flow tank that carries a heat for a time.

    Parameters
    ----------
    heat_w : heat [W]
    hold_s : time [s]
    density_kg_m3, specific_heat_j_kg_k : of the fluid
    temperature_rise_k : between return and supply [K]

    Returns
    -------
    volume [m3]

    Notes
    -----
    ``V = Q t / (rho c_p dT)``.

    Examples
    --------
    One megawatt-minute over 10 K of water (997 kg/m3, 4180 J/(kg K)).

    >>> round(buffer_tank_m3(1e6, 60.0, 997.0, 4180.0, 10.0), 2)
    1.44
    """
    return heat_w * hold_s / (density_kg_m3 * specific_heat_j_kg_k * temperature_rise_k)
