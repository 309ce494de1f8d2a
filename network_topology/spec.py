"""What a fabric is asked to be: switch radix, rails, scalable units, planes, under-filled ports."""

from __future__ import annotations

from dataclasses import dataclass


class FabricError(ValueError):
    """A fabric that cannot be built or a state that does not belong to it."""


@dataclass(frozen=True)
class UnderFill:
    """Ports used of each switch where a design leaves some empty (leaf and spine, down and up)."""

    leaf_down: int
    leaf_up: int
    spine_down: int
    spine_up: int


@dataclass(frozen=True)
class FabricSpec:
    """A rail-optimised folded Clos.

    Parameters
    ----------
    radix : ports of one switch after breakout [1]
    rails : rails; endpoint r of a node goes to a leaf of rail r [1]
    units : scalable units [1]
    endpoints_per_rail : endpoints of one rail in one scalable unit (nodes, or racks x NICs of the rail) [1]
    link_bit_s : rate of one link [bit/s]
    planes : identical copies of the fabric, each with its own links [1]
    links_per_cable : links that one cable carries (a twin-port cable between two planes' ports carries 2) [1]
    under_fill : port counts where the design leaves ports empty; pods are then (unit, rail)
    removed_nodes : nodes whose ports serve the fabric manager [1]
    manager_cables : cables of the fabric manager [1]
    """

    radix: int
    rails: int
    units: int
    endpoints_per_rail: int
    link_bit_s: float
    planes: int = 1
    links_per_cable: int = 1
    under_fill: UnderFill | None = None
    removed_nodes: int = 0
    manager_cables: int = 0

    def __post_init__(self) -> None:
        for name in ("radix", "rails", "units", "endpoints_per_rail", "planes", "links_per_cable"):
            if getattr(self, name) < 1:
                raise FabricError(f"{name}: found {getattr(self, name)}, wanted at least 1")
        if self.radix % 2:
            raise FabricError(f"radix: found {self.radix}, wanted an even number of ports")
        if self.link_bit_s <= 0.0:
            raise FabricError(f"link_bit_s: found {self.link_bit_s}, wanted more than 0")
        if self.planes % self.links_per_cable and self.links_per_cable % self.planes:
            raise FabricError(f"links_per_cable: found {self.links_per_cable}, wanted a divisor or multiple of the "
                              f"{self.planes} planes")
