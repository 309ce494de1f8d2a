"""Holds when, 8: the command line as a user meets it: exit codes, everything listed, nothing half written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zarr

ROOT = Path(__file__).parents[2]
SHORT = ["--duration", "2min", "--set", "clock.warmup=1min", "--no-usd"]


def twin(*arguments, cwd, **more):
    return subprocess.run(
        [sys.executable, "-m", "twin.cli", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        timeout=600,
        **more,
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One short run and its folder."""
    place = tmp_path_factory.mktemp("cli")
    result = twin("run", "gb300-su", *SHORT, "--out", "runs", "--json", cwd=place)
    assert result.returncode == 0, result.stderr
    return place, json.loads(result.stdout)


def test_a_run_folder_is_self_contained(done):
    place, said = done
    folder = place / said["folder"]
    names = {p.name for p in folder.iterdir()}
    assert names >= {
        "run.json",
        "facility.yaml",
        "scenario.yaml",
        "kpis.json",
        "events.jsonl",
        "results.zarr",
        "report.html",
    }
    kpis = json.loads((folder / "kpis.json").read_text())
    wanted = """tokens_per_second tokens_per_joule tokens_per_second_per_mw cost_per_million_tokens_usd
        gpu_utilization_fraction cpu_utilization_fraction memory_utilization_fraction network_utilization_fraction
        uptime_fraction ttft_p50_s ttft_p99_s itl_p50_s itl_p99_s pue wue_l_per_kwh cue_kg_per_kwh energy_it_kwh
        energy_facility_kwh peak_facility_mw throttled_gpu_hours energy_residual_fraction""".split()
    assert set(wanted) <= set(kpis)
    assert all({"value", "unit", "definition"} <= set(k) for k in kpis.values())
    assert kpis["tokens_per_second_per_mw"]["value"] == pytest.approx(1e6 * kpis["tokens_per_joule"]["value"])
    balance = [kpis[f"requests_{n}"]["value"] for n in ("arrived", "completed", "rejected")]
    assert balance[0] > 0
    assert any(n.startswith("headroom_") and k.get("element") for n, k in kpis.items())
    loading = zarr.open_group(str(folder / "results.zarr"), mode="r")["loading"]
    assert set(loading.array_keys()) >= {"ups", "busway", "transformer", "gpu_temperature", "dry_cooler", "chiller"}
    assert kpis["headroom_ups_fraction"]["value"] == pytest.approx(1.0 - float(np.max(loading["ups"][:])), abs=1e-6)
    run = json.loads((folder / "run.json").read_text())
    assert run["state"] == "done" and run["peak_memory_mb"] < 1000 and run["versions"]["numpy"]
    assert run["date"] in said["run"]["date"]


