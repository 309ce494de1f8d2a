"""What `twin init` and `twin catalogue` do, without a terminal: plain data in, plain data out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from twin.catalogue import Catalogue, load_catalogue
from twin.catalogue.modes import load_modes
from twin.errors import Problem, RunConflict, SpecError
from twin.spec.problems import did_you_mean
from twin.spec.sources import PROJECTS, list_projects


def init_project(name: str, folder: str | Path | None = None) -> list[Path]:
    """Copy a reference project; refuses a folder that holds anything. Returns the files written."""
    if name not in list_projects():
        raise SpecError(
            [Problem(name, 1, "(project)", repr(name), "a reference project", did_you_mean(name, list_projects()))]
        )
    target = Path(folder) if folder is not None else Path(name)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RunConflict(f"{target} exists and is not empty: nothing was written; give another folder")
    written = []
    for source in sorted((PROJECTS / name).rglob("*.yaml")):
        to = target / source.relative_to(PROJECTS / name)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, to)
        written.append(to)
    return written


def catalogue_table(item: str | None = None, catalogue: Catalogue | None = None) -> list[dict[str, Any]]:
    """Rows of the whole catalogue (one an item), or of one item: its values, then its class's failure modes."""
    known = catalogue or load_catalogue()
    modes = load_modes()
    if item is None:
        rows = [
            {
                "name": i.name,
                "class": i.cls,
                "label": i.label,
                "values": len(i.values),
                "estimates": sum(v.tag in ("estimate", "recalled") for v in i.values.values()),
                "modes": ", ".join(modes.get(i.cls, {})),
            }
            for _, i in sorted(known.items.items())
        ]
        return sorted(rows, key=lambda r: (str(r["class"]), str(r["name"])))
    if item not in known:
        if item in modes:
            return _mode_rows(modes[item])
        raise SpecError(
            [
                Problem(
                    "catalogue",
                    1,
                    "item",
                    repr(item),
                    "a catalogue item or a class",
                    did_you_mean(item, [*known, *modes]),
                )
            ]
        )
    one = known.item(item)
    rows = [
        {"kind": "value", "key": key, "value": v.value, "tag": v.tag, "source": v.source, "note": v.note}
        for key, v in one.values.items()
    ]
    return rows + _mode_rows(modes.get(one.cls, {}))


def _mode_rows(modes: Any) -> list[dict[str, Any]]:
    return [
        {
            "kind": "mode",
            "key": name,
            "port": m.port,
            "value": m.value,
            "description": m.description,
            "parameters": {k: v.value for k, v in m.parameters.items()},
            "rate_per_year": m.rate_per_year.value,
            "repair_h": m.repair_h.value,
            "tag": m.rate_per_year.tag,
            "source": m.rate_per_year.source,
            "common_cause": m.common_cause,
            "demand": m.demand.mode if m.demand else "",
        }
        for name, m in modes.items()
    ]
