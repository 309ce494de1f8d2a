"""From what a failure leaves of the fabric to the share of its bandwidth that a job still has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .ecmp import Loads, all_to_all, ecmp_loads, rail_all_to_all, worst_cable_load
from .fabric import Fabric, FabricState
from .spec import FabricError

Array = NDArray[np.float64]


def job_traffic(fabric: Fabric, endpoints: Array, pattern: str) -> Array:
    """Leaf-to-leaf traffic of one job at line rate.

    Parameters
    ----------
    fabric : gives each leaf its rail
    endpoints : (leaf,) live endpoints of the job on each leaf [1]
    pattern : "rail" (same-rail exchange, NVLink carries the rest) or "all-to-all"

    Returns
    -------
    (leaf, leaf) traffic in links' worth of load [1]
    """
    if pattern == "rail":
        return rail_all_to_all(endpoints, fabric.leaf_rail)
    if pattern == "all-to-all":
        return all_to_all(endpoints)
    raise FabricError(f"pattern: found {pattern!r}, wanted rail or all-to-all")


def fabric_kappa(fabric: Fabric, whole: FabricState, state: FabricState, endpoints: Array, pattern: str,
                 usage_fraction: float = 1.0) -> float:
    """Share of the nominal bandwidth that the cables leave to a job.

    Parameters
    ----------
    fabric, whole, state : the fabric, its state without failures, its state now
    endpoints : (leaf,) endpoints of the job on each leaf, those of dead leaves included [1]
    pattern : traffic pattern, see `job_traffic`
    usage_fraction : usage of the nominally worst cable while the job communicates [fraction]

    Returns
    -------
    kappa in 0..1; 0 where two live leaves of the job have no path left [1]

    Notes
    -----
    kappa = min(1, nominal/(usage x now)) of the worst cable, both under traffic among the job's own endpoints.
    Endpoints on dead leaves send nothing; what they cost is in `endpoint_kappa`. A job inside one leaf per rail
    uses no uplinks and is immune.
    """
    nominal = worst_cable_load(fabric, whole, ecmp_loads(fabric, whole, job_traffic(fabric, endpoints, pattern)))
    if nominal == 0.0:
        return 1.0
    live = np.where(endpoints > 0.0, endpoints * state.leaf_up.ravel(), 0.0)
    loads: Loads = ecmp_loads(fabric, state, job_traffic(fabric, live, pattern))
    worst = worst_cable_load(fabric, state, loads)
    if not np.isfinite(worst):
        return 0.0
    return 1.0 if worst == 0.0 else min(1.0, nominal / (usage_fraction * worst))


def endpoint_kappa(live: Array, total: float) -> float:
    """Share of its scale-out bandwidth that the worst NVLink domain keeps.

    Parameters
    ----------
    live : (domain,) live NICs with a live leaf [1]
    total : NICs of a whole domain [1]

    Returns
    -------
    kappa [1]

    Notes
    -----
    All data of a domain must leave and enter through its live NICs (the collective library forwards over NVLink);
    a synchronous job waits for the domain with the fewest.

    Examples
    --------
    One rail of four lost for a rack of 72:

    >>> endpoint_kappa(np.array([72.0, 54.0]), 72.0)
    0.75
    """
    return float(np.min(live)) / total if len(live) else 1.0


def exchange_factor(kappa: float, fabric_share_fraction: float) -> float:
    """Achieved over nominal exchange bandwidth of a user of whose exchange only a part crosses the fabric.

    Parameters
    ----------
    kappa : share of nominal fabric bandwidth left [1]
    fabric_share_fraction : share of the exchange's time that is spent on the fabric at nominal bandwidth [fraction]

    Returns
    -------
    factor in 0..1; 0 at kappa = 0, because a part that never arrives holds up the rest [1]

    Notes
    -----
    1/((1 - s) + s/kappa).

    Examples
    --------
    >>> exchange_factor(0.5, 1.0), round(exchange_factor(0.5, 0.25), 6), exchange_factor(0.0, 0.0)
    (0.5, 0.8, 1.0)
    """
    if not 0.0 <= fabric_share_fraction <= 1.0:
        raise FabricError(f"fabric_share_fraction: found {fabric_share_fraction}, wanted 0..1")
    if fabric_share_fraction == 0.0:
        return 1.0
    return 0.0 if kappa <= 0.0 else 1.0 / (1.0 - fabric_share_fraction + fabric_share_fraction / kappa)
