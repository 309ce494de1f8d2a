"""The FMU host: inspection, closed form, misbehaviour, hostile archives."""

from __future__ import annotations

import os
import tempfile
import time
import zipfile
from math import exp
from pathlib import Path

import pytest
from fmu_case import lag_fmu

from twin.errors import FmuError
from twin.fmu.build import STATE_FLAGS
from twin.fmu.description import inspect_fmu
from twin.fmu.host import FmuHost
from twin.fmu.run import run_fmu

INPUTS, OUTPUTS = ("sources.heat[1]", "ambient"), ("a[1].b[2].port.T", "seen", "pressure", "energy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fmus")


@pytest.fixture(scope="module")
def lag(folder):
    return lag_fmu(folder)


def left_folders() -> set[str]:
    return {n for n in os.listdir(tempfile.gettempdir()) if n.startswith("twin-fmu-") and "build" not in n}


def test_inspection(lag):
    info = inspect_fmu(lag)
    assert (info.fmi_version, info.kinds, info.platforms, info.refusals) == ("2.0", ("CoSimulation",), ("linux64",), ())
    assert info.can_get_state and info.can_serialize and info.variable_step and len(info.sha256) == 64
    assert info.variables["a[1].b[2].port.T"].causality == "local" and info.variables["tau"].start == "20.0"
    assert info.unit_of("sources.heat[1]").factor == 1000.0 and info.unit_of("ambient").offset == 273.15


def test_fmpy_finds_nothing_wrong(lag):
    from fmpy.validation import validate_fmu

    assert validate_fmu(str(lag)) == []


def test_closed_form_with_a_partial_last_step(lag):
    with FmuHost(lag, INPUTS, OUTPUTS, {"tau": 30.0}) as host:
        host.open(0.0)
        t, temperature = 0.0, 298.15
        for length in (1.0, 1.0, 0.25, 3.0, 0.7):
            heat = 40.0 + 3.0 * t
            found = host.step(t, length, (heat, 25.0))
            limit = 298.15 + 0.5 * heat
            temperature = limit + (temperature - limit) * exp(-length / 30.0)
            assert found[0] == pytest.approx(temperature, abs=1e-9)
            assert found[1] == heat * 1000.0
            t += length


def test_run_fmu_records_what_was_asked(lag):
    done = run_fmu(lag, duration_s=10.5, step_s=1.0, inputs={"sources.heat[1]": 20.0}, start={"tau": 5.0})
    assert done.time_s[-1] == 10.5 and len(done.time_s) == 12
    assert done.values["pressure"][-1] == pytest.approx(200.0)
    assert done.info.sha256 == inspect_fmu(lag).sha256


def test_state_is_kept_and_serialised(lag):
    with FmuHost(lag, INPUTS, OUTPUTS) as host:
        host.open()
        for k in range(5):
            host.step(float(k), 1.0, (10.0, 25.0))
        host.keep()
        state = host.dump()
        first = [host.step(5.0 + k, 1.0, (30.0, 25.0)) for k in range(3)]
        host.restore()
        assert [host.step(5.0 + k, 1.0, (30.0, 25.0)) for k in range(3)] == first
        with FmuHost(lag, INPUTS, OUTPUTS) as other:
            other.open()
            other.undump(state)
            assert [other.step(5.0 + k, 1.0, (30.0, 25.0)) for k in range(3)] == first


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("CRASH", "SIGSEGV"),
        ("ABORT", "SIGABRT"),
        ("REPORT_ERROR", "Error"),
        ("DISCARD", "Discard"),
        ("NOT_A_NUMBER", "not finite"),
    ],
)
def test_misbehaviour_is_an_fmu_error_and_leaves_nothing(folder, behaviour, said):
    before = left_folders()
    host = FmuHost(lag_fmu(folder, behaviour.lower(), defines=[behaviour]), INPUTS, OUTPUTS)
    host.open()
    for k in range(5):
        host.step(float(k), 1.0, (10.0, 25.0))
    with pytest.raises(FmuError, match=said):
        host.step(5.0, 1.0, (10.0, 25.0))
    host.close()
    assert left_folders() <= before


