"""Energy stores of the power path: UPS batteries and the hold-up of power supplies."""

from __future__ import annotations

from math import inf


def autonomy_s(energy_j: float, load_w: float, discharge_efficiency: float) -> float:
    """Time until a battery is empty at constant load.

    Parameters
    ----------
    energy_j : float
        Energy in the cells. [J]
    load_w : float
        Power drawn at the terminals. [W]
    discharge_efficiency : float
        Terminal energy over cell energy. [-]

    Returns
    -------
    float
        Time to empty; infinite without load. [s]

    Notes
    -----
    :math:`E' = -P/\\eta_d`; no rate dependence (Li-ion at the rates of a UPS).

    Examples
    --------
    150 MJ at 400 kW and 0.96: 150e6 x 0.96 / 400e3.

    >>> autonomy_s(150e6, 400e3, 0.96)
    360.0
    """
    return energy_j * discharge_efficiency / load_w if load_w > 0.0 else inf


def holdup_s(stored_j: float, load_w: float) -> float:
    """Time that a power supply carries its load from its capacitors.

    Parameters
    ----------
    stored_j : float
        Usable energy. [J]
    load_w : float
        Load. [W]

    Returns
    -------
    float
        Hold-up; inversely proportional to the load. [s]

    Examples
    --------
    65 J for each of 72 GPUs at 140 kW:

    >>> round(1e3 * holdup_s(65.0 * 72, 140e3), 1)
    33.4
    """
    return stored_j / load_w if load_w > 0.0 else inf
