"""The facility plant example: the description and data header of facility_plant.c for one set of parameters.

The columns come from the caller (they are thermal.fws_layout's tuples), so that this room knows no thermal code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from twin.fmu.build import EXAMPLES, RealVariable, build_fmu

SITE_NAMES = {  # C index names of the columns, in the order of thermal.fws_layout
    "site": (
        "G_CP G_RHO G_LOOP G_RANGE G_LEAK G_CS G_CR G_US G_UR G_CE G_DUTY G_DETECT G_SMIN G_DPSET G_DPGAIN G_DPTI "
        "G_TSET G_FGAIN G_FTI G_STROKE G_HGAIN G_HTI G_HON G_HOFF G_HONS G_HOFFS G_HFLOW G_FREEZE G_CTLW "
        "G_CTLRESTART G_RHOAIR G_SCAN G_SUB"
    ).split(),
    "cdu": "C_BRANCH C_VALVE C_CAP".split(),
    "pump": "P_H0 P_A P_SHAFT P_RATED P_SHARE P_MOTOR P_COAST P_RAMP P_RESTART".split(),
    "bank": (
        "B_WET B_UA B_RATIO B_WATER B_AIR B_FAN B_RHO B_CAP B_NAT B_LAG B_NTU B_CYCLES B_DRIFT B_SPRAY B_RESTART"
    ).split(),
    "chiller": "H_CAP H_LVG H_AMB H_ETA H_DTE H_DTC H_MIN H_LAG H_AUX H_IDLE H_RESTART H_AIR".split(),
}
INPUT_NAMES = {
    "cdu": "UC_VALVE UC_HEAT".split(),
    "pump": "UP_POWER UP_TRIP UP_BLOCK UP_HEAD".split(),
    "bank": "UB_POWER UB_FAN UB_UA UB_RECIRC".split(),
    "chiller": "UH_POWER UH_TRIP UH_BLOCK UH_CAP".split(),
    "site": "US_DB US_WB US_P US_POWER US_FAIL US_BIAS US_STUCK".split(),
}
GUID = "{6a1f3d3e-2f0b-4a37-9d0e-7c5b1f2d8e41}"
KINDS = ("site", "cdu", "pump", "bank", "chiller")
INPUT_KINDS = ("cdu", "pump", "bank", "chiller", "site")


@dataclass(frozen=True)
class PlantData:
    """parameters, inputs : kind -> column names; rows : kind -> one list of values per element; start : kind -> start
    values of the inputs of one element; cells : of each pipe."""

    parameters: Mapping[str, Sequence[str]]
    inputs: Mapping[str, Sequence[str]]
    rows: Mapping[str, Sequence[Sequence[float]]]
    start: Mapping[str, Sequence[float]]
    cells: int

    def count(self, kind: str) -> int:
        return len(self.rows[kind])


def _unit(column: str) -> str:
    for suffix, unit in (
        ("_kg_s", "kg/s"),
        ("_w_k", ""),
        ("_j_k", ""),
        ("_pa", "Pa"),
        ("_c", "degC"),
        ("_w", "W"),
        ("_s", "s"),
    ):
        if column.endswith(suffix):
            return unit
    return "K" if column.endswith("_k") and not column.endswith(("_per_k", "_kg_k", "_j_kg_k")) else ""


def _named(kind: str, index: int, column: str) -> str:
    return f"{kind}.{column}" if kind == "site" else f"{kind}[{index + 1}].{column}"


def plant_variables(data: PlantData) -> list[RealVariable]:
    """Variables of the unit: parameters, inputs, outputs."""
    found = []
    for kind in KINDS:
        for i, row in enumerate(data.rows[kind]):
            for column, value in zip(data.parameters[kind], row, strict=True):
                unit = _unit(column)
                found.append(RealVariable(_named(kind, i, column), "parameter", unit, float(value), unit == "K"))
    for kind in INPUT_KINDS:
        for i in range(1 if kind == "site" else data.count(kind)):
            for column, value in zip(data.inputs[kind], data.start[kind], strict=True):
                unit = _unit(column)
                found.append(
                    RealVariable(
                        _named("in." + kind, i, column).replace("in.site[1]", "in.site"),
                        "input",
                        unit,
                        float(value),
                        unit == "K",
                    )
                )
    return found + [RealVariable(name, "output", unit) for name, unit in _outputs(data)]


def _outputs(data: PlantData) -> list[tuple[str, str]]:
    """In the order of report() in facility_plant.c."""
    c, p, b, h = (range(1, data.count(k) + 1) for k in ("cdu", "pump", "bank", "chiller"))
    return [
        *((f"cdu[{i}].supply", "degC") for i in c),
        *((f"cdu[{i}].flow", "kg/s") for i in c),
        ("loop.flow", "kg/s"),
        ("loop.header_dp", "Pa"),
        ("loop.mixed", "degC"),
        ("loop.leaving", "degC"),
        ("loop.return", "degC"),
        ("loop.supply", "degC"),
        ("loop.bypass", "1"),
        *((f"pump[{i}].power", "W") for i in p),
        *((f"bank[{i}].fan_power", "W") for i in b),
        *((f"chiller[{i}].power", "W") for i in h),
        ("controller.power", "W"),
        ("loop.water", "L/s"),
        *((f"pump[{i}].speed", "1") for i in p),
        *((f"bank[{i}].fan_speed", "1") for i in b),
        *((f"chiller[{i}].load", "1") for i in h),
        ("energy.dry_cooler_rejected", "J"),
        ("energy.tower_rejected", "J"),
        ("energy.chiller_rejected", "J"),
        ("energy.ambient", "J"),
        ("energy.controller", "J"),
        ("energy.water_litres", "1"),
        ("energy.stored", "J"),
    ]


def data_header(data: PlantData) -> str:
    """Text of facility_plant_data.h."""
    lines = ["/* written by the builder */"]
    define = lines.append
    for name, kind in (("NC", "cdu"), ("NP", "pump"), ("NB", "bank"), ("NH", "chiller")):
        define(f"#define {name} {data.count(kind)}")
    define(f"#define NX {data.cells}")
    place = 0
    for kind, prefix in zip(KINDS, ("", "CDU", "PUMP", "BANK", "CHILLER"), strict=True):
        names = SITE_NAMES[kind]
        if len(names) != len(data.parameters[kind]):
            raise ValueError(f"{kind}: {len(data.parameters[kind])} columns, wanted {len(names)}")
        lines.extend(f"#define {n} {k}" for k, n in enumerate(names))
        if prefix:
            define(f"#define V_{prefix} {place}")
            short = {"CDU": "NCDUP", "PUMP": "NPUMPP", "BANK": "NBANKP", "CHILLER": "NCHLP"}[prefix]
            define(f"#define {short} {len(names)}")
        place += len(names) * data.count(kind)
    for kind in INPUT_KINDS:
        lines.extend(f"#define {n} {k}" for k, n in enumerate(INPUT_NAMES[kind]))
        define(f"#define U_{kind.upper()} {place}")
        place += len(INPUT_NAMES[kind]) * (1 if kind == "site" else data.count(kind))
    define(f"#define OUT {place}")
    starts = [v.start if v.start is not None else 0.0 for v in plant_variables(data)]
    define(f"static const double START[{len(starts)}] = {{" + ", ".join(repr(float(s)) for s in starts) + "};")
    return "\n".join(lines) + "\n"


def build_facility_plant(data: PlantData, target: Path, step_s: float = 1.0) -> Path:
    """Write the FMU of the facility plant with these parameters as its start values."""
    return build_fmu(
        EXAMPLES / "facility_plant.c",
        target,
        identifier="facility_plant",
        guid=GUID,
        variables=plant_variables(data),
        data={"facility_plant_data.h": data_header(data)},
        step_s=step_s,
    )
