"""The facility plant of a project as an FMU of its own: for trying the exchange, and for tests."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from thermal.fws_plant import plant_tables
from twin.components.fws_parameters import fws_parameters
from twin.fmu.build import EXAMPLES
from twin.fmu.facility_plant import PlantData, build_facility_plant


def export_plant_fmu(plant: Any, folder: Path, step_s: float = 1.0) -> tuple[Path, Path]:
    """Build the FMU of a plant's `fws:` section and put its mapping file beside it.

    Parameters
    ----------
    plant : facility, catalogue and axes
    folder : where facility_plant.fmu and facility_plant_mapping.yaml are written
    step_s : communication step named in the description [s]

    Returns
    -------
    (FMU, mapping); name both in `fws.fmu` to run with them

    Raises
    ------
    FmuError : no C compiler
    """
    parameters = fws_parameters(plant)
    data = PlantData(**plant_tables(parameters), cells=parameters.cells)  # type: ignore[arg-type]
    fmu = build_facility_plant(data, folder / "facility_plant.fmu", step_s)
    mapping = folder / "facility_plant_mapping.yaml"
    shutil.copyfile(EXAMPLES / "facility_plant_mapping.yaml", mapping)
    return fmu, mapping
