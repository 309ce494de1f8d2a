"""Checking a scene: every validator that usd-core brings, composition, names, and colours against the numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from usd_export.legend import Legend, colors_rgb

COLOR_TOLERANCE = 1e-6
_KIND_PARENTS = {"group": ("assembly", "group"), "assembly": ("assembly", "group"), "component": ("assembly", "group")}


def check_scene(path: Path | str) -> list[str]:
    """Everything wrong with a scene, each by name; an empty list means nothing.

    Parameters
    ----------
    path : path
        The entry layer.

    Returns
    -------
    list of str
        One line a finding, sorted.
    """
    from pxr import Usd

    path = Path(path)
    if not path.is_file():
        return [f"{path}: found nothing, wanted an entry layer"]
    found = list(_layers(path))
    stage = Usd.Stage.Open(str(path))
    found += _validators(stage)
    found += _prims(stage)
    found += _colors(stage)
    return sorted(dict.fromkeys(found))


def _layers(entry: Path) -> Iterator[str]:
    """Each layer reached from the entry: metadata, relative paths, files that exist."""
    from pxr import Sdf, UsdUtils

    todo, seen = [entry.resolve()], set()
    while todo:
        file = todo.pop()
        if file in seen:
            continue
        seen.add(file)
        name = file.name
        layer = Sdf.Layer.FindOrOpen(str(file))
        if not layer:
            yield f"{name}: cannot be opened"
            continue
        if not layer.HasDefaultPrim():
            yield f"{name}: found no defaultPrim, wanted one on every layer"
        for key, wanted in (("upAxis", "Z"), ("metersPerUnit", 1.0)):
            has = layer.pseudoRoot.GetInfo(key) if layer.pseudoRoot.HasInfo(key) else None
            if has != wanted:
                yield f"{name}: {key}: found {has}, wanted {wanted}"
        for group in UsdUtils.ExtractExternalReferences(str(file)):
            for asset in group:
                if PurePosixPath(asset).is_absolute() or PureWindowsPath(asset).is_absolute() or "://" in asset:
                    yield f"{name}: absolute path {asset}"
                    continue
                target = (file.parent / asset).resolve()
                if not target.is_file():
                    yield f"{name}: missing file {asset}"
                elif target.suffix in (".usd", ".usda", ".usdc"):
                    todo.append(target)


def _validators(stage: Any) -> Iterator[str]:
    """All validators registered in usd-core, on the stage with its instances."""
    from pxr import Usd, UsdValidation

    registry = UsdValidation.ValidationRegistry()
    context = UsdValidation.ValidationContext(registry.GetOrLoadAllValidators())
    for error in context.Validate(stage, Usd.TraverseInstanceProxies()):
        sites = ", ".join(sorted(_site(s) for s in error.GetSites()))
        yield f"{error.GetIdentifier()}: {sites}: {error.GetMessage()}"


def _site(site: Any) -> str:
    if site.IsProperty():
        return str(site.GetProperty().GetPath())
    if site.IsPrim():
        return str(site.GetPrim().GetPath())
    layer = site.GetLayer() if hasattr(site, "GetLayer") else None
    return layer.GetDisplayName() if layer else "stage"


def _prims(stage: Any) -> Iterator[str]:
    """Types, kinds, unique names, one-element colours, cameras."""
    from pxr import Usd, UsdGeom

    names: dict[str, list[str]] = defaultdict(list)
    cameras: dict[str, list[str]] = defaultdict(list)
    for prim in stage.Traverse():
        path = str(prim.GetPath())
        if not prim.GetTypeName():
            yield f"{path}: untyped prim"
        kind = Usd.ModelAPI(prim).GetKind()
        if kind in _KIND_PARENTS:
            above = Usd.ModelAPI(prim.GetParent()).GetKind() if not prim.GetParent().IsPseudoRoot() else "assembly"
            if above not in _KIND_PARENTS[kind]:
                yield f"{path}: kind {kind} below {above or 'no kind'}, wanted below {' or '.join(_KIND_PARENTS[kind])}"
        if prim.IsA(UsdGeom.Camera):
            cameras[prim.GetName()].append(path)
        elif not path.startswith("/World/Looks"):
            names[prim.GetName()].append(path)
        if prim.IsA(UsdGeom.Gprim):
            color = UsdGeom.Gprim(prim).GetDisplayColorAttr()
            if color.HasAuthoredValue() and len(color.Get() or ()) != 1:
                yield f"{path}: displayColor has {len(color.Get() or ())} elements, wanted 1"
    for word, table in (("camera", cameras), ("prim", names)):
        for name, places in table.items():
            if len(places) > 1:
                yield f"duplicate {word} name {name}: {', '.join(places)}"


def _legend(prim: Any) -> Legend:
    def read(key: str) -> Any:
        attr = prim.GetAttribute(f"twin:legend:{key}")
        return attr.Get() if attr else None

    over, zero = read("overColor"), read("zeroColor")
    return Legend(
        prim.GetName(), read("quantity"), read("unit"), read("min"), read("max"),
        tuple((c[0], c[1], c[2]) for c in read("colors")),
        over=tuple(over) if over is not None else None, zero=tuple(zero) if zero is not None else None,
    )  # fmt: skip


def _arrays(stage: Any) -> dict[tuple[str, str], tuple[Any, int]]:
    """(unit prim path, point) -> (hall array attribute, place in it)."""
    out: dict[tuple[str, str], tuple[Any, int]] = {}
    home = stage.GetPrimAtPath("/World/Results")
    for prim in home.GetChildren() if home else ():
        index = prim.GetAttribute("twin:index").Get() or ()
        for attr in prim.GetAttributes():
            if attr.GetName().startswith("twin:") and attr.GetName() != "twin:index":
                for k, unit in enumerate(index):
                    if unit:
                        out[unit, attr.GetName()] = (attr, k)
    return out


def _colors(stage: Any) -> Iterator[str]:
    """Each colour sample equals its legend at the number in the hall arrays, and units repeat those numbers."""
    from pxr import UsdGeom

    arrays = _arrays(stage)
    rows: dict[tuple[str, float], Any] = {}

    def number(attr: Any, k: int, code: float) -> float:
        key = (str(attr.GetPath()), code)
        if key not in rows:
            rows[key] = attr.Get(code)
        return float(rows[key][k]) if rows[key] is not None and k < len(rows[key]) else float("nan")

    for (unit, name), (attr, k) in arrays.items():
        prim = stage.GetPrimAtPath(unit)
        if not prim:
            yield f"{attr.GetPath()}: twin:index names {unit}, which is no prim"
            continue
        own = prim.GetAttribute(name)
        for code in own.GetTimeSamples() if own else ():
            has, wanted = float(own.Get(code)), number(attr, k, code)
            if not (has == wanted or (np.isnan(has) and np.isnan(wanted))):
                yield f"{unit}.{name}: at time code {code:g} found {has:g}, the run's array says {wanted:g}"
                break
    for prim in stage.Traverse():
        point = prim.GetAttribute("twin:status:point")
        if not point:
            continue
        unit = prim.GetRelationship("twin:status:unit").GetTargets()
        target = prim.GetRelationship("twin:status:legend").GetTargets()
        place = arrays.get((str(unit[0]), f"twin:{point.Get()}")) if unit else None
        color = UsdGeom.Gprim(prim).GetDisplayColorAttr()
        codes = color.GetTimeSamples()
        if not codes:
            if place is not None:
                yield f"{prim.GetPath()}: no colour samples although the run has {point.Get()}"
            continue
        if place is None or not target or not stage.GetPrimAtPath(target[0]):
            yield f"{prim.GetPath()}: colour samples without a number or a legend behind them"
            continue
        legend = _legend(stage.GetPrimAtPath(target[0]))
        values = np.array([number(*place, c) for c in codes])
        wanted_rgb = colors_rgb(values, legend)
        has_rgb = np.array([color.Get(c)[0] for c in codes], dtype=np.float64)
        off = np.abs(has_rgb - wanted_rgb).max(axis=1)
        worst = int(np.argmax(off))
        if off[worst] > COLOR_TOLERANCE:
            yield (
                f"{prim.GetPath()}: colour at time code {codes[worst]:g} is off by {off[worst]:.3g} "
                f"from {legend.name} of {point.Get()} = {values[worst]:g} {legend.unit}"
            )
