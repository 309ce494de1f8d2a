"""Holds when, 3 and 5: forks are exact, the exchange step does not matter, seeds do."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.whole.factory import fork, kinds, run, scenario, tokens
from twin.contract import SECOND
from twin.simulate import SavePolicy, Snapshot, simulate

LOSS = "utility-loss-generator-fails"


def same(a, b, from_s=0.0):
    """Every recorded array of two runs, bit for bit, from an instant on."""
    for level in ("1s", "60s", "900s"):
        for name in a.results.arrays[level]:
            ta, tb = (np.asarray(r.results.arrays["time"][level]) for r in (a, b))
            va, vb = (np.asarray(r.results.arrays[level][name]) for r in (a, b))
            assert np.array_equal(va[ta > from_s], vb[tb > from_s]), (level, name)
    ca, cb = (r.results.counters[r.results.counters.index > from_s] for r in (a, b))
    assert ca.equals(cb)
    ea, eb = ([e for e in r.results.events if e["t_s"] >= from_s] for r in (a, b))
    assert ea == eb


@pytest.mark.parametrize("at_s", [310, 601])
def test_a_fork_equals_the_run_from_the_start_bit_for_bit(at_s, tmp_path):
    """Forked in the middle of an outage (generators cranking), through a snapshot on disk."""
    whole = run(LOSS)
    part = simulate(scenario(LOSS), until=at_s * SECOND)
    part.end.write(tmp_path / "snapshot.npz")
    forked = fork(Snapshot.read(tmp_path / "snapshot.npz"), LOSS, until_s=1800.0)
    same(whole, forked, float(at_s))
    assert forked.results.events, "something must happen after the fork"


def test_a_fork_at_noon_of_the_day_equals_the_whole_day(tmp_path):
    """The day shortened to the hour around noon (the state at 11:30 comes from the same warm-up)."""
    clock = ("clock.start=11:30", "clock.duration=1h")
    noon = 1800 * SECOND
    whole = simulate(scenario("day", *clock), save=SavePolicy(snapshots=(noon,)))
    forked = fork(whole.snapshots[noon], "day", *clock, until_s=3600.0)
    same(whole, forked, 1800.0)


def test_one_second_and_ten_milliseconds_give_the_same_events_and_tokens():
    """A minute without the utility, one generator failing to start, until both boards are back on the utility."""
    faults = "[{at: 20s, element: GEN1, mode: fail-to-start}, {at: 20s, element: UTIL, mode: outage, duration: 60s}]"
    window = (f"faults={faults}", "clock.duration=400s")
    coarse = run("window", *window)
    fine = run("window", *window, "clock.step=10ms")
    a, b = kinds(coarse), kinds(fine)
    assert sorted((e, k) for _, e, k in a) == sorted((e, k) for _, e, k in b)
    assert {"generator-start-failed", "ups-walk-in", "retransfer", "fws-pump-power-lost"} <= {k for _, _, k in a}
    at = {}
    for t, e, k in b:
        at.setdefault((e, k), []).append(t)
    late = [abs(t - at[e, k].pop(0)) for t, e, k in a]
    assert max(late) <= 0.010
    assert tokens(fine) == pytest.approx(tokens(coarse), rel=1e-4)
    # the exchange between racks, CDUs and plant tends to one system solved whole as its step goes to nothing
    for name in ("chip_c", "tcs_supply_c", "rack_return_c", "fws_supply_c"):
        apart = np.abs(coarse.results.series(name, "1s")[1] - fine.results.series(name, "1s")[1])
        assert float(apart.max()) <= 0.1, name


DIGEST = """
import hashlib, sys
import numpy as np
from tests.whole.factory import scenario
from twin.simulate import simulate
r = simulate(scenario("cdu-pump-trip-standby-fails", "clock.duration=6min", *sys.argv[1:]))
h = hashlib.sha256()
for name in sorted(r.results.arrays["1s"]):
    h.update(name.encode() + np.asarray(r.results.arrays["1s"][name]).tobytes())
h.update(r.results.counters.to_numpy().tobytes())
h.update(repr([e["id"] for e in r.results.events]).encode())
print(h.hexdigest())
"""


def digest(hash_seed, cache_dir, *overrides):
    env = os.environ | {"PYTHONHASHSEED": str(hash_seed), "NUMBA_CACHE_DIR": str(cache_dir)}
    done = subprocess.run(
        [sys.executable, "-c", DIGEST, *overrides],
        env=env,
        capture_output=True,
        text=True,
        cwd=os.fspath(__import__("pathlib").Path(__file__).parents[2]),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_same_seed_same_bits_with_empty_caches_and_other_hash_seeds(tmp_path):
    first = digest(1, tmp_path / "empty")  # compiles everything anew
    assert first == digest(77, tmp_path / "empty")
    assert first != digest(1, tmp_path / "empty", "seed=2")
    assert len(first) == hashlib.sha256().digest_size * 2
