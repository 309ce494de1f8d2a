"""Building an FMU from C source: compile, describe, zip. Used for the examples and for the tests."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from twin.errors import FmuError

EXAMPLES = Path(__file__).parent / "examples"
BASE_UNITS: dict[str, dict[str, str]] = {
    "K": {"K": "1"},
    "degC": {"K": "1", "offset": "273.15"},
    "W": {"kg": "1", "m": "2", "s": "-3"},
    "kW": {"kg": "1", "m": "2", "s": "-3", "factor": "1000"},
    "J": {"kg": "1", "m": "2", "s": "-2"},
    "Pa": {"kg": "1", "m": "-1", "s": "-2"},
    "psi": {"kg": "1", "m": "-1", "s": "-2", "factor": "6894.757293168361"},
    "kg/s": {"kg": "1", "s": "-1"},
    "L/s": {"m": "3", "s": "-1", "factor": "0.001"},
    "s": {"s": "1"},
    "1": {},
}


@dataclass(frozen=True)
class RealVariable:
    """One real variable; its value reference is its place in the list."""

    name: str
    causality: str = "local"  # parameter | input | output | local
    unit: str = ""
    start: float | None = None
    relative: bool = False
    variability: str = ""


def compiler() -> list[str]:
    """Command of a C compiler: `cc`, else the one in the ziglang package.

    Raises
    ------
    FmuError : neither is there
    """
    if shutil.which("cc"):
        return ["cc"]
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc"]
    raise FmuError("no C compiler: install one that is called cc, or the ziglang package")


def headers() -> Path:
    """Folder of the FMI headers that FMPy brings."""
    spec = importlib.util.find_spec("fmpy")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "c-code"


def description_xml(
    identifier: str, guid: str, variables: Sequence[RealVariable], *, flags: Mapping[str, str], step_s: float = 1.0
) -> bytes:
    """modelDescription.xml of an FMI 2.0 co-simulation unit."""
    root = ElementTree.Element(
        "fmiModelDescription",
        fmiVersion="2.0",
        modelName=identifier,
        guid=guid,
        generationTool="aifactory-twin",
        variableNamingConvention="structured",
    )
    ElementTree.SubElement(root, "CoSimulation", {"modelIdentifier": identifier, **flags})
    used = sorted({v.unit for v in variables if v.unit})
    if used:
        definitions = ElementTree.SubElement(root, "UnitDefinitions")
        for name in used:
            ElementTree.SubElement(ElementTree.SubElement(definitions, "Unit", name=name), "BaseUnit", BASE_UNITS[name])
    ElementTree.SubElement(root, "DefaultExperiment", startTime="0", stepSize=repr(step_s))
    listed = ElementTree.SubElement(root, "ModelVariables")
    for reference, variable in enumerate(variables):
        scalar = ElementTree.SubElement(
            listed,
            "ScalarVariable",
            {
                "name": variable.name,
                "valueReference": str(reference),
                "causality": variable.causality,
                "variability": variable.variability or ("fixed" if variable.causality == "parameter" else "continuous"),
                **_initial(variable),
            },
        )
        real = {"unit": variable.unit} if variable.unit else {}
        if variable.relative:
            real["relativeQuantity"] = "true"
        if variable.start is not None and variable.causality in ("parameter", "input"):
            real["start"] = repr(float(variable.start))
        ElementTree.SubElement(scalar, "Real", real)
    structure = ElementTree.SubElement(root, "ModelStructure")
    outputs = [i for i, v in enumerate(variables, start=1) if v.causality == "output"]
    for tag in ("Outputs", "InitialUnknowns") if outputs else ():
        group = ElementTree.SubElement(structure, tag)
        for index in outputs:
            ElementTree.SubElement(group, "Unknown", index=str(index))
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _initial(variable: RealVariable) -> dict[str, str]:
    if variable.causality == "parameter":
        return {"initial": "exact"}
    calculated = variable.causality == "output" or (variable.causality == "local" and variable.start is None)
    return {"initial": "calculated"} if calculated else {}


STATE_FLAGS = {
    "canHandleVariableCommunicationStepSize": "true",
    "canGetAndSetFMUstate": "true",
    "canSerializeFMUstate": "true",
}


def build_fmu(
    source: Path,
    target: Path,
    *,
    identifier: str,
    guid: str,
    variables: Sequence[RealVariable],
    data: Mapping[str, str] | None = None,
    flags: Mapping[str, str] = STATE_FLAGS,
    defines: Sequence[str] = (),
    step_s: float = 1.0,
    platform: str = "linux64",
) -> Path:
    """Compile one C file and pack the FMU.

    Parameters
    ----------
    source : C file; it may include co_simulation.h of the examples
    target : .fmu file to write
    identifier, guid : as in the description; GUID and NREAL are defined for the compiler
    variables : in the order of their value references
    data : file name -> text of generated headers
    flags : attributes of CoSimulation
    defines : further -D options

    Raises
    ------
    FmuError : no compiler, or it failed
    """
    with TemporaryDirectory(prefix="twin-fmu-build-") as name:
        folder = Path(name)
        for file, text in (data or {}).items():
            (folder / file).write_text(text)
        library = folder / f"{identifier}.so"
        command = [
            *compiler(),
            "-O2",
            "-std=c99",
            "-shared",
            "-fPIC",
            "-ffp-contract=off",
            f"-DNREAL={len(variables)}",
            f'-DGUID="{guid}"',
            *(f"-D{d}" for d in defines),
            "-I",
            str(folder),
            "-I",
            str(EXAMPLES),
            "-I",
            str(source.parent),
            "-I",
            str(headers()),
            str(source),
            "-lm",
            "-o",
            str(library),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise FmuError(f"{source.name} does not compile: {done.stderr.strip()[:2000]}")
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(
                "modelDescription.xml", description_xml(identifier, guid, variables, flags=flags, step_s=step_s)
            )
            archive.write(library, f"binaries/{platform}/{identifier}.so")
    return target
