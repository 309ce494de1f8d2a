"""The report: valid and self-contained HTML, the answer first, the numbers of the run in it, everything escaped."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.report.run_folder import view, write_folder
from tests.usd_export.synthetic import EVENTS, SyntheticResults
from twin.report import tables, write_report
from twin.report.loop_picture import loop_picture, worst_thermal_moment
from twin.report.oneline_picture import oneline_picture, out_of_service, worst_electrical_moment
from twin.report.page import render
from twin.report.plots import plots
from twin.report.verdict import verdict

REFERS = {"src", "href", "xlink:href", "srcset", "data"}
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Outline(HTMLParser):
    """Checks that every element is closed where it should be, and keeps what refers elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for key, value in attrs:
            if key in REFERS and value and not value.startswith(("#", "data:")):
                self.outside.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()


@pytest.fixture(scope="module")
def html() -> str:
    return render(view())


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [t.text or "" for t in root.iter("{http://www.w3.org/2000/svg}text")]


def test_page_is_whole_and_needs_nothing_from_outside(html: str) -> None:
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert outline.outside == []
    assert not outline.tags & {"script", "iframe", "object", "link"}
    assert "url(http" not in html and "@import" not in html


def test_answer_comes_before_any_table(html: str) -> None:
    answer = html.index("The load was carried, with loss of work")
    assert answer < html.index("<table")
    assert "3.2 GPU-hours ran throttled" in html[answer : answer + 300]


def test_text_from_data_is_escaped(html: str) -> None:
    assert "Does the standby &lt;pump&gt; matter?" in html
    assert "chip &lt;87 °C &amp; rising&gt;" in html
    assert "somebody&#x27;s &lt;memory&gt;" in html
    assert "<pump>" not in html and "<memory>" not in html


def test_every_kpi_with_definition_and_no_value_as_a_dash(html: str) -> None:
    of = view()
    for name, entry in of.kpis.items():
        if not name.startswith("headroom_"):
            assert f"<code>{name}</code>" in html
        assert entry["definition"] in unescape(html)
    row = re.search(r"<tr><td><code>ttft_p99_s</code></td><td>(.*?)</td>", html)
    assert row and row.group(1).startswith("— <span") and "nothing to measure it on" in row.group(1)
    assert not re.search(r">\s*(nan|NaN|inf|None)\s*<", html)


def test_pue_items_in_the_table_sum_to_pue_minus_one() -> None:
    of = view()
    rows = re.findall(r"<tr><td>([^<]+)</td><td>([\d.e-]+)</td>", tables.pue_table(of))
    items = {name: float(value) for name, value in rows}
    assert set(items) >= {"transformer", "UPS", "busway", "CDUs", "FWS pumps", "chiller", "air handlers", "other"}
    assert sum(items.values()) == pytest.approx(of.kpis["pue"]["value"] - 1.0, abs=5e-5)  # printed with 5 decimals
    short = {n: dict(k) for n, k in of.kpis.items()}
    short["pue"]["minus_one_items"] = {k: v for k, v in short["pue"]["minus_one_items"].items() if k != "ups"}
    gap = re.search(r"counted items: ([\d.e-]+)", tables.pue_table(view(kpis=short)))
    assert gap and float(gap.group(1)) == pytest.approx(of.kpis["pue"]["minus_one_items"]["ups"], rel=0.01)


def test_headrooms_tightest_first_with_element_and_time() -> None:
    html = tables.headroom_table(view())
    assert html.index("H1_R01_RK02") < html.index("BW_A")
    assert "01:00:18" in html and "00:20:00" in html and "8 %" in html


def test_ledger_shows_a_term_that_was_falsified() -> None:
    results = SyntheticResults()
    assert "residual / throughput: 0 over the run" in tables.ledger_table(view(results))
    results.counters["electrical/loss_ups_j"] *= 1.01
    racks, utility = (results.counters[c].iloc[-1] for c in ("load/rack_j", "electrical/utility_j"))
    share = 0.01 * 0.035 * racks / utility
    found = re.search(r"throughput: ([\d.e-]+) over the run", tables.ledger_table(view(results)))
    assert found and float(found.group(1)) == pytest.approx(share, rel=5e-3)


def test_causes_are_nested_below_their_root(html: str) -> None:
    tree = html[html.index('<ul class="tree">') :]
    order = [tree.index(f"<b>{x}</b>") for x in ("H1_CDU1_P1", "H1_CDU1_P2", "H1_R01_RK02", "H1_CDU1")]
    assert order == sorted(order)
    assert "through chip_c/H1_R01_RK02" in tree and "with H1_CDU1_P2 fail-to-start" in tree


def test_loop_picture_shows_the_worst_second() -> None:
    of = view()
    time_s, hot = of.results.series("chip_hottest_c", "60s", stat="max")
    worst = float(time_s[int(hot.max(axis=1).argmax())])
    assert worst_thermal_moment(of) == worst - 59.0  # the first of the sixty seconds that hold the minute's value
    said = texts(loop_picture(of))
    k = int(np.searchsorted(time_s, worst))
    power = of.results.series("rack_power_w")[1][k]
    assert f"{power[:4].sum() / 1e3:.1f} kW electric" in said and f"{power[4:].sum() / 1e3:.1f} kW electric" in said
    assert f"hottest GPU {hot[k].max():.1f} °C" in said
    assert "in reserve" in said and "2 of 3 run, 18 kW" in said


