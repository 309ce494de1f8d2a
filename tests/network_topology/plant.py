"""A plant with the reference project's fabric, for the component's tests."""

from __future__ import annotations

from types import SimpleNamespace

from twin.catalogue import read_catalogue
from twin.components.network import build_network, switch_axes
from twin.components.network_model import Network
from twin.spec.fabric import FabricSection
from twin.spec.load import PROJECTS, section_from

FILE = PROJECTS / "gb300-su" / "facility.yaml"
RACKS = tuple(f"H1_R{row:02d}_RK{rack:02d}" for row in (1, 2) for rack in (1, 2, 3, 4))


def reference_facility(**changes) -> SimpleNamespace:
    section = section_from(FILE, "fabric", FabricSection).model_copy(update=changes)
    return SimpleNamespace(fabric=section, racks={rack: None for rack in RACKS})


def reference_network(job_racks=("H1_R*",), pool_racks=(), **changes) -> tuple[Network, dict[str, tuple[str, ...]]]:
    facility = reference_facility(**changes)
    axes = {
        **switch_axes(facility), "rack": RACKS, "site": ("SITE",),
        "job": ("TRAIN1",) if job_racks else (), "pool": ("SERVE1",) if pool_racks else (),
    }
    workload = SimpleNamespace(jobs={"TRAIN1": SimpleNamespace(racks=job_racks)},
                               pools={"SERVE1": SimpleNamespace(racks=pool_racks)})
    plant = SimpleNamespace(facility=facility, catalogue=read_catalogue()[0], axes=axes)
    return build_network(plant, SimpleNamespace(workload=workload, seed=1)), axes
