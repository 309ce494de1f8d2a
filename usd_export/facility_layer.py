"""The static layer of a scene: units that hold pose, status and telemetry, with instanced equipment inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from usd_export.assets import asset_name, author_material, author_mesh, stage_metadata, write_asset
from usd_export.inventory import Inventory
from usd_export.legend import LEGENDS, Legend
from usd_export.mesh import Solid, Vec, box
from usd_export.places import Camera, Line, SceneLayout, Slab, Unit
from usd_export.points import POINTS

HALL = "/World/DataHall"
SITE = "/World/assembly_Site"
LEGEND_ROOT = "/World/Legend"
_SITE_GROUPS = ("CoolingTowers", "Site_Power")
# axis -> (suffix, point, legend) of each status mesh
STATUS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "rack": (
        ("Status", "RackPower", "Legend_RackPower"),
        ("StatusTemperature", "ChipTemperature", "Legend_ChipTemperature"),
    ),
    "cdu": (("Status", "ValvePosition", "Legend_ValvePosition"),),
    "power_node": (("Status", "Loading", "Legend_Loading"),),
    "chiller": (("Status", "Loading", "Legend_Loading"),),
}


def unit_path(unit: Unit) -> str:
    """Prim path of a unit."""
    home = SITE if unit.group in _SITE_GROUPS else HALL
    row = f"/{row_name(unit)}" if unit.row else ""
    return f"{home}/{unit.group}{row}/{unit.id}"


def row_name(unit: Unit) -> str:
    return f"Row_{unit.row}_{unit.group.removeprefix('hall_GPUs_')}"


def element_paths(inventory: Inventory, layout: SceneLayout) -> dict[str, str]:
    """Prim path of every element that the scene shows, by id; the site, rooms, loops and busways included."""
    paths = {u.id: unit_path(u) for u in layout.units}
    for room in inventory.axes.get("room", ()):
        paths.setdefault(room, f"{HALL}/Building/{room}")
    for loop in inventory.axes.get("loop", ()):
        paths.setdefault(loop, f"{HALL}/Piping/{loop}")
    for site in inventory.axes.get("site", ()):
        paths.setdefault(site, f"{SITE}/{site}")
    for node in inventory.axes.get("power_node", ()):
        if inventory.node_class(node) == "busway":
            paths.setdefault(node, f"{HALL}/hall_powercables/{node}")
        elif inventory.node_class(node) == "whip":
            paths.setdefault(node, f"{HALL}/interactive_whips/{node}")
    return paths


def line_path(line: Line) -> str:
    return f"{HALL}/{line.group}/Lines_{line.group}/{line.name}"


def status_solid(unit: Unit, suffix: str) -> Solid:
    """Plate on the front of a unit, or on its top for a second quantity."""
    w, d, h = unit.size
    if suffix == "StatusTemperature":
        return box((0.92 * w, 0.92 * d, 0.03), (0.0, 0.0, h + 0.01))
    if unit.axis == "rack":
        return box((0.10 * w, 0.03, 0.9 * h), (0.45 * w, -d / 2 - 0.03, 0.05 * h))
    return box((0.8 * w, 0.03, 0.35 * h), (0.0, -d / 2 - 0.04, 0.55 * h))


def write_facility(path: Path, assets: Path, inventory: Inventory, layout: SceneLayout, catalogue: Any) -> None:
    """Author facility.usdc and the packages it refers to."""
    from pxr import Kind, Sdf, Usd, UsdGeom

    layer = Sdf.Layer.CreateNew(str(path))
    stage = Usd.Stage.Open(layer)
    world = UsdGeom.Xform.Define(stage, "/World")
    stage_metadata(stage, world.GetPrim())
    for home in ("/World", HALL, SITE):
        Usd.ModelAPI(UsdGeom.Xform.Define(stage, home).GetPrim()).SetKind(Kind.Tokens.assembly)
    UsdGeom.Scope.Define(stage, "/World/Looks")
    heat = _heat_material(stage)
    paint = {n: author_material(stage, f"/World/Looks/{n}", c) for n, c in _FLAT.items()}
    for legend in LEGENDS:
        _author_legend(stage, legend)

    named = [u.group for u in layout.units] + [ln.group for ln in layout.lines]
    groups = list(dict.fromkeys([*named, "Building", "Piping", "hall_powercables", "interactive_whips"]))
    for group in groups:
        home = SITE if group in _SITE_GROUPS else HALL
        Usd.ModelAPI(UsdGeom.Xform.Define(stage, f"{home}/{group}").GetPrim()).SetKind(Kind.Tokens.group)
    paths = element_paths(inventory, layout)
    placed = {u.id for u in layout.units}
    for element, prim_path in paths.items():
        if element not in placed:
            Usd.ModelAPI(UsdGeom.Xform.Define(stage, prim_path).GetPrim()).SetKind(Kind.Tokens.component)

    _author_units(stage, assets, inventory, layout.units, catalogue, heat)
    for line in layout.lines:
        _author_line(stage, line, paths, heat)
    for slab in layout.slabs:
        _author_slab(stage, slab, paths, paint)
    for axis, members in inventory.axes.items():
        for element in members:
            if element in paths:
                _author_telemetry(stage.GetPrimAtPath(paths[element]), axis)
    for camera in layout.cameras:
        _author_camera(stage, camera)
    _author_lights(stage)
    layer.Save()


_FLAT: Mapping[str, Vec] = {"Floor": (0.32, 0.33, 0.35), "Ground": (0.12, 0.16, 0.10), "Wall": (0.55, 0.55, 0.53)}


def _heat_material(stage: Any) -> Any:
    """A material that shows displayColor."""
    from pxr import Sdf, UsdShade

    material = UsdShade.Material.Define(stage, "/World/Looks/Heat")
    reader = UsdShade.Shader.Define(stage, "/World/Looks/Heat/Reader")
    reader.CreateIdAttr("UsdPrimvarReader_float3")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("displayColor")
    reader.CreateInput("fallback", Sdf.ValueTypeNames.Float3).Set((0.337, 0.337, 0.337))
    surface = UsdShade.Shader.Define(stage, "/World/Looks/Heat/Surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    color = surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
    color.ConnectToSource(reader.CreateOutput("result", Sdf.ValueTypeNames.Float3))
    surface.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(0.8)
    material.CreateSurfaceOutput().ConnectToSource(surface.CreateOutput("surface", Sdf.ValueTypeNames.Token))
    return material


def _author_legend(stage: Any, legend: Legend) -> None:
    from pxr import Sdf, UsdGeom, Vt

    UsdGeom.Scope.Define(stage, LEGEND_ROOT)
    prim = UsdGeom.Scope.Define(stage, f"{LEGEND_ROOT}/{legend.name}").GetPrim()
    kinds = Sdf.ValueTypeNames
    for key, kind, value in (
        ("quantity", kinds.String, legend.quantity),
        ("unit", kinds.String, legend.unit),
        ("min", kinds.Float, legend.low),
        ("max", kinds.Float, legend.high),
        ("colors", kinds.Color3fArray, Vt.Vec3fArray.FromNumpy(np.array(legend.colors, np.float32))),
        ("overColor", kinds.Color3f, legend.over),
        ("zeroColor", kinds.Color3f, legend.zero),
    ):
        if value is not None:
            prim.CreateAttribute(f"twin:legend:{key}", kind, custom=True).Set(value)


def _author_units(
    stage: Any, assets: Path, inventory: Inventory, units: Sequence[Unit], catalogue: Any, heat: Any
) -> None:
    from pxr import Gf, Kind, Usd, UsdGeom

    written: dict[str, str] = {}
    for unit in units:
        item = inventory.types.get(unit.id, unit.asset)
        name = asset_name(unit.asset, item)
        if name not in written:
            label = (
                str(getattr(catalogue.item(item), "label", item)) if catalogue and unit.id in inventory.types else item
            )
            write_asset(assets, unit.asset, item, unit.size, label)
            written[name] = f"./assets/{name}/{name}.usda"
        path = unit_path(unit)
        if unit.row:
            row = UsdGeom.Xform.Define(stage, path.rsplit("/", 1)[0])
            Usd.ModelAPI(row.GetPrim()).SetKind(Kind.Tokens.group)
        xform = UsdGeom.Xform.Define(stage, path)
        xform.AddTranslateOp(UsdGeom.XformOp.PrecisionFloat).Set(Gf.Vec3f(*unit.position))
        if unit.yaw_deg:
            xform.AddRotateZOp().Set(unit.yaw_deg)
        Usd.ModelAPI(xform.GetPrim()).SetKind(Kind.Tokens.component)
        asset = UsdGeom.Xform.Define(stage, f"{path}/Asset_{unit.id}").GetPrim()
        Usd.ModelAPI(asset).SetKind(Kind.Tokens.subcomponent)
        asset.SetInstanceable(True)
        if not unit.row:
            asset.GetReferences().AddReference(written[name])
        for suffix, point, legend in STATUS.get(unit.axis, ()):
            mesh = author_mesh(stage, f"{path}/{unit.id}_{suffix}", status_solid(unit, suffix), heat)
            _author_status(mesh, path, point, legend)
    _author_rack_variants(stage, assets, inventory, units, written)


def _author_rack_variants(
    stage: Any, assets: Path, inventory: Inventory, units: Sequence[Unit], written: Mapping[str, str]
) -> None:
    """rackVariant on each group of racks: the equipment itself, or its plain envelope."""
    racks = [u for u in units if u.row]
    for group in dict.fromkeys(u.group for u in racks):
        mine = [u for u in racks if u.group == group]
        item = inventory.types.get(mine[0].id, "rack")
        write_asset(assets, "envelope", item, mine[0].size, f"Envelope of {item}")
        envelope = asset_name("envelope", item)
        choices = {
            group.removeprefix("hall_GPUs_"): {
                u.id: written[asset_name("rack", inventory.types.get(u.id, "rack"))] for u in mine
            },
            "Envelope": {u.id: f"./assets/{envelope}/{envelope}.usda" for u in mine},
        }
        variants = stage.GetPrimAtPath(f"{HALL}/{group}").GetVariantSets().AddVariantSet("rackVariant")
        for choice, files in choices.items():
            variants.AddVariant(choice)
            variants.SetVariantSelection(choice)
            with variants.GetVariantEditContext():
                for unit in mine:
                    stage.OverridePrim(f"{unit_path(unit)}/Asset_{unit.id}").GetReferences().AddReference(
                        files[unit.id]
                    )
        variants.SetVariantSelection(next(iter(choices)))


def _author_status(gprim: Any, unit: str, point: str, legend: str) -> None:
    """A colour of one element, and where the number and the legend behind it are."""
    from pxr import Sdf, UsdGeom, Vt

    primvar = gprim.CreateDisplayColorPrimvar(UsdGeom.Tokens.constant, 1)
    primvar.Set(Vt.Vec3fArray([(0.337, 0.337, 0.337)]))
    if not point:
        return
    prim = gprim.GetPrim()
    prim.CreateAttribute("twin:status:point", Sdf.ValueTypeNames.Token, custom=True).Set(point)
    prim.CreateRelationship("twin:status:unit", custom=True).SetTargets([unit])
    prim.CreateRelationship("twin:status:legend", custom=True).SetTargets([f"{LEGEND_ROOT}/{legend}"])


def _author_line(stage: Any, line: Line, paths: Mapping[str, str], heat: Any) -> None:
    from pxr import UsdGeom, UsdShade, Vt

    UsdGeom.Scope.Define(stage, line_path(line).rsplit("/", 1)[0])
    curves = UsdGeom.BasisCurves.Define(stage, line_path(line))
    points = np.array([p for path in line.polylines for p in path], dtype=np.float32)
    curves.CreateTypeAttr(UsdGeom.Tokens.linear)
    curves.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    curves.CreateCurveVertexCountsAttr(Vt.IntArray([len(p) for p in line.polylines]))
    curves.CreateWidthsAttr(Vt.FloatArray([line.width]))
    curves.SetWidthsInterpolation(UsdGeom.Tokens.constant)
    half = np.float32(line.width / 2)
    extent = np.stack([points.min(axis=0) - half, points.max(axis=0) + half])
    curves.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(extent)))
    UsdShade.MaterialBindingAPI.Apply(curves.GetPrim()).Bind(heat)
    _author_status(curves, paths.get(line.element, ""), line.point, line.legend)


def _author_slab(stage: Any, slab: Slab, paths: Mapping[str, str], paint: Mapping[str, Any]) -> None:
    from pxr import UsdGeom

    home = f"{HALL}/Building/Building_Shell" if slab.name != "Ground" else f"{SITE}/Site_Ground"
    if slab.element and slab.element in paths:
        home = paths[slab.element]
    elif not stage.GetPrimAtPath(home):
        UsdGeom.Scope.Define(stage, home)
    look = next((paint[k] for k in ("Wall", "Ground") if slab.name.startswith(k)), paint["Floor"])
    author_mesh(stage, f"{home}/{slab.name}", box(slab.size, slab.base), look)


def _author_telemetry(prim: Any, axis: str) -> None:
    """Static default of every telemetry attribute of an element."""
    from pxr import Sdf

    for point in (p for p in POINTS if p.axis == axis):
        attr = prim.CreateAttribute(f"twin:{point.name}", Sdf.ValueTypeNames.Float, custom=True)
        attr.Set(0.0)
        attr.SetCustomDataByKey("unit", point.unit)
        attr.SetCustomDataByKey("quantity", point.quantity)
        attr.SetCustomDataByKey("statistic", point.stat)


def _author_camera(stage: Any, camera: Camera) -> None:
    from pxr import Gf, UsdGeom

    UsdGeom.Scope.Define(stage, "/World/interactive_cameras")
    prim = UsdGeom.Camera.Define(stage, f"/World/interactive_cameras/{camera.name}")
    view = Gf.Matrix4d().SetLookAt(Gf.Vec3d(*camera.eye), Gf.Vec3d(*camera.target), Gf.Vec3d(0, 0, 1))
    prim.AddTransformOp().Set(view.GetInverse())
    prim.CreateFocalLengthAttr(20.0)
    prim.CreateClippingRangeAttr(Gf.Vec2f(camera.near_m, 5000.0))


def _author_lights(stage: Any) -> None:
    from pxr import Gf, UsdGeom, UsdLux

    UsdGeom.Scope.Define(stage, "/World/Lights")
    sun = UsdLux.DistantLight.Define(stage, "/World/Lights/Sun")
    sun.CreateIntensityAttr(2.0)
    sun.CreateAngleAttr(0.53)
    sun.AddRotateXYZOp().Set(Gf.Vec3f(40.0, 0.0, 25.0))
    UsdLux.DomeLight.Define(stage, "/World/Lights/Sky").CreateIntensityAttr(0.6)
