"""Plain polygon geometry: boxes and cylinders as one welded mesh with a normal at every face corner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

Vec = tuple[float, float, float]

_BOX_FACES = ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7))


@dataclass(frozen=True)
class Solid:
    """points (point, xyz) [m]; counts and indices of the faces; normals (face corner, xyz)."""

    points: NDArray[np.float32]
    counts: NDArray[np.int32]
    indices: NDArray[np.int32]
    normals: NDArray[np.float32]

    @property
    def extent(self) -> NDArray[np.float32]:
        return np.stack([self.points.min(axis=0), self.points.max(axis=0)])


def _solid(points: NDArray[np.float64], faces: Iterable[tuple[int, ...]]) -> Solid:
    counts: list[int] = []
    indices: list[int] = []
    normals: list[NDArray[np.float64]] = []
    for face in faces:
        a, b, c = (points[face[k]] for k in range(3))
        n = np.cross(b - a, c - b)
        n /= np.linalg.norm(n)
        counts.append(len(face))
        indices.extend(face)
        normals.extend([n] * len(face))
    return Solid(
        points.astype(np.float32),
        np.array(counts, np.int32),
        np.array(indices, np.int32),
        np.array(normals, np.float32),
    )


@lru_cache(maxsize=512)
def box(size: Vec, base: Vec = (0.0, 0.0, 0.0)) -> Solid:
    """A box of width, depth and height [m] standing on the centre of its base [m].

    Examples
    --------
    >>> box((2.0, 4.0, 6.0)).extent.tolist()
    [[-1.0, -2.0, 0.0], [1.0, 2.0, 6.0]]
    """
    w, d, h = size
    corners = [(-w / 2, -d / 2), (w / 2, -d / 2), (w / 2, d / 2), (-w / 2, d / 2)]
    points = np.array([(x, y, z) for z in (0.0, h) for x, y in corners]) + np.array(base)
    return _solid(points, _BOX_FACES)


@lru_cache(maxsize=512)
def cylinder(radius: float, height: float, base: Vec = (0.0, 0.0, 0.0), sides: int = 20) -> Solid:
    """An upright prism of many sides [m] standing on the centre of its base [m]."""
    ring = [(radius * cos(2 * pi * k / sides), radius * sin(2 * pi * k / sides)) for k in range(sides)]
    points = np.array([(x, y, z) for z in (0.0, height) for x, y in ring]) + np.array(base)
    wall = [(k, (k + 1) % sides, sides + (k + 1) % sides, sides + k) for k in range(sides)]
    return _solid(points, [tuple(reversed(range(sides))), tuple(range(sides, 2 * sides)), *wall])


def join(parts: Iterable[Solid]) -> Solid:
    """Several solids as one mesh."""
    parts = list(parts)
    offsets = np.cumsum([0, *(len(p.points) for p in parts)])
    return Solid(
        np.concatenate([p.points for p in parts]),
        np.concatenate([p.counts for p in parts]),
        np.concatenate([p.indices + np.int32(o) for p, o in zip(parts, offsets[:-1], strict=True)]),
        np.concatenate([p.normals for p in parts]),
    )
