"""The plant: every element's id, class and index, and the catalogue as this facility uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from twin.catalogue import Catalogue
from twin.spec.elements import elements
from twin.spec.facility import Facility
from twin.spec.load import facility_catalogue


@dataclass(frozen=True)
class Plant:
    """What stands on the site, addressed by axis and index.

    facility, catalogue : the spec and the catalogue with the facility's own items and submittals laid over it
    classes : class -> ids, as faults and selections name them
    axes : axis of a port -> ids; grows while components are built (a component may bring axes of its own)
    """

    facility: Facility
    catalogue: Catalogue
    classes: Mapping[str, tuple[str, ...]]
    axes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def class_of(self) -> Mapping[str, str]:
        """Id -> class of its catalogue item."""
        return {id: cls for cls, ids in self.classes.items() for id in ids}

    def index(self, axis: str, id: str) -> int:
        """Index of an element on an axis."""
        return self.axes[axis].index(id)


def build_plant(facility: Facility, workload: Any = None) -> Plant:
    """The plant of a checked facility (and the jobs and pools of its workload)."""
    catalogue = facility_catalogue(facility)
    classes = elements(facility, catalogue, workload)
    return Plant(facility, catalogue, classes, dict(classes))
