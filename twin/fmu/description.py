"""What an FMU says of itself (modelDescription.xml), and why it cannot be used, read without running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from twin.errors import FmuError
from twin.fmu.archive import check_archive, read_entry, sha256_of
from twin.fmu.units import KNOWN, Unit

PLATFORM = "linux64"
_EXPONENTS = ("kg", "m", "s", "K", "A")


@dataclass(frozen=True)
class Variable:
    """One scalar variable. kind: Real, Integer, Boolean, String, Enumeration."""

    name: str
    reference: int
    causality: str
    variability: str
    kind: str
    unit: str = ""
    relative: bool = False
    start: str = ""
    minimum: float | None = None
    maximum: float | None = None
    description: str = ""


@dataclass(frozen=True)
class FmuInfo:
    """Result of an inspection. refusals: why a run is not possible, each with what to do; warnings: what to look at."""

    file: str
    sha256: str
    fmi_version: str
    model_name: str
    guid: str
    tool: str
    kinds: tuple[str, ...]
    platforms: tuple[str, ...]
    identifier: str = ""
    can_get_state: bool = False
    can_serialize: bool = False
    variable_step: bool = True
    needs_tool: bool = False
    step_s: float | None = None
    units: Mapping[str, Unit] = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def unit_of(self, name: str) -> Unit | None:
        """Unit a variable declares, or None if it declares none that is known."""
        unit = self.variables[name].unit
        return self.units.get(unit) or KNOWN.get(unit)

    def count(self, causality: str) -> int:
        return sum(v.causality == causality for v in self.variables.values())


def inspect_fmu(path: str | Path) -> FmuInfo:
    """Inspect an FMU without loading any of its code.

    Parameters
    ----------
    path : .fmu file

    Returns
    -------
    FmuInfo; an FMU that is sound but unusable here carries `refusals`

    Raises
    ------
    FmuError : not an FMU, unsafe archive, broken description
    """
    path = Path(path)
    names = check_archive(path)
    if "modelDescription.xml" not in names:
        raise FmuError(f"{path.name}: no modelDescription.xml in the archive: not an FMU")
    text = read_entry(path, "modelDescription.xml")
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise FmuError(f"{path.name}: modelDescription.xml declares a document type or entities, which no FMU needs")
    try:
        root = ElementTree.fromstring(text)
        return _info(path, root, names)
    except (ElementTree.ParseError, ValueError, KeyError) as error:
        raise FmuError(f"{path.name}: modelDescription.xml cannot be read: {error!r}") from error


def _info(path: Path, root: ElementTree.Element, names: list[str]) -> FmuInfo:
    version = root.get("fmiVersion", "")
    kinds = tuple(k for k in ("CoSimulation", "ModelExchange", "ScheduledExecution") if root.find(k) is not None)
    platforms = tuple(sorted({n.split("/")[1] for n in names if n.startswith("binaries/") and n.count("/") >= 2}))
    slave = root.find("CoSimulation")
    refusals, warnings = [], []
    if not version.startswith("2."):
        refusals.append(f"FMI {version or 'of unknown version'}: export it as FMI 2.0 co-simulation")
    elif slave is None:
        refusals.append(f"{' and '.join(kinds) or 'no kind'} only: export it for co-simulation")
    identifier = slave.get("modelIdentifier", "") if slave is not None else ""
    if f"binaries/{PLATFORM}/{identifier}.so" not in names:
        refusals.append(
            f"no {PLATFORM} binary (it has {', '.join(platforms) or 'none'}): export or compile it for {PLATFORM}"
        )
    needs_tool = slave is not None and slave.get("needsExecutionTool") == "true"
    if needs_tool:
        warnings.append("needs its authoring tool at run time")
    if "license" in root.get("generationTool", "").lower():
        warnings.append(f"generation tool says: {root.get('generationTool')}")
    units = _units(root)
    variables = _variables(root)
    bare = sum(v.kind == "Real" and not v.unit and v.causality in ("input", "output") for v in variables.values())
    if bare:
        warnings.append(f"{bare} real inputs and outputs declare no unit: their mapping rows must say it")
    experiment = root.find("DefaultExperiment")
    step = experiment.get("stepSize") if experiment is not None else None

    def flag(name: str, default: str = "false") -> bool:
        return slave is not None and slave.get(name, default) == "true"

    return FmuInfo(
        path.name,
        sha256_of(path),
        version,
        root.get("modelName", ""),
        root.get("guid", root.get("instantiationToken", "")),
        root.get("generationTool", ""),
        kinds,
        platforms,
        identifier,
        flag("canGetAndSetFMUstate"),
        flag("canSerializeFMUstate"),
        flag("canHandleVariableCommunicationStepSize"),
        needs_tool,
        float(step) if step else None,
        units,
        variables,
        tuple(refusals),
        tuple(warnings),
    )


def _units(root: ElementTree.Element) -> dict[str, Unit]:
    found = {}
    for one in root.iterfind("UnitDefinitions/Unit"):
        base = one.find("BaseUnit")
        if base is not None:
            dimension = tuple(int(base.get(k, "0")) for k in _EXPONENTS)
            name = one.get("name", "")
            found[name] = Unit(name, dimension, float(base.get("factor", "1")), float(base.get("offset", "0")))  # type: ignore[arg-type]
    return found


def _variables(root: ElementTree.Element) -> dict[str, Variable]:
    types = {t.get("name"): t.find("Real") for t in root.iterfind("TypeDefinitions/SimpleType")}
    found = {}
    for one in root.iterfind("ModelVariables/ScalarVariable"):
        kind = next((c for c in one if c.tag in ("Real", "Integer", "Boolean", "String", "Enumeration")), None)
        if kind is None:
            continue
        base = types.get(kind.get("declaredType"))

        def attribute(name: str, kind: ElementTree.Element = kind, base: ElementTree.Element | None = base) -> str:
            return kind.get(name) or (base.get(name) if base is not None else None) or ""

        low, high = attribute("min"), attribute("max")
        name = one.get("name", "")
        found[name] = Variable(
            name,
            int(one.get("valueReference", "0")),
            one.get("causality", "local"),
            one.get("variability", "continuous"),
            kind.tag,
            attribute("unit"),
            attribute("relativeQuantity") == "true",
            kind.get("start", ""),
            float(low) if low else None,
            float(high) if high else None,
            one.get("description", ""),
        )
    return found
