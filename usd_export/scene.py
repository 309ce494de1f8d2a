"""A whole scene on disk: the entry layer over a run's results over the facility."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from usd_export.facility_layer import element_paths, write_facility
from usd_export.inventory import read_inventory
from usd_export.layout import build_layout
from usd_export.results_layer import TIME_CODE_S, write_results


def write_scene(
    facility: Any,
    catalogue: Any,
    results: Any | None,
    out_dir: Path | str,
    *,
    axes: Mapping[str, Any] | None = None,
    run: Mapping[str, Any] | None = None,
) -> Path:
    """Write the OpenUSD scene of a facility, with the results of a run where there is one.

    Parameters
    ----------
    facility : facility model, plant, or mapping
        Topology; a plant also gives the axes.
    catalogue : catalogue or None
        `catalogue.item(name)` with `.cls` and dimensions; None draws every unit in the size of its class.
    results : Results or None
        A run's results at the 60 s level.
    out_dir : path
        Folder of the scene; made where missing.
    axes : mapping, optional
        Ids by axis; default the results' or the plant's.
    run : mapping, optional
        run.json of the run: id, seed, versions and the start of the clock are written into the entry layer.

    Returns
    -------
    Path
        The entry layer, datahall.usda.
    """
    from pxr import Sdf

    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    if axes is None and results is not None:
        axes = results.axes
    inventory = read_inventory(facility, catalogue, axes)
    layout = build_layout(inventory)
    write_facility(out / "facility.usdc", out / "assets", inventory, layout, catalogue)

    run = dict(run or {})
    entry = out / "datahall.usda"
    layer = Sdf.Layer.CreateNew(str(entry))
    sublayers = ["./facility.usdc"]
    span = None
    if results is not None:
        run_id = re.sub(r"[^A-Za-z0-9_-]", "_", str(run.get("run_id", run.get("id", "run"))))
        folder = out / "runs" / run_id
        folder.mkdir(parents=True, exist_ok=True)
        span = write_results(folder / "results.usdc", results, inventory, layout, element_paths(inventory, layout))
        sublayers.insert(0, f"./runs/{run_id}/results.usdc")
    layer.subLayerPaths[:] = sublayers
    world = Sdf.CreatePrimInLayer(layer, "/World")
    world.specifier, world.typeName = Sdf.SpecifierDef, "Xform"
    layer.defaultPrim = "World"
    info = layer.pseudoRoot.SetInfo
    info("upAxis", "Z")
    info("metersPerUnit", 1.0)
    if span is not None:
        info("startTimeCode", span[0])
        info("endTimeCode", span[1])
        info("timeCodesPerSecond", 24.0)
        info("framesPerSecond", 24.0)
    said = {"time_code_unit_s": TIME_CODE_S}
    about: dict[str, Any] = {**said, **{k: str(run[k]) for k in _RUN_KEYS if run.get(k) is not None}}
    layer.customLayerData = {"twin": about}
    layer.Save()
    return entry


_RUN_KEYS = ("run_id", "id", "scenario", "seed", "version", "epoch", "start")
