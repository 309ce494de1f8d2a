"""The divisor rule: switch and cable counts of a folded Clos in which every leaf reaches every spine equally."""

from __future__ import annotations

from dataclasses import dataclass

from .spec import FabricError, FabricSpec


@dataclass(frozen=True)
class Counts:
    """Sizes of one plane, and the totals over the planes.

    pods, leaves, spines (per pod), cores (per spine position, so a plane has spines x cores core switches),
    leaf_spine (parallel cables of one leaf-spine pair), spine_core (of one spine-core pair).
    """

    tiers: int
    planes: int
    pods: int
    leaves: int
    spines: int
    cores: int
    leaf_spine: int
    spine_core: int
    leaf_down: int
    endpoints: int
    endpoint_cables: int
    leaf_spine_cables: int
    spine_core_cables: int

    @property
    def leaf_switches(self) -> int:
        return self.planes * self.pods * self.leaves

    @property
    def spine_switches(self) -> int:
        return self.planes * self.pods * self.spines

    @property
    def core_switches(self) -> int:
        return self.planes * self.cores * (self.spines if self.tiers == 3 else 0)

    @property
    def switches(self) -> int:
        return self.leaf_switches + self.spine_switches + self.core_switches


def smallest_divisor(number: int, at_least: float) -> int:
    """Smallest divisor of ``number`` that is not below ``at_least``.

    Parameters
    ----------
    number : a positive count [1]
    at_least : lower bound, at most ``number`` [1]

    Returns
    -------
    divisor [1]

    Examples
    --------
    >>> smallest_divisor(72, 32)
    36
    """
    for divisor in range(1, number + 1):
        if number % divisor == 0 and divisor >= at_least:
            return divisor
    raise FabricError(f"no divisor of {number} is as large as {at_least}")


def two_tier_spines(radix: int, leaves: int) -> int:
    """Spines of a non-blocking two-tier fabric.

    Parameters
    ----------
    radix : ports per switch [1]
    leaves : leaf switches, at most radix [1]

    Returns
    -------
    spine switches [1]

    Notes
    -----
    Each leaf has h = radix/2 uplinks. leaves*h/radix spines would carry them; the count is raised to the next
    divisor of h, so that every leaf reaches every spine with the same number of cables.

    References
    ----------
    Reproduces the DGX SuperPOD tables for H100, B200 and B300 (tests/truth/network.json).

    Examples
    --------
    64 leaves of radix 144 need 32 spines, but 72 uplinks do not divide by 32: 36.

    >>> two_tier_spines(144, 64)
    36
    """
    if leaves > radix:
        raise FabricError(f"leaves: found {leaves}, wanted at most the radix {radix} for two tiers")
    half = radix // 2
    return smallest_divisor(half, leaves * half / radix)


def three_tier_cores(radix: int, pods: int) -> int:
    """Core switches per spine position of a non-blocking three-tier fabric.

    Parameters
    ----------
    radix : ports per switch [1]
    pods : pods of radix/2 leaves and radix/2 spines, at most radix [1]

    Returns
    -------
    cores per spine position K [1]; the fabric has K*radix/2 cores, with radix/(2K) cables per spine-core pair

    Examples
    --------
    20 pods of radix 144: the smallest divisor of 72 from 10 on is 12, so 864 cores.

    >>> three_tier_cores(144, 20) * 72
    864
    """
    if pods > radix:
        raise FabricError(f"pods: found {pods}, wanted at most the radix {radix} for three tiers")
    return smallest_divisor(radix // 2, pods / 2)


def count_fabric(spec: FabricSpec) -> Counts:
    """All counts of a fabric.

    Parameters
    ----------
    spec : the fabric asked for

    Returns
    -------
    counts; cables are counted as cables, not links

    Examples
    --------
    DGX H100, 4 scalable units of 32 nodes and 8 rails: 32 leaves, 16 spines, 1,024 cables per tier.

    >>> c = count_fabric(FabricSpec(radix=64, rails=8, units=4, endpoints_per_rail=32, link_bit_s=400e9))
    >>> c.leaf_switches, c.spine_switches, c.leaf_spine_cables
    (32, 16, 1024)
    """
    half = spec.radix // 2
    nodes_removed = spec.removed_nodes * spec.rails
    endpoints = spec.rails * spec.units * spec.endpoints_per_rail - nodes_removed
    cable = spec.planes / spec.links_per_cable  # cables per link of one plane

    def cables(links: int) -> int:
        return int(round(links * cable))

    if spec.under_fill is not None:
        return _under_filled(spec, endpoints, cables)
    leaves = spec.rails * spec.units * -(-spec.endpoints_per_rail // half)
    at_endpoint = cables(endpoints) + spec.manager_cables
    if leaves <= spec.radix:
        spines = two_tier_spines(spec.radix, leaves)
        return Counts(2, spec.planes, 1, leaves, spines, 0, half // spines, 0, half, endpoints,
                      at_endpoint, cables(leaves * half), 0)
    if leaves % half:
        raise FabricError(f"leaves: found {leaves}, wanted whole pods of {half} leaves for three tiers")
    pods = leaves // half
    cores = three_tier_cores(spec.radix, pods)
    return Counts(3, spec.planes, pods, half, half, cores, 1, half // cores, half, endpoints,
                  at_endpoint, cables(leaves * half), cables(leaves * half))


def _under_filled(spec: FabricSpec, endpoints: int, cables) -> Counts:
    fill = spec.under_fill
    assert fill is not None
    leaves = -(-spec.endpoints_per_rail // fill.leaf_down)  # of one pod: one rail of one unit
    spines, rest = divmod(leaves * fill.leaf_up, fill.spine_down)
    if rest or fill.leaf_up % spines:
        raise FabricError(f"under_fill: {leaves} leaves x {fill.leaf_up} uplinks do not spread evenly over spines "
                          f"of {fill.spine_down} ports")
    pods = spec.units * spec.rails
    core_switches, rest = divmod(pods * spines * fill.spine_up, spec.radix)
    if rest:
        raise FabricError(f"under_fill: {pods * spines * fill.spine_up} spine uplinks do not fill whole cores "
                          f"of {spec.radix} ports")
    per_position = core_switches // spines
    if core_switches % spines or fill.spine_up % per_position:
        raise FabricError(f"under_fill: {core_switches} cores do not spread evenly over {spines} spine positions")
    links_low = pods * leaves * fill.leaf_up
    links_high = pods * spines * fill.spine_up
    return Counts(3, spec.planes, pods, leaves, spines, per_position, fill.leaf_up // spines,
                  fill.spine_up // per_position, fill.leaf_down, endpoints,
                  cables(endpoints) + spec.manager_cables, cables(links_low), cables(links_high))
