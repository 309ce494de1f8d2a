"""Properties of the coolants, and the constant-property coolant of the dynamic model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Quadratics through the published points of a 25 % (by volume) propylene-glycol water mixture.
PG25_CP_POINTS: tuple[tuple[float, float], ...] = ((20.0, 3910.0), (30.0, 3940.0), (40.0, 3960.0), (45.0, 3970.0))
PG25_RHO_POINTS: tuple[tuple[float, float], ...] = ((20.0, 1023.7), (30.0, 1019.2), (40.0, 1014.3), (45.0, 1011.6))


def _quadratic(points: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    return np.polyfit([t for t, _ in points], [v for _, v in points], 2)


_CP_FIT, _RHO_FIT = _quadratic(PG25_CP_POINTS), _quadratic(PG25_RHO_POINTS)


@dataclass(frozen=True)
class Coolant:
    """Constant-property coolant of the dynamic model, so that stored and carried energy agree exactly."""

    cp_j_kg_k: float
    density_kg_m3: float

    def __post_init__(self) -> None:
        if not (self.cp_j_kg_k > 0.0 and self.density_kg_m3 > 0.0):
            raise ValueError(f"coolant needs positive c_p and density, found {self.cp_j_kg_k}, {self.density_kg_m3}")


def pg25_cp_j_kg_k(temperature_c: ArrayLike) -> NDArray[np.float64]:
    """Specific heat of PG25 (25 % propylene glycol by volume in water).

    Parameters
    ----------
    temperature_c : [degC], 20 to 45 (extrapolates smoothly to about 65)

    Returns
    -------
    specific heat [J/(kg K)]

    Notes
    -----
    Least-squares quadratic through four published points; largest residual 2 J/(kg K).

    References
    ----------
    Airedale, DeltaChill technical manual, p. 53, table of glycol properties.

    Examples
    --------
    >>> round(float(pg25_cp_j_kg_k(40.0)), -1)
    3960.0
    """
    return np.asarray(np.polyval(_CP_FIT, np.asarray(temperature_c, dtype=float)))


def pg25_density_kg_m3(temperature_c: ArrayLike) -> NDArray[np.float64]:
    """Density of PG25 (25 % propylene glycol by volume in water).

    Parameters
    ----------
    temperature_c : [degC], 20 to 45 (extrapolates smoothly to about 65)

    Returns
    -------
    density [kg/m3]

    Notes
    -----
    Least-squares quadratic through four published points; largest residual 0.1 kg/m3.

    References
    ----------
    Airedale, DeltaChill technical manual, p. 53, table of glycol properties.

    Examples
    --------
    >>> round(float(pg25_density_kg_m3(30.0)))
    1019
    """
    return np.asarray(np.polyval(_RHO_FIT, np.asarray(temperature_c, dtype=float)))


def flow_kg_s(volume_flow_l_min: ArrayLike, density_kg_m3: float) -> NDArray[np.float64]:
    """Mass flow of a volume flow.

    Parameters
    ----------
    volume_flow_l_min : [L/min]
    density_kg_m3 : [kg/m3]

    Returns
    -------
    mass flow [kg/s]

    Examples
    --------
    >>> float(flow_kg_s(60.0, 1000.0))
    1.0
    """
    return np.asarray(volume_flow_l_min, dtype=float) / 60_000.0 * density_kg_m3
