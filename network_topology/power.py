"""Electric power of switches and of their optics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def switch_power_w(fixed_w: Array, span_w: Array, utilization_fraction: Array) -> Array:
    """Power of switches with pluggable optics.

    Parameters
    ----------
    fixed_w : power without traffic, with the lit optics [W]
    span_w : power at full traffic less power without traffic [W]
    utilization_fraction : mean utilisation of the ports [fraction]

    Returns
    -------
    power at the switch input [W]

    Notes
    -----
    P = base + n optic + u (maximum - base). An optic takes its power as long as its link is up, whatever it
    carries; a failed or disabled one drops out of the fixed part.

    Examples
    --------
    >>> float(switch_power_w(np.array(700.0 + 64 * 15.0), np.array(400.0), np.array(0.5)))
    1860.0
    """
    return fixed_w + utilization_fraction * span_w


def optics_power_w(endpoints: float, ends_per_endpoint: float, optic_w: float) -> float:
    """Power of all optical ends of a fabric.

    Parameters
    ----------
    endpoints : GPUs with one link each [1]
    ends_per_endpoint : optical ends per endpoint (three tiers: 6) [1]
    optic_w : power of one end [W]

    Returns
    -------
    power [W]

    Examples
    --------
    >>> optics_power_w(400_000, 6, 30.0) / 1e6
    72.0
    """
    return endpoints * ends_per_endpoint * optic_w
