"""The command `twin`: thin ways in to the functions of the product.

Exit status: 0 done, 1 the run failed or was stopped, 2 bad input (every problem listed).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from twin import cli_tables as tables
from twin.errors import SpecError, TwinError

app = typer.Typer(
    name="twin",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Digital twin of an AI factory: power, cooling, fabric and GPUs as one machine.",
)
fmu_app = typer.Typer(no_args_is_help=True, help="Inspect or run a functional mock-up unit.")
app.add_typer(fmu_app, name="fmu")

out = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True, highlight=False, soft_wrap=True)
AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of tables")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="override any value by its path")]


# Errors of usage (unknown option, missing argument); typer may carry its own copy of click.
USAGE: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def main() -> None:
    """Entry point: turns errors into messages and exit codes."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except SpecError as error:
        for problem in error.problems:
            err.print(str(problem), markup=False)
        err.print(f"{len(error.problems)} problem(s); nothing was written", markup=False)
        sys.exit(2)
    except TwinError as error:
        err.print(f"{type(error).__name__}: {error}", markup=False)
        sys.exit(1)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except typer.Abort:
        err.print("stopped", markup=False)
        sys.exit(1)
    except USAGE as error:
        error.show()
        sys.exit(2)


def say(value: Any, as_json: bool, table: Any) -> None:
    """Print a value as JSON or as its table(s)."""
    if as_json:
        sys.stdout.write(json.dumps(value, indent=1, default=str) + "\n")
    else:
        for part in table if isinstance(table, (list, tuple)) else [table]:
            out.print(part)


@app.command()
def init(
    name: Annotated[str | None, typer.Argument()] = None,
    folder: Annotated[Path | None, typer.Argument()] = None,
    as_json: AsJson = False,
) -> None:
    """Copy a reference project; without NAME list them."""
    from twin.spec.check import init_project
    from twin.spec.sources import list_projects

    if name is None:
        say(list(list_projects()), as_json, "\n".join(list_projects()))
        return
    written = init_project(name, folder)
    say([str(p) for p in written], as_json, "\n".join(str(p) for p in written))


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument()],
    resolved: Annotated[bool, typer.Option(help="print what results after base, overrides and catalogue")] = False,
    show_all: Annotated[bool, typer.Option("--all", help="print the clauses that are met too")] = False,
    as_json: AsJson = False,
) -> None:
    """Validate any spec: facility, workload, scenario or study."""
    from twin.file_check import check_files

    report = check_files(files, resolved=resolved)
    tables.print_check(report, as_json, out, err, show_all=show_all)
    raise typer.Exit(0 if report.ok else 2)


@app.command()
def run(
    facility: Annotated[str, typer.Argument(help="a reference project's name or a file")],
    scenario: Annotated[str | None, typer.Option(help="scenario file or name")] = None,
    duration: Annotated[str | None, typer.Option(help="such as 24h or 10min")] = None,
    step: Annotated[str | None, typer.Option(help="exchange step, such as 1s")] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    weather: Annotated[Path | None, typer.Option(help="weather file (EPW)")] = None,
    date: Annotated[str | None, typer.Option(help="'hottest' or a date of the weather year")] = None,
    trace: Annotated[Path | None, typer.Option(help="request trace: Azure 2023 CSV or Mooncake JSONL")] = None,
    set_: Sets = None,
    out_dir: Annotated[Path, typer.Option("--out", help="parent of the run folder")] = Path("runs"),
    usd: Annotated[bool, typer.Option(help="write the OpenUSD scene")] = True,
    as_json: AsJson = False,
) -> None:
    """Simulate one scenario of a facility and write its run folder."""
    from twin.run import RunRequest, free_folder, resolve, run_into

    sets = list(set_ or [])
    sets += [f"weather={weather.resolve()}"] if weather else []
    sets += [f"date={date}"] if date else []
    sets += [f"workload.trace={trace.resolve()}"] if trace else []
    sets += [f"clock.duration={duration}"] if duration else []
    sets += [f"clock.step={step}"] if step else []
    request = RunRequest(facility, scenario, None, None, seed, sets, usd)
    ready = resolve(request)
    folder = free_folder(out_dir, f"{ready.facility.name}-{ready.name}")
    with tables.Progress(err, ready, quiet=as_json) as shown:
        done = run_into(ready, folder, request=request, progress=shown.fraction, stage=shown.stage)
    tables.print_run(folder, done.stopped, as_json, out)
    raise typer.Exit(1 if done.stopped else 0)


