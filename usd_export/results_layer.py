"""The layer of one run: arrays a quantity at every minute, and decimated samples of what a viewer sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from usd_export.facility_layer import STATUS, line_path, unit_path
from usd_export.inventory import Inventory
from usd_export.legend import LEGENDS, colors_rgb
from usd_export.places import SceneLayout
from usd_export.points import Point, available, point_values

TIME_CODE_S = 60.0
MAX_STEPS = 96
SCALARS_UP_TO = 500  # elements of an axis that also get samples of their own
COLOR_SAMPLES = 100_000  # in all, about: large halls get fewer steps, never fewer than 12


def frames(count: int, important: Sequence[int] = (), limit: int = MAX_STEPS) -> NDArray[np.int64]:
    """Indices of at most `limit` instants: first, last, the important ones, and an even spread.

    Examples
    --------
    >>> frames(5).tolist()
    [0, 1, 2, 3, 4]
    >>> frames(1001, important=[333], limit=6).tolist()
    [0, 250, 333, 500, 750, 1000]
    """
    if count <= limit:
        return np.arange(count)
    kept = list(dict.fromkeys(i for i in important if 0 <= i < count))[: limit // 3]  # in the order of importance
    even = np.round(np.linspace(0, count - 1, limit - len(kept))).astype(np.int64)
    return np.unique(np.concatenate([even, np.array(kept, dtype=np.int64)]))


def write_results(
    path: Path, results: Any, inventory: Inventory, layout: SceneLayout, paths: Mapping[str, str]
) -> tuple[float, float]:
    """Author results.usdc; returns the first and last time code."""
    from pxr import Sdf, Vt

    layer = Sdf.Layer.CreateNew(str(path))
    root = _prim(layer, "/World", "Xform")
    layer.defaultPrim = "World"
    layer.pseudoRoot.SetInfo("upAxis", "Z")
    layer.pseudoRoot.SetInfo("metersPerUnit", 1.0)
    del root
    values: dict[tuple[str, str], NDArray[np.float32]] = {}
    codes = np.zeros(0)
    points = available(results)
    for point in points:
        time_s, found = point_values(results, point)
        values[point.axis, point.name] = found
        codes = time_s / TIME_CODE_S
    if not len(codes):
        raise ValueError("results: found no quantity that the scene shows, wanted at least one, such as rack_power_w")

    with Sdf.ChangeBlock():
        for axis in dict.fromkeys(p.axis for p in points):
            _prim(layer, f"/World/Results/Results_{axis}", "Scope")
    shown = [p for p in points if any(i in paths for i in inventory.axes.get(p.axis, ()))]
    for axis in dict.fromkeys(p.axis for p in shown):
        home = layer.GetPrimAtPath(f"/World/Results/Results_{axis}")
        index = Sdf.AttributeSpec(home, "twin:index", Sdf.ValueTypeNames.StringArray, Sdf.VariabilityUniform)
        index.custom = True
        index.default = Vt.StringArray([paths.get(i, "") for i in inventory.axes[axis]])
    for point in shown:
        spec = _attribute(layer, f"/World/Results/Results_{point.axis}", point, Sdf.ValueTypeNames.FloatArray)
        with Sdf.ChangeBlock():
            for code, row in zip(codes.tolist(), values[point.axis, point.name], strict=True):
                layer.SetTimeSample(spec.path, code, Vt.FloatArray.FromNumpy(row))

    colored = sum(len(STATUS.get(u.axis, ())) for u in layout.units) + len(layout.lines)
    steps = max(12, min(MAX_STEPS, COLOR_SAMPLES // max(colored, 1)))
    keep = frames(len(codes), _important(results, values, codes), steps)
    _scalars(layer, shown, values, codes, keep, inventory, paths)
    _colors(layer, values, codes, keep, inventory, layout)
    layer.pseudoRoot.SetInfo("startTimeCode", float(codes[0]))
    layer.pseudoRoot.SetInfo("endTimeCode", float(codes[-1]))
    layer.Save()
    return float(codes[0]), float(codes[-1])


def _important(
    results: Any, values: Mapping[tuple[str, str], NDArray[np.float32]], codes: NDArray[np.float64]
) -> list[int]:
    """The peaks of power and temperature, and the minutes around events."""
    out = []
    for key in (("rack", "RackPower"), ("rack", "ChipTemperature"), ("power_node", "Loading")):
        if key in values:
            out.append(int(np.argmax(np.nan_to_num(values[key]).max(axis=1))))
    for event in list(results.events)[:MAX_STEPS]:
        at = int(np.searchsorted(codes, float(_field(event, "t_s")) / TIME_CODE_S))
        out += [at, at + 1]
    return [min(i, len(codes) - 1) for i in out]


def _field(event: Any, name: str) -> Any:
    return event[name] if isinstance(event, Mapping) else getattr(event, name)


def _prim(layer: Any, path: str, type_name: str) -> Any:
    """A typed prim with typed ancestors; where the facility defines them this adds no opinion but `over`."""
    from pxr import Sdf

    spec = layer.GetPrimAtPath(path)
    if spec:
        return spec
    spec = Sdf.CreatePrimInLayer(layer, path)
    walk = spec
    while walk and walk.path != Sdf.Path.absoluteRootPath:
        if walk.path.HasPrefix("/World/Results"):
            walk.specifier, walk.typeName = Sdf.SpecifierDef, "Scope"
        walk = walk.nameParent
    if path == "/World":
        spec.specifier, spec.typeName = Sdf.SpecifierDef, type_name
    return spec


def _attribute(layer: Any, prim_path: str, point: Point, kind: Any) -> Any:
    from pxr import Sdf

    spec = Sdf.AttributeSpec(_prim(layer, prim_path, ""), f"twin:{point.name}", kind)
    spec.custom = True
    spec.customData = {"unit": point.unit, "quantity": point.quantity, "statistic": point.stat}
    return spec


def _scalars(
    layer: Any,
    points: Sequence[Point],
    values: Mapping[tuple[str, str], NDArray[np.float32]],
    codes: NDArray[np.float64],
    keep: NDArray[np.int64],
    inventory: Inventory,
    paths: Mapping[str, str],
) -> None:
    """Samples on each unit itself, at the decimated instants."""
    from pxr import Sdf

    for point in points:
        members = inventory.axes[point.axis]
        if len(members) > SCALARS_UP_TO:
            continue
        rows = values[point.axis, point.name][keep].tolist()
        specs = [_attribute(layer, paths[i], point, Sdf.ValueTypeNames.Float) if i in paths else None for i in members]
        with Sdf.ChangeBlock():
            for code, row in zip(codes[keep].tolist(), rows, strict=True):
                for spec, value in zip(specs, row, strict=True):
                    if spec is not None:
                        layer.SetTimeSample(spec.path, code, value)


def _colors(
    layer: Any,
    values: Mapping[tuple[str, str], NDArray[np.float32]],
    codes: NDArray[np.float64],
    keep: NDArray[np.int64],
    inventory: Inventory,
    layout: SceneLayout,
) -> None:
    """displayColor samples of every status mesh and circuit."""
    from pxr import Sdf, Vt

    legends = {legend.name: legend for legend in LEGENDS}
    position = {axis: {e: k for k, e in enumerate(m)} for axis, m in inventory.axes.items()}
    targets: list[tuple[str, str, str, str, str]] = []
    for unit in layout.units:
        for suffix, point, legend in STATUS.get(unit.axis, ()):
            targets.append((f"{unit_path(unit)}/{unit.id}_{suffix}", unit.axis, unit.id, point, legend))
    for line in layout.lines:
        if line.point:
            axis = next((a for a, m in position.items() if line.element in m and (a, line.point) in values), "")
            targets.append((line_path(line), axis, line.element, line.point, line.legend))
    series: dict[tuple[str, str, str], NDArray[np.float32]] = {}
    for path, axis, element, point, legend in targets:
        if (axis, point) not in values or element not in position[axis]:
            continue
        key = (axis, point, legend)
        if key not in series:
            series[key] = np.ascontiguousarray(colors_rgb(values[axis, point][keep], legends[legend]))
        rgb = series[key][:, position[axis][element]]
        spec = Sdf.AttributeSpec(_prim(layer, path, ""), "primvars:displayColor", Sdf.ValueTypeNames.Color3fArray)
        with Sdf.ChangeBlock():
            for code, color in zip(codes[keep].tolist(), rgb, strict=True):
                layer.SetTimeSample(spec.path, code, Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(color[None, :])))
