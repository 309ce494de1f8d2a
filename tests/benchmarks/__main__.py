"""`make bench [ONLY=<name>]`: ratios measured in one run; no time before the answer matches a slower reference.

Writes benchmarks.json (name -> value, unit, baseline, ratio, cpu_s, peak_mb) and prints it as a table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tests.benchmarks import coupled_day

BENCHMARKS = {"gb300_su_day_s": coupled_day.measure}


def main() -> None:
    parser = argparse.ArgumentParser(description="benchmarks")
    parser.add_argument("--only", choices=sorted(BENCHMARKS))
    only = parser.parse_args().only
    file = Path("benchmarks.json")
    found = json.loads(file.read_text()) if file.exists() else {}
    for name, measure in BENCHMARKS.items():
        if only in (None, name):
            found[name] = measure()
            file.write_text(json.dumps(found, indent=1) + "\n")
    print("| benchmark | value | unit | baseline | ratio | CPU s | peak MB |\n|---|---|---|---|---|---|---|")
    for name, row in found.items():
        print(
            f"| {name} | {row['value']:.4g} | {row['unit']} | {row['baseline']} | {row['ratio']:.3g} "
            f"| {row['cpu_s']:.4g} "
            f"| {row['peak_mb']:.0f} |"
        )


if __name__ == "__main__":
    main()
