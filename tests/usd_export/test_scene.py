"""The scene against the run's numbers, usd-core's validators, a viewer's contract, and defects made on purpose."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.usd_export.synthetic import AXES, CATALOGUE, FACILITY, SyntheticResults
from usd_export import check_scene, write_scene
from usd_export.facility_layer import STATUS

RUN = {"run_id": "day1", "seed": 7}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("scene")
    return write_scene(FACILITY, CATALOGUE, SyntheticResults(), home / "scene", run=RUN).parent


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "elsewhere"))


def open_stage(folder: Path):
    from pxr import Usd

    return Usd.Stage.Open(str(folder / "datahall.usda"))


def test_no_finding_there_nor_anywhere_else(written: Path, copy: Path) -> None:
    assert check_scene(written / "datahall.usda") == []
    assert check_scene(copy / "datahall.usda") == []


def test_facility_alone_is_a_scene(tmp_path: Path) -> None:
    entry = write_scene(FACILITY, CATALOGUE, None, tmp_path, axes=AXES)
    assert check_scene(entry) == []
    assert not list(tmp_path.rglob("results.usdc"))


def test_every_element_that_stands_somewhere_has_one_prim(written: Path) -> None:
    stage = open_stage(written)
    names = [p.GetName() for p in stage.Traverse()]
    for axis in set(AXES) - {"pool", "job"}:
        for element in AXES[axis]:
            assert names.count(element) == 1, element


def test_arrays_hold_the_run(written: Path) -> None:
    results, stage = SyntheticResults(), open_stage(written)
    home = stage.GetPrimAtPath("/World/Results/Results_rack")
    index = list(home.GetAttribute("twin:index").Get())
    assert [p.rsplit("/", 1)[1] for p in index] == AXES["rack"]
    _, power_w = results.series("rack_power_w")
    attr = home.GetAttribute("twin:RackPower")
    assert attr.GetCustomDataByKey("unit") == "kW"
    assert len(attr.GetTimeSamples()) == 120
    for minute in (1, 60, 61, 120):
        np.testing.assert_allclose(np.array(attr.Get(minute)), power_w[minute - 1] / 1e3, rtol=1e-6)


def test_colours_recomputed_from_the_run_alone(written: Path) -> None:
    """White to red over 0-150 kW, by hand, from the run's watts and not from the scene's numbers."""
    stage = open_stage(written)
    _, power_w = SyntheticResults().series("rack_power_w")
    for k, rack in enumerate(AXES["rack"]):
        mesh = next(p for p in stage.Traverse() if p.GetName() == f"{rack}_Status")
        attr = mesh.GetAttribute("primvars:displayColor")
        codes = attr.GetTimeSamples()
        assert 2 <= len(codes) <= 96
        for code in codes:
            r = power_w[int(code) - 1, k] / 150e3
            np.testing.assert_allclose(np.array(attr.Get(code)[0]), (1.0, 1.0 - r, 1.0 - r), atol=1e-6)


def test_the_minute_of_the_fault_is_among_the_decimated_ones(written: Path) -> None:
    stage = open_stage(written)
    mesh = next(p for p in stage.Traverse() if p.GetName() == "H1_R01_RK01_StatusTemperature")
    assert {60.0, 61.0} <= set(mesh.GetAttribute("primvars:displayColor").GetTimeSamples())


def test_racks_share_one_prototype(written: Path) -> None:
    stage = open_stage(written)
    racks = [p for p in stage.Traverse() if p.IsInstance() and "_RK" in p.GetName()]
    assert len(racks) == 8
    assert len({str(p.GetPrototype().GetPath()) for p in racks}) == 1


def test_rack_variant_changes_every_rack(written: Path) -> None:
    from pxr import Usd

    stage = open_stage(written)
    group = stage.GetPrimAtPath("/World/DataHall/hall_GPUs_GB300")

    def meshes() -> int:
        inside = Usd.PrimRange(group, Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate))
        return sum(len(p.GetAttribute("points").Get()) for p in inside if p.GetTypeName() == "Mesh")

    variants = group.GetVariantSets().GetVariantSet("rackVariant")
    counts = []
    for choice in variants.GetVariantNames():
        variants.SetVariantSelection(choice)
        counts.append(meshes())
    assert len(counts) == len(set(counts)) == 2


def test_viewer_contract(written: Path) -> None:
    """Cameras by name, groups that hide, attributes that can be set, colours that an overlay above wins."""
    from pxr import Sdf, Usd, UsdGeom

    stage = open_stage(written)
    cameras = {c.GetName() for c in stage.GetPrimAtPath("/World/interactive_cameras").GetChildren()}
    assert cameras >= {f"camera_{k}_0{n}" for k in ("int_datahall", "ext_default") for n in (1, 2, 3, 4)}
    assert cameras >= {"cfd_camera", "cdu_camera", "networking_camera", "rpp_cameras"}
    for group in ("hall_GPUs_GB300", "hall_mech_cooling_CDU", "hall_powercables", "Piping", "Network", "Building"):
        prim = UsdGeom.Imageable(stage.GetPrimAtPath(f"/World/DataHall/{group}"))
        below = UsdGeom.Imageable(prim.GetPrim().GetChildren()[0])
        prim.MakeInvisible()
        assert below.ComputeVisibility() == "invisible"
        prim.MakeVisible()
        assert below.ComputeVisibility() == "inherited"
    overlay = Sdf.Layer.CreateAnonymous()
    stage.GetSessionLayer().subLayerPaths.append(overlay.identifier)
    with Usd.EditContext(stage, overlay):
        for prim in stage.Traverse():
            if prim.GetAttribute("twin:status:point"):
                attr = UsdGeom.Gprim(prim).GetDisplayColorAttr()
                attr.Set([(0.5, 0.28, 0.61)])
                for code in (1, 60, 120):
                    np.testing.assert_allclose(np.array(attr.Get(code)[0]), (0.5, 0.28, 0.61), atol=1e-6)


def _edit(folder: Path, path: str, name: str, change) -> None:
    from pxr import Sdf

    layer = Sdf.Layer.FindOrOpen(str(folder / "runs" / "day1" / "results.usdc"))
    spec = Sdf.Path(path).AppendProperty(name)
    code = layer.ListTimeSamplesForPath(spec)[3]
    layer.SetTimeSample(spec, code, change(layer.QueryTimeSample(spec, code)))
    layer.Save()


RACK = "/World/DataHall/hall_GPUs_GB300/Row_R01_GB300/H1_R01_RK02"


def test_shifted_colour_is_named(copy: Path) -> None:
    from pxr import Vt

    mesh = f"{RACK}/H1_R01_RK02_Status"
    _edit(copy, mesh, "primvars:displayColor", lambda v: Vt.Vec3fArray([v[0] + type(v[0])(0.0, 1e-3, 0.0)]))
    found = check_scene(copy / "datahall.usda")
    assert len(found) == 1 and found[0].startswith(f"{mesh}: colour at time code 5 is off by 0.001")


def test_shifted_value_is_named(copy: Path) -> None:
    _edit(copy, RACK, "twin:RackLiquidSupplyTemperature", lambda v: v + 0.5)
    found = check_scene(copy / "datahall.usda")
    assert len(found) == 1 and found[0].startswith(f"{RACK}.twin:RackLiquidSupplyTemperature: at time code 5 ")


def test_deleted_sublayer_is_named(copy: Path) -> None:
    (copy / "runs" / "day1" / "results.usdc").unlink()
    found = check_scene(copy / "datahall.usda")
    assert "datahall.usda: missing file ./runs/day1/results.usdc" in found
    assert any(f.startswith("usdValidation:CompositionErrorTest") for f in found)


def _entry(folder: Path):
    from pxr import Sdf

    return Sdf.Layer.FindOrOpen(str(folder / "datahall.usda"))


def test_duplicate_camera_is_named(copy: Path) -> None:
    from pxr import Sdf

    layer = _entry(copy)
    Sdf.CreatePrimInLayer(layer, "/World/Spare")
    for path, kind in (("/World/Spare", "Scope"), ("/World/Spare/cdu_camera", "Camera")):
        spec = Sdf.CreatePrimInLayer(layer, path)
        spec.specifier, spec.typeName = Sdf.SpecifierDef, kind
    layer.Save()
    found = check_scene(copy / "datahall.usda")
    assert len(found) == 1 and found[0].startswith("duplicate camera name cdu_camera: ")


def test_absolute_path_is_named(copy: Path) -> None:
    layer = _entry(copy)
    absolute = str(copy / "facility.usdc")
    layer.subLayerPaths[:] = [layer.subLayerPaths[0], absolute]
    layer.Save()
    assert check_scene(copy / "datahall.usda") == [f"datahall.usda: absolute path {absolute}"]


def test_layer_without_metadata_and_untyped_prim_are_named(copy: Path) -> None:
    from pxr import Sdf

    layer = _entry(copy)
    layer.pseudoRoot.ClearInfo("upAxis")
    Sdf.CreatePrimInLayer(layer, "/World/Loose").specifier = Sdf.SpecifierDef
    layer.Save()
    found = check_scene(copy / "datahall.usda")
    assert "datahall.usda: upAxis: found None, wanted Z" in found
    assert "/World/Loose: untyped prim" in found
    assert any(f.startswith("usdGeomValidators:StageMetadataChecker") for f in found)


def test_same_run_same_bytes(written: Path, tmp_path: Path) -> None:
    again = write_scene(FACILITY, CATALOGUE, SyntheticResults(), tmp_path / "s", run=RUN).parent
    files = sorted(p.relative_to(written) for p in written.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    for file in files:
        if file.suffix == ".usda":
            assert (written / file).read_bytes() == (again / file).read_bytes(), file
    from pxr import Sdf

    for file in (Path("facility.usdc"), Path("runs/day1/results.usdc")):
        one, two = (Sdf.Layer.FindOrOpen(str(home / file)).ExportToString() for home in (written, again))
        assert one == two


def test_telemetry_has_a_default_and_a_unit_on_every_rack(written: Path) -> None:
    from pxr import Usd

    stage = Usd.Stage.Open(str(written / "facility.usdc"))
    units = {"twin:RackPower": "kW", "twin:RackLiquidSupplyTemperature": "degC", "twin:ChipTemperature": "degC"}
    for rack in AXES["rack"]:
        prim = next(p for p in stage.Traverse() if p.GetName() == rack)
        for name, unit in units.items():
            assert prim.GetAttribute(name).HasAuthoredValue()
            assert prim.GetAttribute(name).GetCustomDataByKey("unit") == unit
        for suffix, _, _ in STATUS["rack"]:
            color = stage.GetPrimAtPath(f"{prim.GetPath()}/{rack}_{suffix}").GetAttribute("primvars:displayColor")
            assert len(color.Get()) == 1
