"""How a rack fed from several busways loads them when some are lost."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt


def busway_load_w(load_w: float, busways: int, failed: int) -> float:
    """Load of each live busway when the load splits equally over the live ones.

    Parameters
    ----------
    load_w : float
        Load of all racks together. [W]
    busways, failed : int
        Busways feeding every rack, and how many of them are lost. [-]

    Returns
    -------
    float
        Load on each live busway; 0 when none is left. [W]

    Notes
    -----
    :math:`P/(n - f)`: power shelves share current equally over the inputs that have voltage.

    References
    ----------
    NVIDIA Omniverse DSX Blueprint, power failure panel (equal split over the live remote power panels).

    Examples
    --------
    >>> busway_load_w(1316e3, 4, 0)
    329000.0
    >>> busway_load_w(1316e3, 4, 2)
    658000.0
    """
    live = busways - failed
    if failed < 0 or live < 0:
        raise ValueError(f"failed busways {failed} outside 0..{busways}")
    return load_w / live if live else 0.0


def whip_load_w(rack_w: float, whips: int, busways: int, failed: int) -> float:
    """Load of each live whip (flexible tap-off cable) of a rack.

    Parameters
    ----------
    rack_w : float
        Rack load. [W]
    whips, busways, failed : int
        Whips of the rack (spread evenly over its busways), busways, and busways lost. [-]

    Returns
    -------
    float
        Load on each live whip. [W]

    Examples
    --------
    173 kW on eight whips from four busways, one busway lost: 173 / 6.

    >>> round(whip_load_w(173e3, 8, 4, 1), 1)
    28833.3
    """
    if busways <= 0 or whips % busways:
        raise ValueError(f"{whips} whips do not spread evenly over {busways} busways")
    return busway_load_w(rack_w, busways, failed) * busways / whips if failed < busways else 0.0


@dataclass(frozen=True)
class PodLoading:
    """Loading of a pod with some busways lost."""

    failed: int
    busway_w: float
    busway_fraction: float
    busway_overloaded: bool
    busway_current_a: float
    whip_w: float
    whip_fraction: float
    whip_overloaded: bool


def pod_loading(
    load_w: float,
    rack_w: float,
    failed: int,
    *,
    busways: int,
    busway_limit_w: float,
    whips: int,
    whip_limit_w: float,
    line_voltage_v: float,
) -> PodLoading:
    """Loading of busways and whips of one pod.

    Parameters
    ----------
    load_w, rack_w : float
        Pod load and load of its largest rack. [W]
    failed : int
        Busways lost. [-]
    busways, whips : int
        Busways of the pod, whips of a rack. [-]
    busway_limit_w, whip_limit_w : float
        Limits. [W]
    line_voltage_v : float
        Phase-to-phase voltage. [V]

    Returns
    -------
    PodLoading
        Watts, fractions of the limit, current at power factor 1, and whether each limit is passed.

    Examples
    --------
    >>> pod_loading(1531e3, 173e3, 1, busways=4, busway_limit_w=500e3, whips=8, whip_limit_w=57.5e3,
    ...             line_voltage_v=415.0).busway_overloaded
    True
    """
    busway_w = busway_load_w(load_w, busways, failed)
    whip_w = whip_load_w(rack_w, whips, busways, failed)
    return PodLoading(
        failed=failed,
        busway_w=busway_w,
        busway_fraction=busway_w / busway_limit_w,
        busway_overloaded=busway_w > busway_limit_w,
        busway_current_a=busway_w / (sqrt(3) * line_voltage_v),
        whip_w=whip_w,
        whip_fraction=whip_w / whip_limit_w,
        whip_overloaded=whip_w > whip_limit_w,
    )