def test_the_resolved_files_reproduce_the_run(done, tmp_path):
    place, said = done
    folder = place / said["folder"]
    again = twin(
        "run",
        folder / "facility.yaml",
        "--scenario",
        folder / "scenario.yaml",
        "--no-usd",
        "--out",
        "again",
        "--json",
        cwd=tmp_path,
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["kpis"] == said["kpis"]


def test_a_second_run_never_overwrites_the_first(done):
    place, said = done
    before = (place / said["folder"] / "run.json").read_bytes()
    second = twin("run", "gb300-su", *SHORT, "--out", "runs", cwd=place)
    assert second.returncode == 0, second.stderr
    assert (place / said["folder"] / "run.json").read_bytes() == before
    assert len(list((place / "runs").glob("gb300-su-*"))) == 2
    # no progress-bar debris where the output is no terminal
    for text in (second.stdout, second.stderr):
        assert "\x1b" not in text and "\r" not in text


def test_show_and_compare_read_what_run_wrote(done):
    place, said = done
    shown = twin("show", said["folder"], cwd=place)
    assert shown.returncode == 0 and "tokens_per_second" in shown.stdout and "Headroom" in shown.stdout
    both = twin("compare", said["folder"], said["folder"], "--json", cwd=place)
    assert both.returncode == 0
    assert json.loads(both.stdout)["events"] == [{"added": [], "averted": [], "moved": []}]


@pytest.mark.parametrize("arguments", [["fabric"], ["power"], ["catalogue"]])
def test_static_views_print_numbers(arguments, tmp_path):
    more = [] if arguments == ["catalogue"] else ["gb300-su"]
    plain = twin(*arguments, *more, cwd=tmp_path)
    assert plain.returncode == 0, plain.stderr
    data = twin(*arguments, *more, "--json", cwd=tmp_path)
    assert data.returncode == 0 and json.loads(data.stdout)
    assert not list(tmp_path.iterdir())


BAD = {
    "duplicate key": ("name: x\nname: y\n", "duplicate key"),
    "unknown key": ("base: gb300-su\nrackz: {}\n", "racks"),
    "unknown equipment": ("base: gb300-su\nracks:\n  H1_R01_RK01: {type: gb300-nvl27}\n", "gb300-nvl72"),
    "rack without a loop": ("base: gb300-su\nracks:\n  H1_R01_RK01: {loop: H1_TCS9}\n", "H1_TCS9"),
    "rack without a feed": (
        "base: gb300-su\npower:\n  nodes:\n    H1_R01_RK01_WA: null\n    H1_R01_RK01_WB: null\n"
        "    H1_R01_RK01_WC: null\n    H1_R01_RK01_WD: null\n",
        "H1_R01_RK01",
    ),
    "not yaml": ("name: [x\n", ""),
    "negative value": ("base: gb300-su\ntcs:\n  control: {changeover_s: -5.0}\n", "changeover_s"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_exits_2_and_writes_nothing(case, tmp_path):
    text, named = BAD[case]
    file = tmp_path / "facility.yaml"
    file.write_text(text)
    for command in (["run", file, "--out", "runs"], ["check", file]):
        result = twin(*command, cwd=tmp_path)
        assert result.returncode == 2, (command, result.stdout, result.stderr)
        said = result.stdout + result.stderr
        assert "facility.yaml:" in said and named in said and "Traceback" not in said
    assert [p.name for p in tmp_path.iterdir()] == ["facility.yaml"]


def test_every_problem_of_a_file_is_listed(tmp_path):
    file = tmp_path / "facility.yaml"
    file.write_text("base: gb300-su\nrackz: {}\ntcs:\n  control: {changeover_s: -5.0, supply_z: 1}\n")
    said = twin("check", file, cwd=tmp_path)
    lines = [x for x in (said.stdout + said.stderr).splitlines() if x.startswith(("facility.yaml:", str(file)))]
    assert said.returncode == 2 and {x.split(":")[1] for x in lines} == {"2", "4"} and len(lines) == 3


def test_a_broken_trace_line_and_a_missing_weather_hour(tmp_path):
    trace = tmp_path / "trace.csv"
    trace.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,4808,10\n2023-11-16 18:17:04.03,x,8\n"
    )
    result = twin("run", "gb300-su", "--trace", trace, "--out", "runs", cwd=tmp_path)
    assert result.returncode == 2 and "trace.csv:3" in result.stdout + result.stderr
    weather = tmp_path / "short.epw"
    weather.write_text("LOCATION,X\n")
    result = twin("run", "gb300-su", "--weather", weather, "--out", "runs", cwd=tmp_path)
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert not (tmp_path / "runs").exists()


def test_interrupt_keeps_what_was_computed_and_says_so(tmp_path):
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "twin.cli",
            "run",
            "gb300-su",
            "--set",
            "clock.warmup=1min",
            "--no-usd",
            "--out",
            "runs",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background shell hands it down ignored
    )
    give_up = time.monotonic() + 240
    while not list(tmp_path.glob("runs/*/results.zarr/1s/*")) and time.monotonic() < give_up:
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1, (out, err)
    assert "STOPPED" in out and "is kept" in out and "Traceback" not in err
    folder = next(tmp_path.glob("runs/*"))
    run = json.loads((folder / "run.json").read_text())
    assert run["state"] == "stopped" and 0 < run["simulated_s"] < 86_400
    from twin.results import open_results

    assert len(open_results(folder).series("rack_power_w", "1s")[0]) == run["simulated_s"]


@pytest.mark.parametrize("arguments", [["run", "gb300-su", "--nosuch"], ["runn"], ["run"], ["compare", "nowhere"]])
def test_errors_of_usage_exit_2_without_a_traceback(arguments, tmp_path):
    result = twin(*arguments, cwd=tmp_path)
    assert result.returncode == 2, result.stdout + result.stderr
    assert "Traceback" not in result.stderr and result.stderr.strip()


@pytest.mark.parametrize(
    "option", [["--duration", "5parsec"], ["--step", "-1s"], ["--date", "02-31"], ["--seed", "-4"]]
)
def test_bad_options_are_listed_like_bad_files(option, tmp_path):
    result = twin("run", "gb300-su", *option, "--set", "tcs.control.supply_z=1", cwd=tmp_path)
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert "supply_z" in result.stderr and "2 problem" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_failed_run_says_so_in_its_folder(tmp_path, monkeypatch):
    from twin import run as runs
    from twin.errors import SolverError

    def fails(*_, **__):
        raise SolverError("no solution", t_s=12.0, state="chip_c[3]")

    monkeypatch.setattr(runs, "simulate", fails)
    with pytest.raises(SolverError):
        runs.execute(runs.RunRequest("gb300-su", None, 60.0, None, None, [], False), tmp_path / "run")
    written = json.loads((tmp_path / "run" / "run.json").read_text())
    assert written["state"] == "failed" and "chip_c[3]" in written["message"]
