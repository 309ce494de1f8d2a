"""Test FMUs from our own C sources."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "thermal"))

from fws_case import parameters  # noqa: E402

from thermal.fws_plant import FwsParameters, plant_tables  # noqa: E402
from twin.fmu.build import STATE_FLAGS, RealVariable, build_fmu  # noqa: E402
from twin.fmu.facility_plant import PlantData, build_facility_plant  # noqa: E402

LAG = (
    RealVariable("tau", "parameter", "s", 20.0),
    RealVariable("resistance", "parameter", "", 0.5),
    RealVariable("sources.heat[1]", "input", "kW", 0.0),
    RealVariable("ambient", "input", "degC", 25.0),
    RealVariable("a[1].b[2].port.T", "local", "K"),
    RealVariable("seen", "local", "W"),
    RealVariable("pressure", "output", "psi"),
    RealVariable("energy", "output", "J"),
    RealVariable("stored", "output", "J"),
)


def lag_fmu(
    folder: Path,
    name: str = "lag",
    *,
    defines: Sequence[str] = (),
    units: bool = True,
    flags: Mapping[str, str] = STATE_FLAGS,
    platform: str = "linux64",
) -> Path:
    """The first-order lag; without `units` its description declares none."""
    variables = LAG if units else tuple(RealVariable(v.name, v.causality, "", v.start) for v in LAG)
    return build_fmu(
        Path(__file__).parent / "first_order_lag.c",
        folder / f"{name}.fmu",
        identifier="lag",
        guid="{lag-1}",
        variables=variables,
        defines=defines,
        flags=flags,
        platform=platform,
    )


def plant_data(chosen: FwsParameters) -> PlantData:
    return PlantData(**plant_tables(chosen), cells=chosen.cells)  # type: ignore[arg-type]


def plant_fmu(folder: Path, chosen: FwsParameters | None = None) -> Path:
    """The facility plant of these parameters (default: the test plant)."""
    return build_facility_plant(plant_data(chosen or parameters()), folder / "plant.fmu")
