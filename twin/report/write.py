"""From a run folder to its report.html."""

from __future__ import annotations

import os
from pathlib import Path

from twin.report.page import render
from twin.report.view import read_run


def write_report(run_folder: Path | str) -> Path:
    """Write `report.html` into a run folder: one file that works offline.

    Parameters
    ----------
    run_folder : path
        Holds run.json, facility.yaml, scenario.yaml, kpis.json, events.jsonl and results.zarr.

    Returns
    -------
    Path
        The report.
    """
    folder = Path(run_folder)
    target = folder / "report.html"
    part = folder / "report.html.part"
    part.write_text(render(read_run(folder)), encoding="utf-8")
    os.replace(part, target)
    return target
