"""What the command line prints: progress, KPI and headroom tables, events as a tree of causes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from twin.cli_data import catalogue_tables as catalogue_tables
from twin.cli_data import nested as nested
from twin.cli_data import number
from twin.compare import event_difference
from twin.errors import Problem, SpecError
from twin.kpi import binding

ORDER = (
    "tokens_per_second",
    "tokens_per_joule",
    "tokens_per_second_per_mw",
    "cost_per_million_tokens_usd",
    "gpu_utilization_fraction",
    "cpu_utilization_fraction",
    "memory_utilization_fraction",
    "network_utilization_fraction",
    "uptime_fraction",
    "ttft_p50_s",
    "ttft_p99_s",
    "itl_p50_s",
    "itl_p99_s",
    "training_tokens_per_second",
    "training_goodput_fraction",
    "joules_per_trained_token",
    "pue",
    "wue_l_per_kwh",
    "cue_kg_per_kwh",
    "energy_it_kwh",
    "energy_facility_kwh",
    "peak_facility_mw",
    "throttled_gpu_hours",
    "energy_residual_fraction",
)


class Progress:
    """A bar over the simulated time; silent when the output is no terminal."""

    def __init__(self, console: Console, scenario: Any, quiet: bool = False):
        self.live = console.is_terminal and not quiet
        self.console, self.quiet = console, quiet
        self.bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not self.live,
        )
        self.label = f"{scenario.facility.name} / {scenario.name}"
        self.scenario = scenario

    def __enter__(self) -> Progress:
        clock = self.scenario.clock
        if not self.quiet:
            self.console.print(
                f"{self.label}: {clock.duration_s / 3600:g} h from {clock.start:%m-%d %H:%M} at {clock.step_s:g} s "
                f"steps, "
                f"weather {Path(str(self.scenario.weather)).name} (date {self.scenario.date}), "
                f"seed {self.scenario.seed}, "
                f"solver {self.scenario.solver}",
                markup=False,
            )
        self.bar.start()
        self.task = self.bar.add_task("simulating", total=1.0)
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def fraction(self, done: float) -> None:
        self.bar.update(self.task, completed=done)

    def stage(self, text: str) -> None:
        self.bar.update(self.task, description=text)


class StudyProgressBar:
    """Members done of all, with the time left; silent when the output is no terminal."""

    def __init__(self, console: Console, study: Any, quiet: bool = False):
        live = console.is_terminal and not quiet
        self.bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not live,
        )
        self.total = len(study.members)
        self.name = study.name

    def __enter__(self) -> StudyProgressBar:
        self.bar.start()
        self.task = self.bar.add_task(self.name, total=self.total)
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, progress: Any) -> None:
        self.bar.update(self.task, completed=progress.fraction * self.total)


def kpi_table(kpis: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title="KPIs", title_justify="left", box=None, pad_edge=False)
    for heading, justify in (("KPI", "left"), ("value", "right"), ("unit", "left"), ("definition", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    names = [n for n in ORDER if n in kpis] + [n for n in kpis if n not in ORDER and not n.startswith("headroom_")]
    for name in names:
        entry = kpis[name]
        table.add_row(name, number(entry["value"]), entry["unit"], Text(entry["definition"]))
    return table


def headroom_table(kpis: dict[str, dict[str, Any]]) -> Table:
    table = Table(title="Headroom, the tightest first", title_justify="left", box=None, pad_edge=False)
    for heading in ("system", "headroom", "binding element", "at", "demand / limit"):
        table.add_column(heading, justify="right" if heading == "headroom" else "left")
    for name, entry in binding(kpis):
        system = name.removeprefix("headroom_").removesuffix("_fraction")
        table.add_row(
            system,
            f"{entry['value']:.1%}",
            entry["element"],
            clock_text(entry["time_s"]),
            Text(entry["definition"].split("(", 1)[-1].rstrip(")")),
        )
    return table


def pue_table(kpis: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title="PUE - 1 by item", title_justify="left", box=None, pad_edge=False)
    table.add_column("item")
    table.add_column("overhead / IT", justify="right")
    items = kpis["pue"].get("minus_one_items", {})
    for name, value in items.items():
        table.add_row(name, "-" if value is None else f"{value:.5f}")
    total = kpis["pue"].get("minus_one_sum")
    table.add_row("sum", "-" if total is None else f"{total:.5f}")
    return table


def clock_text(time_s: float | None) -> str:
    if time_s is None:
        return "-"
    hours, rest = divmod(time_s, 3600)
    return f"{int(hours):02d}:{int(rest // 60):02d}:{rest % 60:06.3f}".removesuffix(".000")


def event_text(event: Mapping[str, Any]) -> str:
    limit = ""
    if event.get("value") is not None and event.get("limit") is not None:
        limit = f"  {event['value']:.5g} against {event['limit']:.5g}"
    message = f"  {event['message']}" if event.get("message") else ""
    via = f"  (through {', '.join(event['via'])})" if event.get("via") else ""
    return f"{clock_text(event['t_s'])}  {event['element']}  {event['kind']}{limit}{message}{via}"


def cause_trees(events: Sequence[Mapping[str, Any]], limit: int = 200) -> list[Tree]:
    """A tree from each event without a cause that has effects."""
    from twin.report import cause_tree

    trees = []
    for root in cause_tree(events):
        if not root.children:
            continue
        branches: dict[int, Tree] = {}
        for count, (depth, node) in enumerate(root.walk()):
            more = f"  [and {len(node.also)} more cause(s)]" if node.also else ""
            text = Text(event_text(node.event) + more)
            if depth and count >= limit:
                break
            branches[depth] = branches[depth - 1].add(text) if depth else Tree(text)
        trees.append(branches[0])
    return trees


def print_run(folder: Path, stopped: str, as_json: bool, console: Console) -> None:
    kpis = json.loads((folder / "kpis.json").read_text(encoding="utf-8"))
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    if as_json:
        sys.stdout.write(
            json.dumps({"folder": str(folder), "stopped": stopped, "kpis": kpis, "run": run}, indent=1) + "\n"
        )
        return
    console.print(kpi_table(kpis))
    console.print()
    console.print(headroom_table(kpis))
    console.print()
    console.print(pue_table(kpis))
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    trees = cause_trees(events)
    if trees:
        console.print(f"\nEvents: {len(events)}; causes and effects:")
        for tree in trees:
            console.print(tree)
    elif events:
        console.print(f"\nEvents: {len(events)}, none of which caused another (twin show {folder})")
    replay = run.get("replay")
    if replay:
        console.print("\n" + replay["statement"], markup=False)
    console.print(
        f"\n{run['simulated_s']:g} s simulated in {run['wall_s']:.1f} s ({run['cpu_ms_per_step']:.3f} ms CPU a "
        f"step, peak memory {run['peak_memory_mb']:.0f} MB)",
        markup=False,
    )
    if stopped:
        console.print(f"STOPPED ({stopped}) after {run['simulated_s']:g} s; what was computed is kept", markup=False)
    console.print(f"run folder: {folder}  (report: {folder / 'report.html'})", markup=False, soft_wrap=True)


def show_folder(folder: Path, as_json: bool, console: Console) -> None:
    """A run or a study, from its files."""
    if (folder / "study.json").exists():
        study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
        if as_json:
            sys.stdout.write(json.dumps(study, indent=1) + "\n")
        else:
            console.print(members_table(study["name"], study["members"]))
        return
    if not (folder / "kpis.json").exists():
        raise SpecError(
            [Problem(str(folder), 1, "(folder)", "no run and no study", "a folder that twin run or twin study wrote")]
        )
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    print_run(folder, run.get("stopped", ""), as_json, console)
    if not as_json:
        for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines():
            console.print(Text(event_text(json.loads(line))))


def compare_folders(folders: Sequence[Path], as_json: bool, console: Console) -> None:
    """KPIs of several runs side by side and what the later ones changed in the events of the first."""
    if len(folders) < 2:
        raise SpecError([Problem("(command line)", 1, "folders", f"{len(folders)}", "two or more run folders")])
    kpis = [json.loads((f / "kpis.json").read_text(encoding="utf-8")) for f in folders]
    events = [[json.loads(x) for x in (f / "events.jsonl").read_text(encoding="utf-8").splitlines()] for f in folders]
    differences = [event_difference(events[0], other) for other in events[1:]]
    if as_json:
        sys.stdout.write(
            json.dumps(
                {
                    "kpis": {n: [k.get(n, {}).get("value") for k in kpis] for n in kpis[0]},
                    "events": [{"added": d.added, "averted": d.averted, "moved": d.moved} for d in differences],
                },
                indent=1,
            )
            + "\n"
        )
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("KPI")
    for folder in folders:
        table.add_column(folder.name, justify="right")
    table.add_column("unit")
    for name, entry in kpis[0].items():
        table.add_row(name, *[number(k.get(name, {}).get("value")) for k in kpis], entry["unit"])
    console.print(table)
    for folder, difference in zip(folders[1:], differences, strict=True):
        console.print(
            f"\n{folder.name}: {len(difference.added)} events added, {len(difference.averted)} averted, "
            f"{len(difference.moved)} moved",
            markup=False,
        )
        for event in difference.added:
            console.print(Text("  added    " + event_text(event)))
        for event in difference.averted:
            console.print(Text("  averted  " + event_text(event)))
        for before, after in difference.moved:
            console.print(Text(f"  moved    {event_text(before)}  ->  {clock_text(after['t_s'])}"))


def members_table(name: str, members: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title=name, title_justify="left", box=None, pad_edge=False)
    columns = (
        "tokens_per_second",
        "training_tokens_per_second",
        "throttled_gpu_hours",
        "uptime_fraction",
        "pue",
        "peak_facility_mw",
    )
    for heading in ("member", "state", *columns, "message"):
        table.add_column(heading, justify="right" if heading in columns else "left")
    for member in members:
        kpis = member["kpis"]
        table.add_row(
            member["name"],
            member["state"],
            *[number(kpis.get(c, {}).get("value")) for c in columns],
            Text(member["message"]),
        )
    return table


def print_study(result: Any, as_json: bool, console: Console) -> None:
    from dataclasses import asdict

    members = [asdict(m) for m in result.members]
    if as_json:
        sys.stdout.write(json.dumps({"folder": str(result.folder), "members": members}, indent=1) + "\n")
        return
    console.print(members_table(result.folder.name, members))
    console.print(
        f"study folder: {result.folder}  (all KPIs: {result.folder / 'kpis.csv'})", markup=False, soft_wrap=True
    )


def print_check(report: Any, as_json: bool, console: Console, errors: Console, show_all: bool = False) -> None:
    """Problems to stderr; broken clauses of the basis of design (with show_all: every clause) and texts to stdout."""
    if as_json:
        sys.stdout.write(
            json.dumps(
                {
                    "ok": report.ok,
                    "problems": [str(p) for p in report.problems],
                    "findings": [f"{f.file}: {x}" for f in report.files for x in f.findings],
                },
                indent=1,
                default=str,
            )
            + "\n"
        )
        return
    for problem in report.problems:
        errors.print(str(problem), markup=False)
    for one in report.files:
        for finding in one.findings:
            if show_all or not finding.ok:
                console.print(str(finding), markup=False, soft_wrap=True)
        if one.resolved:
            console.print(one.resolved, markup=False, soft_wrap=True)
        if not one.problems:
            console.print(f"{one.file}: a valid {one.kind}{_clauses(one.findings)}", markup=False, soft_wrap=True)
    if report.problems:
        errors.print(f"{len(report.problems)} problem(s)", markup=False)


def _clauses(findings: Sequence[Any]) -> str:
    if not findings:
        return ""
    broken = sum(not f.ok for f in findings)
    if broken:
        return f"; breaks {broken} of {len(findings)} clauses of its basis of design"
    return f"; meets all {len(findings)} clauses of its basis of design"
