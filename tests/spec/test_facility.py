"""The reference facility and what is said of facilities that are wrong: every kind of error, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.errors import Problem, SpecError
from twin.spec.load import facility_catalogue, list_projects, load_facility
from twin.spec.resolved import resolved_yaml, spec_hash

PROJECT = "gb300-su"


def problems(folder: Path, text: str, sets: tuple[str, ...] = ()) -> list[Problem]:
    (folder / "f.yaml").write_text(text)
    with pytest.raises(SpecError) as raised:
        load_facility(folder / "f.yaml", sets)
    return list(raised.value.problems)


def test_the_reference_project_loads() -> None:
    assert PROJECT in list_projects()
    facility = load_facility(PROJECT)
    assert facility.name == PROJECT and len(facility.racks) == 8


def test_a_wrong_name_gets_a_near_one() -> None:
    with pytest.raises(SpecError, match=r"gb300su:1: .*did you mean gb300-su\?"):
        load_facility("gb300su")


BAD = [
    # (lines below `base: gb300-su`, line of the problem, where, found, part of wanted or hint)
    ("site:\n  altitud_m: 5", 3, "site.altitud_m", "unknown key 'altitud_m'", "did you mean altitude_m"),
    ("site: {latitude_deg: 'x'}", 2, "site.latitude_deg", "'x'", "a number"),
    ("site: {latitude_deg: 91}", 2, "site.latitude_deg", "91", "less than or equal to 90"),
    ("site: {latitude_deg: true}", 2, "site.latitude_deg", "true", "a number"),
    ("site: {altitude_m: 300 m}", 2, "site.altitude_m", "'300 m'", "the unit stands in the name"),
    ("site: 5", 2, "site", "5", "a map"),
    ("site:\n  weather: denver.epw", 3, "site.weather", "'denver.epw'", "a file that exists"),
    ("site: {weather: denver}", 2, "site.weather", "'denver'", "*.epw"),
    ("site: {date: 13-40}", 2, "site.date", "'13-40'", "'hottest' or a date"),
    ("colour: red", 2, "colour", "unknown key 'colour'", "a known key"),
    ("rack: {}", 2, "rack", "unknown key 'rack'", "did you mean racks"),
    ("site: null", 1, "site", "nothing", "a map"),
    (
        "racks:\n  H1_R01_RK01:\n    type: gb300-nvl7",
        4,
        "racks.H1_R01_RK01.type",
        "unknown equipment 'gb300-nvl7'",
        "did you mean gb300-nvl72",
    ),
    ("racks:\n  H1_R01_RK01: {loop: H1_TCS9}", 3, "racks.H1_R01_RK01.loop", "'H1_TCS9'", "H1_TCS1"),
    ("racks:\n  9RK: {type: gb300-nvl72, loop: H1_TCS1}", 3, "racks.9RK", "key '9RK'", "starts with a letter"),
    ("tcs:\n  coolant: pg26", 3, "tcs.coolant", "unknown equipment 'pg26'", "did you mean pg25"),
    ("tcs:\n  cdus:\n    H1_CDU1:\n      feed: UPS_X", 5, "tcs.cdus.H1_CDU1.feed", "'UPS_X'", "power node"),
    ("tcs:\n  cdus:\n    H1_CDU1: {feed: null}", 4, "tcs.cdus.H1_CDU1.feed", "nothing", "a value"),
    ("tcs:\n  loops:\n    H1_TCS1: {cdu: H1_CDU7}", 4, "tcs.loops.H1_TCS1.cdu", "'H1_CDU7'", "H1_CDU1"),
    ("tcs:\n  loops:\n    H1_TCS1: {room: H9}", 4, "tcs.loops.H1_TCS1.room", "'H9'", "room"),
    (
        "basis_of_design:\n  systems:\n    busway: {redundancy: N-1}",
        4,
        "basis_of_design.systems.busway.redundancy",
        "'N-1'",
        "4-to-make-3",
    ),
    (
        "submittal:\n  gb300-nvl73: {x_w: {value: 1, document: d, revision: a}}",
        3,
        "submittal.gb300-nvl73",
        "unknown equipment 'gb300-nvl73'",
        "did you mean gb300-nvl72",
    ),
    (
        "submittal:\n  cdu-800kw:\n    rated_heat_kw: {value: 1, document: d, revision: a}",
        4,
        "submittal.cdu-800kw.rated_heat_kw",
        "unknown value 'rated_heat_kw'",
        "did you mean rated_heat_w",
    ),
    (
        "submittal:\n  cdu-800kw:\n    rated_heat_w: {value: 1, document: d}",
        4,
        "submittal.cdu-800kw.rated_heat_w.revision",
        "nothing",
        "a value",
    ),
    (
        "submittal:\n  cdu-800kw:\n    rated_heat_w: {value: a lot, document: d, revision: a}",
        4,
        "submittal.cdu-800kw.rated_heat_w.value",
        "'a lot'",
        "800000",
    ),
    (
        "submittal:\n  cdu-800kw:\n    primary_flow_kg_s: {value: -3, document: d, revision: a}",
        4,
        "submittal.cdu-800kw.primary_flow_kg_s.value",
        "-3",
        "no negative flow",
    ),
    (
        "fws:\n  pumps:\n    FWS_P1:\n      restart_s: -1",
        5,
        "fws.pumps.FWS_P1.restart_s",
        "-1",
        "greater than or equal to 0",
    ),
    ("air:\n  handlers:\n    H1_AHU1: {type: cdu-800kw}", 4, "air.handlers.H1_AHU1.type", "cdu-800kw", "class ahu"),
    ("racks:\n  H1_R01_RK01: {loop: null}", 3, "racks.H1_R01_RK01.loop", "None", "H1_TCS1"),
    (
        "racks:\n  H1_R03_RK01: {type: gb300-nvl72, loop: H1_TCS1}",
        3,
        "racks.H1_R03_RK01",
        "no feed H1_R03_RK01_WA",
        "a node of the power section",
    ),
    ("tcs:\n  coolant: gb300-nvl72", 3, "tcs.coolant", "'gb300-nvl72' of class rack", "an item of class coolant"),
    (
        "catalogue:\n  cdu-x:\n    {name: cdu-x, class: cdu, label: x, "
        "values: {power: {value: 1, source: abc, tag: estimate}}}",
        4,
        "catalogue.cdu-x.values.power",
        "number 'power' without a unit",
        "ends with its unit",
    ),
]


@pytest.mark.parametrize(("text", "line", "where", "found", "wanted"), BAD, ids=[f"{b[2]}={b[3]}" for b in BAD])
def test_each_kind_of_error_has_its_line(
    tmp_path: Path, text: str, line: int, where: str, found: str, wanted: str
) -> None:
    matching = [p for p in problems(tmp_path, f"base: {PROJECT}\n{text}\n") if p.where == where]
    assert matching, problems(tmp_path, f"base: {PROJECT}\n{text}\n")
    problem = matching[0]
    if where != "site" or found != "nothing":
        assert Path(problem.file).name == "f.yaml" and problem.line == line
    assert problem.found.startswith(found), problem
    assert wanted in f"{problem.wanted} {problem.hint}", problem


def test_all_problems_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        f"base: {PROJECT}\nsite: {{altitud_m: 5}}\ncolour: red\nracks:\n  H1_R01_RK01: {{typ: x}}\n",
        ("site.latitude_deg=200", "tcs.colant=x"),
    )
    assert {p.where for p in found} >= {
        "site.altitud_m",
        "colour",
        "racks.H1_R01_RK01.typ",
        "site.latitude_deg",
        "tcs.colant",
    }


def test_an_id_is_used_once_in_the_whole_facility_ignoring_case(tmp_path: Path) -> None:
    found = problems(
        tmp_path, f"base: {PROJECT}\ntcs:\n  loops:\n    h1_r01_rk01: {{type: tcs-row, room: H1, cdu: H1_CDU1}}\n"
    )
    twice = [p for p in found if "again" in p.found]
    assert len(twice) == 1
    texts = (twice[0].found, twice[0].hint)
    assert (
        "h1_r01_rk01" in texts[0].lower()
        and "twin/projects/gb300-su/facility.yaml" in texts[1]
        or "f.yaml:4" in texts[1]
    )


def test_brace_ranges_reach_the_model(tmp_path: Path) -> None:
    facility = load_facility(PROJECT)
    assert [r for r in facility.racks][:4] == ["H1_R01_RK01", "H1_R01_RK02", "H1_R01_RK03", "H1_R01_RK04"]


def test_set_reaches_into_the_facility() -> None:
    assert load_facility(PROJECT, ["site.altitude_m=1600"]).site.altitude_m == 1600
    assert load_facility(PROJECT, ["tcs.control.supply_c=42.5"]).tcs.control.supply_c == 42.5


def test_a_submittal_replaces_a_value_and_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(
        f"base: {PROJECT}\nsubmittal:\n  cdu-800kw:\n"
        "    rated_heat_w: {value: 750000, document: 'SUB-233-01', revision: C}\n"
    )
    before = facility_catalogue(load_facility(PROJECT)).item("cdu-800kw").values["rated_heat_w"]
    facility = load_facility(tmp_path / "f.yaml")
    value = facility_catalogue(facility).item("cdu-800kw").values["rated_heat_w"]
    assert value.value == 750000 and value.tag == "submittal" and value.replaces == before.value == 800000.0
    assert (value.document, value.revision) == ("SUB-233-01", "C")
    assert "SUB-233-01" in resolved_yaml(facility)


def test_resolved_text_loads_to_the_same_facility(tmp_path: Path) -> None:
    facility = load_facility(PROJECT, ["site.altitude_m=1000"])
    (tmp_path / "facility.yaml").write_text(resolved_yaml(facility))
    again = load_facility(tmp_path / "facility.yaml")
    assert again.model_dump(exclude={"catalogue"}) == facility.model_dump(exclude={"catalogue"})
    assert resolved_yaml(again) == resolved_yaml(facility) and spec_hash(again) == spec_hash(facility)
    used = again.catalogue["cdu-800kw"].values["rated_heat_w"]
    assert used.source and used.tag
    assert spec_hash(facility) != spec_hash(load_facility(PROJECT))


def test_own_items_of_a_facility(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(
        f"base: {PROJECT}\ncatalogue:\n  tcs-own:\n    name: tcs-own\n    class: loop\n    label: own\n    values:\n"
        "      pipe_length_m: {value: 10.0, source: drawing, tag: primary}\n"
        "tcs: {loops: {H1_TCS1: {type: tcs-own}}}\n"
    )
    facility = load_facility(tmp_path / "f.yaml")
    assert facility_catalogue(facility).item("tcs-own")["pipe_length_m"] == 10.0
    assert "tcs-own" in resolved_yaml(facility)


def test_an_incomplete_weather_year_lists_every_missing_hour(tmp_path: Path) -> None:
    from importlib.resources import files

    from twin.spec.load import load_scenario

    lines = (files("pvlib") / "data" / "723170TYA.CSV").read_text().splitlines()
    assert lines[2].startswith("01/01/1988,01:00")
    del lines[10:12]
    (tmp_path / "year.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "f.yaml").write_text(f"base: {PROJECT}\nsite:\n  weather: year.csv\n")
    with pytest.raises(SpecError) as raised:
        load_scenario(None, facility=tmp_path / "f.yaml")
    found = raised.value.problems
    assert [(p.line, p.where, p.found) for p in found] == [
        (3, "site.weather", "01-01 09:00: missing hour"),
        (3, "site.weather", "01-01 10:00: missing hour"),
    ]
