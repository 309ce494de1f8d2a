"""A resolved spec as text: what results after base, overrides and defaults, with the catalogue values used."""

from __future__ import annotations

import hashlib
from typing import Any

import yaml

from twin.spec.facility import Facility
from twin.spec.resolve import facility_catalogue
from twin.spec.scenario import Scenario
from twin.spec.yaml_source import _Reader


class _Dumper(yaml.SafeDumper):
    """Quotes every text that would not read back as text; repeats values instead of writing aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    reads_as = _Reader("").scalar(value, 1, "")
    quoted = not isinstance(reads_as, str) or reads_as != value or value == "<<"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="'" if quoted else None)


_Dumper.add_representer(str, _text)


def to_yaml(value: Any) -> str:
    """YAML text that reads back to the same values."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def used_items(facility: Facility) -> dict[str, Any]:
    """Catalogue items that the facility names anywhere, with source and tag of every value, submittals not applied."""
    catalogue = facility_catalogue(facility.model_copy(update={"submittal": {}}))
    names: set[str] = set()
    todo: list[Any] = [facility.model_dump(mode="json", exclude={"catalogue"})]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            todo += one.values()
            names |= {k for k in one if k in catalogue}
        elif isinstance(one, list):
            todo += one
        elif isinstance(one, str) and one in catalogue and one not in names:
            names.add(one)
            todo += [datum.value for datum in catalogue.item(one).values.values()]  # such as the GPU that a rack names
    return {
        name: catalogue.item(name).model_dump(mode="json", by_alias=True, exclude_defaults=True)
        for name in sorted(names | set(facility.catalogue))
    }


def resolved_facility(facility: Facility) -> dict[str, Any]:
    out = facility.model_dump(mode="json", by_alias=True, exclude={"catalogue"})
    out["catalogue"] = used_items(facility)
    return out


def resolved_scenario(scenario: Scenario, facility_file: str = "facility.yaml") -> dict[str, Any]:
    """As a file that lies beside `facility_file` and gives the same scenario."""
    spec = scenario.spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"weather", "date"})
    spec["clock"]["start"] = scenario.clock.start.isoformat()
    spec |= {"weather": scenario.weather, "date": f"{scenario.clock.start:%Y}-{scenario.date}"}
    texts = ("name", "label", "question", "hypothesis", "note")
    head: dict[str, Any] = {key: spec.pop(key) for key in texts if key in spec}
    workload = scenario.workload.model_dump(mode="json", by_alias=True)
    return {**head, "facility": facility_file, "workload": workload, **spec}


def resolved_yaml(what: Facility | Scenario) -> str:
    """Text of a facility or a scenario as resolved; loading it gives an equal one."""
    if isinstance(what, Scenario):
        return to_yaml(resolved_scenario(what))
    return to_yaml(resolved_facility(what))


def spec_hash(what: Facility | Scenario) -> str:
    """SHA-256 of the resolved text."""
    return hashlib.sha256(resolved_yaml(what).encode()).hexdigest()
