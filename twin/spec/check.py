"""What `twin check`, `twin init` and `twin catalogue` do, without a terminal: plain data in, plain data out."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from twin.catalogue import Catalogue, item_from, load_catalogue
from twin.catalogue.modes import ModeFile, load_modes
from twin.errors import Problem, RunConflict, SpecError
from twin.spec.basis import Finding, check_weather
from twin.spec.design_point import check_design_point
from twin.spec.facility import Facility
from twin.spec.load import load_facility, load_scenario, load_study
from twin.spec.problems import at, did_you_mean, show, validate
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


__all__ = ["CheckReport", "Facility", "FileReport", "catalogue_table", "check_file", "check_files", "init_project"]
