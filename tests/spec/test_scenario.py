"""Scenarios and studies: clock, overrides, faults, conditions, and everything that can be wrong with them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from twin.catalogue.modes import load_modes
from twin.errors import Problem, SpecError
from twin.spec.elements import elements
from twin.spec.load import facility_catalogue, load_scenario, load_study, resolved_yaml
from twin.spec.sources import PROJECTS

PROJECT = "gb300-su"
NAMES = sorted(p.stem for p in (PROJECTS / PROJECT / "scenarios").glob("*.yaml"))
HEAD = f"name: s\nfacility: {PROJECT}\nclock: {{start: '15:00', duration: 30min}}\n"


def problems(folder: Path, text: str, sets: tuple[str, ...] = ()) -> list[Problem]:
    (folder / "s.yaml").write_text(text)
    with pytest.raises(SpecError) as raised:
        load_scenario(folder / "s.yaml", overrides=sets)
    return list(raised.value.problems)


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_scenario_resolves_and_asks_something(name: str) -> None:
    scenario = load_scenario(name, facility=PROJECT)
    assert scenario.name == name and scenario.question.endswith("?") and scenario.hypothesis
    modes = load_modes()
    for fault in scenario.faults:
        mode = modes[fault.cls][fault.mode]
        assert fault.port == mode.port and fault.value != fault.neutral
        assert 0 <= fault.t_us < scenario.clock.duration_us


def test_the_set_of_scenarios() -> None:
    assert set(NAMES) >= {
        "day",
        "cdu-pump-trip",
        "cdu-pump-trip-standby-fails",
        "cdu-loss",
        "utility-loss",
        "utility-loss-generator-fails",
        "busway-loss",
    }


def test_the_default_is_the_hottest_day_at_one_second() -> None:
    """July 10th: 35.6 degC at 14:00 and the warmer of the two days that reach it (checked against the file's rows)."""
    scenario = load_scenario(None, facility=PROJECT)
    assert scenario.name == "day" and scenario.date == "07-10"
    assert scenario.clock.start == datetime(2026, 7, 10)
    assert (scenario.clock.duration_s, scenario.clock.step_us) == (86400.0, 1_000_000)


def test_the_hottest_day_by_an_independent_reading() -> None:
    import csv
    from importlib.resources import files

    days: dict[str, list[float]] = {}
    with (files("pvlib") / "data" / "723170TYA.CSV").open() as handle:
        next(handle)
        for row in csv.DictReader(handle):
            days.setdefault(row["Date (MM/DD/YYYY)"][:5], []).append(float(row["Dry-bulb (C)"]))
    best = max(days, key=lambda d: (max(days[d]), sum(days[d]) / len(days[d])))
    assert best.replace("/", "-") == load_scenario("day").date


def test_faults_are_resolved_to_port_and_microseconds() -> None:
    scenario = load_scenario("utility-loss-generator-fails")
    first, second = scenario.faults
    assert {(f.element, f.mode, f.cls) for f in scenario.faults} == {
        ("GEN1", "fail-to-start", "generator"),
        ("UTIL", "outage", "utility"),
    }
    assert first.t_us == second.t_us == 300_000_000
    outage = next(f for f in scenario.faults if f.element == "UTIL")
    assert (outage.port, outage.value, outage.neutral, outage.end_us) == (
        "utility_voltage_fraction",
        0.0,
        1.0,
        1_200_000_000,
    )


def test_globs_classes_parameters_and_times(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        HEAD
        + (
            "faults:\n"
            "  - {at: '15:10', element: 'H1_CDU?_P1', mode: trip}\n"
            "  - {at: 2min, element: cdu_pump, mode: degraded, parameters: {speed_fraction: 0.5}, duration: 30s}\n"
            "  - {at: 90.5, element: H1_CDU1, mode: valve-stuck, value: 0.7}\n"
            "conditions:\n"
            "  - {quantity: outdoor_offset_k, value: 10}\n"
            "  - {quantity: power_cap_fraction, value: 0.8, element: H1_R01_*, at: 1min, duration: 5min}\n"
            "out_of_service: [H1_CDU2_P2]\n"
        )
    )
    scenario = load_scenario(tmp_path / "s.yaml")
    trips = [f for f in scenario.faults if f.mode == "trip"]
    assert [f.element for f in trips] == ["H1_CDU1_P1", "H1_CDU2_P1", "H1_CDU3_P1"] and trips[0].t_us == 600_000_000
    slow = [f for f in scenario.faults if f.mode == "degraded"]
    assert len(slow) == 6 and {(f.value, f.neutral, f.end_us) for f in slow} == {(0.5, 1.0, 150_000_000)}
    assert (
        scenario.faults[0].t_us == 90_500_000 and scenario.faults[0].value == 0.7 and scenario.faults[0].neutral == -1.0
    )
    assert [(c.port, c.element, c.value) for c in scenario.conditions][0] == ("outdoor_offset_k", "SITE", 10)
    assert sum(c.port == "power_cap_fraction" for c in scenario.conditions) == 4
    (out,) = scenario.out_of_service
    assert (out.element, out.mode, out.t_us) == ("H1_CDU2_P2", "trip", -scenario.clock.warmup_us)


BAD = [
    (
        "faults: [{at: 5min, element: H1_CDU1_P9, mode: trip}]",
        4,
        "faults.0.element",
        "'H1_CDU1_P9'",
        "did you mean H1_CDU1_P",
    ),
    (
        "faults:\n  - at: 5min\n    element: H1_CDU1_P1\n    mode: tripp",
        7,
        "faults.0.mode",
        "mode 'tripp'",
        "did you mean trip",
    ),
    ("faults: [{at: 5min, element: SITE, mode: trip}]", 4, "faults.0.element", "'SITE' of class site", "failure modes"),
    (
        "faults: [{at: 45min, element: H1_CDU1_P1, mode: trip}]",
        4,
        "faults.0.at",
        "'45min'",
        "before the end of the run",
    ),
    ("faults: [{at: noon, element: H1_CDU1_P1, mode: trip}]", 4, "faults.0.at", "'noon'", "a duration"),
    ("faults: [{element: H1_CDU1_P1, mode: trip}]", 4, "faults.0.at", "nothing", "a value"),
    (
        "faults: [{at: 1s, element: H1_CDU1_P1, mode: degraded, parameters: {speed: 1}}]",
        4,
        "faults.0.parameters.speed",
        "parameter 'speed'",
        "speed_fraction",
    ),
    (
        "faults: [{at: 1s, element: H1_CDU1_P1, mode: degraded, parameters: {speed_fraction: 7}}]",
        4,
        "faults.0.parameters.speed_fraction",
        "7",
        "from 0.05 to 1",
    ),
    (
        "conditions: [{quantity: outdoor_offset_c, value: 1}]",
        4,
        "conditions.0.quantity",
        "'outdoor_offset_c'",
        "did you mean outdoor_offset_k",
    ),
    ("conditions: [{quantity: outdoor_offset_k, value: 500}]", 4, "conditions.0.value", "500", "-40 to 40"),
    (
        "conditions: [{quantity: power_cap_fraction, value: 1, element: RK}]",
        4,
        "conditions.0.element",
        "'RK'",
        "class rack",
    ),
    ("out_of_service: [H1_CDU9]", 4, "out_of_service.0.element", "'H1_CDU9'", "did you mean H1_CDU"),
    ("seed: -1", 4, "seed", "-1", "greater than or equal to 0"),
    ("solver: quick", 4, "solver", "'quick'", "'fast' or 'reference'"),
    ("weather: nowhere.epw", 4, "weather", "'nowhere.epw'", "a file that exists"),
    ("date: 02-29", 4, "date", "'02-29'", ""),
    ("workload: all-trainin", 4, "workload", "'all-trainin'", "did you mean all-training"),
    ("workload:\n  jobs: {T: {racks: [H9_*], recipe: x}}", 5, "workload.jobs.T.racks.0", "'H9_*'", "a rack"),
    ("hypotesis: x", 4, "hypotesis", "unknown key", "did you mean hypothesis"),
    ("workloads: x", 4, "workloads", "unknown key", "did you mean workload"),
    ("set: {tcs.colant: x}", 4, "tcs.colant", "unknown name 'colant'", "did you mean coolant"),
    ("set: {site.altitude_m: high}", 4, "site.altitude_m", "'high'", "a number"),
    ("set: 3", 4, "set", "3", "a map"),
    ("clok: {}", 4, "clok", "unknown key", "did you mean clock"),
]


@pytest.mark.parametrize(("text", "line", "where", "found", "wanted"), BAD, ids=[f"{b[2]}={b[3]}" for b in BAD])
def test_each_kind_of_error_has_its_line(
    tmp_path: Path, text: str, line: int, where: str, found: str, wanted: str
) -> None:
    everything = problems(tmp_path, HEAD + text + "\n")
    matching = [p for p in everything if p.where == where]
    assert matching, everything
    problem = matching[0]
    assert (Path(problem.file).name, problem.line) == ("s.yaml", line)
    assert problem.found.startswith(found), problem
    assert wanted in f"{problem.wanted} {problem.hint}", problem


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("clock: {step: 0.3s}", "clock.step"),
        ("clock: {step: 2h}", "clock.step"),
        ("clock: {duration: 0}", "clock.duration"),
        ("clock: {step: 1500ms}", "clock.step"),
        ("clock: {start: '25:00'}", "clock.start"),
        ("clock: {duration: -1}", "clock.duration"),
    ],
)
def test_clocks_that_do_not_tick(tmp_path: Path, text: str, where: str) -> None:
    found = problems(tmp_path, f"name: s\nfacility: {PROJECT}\n{text}\n")
    assert [(p.line, p.where) for p in found] == [(3, where)]