def test_one_line_shows_loading_and_strikes_out_what_tripped() -> None:
    calm = view()
    _, loading = calm.results.series("power_node_loading_fraction")
    assert worst_electrical_moment(calm) == float(calm.time_s[int(loading.max(axis=1).argmax())])
    said = texts(oneline_picture(calm))
    assert {"UTIL", "TX1", "MSB1", "UPS_D", "BW_C", "Row R01: 4 racks"} <= set(said)
    assert oneline_picture(calm).count("#b00020") == 0
    results = SyntheticResults()
    trip: dict[str, Any] = {**EVENTS[0], "id": "t", "t_s": 4000.0, "element": "BW_B", "kind": "overload-trip"}
    results.events = [*results.events, trip]
    broken = view(results)
    assert worst_electrical_moment(broken) == 4020.0
    assert out_of_service(broken, 4020.0) == {"BW_B"}
    assert oneline_picture(broken).count("#b00020") >= 2
    results.events = [*results.events, {**trip, "id": "u", "t_s": 4010.0, "kind": "repaired"}]
    assert out_of_service(view(results), 4020.0) == set()


def test_many_nodes_of_a_rank_become_one_box() -> None:
    results = SyntheticResults()
    axes = {k: list(v) for k, v in results.axes.items()}
    whips = [f"{r}_{x}" for r in axes["rack"] for x in "ABCD"]
    axes["power_node"] = [*axes["power_node"], *whips]
    results.axes = axes
    for name in ("power_node_w", "power_node_loading_fraction"):
        axis, kind, unit, values = results._data[name]
        extra = np.full((len(values), len(whips)), 30e3 if name == "power_node_w" else 0.5)
        extra[:, 7] *= 1.2
        results._data[name] = (axis, kind, unit, np.hstack([values, extra]))
    facility = dict(view().facility)
    nodes = {w: {"type": "whip-63a", "fed_by": [f"BW_{w[-1]}"]} for w in whips}
    catalogue = {**facility["catalogue"], "whip-63a": {"class": "whip", "values": {}}}
    facility |= {"power": {"nodes": {**facility["power"]["nodes"], **nodes}}, "catalogue": catalogue}
    said = texts(oneline_picture(view(results, facility=facility)))
    assert {"32 × whip", "967 kW", "most 60 %", whips[7]} <= set(said) | {"967 kW"}
    assert whips[0] not in said


def test_verdict_follows_the_run() -> None:
    found = verdict(view())
    assert found.state == "degraded" and "serving fell by" in found.answer and "training" not in found.answer
    kpis = {**view().kpis, "throttled_gpu_hours": {"value": 0.0, "unit": "h", "definition": ""}}
    calm = SyntheticResults()
    calm.events = []
    held = verdict(view(calm, kpis=kpis, scenario={}))
    assert held.state == "held" and held.answer.startswith("The load was carried: no rack lost power")
    dark = SyntheticResults()
    powered = np.ones((len(dark.time_s), 8))
    powered[70:80, 2] = 0.0
    dark._data["rack_powered"] = ("rack", "mode", "1", powered)
    dark.quantities["rack_powered"] = {"axis": "rack", "kind": "mode", "unit": "1"}
    lost = verdict(view(dark))
    assert lost.state == "lost" and "1 of 8 racks lost power (H1_R01_RK03)" in lost.answer


def test_battery_plot_only_when_it_moved() -> None:
    assert "Battery state of charge" not in dict(plots(view()))
    results = SyntheticResults()
    axis, kind, unit, soc = results._data["battery_soc_fraction"]
    results._data["battery_soc_fraction"] = (axis, kind, unit, np.where(results.time_s[:, None] > 4000, 0.9, soc))
    made = dict(plots(view(results)))
    assert list(made) == ["Facility power", "Tokens", "Hottest GPU", "Water and outdoor temperatures",
                          "Battery state of charge"]  # fmt: skip
    for svg in made.values():
        ElementTree.fromstring(svg)


def test_run_without_events_or_thermal_side_still_reports() -> None:
    results = SyntheticResults(minutes=2)
    results.events = []
    results.quantities = {k: v for k, v in results.quantities.items() if k in ("rack_power_w", "utility_w")}
    html = render(view(results, scenario={}, kpis={}))
    assert "No events." in html and "<h2>Cooling</h2>" not in html


def test_written_from_a_run_folder_and_the_same_again(tmp_path: Path) -> None:
    write_folder(tmp_path, view())
    path = write_report(tmp_path)
    assert path == tmp_path / "report.html" and not list(tmp_path.glob("*.part"))
    first = path.read_bytes()
    assert b"The load was carried, with loss of work" in first and len(first) < 3_000_000
    assert write_report(tmp_path).read_bytes() == first


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run.json"):
        write_report(tmp_path)
