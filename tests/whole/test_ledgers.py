"""Holds when, 2: PUE and both ledgers recomputed from results.zarr alone; each exchange falsified breaks them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from tests.whole.factory import fork, run, scenario, warm
from twin.contract import SECOND
from twin.coupling import Coupling
from twin.kpi import compute_kpis
from twin.ledger import ELECTRICAL, THERMAL
from twin.simulate import Experiment, SavePolicy, simulate

LIMIT = 1e-6

# Terms of the ledgers written out again, so that this test reads nothing but the store.
SOURCE = (
    "electrical/utility_j",
    "electrical/generator_j",
    "electrical/battery_discharge_j",
    "electrical/holdup_discharge_j",
)
STORAGE = ("electrical/battery_charge_j", "electrical/holdup_charge_j")
MECHANICAL = (
    "tcs/cdu_pump_j",
    "tcs/cdu_controller_j",
    "fws/pump_j",
    "fws/controller_j",
    "fws/fan_j",
    "fws/chiller_j",
    "air/ahu_j",
)
REJECTED = (
    "fws/dry_cooler_rejected_j",
    "fws/chiller_rejected_j",
    "fws/tower_rejected_j",
    "fws/ambient_j",
    "fws/reused_j",
    "air/ahu_rejected_j",
    "air/ambient_j",
    "electrical/ambient_j",
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A faulted half hour on disk: utility loss with a failing generator, chiller and fans at work."""
    folder = tmp_path_factory.mktemp("run")
    done = simulate(scenario("utility-loss-generator-fails"), save=SavePolicy(folder))
    kpis = compute_kpis(done.results, done.plant, scenario("utility-loss-generator-fails"))
    (folder / "kpis.json").write_text(json.dumps(kpis))
    return folder


def counters(folder):
    group = zarr.open_group(str(folder / "results.zarr"), mode="r")["counters"]
    names = list(group.attrs["names"])
    values = np.asarray(group["values"])
    assert values.dtype == np.float64
    return np.asarray(group["time_s"]), {n: values[:, i] for i, n in enumerate(names)}


def total(columns, names):
    return sum(columns[n] for n in names if n in columns)


def test_pue_from_the_store_alone(stored):
    _, c = counters(stored)
    it = total(c, ("load/rack_j", "network/switch_j"))
    site = total(c, SOURCE[:2])
    pue = (site[-1] - site[0]) / (it[-1] - it[0])
    kpi = json.loads((stored / "kpis.json").read_text())["pue"]
    assert kpi["value"] == pytest.approx(pue, rel=1e-9)
    assert 1.0 + kpi["minus_one_sum"] == pytest.approx(pue, rel=1e-9)  # the items sum to it
    assert sum(v != 0 for v in kpi["minus_one_items"].values()) >= 8


def test_both_ledgers_close_over_the_run_and_in_the_worst_minute(stored):
    time_s, c = counters(stored)
    losses = total(c, [n for n in c if n.startswith("electrical/loss_")])
    electrical = (
        total(c, SOURCE)
        - total(c, ("load/rack_j", "network/switch_j"))
        - total(c, MECHANICAL)
        - losses
        - total(c, STORAGE)
    )
    heat_in = total(c, ("load/heat_j", "network/switch_j", "electrical/conversion_heat_j")) + total(c, MECHANICAL)
    held = total(c, [n for n in c if n.startswith(("tcs/stored", "fws/stored", "air/stored", "coupling/transit"))])
    thermal = heat_in - total(c, REJECTED) - held
    assert np.all(np.diff(time_s) == 60.0)
    for left, through in ((electrical, total(c, SOURCE)), (thermal, heat_in)):
        per_minute = np.diff(through)
        assert np.all(per_minute > 0)
        assert abs(left[-1] - left[0]) <= LIMIT * (through[-1] - through[0])
        assert np.max(np.abs(np.diff(left)) / per_minute) <= LIMIT


def test_battery_books_close(stored):
    _, c = counters(stored)
    change = c["electrical/stored_battery_j"] - c["electrical/stored_battery_j"][0]
    booked = c["electrical/battery_charge_j"] - c["electrical/battery_discharge_j"]  # at the cells
    assert np.max(np.abs(change - (booked - booked[0]))) <= 1.0  # J of some 1e8
    assert c["electrical/battery_discharge_j"][-1] > 1e6 and c["electrical/loss_battery_j"][-1] > 0


ELECTRIC = [
    ("electrical", p)
    for p in (
        "rack_power_w",
        "switch_power_w",
        "cdu_pump_power_w",
        "cdu_controller_power_w",
        "fws_pump_power_w",
        "fws_controller_power_w",
        "fan_power_w",
        "chiller_power_w",
        "ahu_power_w",
    )
]
HEAT = [("tcs", p) for p in ("gpu_heat_w", "cpu_heat_w", "nvswitch_heat_w", "rack_air_heat_w")] + [
    ("fws", "cdu_primary_heat_w"),
    ("air", "rack_room_heat_w"),
    ("air", "cdu_room_heat_w"),
    ("air", "switch_power_w"),
    ("air", "conversion_heat_j"),
]


@pytest.mark.parametrize(("consumer", "port"), ELECTRIC + HEAT)
def test_one_percent_on_one_side_of_an_exchange_breaks_its_ledger_by_that(consumer, port):
    """The consumer sees 1.01 of what the producer gave: the residual is 1 % of the exchange, and of no other size."""
    start = warm("window", at_s=120.0)
    until = 240.0
    done = fork(start, "window", until_s=until, experiment=Experiment(tamper={(consumer, port): 1.01}))
    table = done.results.counters
    ledger = ELECTRICAL if consumer == "electrical" else THERMAL
    left = ledger.residual_j(table)[-1]
    if port.endswith("_j"):
        # what the rooms received in these steps: the losses of the rooms' own equipment
        exchanged = done.results.total("electrical/conversion_heat_j") - done.results.total("electrical/ambient_j")
    else:
        time_s, watts = done.results.series(port, "1s")
        exchanged = float(watts.sum())
    assert abs(exchanged) > 0
    # a falsified exchange also shifts temperatures and controls, which the honest books follow: only 1 % is left over
    assert abs(left) == pytest.approx(0.01 * abs(exchanged), rel=0.02)


def test_every_exchange_of_the_model_is_in_the_list_above():
    """Power and heat that crosses from one component to another, found from the wiring itself."""
    done = run("window", until_s=60.0)
    from twin.wiring import build_components, plant_axes

    components = build_components(done.plant, scenario("window"))
    coupling = Coupling(components, plant_axes(done.plant, components), SECOND)
    crossing = {
        (c.name, p.name)
        for c in components
        for p in c.inputs
        if coupling.ports[p.name].kind in ("mean", "joules") and p.name.endswith(("_w", "_j"))
    }
    assert crossing == set(ELECTRIC + HEAT)