def test_hang_ends_at_the_limit(folder):
    before = left_folders()
    host = FmuHost(lag_fmu(folder, "hang", defines=["HANG"]), INPUTS, OUTPUTS, step_limit_s=1.0)
    host.open()
    host.step(0.0, 1.0, (1.0, 25.0))
    pid, begun = host._process.pid, time.monotonic()
    with pytest.raises(FmuError, match="no answer within 1 s.*last good time 1.000000"):
        host.step(5.0, 1.0, (1.0, 25.0))
    assert time.monotonic() - begun < 5.0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert left_folders() <= before


def test_a_warning_goes_on(folder):
    with FmuHost(lag_fmu(folder, "warn", defines=["WARN"]), INPUTS, OUTPUTS) as host:
        host.open()
        assert host.step(5.0, 1.0, (10.0, 25.0))[1] == 10000.0


def test_refusals_say_why(folder, lag):
    assert "no linux64 binary" in inspect_fmu(lag_fmu(folder, "windows", platform="win64")).refusals[0]
    for kind, version, wanted in (("ModelExchange", "2.0", "ModelExchange only"), ("CoSimulation", "3.0", "FMI 3.0")):
        path = folder / f"{kind}{version}.fmu"
        with zipfile.ZipFile(lag) as old, zipfile.ZipFile(path, "w") as new:
            text = old.read("modelDescription.xml").decode().replace("<CoSimulation", f"<{kind}")
            new.writestr("modelDescription.xml", text.replace('fmiVersion="2.0"', f'fmiVersion="{version}"'))
        assert wanted in inspect_fmu(path).refusals[0]
        with pytest.raises(FmuError, match="cannot be run here"):
            FmuHost(path, (), ())


def test_hostile_and_broken_archives(folder, lag):
    (folder / "text.fmu").write_text("no archive")
    with pytest.raises(FmuError, match="not a readable FMU"):
        inspect_fmu(folder / "text.fmu")
    for number, name in enumerate(("../evil", "/evil", "a/../../evil", "..\\evil")):
        path = folder / f"evil{number}.fmu"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "x")
        with pytest.raises(FmuError, match="leave its folder"):
            inspect_fmu(path)
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(folder / "link.fmu", "w") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(FmuError, match="leave its folder"):
        inspect_fmu(folder / "link.fmu")
    with zipfile.ZipFile(folder / "bomb.fmu", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * (60 << 20))
    with pytest.raises(FmuError, match="unpack"):
        inspect_fmu(folder / "bomb.fmu")
    for name, text in (("empty", ""), ("entity", '<!DOCTYPE x [<!ENTITY a "b">]><x/>')):
        with zipfile.ZipFile(folder / f"{name}.fmu", "w") as archive:
            archive.writestr("modelDescription.xml", text)
        with pytest.raises(FmuError):
            inspect_fmu(folder / f"{name}.fmu")
    with pytest.raises(FmuError, match="no such file"):
        inspect_fmu(folder / "none.fmu")


def test_unknown_names_are_listed_together(lag):
    with pytest.raises(FmuError, match="x: no such variable; y: no such variable"):
        FmuHost(lag, ("x",), ("y",))


def test_a_secret_of_the_caller_does_not_reach_the_child(lag, monkeypatch):
    monkeypatch.setenv("TWIN_SECRET", "hidden")
    with FmuHost(lag, INPUTS, OUTPUTS) as host:
        host.open()
        environment = Path(f"/proc/{host._process.pid}/environ")
        if environment.exists():
            assert b"TWIN_SECRET" not in environment.read_bytes()
        assert host._process.pid != os.getpid()


def test_flags_without_state(folder):
    info = inspect_fmu(
        lag_fmu(
            folder, "stateless", flags={**STATE_FLAGS, "canGetAndSetFMUstate": "false", "canSerializeFMUstate": "false"}
        )
    )
    assert not info.can_get_state and not info.can_serialize
