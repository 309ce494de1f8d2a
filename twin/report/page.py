"""The page: the answer first, then what it rests on, down to where each number comes from."""

from __future__ import annotations

from twin.report import tables
from twin.report.loop_picture import loop_picture
from twin.report.oneline_picture import oneline_picture
from twin.report.plots import plots
from twin.report.text import clock, e
from twin.report.verdict import verdict
from twin.report.view import RunView

CSS = """
:root{color-scheme:light}*{box-sizing:border-box}
body{margin:0;background:#f3f5f7;color:#1d2530;font:15px/1.5 system-ui,"DejaVu Sans",sans-serif}
main{max-width:1180px;margin:0 auto;padding:24px 20px 60px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:19px;margin:34px 0 10px}h3{font-size:15px;margin:18px 0 6px}
section>h2{border-bottom:2px solid #d6dce2;padding-bottom:4px}
.soft{color:#6b7685;font-size:13px}
.verdict{border-left:8px solid;border-radius:6px;padding:14px 18px;background:#fff;margin:14px 0}
.verdict.held{border-color:#3d8b5a}.verdict.degraded{border-color:#d99a1c}.verdict.lost{border-color:#b00020}
.verdict .answer{font-size:18px;font-weight:600;margin:2px 0 6px}.verdict p{margin:3px 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;background:#fff;width:100%;font-size:13.5px;margin:4px 0 8px}
th{text-align:left;background:#e8ecf0;font-weight:600}
th,td{padding:5px 9px;border-bottom:1px solid #e6eaee;vertical-align:top}
td code{white-space:nowrap}table.kpis td:nth-child(2){white-space:nowrap;font-variant-numeric:tabular-nums}
table.kpis td:nth-child(2) .soft{white-space:normal}table.kpis td:nth-child(1){width:300px}
table.kpis td:nth-child(2){width:170px}table.kpis td:nth-child(3){width:110px}
table.events td:nth-child(-n+4){white-space:nowrap}
code{font:12.5px ui-monospace,"DejaVu Sans Mono",monospace}
.bar{display:inline-block;width:110px;height:11px;background:#e6eaee;border-radius:4px;overflow:hidden}
.bar span{display:block;height:100%}
figure{margin:10px 0;background:#fff;border-radius:6px;padding:10px 12px;overflow-x:auto}
figcaption{font-weight:600;font-size:14px;margin-bottom:4px}figcaption .soft{font-weight:400}
figure svg{display:block;width:100%;height:auto;min-width:680px}figure svg.drawing{margin:0 auto}
ul.tree,ul.tree ul{list-style:none;margin:0;padding-left:20px;border-left:1.5px solid #cfd6dd}
ul.tree{background:#fff;padding:10px 14px;border-left:4px solid #b00020;border-radius:4px;margin:8px 0;font-size:13.5px}
ul.tree li{margin:2px 0}.tree .t{font:12.5px ui-monospace,"DejaVu Sans Mono",monospace;color:#6b7685}
.tree .via{color:#2a6f97;font-size:12.5px}.weak{background:#fdebc8;padding:0 4px;border-radius:3px}
details{margin:6px 0}summary{cursor:pointer;color:#2a6f97}
@media print{body{background:#fff}main{max-width:none}details{display:none}figure{break-inside:avoid}}
"""


def render(view: RunView) -> str:
    """The whole report as HTML; nothing in it is fetched from anywhere."""
    name = str(view.facility.get("label") or view.facility.get("name") or view.run.get("facility") or "run")
    scenario = str(view.scenario.get("label") or view.scenario.get("name") or view.run.get("scenario") or "")
    title = " — ".join(x for x in (name, scenario) if x)
    body = [f"<h1>{e(title)}</h1>", f"<p class='soft'>{e(_when(view))}</p>", _verdict(view)]
    for heading, html in (
        ("Headroom", tables.headroom_table(view)),
        ("Key figures", tables.kpi_table(view)),
        ("Where PUE − 1 goes", tables.pue_table(view)),
        ("Causes", tables.cause_lists(view)),
        ("The run over time", "".join(_figure(title, svg, _note(view, title)) for title, svg in plots(view))),
        ("Cooling", _figure("", loop_picture(view))),
        ("Power", _figure("", oneline_picture(view))),
        ("Events", tables.event_table(view)),
        ("Energy ledgers", tables.ledger_table(view)),
        ("Equipment data", tables.source_tables(view)),
        ("This run", tables.provenance_table(view)),
    ):
        if html:
            body.append(f"<section><h2>{e(heading)}</h2>{html}</section>")
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{e(title)}</title>'
            f"<style>{CSS}</style></head>\n<body><main>\n" + "\n".join(body) + "\n</main></body></html>\n")


def _when(view: RunView) -> str:
    parts = []
    if view.run.get("start"):
        parts.append(f"from {str(view.run['start']).replace('T', ' ')}")
    if len(view.time_s):
        parts.append(f"{clock(float(view.time_s[-1]))} simulated")
    if view.run.get("weather"):
        parts.append(f"weather {view.run['weather']}")
    if view.run.get("seed") is not None:
        parts.append(f"seed {view.run['seed']}")
    if view.run.get("stopped"):
        parts.append(f"STOPPED EARLY: {view.run['stopped']}")
    return ", ".join(parts)


def _verdict(view: RunView) -> str:
    found = verdict(view)
    question = str(view.scenario.get("question") or view.run.get("question") or "").strip()
    hypothesis = str(view.scenario.get("hypothesis") or view.run.get("hypothesis") or "").strip()
    parts = [f"<p class='soft'>{e(question)}</p>"] if question else []
    parts.append(f"<p class='answer'>{e(found.answer)}</p>")
    parts += [f"<p>{e(fact)}</p>" for fact in found.facts]
    if hypothesis:
        parts.append(f"<p class='soft'>Expected beforehand: {e(hypothesis)}</p>")
    return f"<div class='verdict {found.state}'>{''.join(parts)}</div>"


def _note(view: RunView, title: str) -> str:
    """What a reader would else take for a loss."""
    jobs = (view.scenario.get("workload") or {}).get("jobs")
    return "a job computes no tokens while it writes a checkpoint" if title == "Tokens" and jobs else ""


def _figure(title: str, svg: str, note: str = "") -> str:
    beside = f" <span class='soft'>{e(note)}</span>" if note else ""
    caption = f"<figcaption>{e(title)}{beside}</figcaption>" if title else ""
    return f"<figure>{caption}{svg}</figure>" if svg else ""
