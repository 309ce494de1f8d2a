"""Equipment packages: one folder an asset type, plain geometry in a crate layer, materials inside the package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from usd_export.mesh import Solid, Vec, box, cylinder, join

# class -> (body colour, detail colour), linear RGB
_PAINT: dict[str, tuple[Vec, Vec]] = {
    "rack": ((0.03, 0.03, 0.035), (0.10, 0.30, 0.02)),
    "cdu": ((0.55, 0.57, 0.60), (0.05, 0.15, 0.35)),
    "pump": ((0.05, 0.20, 0.45), (0.30, 0.30, 0.32)),
    "ahu": ((0.60, 0.62, 0.63), (0.12, 0.14, 0.15)),
    "switch": ((0.02, 0.02, 0.03), (0.10, 0.45, 0.60)),
    "dry_cooler": ((0.50, 0.52, 0.54), (0.08, 0.09, 0.10)),
    "chiller": ((0.45, 0.48, 0.50), (0.05, 0.15, 0.35)),
    "ups": ((0.20, 0.21, 0.23), (0.02, 0.35, 0.12)),
    "transformer": ((0.22, 0.28, 0.20), (0.35, 0.35, 0.33)),
    "generator": ((0.55, 0.50, 0.35), (0.12, 0.12, 0.12)),
}
_ASSET_CLASS = {"rack": "Compute Rack", "cdu": "CDU", "ahu": "CRAH", "ups": "UPS"}
_PLAIN: tuple[Vec, Vec] = ((0.40, 0.41, 0.43), (0.12, 0.13, 0.15))


def asset_name(cls: str, item: str) -> str:
    """Name of the package of an equipment item.

    Examples
    --------
    >>> asset_name("rack", "gb300-nvl72")
    'Rack_gb300_nvl72'
    """
    return f"{cls.title().replace('_', '')}_{re.sub(r'[^A-Za-z0-9]', '_', item)}"


def solids(cls: str, size: Vec) -> tuple[Solid, Solid]:
    """Body and details of a class of equipment in its size [m], front towards -y, standing on its base."""
    w, d, h = size
    front = -d / 2
    if cls == "rack":
        trays = [box((0.9 * w, 0.02, 0.035 * h), (0.0, front - 0.01, (0.06 + 0.047 * k) * h)) for k in range(19)]
        return box(size), join(trays)
    if cls == "pump" or cls == "fws_pump":
        return join([cylinder(0.42 * w, 0.75 * h), cylinder(0.30 * w, 0.25 * h, (0.0, 0.0, 0.75 * h))]), box(
            (0.3 * w, 0.9 * d, 0.15 * h), (0.0, 0.0, 0.05 * h)
        )
    if cls in ("dry_cooler", "chiller"):
        legs = [box((0.12, 0.12, 0.3 * h), (sx * 0.45 * w, sy * 0.42 * d, 0.0)) for sx in (-1, 1) for sy in (-1, 1)]
        fans = [cylinder(0.36 * d, 0.12 * h, ((k - 1) * 0.31 * w, 0.0, 0.88 * h)) for k in range(3)]
        return join([box((w, d, 0.58 * h), (0.0, 0.0, 0.3 * h)), *legs]), join(fans)
    if cls == "generator":
        stack = cylinder(0.12 * d, 0.3 * h, (0.35 * w, 0.0, 0.7 * h))
        return box((w, d, 0.7 * h)), join([stack, box((0.02, 0.8 * d, 0.5 * h), (-0.5 * w - 0.01, 0.0, 0.1 * h))])
    if cls == "transformer":
        fins = [box((0.04, 0.9 * d, 0.6 * h), (sx * (0.4 * w + 0.02), 0.0, 0.15 * h)) for sx in (-1, 1)]
        posts = [cylinder(0.05 * w, 0.2 * h, (x * w, 0.0, 0.8 * h), 10) for x in (-0.25, 0.0, 0.25)]
        return box((0.8 * w, d, 0.8 * h)), join([*fins, *posts])
    doors = [box((0.42 * w, 0.02, 0.86 * h), (s * 0.24 * w, front - 0.01, 0.07 * h)) for s in (-1, 1)]
    return box(size), join(doors)


def author_mesh(stage: Any, path: str, solid: Solid, material: Any = None) -> Any:
    """A non-subdivided mesh with normals at the face corners and an extent."""
    from pxr import UsdGeom, UsdShade, Vt

    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(solid.points))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(solid.counts))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(solid.indices))
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(solid.normals))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.faceVarying)
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(solid.extent))
    if material is not None:
        UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)
    return mesh


def author_material(stage: Any, path: str, color: Vec, opacity: float = 1.0) -> Any:
    """A preview-surface material of one colour (linear RGB)."""
    from pxr import Gf, Sdf, UsdShade

    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/Surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*color))
    shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(0.6)
    shader.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(0.0)
    shader.CreateInput("opacity", Sdf.ValueTypeNames.Float).Set(opacity)
    material.CreateSurfaceOutput().ConnectToSource(shader.CreateOutput("surface", Sdf.ValueTypeNames.Token))
    return material


def stage_metadata(stage: Any, default_prim: Any) -> None:
    """Default prim, z up, one metre a unit."""
    from pxr import UsdGeom

    stage.SetDefaultPrim(default_prim)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)


def write_asset(folder: Path, cls: str, item: str, size: Vec, description: str) -> Path:
    """Write one package and return its interface layer."""
    from pxr import Kind, Sdf, Usd, UsdGeom

    name = asset_name(cls, item)
    home = folder / name
    (home / "layers").mkdir(parents=True, exist_ok=True)
    crate = Sdf.Layer.CreateNew(str(home / "layers" / f"{name}_Geometry.usdc"))
    stage = Usd.Stage.Open(crate)
    root = UsdGeom.Xform.Define(stage, f"/{name}")
    stage_metadata(stage, root.GetPrim())
    Usd.ModelAPI(root.GetPrim()).SetKind(Kind.Tokens.component)
    UsdGeom.Scope.Define(stage, f"/{name}/Looks")
    paint = _PAINT.get(cls, _PLAIN)
    UsdGeom.Xform.Define(stage, f"/{name}/Geometry")
    for part, solid, color in zip(("Body", "Detail"), solids(cls, size), paint, strict=True):
        material = author_material(stage, f"/{name}/Looks/{part}", color)
        author_mesh(stage, f"/{name}/Geometry/{part}", solid, material)
    crate.Save()

    root_path = home / f"{name}.usda"
    layer = Sdf.Layer.CreateNew(str(root_path))
    stage = Usd.Stage.Open(layer)
    layer.subLayerPaths.append(f"./layers/{name}_Geometry.usdc")
    over = stage.OverridePrim(f"/{name}")
    over.SetTypeName("Xform")
    over.SetSpecifier(Sdf.SpecifierDef)
    stage_metadata(stage, over)
    over.SetMetadata("kind", Kind.Tokens.component)
    over.SetAssetInfoByKey("name", name)
    core = {"assetDescription": description or item, "modelNumber": item}
    if cls in _ASSET_CLASS:
        core["assetClass"] = _ASSET_CLASS[cls]
    for key in sorted(core):
        over.CreateAttribute(f"aif:core:{key}", Sdf.ValueTypeNames.String, custom=True).Set(core[key])
    for key, metres in (("width", size[0]), ("depth", size[1]), ("height", size[2])):
        attr = over.CreateAttribute(f"aif:core:{key}", Sdf.ValueTypeNames.Float, custom=True)
        attr.Set(1000.0 * metres)
        attr.SetCustomDataByKey("unit", "mm")
    layer.Save()
    return root_path
