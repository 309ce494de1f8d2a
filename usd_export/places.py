"""The words of a scene's layout: units, lines, slabs, cameras, and the measures of the hall. Lengths in m, z up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from usd_export.mesh import Vec

RACK_PITCH_M = 0.6
RACK_DEPTH_M = 1.2
RACK_HEIGHT_M = 2.3
COLD_AISLE_M = 1.8
HOT_AISLE_M = 1.4
BUSWAY_HEIGHT_M = 3.3
PIPE_HEIGHT_M = 2.75
ROW_LENGTH_RACKS = 16

# Size of one unit of a class: width along its own front, depth, height [m]; the catalogue's dimensions win.
SIZES: Mapping[str, Vec] = {
    "rack": (RACK_PITCH_M, RACK_DEPTH_M, RACK_HEIGHT_M),
    "cdu": (0.9, 1.2, 2.3),
    "cdu_pump": (0.25, 0.25, 0.5),
    "ahu": (2.4, 1.0, 2.4),
    "switch": (0.48, 0.75, 0.044),
    "fws_pump": (0.7, 1.2, 1.1),
    "fws_controller": (0.6, 0.4, 1.8),
    "dry_cooler": (6.0, 2.3, 2.6),
    "chiller": (6.0, 2.3, 2.4),
    "ups": (2.0, 0.9, 2.1),
    "panel": (1.0, 0.8, 2.1),
    "transformer": (2.2, 1.8, 2.2),
    "generator": (9.0, 2.6, 3.2),
    "utility": (1.5, 1.5, 2.4),
    "cabinet": (0.6, 1.2, 2.3),
}
YARD_POWER = ("utility", "transformer", "generator")


@dataclass(frozen=True)
class Unit:
    """One thing that stands somewhere; yaw [deg] turns its front from -y."""

    id: str
    axis: str
    asset: str
    group: str
    position: Vec
    yaw_deg: float
    size: Vec
    row: str = ""


@dataclass(frozen=True)
class Line:
    """A pipe, busway or cable of one circuit: several polylines of one width, and what colours it."""

    name: str
    group: str
    polylines: tuple[tuple[Vec, ...], ...]
    width: float
    element: str = ""  # whose telemetry colours it
    point: str = ""
    legend: str = ""


@dataclass(frozen=True)
class Slab:
    name: str
    size: Vec
    base: Vec
    element: str = ""


@dataclass(frozen=True)
class Camera:
    name: str
    eye: Vec
    target: Vec
    near_m: float = 0.1


@dataclass(frozen=True)
class SceneLayout:
    units: tuple[Unit, ...]
    lines: tuple[Line, ...]
    slabs: tuple[Slab, ...]
    cameras: tuple[Camera, ...]