@app.command()
def study(
    file: Annotated[Path, typer.Argument()],
    out_dir: Annotated[Path | None, typer.Option("--out")] = None,
    workers: Annotated[int | None, typer.Option(help="worker processes")] = None,
    resume: Annotated[bool, typer.Option(help="go on with an earlier start")] = False,
    set_: Sets = None,
    as_json: AsJson = False,
) -> None:
    """Run the members of a study on an embedded worker; nothing to install."""
    from twin.cli_study import study_on_worker
    from twin.spec.load import load_study

    ready = load_study(file, set_ or [])
    folder = out_dir or Path("runs") / ready.name
    with tables.StudyProgressBar(err, ready, quiet=as_json) as shown:
        result = study_on_worker(ready, folder, workers, resume, shown)
    tables.print_study(result, as_json, out)
    raise typer.Exit(1 if result.failed else 0)


@app.command()
def show(folder: Annotated[Path, typer.Argument(help="a run or study folder")], as_json: AsJson = False) -> None:
    """KPIs, events and headroom of a run or a study."""
    tables.show_folder(folder, as_json, out)


@app.command()
def compare(
    folders: Annotated[list[Path], typer.Argument(help="run folders, the reference first")], as_json: AsJson = False
) -> None:
    """KPIs side by side, and the events that later runs added, averted or moved."""
    tables.compare_folders(folders, as_json, out)


@app.command()
def usd(
    source: Annotated[str, typer.Argument(help="a run folder or a facility")],
    out_dir: Annotated[Path, typer.Option("--out")],
    as_json: AsJson = False,
) -> None:
    """Write the OpenUSD scene of a run or of a facility, and validate it."""
    from twin.views import scene_of

    path, findings = scene_of(source, out_dir)
    say(
        {"scene": str(path), "findings": findings},
        as_json,
        f"{path}\n" + ("no finding" if not findings else "\n".join(findings)),
    )
    raise typer.Exit(1 if findings else 0)


@app.command()
def fabric(facility: str, set_: Sets = None, as_json: AsJson = False) -> None:
    """Counts, bill of materials, bisection and N-1 of the network."""
    from twin.views import fabric_summary

    data = fabric_summary(facility, set_ or [])
    say(data, as_json, tables.nested("fabric", data))


@app.command()
def power(facility: str, set_: Sets = None, as_json: AsJson = False) -> None:
    """One-line, loading at the design point, single points of failure, availability."""
    from twin.views import power_summary

    data = power_summary(facility, set_ or [])
    say(data, as_json, tables.nested("power", data))


@app.command()
def cool(facility: str, set_: Sets = None, as_json: AsJson = False) -> None:
    """Design point of the cooling: flows, temperatures, approach, headroom on the design day."""
    from twin.views import cooling_summary

    data = cooling_summary(facility, set_ or [])
    say(data, as_json, tables.nested("cooling", data))


@app.command()
def catalogue(item: Annotated[str | None, typer.Argument()] = None, as_json: AsJson = False) -> None:
    """Equipment with the source of every number, and the failure modes."""
    from twin.spec.check import catalogue_table

    rows = catalogue_table(item)
    say(rows, as_json, tables.catalogue_tables(rows))


@fmu_app.command("inspect")
def fmu_inspect(file: Path, as_json: AsJson = False) -> None:
    """What an FMU is, offers and needs, and why it would be refused."""
    from twin.views import inspect_data

    data = inspect_data(file)
    say(data, as_json, tables.nested(file.name, data))


@fmu_app.command("run")
def fmu_run(
    file: Path,
    duration: Annotated[str, typer.Option()] = "60s",
    step: Annotated[str, typer.Option()] = "1s",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="VARIABLE=NUMBER")] = None,
    as_json: AsJson = False,
) -> None:
    """Step an FMU alone, in a child process, and print its outputs."""
    from twin.views import run_fmu_alone

    data = run_fmu_alone(file, duration, step, set_ or [])
    say(data, as_json, tables.nested(file.name, data))


@app.command()
def worker(concurrency: Annotated[int, typer.Option()] = 2, loglevel: Annotated[str, typer.Option()] = "INFO") -> None:
    """Run a worker on the broker and database that TWIN_BROKER_URL and TWIN_DATABASE_URL name."""
    from worker import run_worker

    raise typer.Exit(run_worker(concurrency, loglevel))


if __name__ == "__main__":
    main()
