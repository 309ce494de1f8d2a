"""What `twin check` does, without a terminal: form, cross-references and the basis of design of any spec file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from twin.catalogue import item_from
from twin.catalogue.modes import ModeFile
from twin.components.electrical_demand import power_groups
from twin.errors import Problem, SpecError, WiringError
from twin.spec.basis import Finding, check_basis, check_weather
from twin.spec.design_point import check_cooling
from twin.spec.facility import Facility
from twin.spec.load import load_facility, load_scenario, load_study
from twin.spec.problems import at, show, validate
from twin.spec.resolved import resolved_yaml
from twin.spec.scenario_source import scenario_folders
from twin.spec.sources import PROJECTS, list_projects, read_tree, shown
from twin.spec.weather_day import day_peak
from twin.spec.workload import Workload
from twin.spec.yaml_source import Node, plain, read_yaml

Kind = Literal["facility", "scenario", "study", "workload", "item", "modes"]
_KEYS: dict[Kind, frozenset[str]] = {
    "study": frozenset({"members", "workers"}),
    "modes": frozenset({"modes"}),
    "item": frozenset({"values", "class"}),
    "facility": frozenset({"racks", "tcs", "fws", "power", "site", "basis_of_design", "submittal"}),
    "scenario": frozenset({"clock", "faults", "facility", "workload", "set", "hypothesis", "conditions", "solver"}),
}


@dataclass
class FileReport:
    """One file: its kind, what is wrong with its form, what its basis of design finds, and its resolved text."""

    file: str
    kind: Kind
    problems: list[Problem] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    resolved: str = ""


@dataclass
class CheckReport:
    files: list[FileReport]

    @property
    def problems(self) -> list[Problem]:
        return [p for one in self.files for p in one.problems]

    @property
    def broken_clauses(self) -> list[Finding]:
        return [f for one in self.files for f in one.findings if not f.ok]

    @property
    def ok(self) -> bool:
        """No problem of form or reference. A clause of the basis that is broken is reported and does not stop a run."""
        return not self.problems


def kind_of(tree: Node, path: Path) -> Kind:
    """What a file is, from its keys; a file that only states a base is what its folder says, else what the base is."""
    keys = set(tree.value) if isinstance(tree.value, dict) else set()
    for kind, own in _KEYS.items():
        if keys & own:
            return kind
    by_folder: dict[str, Kind] = {"scenarios": "scenario", "studies": "study", "workloads": "workload"}
    if path.parent.name in by_folder:
        return by_folder[path.parent.name]
    if path.stem == "facility":
        return "facility"
    known = set(Workload.model_fields)
    return "workload" if keys & known - {"name", "label", "note", "base"} else "facility"


def check_file(path: str | Path, resolved: bool = False) -> FileReport:
    """Check one file of any kind."""
    if str(path) in list_projects() and not Path(path).exists():
        path = PROJECTS / str(path) / "facility.yaml"
    path = Path(path)
    report = FileReport(shown(path), "facility")
    try:
        if path.is_dir():
            path = path / "facility.yaml"
        tree = read_yaml(path, shown=shown(path))
        if not isinstance(tree.value, dict):
            raise SpecError([at(tree, (), show(plain(tree)), "a map")])
        report.kind = kind_of(tree, path)
        if isinstance(tree.value.get("base"), Node) and report.kind == "facility":
            report.kind = kind_of(read_tree(path, [PROJECTS, path.parent]), path)
        _check(report, path, resolved)
    except SpecError as error:
        report.problems += error.problems
    return report


def _check(report: FileReport, path: Path, resolved: bool) -> None:
    if report.kind == "facility":
        facility = load_facility(path)
        report.findings = check_design_point(facility)
        report.resolved = resolved_yaml(facility) if resolved else ""
    elif report.kind == "scenario":
        scenario = load_scenario(path, facility=_facility_beside(path))
        peak_c = day_peak(scenario.weather, scenario.date)
        report.findings = check_design_point(scenario.facility)
        report.findings += check_weather(scenario.facility.basis_of_design, *peak_c)
        report.resolved = resolved_yaml(scenario) if resolved else ""
    elif report.kind == "study":
        study = load_study(path)
        report.resolved = "\n---\n".join(resolved_yaml(m) for m in study.members) if resolved else ""
    elif report.kind == "workload":
        _, report.problems = validate(Workload, read_tree(path))
    elif report.kind == "modes":
        _, report.problems = validate(ModeFile, read_tree(path))
    else:
        _, report.problems = item_from(read_tree(path))


def _facility_beside(path: Path) -> Path | None:
    """The facility of the project folder that a scenario without `facility:` lies in."""
    tree = read_tree(path, [path.parent, *scenario_folders()])
    if isinstance(tree.value, dict) and "facility" in tree.value:
        return None
    for folder in (path.parent, path.parent.parent):
        if (folder / "facility.yaml").is_file():
            return folder / "facility.yaml"
    return None


def check_files(paths: Iterable[str | Path], resolved: bool = False) -> CheckReport:
    """Check files of any kind; nothing is written."""
    return CheckReport([check_file(path, resolved) for path in paths])


def check_design_point(facility: Facility) -> list[Finding]:
    """Every clause of the basis of design that nameplates and the power path decide, those broken first."""
    try:
        groups = power_groups(facility)
    except (KeyError, ValueError, WiringError) as error:
        wanted = "equipment with every value that the power path is built from"
        raise SpecError([at(facility.tree, ("power",), str(error.args[0]), wanted)]) from error
    found = check_cooling(facility) + check_basis(facility.basis_of_design, groups)
    return sorted(found, key=lambda f: f.ok)