def test_problems_of_facility_scenario_workload_and_options_come_together(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(f"base: {PROJECT}\nracks:\n  H1_R01_RK01: {{loop: H1_TCS9}}\n")
    text = "name: s\nfacility: f.yaml\nseed: x\nworkload:\n  jobs: {T: {racks: [H1_*], recipe: nothing}}\nfaults: []\n"
    found = problems(tmp_path, text, ("tcs.nothing=1", "clock.step=7h", "nonsense=1"))
    assert {p.where for p in found} >= {
        "seed",
        "racks.H1_R01_RK01.loop",
        "workload.jobs.T.recipe",
        "tcs.nothing",
        "nonsense",
    }


def test_a_scenario_without_facility_says_so(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "name: s\n")
    assert found.where == "facility" and "command line" in found.hint


def test_overrides_reach_facility_workload_and_scenario_and_win(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(HEAD + "set:\n  site.altitude_m: 500\n  tcs.control.supply_c: 41.0\nseed: 3\n")
    scenario = load_scenario(
        tmp_path / "s.yaml",
        overrides=[
            "site.altitude_m=900",
            "seed=9",
            "clock.duration=10min",
            "workload.arrivals.utilization_fraction=0.33",
        ],
    )
    assert scenario.facility.site.altitude_m == 900 and scenario.facility.tcs.control.supply_c == 41.0
    assert scenario.seed == 9 and scenario.clock.duration_s == 600.0
    assert scenario.workload.arrivals is not None and scenario.workload.arrivals.utilization_fraction == 0.33


def test_a_broken_trace_lists_its_lines(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n"
        "2023-11-16 18:15:50.9951690,x,109\n2023-11-16 18:15:51.2225670,879,-5\n"
    )
    found = problems(tmp_path, HEAD + "set:\n  workload.trace: t.csv\n")
    assert [(Path(p.file).name, p.line) for p in found] == [("t.csv", 3), ("t.csv", 4)]


@pytest.mark.parametrize("name", ["busway-loss", "utility-loss-generator-fails"])
def test_resolved_text_gives_the_same_scenario(tmp_path: Path, name: str) -> None:
    scenario = load_scenario(name, overrides=["site.altitude_m=700", "seed=5"])
    (tmp_path / "facility.yaml").write_text(resolved_yaml(scenario.facility))
    (tmp_path / "scenario.yaml").write_text(resolved_yaml(scenario))
    again = load_scenario(tmp_path / "scenario.yaml")
    for part in (
        "name",
        "seed",
        "solver",
        "weather",
        "date",
        "clock",
        "faults",
        "conditions",
        "out_of_service",
        "workload",
    ):
        assert getattr(again, part) == getattr(scenario, part), part
    assert again.facility.site.altitude_m == 700
    assert resolved_yaml(again) == resolved_yaml(scenario) and resolved_yaml(again.facility) == resolved_yaml(
        scenario.facility
    )


def test_the_first_study_lists_its_scenarios() -> None:
    study = load_study("first")
    assert [m.name for m in study.members][:2] == ["window", "cdu-pump-trip"] and len(study.members) == 8
    assert load_study(PROJECTS / PROJECT / "studies" / "first.yaml").members[0].clock == study.members[0].clock


def test_inline_members_and_problems_of_a_study(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(
        "name: st\nbase: window\nmembers:\n  - {name: a, seed: 1}\n  - {name: b, seed: 2}\n  - cdu-loss\n"
    )
    study = load_study(tmp_path / "good.yaml")
    assert [(m.name, m.seed) for m in study.members] == [("a", 1), ("b", 2), ("cdu-loss", 1)]
    (tmp_path / "bad.yaml").write_text(
        "name: st\nbase: window\nmembers:\n  - {name: a, sed: 1}\n  - cdu-los\n  - {name: c}\n  - {name: c}\n"
    )
    with pytest.raises(SpecError) as raised:
        load_study(tmp_path / "bad.yaml")
    assert {(p.line, p.where) for p in raised.value.problems} == {(4, "sed"), (5, "members.1"), (7, "members.3")}


def test_every_mode_has_an_element_and_every_demand_an_example_in_the_reference_project() -> None:
    scenario = load_scenario("day")
    ids = elements(scenario.facility, facility_catalogue(scenario.facility), scenario.workload)
    modes = load_modes()
    assert len(modes) > 10
    for cls, group in modes.items():
        assert ids.get(cls), f"no element of class {cls}"
        for name, mode in group.items():
            if mode.demand is not None:
                of, _, which = mode.demand.mode.partition("/")
                assert mode.demand.example.element in ids[of], f"{cls}/{name}"
                assert mode.demand.example.mode == which, f"{cls}/{name}"


def test_a_null_in_set_deletes_from_the_facility_not_from_the_base(tmp_path: Path) -> None:
    scenario = load_scenario("cdu-loss-no-reserve")
    assert "H1_CDU3" not in scenario.facility.tcs.cdus
    text = "base: cdu-loss-no-reserve\nname: n\nset:\n  fws.chillers.CH1: null\n  tcs.cdus.H1_CDU3: null\n"
    (tmp_path / "s.yaml").write_text(text)
    again = load_scenario(tmp_path / "s.yaml")
    assert again.facility.fws.chillers == {} and "H1_CDU3" not in again.facility.tcs.cdus


def test_a_job_may_not_be_called_like_a_rack(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(HEAD + "workload: all-training\n")
    job = next(iter(load_scenario(tmp_path / "s.yaml").workload.jobs))
    recipe = load_scenario(tmp_path / "s.yaml").workload.jobs[job].recipe
    text = HEAD + f"workload:\n  jobs:\n    h1_cdu1: {{racks: [H1_R01_*], recipe: {recipe}}}\n"
    assert [(p.where, p.found) for p in problems(tmp_path, text)] == [("workload.jobs.h1_cdu1", "id 'h1_cdu1' again")]
