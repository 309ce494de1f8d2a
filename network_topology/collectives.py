"""Collectives: bus bandwidth, what bounds it across NVLink domains, time against size, measured curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .spec import FabricError

Array = NDArray[np.float64]


def bus_factor(collective: str, ranks: int) -> float:
    """Bus over algorithm bandwidth.

    Parameters
    ----------
    collective : "all-reduce", "reduce-scatter", "all-gather", "all-to-all", "broadcast" or "reduce"
    ranks : n [1]

    Returns
    -------
    busbw/algbw [1]

    References
    ----------
    NVIDIA/nccl-tests, doc/PERFORMANCE.md.

    Examples
    --------
    >>> bus_factor("all-reduce", 8), bus_factor("all-to-all", 8), bus_factor("broadcast", 8)
    (1.75, 0.875, 1.0)
    """
    if ranks < 2:
        raise FabricError(f"ranks: found {ranks}, wanted at least 2")
    if collective == "all-reduce":
        return 2.0 * (ranks - 1) / ranks
    if collective in ("reduce-scatter", "all-gather", "all-to-all"):
        return (ranks - 1) / ranks
    if collective in ("broadcast", "reduce"):
        return 1.0
    raise FabricError(f"collective: found {collective!r}, wanted all-reduce, reduce-scatter, all-gather, all-to-all, "
                      "broadcast or reduce")


@dataclass(frozen=True)
class Domains:
    """Ranks of a job in NVLink domains.

    nics : NICs (GPUs) of the smallest domain that the job drives [1]; nic_byte_s : usable rate of one NIC [byte/s];
    nvls_byte_s : bus bandwidth inside one domain [byte/s]
    """

    domains: int
    nics: int
    nic_byte_s: float
    nvls_byte_s: float


def all_reduce_busbw_byte_s(job: Domains, algorithm: str) -> float:
    """Upper bound on all-reduce bus bandwidth by bandwidth alone.

    Parameters
    ----------
    job : domains, NICs of the smallest, rates
    algorithm : "hierarchical", "flat-ring", "tree", "in-network" or "nvls-tree"

    Returns
    -------
    bound [byte/s]

    Notes
    -----
    One domain: the NVLink bound. Across D domains with B = d b: hierarchical algbw <= B D/(2(D-1)); flat ring
    busbw <= B; tree algbw <= B for D = 2, else B/2; in-network reduction algbw <= B; nvls-tree is the tree, capped
    by the NVLink bound. All of a domain's data pass through its NICs, so the smallest domain binds.

    Examples
    --------
    Two nodes of 8 H100 with 48.5 GB/s per NIC: tree 388 x 15/8 = 727, capped by NVLink at 480.

    >>> all_reduce_busbw_byte_s(Domains(2, 8, 48.5e9, 480e9), "nvls-tree") / 1e9
    480.0
    """
    if job.domains < 2:
        return job.nvls_byte_s
    through = job.nics * job.nic_byte_s
    factor = bus_factor("all-reduce", job.domains * job.nics)
    if algorithm == "hierarchical":
        return through * job.domains / (2.0 * (job.domains - 1)) * factor
    if algorithm == "flat-ring":
        return through
    tree = through * factor * (1.0 if job.domains == 2 else 0.5)
    if algorithm == "tree":
        return tree
    if algorithm == "in-network":
        return through * factor
    if algorithm == "nvls-tree":
        return min(job.nvls_byte_s, tree)
    raise FabricError(f"algorithm: found {algorithm!r}, wanted hierarchical, flat-ring, tree, in-network or nvls-tree")


def expected_all_reduce_busbw_byte_s(job: Domains) -> float:
    """What a well-tuned library reaches at large sizes, before any efficiency.

    Notes
    -----
    One domain: NVLink. Two 8-GPU nodes: tree, capped by NVLink. More of them: the flat ring. (Many NVL72 racks stay
    well below every bandwidth bound: their curve needs a calibrated efficiency.)
    """
    if job.domains < 2:
        return job.nvls_byte_s
    if job.domains == 2:
        return all_reduce_busbw_byte_s(job, "nvls-tree")
    return min(job.nvls_byte_s, all_reduce_busbw_byte_s(job, "flat-ring"))


def all_to_all_busbw_byte_s(ranks: int, per_domain: int, nic_byte_s: float) -> float:
    """Bound on all-to-all bus bandwidth by the NICs.

    Parameters
    ----------
    ranks : N [1]
    per_domain : ranks that reach each other over NVLink, d [1]
    nic_byte_s : usable rate of one NIC [byte/s]

    Returns
    -------
    bound b (N - 1)/(N - d) [byte/s]

    Examples
    --------
    48 H100 in nodes of 8: 48.5 x 47/40.

    >>> round(all_to_all_busbw_byte_s(48, 8, 48.5e9) / 1e9, 1), round(all_to_all_busbw_byte_s(16, 8, 48.5e9) / 1e9, 1)
    (57.0, 90.9)
    """
    if ranks <= per_domain:
        raise FabricError(f"ranks: found {ranks} in a domain of {per_domain}, wanted more than one domain")
    return nic_byte_s * (ranks - 1) / (ranks - per_domain)


def collective_time_s(size_byte: float, factor: float, start_s: float, busbw_byte_s: float) -> float:
    """Time of one collective.

    Parameters
    ----------
    size_byte : buffer per rank S (all-gather, reduce-scatter: the full one) [byte]
    factor : busbw over algbw [1]
    start_s : start-up time alpha [s]
    busbw_byte_s : asymptotic bus bandwidth B [byte/s]

    Returns
    -------
    alpha + S f/B [s]

    Examples
    --------
    >>> collective_time_s(8e9, 1.75, 0.001, 400e9)
    0.036000000000000004
    """
    return start_s + size_byte * factor / busbw_byte_s


def fit_start_and_bandwidth(size_byte: Array, busbw_byte_s: Array, factor: float) -> tuple[float, float]:
    """Start-up time and asymptotic bandwidth of a measured curve, by least squares of the relative time error.

    Parameters
    ----------
    size_byte, busbw_byte_s : the curve [byte], [byte/s]
    factor : busbw over algbw [1]

    Returns
    -------
    alpha [s], B [byte/s]

    Examples
    --------
    >>> s = np.array([1e9, 8e9])
    >>> alpha, b = fit_start_and_bandwidth(s, s * 2.0 / (1e-3 + s * 2.0 / 400e9), 2.0)
    >>> round(alpha, 9), round(b)
    (0.001, 400000000000)
    """
    time = size_byte * factor / busbw_byte_s
    columns = np.stack([1.0 / time, size_byte * factor / time], axis=1)
    solution = np.linalg.lstsq(columns, np.ones_like(time), rcond=None)[0]
    return float(solution[0]), float(1.0 / solution[1])


def busbw_from_curve_byte_s(size_byte: float, sizes_byte: Array, busbw_byte_s: Array) -> float:
    """Bus bandwidth at a size from a measured curve, linear in the logarithm of size, held at its ends.

    Examples
    --------
    >>> busbw_from_curve_byte_s(2.0, np.array([1.0, 4.0]), np.array([10.0, 20.0]))
    15.0
    """
    return float(np.interp(np.log(size_byte), np.log(sizes_byte), busbw_byte_s))
