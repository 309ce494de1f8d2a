"""What holds work back: the minutes in which something that a job or a pool needs is not as it should be."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.report.view import RunView

LIMITS: Mapping[str, Mapping[str, float]] = {  # axis -> quantity -> its value when it limits nothing
    "rack": {
        "throttled": 0.0, "gpu_tripped": 0.0, "gpus_lost": 0.0, "hosts_lost": 0.0, "nvlink_trays_lost": 0.0,
        "rack_up": 1.0, "rack_powered": 1.0, "power_cap_fraction": 1.0, "clock_fraction": 1.0,
        "hbm_bandwidth_fraction": 1.0,
    },
    "job": {"job_running": 1.0, "job_network_factor": 1.0, "job_halted": 0.0},
    "pool": {"pool_network_factor": 1.0, "pool_workers_lost_fraction": 0.0},
}  # fmt: skip
OFF = 1e-3  # a quantity further than this from its normal value limits


def limited_minutes(view: RunView, work: str) -> NDArray[np.bool_]:
    """(minute, job or pool): whether anything limited it in that minute, by the run's own mode quantities.

    Parameters
    ----------
    work : str
        A quantity on the axis of jobs or of pools.
    """
    axis = str(view.results.quantities[work]["axis"])
    racks = _limited(view, "rack")
    own = _limited(view, axis)
    out = np.zeros((len(view.series(work)[0]), len(view.ids(axis))), dtype=bool)
    for k, user in enumerate(view.ids(axis)):
        mine = [i for i, rack in enumerate(view.ids("rack")) if _uses(view, axis, user, rack)]
        for limited, columns in ((racks, mine), (own, [k])):
            if limited is not None:
                out[:, k] |= limited[:, columns].any(axis=1)
    return out


def _limited(view: RunView, axis: str) -> NDArray[np.bool_] | None:
    """(minute, element): whether any quantity of the axis left its normal value; None if the run has none of them."""
    out: NDArray[np.bool_] | None = None
    for name, normal in LIMITS[axis].items():
        if view.has(name):
            off = (np.abs(view.series(name, "min")[1] - normal) > OFF) | (
                np.abs(view.series(name, "max")[1] - normal) > OFF)
            out = off if out is None else out | off
    return out


def _uses(view: RunView, axis: str, user: str, rack: str) -> bool:
    """Whether a job or pool of the scenario works on a rack (ids or globs, as its file says)."""
    users: Any = (view.scenario.get("workload") or {}).get({"job": "jobs", "pool": "pools"}[axis]) or {}
    return any(fnmatch.fnmatchcase(rack, pattern) for pattern in users[user]["racks"])
