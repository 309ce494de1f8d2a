"""The tables of a study: one tidy row per member and KPI, and a wide one to read."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

COLUMNS = ("study", "member", "state", "kpi", "value", "unit", "message")


class Row(Protocol):
    """What the tables show of a member."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def kpis(self) -> dict[str, dict[str, Any]]: ...


def read_kpis(run_folder: Path) -> dict[str, dict[str, Any]]:
    """``kpis.json`` of a run folder: name -> value, unit, definition."""
    kpis = json.loads((run_folder / "kpis.json").read_text(encoding="utf-8"))
    if not isinstance(kpis, dict) or not all(isinstance(k, dict) and "value" in k for k in kpis.values()):
        raise ValueError(f"{run_folder / 'kpis.json'}: found no map of KPIs")
    return kpis


def tidy_rows(study: str, members: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Rows in the order of `COLUMNS`; a member without KPIs keeps one row with its state and message.

    Nothing in a row depends on where or when a member was computed.
    """
    rows: list[tuple[Any, ...]] = []
    for member in members:
        rows += [(study, member.name, member.state, kpi, entry["value"], entry.get("unit", ""), member.message)
                 for kpi, entry in sorted(member.kpis.items())]
        if not member.kpis:
            rows.append((study, member.name, member.state, "", None, "", member.message))
    return rows


def summary(members: Sequence[Row], kpis: Sequence[str] | None = None) -> dict[str, Any]:
    """Wide table for a report: columns with units, a row per member, None where a value does not exist."""
    units = {name: entry.get("unit", "") for m in members for name, entry in m.kpis.items()}
    chosen = [name for name in (sorted(units) if kpis is None else kpis) if name in units]
    return {"columns": [{"kpi": name, "unit": units[name]} for name in chosen],
            "rows": [{"member": m.name, "state": m.state, "message": m.message,
                      "values": [m.kpis[name]["value"] if name in m.kpis else None for name in chosen]}
                     for m in members]}


def write_tables(study: str, members: Sequence[Row], folder: Path) -> None:
    """Write ``kpis.csv`` and ``summary.json``, and ``kpis.parquet`` where pyarrow is installed."""
    rows = tidy_rows(study, members)
    partial = folder / ".kpis.csv.partial"
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(["" if cell is None else repr(cell) if isinstance(cell, float) else cell for cell in row]
                         for row in rows)
    os.replace(partial, folder / "kpis.csv")
    write_json(folder / "summary.json", summary(members))
    if importlib.util.find_spec("pyarrow"):
        import pandas as pd

        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        numeric = pd.to_numeric(frame["value"], errors="coerce")
        frame.assign(value=numeric).to_parquet(folder / "kpis.parquet", index=False)


def write_json(path: Path, content: Any) -> None:
    """The file changes whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(partial, path)
