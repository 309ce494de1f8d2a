"""The facility: what stands on the site, section by section."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import PrivateAttr, StringConstraints

from twin.catalogue.item import Data, Item, ItemName, KeyName
from twin.spec.air import AirSection
from twin.spec.basis import Basis
from twin.spec.economics import EconomicsSection
from twin.spec.fabric import FabricSection
from twin.spec.fws import FwsSection
from twin.spec.model import Id, Spec
from twin.spec.power import PowerSection
from twin.spec.racks import Rack
from twin.spec.site import Site
from twin.spec.tcs import TcsSection
from twin.spec.yaml_source import Node

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]


class Submittal(Spec):
    """A value that a manufacturer's submittal gives instead of the catalogue's."""

    value: Data
    document: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    revision: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    note: str = ""


class Facility(Spec):
    """Top level of facility.yaml. `catalogue` holds items of the facility's own, and in a resolved file those used."""

    name: Name
    label: str = ""
    site: Site
    basis_of_design: Basis
    economics: EconomicsSection
    racks: dict[Id, Rack]
    tcs: TcsSection
    fws: FwsSection
    air: AirSection
    power: PowerSection
    fabric: FabricSection
    submittal: dict[ItemName, dict[KeyName, Submittal]] = {}
    catalogue: dict[ItemName, Item] = {}

    _tree: Node = PrivateAttr()
    _folder: Path = PrivateAttr()

    @property
    def tree(self) -> Node:
        """The values as read and merged, each with its place."""
        return self._tree

    @property
    def folder(self) -> Path:
        """Folder of the file; scenarios and workloads are looked for below it."""
        return self._folder
